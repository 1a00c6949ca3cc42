"""Trend removal and band-pass filtering of signals along their first axis."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded
from scipy.signal import butter, sosfiltfilt

from rfacenet.errors import SettingsError, TooShortError
from rfacenet.types import Float64Array

PULSE_BAND_HZ = (0.5, 4.2)
"""The band of human heart rates, 30 to 252 bpm. Source: rFaceNet, Eq. 3."""

TREND_CUTOFF_HZ = 0.3
"""Slower changes than this (light, posture) are trend, not pulse."""


def detrend(x: Float64Array, smoothness: float) -> Float64Array:
    """Remove the slow trend of a signal by the smoothness-priors method.

    The trend is the curve that balances closeness to ``x`` against the energy of its second differences;
    what is left is ``x`` high-passed without phase shift and without edge transients.

    Args:
        x: Signal, ``(T,)`` or ``(T, C)``, any unit.
        smoothness: The paper's λ. Its effect depends on the sampling rate: see :func:`smoothness_at`.

    Returns:
        The signal without its trend, same shape and unit.

    Raises:
        TooShortError: Fewer than three samples.

    Source: Tarvainen, Ranta-aho, Karjalainen, "An advanced detrending method with application to HRV
        analysis", IEEE TBME 49(2), 2002, Eq. 16. The matrix there has five diagonals, so that it is solved
        in time proportional to ``T`` instead of being inverted.
    """
    n = len(x)
    if n < 3:
        raise TooShortError(f"A signal of {n} samples has no trend to remove: at least 3 are needed.")
    # I + λ² D₂ᵀD₂, upper diagonals only: D₂ has rows (1, −2, 1).
    second, first, main = np.zeros(n), np.zeros(n), np.zeros(n)
    main[:-2] += 1
    main[1:-1] += 4
    main[2:] += 1
    first[1:-1] -= 2
    first[2:] -= 2
    second[2:] += 1
    bands = smoothness**2 * np.stack([second, first, main])
    bands[2] += 1
    trend: Float64Array = solveh_banded(bands, x, check_finite=False)
    return x - trend


def smoothness_at(fs_hz: float, cutoff_hz: float = TREND_CUTOFF_HZ) -> float:
    """The λ of :func:`detrend` that halves the amplitude of a wave at ``cutoff_hz``.

    Source: Tarvainen et al. 2002, frequency response of the method: ``λ²ω⁴ / (1 + λ²ω⁴)`` for slow ``ω``.
    The field's usual λ = 100 is a cut-off of 0.48 Hz at 30 frames per second, inside the pulse band.
    """
    return float((fs_hz / (2 * np.pi * cutoff_hz)) ** 2)


def usable_band(fs_hz: float, band_hz: tuple[float, float] = PULSE_BAND_HZ) -> tuple[float, float]:
    """The part of a band that a sampling rate can carry: its top stays below 95 % of the Nyquist rate.

    Raises:
        SettingsError: Nothing of the band is left.
    """
    low, high = band_hz
    high = min(high, 0.95 * fs_hz / 2)
    if high <= low:
        raise SettingsError(
            f"A sampling rate of {fs_hz:.3g} Hz cannot carry {band_hz[0]:g} to {band_hz[1]:g} Hz: "
            f"it takes more than {2 * low / 0.95:.2g} Hz."
        )
    return low, high


def bandpass(
    x: Float64Array, fs_hz: float, band_hz: tuple[float, float] = PULSE_BAND_HZ, order: int = 2
) -> Float64Array:
    """Butterworth band-pass, run forwards and backwards so that nothing is delayed.

    Args:
        x: Signal, ``(T, ...)``, filtered along its first axis; any unit.
        fs_hz: Sampling rate, Hz.
        band_hz: Pass band, Hz; its top is lowered to what ``fs_hz`` can carry.
        order: Order of one pass.

    Returns:
        The filtered signal, same shape and unit.

    Raises:
        SettingsError: The band lies above what ``fs_hz`` can carry.
        TooShortError: Fewer than two samples.
    """
    if len(x) < 2:
        raise TooShortError(f"A signal of {len(x)} sample(s) cannot be filtered: at least 2 are needed.")
    sos = butter(order, usable_band(fs_hz, band_hz), btype="bandpass", fs=fs_hz, output="sos")
    # SciPy's own length of odd extension, bounded by what a short signal has.
    padding = min(3 * (2 * len(sos) + 1), len(x) - 1)
    filtered: Float64Array = sosfiltfilt(sos, x, axis=0, padlen=padding)
    return filtered


def clean_pulse(bvp: Float64Array, fs_hz: float) -> Float64Array:
    """A method's raw pulse wave, without trend and band-limited to :data:`PULSE_BAND_HZ`, at unit variance.

    Every method's output passes through here, so that methods differ in what they extract alone.

    Args:
        bvp: Raw pulse wave, ``(T,)``, any unit.
        fs_hz: Sampling rate, Hz.

    Returns:
        Pulse wave, ``(T,)``, standardised; all zeros where the input is constant.
    """
    centred = bvp - bvp.mean()
    wave = bandpass(detrend(centred, smoothness_at(fs_hz)), fs_hz)
    # Rounding noise of a constant is not a pulse and must not be blown up to unit variance. The floor is a
    # millionth of what the weakest pulse is by any method: they put out relative colours, levels or more.
    floor = 1e-9 * max(float(np.abs(bvp).max()), 1.0)
    spread = float(wave.std())
    return wave / spread if spread > floor else np.zeros_like(wave)
