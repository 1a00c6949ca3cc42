"""Dual-GAN: a wave from a map, taught beside generators of clean maps and of their noise."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.needs import InputNeeds
from rfacenet.models.rates import PRIOR_BEATS, centred
from rfacenet.models.stmap import CHANNELS, rows_by_frames
from rfacenet.types import N_REGIONS

ROWS = N_REGIONS["blocks"]
COLOURS = CHANNELS["map_yuv"]
SHRINKS = 16
"""How many times four ConvBlocks shorten time."""

CLIP_FRAMES = 256
"""Frames of the published clip; heart rates are learned as beats in so many."""


@dataclass(frozen=True, slots=True)
class DualGANConfig:
    """What can be changed about Dual-GAN.

    Attributes:
        width: Channels of the first layer, an even number. 64 is the published network; less makes a network
            for small machines.

    Raises:
        SettingsError: ``width`` is not a positive even number.
    """

    width: int = 64

    def __post_init__(self) -> None:
        if self.width < 2 or self.width % 2:
            raise SettingsError(
                f"Dual-GAN's width must be a positive even number, not {self.width}; 64 would work."
            )


class DualGANOutput(NamedTuple):
    """What one forward pass gives.

    Attributes:
        bvp: Pulse wave, ``(B, T)``.
        beats_per_frame: Heart rate, ``(B, 1)``.
    """

    bvp: Tensor
    beats_per_frame: Tensor


class DualGAN(nn.Module):
    """Map to pulse wave and heart rate, by the ``estimator`` alone; its other parts are for training.

    ``pulse_generator`` makes a clean map of a wave, ``noise_generator`` makes of random numbers what a real
    map has besides, and ``discriminator`` tells whether a map and a wave are real and belong together.

    Source: Lu, Han, Zhou, "Dual-GAN: Joint BVP and Noise Modeling for Remote Physiological Measurement", CVPR
        2021: blocks, their channels and order, ROI-AF.
    Differs: a re-creation; no code is public. Ours are: the last UpBlock of a wave or a map ends in its
        second convolution, as a ReLU would cut half of a wave off, and what rows a wave is left with are
        averaged; an UpBlock of a generator doubles rows as well and keeps them, and the first 25 of the 32
        are the map; a transposed convolution keeps the channels; in ROI-AF, kernels of 3 frames that align
        and of 1 that fuse, and a gate that is a sigmoid of the fused features' means; random numbers in
        ``width`` channels of 2 rows and a sixteenth of the frames; maps from −1 to 1; clips of 256 frames, as
        300 are no multiple of 16.
    """

    Config: ClassVar = DualGANConfig
    needs = InputNeeds(
        frames_multiple=SHRINKS,
        least_frames=2 * SHRINKS,
        size_px=(ROWS, 1),
        normalisation="map_yuv",
        label_form="wave",
        regions="blocks",
    )
    recreation: ClassVar[bool] = True

    def __init__(self, config: DualGANConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DualGANConfig()
        self.estimator = Estimator(config.width)
        self.pulse_generator = PulseGenerator(config.width)
        self.noise_generator = NoiseGenerator(config.width)
        self.discriminator = Discriminator(config.width)

    def forward(self, clip: Tensor) -> DualGANOutput:
        """Pulse wave and heart rate of each clip.

        Args:
            clip: Maps, ``(B, 3, T, 25, 1)``, 0 to 255.

        Raises:
            SettingsError: The network cannot take a clip of this shape; the message names one that it can.
        """
        self.needs.check(clip)
        output: DualGANOutput = self.estimator(picture_of(clip))
        return output


def picture_of(clip: Tensor) -> Tensor:
    """Maps ``(B, 3, T, 25, 1)`` as the network's parts take and make them: ``(B, 3, 25, T)``, −1 to 1."""
    return centred(rows_by_frames(clip))


class Estimator(nn.Module):
    """Map ``(B, 3, 25, T)`` to pulse wave and heart rate."""

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = [COLOURS, width, 2 * width, 4 * width, 8 * width]
        self.shrink = nn.Sequential()
        rows = ROWS
        for channels_in, channels_out in pairwise(channels):
            self.shrink.append(AlignAndFuse(rows, channels_in))
            self.shrink.append(_shrink(channels_in, channels_out))
            rows = -(-rows // 2)
        self.grow = _grow_all([8 * width, 4 * width, 2 * width, width, 1], rows_times=1, rows_stride=2)
        self.rate = nn.Sequential(_shrink(8 * width, 8 * width), _shrink(8 * width, 8 * width))
        self.readout = nn.Linear(8 * width, 1)
        nn.init.constant_(self.readout.bias, PRIOR_BEATS)  # as in ``RateHead``

    def forward(self, picture: Tensor) -> DualGANOutput:
        """Pulse wave ``(B, T)`` and heart rate ``(B, 1)``."""
        features = self.shrink(picture)
        beats = self.readout(self.rate(features).mean((2, 3)))
        return DualGANOutput(self.grow(features).mean((1, 2)), beats / CLIP_FRAMES)


class PulseGenerator(nn.Module):
    """Pulse wave ``(B, T)`` to the map ``(B, 3, 25, T)`` of a face that shows nothing else."""

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = [1, width // 2, width, 2 * width, 4 * width]
        self.shrink = nn.Sequential(*(_shrink(before, after) for before, after in pairwise(channels)))
        self.grow = _grow_all([4 * width, 4 * width, 2 * width, width, COLOURS])

    def forward(self, wave: Tensor) -> Tensor:
        """The map of each wave."""
        picture: Tensor = self.grow(self.shrink(_in_rows(wave)))
        return picture[:, :, :ROWS]


class NoiseGenerator(nn.Module):
    """Random numbers to what a map ``(B, 3, 25, T)`` has besides the pulse."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.grow = _grow_all([width, width, 2 * width, width, COLOURS])

    def draw(self, batch: int, frames: int, device: torch.device) -> Tensor:
        """The noise of so many maps, of fresh random numbers."""
        rows = -(-ROWS // SHRINKS)
        return self.forward(torch.randn(batch, self.width, rows, frames // SHRINKS, device=device))

    def forward(self, numbers: Tensor) -> Tensor:
        """The noise that numbers ``(B, width, 2, T/16)`` stand for."""
        picture: Tensor = self.grow(numbers)
        return picture[:, :, :ROWS]


class Discriminator(nn.Module):
    """Map ``(B, 3, 25, T)`` and pulse wave ``(B, T)`` to how real both together are, ``(B, 1)``, a logit."""

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = [COLOURS + 1, width, width, 2 * width, 4 * width, 8 * width]
        self.shrink = nn.Sequential(*(_shrink(before, after) for before, after in pairwise(channels)))
        self.readout = nn.Linear(8 * width, 1)

    def forward(self, picture: Tensor, wave: Tensor) -> Tensor:
        """Above 0 where they look real."""
        features = self.shrink(torch.cat([picture, _in_rows(wave)], 1))
        logit: Tensor = self.readout(features.mean((2, 3)))
        return logit


class AlignAndFuse(nn.Module):
    """ROI-AF: shifts each row in time by a convolution of its own, then mixes rows and channels."""

    def __init__(self, rows: int, channels: int) -> None:
        super().__init__()
        both = rows * channels
        self.align = nn.Conv1d(both, both, 3, padding=1, groups=rows)
        self.fuse = nn.Conv1d(both, both, 1)
        self.gate = nn.Linear(both, both)

    def forward(self, picture: Tensor) -> Tensor:
        """Features ``(B, C, rows, T)`` to such features."""
        by_row = picture.transpose(1, 2)
        fused = self.fuse(self.align(by_row.flatten(1, 2)))
        gated: Tensor = fused * torch.sigmoid(self.gate(fused.mean(2)))[:, :, None]
        return gated.reshape(by_row.shape).transpose(1, 2)


def _in_rows(wave: Tensor) -> Tensor:
    """A wave ``(B, T)`` in every row of a map of one channel, ``(B, 1, 25, T)``."""
    return wave[:, None, None, :].expand(-1, -1, ROWS, -1)


def _shrink(channels_in: int, channels_out: int) -> nn.Sequential:
    """ConvBlock: halves rows and time."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1),
        nn.BatchNorm2d(channels_out),
        nn.Conv2d(channels_out, channels_out, 3, padding=1),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


def _grow_all(channels: list[int], rows_times: int = 2, rows_stride: int = 1) -> nn.Sequential:
    """UpBlocks between these channels, the last one without its last norm and ReLU.

    Args:
        channels: Before the first block, and after each.
        rows_times: How many times the transposed convolution multiplies rows; it doubles time.
        rows_stride: How many times fewer rows the convolution after it leaves.
    """
    *others, last = (_grow(before, after, rows_times, rows_stride) for before, after in pairwise(channels))
    return nn.Sequential(*others, last[:-2])


def _grow(channels_in: int, channels_out: int, rows_times: int, rows_stride: int) -> nn.Sequential:
    """UpBlock; see ``_grow_all``."""
    return nn.Sequential(
        nn.ConvTranspose2d(channels_in, channels_in, (rows_times, 2), stride=(rows_times, 2)),
        nn.Conv2d(channels_in, channels_out, 3, stride=(rows_stride, 1), padding=1),
        nn.BatchNorm2d(channels_out),
        nn.Conv2d(channels_out, channels_out, 3, padding=1),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )
