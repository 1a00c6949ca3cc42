"""Colour traces of skin: relative changes, and how much of them is the colour of blood."""

from __future__ import annotations

import numpy as np

from rfacenet.signal.filters import bandpass, detrend, smoothness_at
from rfacenet.types import Float64Array

PULSE_COLOUR = np.array([0.33, 0.77, 0.53])
"""Relative pulsatility of R, G and B. Source: de Haan and van Leest 2014, Section 2."""

DARKEST = 0.5
"""A channel with a smaller mean, of 255, is black and has no colour to compare."""


def inverse(mean: Float64Array) -> Float64Array:
    """``1 / mean`` of colour channels; zero for a black one, whose quotient would be rounding noise."""
    lit = mean > DARKEST
    return np.where(lit, 1 / np.where(lit, mean, 1.0), 0.0)


def relative(rgb: Float64Array) -> Float64Array:
    """Each channel divided by its mean, minus one; a black channel stays zero.

    Works along the second-last axis, so that windows may be stacked in front: ``(..., T, 3)``.
    """
    mean = rgb.mean(axis=-2, keepdims=True)
    change: Float64Array = (rgb - mean) * inverse(mean)
    return change


def colour_changes(rgb: Float64Array, fs_hz: float) -> Float64Array:
    """Relative changes of a colour trace ``(T, 3)`` within the pulse band, same shape."""
    return bandpass(detrend(relative(rgb), smoothness_at(fs_hz)), fs_hz)


def pulse_colour_share(changes: Float64Array, fs_hz: float, rate_bpm: float) -> float:
    """How much of what the skin's colour does at a rate is what blood does, rather than light or movement.

    Blood changes R, G and B in proportions of their own, while light and movement change them alike. So the
    three channels' amplitude and phase at the rate are taken as a sum of both (least squares); movement whose
    rhythm passes for a pulse in a wave gives itself away here.

    Args:
        changes: :func:`colour_changes` of the stretch, ``(T, 3)``.
        fs_hz: Sampling rate, Hz.
        rate_bpm: The rate in question, beats per minute.

    Returns:
        Amplitude of the pulse over the sum of both amplitudes, in the green channel, 0 to 1.

    Source: the skin-reflection model of Wang et al. 2017, Eqs. 5 and 14.
    """
    phase = 2 * np.pi * rate_bpm / 60 / fs_hz * np.arange(len(changes))
    amplitudes = (np.hanning(len(changes)) * np.exp(-1j * phase)) @ changes
    parts = np.stack([PULSE_COLOUR, np.ones(3)], axis=1).astype(complex)
    (blood, light), *_ = np.linalg.lstsq(parts, amplitudes, rcond=None)
    in_green = abs(blood) * PULSE_COLOUR[1]
    total = in_green + abs(light)
    return float(in_green / total) if total > 0 else 0.0
