"""From frames at their own times to samples on a uniform grid, with gaps kept as gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfacenet.errors import TooShortError
from rfacenet.types import Float64Array


@dataclass(frozen=True, slots=True)
class Resampled:
    """An unbroken stretch of samples on the uniform grid, interpolated linearly as it is asked for.

    A slice gives its samples as an array, ``stretch[:]`` all of them. So a stretch of face crops may lie on
    disk and be as long as the video, while only a window of it is in memory.

    Attributes:
        first: Grid index of the first sample.
        values: What is interpolated: samples at their own times, ``(N, ...)``.
        before: For each grid point, the sample before it, ``(T,)``.
        after: For each grid point, the sample after it, ``(T,)``.
        weight: For each grid point, how far it lies between the two, 0 to 1, ``(T,)``.
    """

    first: int
    values: NDArray[Any]
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    weight: Float64Array

    def __len__(self) -> int:
        return len(self.before)

    def __getitem__(self, part: slice) -> NDArray[Any]:
        """Samples of a part, ``(t, ...)``: float64 as of traces, float32 as of ``uint8`` pixels."""
        kind = np.float32 if self.values.dtype == np.uint8 else np.float64
        lower: NDArray[Any] = self.values[self.before[part]].astype(kind)
        upper: NDArray[Any] = self.values[self.after[part]].astype(kind)
        weight = self.weight[part].astype(kind).reshape(-1, *[1] * (lower.ndim - 1))
        between: NDArray[Any] = lower + weight * (upper - lower)
        return between


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
    near = np.abs(steps - usual) <= usual / 2
    # The mean, not the median: times rounded to milliseconds have a median of 33 ms where 33.3 is meant. And
    # where most steps are unlike the median, there is no usual step.
    return float(1 / (steps[near] if near.mean() > 0.6 else steps).mean())


def to_uniform_grid(
    t_s: Float64Array, values: NDArray[Any], present: NDArray[np.bool_], fs_hz: float, max_gap_s: float
) -> list[Resampled]:
    """The unbroken stretches of samples on the grid ``k / fs_hz``, without bridging long gaps.

    Args:
        t_s: Increasing times, ``(N,)``, seconds. The grid begins at 0, however far before that they do.
        values: Samples, ``(N, ...)``.
        present: Which samples count, ``(N,)``.
        fs_hz: Sampling rate of the grid, Hz.
        max_gap_s: Longest time between two present samples that is interpolated across, seconds.

    Returns:
        The stretches in order; each lies within its samples' times. Empty where nothing is present.
    """
    indices = np.flatnonzero(present)
    breaks = np.flatnonzero(np.diff(t_s[indices]) > max_gap_s) + 1
    stretches = []
    for run in np.split(indices, breaks):
        if len(run) < 2:
            continue
        # Rounding must not lose a sample that sits on the grid but for the last bit.
        first = max(0, int(np.ceil(t_s[run[0]] * fs_hz - 1e-6)))
        last = int(np.floor(t_s[run[-1]] * fs_hz + 1e-6))
        if last <= first:
            continue
        grid_s = np.arange(first, last + 1) / fs_hz
        position = np.interp(grid_s, t_s[run], np.arange(len(run)))
        before = np.minimum(position.astype(np.intp), len(run) - 2)
        stretches.append(Resampled(first, values, run[before], run[before + 1], position - before))
    return stretches
