"""From frames at their own times to samples on a uniform grid, with gaps kept as gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rfacenet.errors import TooShortError
from rfacenet.types import Float64Array


@dataclass(frozen=True, slots=True)
class Stretch:
    """An unbroken run of samples on the uniform grid ``t = k / fs_hz``.

    Attributes:
        first: Index ``k`` of the first sample.
        values: Samples, ``(T, C)``.
    """

    first: int
    values: Float64Array

    @property
    def stop(self) -> int:
        """Index one past the last sample."""
        return self.first + len(self.values)


def sampling_rate_hz(t_s: Float64Array) -> float:
    """The rate at which samples usually follow each other, whatever gaps lie between some of them.

    Args:
        t_s: Increasing times, ``(T,)``, seconds.

    Returns:
        Rate in Hz: the inverse of the mean step, over the steps within half of the median step.

    Raises:
        TooShortError: Fewer than two samples.
    """
    if len(t_s) < 2:
        raise TooShortError(f"{len(t_s)} sample(s) have no sampling rate: at least 2 are needed.")
    steps = np.diff(t_s)
    usual = np.median(steps)
    # The mean, not the median: times rounded to milliseconds have a median of 33 ms where 33.3 is meant.
    return float(1 / steps[np.abs(steps - usual) <= usual / 2].mean())


def to_uniform_grid(t_s: Float64Array, values: Float64Array, fs_hz: float, max_gap_s: float) -> list[Stretch]:
    """Interpolate samples linearly to the grid ``k / fs_hz``, without bridging long gaps.

    Args:
        t_s: Increasing times, ``(T,)``, seconds.
        values: Samples, ``(T, C)``; a row with a NaN counts as missing.
        fs_hz: Sampling rate of the grid, Hz.
        max_gap_s: Longest time between two present samples that is interpolated across, seconds.

    Returns:
        The stretches in order; each lies within its samples' times. Empty where nothing is present.
    """
    present = ~np.isnan(values).any(axis=1)
    t_s, values = t_s[present], values[present]
    breaks = np.flatnonzero(np.diff(t_s) > max_gap_s) + 1
    stretches = []
    for times, samples in zip(np.split(t_s, breaks), np.split(values, breaks), strict=True):
        if len(times) < 2:
            continue
        # Rounding must not lose a sample that sits on the grid but for the last bit.
        first, last = int(np.ceil(times[0] * fs_hz - 1e-6)), int(np.floor(times[-1] * fs_hz + 1e-6))
        if last <= first:
            continue
        grid_s = np.arange(first, last + 1) / fs_hz
        columns = [np.interp(grid_s, times, column) for column in samples.T]
        stretches.append(Stretch(first, np.stack(columns, axis=1)))
    return stretches
