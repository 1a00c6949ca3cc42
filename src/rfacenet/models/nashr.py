"""NAS-HR: a convolutional network on maps of the face's colours, whose cells were found by a search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.cells import Cell, CellSpace, Link, MakeLinks, made
from rfacenet.models.inputs import RateOutput
from rfacenet.models.needs import InputNeeds
from rfacenet.models.rates import RateHead
from rfacenet.models.stmap import RANGE, rows_by_frames

NODES = 4
"""Nodes of a cell, numbered from 2; 0 and 1 are what the two cells before it, or the stem, give."""

HEAD_CHANNELS = 512
ROWS = 64
"""Rows that a map's are stretched to."""

OPERATIONS = (
    "max_pool_3",
    "avg_pool_3",
    "skip",
    "sep_conv_3",
    "sep_conv_5",
    "dil_conv_3",
    "dil_conv_5",
)
"""What a link can do; the paper's "none" is a link that is left out."""

SPACE = CellSpace("NAS-HR", 2, NODES, OPERATIONS, "sep_conv_3", ("normal", "reduction"))

DEFAULT_NORMAL: tuple[Link, ...] = (
    (0, 2, "max_pool_3"),
    (1, 2, "sep_conv_3"),
    (0, 3, "max_pool_3"),
    (2, 3, "avg_pool_3"),
    (0, 4, "avg_pool_3"),
    (1, 4, "sep_conv_5"),
    (0, 5, "avg_pool_3"),
    (1, 5, "sep_conv_5"),
)
DEFAULT_REDUCTION: tuple[Link, ...] = (
    (0, 2, "sep_conv_5"),
    (1, 2, "sep_conv_3"),
    (0, 3, "sep_conv_5"),
    (1, 3, "sep_conv_3"),
    (0, 4, "dil_conv_5"),
    (2, 4, "sep_conv_3"),
    (3, 5, "dil_conv_3"),
    (4, 5, "dil_conv_5"),
)
"""What ``benchmarks/search_cells.py nashr`` found on easy simulated faces in 100 steps (seed 0).

After so short a search, of a network of 4 channels and 4 cells, the operations' shares of a link still lie
close together, 8 to 20 % each; those kept have 14 to 20 %. docs/training.md has the command.
"""

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class NASHRConfig:
    """What can be changed about NAS-HR.

    Attributes:
        channels: Channels of the stem, and of a node of the first cell. 32 is the published network.
        cells: Cells one behind the other. Those a sixth, three and five sixths of the way halve the map, and
            their nodes have twice the channels of those before.
        normal: Links of a cell that keeps the map's size, each ``[from, to, operation]``: nodes 2 to 5 add up
            what their links bring; 1 is what the cell before gives, and 0 that before it.
        reduction: Links of a cell that halves the map; those from 0 and 1 do so.

    Raises:
        SettingsError: A number is less than 1, or a cell is no cell.
    """

    channels: int = 32
    cells: int = 6
    normal: tuple[Link, ...] = DEFAULT_NORMAL
    reduction: tuple[Link, ...] = DEFAULT_REDUCTION

    def __post_init__(self) -> None:
        for name, usual in (("channels", 32), ("cells", 6)):
            if getattr(self, name) < 1:
                raise SettingsError(
                    f"NAS-HR's {name} must be at least 1, not {getattr(self, name)}; {usual} would work."
                )
        for name in SPACE.cells:
            object.__setattr__(self, name, SPACE.checked(getattr(self, name), f"{name} cell"))

    @property
    def reductions(self) -> frozenset[int]:
        """Which cells halve the map, from 0."""
        return frozenset(sixths * self.cells // 6 for sixths in (1, 3, 5))


class NASHR(nn.Module):
    """Map of 15 regions to the heart rate: a stem, cells, and a mean over all that they see.

    Args:
        config: Channels and cells.
        make_links: What is on a cell's links, in place of the configuration's: for the search.

    Source: Lu, Han, "NAS-HR: Neural architecture search for heart rate estimation from face videos", Virtual
        Reality & Intelligent Hardware 3 (2021); where norms stand, its authors' code. Cells: Liu, Simonyan,
        Yang, "DARTS", ICLR 2019.
    Differs: a re-creation. The cells that the paper's search found are not published; the defaults are of the
        same space, which ``rfacenet.training.search`` found on simulated faces. The last layer gives how far
        the rate is from a mean one, not the rate itself, which trains from the first step on instead of first
        moving a bias. A map's rows are stretched to 64 and its frames left as they are, so that a longer
        clip, too, is read at its true rate. Of a map of odd size the larger half is kept. Links are not
        dropped at random in training.
    """

    Config: ClassVar = NASHRConfig
    space: ClassVar = SPACE
    needs = InputNeeds(
        regions="triangles", size_px=(15, 1), normalisation="map_rg_pos", label_form="rate", least_frames=60
    )
    recreation: ClassVar[bool] = True

    def __init__(self, config: NASHRConfig | None = None, make_links: MakeLinks | None = None) -> None:
        super().__init__()
        self.config = config = config or NASHRConfig()
        channels = config.channels
        self.stem = nn.Sequential(
            nn.BatchNorm2d(3),
            nn.Conv2d(3, channels, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.cells = nn.ModuleList()
        before_last, last, last_halved = channels, channels, False
        for number in range(config.cells):
            halves = number in config.reductions
            channels *= 2 if halves else 1
            links = _links(config, channels, halves, make_links)
            self.cells.append(TwoInputCell(before_last, last, channels, last_halved, links))
            before_last, last, last_halved = last, NODES * channels, halves
        self.head = nn.Sequential(
            nn.Conv2d(last, HEAD_CHANNELS, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(HEAD_CHANNELS)
        )
        self.readout = RateHead(HEAD_CHANNELS)

    def forward(self, clip: Tensor) -> RateOutput:
        """Heart rate of each clip.

        Args:
            clip: Maps, ``(B, 3, T, 15, 1)``, 0 to 255.

        Returns:
            One rate a clip, ``(B, 1)``.

        Raises:
            SettingsError: The network cannot take a clip of this shape; the message names one that it can.
        """
        self.needs.check(clip)
        mean, std = clip.new_tensor((_IMAGENET_MEAN, _IMAGENET_STD))[..., None, None]
        picture = (rows_by_frames(clip) / RANGE - mean) / std
        picture = nn.functional.interpolate(picture, (ROWS, picture.shape[-1]), mode="bilinear")
        before_last = last = self.stem(picture)
        for cell in self.cells:
            before_last, last = last, cell(before_last, last)
        return RateOutput(self.readout(self.head(last).mean((2, 3)))[:, None])


class TwoInputCell(Cell):
    """A cell that sees what the two cells before it give: ``NODES`` times ``channels`` come out.

    Args:
        before_last: Channels of what the last cell but one gives.
        last: Channels of what the last cell gives.
        channels: Channels of each node.
        last_halved: Whether the last cell halved the map, so that what the one before it gives is too large.
        links: See ``Cell.take``.
    """

    def __init__(
        self,
        before_last: int,
        last: int,
        channels: int,
        last_halved: bool,
        links: Iterable[tuple[int, int, nn.Module]],
    ) -> None:
        super().__init__()
        self.entries = nn.ModuleList(
            [_brought(before_last, channels, 2 if last_halved else 1), _brought(last, channels, 1)]
        )
        self.take(links)

    def forward(self, before_last: Tensor, last: Tensor) -> Tensor:
        """What the two cells before give, ``(B, channels, H, W)`` each, to one map."""
        entry, last_entry = self.entries
        return self.joined([entry(before_last), last_entry(last)])


class Halving(nn.Module):
    """Two 1×1 convolutions that share out the channels: one sees every other pixel, the other those between.

    Args:
        channels_in: Channels of what comes in.
        channels: Channels of what goes out.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(channels_in, channels - channels // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(channels_in, channels // 2, 1, stride=2, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, channels_in, H, W)`` to ``(B, channels, ⌈H/2⌉, ⌈W/2⌉)``; beyond its edge there is 0."""
        moved = nn.functional.pad(features, (0, 1, 0, 1))[:, :, 1:, 1:]
        return torch.cat([self.even(features), self.odd(moved)], 1)


def operation(name: str, channels: int, stride: int) -> nn.Module:
    """One of ``OPERATIONS`` on a map ``(B, channels, H, W)``, which it keeps or, with stride 2, halves."""
    kernel = int(name[-1]) if name != "skip" else 1
    if name == "max_pool_3":
        return nn.Sequential(nn.MaxPool2d(3, stride, padding=1), nn.BatchNorm2d(channels))
    if name == "avg_pool_3":
        pool = nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
        return nn.Sequential(pool, nn.BatchNorm2d(channels))
    if name == "skip":
        return nn.Identity() if stride == 1 else _brought(channels, channels, 2)
    if name.startswith("dil"):
        return nn.Sequential(*_separable(channels, kernel, stride, dilation=2))
    return nn.Sequential(*_separable(channels, kernel, stride), *_separable(channels, kernel, 1))


def _links(
    config: NASHRConfig, channels: int, halves: bool, make_links: MakeLinks | None
) -> Iterator[tuple[int, int, nn.Module]]:
    def make(name: str, start: int) -> nn.Module:
        return operation(name, channels, 2 if halves and start < SPACE.inputs else 1)

    cell = "reduction" if halves else "normal"
    yield from made(getattr(config, cell), make) if make_links is None else make_links(cell, make)


def _brought(channels_in: int, channels: int, stride: int) -> nn.Sequential:
    """What brings a map to so many channels, and with stride 2 to half its size."""
    plain = nn.Conv2d(channels_in, channels, 1, bias=False)
    return nn.Sequential(
        nn.ReLU(), plain if stride == 1 else Halving(channels_in, channels), nn.BatchNorm2d(channels)
    )


def _separable(channels: int, kernel: int, stride: int, dilation: int = 1) -> list[nn.Module]:
    """A convolution of each channel alone, then one across them."""
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ]
