"""The camera: exposure, tone curve, noise, eight bits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rfacenet.simulation.difficulty import Difficulty
from rfacenet.simulation.draws import Draws

# Where automatic exposure puts a face, in linear light; a dark face is made lighter, but not all the way.
_TARGET = 0.38
_COMPENSATION = 0.4


@dataclass(frozen=True, slots=True)
class Camera:
    """A batch of cameras.

    Attributes:
        exposure: Deviation from what automatic exposure would choose, ``(B,)``.
        gamma: Exponent of the tone curve, about 1/2.2, ``(B,)``.
        noise: Standard deviation in grey levels, ``(B,)``.
    """

    exposure: Tensor
    gamma: Tensor
    noise: Tensor

    def gain(self, face_level: Tensor) -> Tensor:
        """Gain ``(B,)`` for faces whose mean radiance is ``face_level`` ``(B,)``."""
        return self.exposure * (_TARGET / face_level.clamp(min=1e-3)) ** _COMPENSATION

    def grey_levels(self, light: Tensor, noise: torch.Generator | None) -> Tensor:
        """Grey levels 0 to 255, not yet rounded, of light ``(B, T, 3, H, W)``; writes over ``light``.

        The tone curve is nearly a square root, which gives shot noise the same size in light and shadow
        (F. J. Anscombe, 1948): so the noise, of one size everywhere, is added after the curve.
        """
        per_clip = (-1, 1, 1, 1, 1)
        levels = light.clamp_(0, 1).pow_(self.gamma.view(per_clip)).mul_(255)
        if noise is not None:
            grain = torch.empty_like(levels).normal_(generator=noise)
            levels.addcmul_(grain, self.noise.view(per_clip))
        return levels


def draw_camera(draws: Draws, difficulty: Difficulty) -> Camera:
    """Draw the cameras of a batch of clips."""
    return Camera(
        exposure=draws.log_within((0.8, 1.45)),
        gamma=1 / draws.uniform(1.9, 2.4),
        noise=draws.log_within(difficulty.noise),
    )


def quantised(levels: Tensor) -> Tensor:
    """Grey levels rounded to ``uint8``; writes over ``levels``."""
    return levels.round_().clamp_(0, 255).to(torch.uint8)


def frame_times(draws: Draws, n_frames: int, fs_hz: Tensor, difficulty: Difficulty) -> Tensor:
    """Capture times ``(B, T)`` in seconds from the first frame, at mean rates ``fs_hz`` ``(B,)``."""
    late = draws.within(difficulty.jitter)[:, None] * draws.uniform(-0.5, 0.5, n_frames)
    late[:, 0] = 0.0  # a clip starts at its first frame
    return (torch.arange(n_frames, device=draws.device) + late) / fs_hz[:, None]
