"""The pulse: a blood-volume wave with a wandering rate, a dicrotic wave and respiration."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rfacenet.simulation.courses import Rhythm, Sinusoids, band_noise, join
from rfacenet.simulation.draws import Draws

_RESPIRATION_HZ = (0.12, 0.4)
_MAYER_HZ = (0.07, 0.13)
_DRIFT_HZ = (0.01, 0.05)
_CYCLE_SAMPLES = 128


@dataclass(frozen=True, slots=True)
class Waveform:
    """One beat as a sum of two bells over the cycle: systolic wave, dicrotic wave.

    Attributes:
        height: ``(B, 2)``.
        center: Place in the cycle, 0 to 1, ``(B, 2)``.
        width: Standard deviation, in cycles, ``(B, 2)``.
    """

    height: Tensor
    center: Tensor
    width: Tensor

    def _bells(self, phase: Tensor) -> Tensor:
        distance = phase[:, None, :] - self.center[:, :, None]
        distance = distance - distance.round()
        bells = torch.exp(-0.5 * (distance / self.width[:, :, None]) ** 2)
        return (self.height[:, :, None] * bells).sum(1)

    def at(self, phase: Tensor) -> Tensor:
        """Wave ``(B, T)`` at phases ``(B, T)`` in cycles; mean 0 and standard deviation 1 over a cycle."""
        cycle = torch.arange(_CYCLE_SAMPLES, device=phase.device) / _CYCLE_SAMPLES
        beat = self._bells(cycle.expand(len(phase), -1))
        return (self._bells(phase) - beat.mean(1, keepdim=True)) / beat.std(1, keepdim=True)


@dataclass(frozen=True, slots=True)
class Pulse:
    """A batch of pulses, each a function of time.

    Attributes:
        rhythm: Beats.
        waveform: Shape of a beat.
        respiration: Breathing, root mean square about 1.
        depth: How far breathing modulates the height of the beats, ``(B,)``.
        baseline: How far breathing moves the baseline, in standard deviations of the wave, ``(B,)``.
    """

    rhythm: Rhythm
    waveform: Waveform
    respiration: Sinusoids
    depth: Tensor
    baseline: Tensor

    def at(self, t_s: Tensor) -> Tensor:
        """Blood-volume wave ``(B, T)`` at times ``(B, T)``, standard deviation about 1, systole upwards."""
        breath = self.respiration.at(t_s)
        beats = self.waveform.at(self.rhythm.phase_at(t_s))
        return (1 + self.depth[:, None] * breath) * beats + self.baseline[:, None] * breath


def draw_pulse(draws: Draws, heart_rate_bpm: Tensor, duration_s: Tensor, variability: Tensor) -> Pulse:
    """Draw a batch of pulses.

    The rate wanders with respiration (sinus arrhythmia), with the blood pressure's 0.1 Hz Mayer waves and
    with a slow drift; its mean over ``duration_s`` is exactly ``heart_rate_bpm``.

    Args:
        draws: The batch's random numbers.
        heart_rate_bpm: Mean rate, ``(B,)``.
        duration_s: Time over which that mean holds, ``(B,)``.
        variability: Standard deviation of the rate relative to its mean, ``(B,)``.

    Source: Task Force of the European Society of Cardiology, "Heart rate variability", 1996 (bands).
    """
    rate_hz = heart_rate_bpm / 60
    spread_hz = variability * rate_hz
    breathing_hz = draws.within(_RESPIRATION_HZ, 1)
    respiration = Sinusoids(
        torch.full_like(breathing_hz, 2**0.5), breathing_hz, draws.uniform(0.0, 2 * math.pi, 1)
    )
    sinus = Sinusoids(
        (0.8 * spread_hz)[:, None], breathing_hz, respiration.phase_rad + draws.uniform(-0.5, 0.5, 1)
    )
    wander = join(
        sinus,
        band_noise(draws, _MAYER_HZ, 0.5 * spread_hz, 3),
        band_noise(draws, _DRIFT_HZ, 0.6 * spread_hz, 3),
        band_noise(draws, (0.15, 0.5), 0.3 * spread_hz, 4),
    )
    rhythm = Rhythm(rate_hz, wander, draws.uniform(0.0, 1.0))
    return Pulse(
        rhythm=rhythm.with_mean_rate(rate_hz, torch.zeros_like(duration_s), duration_s),
        waveform=_draw_waveform(draws, heart_rate_bpm),
        respiration=respiration,
        depth=draws.uniform(0.0, 0.12),
        baseline=draws.uniform(0.0, 0.25),
    )


def _draw_waveform(draws: Draws, heart_rate_bpm: Tensor) -> Waveform:
    # The faster the heart, the shorter diastole and the fainter the dicrotic wave.
    fading = (1.25 - heart_rate_bpm / 160).clamp(0.15, 0.8)
    systole = draws.uniform(0.22, 0.32)
    return Waveform(
        height=torch.stack([torch.ones_like(systole), fading * draws.uniform(0.2, 0.8)], 1),
        center=torch.stack([systole, systole + draws.uniform(0.28, 0.38)], 1),
        width=torch.stack([draws.uniform(0.085, 0.13), draws.uniform(0.09, 0.14)], 1),
    )
