"""CVD: what is pulse and what is noise in a map, told apart by swapping the noise of two clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.needs import InputNeeds
from rfacenet.models.rates import PRIOR_BEATS, centred
from rfacenet.models.resnet import ResNet18
from rfacenet.models.statistics import without_remembering
from rfacenet.models.stmap import CHANNELS, rows_by_frames

STEPS = 10
"""Time steps to which the features of the wave's head are pooled, whatever the clip's length."""


@dataclass(frozen=True, slots=True)
class CVDConfig:
    """What can be changed about CVD.

    Attributes:
        width: Channels of the first layer, a multiple of 4. 64 is the published network; less makes a network
            for small machines.
        rows_px: Height to which maps are resized, a multiple of 8. The weights of CVD's loss are made for
            320 rows and columns.
        columns_px: Width likewise. The first layers leave a quarter of it, which must still show the pulse.

    Raises:
        SettingsError: A value cannot work.
    """

    width: int = 64
    rows_px: int = 320
    columns_px: int = 320

    def __post_init__(self) -> None:
        for name, multiple, published in (("width", 4, 64), ("rows_px", 8, 320), ("columns_px", 8, 320)):
            value = getattr(self, name)
            if value < 2 * multiple or value % multiple:
                raise SettingsError(
                    f"CVD's {name} must be a multiple of {multiple}, {2 * multiple} at least, "
                    f"not {value}; {published} would work."
                )


class CVDOutput(NamedTuple):
    """What one forward pass gives; what only a loss needs is None outside training.

    A "pseudo map" is what the decoder makes of a clip's pulse features and another clip's noise features.

    Attributes:
        bvp: Pulse wave, ``(B, T)``.
        beats_per_frame: Heart rate, ``(B, 1)``.
        picture: The map, resized, from −1 to 1, ``(B, 6, height, width)``.
        decoded: What the decoder makes of it, likewise.
        pulse: Pulse features, ``(B, C, height/8, width/8)``.
        pseudo_pulse: Those of the clip's pseudo map.
        noise: The noise features that were put into the pseudo map, likewise.
        pseudo_noise: Those of the pseudo map.
        pseudo_beats_per_frame: Heart rate of the pseudo map, ``(B, 1)``.
    """

    bvp: Tensor
    beats_per_frame: Tensor
    picture: Tensor | None = None
    decoded: Tensor | None = None
    pulse: Tensor | None = None
    pseudo_pulse: Tensor | None = None
    noise: Tensor | None = None
    pseudo_noise: Tensor | None = None
    pseudo_beats_per_frame: Tensor | None = None


class CVD(nn.Module):
    """Multi-scale map to pulse wave and heart rate; in training also to maps with their noise swapped.

    The pulse is looked for by the ``estimator``, ``rate`` and ``wave`` (11.25 million parameters);
    ``noise_encoder`` and ``decoder`` work in training alone (1.09 million). The clip's length is free, as
    maps are resized, but a rate is learned as beats in the picture. The answer is the heart rate, as in the
    authors' evaluation; the wave, read from ten steps of time, is a second task that helps to learn it.

    Source: Niu, Yu, Han, Li, Shan, Zhao, "Video-based Remote Physiological Measurement via Cross-verified
        Feature Disentangling", ECCV 2020; layers as in its authors' code.
    Differs: a map of more frames than the picture has columns is averaged down in time, which the published
        ones of 300 frames are not. A pair is a clip of the batch and the next one, whose order is drawn
        anyway. Pseudo maps don't move the norms' running statistics, as they are not met outside training.
        Instance norms have no weights; where they stand, and the batch norms and ELUs of the wave's head,
        are choices which the published number of parameters fits.
    """

    Config: ClassVar = CVDConfig
    needs = InputNeeds(
        size_px=(63, 1), normalisation="map_rgb_yuv", label_form="rate", regions="areas", least_frames=32
    )

    def __init__(self, config: CVDConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CVDConfig()
        width, channels = config.width, CHANNELS["map_rgb_yuv"]
        self.estimator = ResNet18(channels, width=width, average=True)
        self.rate = nn.Linear(self.estimator.channels_out, 1)
        nn.init.constant_(self.rate.bias, PRIOR_BEATS)  # from 0, the way would take most of a first epoch
        self.wave = nn.Sequential(_stretch_time(4 * width, width, 3), _stretch_time(width, width // 2, 5))
        self.readout = nn.Conv2d(width // 2, 1, 1)
        self.noise_encoder = ResNet18(channels, "layer2", width, average=True)
        self.decoder = nn.Sequential(
            _ResidualBlock(2 * width),
            _double(2 * width, width),
            _double(width, width // 2),
            _double(width // 2, width // 4),
            nn.Conv2d(width // 4, channels, 7, padding=3),
            nn.Tanh(),
        )

    def forward(self, clip: Tensor) -> CVDOutput:
        """Pulse wave and heart rate of each clip, and in training what its loss needs.

        Args:
            clip: Multi-scale maps, ``(B, 6, T, 63, 1)``, 0 to 255.

        Raises:
            SettingsError: The network cannot take a clip of this shape; the message names one that it can.
        """
        self.needs.check(clip)
        frames, config = clip.shape[2], self.config
        picture = centred(rows_by_frames(clip))
        if frames > config.columns_px:
            picture = _fit_time(picture, config.columns_px)  # each frame counts, and noise is averaged down
        picture = nn.functional.interpolate(picture, (config.rows_px, config.columns_px), mode="bilinear")
        _, pulse, third, fourth = self.estimator.each_layer(picture)
        output = CVDOutput(self._wave(third, frames), self._beats(fourth) / frames)
        if not self.training:
            return output
        noise = self.noise_encoder(picture)
        other_noise = noise.roll(1, 0)
        decoded, pseudo = self.decoder(torch.cat([pulse + noise, pulse + other_noise])).chunk(2)
        with without_remembering(self):
            _, pseudo_pulse, _, fourth = self.estimator.each_layer(pseudo)
            pseudo_noise = self.noise_encoder(pseudo)
        pseudo_beats = self._beats(fourth) / frames
        return output._replace(
            picture=picture,
            decoded=decoded,
            pulse=pulse,
            pseudo_pulse=pseudo_pulse,
            noise=other_noise,
            pseudo_noise=pseudo_noise,
            pseudo_beats_per_frame=pseudo_beats,
        )

    def _beats(self, features: Tensor) -> Tensor:
        """Beats in a picture, ``(B, 1)``, of the last layer's features."""
        beats: Tensor = self.rate(features.mean((2, 3)))
        return beats

    def _wave(self, features: Tensor, frames: int) -> Tensor:
        """Pulse wave ``(B, frames)`` of the third layer's features."""
        along_time = _fit_time(features.mean(2, keepdim=True), STEPS)
        wave: Tensor = self.readout(_fit_time(self.wave(along_time), frames))
        return wave.flatten(1)


class _ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside the features themselves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.InstanceNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = features + self.residual(features)
        return changed


def _fit_time(features: Tensor, frames: int) -> Tensor:
    """Features ``(B, C, H, T)`` to so many frames, each the mean of those it overlaps (an adaptive pool)."""
    return nn.functional.adaptive_avg_pool2d(features, (features.shape[2], frames))


def _stretch_time(channels_in: int, channels_out: int, times: int) -> nn.Sequential:
    """Transposed convolution that makes time so many times as long, then batch norm and ELU."""
    return nn.Sequential(
        nn.ConvTranspose2d(channels_in, channels_out, (1, times), stride=(1, times)),
        nn.BatchNorm2d(channels_out),
        nn.ELU(),
    )


def _double(channels_in: int, channels_out: int) -> nn.Sequential:
    """Transposed convolution that doubles height and width, then instance norm and ReLU."""
    return nn.Sequential(
        nn.ConvTranspose2d(channels_in, channels_out, 3, stride=2, padding=1, output_padding=1),
        nn.InstanceNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )
