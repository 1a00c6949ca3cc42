"""The temporal shift, through which 2D convolutions on single frames see their neighbours in time."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TemporalShift(nn.Module):
    """Shows each frame a third of the next one's channels and a third of the last one's, instead of its own.

    Frames are shifted within segments of ``frame_depth``: what a segment's first and last frame would see
    beyond it is 0.

    Args:
        frame_depth: Frames in a segment.

    Source: Lin, Gan, Han, "TSM: Temporal Shift Module for Efficient Video Understanding", ICCV 2019; thirds,
        Liu et al., "Multi-Task Temporal Shift Attention Networks", NeurIPS 2020.
    """

    def __init__(self, frame_depth: int) -> None:
        super().__init__()
        self.frame_depth = frame_depth

    def forward(self, frames: Tensor) -> Tensor:
        """Frames ``(N, C, H, W)``, of whole segments in a row, to frames of the same shape."""
        # As clips (segments, C, frame_depth, H, W), whose layout in memory is that of the frames.
        segments = frames.view(-1, self.frame_depth, *frames.shape[1:]).transpose(1, 2)
        third = frames.shape[1] // 3
        later = segments[:, :third, 1:]
        earlier = segments[:, third : 2 * third, :-1]
        shifted = [
            nn.functional.pad(later, (0, 0, 0, 0, 0, 1)),
            nn.functional.pad(earlier, (0, 0, 0, 0, 1, 0)),
            segments[:, 2 * third :],
        ]
        return torch.cat(shifted, 1).transpose(1, 2).flatten(0, 1)
