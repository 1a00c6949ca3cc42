import numpy as np
import pytest

from rfacenet.errors import SettingsError, TooShortError
from rfacenet.signal.filters import bandpass, clean_pulse, detrend, smoothness_at, usable_band


@pytest.mark.parametrize("n", [3, 4, 50])
def test_detrend_equals_the_papers_dense_inverse(n):
    x = np.random.default_rng(0).normal(size=(n, 2)).cumsum(axis=0)
    second_differences = np.diff(np.eye(n), 2, axis=0)
    inverse = np.linalg.inv(np.eye(n) + 100**2 * second_differences.T @ second_differences)
    np.testing.assert_allclose(detrend(x, 100), x - inverse @ x, atol=1e-6)


def test_detrend_removes_a_straight_line_and_needs_three_samples():
    np.testing.assert_allclose(detrend(np.linspace(3, 9, 100), 100), 0, atol=1e-8)
    with pytest.raises(TooShortError):
        detrend(np.zeros(2), 100)


@pytest.mark.parametrize("fs_hz", [15.0, 30.0, 60.0])
def test_smoothness_halves_the_cutoff_whatever_the_rate(fs_hz):
    t_s = np.arange(0, 200, 1 / fs_hz)
    wave = np.sin(2 * np.pi * 0.3 * t_s)
    middle = slice(len(t_s) // 4, -len(t_s) // 4)
    left = detrend(wave, smoothness_at(fs_hz, 0.3))[middle]
    assert left.std() / wave[middle].std() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("f_hz", "low", "high"), [(0.05, 0, 0.01), (1.2, 0.97, 1.01), (8.0, 0, 0.03)])
def test_bandpass_gain(f_hz, low, high):
    t_s = np.arange(0, 60, 1 / 30)
    wave = np.sin(2 * np.pi * f_hz * t_s)
    gain = bandpass(wave, 30.0)[300:-300].std() / wave.std()
    assert low <= gain <= high


def test_bandpass_of_a_short_signal_and_of_a_slow_camera():
    assert np.isfinite(bandpass(np.random.default_rng(0).normal(size=5), 30.0)).all()
    assert usable_band(5.0) == (0.5, pytest.approx(2.375))
    with pytest.raises(SettingsError, match="1 Hz"):
        usable_band(1.0)


def test_clean_pulse_is_standardised_and_leaves_silence_silent():
    t_s = np.arange(0, 10, 1 / 30)
    cleaned = clean_pulse(100 + 0.01 * np.sin(7 * t_s) + t_s, 30.0)
    assert cleaned.std() == pytest.approx(1)
    assert not clean_pulse(np.full(300, 123.4), 30.0).any()
