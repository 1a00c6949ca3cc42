"""What a network should have answered, and what its answer comes to."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from rfacenet.losses import heart_rate_peak, integrate
from rfacenet.models.inputs import bvp_of, rate_bpm_of


class Target(NamedTuple):
    """What a network should have answered.

    Attributes:
        bvp: Pulse wave ``(B, T)``, or its difference where ``differences``.
        fs_hz: Frame rates ``(B,)``.
        identity: Class of each person, ``(B,)``.
        differences: Whether ``bvp`` and the network's wave are frame-to-frame differences.
        progress: Share of the run that is done, for losses that change on the way.
        speed: How many times as fast as ``bvp`` the heart beats in clips whose speed was changed, ``(B,)``;
            only for networks that give rates.
    """

    bvp: Tensor
    fs_hz: Tensor
    identity: Tensor
    differences: bool
    progress: float = 0.0
    speed: Tensor | None = None

    def wave(self, bvp: Tensor) -> Tensor:
        """What heart rates are read from: ``bvp``, or its sum where it is differences.

        In a difference the second harmonic often stands above the heart rate.
        """
        return integrate(bvp) if self.differences else bvp

    @property
    def rate_bpm(self) -> Tensor:
        """The true heart rates ``(B,)``: those of the reference waves in the clips (Eq. 3)."""
        rate_bpm = heart_rate_peak(self.wave(self.bvp), self.fs_hz)
        return rate_bpm if self.speed is None else rate_bpm * self.speed

    def rate_bpm_in(self, output: Any, gives_rate: bool) -> Tensor:
        """The heart rates ``(B,)`` that an output gives, or those of the wave that it gives; no gradient."""
        if gives_rate:
            return rate_bpm_of(output, self.fs_hz).detach()
        return heart_rate_peak(self.wave(bvp_of(output).detach()), self.fs_hz)


class Loss(NamedTuple):
    """What an objective comes to.

    Attributes:
        total: Scalar to minimise.
        parts: Further scalars for the log, without gradient.
    """

    total: Tensor
    parts: dict[str, Tensor]
