"""I3D: the inflated Inception-V1 network of action recognition, with a head for the pulse wave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.needs import InputNeeds

STEP_FRAMES = 8  # the trunk halves time three times

# Channels of an Inception block's branches: 1×1×1; 1×1×1 then 3×3×3; the same, narrower; pool then 1×1×1.
_MIXED_3 = ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64))
_MIXED_4 = (
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
)
_MIXED_5 = ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128))


@dataclass(frozen=True, slots=True)
class I3DConfig:
    """What can be changed about I3D.

    Attributes:
        width: Channels of the first layer; all others change in proportion. 64 is the published trunk
            (12,287,264 parameters); less makes a network for small machines.

    Raises:
        SettingsError: ``width`` is less than 1.
    """

    width: int = 64

    def __post_init__(self) -> None:
        if self.width < 1:
            raise SettingsError(f"I3D's width must be at least 1, not {self.width}; 64 would work.")

    def channels(self, published: int) -> int:
        """Channels of a layer that has so many in the published network; at least 1."""
        return max(1, round(published * self.width / 64))


class I3D(nn.Module):
    """Face clip to pulse wave: the published trunk, and a head that is ours.

    ``trunk`` gives ``(B, 1024, T/8, ⌈H/32⌉, ⌈W/32⌉)``. Padding is TensorFlow's SAME, so that height and width
    are free.

    Source: Carreira, Zisserman, "Quo Vadis, Action Recognition?", CVPR 2017, Fig. 3; trunk with its 400-class
        layer, 12.70 million parameters.
    Differs: a re-creation. The tables that have I3D measure heart rates say nothing of its head. Here it is a
        mean over height and width, and a 1×1 convolution to the eight frames that each step of the trunk
        stands for. One value a step with interpolation between would hold nothing above 112 beats per minute
        at 30 Hz. There is no dropout, which was for classes.
    """

    Config: ClassVar = I3DConfig
    needs = InputNeeds(frames_multiple=STEP_FRAMES)
    recreation: ClassVar[bool] = True

    def __init__(self, config: I3DConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or I3DConfig()
        stem, channels = config.channels(64), config.channels(192)
        self.trunk = nn.Sequential(
            _SamePad((7, 7, 7), (2, 2, 2)),
            *_convolve(3, stem, kernel=7, stride=2),
            *_pool((1, 3, 3), (1, 2, 2)),
            *_convolve(stem, stem),
            *_convolve(stem, channels, kernel=3),
        )
        for pool, blocks in (
            (_pool((1, 3, 3), (1, 2, 2)), _MIXED_3),
            (_pool((3, 3, 3), (2, 2, 2)), _MIXED_4),
            (_pool((2, 2, 2), (2, 2, 2)), _MIXED_5),
        ):
            self.trunk.extend(pool)
            for block in blocks:
                inception = _Inception(channels, [config.channels(published) for published in block])
                self.trunk.append(inception)
                channels = inception.channels_out
        self.readout = nn.Conv1d(channels, STEP_FRAMES, 1)

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
        steps: Tensor = self.readout(self.trunk(clip).mean((3, 4)))
        return steps.transpose(1, 2).flatten(1)


class _Inception(nn.Module):
    """Four branches side by side, joined along the channels."""

    def __init__(self, channels_in: int, channels: list[int]) -> None:
        super().__init__()
        one, narrow, three, narrower, fewer, pooled = channels
        self.channels_out = one + three + fewer + pooled
        self.branches = nn.ModuleList(
            [
                nn.Sequential(*_convolve(channels_in, one)),
                nn.Sequential(*_convolve(channels_in, narrow), *_convolve(narrow, three, kernel=3)),
                nn.Sequential(*_convolve(channels_in, narrower), *_convolve(narrower, fewer, kernel=3)),
                nn.Sequential(nn.MaxPool3d(3, stride=1, padding=1), *_convolve(channels_in, pooled)),
            ]
        )

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([branch(features) for branch in self.branches], 1)


class _SamePad(nn.Module):
    """Zeros around a map so that a layer behind it gives ⌈size / stride⌉; the odd one comes last.

    Before a max pool, too, zeros are right: all pools follow a ReLU, which leaves nothing below them.
    """

    def __init__(self, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.kernel = kernel
        self.stride = stride

    def forward(self, features: Tensor) -> Tensor:
        sides: list[int] = []
        for size, kernel, stride in zip(features.shape[2:], self.kernel, self.stride, strict=True):
            total = max(kernel - (size % stride or stride), 0)
            sides = [total // 2, total - total // 2, *sides]  # F.pad counts from the last axis
        return nn.functional.pad(features, sides)


def _convolve(channels_in: int, channels_out: int, kernel: int = 1, stride: int = 1) -> list[nn.Module]:
    """Convolution, padded only at stride 1, then batch norm as published (eps 0.001, decay 0.99) and ReLU."""
    padding = kernel // 2 if stride == 1 else 0
    return [
        nn.Conv3d(channels_in, channels_out, kernel, stride=stride, padding=padding, bias=False),
        nn.BatchNorm3d(channels_out, eps=1e-3, momentum=0.01),
        nn.ReLU(inplace=True),
    ]


def _pool(kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> list[nn.Module]:
    return [_SamePad(kernel, stride), nn.MaxPool3d(kernel, stride)]
