"""DeepPhys: how frames change, looked at where their appearance says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from rfacenet.models.attention import AttentionConfig, frames_of, make_head, make_masks, make_stages
from rfacenet.models.needs import InputNeeds


@dataclass(frozen=True, slots=True)
class DeepPhysConfig(AttentionConfig):
    """What can be changed about DeepPhys: see ``AttentionConfig``.

    2,228,643 parameters at 72×72, 532,899 at the paper's 36×36.
    """


class DeepPhys(nn.Module):
    """Face clip to the change of the pulse wave at each frame, which no other frame has a say in.

    Source: Chen & McDuff, "DeepPhys: Video-Based Physiological Measurement Using Convolutional Attention
        Networks", ECCV 2018.
    Differs: 72×72 pixels by default as in rPPG-Toolbox, not 36×36; ``height_px`` and ``width_px`` say so.
    """

    Config: ClassVar = DeepPhysConfig

    def __init__(self, config: DeepPhysConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DeepPhysConfig()
        self.needs = InputNeeds(
            size_px=(config.height_px, config.width_px),
            appearance=True,
            normalisation="diff_normalized",
            label_form="difference",
        )
        self.motion_stages = make_stages(config)
        self.appearance_stages = make_stages(config)
        self.masks = make_masks(config)
        self.head = make_head(config)

    def forward(self, clip: Tensor) -> Tensor:
        """Change of the pulse wave from each frame to the next.

        Args:
            clip: Normalised frames and their appearance, ``(B, 6, T, H, W)``.

        Returns:
            ``(B, T)``, no unit.

        Raises:
            SettingsError: The network cannot take a clip of this shape; the message names one that it can.
        """
        self.needs.check(clip)
        motion, appearance = frames_of(clip[:, :3]), frames_of(clip[:, 3:])
        for move, look, mask in zip(self.motion_stages, self.appearance_stages, self.masks, strict=True):
            appearance = look(appearance)
            motion = move(motion) * mask(appearance)
        wave: Tensor = self.head(motion)
        return wave.view(clip.shape[0], clip.shape[2])
