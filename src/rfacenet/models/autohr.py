"""AutoHR: a 3D convolutional network whose cells were found by a search."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.cells import Cell, CellSpace, Link, MakeLinks, made
from rfacenet.models.needs import InputNeeds
from rfacenet.models.temporal_difference import TemporalDifferenceConv3d

NODES = 3
"""Nodes of a cell, numbered from 1; 0 is what comes in."""

_KERNELS = {
    "conv_3x3x3": (3, 3, 3),
    "conv_1x3x3": (1, 3, 3),
    "conv_1x5x5": (1, 5, 5),
    "conv_3x1x1": (3, 1, 1),
    "conv_5x1x1": (5, 1, 1),
}
_THETAS = {"tdc_0.2": 0.2, "tdc_1.0": 1.0}

OPERATIONS = ("identity", *_KERNELS, *_THETAS)
"""What a link can do; the paper's "zero" is a link that is left out."""

SPACE = CellSpace("AutoHR", 1, NODES, OPERATIONS, "tdc_0.2", ("cell",))

DEFAULT_CELL: tuple[Link, ...] = (
    (0, 1, "conv_1x5x5"),
    (0, 2, "tdc_0.2"),
    (1, 2, "identity"),
    (0, 3, "tdc_0.2"),
    (2, 3, "conv_5x1x1"),
)
"""What ``benchmarks/search_cells.py autohr`` found on simulated faces in 150 steps (seed 0).

After so short a search the operations' shares of a link still lie close together, 8 to 15 % each.
"""


@dataclass(frozen=True, slots=True)
class AutoHRConfig:
    """What can be changed about AutoHR.

    Attributes:
        width: Channels of the first layer. A node of a cell has twice as many, and the decoder six times.
            8 is the published network; less makes a network for small machines.
        cell: Links of the cell, each ``[from, to, operation]``: nodes 1 to 3 add up what their links bring,
            and 0 is what comes in. All eight cells are alike.

    Raises:
        SettingsError: ``width`` is less than 1, or ``cell`` is no cell.
    """

    width: int = 8
    cell: tuple[Link, ...] = DEFAULT_CELL

    def __post_init__(self) -> None:
        if self.width < 1:
            raise SettingsError(f"AutoHR's width must be at least 1, not {self.width}; 8 would work.")
        object.__setattr__(self, "cell", SPACE.checked(self.cell))


class AutoHR(nn.Module):
    """Face clip to pulse wave: a stem, four blocks of two cells, and a decoder.

    Args:
        config: Width and cell.
        make_links: What is on a cell's links, in place of the configuration's: for the search.

    Source: Yu, Li, Niu, Shi, Zhao, "AutoHR: A Strong End-to-End Baseline for Remote Heart Rate Measurement
        With Neural Searching", IEEE SPL 2020 (arXiv 2004.12292): operations, nodes and blocks.
    Differs: a re-creation. The cell that the paper's search found is not published; the default is one of the
        same space, which ``rfacenet.training.search`` found on simulated faces. Where height, width
        and time are halved was not found either; here as in the same author's PhysNet: between the blocks by
        a max pool as the stem's, of which the first two halve time as well, and the two transposed
        convolutions double it again. Nodes have 16 channels throughout, as three of them make the decoder's
        48; a 1×1×1 convolution brings what comes into a cell to these, as in DARTS.
    """

    Config: ClassVar = AutoHRConfig
    space: ClassVar = SPACE
    needs = InputNeeds(frames_multiple=4)
    recreation: ClassVar[bool] = True

    def __init__(
        self,
        config: AutoHRConfig | None = None,
        make_links: MakeLinks | None = None,
    ) -> None:
        super().__init__()
        self.config = config = config or AutoHRConfig()
        width, wide = config.width, 2 * NODES * config.width

        def make(name: str, start: int) -> nn.Module:
            return operation(name, 2 * width)

        def cell(channels_in: int) -> OneInputCell:
            links = made(config.cell, make) if make_links is None else make_links("cell", make)
            return OneInputCell(channels_in, 2 * width, links)

        self.trunk = nn.Sequential(
            nn.Conv3d(3, width, (1, 5, 5), padding=(0, 2, 2), bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
            _pool(frames=1),
            cell(width),
            cell(wide),
            _pool(frames=2),
            cell(wide),
            cell(wide),
            _pool(frames=2),
            cell(wide),
            cell(wide),
            _pool(frames=1),
            cell(wide),
            cell(wide),
            _double_frames(wide),
            _double_frames(wide),
        )
        self.readout = nn.Conv3d(wide, 1, 1)

    def forward(self, clip: Tensor) -> Tensor:
        """Pulse wave of each clip.

        Args:
            clip: Normalised frames, ``(B, 3, T, H, W)``.

        Returns:
            Pulse wave ``(B, T)``, no unit.

        Raises:
            SettingsError: The network cannot take a clip of this shape; the message names one that it can.
        """
        self.needs.check(clip)
        wave: Tensor = self.readout(self.trunk(clip).mean((3, 4), keepdim=True))
        return wave.flatten(1)


class OneInputCell(Cell):
    """A cell with one input: ``NODES`` times ``channels`` come out.

    Args:
        channels_in: Channels of what comes in.
        channels: Channels of each node.
        links: See ``Cell.take``.
    """

    def __init__(self, channels_in: int, channels: int, links: Iterable[tuple[int, int, nn.Module]]) -> None:
        super().__init__()
        self.entry = nn.Sequential(
            nn.ReLU(), nn.Conv3d(channels_in, channels, 1, bias=False), nn.BatchNorm3d(channels)
        )
        self.take(links)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, channels_in, T, H, W)`` to ``(B, NODES · channels, T, H, W)``."""
        return self.joined([self.entry(features)])


def operation(name: str, channels: int) -> nn.Module:
    """One of ``OPERATIONS``, which keeps the shape of a map ``(B, channels, T, H, W)``."""
    if name == "identity":
        return nn.Identity()
    if name in _THETAS:
        convolution: nn.Module = TemporalDifferenceConv3d(channels, channels, _THETAS[name])
    else:
        frames, height, width = kernel = _KERNELS[name]
        half = (frames // 2, height // 2, width // 2)
        convolution = nn.Conv3d(channels, channels, kernel, padding=half, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm3d(channels))


def _pool(frames: int) -> nn.Module:
    """Pool that halves height and width, and divides time by ``frames``."""
    return nn.MaxPool3d((frames, 3, 3), (frames, 2, 2), (0, 1, 1))


def _double_frames(channels: int) -> nn.Sequential:
    """Transposed convolution that doubles T alone, then batch norm and ELU, as in PhysNet."""
    return nn.Sequential(
        nn.ConvTranspose3d(channels, channels, (4, 1, 1), stride=(2, 1, 1), padding=(1, 0, 0), bias=False),
        nn.BatchNorm3d(channels),
        nn.ELU(),
    )
