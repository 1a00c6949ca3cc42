"""A known pulse laid into real footage: real faces, motion, light and camera, and yet a reference."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from rfacenet.errors import SettingsError
from rfacenet.simulation.camera import quantised
from rfacenet.simulation.draws import Draws, seed_of
from rfacenet.simulation.pulse import Pulse
from rfacenet.simulation.skin import draw_pulsatility

# Source: D. Chai, K. N. Ngan, "Face segmentation using skin-color map in videophone applications", IEEE TCSVT
# 9(4), 1999: middle and half width of the range of skin, dark or light, in Cb and Cr (BT.601).
_SKIN_CB = (102.0, 25.0)
_SKIN_CR = (153.0, 20.0)


def skin_likeness(frames: Tensor) -> Tensor:
    """How far pixels have the colour of skin, 0 to 1, ``(..., 1, H, W)``, for RGB ``(..., 3, H, W)``."""
    red, green, blue = frames.float().unbind(-3)
    blueness = 128 - 0.168736 * red - 0.331264 * green + 0.5 * blue
    redness = 128 + 0.5 * red - 0.418688 * green - 0.081312 * blue
    far = ((blueness - _SKIN_CB[0]) / _SKIN_CB[1]) ** 4 + ((redness - _SKIN_CR[0]) / _SKIN_CR[1]) ** 4
    likeness = torch.exp(-far)
    # Single pixels come and go with noise; their neighbourhood does not.
    smooth = F.avg_pool2d(likeness.flatten(0, -3)[:, None], 3, stride=1, padding=1, count_include_pad=False)
    return smooth.reshape(*likeness.shape[:-2], 1, *likeness.shape[-2:])


def inject_pulse(frames: Tensor, t_s: Tensor, pulse: Pulse, pulsation: Tensor, *, seed: int) -> Tensor:
    """Make the skin in real clips pulsate.

    The footage's own pulse stays in: it should be weak (strong compression) or absent (a photo, moved).

    Args:
        frames: RGB, ``(B, 3, T, H, W) uint8``.
        t_s: Capture times, ``(B, T)``.
        pulse: What to lay in; see ``draw_pulse``.
        pulsation: Standard deviation of green relative to its mean, in grey levels, ``(B,)``.
        seed: For each clip's colour of the pulse, and for dithering.

    Returns:
        RGB, ``(B, 3, T, H, W) uint8``.

    Raises:
        SettingsError: The frames are not RGB clips of bytes.
    """
    if frames.ndim != 5 or frames.shape[1] != 3 or frames.dtype != torch.uint8:
        raise SettingsError(f"frames must be (B, 3, T, H, W) uint8, not {tuple(frames.shape)} {frames.dtype}")
    clips = frames.transpose(1, 2)
    draws = Draws([seed_of("injection", seed, index) for index in range(len(frames))], frames.device)
    color = (pulsation[:, None] * draw_pulsatility(draws))[:, None, :, None, None]
    blood = pulse.at(t_s)[:, :, None, None, None] * skin_likeness(clips)
    levels = clips * (1 - color * blood)
    # Bytes have no halves: without dithering, a change of less than half a level would vanish.
    noise = torch.Generator(frames.device).manual_seed(seed_of("dither", seed))
    levels += torch.empty_like(levels).uniform_(-0.5, 0.5, generator=noise)
    return quantised(levels).transpose(1, 2).contiguous()
