"""EfficientPhys-C: TS-CAN's motion branch alone, which looks where its own features say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from rfacenet.models.attention import AttentionConfig, frames_of, make_head, make_masks, make_stages
from rfacenet.models.needs import InputNeeds


@dataclass(frozen=True, slots=True)
class EfficientPhysConfig(AttentionConfig):
    """What can be changed about EfficientPhys: the fields of ``AttentionConfig``, and this.

    Attributes:
        frame_depth: Frames in a segment, within which features are shifted; clips are whole segments.

    Raises:
        SettingsError: A value is too small.
    """

    frame_depth: int = 10

    def __post_init__(self) -> None:
        AttentionConfig.__post_init__(self)  # super() does not work in a dataclass with slots
        self.check_at_least(1, "frame_depth")


class EfficientPhys(nn.Module):
    """Face clip to the change of the pulse wave at each frame, from differences that it makes itself.

    Source: Liu, Hill, Jiang, Patel, McDuff, "EfficientPhys: Enabling Simple, Fast and Accurate Camera-Based
        Cardiac Measurement", WACV 2023, the convolutional network (EfficientPhys-C).
    Differs: the paper's network takes one frame more than it answers. This one sees the last frame twice, so
        that the last difference is 0 and T frames have T answers.
    """

    Config: ClassVar = EfficientPhysConfig

    def __init__(self, config: EfficientPhysConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EfficientPhysConfig()
        self.needs = InputNeeds(
            frames_multiple=config.frame_depth,
            size_px=(config.height_px, config.width_px),
            normalisation="standardized",
            label_form="difference",
        )
        self.normalise = nn.BatchNorm2d(3)
        self.stages = make_stages(config, config.frame_depth)
        self.masks = make_masks(config)
        self.head = make_head(config)

    def forward(self, clip: Tensor) -> Tensor:
        """Change of the pulse wave from each frame to the next.

        Args:
            clip: Normalised frames, ``(B, 3, T, H, W)``.

        Returns:
            ``(B, T)``, no unit.

        Raises:
            SettingsError: The network cannot take a clip of this shape; the message names one that it can.
        """
        self.needs.check(clip)
        differences = nn.functional.pad(clip.diff(dim=2), (0, 0, 0, 0, 0, 1))
        features = self.normalise(frames_of(differences))
        for stage, mask in zip(self.stages, self.masks, strict=True):
            features = stage(features)
            features = features * mask(features)
        wave: Tensor = self.head(features)
        return wave.view(clip.shape[0], clip.shape[2])
