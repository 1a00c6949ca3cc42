"""What training is fed with."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class ClipBatch(NamedTuple):
    """Clips and what is known about them.

    Attributes:
        frames: RGB, ``(B, 3, T, H, W)``: ``uint8`` crops, or mean colours of regions as ``float32``.
        bvp: Reference pulse wave at the frames, ``(B, T)``.
        fs_hz: Frame rates, ``(B,)``.
        identity: Place of each person among the people trained on, ``(B,)``; -1 for others.
    """

    frames: Tensor
    bvp: Tensor
    fs_hz: Tensor
    identity: Tensor
