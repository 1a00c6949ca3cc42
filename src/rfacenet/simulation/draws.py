"""Seeded random numbers, one stream for each sample of a batch."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

Bounds = tuple[float, float]


def seed_of(*parts: object) -> int:
    """A 63-bit seed from any values with a stable ``repr``: nearby inputs give unrelated seeds."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class Draws:
    """Random numbers for a batch in which sample ``b`` depends on ``seeds[b]`` alone.

    So a sample looks the same whatever else is in its batch. Numbers are drawn on the CPU and then moved:
    a GPU gets the same faces, pulses and movements as a CPU does.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device | str = "cpu") -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.device = torch.device(device)

    def __len__(self) -> int:
        return len(self._generators)

    def _stack(self, draw: Callable[[torch.Generator], Tensor]) -> Tensor:
        return torch.stack([draw(generator) for generator in self._generators]).to(self.device)

    def uniform(self, low: float | Tensor, high: float | Tensor, *shape: int) -> Tensor:
        """Uniform numbers ``(B, *shape)`` between ``low`` and ``high``."""
        unit = self._stack(lambda generator: torch.rand(shape, generator=generator))
        return low + (high - low) * unit

    def within(self, bounds: Bounds, *shape: int) -> Tensor:
        """Uniform numbers ``(B, *shape)`` within ``bounds``."""
        return self.uniform(bounds[0], bounds[1], *shape)

    def log_within(self, bounds: Bounds, *shape: int) -> Tensor:
        """Numbers ``(B, *shape)`` within ``bounds``, uniform in their logarithm."""
        return self.uniform(math.log(bounds[0]), math.log(bounds[1]), *shape).exp()

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers ``(B, *shape)``."""
        return self._stack(lambda generator: torch.randn(shape, generator=generator))

    def chance(self, probability: float | Tensor, *shape: int) -> Tensor:
        """``(B, *shape)`` of ones with the given probability, else zeros."""
        return (self.uniform(0.0, 1.0, *shape) < probability).float()

    def choice(self, values: Sequence[float] | Tensor) -> Tensor:
        """One of ``values`` per sample, ``(B,)`` or, for values ``(N, C)``, ``(B, C)``."""
        table = torch.as_tensor(values, device=self.device)
        index = (self.uniform(0.0, 1.0) * len(table)).long().clamp(max=len(table) - 1)
        return table[index]

    def smooth_noise(self, size_px: tuple[int, int], cells: tuple[int, int]) -> Tensor:
        """Noise ``(B, H, W)``, smooth between ``cells`` (rows, columns) of knots that have unit variance."""
        knots = self.normal(1, *cells)
        return F.interpolate(knots, size=size_px, mode="bicubic", align_corners=True)[:, 0]
