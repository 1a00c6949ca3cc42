"""Methods on recordings whose colours are written by hand, so that every rate is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rfacenet.datasets.recording import Reference, TimeSeries
from rfacenet.datasets.store import StoredRecording
from rfacenet.evaluation.scoring import INTERPOLATED, TOOLBOX_2023
from rfacenet.evaluation.testing import Reading, score_method, score_recording
from rfacenet.methods import METHODS

GREEN = METHODS["green"]


def recording(rates_bpm: tuple[float, ...] = (72.0,), seconds: float = 20.0) -> StoredRecording:
    """A green trace that pulses at each of the rates in turn, and the same pulse as reference at 60 Hz."""
    t_s, fine_s = (
        np.arange(0, seconds * len(rates_bpm), 1 / 30),
        np.arange(0, seconds * len(rates_bpm), 1 / 60),
    )

    def wave(times: np.ndarray) -> np.ndarray:
        frequency_hz = np.array(rates_bpm)[(times // seconds).astype(int)] / 60
        return np.sin(2 * np.pi * frequency_hz * times)

    colours = np.array([120.0, 100.0, 90.0]) + np.array([0.2, -1.0, 0.4]) * wave(t_s)[:, None]
    device = TimeSeries(np.arange(0, fine_s[-1], 1.0), np.full(int(np.ceil(fine_s[-1])), 70.0))
    return StoredRecording(
        Path("unused"), "1-01", "1", {}, t_s, colours, Reference(TimeSeries(fine_s, wave(fine_s)), device), 0
    )


def test_a_clear_pulse_is_read_right_and_correlates() -> None:
    score = score_recording(GREEN, recording(), Reading(INTERPOLATED))
    assert score.predicted_bpm == pytest.approx(72, abs=0.2)
    assert score.true_bpm == pytest.approx(72, abs=0.2)
    assert score.snr_db > 10
    assert score.macc > 0.95


def test_the_device_s_own_rate_can_be_the_truth() -> None:
    score = score_recording(GREEN, recording(), Reading(TOOLBOX_2023, truth="device"))
    assert (score.true_bpm, score.macc) == (70.0, None)
    assert score.predicted_bpm == pytest.approx(72, abs=1.8)  # half a bin of 20 s


def test_segments_are_averaged_over_what_is_long_enough() -> None:
    two_rates = recording((60.0, 90.0))
    assert score_recording(
        GREEN, two_rates, Reading(INTERPOLATED, segment_s=10.0)
    ).predicted_bpm == pytest.approx(75, abs=0.5)
    whole = score_recording(GREEN, two_rates, Reading(INTERPOLATED)).predicted_bpm
    assert min(abs(whole - 60), abs(whole - 90)) < 2


def test_only_what_was_measured_is_scored() -> None:
    whole = recording()
    pulse = whole.reference.pulse
    late = Reference(TimeSeries(pulse.t_s[600:], pulse.value[600:]))  # from 10 s on
    assert score_recording(GREEN, replace(whole, reference=late), Reading(INTERPOLATED)).macc > 0.95
    too_late = Reference(TimeSeries(pulse.t_s[1100:], pulse.value[1100:]))
    tested = score_method(GREEN, [replace(whole, reference=too_late), whole], Reading(INTERPOLATED))
    assert tested[0].score is None
    assert "no 4 s on end with both a face and a measured pulse" in tested[0].reason
    assert tested[1].score is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": Reference()}, "has no measured pulse wave"),
        ({"colours": np.full((600, 3), np.nan)}, "no 4 s on end"),
        ({"colours": np.full((600, 3), 100.0)}, "The predicted wave is constant"),
    ],
    ids=["no pulse", "no face", "nothing moves"],
)
def test_what_cannot_be_scored_is_accounted_for(change: dict[str, object], message: str) -> None:
    (tested,) = score_method(GREEN, [replace(recording(), **change)], Reading(INTERPOLATED))
    assert tested.score is None
    assert message in tested.reason
