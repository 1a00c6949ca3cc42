"""A method on every recording of a prepared store: one score a recording, or why it has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rfacenet.datasets.recording import TimeSeries
from rfacenet.datasets.store import StoredRecording
from rfacenet.errors import DatasetError, RfacenetError
from rfacenet.evaluation.scoring import ItemScore, RateProtocol
from rfacenet.faces import crop
from rfacenet.inference.reading import Stretch, grid_hz, longest_present_run, raw_stretches
from rfacenet.inference.sampling import FaceSamples
from rfacenet.methods import ClipInput, Method
from rfacenet.types import FaceBox, Float64Array, Uint8Array

Truth = Literal["pulse", "device"]
"""What a heart rate is held against: the reference pulse, read as the prediction is, or the device's own."""

LEAST_S = 4.0
"""Shorter stretches of a recording are not scored."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a recording becomes one pair of heart rates.

    Attributes:
        protocol: How a wave is read.
        truth: What it is held against.
        segment_s: Length of the segments whose rates are averaged; None reads a recording whole.
    """

    protocol: RateProtocol
    truth: Truth = "pulse"
    segment_s: float | None = None


@dataclass(frozen=True, slots=True)
class TestedRecording:
    """What a method made of one recording.

    Attributes:
        name: What the data set calls it.
        subject: Who is seen.
        score: Predicted and true heart rate, and how far the waves agree; None where there is none.
        reason: Why there is none.
    """

    name: str
    subject: str
    score: ItemScore | None
    reason: str | None = None


def score_method(
    method: Method,
    recordings: Sequence[StoredRecording],
    reading: Reading,
    progress: Callable[[int, int], None] | None = None,
) -> list[TestedRecording]:
    """Score a method on recordings; every one of them is accounted for.

    Args:
        method: A classical method or a network.
        recordings: What to test on.
        reading: How rates are read.
        progress: Called with how many are done and how many there are.
    """
    tested: list[TestedRecording] = []
    for recording in recordings:
        if progress:
            progress(len(tested), len(recordings))
        tested.append(_tested(method, recording, reading))
    return tested


def _tested(method: Method, recording: StoredRecording, reading: Reading) -> TestedRecording:
    try:
        score = score_recording(method, recording, reading)
    except RfacenetError as error:
        return TestedRecording(recording.name, recording.subject, None, str(error))
    return TestedRecording(recording.name, recording.subject, score)


def score_recording(method: Method, recording: StoredRecording, reading: Reading) -> ItemScore:
    """Score of one recording: the mean of its segments, each by its length.

    Raises:
        DatasetError: It lacks what rates are held against.
        NoPulseError: A wave is constant.
        TooShortError: No stretch with a face and a measurement is long enough.
    """
    samples = samples_for(recording, method)
    fs_hz = grid_hz(samples, method)
    scores, lengths = [], []
    for stretch in raw_stretches(samples, method):
        for part in _segments(stretch, fs_hz, reading.segment_s):
            t_s = (stretch.first + np.arange(part.start, part.stop)) / fs_hz
            truth = _truth(recording, reading.truth, t_s)
            known = longest_present_run(truth)
            length = known.stop - known.start
            if length < LEAST_S * fs_hz:
                continue
            scores.append(_score(stretch, range(part.start, part.stop)[known], truth[known], fs_hz, reading))
            lengths.append(length)
    if not scores:
        raise DatasetError(
            f"'{recording.name}' has no {LEAST_S:g} s on end with both a face and a measured "
            f"{'pulse' if reading.truth == 'pulse' else 'heart rate'}."
        )
    return _mean(scores, lengths)


def _score(stretch: Stretch, part: range, truth: Float64Array, fs_hz: float, reading: Reading) -> ItemScore:
    """Score of part of a stretch, by its wave or, of a method that has none, by its heart rates."""
    kept = slice(part.start, part.stop)
    if stretch.course_bpm is not None:
        rate_bpm = float(stretch.course_bpm[kept].mean())
        if reading.truth == "pulse":
            return reading.protocol.score_given_rate(rate_bpm, truth, fs_hz)
        return ItemScore(rate_bpm, float(truth.mean()))
    wave = stretch.wave[kept]
    if reading.truth == "pulse":
        return reading.protocol.score(wave, truth, fs_hz)
    return reading.protocol.score_rate(wave, float(truth.mean()), fs_hz)


def _truth(recording: StoredRecording, truth: Truth, t_s: Float64Array) -> Float64Array:
    """The truth at these times; NaN where it is not known."""
    reference = recording.reference
    series: TimeSeries | None = reference.pulse if truth == "pulse" else reference.heart_rate_bpm
    if series is None:
        what = "pulse wave" if truth == "pulse" else "heart rate"
        raise DatasetError(f"'{recording.name}' has no measured {what}.")
    values = series.at(t_s)
    if truth == "device":
        values[values <= 0] = np.nan  # so devices say that they lost the pulse
    return values


def _segments(stretch: Stretch, fs_hz: float, segment_s: float | None) -> list[slice]:
    """A stretch's segments; what is left over at the end is dropped."""
    n = len(stretch.wave)
    if segment_s is None or n < segment_s * fs_hz:
        return [slice(0, n)]
    length = round(segment_s * fs_hz)
    return [slice(start, start + length) for start in range(0, n - length + 1, length)]


def _mean(scores: Sequence[ItemScore], lengths: Sequence[int]) -> ItemScore:
    def average(name: str) -> float | None:
        values = [getattr(score, name) for score in scores]
        return None if None in values else float(np.average(values, weights=lengths))

    predicted_bpm, true_bpm = average("predicted_bpm"), average("true_bpm")
    assert predicted_bpm is not None and true_bpm is not None
    return ItemScore(predicted_bpm, true_bpm, average("snr_db"), average("macc"))


def samples_for(recording: StoredRecording, method: Method) -> FaceSamples:
    """What the method sees of a recording: colours, the face at its size, or regions of it."""
    colours = recording.colours
    if isinstance(method.input, ClipInput) and method.input.regions is not None:
        regions = recording.region_frames(method.input.regions)
        colours = np.where(np.isnan(regions[:, 0, 0]), np.nan, colours)
        return FaceSamples(recording.t_s, colours, np.nan_to_num(regions))
    return FaceSamples(recording.t_s, colours, crops_for(recording, method))


def crops_for(recording: StoredRecording, method: Method) -> Uint8Array | None:
    """The face at the size that the method sees; None for one that reads colours."""
    if not isinstance(method.input, ClipInput):
        return None
    stored, size_px = recording.crops, (method.input.height_px, method.input.width_px)
    if stored.shape[1:3] == size_px:
        return stored
    if stored.shape[1] < size_px[0] or stored.shape[2] < size_px[1]:
        raise DatasetError(
            f"'{recording.name}' is stored at {stored.shape[1]}×{stored.shape[2]} pixels and '{method.name}' "
            f"takes {size_px[0]}×{size_px[1]}; prepare the data set anew, larger."
        )
    whole = FaceBox(0, 0, stored.shape[2], stored.shape[1])
    return np.stack([crop(frame, whole, size_px) for frame in stored])
