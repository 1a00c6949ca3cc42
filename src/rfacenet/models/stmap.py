"""Spatio-temporal maps (STMaps): a face's colours as a picture, a row for each region, a column a frame.

Source: Niu, Shan, Han, Chen, "RhythmNet", IEEE TIP 29 (2020), Sec. III-B, and the papers that vary it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn

MapForm = Literal["map_yuv", "map_rg_pos", "map_rgb_yuv"]
"""What the channels of a map are, and whether its rows are regions or combinations of them."""

CHANNEL_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"map_yuv": ("Y", "U", "V"), "map_rg_pos": ("R", "G", "POS"), "map_rgb_yuv": tuple("RGBYUV")}
)
"""What the channels of each form are called."""

CHANNELS: Mapping[str, int] = MappingProxyType({form: len(names) for form, names in CHANNEL_NAMES.items()})
"""How many channels each form has."""

AREA_SHARES = (0.323, 0.152, 0.152, 0.109, 0.109, 0.156)
"""How large the regions ``areas`` are, as shares of them all; they weigh combinations of regions."""

POS_WINDOW_S = 1.6
RANGE = 255.0
"""Values of a map run from 0 to this."""

# ITU-R BT.601, as video has it; U and V without the offset of 128, which min-max takes away again.
_TO_YUV = ((0.299, 0.587, 0.114), (-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))
_POS_AXES = ((0.0, 1.0, -1.0), (-2.0, 1.0, 1.0))


class SpatioTemporalMap(nn.Module):
    """Mean colours of regions to a map, each row and channel stretched from 0 to 255 over its frames.

    Args:
        form: ``map_yuv``: rows are regions, channels Y, U and V (RhythmNet, ST-Attention, Dual-GAN).
            ``map_rg_pos``: rows are regions, channels R, G and their POS signal (NAS-HR). ``map_rgb_yuv``:
            rows are all combinations of the regions, channels R, G, B, Y, U and V (CVD's multi-scale map).
        fs_hz: Frame rate; POS has a window of 1.6 s.
    """

    def __init__(self, form: MapForm, fs_hz: float) -> None:
        super().__init__()
        self.form = form
        self.pos_frames = round(POS_WINDOW_S * fs_hz)

    def forward(self, colours: Tensor) -> Tensor:
        """Mean colours ``(B, 3, T, R, 1)``, 0 to 255, to a map ``(B, C, T, rows, 1)`` of float32."""
        colours = colours.float()
        if self.form == "map_rgb_yuv":
            colours = combinations(colours)
            return stretched(torch.cat([colours, yuv(colours)], 1))
        if self.form == "map_rg_pos":
            return stretched(torch.cat([colours[:, :2], pos(colours, self.pos_frames)], 1))
        return stretched(yuv(colours))


def rows_by_frames(clip: Tensor) -> Tensor:
    """A map as networks are given it, ``(B, C, T, rows, 1)``, as a picture ``(B, C, rows, T)``."""
    return clip.squeeze(-1).transpose(2, 3)


def stretched(rows: Tensor) -> Tensor:
    """Rows ``(B, C, T, R, 1)`` each brought to 0 to 255 over T; a constant one is 0."""
    low, high = rows.amin(2, keepdim=True), rows.amax(2, keepdim=True)
    return RANGE * (rows - low) / (high - low).clamp_min(1e-6)


def yuv(colours: Tensor) -> Tensor:
    """RGB ``(B, 3, T, R, 1)`` to Y, U and V of the same shape."""
    return torch.einsum("kc,bctrw->bktrw", colours.new_tensor(_TO_YUV), colours)


def combinations(colours: Tensor) -> Tensor:
    """Mean colours of six regions ``(B, 3, T, 6, 1)`` to those of all their 63 unions, ``(B, 3, T, 63, 1)``.

    Source: Niu et al., "Video-based Remote Physiological Measurement via Cross-verified Feature
        Disentangling", ECCV 2020, Sec. 3.1.
    Differs: the regions' areas are those of the face template, and do not change from frame to frame.
    """
    n = len(AREA_SHARES)
    bits = torch.arange(1, 2**n, device=colours.device)[:, None] >> torch.arange(n, device=colours.device) & 1
    shares = bits * colours.new_tensor(AREA_SHARES)
    return torch.einsum("mr,bctrw->bctmw", shares / shares.sum(1, keepdim=True), colours)


def pos(colours: Tensor, window: int) -> Tensor:
    """The POS signal of each region: ``(B, 3, T, R, 1)`` to ``(B, 1, T, R, 1)``, more blood upwards.

    As :func:`rfacenet.methods.pos.pos`, for many regions at once.

    Source: Wang et al. 2017, Algorithm 1.
    """
    traces = colours.squeeze(-1).transpose(2, 3)  # (B, 3, R, T)
    window = min(window, traces.shape[-1])
    windows = traces.unfold(-1, window, 1)  # (B, 3, R, N, window)
    relative = windows / windows.mean(-1, keepdim=True).clamp_min(1e-6)
    first, second = torch.einsum("kc,bcrnw->kbrnw", colours.new_tensor(_POS_AXES), relative)
    deviations = [part.std(-1, correction=0, keepdim=True) for part in (first, second)]
    pulse = first + deviations[0] / deviations[1].clamp_min(1e-7) * second
    pulse = pulse - pulse.mean(-1, keepdim=True)
    batch, regions, n, _ = pulse.shape
    columns = pulse.reshape(batch * regions, n, window).transpose(1, 2)
    length = (1, n + window - 1)
    summed = nn.functional.fold(columns, length, (1, window))
    counts = nn.functional.fold(torch.ones_like(columns), length, (1, window))
    return -(summed / counts).reshape(batch, 1, regions, -1).transpose(2, 3)[..., None]
