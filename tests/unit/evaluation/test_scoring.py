import numpy as np
import pytest
import scipy.signal
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from rfacenet import metrics
from rfacenet.errors import NoPulseError, SettingsError, TooShortError
from rfacenet.evaluation.scoring import (
    INTERPOLATED,
    READINGS,
    TOOLBOX_2023,
    ItemScore,
    macc,
    summarise,
    toolbox_clean,
    toolbox_snr_db,
    toolbox_spectrum,
)
from rfacenet.signal.filters import clean_pulse
from rfacenet.signal.spectrum import heart_rate_bpm, power_spectrum, snr_db

METRICS = {
    metrics.bias_bpm: metrics.bias_standard_error_bpm,
    metrics.mae_bpm: metrics.mae_standard_error_bpm,
    metrics.rmse_bpm: metrics.rmse_standard_error_bpm,
    metrics.mape_percent: metrics.mape_standard_error_percent,
    metrics.sd_bpm: metrics.sd_standard_error_bpm,
    metrics.sd_absolute_bpm: metrics.sd_absolute_standard_error_bpm,
    metrics.pearson: metrics.pearson_standard_error,
}


def pulse(rate_bpm, n=300, noise=0.0, fs_hz=30.0, seed=0):
    phase = 2 * np.pi * rate_bpm / 60 * np.arange(n) / fs_hz
    return np.sin(phase) + 0.3 * np.sin(2 * phase + 1) + noise * np.random.default_rng(seed).normal(size=n)


def heart_rates(n=60, error_bpm=6.0, seed=0):
    rng = np.random.default_rng(seed)
    true_bpm = rng.uniform(50, 120, n)
    return true_bpm + rng.normal(1, error_bpm, n), true_bpm


@pytest.mark.parametrize("n", [2, 30, 97, 128])
def test_macc_against_every_lag(n):
    rng = np.random.default_rng(n)
    predicted, true = rng.normal(5, 1, n), rng.normal(size=n)
    every_lag = [abs(np.corrcoef(predicted, np.roll(true, lag))[0, 1]) for lag in range(n)]
    assert macc(predicted, true) == pytest.approx(max(every_lag), rel=1e-9)


@given(lag=st.integers(0, 96), gain=st.floats(0.01, 100), sign=st.sampled_from([-1, 1]))
def test_macc_ignores_lag_gain_and_sign(lag, gain, sign):
    wave = np.random.default_rng(0).normal(size=97)
    assert macc(wave, sign * gain * np.roll(wave, lag) + 3) == pytest.approx(1, abs=1e-9)


def test_macc_of_what_has_none():
    assert np.isnan(macc(np.full(30, 0.1), pulse(70, 30)))
    for predicted, true in (([], []), (pulse(70, 30), pulse(70, 31)), ([1.0, np.nan], [1.0, 2.0])):
        with pytest.raises(SettingsError):
            macc(predicted, true)


def toolbox_wave(wave):
    """The toolbox's filter from the textbook: a matrix inverted, SciPy's own filtfilt."""
    n = len(wave)
    second_differences = np.diff(np.eye(n), 2, axis=0)
    trend = np.linalg.solve(np.eye(n) + 100**2 * second_differences.T @ second_differences, wave)
    b, a = scipy.signal.butter(1, [0.75, 2.5], btype="bandpass", fs=30.0)
    return scipy.signal.filtfilt(b, a, wave - trend)


@pytest.mark.parametrize("n", [10, 128, 300, 1025])
def test_toolbox_filter_is_scipys_filtfilt(n):
    wave = 40 + 10 * pulse(70, n, noise=1) + 0.1 * np.arange(n)
    np.testing.assert_allclose(toolbox_clean(wave, 30.0), toolbox_wave(wave), rtol=0, atol=1e-8)


@pytest.mark.parametrize("n", [128, 300, 1024, 1025])
def test_toolbox_snr_against_a_plain_fourier_sum(n):
    wave = pulse(70, n, noise=1)
    n_fft = {128: 128, 300: 512, 1024: 1024, 1025: 2048}[n]
    pulse_power = rest_power = 0.0
    for k in range(1, n_fft // 2):
        rate_bpm = k * 1800 / n_fft
        power = abs(np.sum(wave * np.exp(-2j * np.pi * k / n_fft * np.arange(n)))) ** 2
        if abs(rate_bpm - 73) <= 6 or abs(rate_bpm - 146) <= 6:
            pulse_power += power
        elif 45 <= rate_bpm <= 150:
            rest_power += power
    spectrum = toolbox_spectrum(wave, 30.0)
    expected_db = 10 * np.log10(pulse_power / rest_power)
    assert toolbox_snr_db(spectrum, 73.0) == pytest.approx(expected_db, rel=1e-9)
    assert toolbox_snr_db(spectrum, 73.0, db_per_decade=20) == pytest.approx(2 * expected_db, rel=1e-9)
    assert toolbox_snr_db(spectrum, 73.0, half_width_bpm=1e9) == 60  # nothing is left beside the pulse


# Protocols


@pytest.mark.parametrize(("n", "n_fft", "rate_bpm"), [(1025, 2048, 60), (450, 512, 84), (128, 128, 121)])
def test_toolbox_score_is_scipys_arithmetic(n, n_fft, rate_bpm):
    waves = pulse(rate_bpm, n, 3.0, seed=n), pulse(rate_bpm, n, 0.2, seed=n + 1)
    filtered = [toolbox_wave(wave) for wave in waves]
    rates = []
    for wave in filtered:
        f_hz, power = scipy.signal.periodogram(wave, 30.0, nfft=n_fft, detrend=False)
        inside = (f_hz >= 0.75) & (f_hz <= 2.5)
        rates.append(60 * f_hz[inside][power[inside].argmax()])
    score = TOOLBOX_2023.score(*waves, 30.0)
    assert [score.predicted_bpm, score.true_bpm] == rates
    expected_db = toolbox_snr_db(toolbox_spectrum(filtered[0], 30.0), rates[1], db_per_decade=20)
    assert score.snr_db == pytest.approx(expected_db)
    assert score.macc == pytest.approx(macc(*filtered))


def test_toolbox_reads_off_a_coarse_grid():
    # Stated of the tool itself: 66 and 68 bpm in 10 s both read 66.80; 128 frames have steps of 14.06 bpm.
    for rate_bpm in (66, 68):
        wave = np.sin(2 * np.pi * rate_bpm / 60 * np.arange(300) / 30)
        assert round(TOOLBOX_2023.score(wave, wave, 30.0).predicted_bpm, 2) == 66.80
        assert INTERPOLATED.score(wave, wave, 30.0).predicted_bpm == pytest.approx(rate_bpm, abs=0.5)
    read = {TOOLBOX_2023.score(pulse(r, 128), pulse(70, 128), 30.0).predicted_bpm for r in range(50, 150, 5)}
    assert np.diff(sorted(read)) == pytest.approx(14.0625)


def test_interpolated_reads_as_the_rest_of_rfacenet():
    predicted, true = pulse(170, 450, 1.0), pulse(168, 450)
    score = INTERPOLATED.score(predicted, true, 30.0)
    clean = clean_pulse(predicted, 30.0)
    assert score.predicted_bpm == heart_rate_bpm(clean, 30.0)
    assert score.true_bpm == pytest.approx(168, abs=0.5)
    assert score.snr_db == snr_db(power_spectrum(clean, 30.0), score.true_bpm)
    assert TOOLBOX_2023.score(predicted, true, 30.0).true_bpm <= 150


@pytest.mark.parametrize("protocol", READINGS.values(), ids=READINGS)
def test_differences_are_summed_up(protocol):
    predicted, true = pulse(70, 450, 0.3) + 9, pulse(72, 450)
    whole = protocol.score(predicted, true, 30.0)
    summed = protocol.score(np.diff(predicted, prepend=0), np.diff(true, prepend=0), 30.0, differences=True)
    assert summed.predicted_bpm == whole.predicted_bpm
    assert (summed.snr_db, summed.macc) == pytest.approx((whole.snr_db, whole.macc), rel=1e-6)


@pytest.mark.parametrize("protocol", READINGS.values(), ids=READINGS)
def test_protocols_refuse_what_has_no_heart_rate(protocol):
    wave = pulse(70)
    for flat, differences in ((np.full(300, 7.3), False), (np.full(300, 7.3), True), (np.zeros(300), False)):
        with pytest.raises(NoPulseError, match="predicted"):
            protocol.score(flat, wave, 30.0, differences=differences)
    with pytest.raises(NoPulseError, match="reference"):
        protocol.score(wave, np.zeros(300), 30.0)
    with pytest.raises(TooShortError):
        protocol.score(wave[:9], wave[:9], 30.0)
    with pytest.raises(TooShortError):
        protocol.score(wave[:12], wave[:12], 120.0)
    for arguments in ((wave, wave[:-1], 30.0), (np.full(300, np.nan), wave, 30.0), (wave, wave, 0.0)):
        with pytest.raises(SettingsError):
            protocol.score(*arguments)


# Summary


def scores(n=42):
    return [
        ItemScore(*pair, snr_db=i / 10, macc=0.9) for i, pair in enumerate(zip(*heart_rates(n), strict=True))
    ]


def test_summary_holds_every_metric_with_its_error_and_interval():
    predicted, true = heart_rates(42)
    groups = np.arange(42) // 3
    table = summarise(scores(), groups=groups)
    assert list(table) == [metric.__name__ for metric in METRICS] + ["snr_db", "macc"]
    for metric, error in METRICS.items():
        measure = table[metric.__name__]
        assert measure.name == metric.__name__
        assert (measure.value, measure.standard_error) == (metric(predicted, true), error(predicted, true))
        assert (measure.low, measure.high) == metrics.bootstrap_interval(
            metric, predicted, true, groups=groups
        )
    assert table["snr_db"].value == pytest.approx(2.05)
    assert table["snr_db"].low < 2.05 < table["snr_db"].high
    assert table["macc"].value == pytest.approx(0.9)
    assert table["macc"].standard_error == pytest.approx(0, abs=1e-12)


def test_the_plus_minus_of_rmse_is_the_protocols():
    ours, theirs = (summarise(scores(), protocol, n_resamples=10) for protocol in READINGS.values())
    assert theirs["rmse_bpm"].value == ours["rmse_bpm"].value
    # The delta method is the published figure over twice the RMSE.
    ratio = theirs["rmse_bpm"].standard_error / ours["rmse_bpm"].standard_error
    assert ratio == pytest.approx(2 * ours["rmse_bpm"].value)
    assert theirs["mae_bpm"] == ours["mae_bpm"]


def test_summary_of_heart_rates_without_waves_and_of_nothing():
    table = summarise([ItemScore(70, 72), ItemScore(80, 79), ItemScore(90, 93)], n_resamples=50)
    assert "mae_bpm" in table
    assert not {"snr_db", "macc"} & set(table)
    for none in ([], [ItemScore(float("nan"), 70.0)]):
        with pytest.raises(SettingsError):
            summarise(none)
