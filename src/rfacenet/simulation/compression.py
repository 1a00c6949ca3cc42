"""A stand-in for video compression: what a codec's rounding does to the pulse, on tensors, at any device.

A codec predicts a frame from the one before and keeps only the rounded cosine transform of what is left. A
pulse of less than a rounding step is dropped, until enough has added up or a frame is sent whole.

Differs: no motion is compensated; blocks are 4 pixels wide, as a codec's 16-pixel macroblock is once a face
of some 300 pixels has been resized to 72.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from rfacenet.simulation.difficulty import Difficulty
from rfacenet.simulation.draws import Draws

_BLOCK = 4
# Rounding offset 1/6, as H.264's reference encoder has for predicted frames: under 5/6 of a step is lost.
_DEAD_ZONE = 1 / 3
# Source: ITU-R BT.601: luma and the two colour differences.
_YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


@dataclass(frozen=True, slots=True)
class Codec:
    """A batch of codecs.

    Attributes:
        step: Rounding step of the orthonormal transform of a block, in grey levels, ``(B,)``. H.264 has about
            2^((QP - 4) / 6): 9 at its usual quality.
        period: Frames from one frame that is sent whole to the next, ``(B,)``.
        offset: Where in such a period the clip starts, ``(B,)``.
    """

    step: Tensor
    period: Tensor
    offset: Tensor

    def compressed(self, levels: Tensor) -> Tensor:
        """Grey levels ``(B, T, 3, H, W)`` as they are after coding and decoding."""
        height, width = levels.shape[3:]
        transform = _transform(levels.device)
        blocks = _to_blocks(levels) @ transform.T
        self._round(blocks)
        return _from_blocks(blocks @ torch.linalg.inv(transform).T, height, width)

    def _round(self, blocks: Tensor) -> None:
        """Round each frame's difference from the decoded frame before, in place, ``(B, T, N, K)``."""
        step = self.step.clamp(min=1e-3)[:, None, None]
        frame = torch.arange(blocks.shape[1], device=blocks.device)
        predicted = ((frame + self.offset[:, None]) % self.period[:, None] > 0).float()
        decoded = torch.zeros_like(blocks[:, 0])
        for index in range(blocks.shape[1]):  # a decoded frame depends on the one before: no way round a loop
            decoded = decoded * predicted[:, index, None, None]
            change = F.softshrink((blocks[:, index] - decoded) / step, _DEAD_ZONE).round_()
            decoded = decoded.addcmul_(change, step)
            blocks[:, index] = decoded


def draw_codec(draws: Draws, difficulty: Difficulty) -> Codec:
    """Draw the codecs of a batch of clips."""
    period = draws.log_within((10, 250)).round()
    return Codec(
        step=draws.within(difficulty.codec_step),
        period=period,
        offset=(draws.uniform(0.0, 1.0) * period).floor(),
    )


def _transform(device: torch.device) -> Tensor:
    """Colour change and cosine transform of a block as one matrix, ``(3·16, 3·16)``."""
    index = torch.arange(_BLOCK, device=device)
    cosine = torch.cos(math.pi / _BLOCK * (index + 0.5) * index[:, None]) * math.sqrt(2 / _BLOCK)
    cosine[0] /= math.sqrt(2)
    return torch.kron(torch.tensor(_YCBCR, device=device), torch.kron(cosine, cosine))


def _to_blocks(levels: Tensor) -> Tensor:
    """Frames ``(B, T, 3, H, W)`` cut in blocks ``(B, T, N, 3·16)``, filled up by repeating the edge."""
    batch, n_frames, channels, height, width = levels.shape
    filled = F.pad(levels.flatten(0, 1), (0, -width % _BLOCK, 0, -height % _BLOCK), mode="replicate")
    rows, columns = filled.shape[2] // _BLOCK, filled.shape[3] // _BLOCK
    cut = filled.reshape(batch, n_frames, channels, rows, _BLOCK, columns, _BLOCK)
    return cut.permute(0, 1, 3, 5, 2, 4, 6).reshape(batch, n_frames, rows * columns, -1)


def _from_blocks(blocks: Tensor, height: int, width: int) -> Tensor:
    """The inverse of ``_to_blocks``: frames ``(B, T, 3, height, width)``."""
    batch, n_frames = blocks.shape[:2]
    rows, columns = math.ceil(height / _BLOCK), math.ceil(width / _BLOCK)
    cut = blocks.reshape(batch, n_frames, rows, columns, 3, _BLOCK, _BLOCK).permute(0, 1, 4, 2, 5, 3, 6)
    whole = cut.reshape(batch, n_frames, 3, rows * _BLOCK, columns * _BLOCK)
    return whole[..., :height, :width]
