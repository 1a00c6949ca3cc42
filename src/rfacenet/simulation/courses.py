"""Courses in time: random but smooth functions that can be evaluated at any instant.

Everything that moves in a simulated clip (rate, head, light, white balance) is a sum of sinusoids. Such a sum
has a closed form, so camera times may jitter, blocks of a long recording need no state, and the phase of the
pulse is an exact integral of its rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rfacenet.simulation.draws import Bounds, Draws


@dataclass(frozen=True, slots=True)
class Sinusoids:
    """A sum of sinusoids for each sample of a batch.

    Attributes:
        amplitude: ``(B, M)``.
        frequency_hz: ``(B, M)``.
        phase_rad: ``(B, M)``.
    """

    amplitude: Tensor
    frequency_hz: Tensor
    phase_rad: Tensor

    def _angle(self, t_s: Tensor) -> Tensor:
        turns = self.frequency_hz[:, :, None] * t_s[:, None, :]
        return 2 * math.pi * turns + self.phase_rad[:, :, None]

    def at(self, t_s: Tensor) -> Tensor:
        """Values ``(B, T)`` at times ``(B, T)``."""
        return (self.amplitude[:, :, None] * torch.sin(self._angle(t_s))).sum(1)

    def integral_at(self, t_s: Tensor) -> Tensor:
        """An antiderivative ``(B, T)`` at times ``(B, T)``."""
        scale = self.amplitude / (2 * math.pi * self.frequency_hz)
        return -(scale[:, :, None] * torch.cos(self._angle(t_s))).sum(1)


def band_noise(draws: Draws, band_hz: Bounds, rms: Tensor | float, terms: int = 8) -> Sinusoids:
    """Noise limited to a band: sinusoids of equal size at random frequencies and phases (S. O. Rice, 1944).

    Args:
        draws: The batch's random numbers.
        band_hz: Lowest and highest frequency.
        rms: Root mean square of the sum, one number or ``(B,)``.
        terms: Number of sinusoids.
    """
    size = torch.as_tensor(rms, dtype=torch.float32, device=draws.device).expand(len(draws))
    amplitude = size[:, None] * math.sqrt(2 / terms)
    return Sinusoids(
        amplitude=amplitude.expand(-1, terms),
        frequency_hz=draws.within(band_hz, terms),
        phase_rad=draws.uniform(0.0, 2 * math.pi, terms),
    )


def join(*courses: Sinusoids) -> Sinusoids:
    """The sum of several courses."""
    return Sinusoids(
        torch.cat([course.amplitude for course in courses], 1),
        torch.cat([course.frequency_hz for course in courses], 1),
        torch.cat([course.phase_rad for course in courses], 1),
    )


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Something that recurs, like a heartbeat or a blink, at a rate that wanders.

    Attributes:
        rate_hz: Rate before modulation, ``(B,)``.
        wander_hz: Course of the rate about ``rate_hz``.
        offset: Phase at time zero, in cycles, ``(B,)``.
    """

    rate_hz: Tensor
    wander_hz: Sinusoids
    offset: Tensor

    def phase_at(self, t_s: Tensor) -> Tensor:
        """Phase in cycles ``(B, T)``: the integral of the rate."""
        return self.offset[:, None] + self.rate_hz[:, None] * t_s + self.wander_hz.integral_at(t_s)

    def mean_rate_hz(self, start_s: Tensor, stop_s: Tensor) -> Tensor:
        """Cycles passed between two times ``(B,)``, over their distance."""
        ends = self.phase_at(torch.stack([start_s, stop_s], 1))
        return (ends[:, 1] - ends[:, 0]) / (stop_s - start_s)

    def with_mean_rate(self, rate_hz: Tensor, start_s: Tensor, stop_s: Tensor) -> Rhythm:
        """The same rhythm, with the mean rate between two times shifted to exactly ``rate_hz`` ``(B,)``."""
        return replace(self, rate_hz=self.rate_hz + rate_hz - self.mean_rate_hz(start_s, stop_s))
