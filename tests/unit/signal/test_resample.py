import numpy as np
import pytest

from rfacenet.errors import TooShortError
from rfacenet.signal.resample import sampling_rate_hz, to_uniform_grid


def test_rate_of_times_rounded_to_milliseconds():
    assert sampling_rate_hz(np.round(np.arange(300) / 30, 3)) == pytest.approx(30, rel=1e-3)


def test_rate_ignores_gaps():
    t_s = np.delete(np.arange(300) / 25, slice(100, 180))
    assert sampling_rate_hz(t_s) == pytest.approx(25)
    with pytest.raises(TooShortError):
        sampling_rate_hz(np.array([1.0]))


def test_uneven_samples_of_a_line_stay_on_the_line():
    rng = np.random.default_rng(1)
    t_s = np.concatenate([[0], np.sort(rng.uniform(0, 5, 200))])
    (stretch,) = to_uniform_grid(t_s, np.stack([2 * t_s, 1 - t_s], axis=1), 30.0, max_gap_s=1.0)
    grid_s = np.arange(stretch.first, stretch.stop) / 30
    np.testing.assert_allclose(stretch.values, np.stack([2 * grid_s, 1 - grid_s], axis=1), atol=1e-12)


def test_uniform_samples_are_unchanged():
    values = np.random.default_rng(2).normal(size=(90, 3))
    (stretch,) = to_uniform_grid(np.arange(90) / 30, values, 30.0, max_gap_s=0.5)
    assert stretch.first == 0
    np.testing.assert_allclose(stretch.values, values, atol=1e-9)


def test_long_gaps_and_missing_samples_break_the_stretch_short_ones_do_not():
    t_s = np.arange(300) / 30
    values = np.ones((300, 1))
    values[100:130] = np.nan  # a second without a face
    values[200:205] = np.nan
    stretches = to_uniform_grid(t_s, values, 30.0, max_gap_s=0.5)
    assert [(s.first, s.stop) for s in stretches] == [(0, 100), (130, 300)]
    assert to_uniform_grid(t_s, np.full((300, 1), np.nan), 30.0, max_gap_s=0.5) == []
