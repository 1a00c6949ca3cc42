"""Single beats of a pulse wave and the variability of the intervals between them."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import find_peaks

from rfacenet.signal.filters import bandpass
from rfacenet.types import Float64Array, Variability

MAX_INTERVAL_CHANGE = 0.3
"""An interval further than this share from the median is a missed or an extra beat, not variability."""

MIN_INTERVALS = 10
"""Fewer accepted intervals than this give no variability figure."""


def beat_times(bvp: Float64Array, fs_hz: float, rate_bpm: float) -> Float64Array:
    """Times of the systolic peaks of a pulse wave.

    The wave is limited to 0.5–1.8 times the heart rate first, so that a dicrotic wave is no beat of its
    own, and its peaks are read off a cubic spline: a video frame lasts longer than the variability
    that is to be measured. The filter evens out a tenth of the variability; the first and the last beat,
    which its transients move, are left out.

    Args:
        bvp: Pulse wave, ``(T,)``, more blood upwards; at least four seconds.
        fs_hz: Sampling rate, Hz.
        rate_bpm: Its heart rate, beats per minute.

    Returns:
        Times in seconds from the first sample, increasing.
    """
    rate_hz = rate_bpm / 60
    wave = bandpass(bvp, fs_hz, (0.5 * rate_hz, 1.8 * rate_hz))
    peaks, _ = find_peaks(wave, distance=max(1.0, 0.5 * fs_hz / rate_hz), height=0)
    spline = CubicSpline(np.arange(len(wave)), wave)
    slope, curvature = spline.derivative(), spline.derivative(2)
    position = peaks.astype(float)
    for _ in range(3):  # Newton's method on the slope; three steps reach rounding error from a sample's peak
        bend = curvature(position)
        step = np.where(bend < 0, -slope(position) / np.where(bend < 0, bend, -1), 0.0)
        position = np.clip(position + np.clip(step, -0.5, 0.5), peaks - 1, peaks + 1)
    return np.asarray(np.unique(position)[1:-1] / fs_hz)


def variability(beats_s: list[Float64Array]) -> Variability | None:
    """Variability of the intervals between beats.

    Args:
        beats_s: Beat times, one array an unbroken stretch of the wave, seconds.

    Returns:
        The figures, or None where fewer than :data:`MIN_INTERVALS` intervals are plausible.
    """
    intervals = [1000 * np.diff(stretch_s) for stretch_s in beats_s]
    if sum(map(len, intervals)) < MIN_INTERVALS:
        return None
    median_ms = float(np.median(np.concatenate(intervals)))
    accepted = [np.abs(ms - median_ms) <= MAX_INTERVAL_CHANGE * median_ms for ms in intervals]
    kept = np.concatenate([ms[keep] for ms, keep in zip(intervals, accepted, strict=True)])
    # A successive difference counts only where both of its intervals do.
    differences = np.concatenate(
        [np.diff(ms)[keep[1:] & keep[:-1]] for ms, keep in zip(intervals, accepted, strict=True)]
    )
    if len(kept) < MIN_INTERVALS or len(differences) == 0:
        return None
    return Variability(
        mean_interval_ms=float(kept.mean()),
        sdnn_ms=float(kept.std(ddof=1)),
        rmssd_ms=float(np.sqrt(np.mean(differences**2))),
        n_intervals=len(kept),
    )
