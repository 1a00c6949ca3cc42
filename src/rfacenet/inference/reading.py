"""Samples of the face → pulse wave → heart rates. No video in here: only numbers with their times."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import Method
from rfacenet.signal.beats import beat_times, variability
from rfacenet.signal.filters import PULSE_BAND_HZ, clean_pulse, usable_band
from rfacenet.signal.quality import quality
from rfacenet.signal.resample import Stretch, sampling_rate_hz, to_uniform_grid
from rfacenet.signal.spectrum import PowerSpectrum, peak_rate_bpm, power_spectrum, shortest_length
from rfacenet.signal.windows import window_starts
from rfacenet.types import Float64Array, PulseWave, Variability, WindowEstimate

MAX_GAP_S = 0.5
"""Frames missing for longer than this break the pulse wave: half a beat is not interpolated."""

SEGMENT_S = 30.0
"""A long video's rate is the mean of the rates of half-overlapping segments of this length.

Source: rFaceNet, Section 4.2 ("averaging the segment heart rates for the video-level heart rate").
Differs: 30 s where the paper takes 8 s, since a longer segment tells pulse from noise better.
"""

MIN_BEAT_QUALITY = 0.8
"""Single beats take a cleaner wave than a rate does."""

GREY_LEVELS = 0.5
"""Colour channels that differ by less than this, of 255, are one grey channel."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the samples of one video say; the fields are those of :class:`rfacenet.types.Estimate`."""

    bvp: PulseWave
    heart_rate_bpm: float | None = None
    quality: float = 0.0
    reason: str | None = None
    windows: tuple[WindowEstimate, ...] = ()
    beats_s: tuple[float, ...] = ()
    variability: Variability | None = None
    notes: list[str] = field(default_factory=list)


def rate_of(bvp: Float64Array, fs_hz: float) -> tuple[float, float]:
    """Heart rate in beats per minute and its quality, of an unbroken pulse wave of at least four seconds."""
    spectrum = power_spectrum(bvp, fs_hz)
    rate_bpm = peak_rate_bpm(spectrum)
    return rate_bpm, quality(spectrum, rate_bpm)


def read_samples(
    t_s: Float64Array, samples: Float64Array, method: Method, settings: EstimateSettings
) -> Reading:
    """Extract the pulse from samples of the face and read the heart rate off it.

    Args:
        t_s: Increasing frame times, ``(T,)``, seconds, starting at 0.
        samples: What the method reads of each frame, ``(T, C)``; NaN where there was no face.
        method: How the pulse is extracted.
        settings: Windows and thresholds.
    """
    if len(t_s) < 2:
        single = "The video has a single frame; at least 4 s are needed for a heart rate."
        return Reading(PulseWave(0.0, np.empty(0)), reason=single)
    fs_hz = sampling_rate_hz(t_s)
    n = int(np.floor(t_s[-1] * fs_hz + 1e-6)) + 1
    nothing = PulseWave(fs_hz, np.full(n, np.nan))
    reason = _why_unanswerable(t_s, samples, fs_hz, method)
    if reason:
        return Reading(nothing, reason=reason)
    stretches = [
        Stretch(piece.first, clean_pulse(method.extract(piece.values, fs_hz), fs_hz))
        for piece in to_uniform_grid(t_s, samples, fs_hz, MAX_GAP_S)
        if len(piece.values) >= shortest_length(fs_hz)
    ]
    if not stretches:
        return Reading(nothing, reason=_too_short(t_s, samples, fs_hz))
    wave = nothing.value.copy()
    for piece in stretches:
        wave[piece.first : piece.stop] = piece.values
    rate_bpm, certainty = _overall(stretches, fs_hz, settings.min_quality)
    beats_s = _beats(stretches, fs_hz)
    return Reading(
        bvp=PulseWave(fs_hz, wave),
        heart_rate_bpm=rate_bpm,
        quality=certainty,
        reason=None if rate_bpm is not None else _no_pulse(certainty, settings.min_quality),
        windows=_rolling(wave, fs_hz, settings),
        beats_s=tuple(float(t) for stretch_s in beats_s for t in stretch_s),
        variability=variability(beats_s),
        notes=_band_note(fs_hz),
    )


def _segments(stretches: list[Stretch], fs_hz: float) -> list[Float64Array]:
    """Half-overlapping segments of :data:`SEGMENT_S` of unbroken waves."""
    length = round(SEGMENT_S * fs_hz)
    return [
        piece.values[start : start + length]
        for piece in stretches
        for start in window_starts(len(piece.values), length, length // 2)
    ]


def segment_spectrum(bvp: PulseWave) -> PowerSpectrum:
    """Mean power spectrum of the segments whose rates make up a video's rate.

    Args:
        bvp: Pulse wave with at least four unbroken seconds.
    """
    stretches = to_uniform_grid(bvp.t_s, bvp.value[:, None], bvp.fs_hz, 1.5 / bvp.fs_hz)
    long_enough = [
        Stretch(piece.first, piece.values[:, 0])
        for piece in stretches
        if len(piece.values) >= shortest_length(bvp.fs_hz)
    ]
    spectra = [power_spectrum(segment, bvp.fs_hz) for segment in _segments(long_enough, bvp.fs_hz)]
    return replace(spectra[0], power=np.mean([spectrum.power for spectrum in spectra], axis=0))


def _overall(stretches: list[Stretch], fs_hz: float, min_quality: float) -> tuple[float | None, float]:
    """Quality-weighted mean rate of the segments that are good enough, and their mean quality."""
    segments = _segments(stretches, fs_hz)
    rates, qualities = np.array([rate_of(segment, fs_hz) for segment in segments]).T
    accepted = qualities >= min_quality
    if not accepted.any():
        return None, float(qualities.max())
    weights = np.maximum(qualities[accepted], 1e-6)
    return float(np.average(rates[accepted], weights=weights)), float(qualities[accepted].mean())


def _rolling(wave: Float64Array, fs_hz: float, settings: EstimateSettings) -> tuple[WindowEstimate, ...]:
    """Rates of windows moved over the whole video; a video shorter than a window is one window."""
    length = min(round(settings.window_s * fs_hz), len(wave))
    step = max(1, round(settings.step_s * fs_hz))
    return tuple(
        _window(wave[start : start + length], start / fs_hz, (start + length - 1) / fs_hz, fs_hz, settings)
        for start in range(0, len(wave) - length + 1, step)
    )


def _window(
    wave: Float64Array, start_s: float, end_s: float, fs_hz: float, settings: EstimateSettings
) -> WindowEstimate:
    """A window's rate, from its longest unbroken part if that is at least half of it."""
    part = _longest_present(wave)
    if len(part) < max(len(wave) / 2, shortest_length(fs_hz)):
        return WindowEstimate(start_s, end_s, None, 0.0)
    rate_bpm, certainty = rate_of(part, fs_hz)
    return WindowEstimate(start_s, end_s, rate_bpm if certainty >= settings.min_quality else None, certainty)


def _longest_present(wave: Float64Array) -> Float64Array:
    """The longest run without a NaN."""
    edges = np.flatnonzero(np.isnan(wave))
    starts = np.concatenate([[0], edges + 1])
    stops = np.concatenate([edges, [len(wave)]])
    longest = np.argmax(stops - starts)
    return wave[starts[longest] : stops[longest]]


def _beats(stretches: list[Stretch], fs_hz: float) -> list[Float64Array]:
    """Beat times of the stretches that are clear enough, seconds."""
    beats = []
    for piece in stretches:
        rate_bpm, certainty = rate_of(piece.values, fs_hz)
        if certainty >= MIN_BEAT_QUALITY:
            beats.append(piece.first / fs_hz + beat_times(piece.values, fs_hz, rate_bpm))
    return beats


def _why_unanswerable(t_s: Float64Array, samples: Float64Array, fs_hz: float, method: Method) -> str | None:
    """The reason why no wave can be extracted at all, or None."""
    seen = ~np.isnan(samples).any(axis=1)
    if not seen.any():
        return (
            f"No face was found in {t_s[-1]:.1f} s of video; choose the region yourself "
            "(the whole frame or a box) if there is skin to see."
        )
    if fs_hz * 0.95 / 2 <= 2 * PULSE_BAND_HZ[0]:
        return f"{fs_hz:.2g} frames per second are too few for a heart rate; record at 10 or more."
    grey = np.abs(samples[seen] - samples[seen].mean(axis=1, keepdims=True)).max() < GREY_LEVELS
    if grey and method.input.needs_colour:
        return f"The video is grey-scale and '{method.name}' works on colour; use the method 'green'."
    return None


def _too_short(t_s: Float64Array, samples: Float64Array, fs_hz: float) -> str:
    least_s = shortest_length(fs_hz) / fs_hz
    if t_s[-1] < least_s:
        return f"The video lasts {t_s[-1]:.1f} s; at least {least_s:.1f} s are needed for a heart rate."
    longest_s = max(
        (len(s.values) / fs_hz for s in to_uniform_grid(t_s, samples, fs_hz, MAX_GAP_S)), default=0
    )
    return (
        f"The face was seen for {longest_s:.1f} s at most without a break; "
        f"at least {least_s:.1f} s are needed for a heart rate."
    )


def _no_pulse(certainty: float, min_quality: float) -> str:
    return (
        f"No pulse was found: the strongest rhythm has a quality of {certainty:.2f} and at least "
        f"{min_quality:.2f} is needed; more light and less movement help."
    )


def _band_note(fs_hz: float) -> list[str]:
    _, high_hz = usable_band(fs_hz)
    if high_hz >= PULSE_BAND_HZ[1]:
        return []
    return [f"At {fs_hz:.1f} frames per second, rates above {60 * high_hz:.0f} bpm cannot be seen."]
