"""What DeepPhys, TS-CAN and EfficientPhys share: 2D convolutions on single frames, and attention masks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.temporal_shift import TemporalShift

MIN_SIDE_PX = 10  # two convolutions without padding and two pools leave one position


@dataclass(frozen=True, slots=True)
class AttentionConfig:
    """What can be changed about each of these networks; the defaults are rPPG-Toolbox's.

    Attributes:
        height_px: Height of the frames, which the dense layer is tied to.
        width_px: Width of the frames, likewise.
        filters: Channels of the first two convolutions; the second two have twice as many.
        hidden: Outputs of the dense layer.

    Raises:
        SettingsError: A value is too small.
    """

    height_px: int = 72
    width_px: int = 72
    filters: int = 32
    hidden: int = 128

    def __post_init__(self) -> None:
        self.check_at_least(MIN_SIDE_PX, "height_px", "width_px")
        self.check_at_least(1, "filters", "hidden")

    def check_at_least(self, least: int, *names: str) -> None:
        """Refuse fields that are less."""
        for name in names:
            if getattr(self, name) < least:
                raise SettingsError(
                    f"{name} must be at least {least}, not {getattr(self, name)}; {least} would work."
                )


class AttentionMask(nn.Module):
    """Where to look: a weight above 0 for each position of a frame, half the number of positions in sum.

    Source: Chen & McDuff, "DeepPhys", ECCV 2018: sigmoid of a 1×1 convolution, normalised by its L1 norm.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(N, C, H, W)`` to weights ``(N, 1, H, W)``."""
        weights = torch.sigmoid(self.convolution(features))
        return weights / weights.mean((2, 3), keepdim=True) * 0.5


def frames_of(clip: Tensor) -> Tensor:
    """Clips ``(B, C, T, H, W)`` to frames ``(B·T, C, H, W)``; no copy of clips laid out channels last."""
    return clip.transpose(1, 2).flatten(0, 1)


def make_stages(config: AttentionConfig, frame_depth: int | None = None) -> nn.ModuleList:
    """The four convolutions, in two stages; a mask belongs on the output of each.

    Args:
        config: Sizes.
        frame_depth: Frames to shift features within before each convolution; None shifts nothing.

    Returns:
        Frames ``(N, 3, H, W)`` to ``(N, filters, H - 2, W - 2)``, and those to ``(N, 2·filters, h, w)``.
    """
    filters = config.filters
    return nn.ModuleList(
        [
            nn.Sequential(*_convolve_twice(3, filters, frame_depth)),
            nn.Sequential(*_halve(), *_convolve_twice(filters, 2 * filters, frame_depth)),
        ]
    )


def make_masks(config: AttentionConfig) -> nn.ModuleList:
    """A mask for the output of each stage."""
    return nn.ModuleList([AttentionMask(config.filters), AttentionMask(2 * config.filters)])


def make_head(config: AttentionConfig) -> nn.Sequential:
    """Features of the second stage ``(N, 2·filters, h, w)`` to one value a frame, ``(N, 1)``."""
    height, width = (((side - 2) // 2 - 2) // 2 for side in (config.height_px, config.width_px))
    return nn.Sequential(
        *_halve(),
        nn.Flatten(),
        nn.Linear(2 * config.filters * height * width, config.hidden),
        nn.Tanh(),
        nn.Dropout(0.5),
        nn.Linear(config.hidden, 1),
    )


def _convolve_twice(channels_in: int, channels_out: int, frame_depth: int | None) -> list[nn.Module]:
    """Two 3×3 convolutions with tanh; the second has no padding."""
    layers: list[nn.Module] = []
    for channels, padding in ((channels_in, 1), (channels_out, 0)):
        if frame_depth is not None:
            layers.append(TemporalShift(frame_depth))
        layers += [nn.Conv2d(channels, channels_out, 3, padding=padding), nn.Tanh()]
    return layers


def _halve() -> list[nn.Module]:
    """Half the height and width."""
    return [nn.AvgPool2d(2), nn.Dropout(0.25)]
