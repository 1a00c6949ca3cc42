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


@pytest.mark.parametrize("n", [101, 102])
def test_rate_where_no_step_is_usual(n):
    t_s = np.concatenate([[0], np.cumsum(np.resize([0.005, 0.062], n))])
    assert sampling_rate_hz(t_s) == pytest.approx(1 / 0.0335, rel=0.02)


def everywhere(t_s):
    return np.ones(len(t_s), bool)


def test_uneven_samples_of_a_line_stay_on_the_line():
    rng = np.random.default_rng(1)
    t_s = np.concatenate([[0], np.sort(rng.uniform(0, 5, 200))])
    values = np.stack([2 * t_s, 1 - t_s], axis=1)
    (stretch,) = to_uniform_grid(t_s, values, everywhere(t_s), 30.0, max_gap_s=1.0)
    grid_s = (stretch.first + np.arange(len(stretch))) / 30
    np.testing.assert_allclose(stretch[:], np.stack([2 * grid_s, 1 - grid_s], axis=1), atol=1e-12)
    np.testing.assert_array_equal(stretch[10:20], stretch[:][10:20])


def test_uniform_samples_are_unchanged():
    values = np.random.default_rng(2).normal(size=(90, 3))
    t_s = np.arange(90) / 30
    (stretch,) = to_uniform_grid(t_s, values, everywhere(t_s), 30.0, max_gap_s=0.5)
    assert stretch.first == 0
    np.testing.assert_allclose(stretch[:], values, atol=1e-9)


def test_pictures_are_interpolated_too():
    pictures = np.arange(40, dtype=np.uint8)[:, None, None, None].repeat(2, axis=1)
    t_s = np.arange(40) / 20
    (stretch,) = to_uniform_grid(t_s, pictures, everywhere(t_s), 40.0, max_gap_s=0.5)
    assert stretch[:].dtype == np.float32
    np.testing.assert_allclose(stretch[:][:, 0, 0, 0], np.arange(79) / 2, atol=1e-5)


def test_long_gaps_and_missing_samples_break_the_stretch_short_ones_do_not():
    t_s = np.arange(300) / 30
    present = everywhere(t_s)
    present[100:130] = False  # a second without a face
    present[200:205] = False
    values = np.where(present, 1.0, np.nan)[:, None]
    stretches = to_uniform_grid(t_s, values, present, 30.0, max_gap_s=0.5)
    assert [(s.first, len(s)) for s in stretches] == [(0, 100), (130, 170)]
    assert all((s[:] == 1).all() for s in stretches)
    assert to_uniform_grid(t_s, values, ~everywhere(t_s), 30.0, max_gap_s=0.5) == []
