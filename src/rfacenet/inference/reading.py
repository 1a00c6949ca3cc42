"""Samples of the face → pulse wave → heart rates. No video in here: only numbers with their times."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfacenet.inference.sampling import FaceSamples
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import METHODS, ClipInput, Method
from rfacenet.signal.beats import beat_times, variability
from rfacenet.signal.colour import colour_changes, pulse_colour_share
from rfacenet.signal.filters import PULSE_BAND_HZ, clean_pulse, usable_band
from rfacenet.signal.quality import quality
from rfacenet.signal.resample import Resampled, sampling_rate_hz, to_uniform_grid
from rfacenet.signal.spectrum import PowerSpectrum, power_spectrum, pulse_rate_bpm, shortest_length, snr_db
from rfacenet.signal.windows import window_starts
from rfacenet.types import Float64Array, PulseWave, Variability, WindowEstimate

MAX_GAP_S = 0.5
"""Frames missing for longer than this break the pulse wave: half a beat is not interpolated."""

SEGMENT_S = 30.0
"""A long video's rate is the mean of the rates of half-overlapping segments of this length.

Source: rFaceNet, Section 4.2 ("averaging the segment heart rates for the video-level heart rate").
Differs: 30 s where the paper takes 8 s, since a longer segment tells pulse from noise better.
"""

WIDE_RANGE_BPM = 20.0
"""Segments whose rates differ by more than this are worth a note: their mean may be a rate nobody had."""

MIN_FS_HZ = 5.0
"""Slower than this, usual heart rates would fold over and show as slower ones."""

STILL_CHANGES_HZ = 2.0
"""A picture that changes less often is a still one; a compressed one jumps at its key frames."""

WITNESS = METHODS["pos"]
"""Whose wave says how far a rate without a wave can be trusted: does the face's colour have it too?"""

MIN_BEAT_SNR_DB = 9.0
"""Single beats take a cleaner wave than a rate does: on simulated waves, noise adds 8 ms to SDNN and 17 ms to
RMSSD at 9 dB, and 20 and 40 ms at 7 dB."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """An unbroken pulse wave.

    Attributes:
        first: Index of its first sample on the video's grid.
        wave: Samples, ``(T,)``, as the method gave them or cleaned.
        changes: Relative changes of the skin's colour at the same times, ``(T, 3)``; None in grey video.
        course_bpm: Of a method that gives heart rates alone, its rate at each sample, ``(T,)``. The wave is
            then the :data:`WITNESS`'s.
    """

    first: int
    wave: Float64Array
    changes: Float64Array | None
    course_bpm: Float64Array | None = None


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


def rate_of(
    bvp: Float64Array,
    fs_hz: float,
    changes: Float64Array | None = None,
    course_bpm: Float64Array | None = None,
) -> tuple[float, float]:
    """Heart rate and its quality.

    Args:
        bvp: Unbroken pulse wave, ``(T,)``, of at least four seconds.
        fs_hz: Sampling rate, Hz.
        changes: Relative changes of the skin's colour at the same times, ``(T, 3)``; None without colour.
        course_bpm: The heart rate at the same times, ``(T,)``, of a method that gives no wave; the wave is
            then another's, and only says how far it has that rate as well.

    Returns:
        Beats per minute, and quality from 0 to 1.
    """
    spectrum = power_spectrum(bvp, fs_hz)
    rate_bpm = pulse_rate_bpm(spectrum) if course_bpm is None else float(course_bpm.mean())
    share = None if changes is None else pulse_colour_share(changes, fs_hz, rate_bpm)
    return rate_bpm, quality(spectrum, rate_bpm, share)


def read_samples(samples: FaceSamples, method: Method, settings: EstimateSettings) -> Reading:
    """Extract the pulse from samples of the face and read the heart rate off it.

    Args:
        samples: What was kept of the video, as the method needs it.
        method: How the pulse is extracted.
        settings: Windows and thresholds.
    """
    if samples.fs_hz is None:
        single = "The video has a single frame; at least 4 s are needed for a heart rate."
        return Reading(PulseWave(0.0, np.empty(0)), reason=single)
    fs_hz = grid_hz(samples, method)
    n = int(np.floor(samples.t_s[-1] * fs_hz + 1e-6)) + 1
    nothing = PulseWave(fs_hz, np.full(n, np.nan))
    reason = _why_unanswerable(samples, method)
    if reason:
        return Reading(nothing, reason=reason)
    stretches = [
        replace(stretch, wave=clean_pulse(stretch.wave, fs_hz)) for stretch in raw_stretches(samples, method)
    ]
    if not stretches:
        longest_s = max(map(len, _pieces(samples, samples.colours, fs_hz)), default=0) / fs_hz
        return Reading(nothing, reason=_too_short(float(samples.t_s[-1]), longest_s, fs_hz, method))
    wave, changes, course = nothing.value.copy(), np.full((n, 3), np.nan), nothing.value.copy()
    for stretch in stretches:
        part = slice(stretch.first, stretch.first + len(stretch.wave))
        wave[part] = stretch.wave
        changes[part] = np.nan if stretch.changes is None else stretch.changes
        course[part] = np.nan if stretch.course_bpm is None else stretch.course_bpm
    rate_bpm, certainty, notes = _overall(stretches, fs_hz, settings.min_quality)
    beats_s = [] if method.gives_rate else _beats(stretches, fs_hz)
    return Reading(
        bvp=nothing if method.gives_rate else PulseWave(fs_hz, wave),
        heart_rate_bpm=rate_bpm,
        quality=certainty,
        reason=None if rate_bpm is not None else _no_pulse(certainty, settings.min_quality, method),
        windows=_rolling((wave, changes, course if method.gives_rate else None), fs_hz, settings),
        beats_s=tuple(float(t) for stretch_s in beats_s for t in stretch_s),
        variability=variability(beats_s),
        notes=[*notes, *_band_note(samples.fs_hz), *_wave_note(method)],
    )


def _pieces(samples: FaceSamples, values: NDArray[Any], fs_hz: float) -> list[Resampled]:
    """The unbroken stretches of what was sampled, on the grid."""
    return to_uniform_grid(samples.t_s, values, samples.present, fs_hz, MAX_GAP_S)


def grid_hz(samples: FaceSamples, method: Method) -> float:
    """Sampling rate of a method's waves: the network's own, or the video's for one that reads colours."""
    return method.input.fs_hz if isinstance(method.input, ClipInput) else sampling_rate_hz(samples.t_s)


def raw_stretches(samples: FaceSamples, method: Method) -> list[Stretch]:
    """The unbroken pulse waves that are long enough to read, as the method gives them, and their colours.

    Args:
        samples: What was kept of the video, at least two frames of it.
        method: How the pulse is extracted.
    """
    fs_hz = grid_hz(samples, method)
    traces = _pieces(samples, samples.colours, fs_hz)
    # A trace is small and its methods want it whole; of a clip, a window at a time is enough.
    inputs = (
        [trace[:] for trace in traces] if samples.crops is None else _pieces(samples, samples.crops, fs_hz)
    )
    stretches = []
    for trace, piece in zip(traces, inputs, strict=True):
        if len(trace) < least_length(method, fs_hz):
            continue
        changes = None if samples.is_grey else colour_changes(trace[:], fs_hz)
        extracted = method.extract(piece, fs_hz)
        if method.gives_rate:
            wave = WITNESS.extract(trace[:], fs_hz)
            stretches.append(Stretch(trace.first, wave, changes, course_bpm=extracted))
        else:
            stretches.append(Stretch(trace.first, extracted, changes))
    return stretches


def least_length(method: Method, fs_hz: float) -> int:
    """Samples of the shortest stretch that a method reads."""
    least_s = method.input.least_s if isinstance(method.input, ClipInput) else 0.0
    return max(shortest_length(fs_hz), round(least_s * fs_hz))


def _segments(n: int, fs_hz: float) -> list[slice]:
    """Half-overlapping segments of :data:`SEGMENT_S` of ``n`` unbroken samples."""
    length = round(SEGMENT_S * fs_hz)
    return [slice(start, start + length) for start in window_starts(n, length, length // 2)]


def segment_spectrum(bvp: PulseWave) -> PowerSpectrum:
    """Mean power spectrum of the segments whose rates make up a video's rate.

    Args:
        bvp: Pulse wave with at least four unbroken seconds.
    """
    present = _present_runs(bvp.value)
    runs = [bvp.value[run] for run in present if run.stop - run.start >= shortest_length(bvp.fs_hz)]
    spectra = [
        power_spectrum(run[segment], bvp.fs_hz) for run in runs for segment in _segments(len(run), bvp.fs_hz)
    ]
    return replace(spectra[0], power=np.mean([spectrum.power for spectrum in spectra], axis=0))


def _overall(
    stretches: list[Stretch], fs_hz: float, min_quality: float
) -> tuple[float | None, float, list[str]]:
    """Rate of the whole video or None, its quality, and what to note about it.

    The quality is the mean over all segments: among the many of a long video, noise would always find one
    that it passes in. The rate is the quality-weighted mean of those that pass.
    """
    segments = [
        (_part(s.wave, part), fs_hz, _part(s.changes, part), _part(s.course_bpm, part))
        for s in stretches
        for part in _segments(len(s.wave), fs_hz)
    ]
    rates, qualities = np.array([rate_of(*segment) for segment in segments]).T
    certainty = float(qualities.mean())
    accepted = (qualities >= min_quality) & (qualities > 0)
    if certainty < min_quality or not accepted.any():
        return None, certainty, []
    notes = []
    if not accepted.all():
        notes.append(f"{accepted.sum()} of {len(segments)} segments of {SEGMENT_S:g} s had a clear pulse.")
    low, high = float(rates[accepted].min()), float(rates[accepted].max())
    if high - low > WIDE_RANGE_BPM:
        notes.append(f"The heart rate went from {low:.0f} to {high:.0f} bpm; see the windows.")
    return float(np.average(rates[accepted], weights=qualities[accepted])), certainty, notes


def _part(samples: Float64Array | None, part: slice) -> Any:
    """Some of the samples, if there are any."""
    return None if samples is None else samples[part]


def _rolling(
    samples: tuple[Float64Array, Float64Array, Float64Array | None], fs_hz: float, settings: EstimateSettings
) -> tuple[WindowEstimate, ...]:
    """Rates of windows moved over the whole video; a video shorter than a window is one window.

    Args:
        samples: Wave ``(T,)``, changes ``(T, 3)`` and, of a method without a wave, rates ``(T,)``; NaN where
            there are none.
        fs_hz: Sampling rate, Hz.
        settings: Windows and thresholds.
    """
    wave, changes, course_bpm = samples
    length = min(max(round(settings.window_s * fs_hz), shortest_length(fs_hz)), len(wave))
    step = max(1, round(settings.step_s * fs_hz))
    windows = []
    for start in range(0, len(wave) - length + 1, step):
        part = slice(start, start + length)
        rate_bpm, certainty = _rate_of_broken(wave[part], changes[part], _part(course_bpm, part), fs_hz)
        is_answered = certainty >= settings.min_quality and certainty > 0
        end_s = (start + length - 1) / fs_hz
        windows.append(WindowEstimate(start / fs_hz, end_s, rate_bpm if is_answered else None, certainty))
    return tuple(windows)


def _rate_of_broken(
    wave: Float64Array, changes: Float64Array, course_bpm: Float64Array | None, fs_hz: float
) -> tuple[float, float]:
    """Rate and quality of a window's longest unbroken part if that is at least half of it; else quality 0."""
    run = longest_present_run(wave)
    if run.stop - run.start < max(len(wave) / 2, shortest_length(fs_hz)):
        return np.nan, 0.0
    seen = None if np.isnan(changes[run]).any() else changes[run]
    return rate_of(wave[run], fs_hz, seen, _part(course_bpm, run))


def longest_present_run(wave: Float64Array) -> slice:
    """The longest run without a NaN; it may be empty."""
    return max(_present_runs(wave), key=lambda run: run.stop - run.start)


def _present_runs(wave: Float64Array) -> list[slice]:
    """The runs without a NaN; at least one, which may be empty."""
    missing = np.flatnonzero(np.isnan(wave))
    starts, stops = [0, *(missing + 1)], [*missing, len(wave)]
    return [slice(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)]


def _beats(stretches: list[Stretch], fs_hz: float) -> list[Float64Array]:
    """Beat times of the stretches that are clear enough, seconds."""
    beats = []
    for piece in stretches:
        spectrum = power_spectrum(piece.wave, fs_hz)
        rate_bpm = pulse_rate_bpm(spectrum)
        if snr_db(spectrum, rate_bpm) >= MIN_BEAT_SNR_DB:
            beats.append(piece.first / fs_hz + beat_times(piece.wave, fs_hz, rate_bpm))
    return beats


def _why_unanswerable(samples: FaceSamples, method: Method) -> str | None:
    """The reason why no wave can be extracted at all, or None."""
    seen = samples.colours[samples.present]
    if not len(seen):
        return (
            f"No face was found in {samples.t_s[-1]:.1f} s of video; choose the region yourself "
            "(the whole frame or a box) if there is skin to see."
        )
    if samples.fs_hz is not None and samples.fs_hz < 0.98 * MIN_FS_HZ:
        return (
            f"{samples.fs_hz:.2g} frames per second are too few for a heart rate: "
            f"{MIN_FS_HZ:g} are needed, and 15 or more are better."
        )
    changes = np.abs(np.diff(seen, axis=0)).max(axis=1, initial=0) > 1e-6 * max(float(seen.mean()), 1.0)
    if changes.sum() < STILL_CHANGES_HZ * max(float(samples.t_s[-1]), 1.0) and len(seen) > 1:
        return "The picture does not change: it is a photo, or the recording froze."
    if samples.is_grey and method.input.needs_colour:
        return f"The video is grey-scale and '{method.name}' works on colour; use the method 'green'."
    return None


def _too_short(duration_s: float, longest_s: float, fs_hz: float, method: Method) -> str:
    least = least_length(method, fs_hz)
    least_s = least / fs_hz
    needed = f"at least {least_s:.1f} s are needed for a heart rate"
    if least > shortest_length(fs_hz):
        needed += f" by '{method.name}'; other methods need less"
    if duration_s < least_s:
        return f"The video lasts {duration_s:.2f} s; {needed}."
    return f"The longest stretch without a break has {longest_s:.2f} s; {needed}."


def _no_pulse(certainty: float, min_quality: float, method: Method) -> str:
    if method.gives_rate:
        return (
            f"The rate of '{method.name}' is not borne out by the pulse that {WITNESS.name.upper()} sees: "
            f"a quality of {_below(certainty)}, and {min_quality:.2f} is needed; another method may do."
        )
    return (
        f"No pulse was found: the strongest rhythm has a quality of {_below(certainty)} and at least "
        f"{min_quality:.2f} is needed; more light and less movement help."
    )


def _below(quality: float) -> str:
    """A quality that was not enough, never rounded up to what would have been."""
    return f"{math.floor(100 * quality + 1e-9) / 100:.2f}"


def _wave_note(method: Method) -> list[str]:
    if not method.gives_rate:
        return []
    return [
        f"'{method.name}' gives heart rates and no pulse wave; their quality is how far "
        f"the pulse that {WITNESS.name.upper()} sees agrees."
    ]


def _band_note(fs_hz: float) -> list[str]:
    _, high_hz = usable_band(fs_hz)
    if high_hz >= PULSE_BAND_HZ[1]:
        return []
    return [
        f"At {fs_hz:.1f} frames per second, a pulse above {60 * high_hz:.0f} bpm would show as a slower one."
    ]
