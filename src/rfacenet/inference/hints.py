"""What is missing for a heart rate, or what would help, in one sentence for the person before the camera."""

from __future__ import annotations

import math

import numpy as np

from rfacenet.inference.reading import MAX_GAP_S, Reading
from rfacenet.inference.sampling import FaceSamples
from rfacenet.signal.filters import PULSE_BAND_HZ
from rfacenet.types import Float64Array

NOTHING_YET = "Waiting for the first picture."

LEAST_S = 2 / PULSE_BAND_HZ[0]
"""No rate is read off less than two of the slowest beats."""

LATELY_S = 2.0
"""Light and movement are judged by this much."""

DARK, BRIGHT = 40.0, 250.0
"""Mean level, of 255, of a face's brightest channel: the pulse is a hundredth of it, and so below the noise
of a webcam in the one case, cut off in the other."""

RESTLESS = 0.025
"""Deviation of a face's brightness, as a share of it, that no pulse reaches (simulated ones: up to 0.019)."""


def hint_of(seen: FaceSamples, reading: Reading, window_s: float, least_s: float = 0.0) -> str | None:
    """The one hint that helps most; None where there is nothing to do.

    Args:
        seen: The samples of the rolling window.
        reading: What they say.
        window_s: How long the window is once it is full.
        least_s: What the method needs for a heart rate, where that is more than any needs.
    """
    if not seen.present[-1]:
        return "No face is seen: look into the camera, with the whole face in the picture."
    steady_s, full_s = _steady_s(seen), window_s - 0.1  # ... which frames of 10 Hz fill
    if reading.heart_rate_bpm is not None:
        return None if steady_s >= full_s else f"Settling: hold still for {_seconds(full_s - steady_s)}."
    cause = _cause(seen)
    if cause:
        return cause
    least_s = max(LEAST_S, least_s)
    if steady_s < least_s:
        return f"Hold still: {_seconds(least_s - steady_s)} until the first heart rate."
    if np.isnan(reading.bvp.value).all() and reading.reason:
        return reading.reason  # no wave at all, though there is a face
    if steady_s < full_s:
        return f"No clear pulse yet: hold still for {_seconds(full_s - steady_s)}."
    return "No clear pulse: hold still, with more light on the face."


def _seconds(missing_s: float) -> str:
    """A time in whole seconds, at least one."""
    seconds = max(1, math.ceil(missing_s))
    return f"{seconds} more second" + "s" * (seconds > 1)


def _steady_s(seen: FaceSamples) -> float:
    """For how long the face has been seen without a break, seconds."""
    present_s = seen.t_s[seen.present]
    breaks = np.flatnonzero(np.diff(present_s) > MAX_GAP_S)
    return float(present_s[-1] - present_s[breaks[-1] + 1 if len(breaks) else 0])


def _cause(seen: FaceSamples) -> str | None:
    """What is wrong with the light or the face's rest, if it shows."""
    lately = seen.present & (seen.t_s >= seen.t_s[-1] - LATELY_S)
    level = seen.colours[lately].mean(axis=1)
    brightest = float(seen.colours[lately].mean(axis=0).max())
    if brightest < DARK:
        return "It is too dark: turn on a light, or face a window."
    if brightest > BRIGHT:
        return "It is too bright: turn away from the light, or dim it."
    if _deviation(level, seen.t_s[lately]) > RESTLESS:
        return "Hold still, in steady light."
    return None


def _deviation(level: Float64Array, t_s: Float64Array) -> float:
    """Standard deviation about a straight line, as a share of the mean."""
    if len(level) < 3:
        return 0.0
    line = np.polyval(np.polyfit(t_s - t_s[0], level, 1), t_s - t_s[0])
    return float((level - line).std() / level.mean())
