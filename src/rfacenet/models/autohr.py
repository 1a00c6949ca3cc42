"""AutoHR: a 3D convolutional network whose cells were found by a search."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from rfacenet.choices import suggest
from rfacenet.errors import SettingsError
from rfacenet.models.needs import InputNeeds
from rfacenet.models.temporal_difference import TemporalDifferenceConv3d

Link = tuple[int, int, str]
"""From which node, to which node, by which of ``OPERATIONS``."""

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

DEFAULT_CELL: tuple[Link, ...] = (
    (0, 1, "conv_1x5x5"),
    (0, 2, "tdc_0.2"),
    (1, 2, "identity"),
    (0, 3, "tdc_0.2"),
    (2, 3, "conv_5x1x1"),
)
"""What ``benchmarks/search_autohr.py`` found on simulated faces in 150 steps (seed 0).

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
        # JSON and YAML give lists, and equal cells must be equal configurations.
        object.__setattr__(self, "cell", tuple((start, end, name) for start, end, name in self.cell))
        for start, end, name in self.cell:
            if not 0 <= start < end <= NODES:
                raise SettingsError(
                    f"A link of AutoHR's cell must lead from a lower to a higher node of 0 to {NODES}, "
                    f"not from {start} to {end}; [0, 1, tdc_0.2] would work."
                )
            if name not in OPERATIONS:
                raise SettingsError(f"AutoHR has no operation '{name}'; {suggest(name, OPERATIONS)}")
        for node in range(1, NODES + 1):
            if all(end != node for _, end, _ in self.cell):
                raise SettingsError(
                    f"No link of AutoHR's cell leads to node {node}; "
                    f"[0, {node}, tdc_0.2] beside the others would work."
                )


class AutoHR(nn.Module):
    """Face clip to pulse wave: a stem, four blocks of two cells, and a decoder.

    Args:
        config: Width and cell.
        make_links: Links of a cell with so many channels, in place of the configuration's: for the search.

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
    needs = InputNeeds(frames_multiple=4)
    recreation: ClassVar[bool] = True

    def __init__(
        self,
        config: AutoHRConfig | None = None,
        make_links: Callable[[int], Iterable[tuple[int, int, nn.Module]]] | None = None,
    ) -> None:
        super().__init__()
        self.config = config = config or AutoHRConfig()
        width, wide = config.width, 2 * NODES * config.width

        def cell(channels_in: int) -> Cell:
            if make_links is not None:
                return Cell(channels_in, 2 * width, make_links(2 * width))
            links = ((start, end, operation(name, 2 * width)) for start, end, name in config.cell)
            return Cell(channels_in, 2 * width, links)

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


class Cell(nn.Module):
    """Nodes that add up what their links bring, joined along the channels: ``NODES`` times ``channels``.

    Args:
        channels_in: Channels of what comes in.
        channels: Channels of each node.
        links: From which node, to which node, and what does it; each node has one at least.
    """

    def __init__(self, channels_in: int, channels: int, links: Iterable[tuple[int, int, nn.Module]]) -> None:
        super().__init__()
        self.entry = nn.Sequential(
            nn.ReLU(), nn.Conv3d(channels_in, channels, 1, bias=False), nn.BatchNorm3d(channels)
        )
        starts, ends, operations = zip(*links, strict=True)
        self.starts: tuple[int, ...] = starts
        self.ends: tuple[int, ...] = ends
        self.operations = nn.ModuleList(operations)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, channels_in, T, H, W)`` to ``(B, NODES · channels, T, H, W)``."""
        nodes = [self.entry(features)]
        for node in range(1, NODES + 1):
            brought = [
                operation(nodes[start])
                for start, end, operation in zip(self.starts, self.ends, self.operations, strict=True)
                if end == node
            ]
            nodes.append(sum(brought[1:], brought[0]))
        return torch.cat(nodes[1:], 1)


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
