"""From a pair of pulse waves to one item's score, under a named protocol, and from scores to a table's row.

``toolbox-2023`` repeats the arithmetic of the published tables, coarse as it is, so that numbers can be held
beside theirs. ``interpolated`` reads a heart rate as the rest of rfacenet does, and is the default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import periodogram

from rfacenet import metrics
from rfacenet.errors import NoPulseError, SettingsError, TooShortError
from rfacenet.metrics import Metric
from rfacenet.signal.filters import bandpass, clean_pulse, detrend
from rfacenet.signal.spectrum import (
    PEAK_HALF_WIDTH_BPM,
    PowerSpectrum,
    power_spectrum,
    pulse_rate_bpm,
    snr_db,
)
from rfacenet.types import Float64Array

TOOLBOX_BAND_HZ = (0.75, 2.5)
"""Heart rates that the published tables can hold, 45 to 150 bpm. Source: rPPG-Toolbox until March 2025."""

TOOLBOX_SMOOTHNESS = 100.0
"""λ of Tarvainen's detrending. Source: rPPG-Toolbox."""

TOOLBOX_SHORTEST = 10
"""Samples: one more than its filter repeats at either end."""


@dataclass(frozen=True, slots=True)
class ItemScore:
    """What a protocol says of one video or segment.

    Attributes:
        predicted_bpm: Heart rate of the predicted wave, beats per minute.
        true_bpm: Heart rate of the reference wave, or the device's.
        snr_db: Signal-to-noise ratio of the predicted wave at the true rate, decibels as the protocol counts
            them; None for a method that gives no wave.
        macc: :func:`macc` of the two waves, 0 to 1; None where there is only one.
    """

    predicted_bpm: float
    true_bpm: float
    snr_db: float | None = None
    macc: float | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One cell of a table.

    Attributes:
        name: Metric with its unit, such as ``mae_bpm``.
        value: The metric.
        standard_error: By the protocol's formula, in the metric's unit. The exception is ``rmse_bpm`` under
            ``toolbox-2023``: see :func:`~rfacenet.metrics.rmse_plus_minus_toolbox_2023_bpm2`.
        low: Lower end of the bootstrap interval.
        high: Upper end of the bootstrap interval.
    """

    name: str
    value: float
    standard_error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RateProtocol:
    """How a heart rate is read off a wave, and how sure a table of heart rates is said to be.

    Attributes:
        name: The protocol's name in tables.
        clean: Raw wave and sampling rate (Hz) → filtered wave, all zeros where the raw one is constant.
        spectrum: Filtered wave and sampling rate (Hz) → power spectrum.
        rate_bpm: Power spectrum → heart rate, beats per minute.
        snr_db: Power spectrum and true heart rate → signal-to-noise ratio, decibels.
        rmse_plus_minus: Predicted and true heart rates → what stands behind the ± of an RMSE.
    """

    name: str
    clean: Callable[[Float64Array, float], Float64Array]
    spectrum: Callable[[Float64Array, float], PowerSpectrum]
    rate_bpm: Callable[[PowerSpectrum], float]
    snr_db: Callable[[PowerSpectrum, float], float]
    rmse_plus_minus: Metric

    def score(
        self, predicted_wave: ArrayLike, true_wave: ArrayLike, fs_hz: float, *, differences: bool = False
    ) -> ItemScore:
        """Read one item's heart rates and compare its waves.

        Args:
            predicted_wave: A method's pulse wave, ``(T,)``, any unit.
            true_wave: Reference pulse wave, ``(T,)``, at the same times.
            fs_hz: Sampling rate of both, Hz.
            differences: Whether both are frame-to-frame differences, which are summed up first.

        Raises:
            SettingsError: The waves differ in length, are not finite, or ``fs_hz`` cannot carry a pulse.
            TooShortError: The waves are too short for the protocol.
            NoPulseError: A wave is constant.
        """
        _check_rate(fs_hz)
        predicted, true = _pair(predicted_wave, true_wave)
        predicted, true = (
            self._cleaned(np.cumsum(wave) if differences else wave, fs_hz, name)
            for wave, name in ((predicted, "predicted"), (true, "reference"))
        )
        spectrum = self.spectrum(predicted, fs_hz)
        true_bpm = self.rate_bpm(self.spectrum(true, fs_hz))
        return ItemScore(
            self.rate_bpm(spectrum), true_bpm, self.snr_db(spectrum, true_bpm), macc(predicted, true)
        )

    def score_rate(self, predicted_wave: ArrayLike, true_bpm: float, fs_hz: float) -> ItemScore:
        """Read one item's heart rate where the true one is known as a number alone.

        Args:
            predicted_wave: A method's pulse wave, ``(T,)``, any unit.
            true_bpm: Heart rate that a device gave.
            fs_hz: Sampling rate, Hz.

        Returns:
            The score, without MACC.

        Raises:
            SettingsError: The wave is not finite, or ``fs_hz`` cannot carry a pulse.
            TooShortError: The wave is too short for the protocol.
            NoPulseError: The wave is constant.
        """
        _check_rate(fs_hz)
        wave, _ = _pair(predicted_wave, predicted_wave)
        spectrum = self.spectrum(self._cleaned(wave, fs_hz, "predicted"), fs_hz)
        return ItemScore(self.rate_bpm(spectrum), true_bpm, self.snr_db(spectrum, true_bpm))

    def score_given_rate(self, predicted_bpm: float, true_wave: ArrayLike, fs_hz: float) -> ItemScore:
        """Score of a method that gives a heart rate and no wave.

        Args:
            predicted_bpm: Its heart rate, beats per minute.
            true_wave: Reference pulse wave, ``(T,)``, any unit.
            fs_hz: Sampling rate, Hz.

        Returns:
            The score, without SNR and MACC.

        Raises:
            SettingsError: The wave is not finite, or ``fs_hz`` cannot carry a pulse.
            TooShortError: The wave is too short for the protocol.
            NoPulseError: The wave is constant.
        """
        _check_rate(fs_hz)
        wave, _ = _pair(true_wave, true_wave)
        true_bpm = self.rate_bpm(self.spectrum(self._cleaned(wave, fs_hz, "reference"), fs_hz))
        return ItemScore(predicted_bpm, true_bpm)

    def _cleaned(self, wave: Float64Array, fs_hz: float, name: str) -> Float64Array:
        cleaned = self.clean(wave, fs_hz)
        if not cleaned.any():
            raise NoPulseError(f"The {name} wave is constant and has no heart rate: count it as not read.")
        return cleaned


def macc(predicted_wave: ArrayLike, true_wave: ArrayLike) -> float:
    """Largest correlation of two waves, regardless of sign, over all lags.

    A lag is circular: what leaves the wave at its end comes back at its start. So a wave's mean and deviation
    stay the same at every lag, and all correlations together are one product of Fourier transforms.

    Args:
        predicted_wave: Pulse wave, ``(T,)``, any unit.
        true_wave: Pulse wave, ``(T,)``, any unit.

    Returns:
        0 to 1; nan where a wave is constant.

    Raises:
        SettingsError: The waves differ in length, are empty or not finite.

    Source: rPPG-Toolbox, "maximum amplitude of cross-correlation".
    """
    predicted, true = _pair(predicted_wave, true_wave)
    if np.ptp(predicted) == 0 or np.ptp(true) == 0:
        return float("nan")
    predicted, true = predicted - predicted.mean(), true - true.mean()
    n = len(predicted)
    products = np.fft.irfft(np.fft.rfft(predicted) * np.fft.rfft(true).conj(), n)
    size = float(np.linalg.norm(predicted) * np.linalg.norm(true))
    return min(1.0, float(np.abs(products).max()) / size)


def toolbox_clean(wave: Float64Array, fs_hz: float) -> Float64Array:
    """A wave as the published tables filter it, prediction and reference alike; zeros for a constant one.

    Args:
        wave: Pulse wave, ``(T,)``, any unit; of differences, their cumulative sum.
        fs_hz: Sampling rate, Hz.

    Raises:
        TooShortError: Fewer samples than the filter's own padding takes.

    Source: rPPG-Toolbox, September 2023: detrending with λ = 100 whatever the sampling rate, then a
        Butterworth band-pass of order 1, 0.75 to 2.5 Hz, forwards and backwards.
    """
    if len(wave) < TOOLBOX_SHORTEST:
        raise TooShortError(
            f"A wave of {len(wave)} samples is too short to score: at least {TOOLBOX_SHORTEST} are needed."
        )
    cleaned = bandpass(detrend(wave, TOOLBOX_SMOOTHNESS), fs_hz, TOOLBOX_BAND_HZ, order=1)
    rounding = 1e-9 * float(np.abs(wave).max())
    return cleaned if float(cleaned.std()) > rounding else np.zeros_like(cleaned)


def toolbox_spectrum(wave: Float64Array, fs_hz: float) -> PowerSpectrum:
    """Periodogram up to half the sampling rate, zero-padded to the next power of two and no further.

    Its grid is 60·fs over that power: 0.88 bpm for a minute at 30 Hz, 3.5 bpm for 10 s, 14 bpm for 128
    frames.

    Args:
        wave: Pulse wave, ``(T,)``, any unit.
        fs_hz: Sampling rate, Hz.

    Source: rPPG-Toolbox.
    """
    n_fft = 1 << (len(wave) - 1).bit_length()
    frequency_hz, power = periodogram(wave, fs_hz, nfft=n_fft, detrend=False)
    return PowerSpectrum(60 * frequency_hz, power, 60 * fs_hz / len(wave), 60 * fs_hz)


def highest_rate_bpm(spectrum: PowerSpectrum, band_hz: tuple[float, float] = TOOLBOX_BAND_HZ) -> float:
    """The grid's frequency of most power within a band, both ends included; nothing is interpolated.

    Raises:
        TooShortError: No frequency of the grid lies within the band.

    Source: rPPG-Toolbox.
    """
    inside = np.flatnonzero(_in_band(spectrum, band_hz))
    if len(inside) == 0:
        raise TooShortError(
            "The wave is too short for a heart rate: "
            f"no frequency of its spectrum lies within {band_hz[0]:g} to {band_hz[1]:g} Hz."
        )
    return float(spectrum.rate_bpm[inside[np.argmax(spectrum.power[inside])]])


def toolbox_snr_db(
    spectrum: PowerSpectrum,
    rate_bpm: float,
    *,
    band_hz: tuple[float, float] = TOOLBOX_BAND_HZ,
    half_width_bpm: float = PEAK_HALF_WIDTH_BPM,
    db_per_decade: float = 10.0,
) -> float:
    """Power near a heart rate and near twice that over what else is in the band.

    Args:
        spectrum: Power spectrum from zero on: twice the rate may lie above the band.
        rate_bpm: The true heart rate, beats per minute.
        band_hz: Where the rest is counted.
        half_width_bpm: How far near is.
        db_per_decade: 10 for decibels. Until June 2024 the tool that the tables come from took 20, which
            doubles every figure.

    Returns:
        The ratio, kept within ±60 dB where ``db_per_decade`` is 10, twice that where it is 20.

    Source: rPPG-Toolbox; after de Haan and Jeanne 2013, Section III-C.
    Differs: the limits, where a ratio would be infinite.
    """
    near = np.abs(spectrum.rate_bpm - rate_bpm) <= half_width_bpm
    near |= np.abs(spectrum.rate_bpm - 2 * rate_bpm) <= half_width_bpm
    pulse = float(spectrum.power[near].sum())
    rest = float(spectrum.power[~near & _in_band(spectrum, band_hz)].sum())
    decades = np.log10(max(pulse, 1e-300)) - np.log10(max(rest, 1e-300))
    return float(db_per_decade * np.clip(decades, -6, 6))


TOOLBOX_2023 = RateProtocol(
    "toolbox-2023",
    clean=toolbox_clean,
    spectrum=toolbox_spectrum,
    rate_bpm=highest_rate_bpm,
    snr_db=partial(toolbox_snr_db, db_per_decade=20.0),
    rmse_plus_minus=metrics.rmse_plus_minus_toolbox_2023_bpm2,
)
"""The published tables' arithmetic.

Source: rPPG-Toolbox, September 2023, whose standard errors rFaceNet's Tables 2 and 3 print.
"""

INTERPOLATED = RateProtocol(
    "interpolated",
    clean=clean_pulse,
    spectrum=power_spectrum,
    rate_bpm=pulse_rate_bpm,
    snr_db=snr_db,
    rmse_plus_minus=metrics.rmse_standard_error_bpm,
)
"""As a person's video is read: 30 to 252 bpm on a grid of 0.1 bpm."""

READINGS = {protocol.name: protocol for protocol in (INTERPOLATED, TOOLBOX_2023)}
"""The protocols by name, the default first."""


def summarise(
    scores: Sequence[ItemScore],
    protocol: RateProtocol = INTERPOLATED,
    *,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> dict[str, Measure]:
    """All metrics of a test set, each with its standard error and bootstrap interval.

    Args:
        scores: One an item, all by the same protocol.
        protocol: That protocol.
        groups: Each item's subject, to resample subjects instead of items; the standard errors' formulas take
            items as independent all the same.
        confidence: Of the intervals, between 0 and 1.
        n_resamples: Samples of the bootstrap.
        seed: Of the bootstrap; the same for every metric, so that their samples are the same.

    Returns:
        By name: ``bias_bpm``, ``mae_bpm``, ``rmse_bpm``, ``mape_percent``, ``sd_bpm``, ``sd_absolute_bpm``,
        ``pearson``, and ``snr_db`` and ``macc`` where every item has one.

    Raises:
        SettingsError: There is no item, or one without a finite heart rate; see also
            :func:`~rfacenet.metrics.bootstrap_interval`.
    """
    interval = partial(
        metrics.bootstrap_interval,
        groups=groups,
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seed,
    )
    pairs = (
        np.array([score.predicted_bpm for score in scores], dtype=np.float64),
        np.array([score.true_bpm for score in scores], dtype=np.float64),
    )
    rows: list[tuple[str, Metric, Metric, tuple[Float64Array, ...]]] = [
        ("bias_bpm", metrics.bias_bpm, metrics.bias_standard_error_bpm, pairs),
        ("mae_bpm", metrics.mae_bpm, metrics.mae_standard_error_bpm, pairs),
        ("rmse_bpm", metrics.rmse_bpm, protocol.rmse_plus_minus, pairs),
        ("mape_percent", metrics.mape_percent, metrics.mape_standard_error_percent, pairs),
        ("sd_bpm", metrics.sd_bpm, metrics.sd_standard_error_bpm, pairs),
        ("sd_absolute_bpm", metrics.sd_absolute_bpm, metrics.sd_absolute_standard_error_bpm, pairs),
        ("pearson", metrics.pearson, metrics.pearson_standard_error, pairs),
    ]
    snrs_db, maccs = [score.snr_db for score in scores], [score.macc for score in scores]
    for name, values in (("snr_db", snrs_db), ("macc", maccs)):
        if None not in values:
            column = np.array(values, dtype=np.float64)
            rows.append((name, metrics.mean, metrics.standard_error, (column,)))
    return {
        name: Measure(name, float(metric(*columns)), float(error(*columns)), *interval(metric, *columns))
        for name, metric, error, columns in rows
    }


def _check_rate(fs_hz: float) -> None:
    if not (np.isfinite(fs_hz) and fs_hz > 0):
        raise SettingsError(f"A sampling rate of {fs_hz} Hz cannot be: give the waves' samples per second.")


def _pair(predicted_wave: ArrayLike, true_wave: ArrayLike) -> tuple[Float64Array, Float64Array]:
    """Two waves as arrays, or an error that says why they cannot be compared."""
    predicted = np.asarray(predicted_wave, dtype=np.float64)
    true = np.asarray(true_wave, dtype=np.float64)
    if predicted.ndim != 1 or predicted.shape != true.shape or len(true) == 0:
        raise SettingsError(
            f"Waves of shapes {predicted.shape} and {true.shape} cannot be compared: "
            "both must be one row of samples at the same times."
        )
    if not (np.isfinite(predicted).all() and np.isfinite(true).all()):
        raise SettingsError("A wave has samples that are not finite: leave this item out, and count it.")
    return predicted, true


def _in_band(spectrum: PowerSpectrum, band_hz: tuple[float, float]) -> NDArray[np.bool_]:
    return (spectrum.rate_bpm >= 60 * band_hz[0]) & (spectrum.rate_bpm <= 60 * band_hz[1])
