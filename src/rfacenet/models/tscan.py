"""TS-CAN: DeepPhys whose frames see their neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from rfacenet.models.attention import AttentionConfig, frames_of, make_head, make_masks, make_stages
from rfacenet.models.needs import InputNeeds


@dataclass(frozen=True, slots=True)
class TSCANConfig(AttentionConfig):
    """What can be changed about TS-CAN: the fields of ``AttentionConfig``, and these.

    Attributes:
        frame_depth: Frames in a segment, within which features are shifted; clips are whole segments.
        average_appearance: Whether a segment has one appearance, the mean of its frames, and so one mask, as
            its authors' network has; or every frame its own, as in rPPG-Toolbox, for nearly twice the work.

    Raises:
        SettingsError: A value is too small.
    """

    frame_depth: int = 10
    average_appearance: bool = True

    def __post_init__(self) -> None:
        AttentionConfig.__post_init__(self)  # super() does not work in a dataclass with slots
        self.check_at_least(1, "frame_depth")


class TSCAN(nn.Module):
    """Face clip to the change of the pulse wave at each frame.

    Source: Liu, Fromm, Patel, McDuff, "Multi-Task Temporal Shift Attention Networks for On-Device Contactless
        Vitals Measurement", NeurIPS 2020, the network of the pulse alone.
    Differs: 72×72 pixels by default as in rPPG-Toolbox, not 36×36; ``height_px`` and ``width_px`` say so.
    """

    Config: ClassVar = TSCANConfig

    def __init__(self, config: TSCANConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or TSCANConfig()
        self.needs = InputNeeds(
            frames_multiple=config.frame_depth,
            size_px=(config.height_px, config.width_px),
            appearance=True,
            normalisation="diff_normalized",
            label_form="difference",
        )
        self.motion_stages = make_stages(config, config.frame_depth)
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
        frames_a_mask = self.config.frame_depth if self.config.average_appearance else 1
        motion, appearance = frames_of(clip[:, :3]), frames_of(clip[:, 3:])
        appearance = appearance.view(-1, frames_a_mask, *appearance.shape[1:]).mean(1)
        for move, look, mask in zip(self.motion_stages, self.appearance_stages, self.masks, strict=True):
            appearance = look(appearance)
            motion = move(motion) * mask(appearance).repeat_interleave(frames_a_mask, 0)
        wave: Tensor = self.head(motion)
        return wave.view(clip.shape[0], clip.shape[2])
