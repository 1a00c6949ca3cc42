"""ST-Attention: a residual network on spatio-temporal maps that weighs channels, and places in the map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.inputs import RateOutput
from rfacenet.models.needs import InputNeeds
from rfacenet.models.rates import RateHead, centred
from rfacenet.models.resnet import ResNet18
from rfacenet.models.stmap import rows_by_frames

REDUCTION = 16
"""Channels to one value of what channel attention has in between."""


@dataclass(frozen=True, slots=True)
class STAttentionConfig:
    """What can be changed about ST-Attention.

    Attributes:
        width: Channels of ResNet-18's first layer. 64 is the published network; less makes a network for
            small machines.

    Raises:
        SettingsError: ``width`` is less than 1.
    """

    width: int = 64

    def __post_init__(self) -> None:
        if self.width < 1:
            raise SettingsError(f"ST-Attention's width must be at least 1, not {self.width}; 64 would work.")


class STAttention(nn.Module):
    """Spatio-temporal map to one heart rate.

    Training changes the speed of maps so that heart rates occur about equally often, which is
    ``rfacenet.training.augmentation``'s work.

    Source: Niu, Zhao, Han, Das, Dantcheva, Shan, Chen, "Robust Remote Heart Rate Estimation from Face
        Utilizing Spatial-temporal Attention", FG 2019: ResNet-18 on maps of 25 regions, attention to channels
        and then to places, heart rates balanced by resampling. Attention: Woo, Park, Lee, Kweon, "CBAM",
        ECCV 2018, Sec. 3.
    Differs: a re-creation, as the paper is not to be had in full. Chosen: attention after each of the four
        stages, a sixteenth of the channels in between, a 7×7 convolution; no batch norm in attention; a mean
        over what is left of the map; fresh weights, values from −1 to 1, and a fresh network that answers
        near 72 beats per minute (see ``RateHead``).
    """

    Config: ClassVar = STAttentionConfig
    needs = InputNeeds(
        size_px=(25, 1), normalisation="map_yuv", label_form="rate", regions="blocks", least_frames=32
    )
    recreation: ClassVar[bool] = True

    def __init__(self, config: STAttentionConfig | None = None) -> None:
        super().__init__()
        self.config = config or STAttentionConfig()
        width = self.config.width
        trunk = ResNet18(width=width)
        self.stem = trunk.stem
        self.stages = nn.Sequential()
        for i in range(4):
            blocks = trunk.layers[2 * i : 2 * i + 2]
            self.stages.append(nn.Sequential(blocks, ChannelAttention(width << i), PlaceAttention()))
        self.head = RateHead(trunk.channels_out)

    def forward(self, clip: Tensor) -> RateOutput:
        """Heart rate of each map.

        Args:
            clip: Maps ``(B, 3, T, 25, 1)``, 0 to 255.

        Returns:
            One heart rate for the whole of T, ``(B, 1)``.

        Raises:
            SettingsError: The network cannot take a map of this shape; the message names one that it can.
        """
        self.needs.check(clip)
        features = self.stages(self.stem(centred(rows_by_frames(clip))))
        return RateOutput(self.head(features.mean((2, 3)))[:, None])


class ChannelAttention(nn.Module):
    """Weighs each channel of ``(B, C, H, W)`` from 0 to 1 by its mean and its highest value.

    Source: Woo et al., "CBAM", ECCV 2018, Eq. 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        between = max(1, channels // REDUCTION)
        self.score = nn.Sequential(
            nn.Linear(channels, between, bias=False), nn.ReLU(), nn.Linear(between, channels, bias=False)
        )

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        score: Tensor = self.score(features.mean((2, 3))) + self.score(features.amax((2, 3)))
        return features * score.sigmoid()[:, :, None, None]


class PlaceAttention(nn.Module):
    """Weighs each place of ``(B, C, H, W)`` from 0 to 1 by the mean and the highest of its channels nearby.

    Source: Woo et al., "CBAM", ECCV 2018, Eq. 3.
    """

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        seen = torch.cat([features.mean(1, keepdim=True), features.amax(1, keepdim=True)], 1)
        score: Tensor = self.score(seen)
        return features * score.sigmoid()
