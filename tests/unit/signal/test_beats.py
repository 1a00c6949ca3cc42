import numpy as np
import pytest

from rfacenet.signal.beats import beat_times, variability


def pulses_at(beats_s, fs_hz=30.0):
    """A pulse wave whose phase is a multiple of 2π at each beat, with a dicrotic bump."""
    t_s = np.arange(beats_s[0], beats_s[-1], 1 / fs_hz)
    phase = 2 * np.pi * np.interp(t_s, beats_s, np.arange(len(beats_s)))
    return np.cos(phase) + 0.25 * np.cos(2 * phase - 1.5)


def test_variability_of_known_intervals():
    rng = np.random.default_rng(0)
    respiration = 40 * np.sin(2 * np.pi * 0.25 * np.arange(80) * 0.85)
    intervals_ms = 850 + respiration + rng.normal(0, 5, 80)
    beats_s = np.concatenate([[0], np.cumsum(intervals_ms) / 1000])
    found = variability([beat_times(pulses_at(beats_s), 30.0, 60_000 / intervals_ms.mean())])
    assert found.mean_interval_ms == pytest.approx(intervals_ms.mean(), abs=1)
    assert found.sdnn_ms == pytest.approx(intervals_ms.std(ddof=1), rel=0.15)
    assert found.rmssd_ms == pytest.approx(np.sqrt(np.mean(np.diff(intervals_ms) ** 2)), rel=0.15)
    assert found.n_intervals >= 74


def test_even_beats_have_no_variability_although_frames_are_coarse():
    found = variability([beat_times(pulses_at(np.arange(40) * 0.8137), 30.0, 60 / 0.8137)])
    assert found.sdnn_ms < 1.5


def test_a_missed_beat_is_left_out_and_few_beats_give_no_figure():
    beats_s = np.delete(np.arange(40) * 0.8, 20)
    found = variability([beats_s])
    assert found.n_intervals == 37
    assert found.rmssd_ms == pytest.approx(0, abs=1e-6)
    assert variability([np.arange(6) * 0.8]) is None
