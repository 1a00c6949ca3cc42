import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.signal
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rfacenet import metrics
from rfacenet.errors import SettingsError

METRICS = {
    metrics.bias_bpm: metrics.bias_standard_error_bpm,
    metrics.mae_bpm: metrics.mae_standard_error_bpm,
    metrics.rmse_bpm: metrics.rmse_standard_error_bpm,
    metrics.mape_percent: metrics.mape_standard_error_percent,
    metrics.sd_bpm: metrics.sd_standard_error_bpm,
    metrics.sd_absolute_bpm: metrics.sd_absolute_standard_error_bpm,
    metrics.pearson: metrics.pearson_standard_error,
}

each_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)

rates_bpm = st.integers(1, 30).flatmap(
    lambda n: arrays(np.float64, (2, n), elements=st.floats(30, 250, width=32))
)


def heart_rates(n=60, error_bpm=6.0, seed=0):
    rng = np.random.default_rng(seed)
    true_bpm = rng.uniform(50, 120, n)
    return true_bpm + rng.normal(1, error_bpm, n), true_bpm


# Heart rates


def test_metrics_against_scipy_and_plain_sums():
    predicted, true = heart_rates(17)
    errors = [p - t for p, t in zip(predicted, true, strict=True)]
    expected = {
        metrics.bias_bpm: sum(errors) / 17,
        metrics.mae_bpm: sum(abs(e) for e in errors) / 17,
        metrics.rmse_bpm: (sum(e**2 for e in errors) / 17) ** 0.5,
        metrics.mape_percent: 100 * sum(abs(e) / t for e, t in zip(errors, true, strict=True)) / 17,
        metrics.sd_bpm: scipy.stats.tstd(errors, ddof=0),
        metrics.sd_absolute_bpm: scipy.stats.tstd(np.abs(errors), ddof=0),
        metrics.pearson: scipy.stats.pearsonr(predicted, true).statistic,
    }
    for metric, value in expected.items():
        assert metric(list(predicted), list(true)) == pytest.approx(value, rel=1e-12)


@given(pair=rates_bpm, shift_bpm=st.floats(-20, 20))
def test_what_holds_of_any_heart_rates(pair, shift_bpm):
    predicted, true = pair
    bias, mae, rmse = (f(predicted, true) for f in (metrics.bias_bpm, metrics.mae_bpm, metrics.rmse_bpm))
    sd, sd_absolute = metrics.sd_bpm(predicted, true), metrics.sd_absolute_bpm(predicted, true)
    assert abs(bias) <= mae + 1e-9 <= rmse + 2e-9
    assert rmse**2 == pytest.approx(bias**2 + sd**2, abs=1e-9)
    assert rmse**2 == pytest.approx(mae**2 + sd_absolute**2, abs=1e-9)
    for metric in (metrics.bias_bpm, metrics.mae_bpm, metrics.rmse_bpm, metrics.sd_bpm):
        assert metric(predicted + shift_bpm, true + shift_bpm) == pytest.approx(
            metric(predicted, true), abs=1e-9
        )
    assert metrics.sd_bpm(predicted + shift_bpm, true) == pytest.approx(sd, abs=1e-9)
    r = metrics.pearson(predicted, true)
    assert np.isnan(r) or -1 <= r <= 1


@each_metric
def test_a_stack_of_samples_is_one_call(metric):
    predicted, true = heart_rates(24)
    for function in (metric, METRICS[metric]):
        stacked = function(predicted.reshape(2, 3, 4), true.reshape(2, 3, 4))
        assert stacked.shape == (2, 3)
        assert stacked[1, 0] == pytest.approx(function(predicted[12:16], true[12:16]), rel=1e-12)


def test_no_correlation_where_there_is_no_spread():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for predicted, true in (([70.0], [71.0]), ([0.1] * 3, [1.0, 2.0, 4.0]), ([1.0, 2.0], [0.7] * 2)):
            assert np.isnan(metrics.pearson(predicted, true))
            assert np.isnan(metrics.pearson_standard_error(predicted, true))
        assert np.isnan(metrics.pearson_standard_error([1.0, 2.0], [1.0, 3.0]))
        for metric in METRICS:
            assert METRICS[metric]([60.0, 70.0, 80.0], [60.0, 70.0, 80.0]) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize(
    ("predicted", "true", "message"),
    [
        ([], [], "no items"),
        (70.0, 70.0, "no items"),
        ([70.0, 71.0], [70.0], "no pairs"),
        ([70.0, np.nan], [70.0, 71.0], "not finite"),
        ([70.0, 71.0], [70.0, np.inf], "not finite"),
    ],
)
def test_refuses_what_are_no_heart_rates(predicted, true, message):
    for metric, error in METRICS.items():
        for function in (metric, error):
            with pytest.raises(SettingsError, match=message):
                function(predicted, true)
    with pytest.raises(SettingsError, match="share"):
        metrics.mape_percent([1.0, 1.0], [0.0, 1.0])


# Standard errors


def test_the_numbers_of_the_published_tables():
    # rFaceNet, Table 1: MAE 5.21 and RMSE 7.13 go with the printed SD of 4.87.
    deviation = (7.13**2 - 5.21**2) ** 0.5
    predicted = 70 + np.tile([5.21 + deviation, 5.21 - deviation], 20)
    true = np.full(40, 70.0)
    assert metrics.rmse_bpm(predicted, true) == pytest.approx(7.13)
    assert round(float(metrics.sd_absolute_bpm(predicted, true)), 2) == 4.87
    # Table 2, GREEN on UBFC-rPPG's 42 videos: 31.00 ± 235.38, and 0.37 ± 0.15.
    spread = 235.38 * 42**0.5 / (5 / 36) ** 0.5
    squares = 31.0**2 + spread * (np.repeat([0, 1], [35, 7]) - 1 / 6)
    predicted, true = 70 + np.sqrt(squares), np.full(42, 70.0)
    assert metrics.rmse_bpm(predicted, true) == pytest.approx(31.0)
    assert metrics.rmse_plus_minus_toolbox_2023_bpm2(predicted, true) == pytest.approx(235.38)
    assert metrics.rmse_standard_error_bpm(predicted, true) == pytest.approx(3.80, abs=0.005)
    x, y = scipy.stats.zscore(np.random.default_rng(0).normal(size=(2, 42)), axis=1)
    y = scipy.stats.zscore(y - (x @ y / 42) * x)
    assert metrics.pearson_standard_error(x, 0.37 * x + (1 - 0.37**2) ** 0.5 * y) == pytest.approx(
        0.147, abs=5e-4
    )


@each_metric
def test_standard_errors_are_the_spread_over_many_test_sets(metric):
    rng = np.random.default_rng(0)
    n_sets, n = 3000, 150
    true = rng.uniform(50, 120, (n_sets, n))
    predicted = true + rng.triangular(-6, -3, 14, (n_sets, n))
    if metric is metrics.pearson:  # its formula is that of unrelated normal values
        predicted, true = rng.normal(size=(2, n_sets, n))
    spread = metric(predicted, true).std()
    assert np.median(METRICS[metric](predicted, true)) == pytest.approx(spread, rel=0.08)


def test_standard_error_of_a_mean_against_scipy():
    values = np.random.default_rng(0).normal(size=12)
    assert metrics.mean(values) == pytest.approx(values.sum() / 12)
    assert metrics.standard_error(values) == pytest.approx(scipy.stats.sem(values, ddof=0))


# Bootstrap


@each_metric
def test_bootstrap_against_scipy(metric):
    predicted, true = heart_rates(40)
    reference = scipy.stats.bootstrap(
        (predicted, true),
        lambda p, t, axis=-1: metric(np.moveaxis(p, axis, -1), np.moveaxis(t, axis, -1)),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    found = metrics.bootstrap_interval(metric, predicted, true)
    np.testing.assert_allclose(found, reference, atol=0.08 * (reference.high - reference.low))


def test_bootstrap_repeats_itself_and_holds_the_value():
    errors = np.concatenate([np.arange(1, 11), -np.arange(1, 11)])
    true = np.linspace(60, 100, 20)
    low, high = metrics.bootstrap_interval(metrics.bias_bpm, true + errors, true, seed=3)
    assert low < 0 < high
    assert low == pytest.approx(-high, abs=0.3)
    again = metrics.bootstrap_interval(metrics.bias_bpm, true + errors, true, seed=3)
    assert again == (low, high)
    assert metrics.bootstrap_interval(metrics.bias_bpm, true + errors, true, seed=4) != (low, high)
    narrow = metrics.bootstrap_interval(metrics.bias_bpm, true + errors, true, confidence=0.5)
    quartile = scipy.stats.norm.ppf(0.75) * float(metrics.standard_error(errors))
    np.testing.assert_allclose(narrow, (-quartile, quartile), atol=0.1)


def test_copies_of_a_subjects_video_tell_nothing_new():
    predicted, true = heart_rates(12)
    once = metrics.bootstrap_interval(metrics.mae_bpm, predicted, true)
    # Shuffled, so that a subject's videos do not lie side by side.
    order = np.random.default_rng(0).permutation(36)
    copies = [np.repeat(values, 3)[order] for values in (predicted, true, np.arange(12))]
    grouped = metrics.bootstrap_interval(metrics.mae_bpm, *copies[:2], groups=copies[2])
    assert grouped == pytest.approx(once, rel=1e-9)
    ungrouped = metrics.bootstrap_interval(metrics.mae_bpm, *copies[:2])
    assert np.ptp(ungrouped) == pytest.approx(np.ptp(once) / 3**0.5, rel=0.1)


def test_bootstrap_of_unequal_groups_against_a_loop():
    predicted, true = heart_rates(30)
    groups = np.array([f"s{int(i**1.5)}" for i in np.linspace(0, 4, 30)])
    rng, labels = np.random.default_rng(1), np.unique(groups)
    values = []
    for _ in range(4000):
        items = np.concatenate([np.flatnonzero(groups == g) for g in rng.choice(labels, len(labels))])
        values.append(np.sqrt(np.mean((predicted[items] - true[items]) ** 2)))
    reference = np.quantile(values, [0.025, 0.975])
    found = metrics.bootstrap_interval(metrics.rmse_bpm, predicted, true, groups=groups)
    np.testing.assert_allclose(found, reference, atol=0.08 * np.ptp(reference))


def test_bootstrap_of_many_items_takes_little_memory():
    predicted, true = heart_rates(5000)
    tracemalloc.start()
    metrics.bootstrap_interval(metrics.pearson, predicted, true, n_resamples=500)  # at once: 20 MB an array
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16e6


def test_bootstrap_where_there_is_little_to_draw_from():
    assert np.isnan(metrics.bootstrap_interval(metrics.mae_bpm, [70.0], [71.0])).all()
    assert np.isnan(
        metrics.bootstrap_interval(metrics.mae_bpm, [70.0, 9.0], [71.0, 9.0], groups=[1, 1])
    ).all()
    assert np.isnan(metrics.bootstrap_interval(metrics.pearson, [70.0, 70.0], [71.0, 72.0])).all()
    # Half of the samples of two items are one item twice, which has no correlation.
    assert metrics.bootstrap_interval(metrics.pearson, [1.0, 2.0], [1.0, 3.0]) == pytest.approx((1, 1))


@pytest.mark.parametrize(
    "settings",
    [{"confidence": 1.0}, {"confidence": 0.0}, {"n_resamples": 0}, {"groups": [1, 2]}],
)
def test_bootstrap_refuses_what_cannot_work(settings):
    with pytest.raises(SettingsError):
        metrics.bootstrap_interval(metrics.mae_bpm, *heart_rates(3), **settings)
    with pytest.raises(SettingsError, match="one row"):
        metrics.bootstrap_interval(metrics.mae_bpm, np.ones((2, 3)), np.ones((2, 3)))
