import numpy as np
import pytest
from scipy.signal import periodogram

from rfacenet.errors import TooShortError
from rfacenet.signal.spectrum import heart_rate_bpm, power_spectrum, snr_db


def wave(rate_bpm, duration_s=10.0, fs_hz=30.0):
    t_s = np.arange(0, duration_s, 1 / fs_hz)
    phase = 2 * np.pi * rate_bpm / 60 * t_s
    return np.sin(phase) + 0.3 * np.sin(2 * phase + 1)


@pytest.mark.parametrize("rate_bpm", [40.0, 72.3, 118.9, 180.0, 240.0])
def test_heart_rate_of_a_clean_wave(rate_bpm):
    assert heart_rate_bpm(wave(rate_bpm), 30.0) == pytest.approx(rate_bpm, abs=0.5)


@pytest.mark.parametrize("rate_bpm", [42.0, 50.0, 66.0, 90.0])
def test_a_dicrotic_wave_above_the_pulse_is_not_taken_for_it(rate_bpm):
    phase = 2 * np.pi * rate_bpm / 60 * np.arange(300) / 30
    assert heart_rate_bpm(np.sin(phase) + 1.2 * np.sin(2 * phase + 1), 30.0) == pytest.approx(rate_bpm, abs=1)


@pytest.mark.parametrize("rate_bpm", [80.0, 130.0, 180.0, 240.0])
def test_half_the_rate_of_a_wave_without_harmonics_is_not_taken(rate_bpm):
    bvp = np.sin(2 * np.pi * rate_bpm / 60 * np.arange(300) / 30)
    assert heart_rate_bpm(bvp, 30.0) == pytest.approx(rate_bpm, abs=0.5)


def test_a_rate_is_not_its_own_folded_harmonic():
    # At 5 frames per second, twice 100 bpm shows at 100 bpm: noise must not be drawn there.
    rng = np.random.default_rng(0)
    rates = np.array([heart_rate_bpm(rng.normal(size=100), 5.0) for _ in range(1000)])
    inside, beside = (np.mean(np.abs(rates - rate) <= 6) for rate in (100, 88))
    assert inside < 1.4 * beside


def test_spectrum_equals_scipys_periodogram():
    bvp = np.random.default_rng(0).normal(size=300)
    ours = power_spectrum(bvp, 30.0)
    f_hz, power = periodogram(bvp - bvp.mean(), 30.0, nfft=18000, detrend=False)
    inside = (f_hz >= 0.5) & (f_hz <= 4.2)
    np.testing.assert_allclose(ours.rate_bpm, 60 * f_hz[inside])
    np.testing.assert_allclose(ours.power / ours.power.max(), power[inside] / power[inside].max(), rtol=1e-9)
    assert np.diff(ours.rate_bpm).max() <= 0.1 + 1e-9


def test_less_than_four_seconds_is_too_short():
    heart_rate_bpm(wave(72, 4.0), 30.0)
    with pytest.raises(TooShortError, match=r"3\.9 s is too short"):
        heart_rate_bpm(wave(72, 3.9), 30.0)


def test_snr_of_a_known_mixture():
    # Two sines of equal power, one of them the pulse: the ratio is 1, 0 dB, but for what leaks past 6 bpm.
    t_s = np.arange(0, 60, 1 / 30)
    spectrum = power_spectrum(np.sin(2 * np.pi * 1.2 * t_s) + np.sin(2 * np.pi * 3.3 * t_s), 30.0)
    assert snr_db(spectrum, 72.0) == pytest.approx(0, abs=0.2)
    assert snr_db(power_spectrum(np.zeros(300), 30.0), 72.0) == -60
