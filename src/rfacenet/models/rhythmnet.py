"""RhythmNet: a residual network on spatio-temporal maps, and a recurrent unit over consecutive clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.needs import InputNeeds
from rfacenet.models.rates import RateHead, centred
from rfacenet.models.resnet import ResNet18
from rfacenet.models.stmap import rows_by_frames, stretched

MASKED = (1 / 30, 1 / 10)
"""Shares of a clip's frames between which a mask's length is drawn: 10 to 30 of 300."""


@dataclass(frozen=True, slots=True)
class RhythmNetConfig:
    """What can be changed about RhythmNet.

    Attributes:
        width: Channels of ResNet-18's first layer; features of a clip follow from it (64: 1000). 64 is the
            published network; less makes a network for small machines.
        clip_frames: Frames of a clip.
        n_clips: Fewest clips that the recurrent unit is given.
        stride_frames: Frames from the start of a clip to that of the next: half a second at 30 Hz.

    Raises:
        SettingsError: A value is less than 1, or ``clip_frames`` is no multiple of ``stride_frames``.
    """

    width: int = 64
    clip_frames: int = 300
    n_clips: int = 6
    stride_frames: int = 15

    def __post_init__(self) -> None:
        for name, works in (("width", 64), ("clip_frames", 300), ("n_clips", 6), ("stride_frames", 15)):
            if getattr(self, name) < 1:
                raise SettingsError(
                    f"RhythmNet's {name} must be at least 1, not {getattr(self, name)}; {works} would work."
                )
        if self.clip_frames % self.stride_frames:
            raise SettingsError(
                f"RhythmNet's clip_frames must be a multiple of its stride_frames, {self.stride_frames}, not "
                f"{self.clip_frames}; {(self.clip_frames // self.stride_frames + 1) * self.stride_frames} "
                "would work."
            )

    @property
    def features(self) -> int:
        """Features of a clip: ResNet-18's 1000 at its full width."""
        return max(1, 1000 * self.width // 64)

    @property
    def frames(self) -> int:
        """Frames from the start of the first clip to the end of the last."""
        return self.clip_frames + (self.n_clips - 1) * self.stride_frames


class RhythmNetOutput(NamedTuple):
    """What RhythmNet gives.

    Attributes:
        beats_per_frame: Heart rate of each clip, with the clips before it in mind, ``(B, K)``.
        alone: That of each clip by itself, ``(B, K)``; only in training.
    """

    beats_per_frame: Tensor
    alone: Tensor | None


class RhythmNet(nn.Module):
    """Spatio-temporal map to the heart rate of each of its clips.

    The map is cut into clips that overlap, and each row of a clip is stretched anew from 0 to 255, as if the
    clip had been read by itself. In training, half of the clips lose 1/30 to 1/10 of their frames, side by
    side, as they would where no face is found: there the map is 0.

    Source: Niu, Shan, Han, Chen, "RhythmNet: End-to-End Heart Rate Estimation From Face via
        Spatial-Temporal Representation", IEEE TIP 29 (2020), arXiv 1910.11515: ResNet-18 with its 1000
        outputs, a heart rate from these, and a recurrent unit of one layer over 6 clips of 300 frames.
    Differs: weights are fresh, not ImageNet's. The map is not enlarged; its values are brought to −1 to 1. A
        fresh network answers near 72 beats per minute (see ``RateHead``). The recurrent unit has as many
        states as a clip has features, which gives 17.70 million parameters in all.
    """

    Config: ClassVar = RhythmNetConfig

    def __init__(self, config: RhythmNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RhythmNetConfig()
        self.needs = InputNeeds(
            frames_multiple=config.stride_frames,
            least_frames=config.frames,
            size_px=(25, 1),
            normalisation="map_yuv",
            label_form="rate",
            regions="blocks",
        )
        self.trunk = ResNet18(width=config.width)
        self.embedding = nn.Linear(self.trunk.channels_out, config.features)
        self.head_alone = RateHead(config.features)
        self.recurrent = nn.GRU(config.features, config.features, batch_first=True)
        self.head = RateHead(config.features)

    def forward(self, clip: Tensor) -> RhythmNetOutput:
        """Heart rates of the clips in a map.

        Args:
            clip: Maps ``(B, 3, T, 25, 1)``, 0 to 255.

        Returns:
            Heart rates of the K clips that T frames hold; see ``RhythmNetOutput``.

        Raises:
            SettingsError: The network cannot take a map of this shape; the message names one that it can.
        """
        self.needs.check(clip)
        clips = self.clips_of(clip)
        n_clips = clips.shape[0] // clip.shape[0]
        if self.training:
            clips = _with_gaps(clips)
        features = self.embedding(self.trunk(centred(rows_by_frames(clips))).mean((2, 3)))
        features = features.unflatten(0, (-1, n_clips))
        states, _ = self.recurrent(features)
        return RhythmNetOutput(self.head(states), self.head_alone(features) if self.training else None)

    def clips_of(self, clip: Tensor) -> Tensor:
        """Maps ``(B, 3, T, 25, 1)`` to their clips, ``(B·K, 3, clip_frames, 25, 1)``, stretched."""
        parts = clip.unfold(2, self.config.clip_frames, self.config.stride_frames)  # (B, 3, K, 25, 1, frames)
        return stretched(parts.permute(0, 2, 1, 5, 3, 4).flatten(0, 1))


def _with_gaps(clips: Tensor) -> Tensor:
    """Clips ``(N, C, T, rows, 1)``, of which half have a gap of zeros."""
    batch, frames = clips.shape[0], clips.shape[2]
    chance, share, place = torch.rand(3, batch, 1, device=clips.device)
    low, high = (round(part * frames) for part in MASKED)
    length = (low + share * (high - low + 1)).floor()
    start = (place * (frames - length + 1)).floor()
    t = torch.arange(frames, device=clips.device)
    gap = (chance < 0.5) & (start <= t) & (t < start + length)
    return clips.masked_fill(gap[:, None, :, None, None], 0.0)
