"""Pulse wave → power spectrum → heart rate, and how far the pulse stands out of the noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from rfacenet.errors import TooShortError
from rfacenet.signal.filters import PULSE_BAND_HZ, usable_band
from rfacenet.types import Float64Array

GRID_BPM = 0.1
"""Spacing of the spectrum's frequencies, beats per minute."""

PEAK_HALF_WIDTH_BPM = 6.0
"""What counts as belonging to a spectral peak, either side. Source: rPPG-Toolbox, SNR (6 bpm)."""

HARMONIC_WEIGHT = 0.4
"""What power at twice a rate counts for it (``docs/quality.md``). At 1, half the rate of a wave without any
harmonic would do as well as the rate itself."""


@dataclass(frozen=True, slots=True)
class PowerSpectrum:
    """Power of a pulse wave over the pulse band.

    Attributes:
        rate_bpm: Frequencies, ``(F,)``, beats per minute.
        power: Power at each, ``(F,)``, arbitrary unit.
        resolution_bpm: Distance from a peak to its first zero, given by the signal's length.
        fs_bpm: Sampling rate of the pulse wave, samples per minute.
    """

    rate_bpm: Float64Array
    power: Float64Array
    resolution_bpm: float
    fs_bpm: float


def shortest_length(fs_hz: float, band_hz: tuple[float, float] = PULSE_BAND_HZ) -> int:
    """Samples in two periods of the band's lowest frequency: less cannot tell a rate."""
    return int(np.ceil(2 / band_hz[0] * fs_hz - 1e-6))


def power_spectrum(
    bvp: Float64Array, fs_hz: float, band_hz: tuple[float, float] = PULSE_BAND_HZ
) -> PowerSpectrum:
    """Power spectrum of a pulse wave, zero-padded to a grid of at most 0.1 bpm.

    No taper: a heart rate wanders, and a taper would make it the rate of the middle. On simulated waves of
    10 s a Hann window costs half as much error again, at every level of noise.

    Args:
        bvp: Pulse wave, ``(T,)``, any unit; the mean is removed here.
        fs_hz: Sampling rate, Hz.
        band_hz: Band to return, Hz; its top is lowered to what ``fs_hz`` can carry.

    Raises:
        TooShortError: Fewer than two periods of the band's lowest frequency.
    """
    n = len(bvp)
    if n < shortest_length(fs_hz, band_hz):
        raise TooShortError(
            f"A pulse wave of {n / fs_hz:.1f} s is too short for a heart rate: "
            f"{2 / band_hz[0]:g} s are needed."
        )
    n_fft = next_fast_len(max(n, int(np.ceil(60 * fs_hz / GRID_BPM))), real=True)
    amplitude = np.fft.rfft(bvp - bvp.mean(), n_fft)
    rate_bpm = np.arange(len(amplitude)) * (60 * fs_hz / n_fft)
    low, high = usable_band(fs_hz, band_hz)
    inside = (rate_bpm >= 60 * low) & (rate_bpm <= 60 * high)
    return PowerSpectrum(rate_bpm[inside], np.abs(amplitude[inside]) ** 2, 60 * fs_hz / n, 60 * fs_hz)


def pulse_rate_bpm(spectrum: PowerSpectrum, harmonic_weight: float = HARMONIC_WEIGHT) -> float:
    """Heart rate as the frequency of most power, a part of that at its second harmonic counted in.

    A slow pulse has a dicrotic wave, which can stand above the pulse itself once drifting light has drowned
    what is slow.

    Args:
        spectrum: Power spectrum over the pulse band.
        harmonic_weight: What power at twice a rate counts for it; at 0, the highest peak is the rate.

    Source: rFaceNet, Eq. 3.
    Differs: Eq. 3 takes the highest peak alone. The grid is interpolated to 0.1 bpm, where a plain FFT of 128
        frames has bins of 14 bpm.
    """
    harmonic_bpm = _harmonic_bpm(spectrum, spectrum.rate_bpm)
    harmonic = np.interp(harmonic_bpm, spectrum.rate_bpm, spectrum.power, left=0, right=0)
    # At about a third of the sampling rate the harmonic folds back onto the rate, which counts once.
    harmonic[np.abs(harmonic_bpm - spectrum.rate_bpm) <= _half_width_bpm(spectrum)] = 0
    return float(spectrum.rate_bpm[np.argmax(spectrum.power + harmonic_weight * harmonic)])


def heart_rate_bpm(bvp: Float64Array, fs_hz: float, band_hz: tuple[float, float] = PULSE_BAND_HZ) -> float:
    """Heart rate of a pulse wave: :func:`pulse_rate_bpm` of its :func:`power_spectrum`.

    Args:
        bvp: Pulse wave, ``(T,)``, any unit.
        fs_hz: Sampling rate, Hz.
        band_hz: Search band, Hz.

    Returns:
        Heart rate, beats per minute.

    Raises:
        TooShortError: Fewer than two periods of the band's lowest frequency.

    Source: rFaceNet, Eq. 3.
    """
    return pulse_rate_bpm(power_spectrum(bvp, fs_hz, band_hz))


def at_pulse(spectrum: PowerSpectrum, rate_bpm: float) -> NDArray[np.bool_]:
    """Which frequencies of a spectrum belong to a heart rate or its second harmonic, ``(F,)``.

    Differs: the half width is 6 bpm as in the field's common tool, but never less than the signal's length
        can resolve, so that short windows are not called noisy for their width alone.
    """
    half_width = _half_width_bpm(spectrum)
    near = np.abs(spectrum.rate_bpm - rate_bpm) <= half_width
    near_harmonic = np.abs(spectrum.rate_bpm - _harmonic_bpm(spectrum, rate_bpm)) <= half_width
    return near | near_harmonic


def _half_width_bpm(spectrum: PowerSpectrum) -> float:
    return max(PEAK_HALF_WIDTH_BPM, spectrum.resolution_bpm)


def _harmonic_bpm(spectrum: PowerSpectrum, rate_bpm: float | Float64Array) -> Float64Array:
    """Where the second harmonic of a rate shows: a slow camera folds it back into the band."""
    twice = 2 * np.asarray(rate_bpm)
    folded: Float64Array = np.minimum(twice, spectrum.fs_bpm - twice)
    return folded


def snr_db(spectrum: PowerSpectrum, rate_bpm: float) -> float:
    """Power at a heart rate and its second harmonic over the rest of the band's power, in decibels.

    Args:
        spectrum: Power spectrum over the pulse band.
        rate_bpm: The heart rate, beats per minute.

    Returns:
        10·log₁₀ of the ratio, kept within ±60 dB; −60 dB for a spectrum without power.

    Source: de Haan and Jeanne 2013, Section III-C.
    """
    counted = at_pulse(spectrum, rate_bpm)
    pulse, rest = float(spectrum.power[counted].sum()), float(spectrum.power[~counted].sum())
    if pulse <= 0:
        return -60.0
    return float(np.clip(10 * np.log10(pulse / max(rest, 1e-300)), -60, 60))
