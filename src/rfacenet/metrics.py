"""How far heart rates are off: the field's error measures, their standard errors and bootstrap intervals.

Conventions: ``predicted_bpm`` and ``true_bpm`` are heart rates of n videos or segments, beats per minute, of
the same shape ``(..., n)``. Everything works along the last axis, so that many samples of a bootstrap are one
call: ``(n,)`` gives a number, ``(..., n)`` an array ``(...)``. An error is predicted minus true. Deviations
are the population's, as in the field's tables. Each function here raises :class:`SettingsError` for
arrays that are empty, unequal in shape or not finite: an item without a heart rate is the caller's to count
and to leave out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rfacenet.errors import SettingsError
from rfacenet.types import Float64Array

Values = np.float64 | Float64Array
"""A number for arrays ``(n,)``, an array ``(...)`` for arrays ``(..., n)``."""

Metric = Callable[..., Values]
"""Any function of this module that takes one or two arrays, and whatever takes them alike."""

BATCH_ITEMS = 1 << 17
"""So many resampled items are in memory at once: a megabyte an array."""


def mean(values: ArrayLike) -> Values:
    """Mean of what each item has one of, such as a signal-to-noise ratio."""
    return _average(_checked(values)[0])


def bias_bpm(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """Mean signed error, beats per minute: above zero where predictions are too fast."""
    return _average(_errors(predicted_bpm, true_bpm))


def mae_bpm(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """Mean absolute error, beats per minute."""
    return _average(np.abs(_errors(predicted_bpm, true_bpm)))


def rmse_bpm(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """Root of the mean squared error, beats per minute."""
    return _root(_average(_errors(predicted_bpm, true_bpm) ** 2))


def mape_percent(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """Mean absolute error as a share of the true heart rate, percent."""
    return _average(_shares_percent(predicted_bpm, true_bpm))


def sd_bpm(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """Standard deviation of the signed error, beats per minute: RMSE² = bias² + SD²."""
    return _root(_average(_from_mean(_errors(predicted_bpm, true_bpm)) ** 2))


def sd_absolute_bpm(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """Standard deviation of the absolute error, beats per minute: RMSE² = MAE² + SD².

    Source: rFaceNet, Table 1, "SD" of its own row. The paper does not say so; its figures do:
        √(7.13² − 5.21²) = 4.87, where the signed error would be about 5.2 bpm off on average.
    Differs: the other rows of that table follow :func:`sd_bpm`, which is never less than this one; the two
        do not belong in one column.
    """
    return _root(_average(_from_mean(np.abs(_errors(predicted_bpm, true_bpm))) ** 2))


def pearson(predicted: ArrayLike, true: ArrayLike) -> Values:
    """Pearson's correlation, of heart rates or, without any lag, of waves.

    Returns:
        −1 to 1; nan where it is undefined, since either side is a single value or constant.
    """
    predicted, true = _checked(predicted, true)
    spread = _root(_average(_from_mean(predicted) ** 2)) * _root(_average(_from_mean(true) ** 2))
    # A constant's distance from its computed mean may be rounding noise instead of zero.
    defined = (np.ptp(predicted, axis=-1) > 0) & (np.ptp(true, axis=-1) > 0) & (spread > 0)
    covariance = _average(_from_mean(predicted) * _from_mean(true))
    r = np.clip(covariance / np.where(defined, spread, 1), -1, 1)
    return _number(np.where(defined, r, np.nan))


def standard_error(values: ArrayLike) -> Values:
    """Standard error of :func:`mean`: deviation over √n."""
    (values,) = _checked(values)
    return _number(values.std(axis=-1) / np.sqrt(values.shape[-1]))


def bias_standard_error_bpm(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """Standard error of :func:`bias_bpm`."""
    return standard_error(_errors(predicted_bpm, true_bpm))


def mae_standard_error_bpm(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """Standard error of :func:`mae_bpm`."""
    return standard_error(np.abs(_errors(predicted_bpm, true_bpm)))


def rmse_standard_error_bpm(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """Standard error of :func:`rmse_bpm`: std(e²) / √n / (2·RMSE), by the delta method.

    Differs: the published tables have :func:`rmse_plus_minus_toolbox_2023_bpm2`.
    """
    return _error_of_root(_errors(predicted_bpm, true_bpm) ** 2)


def rmse_plus_minus_toolbox_2023_bpm2(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """What published tables print as the ± of an RMSE: std(e²) / √n.

    It is the standard error of the mean squared error, in squared beats per minute, and no statement about
    the RMSE that it stands beside (31.00 ± 235.38). Only for comparison with such tables.

    Source: rPPG-Toolbox between May 2023 and August 2024; rFaceNet, Tables 2 and 3.
    """
    return standard_error(_errors(predicted_bpm, true_bpm) ** 2)


def mape_standard_error_percent(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """Standard error of :func:`mape_percent`."""
    return standard_error(_shares_percent(predicted_bpm, true_bpm))


def sd_standard_error_bpm(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """Standard error of :func:`sd_bpm`, by the delta method."""
    return _error_of_root(_from_mean(_errors(predicted_bpm, true_bpm)) ** 2)


def sd_absolute_standard_error_bpm(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Values:
    """Standard error of :func:`sd_absolute_bpm`, by the delta method."""
    return _error_of_root(_from_mean(np.abs(_errors(predicted_bpm, true_bpm))) ** 2)


def pearson_standard_error(predicted: ArrayLike, true: ArrayLike) -> Values:
    """Standard error of :func:`pearson`: √((1 − r²) / (n − 2)); nan for less than three items.

    Source: rPPG-Toolbox. It holds for uncorrelated normal values; for a strong correlation it is too wide,
        by about 1 / √(1 − r²), and :func:`bootstrap_interval` is the one to trust.
    """
    r, n = pearson(predicted, true), np.shape(true)[-1]
    return _number(np.sqrt((1 - r**2) / (n - 2)) if n > 2 else np.full_like(r, np.nan))


def bootstrap_interval(
    metric: Metric,
    *columns: ArrayLike,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Confidence interval of a metric: percentiles of what it is for items drawn with replacement.

    Args:
        metric: What to compute.
        columns: What the metric takes, ``(n,)`` each: predicted and true heart rates, for most.
        groups: Each item's subject, ``(n,)``. Subjects are then drawn, each with all of its items: videos of
            one face are not independent, and an interval that takes them so is too narrow.
        confidence: Share of the distribution within the interval, between 0 and 1.
        n_resamples: How many samples to draw.
        seed: The same seed draws the same samples, for every metric.

    Returns:
        Lower and upper end; nan for less than two items or subjects, which say nothing of their spread.
        Samples where the metric is undefined do not count.

    Raises:
        SettingsError: Columns or groups differ in length, or a setting is out of its range.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, Sec. 13.3 (percentile interval).
    """
    if not 0 < confidence < 1:
        raise SettingsError(f"A confidence lies between 0 and 1: {confidence:g} does not.")
    if n_resamples < 1:
        raise SettingsError(f"A bootstrap takes at least one sample, not {n_resamples}.")
    arrays = _checked(*columns)
    n = arrays[0].shape[-1]
    labels = np.arange(n) if groups is None else np.asarray(groups)
    if arrays[0].ndim != 1 or labels.shape != (n,):
        raise SettingsError(
            f"Items of shape {arrays[0].shape} with groups of shape {labels.shape} cannot be resampled: "
            "give one row of items, and one group for each."
        )
    if len(np.unique(labels)) < 2:
        return float("nan"), float("nan")
    drawn = _resamples(labels, n_resamples, np.random.default_rng(seed))
    values = np.concatenate([metric(*(array[indices] for array in arrays)) for indices in drawn])
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _resamples(
    groups: NDArray[np.generic], n_resamples: int, rng: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """Indices ``(k, m)`` of the items of k samples at a time, each of as many groups as there are."""
    order = np.argsort(groups, kind="stable")
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    rows = max(1, BATCH_ITEMS // len(groups))
    for first in range(0, n_resamples, rows):
        drawn = rng.integers(len(starts), size=(min(rows, n_resamples - first), len(starts)))
        if sizes.max() == 1:
            yield order[drawn]
            continue
        # Samples of groups of unequal sizes differ in length: those of one length go together.
        lengths = sizes[drawn].sum(axis=1)
        for length in np.unique(lengths):
            ones = drawn[lengths == length].ravel()
            ends = np.cumsum(sizes[ones])
            within = np.arange(ends[-1]) - np.repeat(ends - sizes[ones], sizes[ones])
            yield order[np.repeat(starts[ones], sizes[ones]) + within].reshape(-1, length)


def _checked(*columns: ArrayLike) -> list[Float64Array]:
    """The columns as arrays, or an error that says what is wrong with them."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    if not arrays or any(array.ndim == 0 or array.size == 0 for array in arrays):
        raise SettingsError("There are no items to compute a metric of: give at least one.")
    shapes = [array.shape for array in arrays]
    if len(set(shapes)) > 1:
        raise SettingsError(
            f"Arrays of shapes {' and '.join(map(str, shapes))} are no pairs: give as many of each."
        )
    if not all(np.isfinite(array).all() for array in arrays):
        raise SettingsError(
            "Some values are not finite: leave items without a heart rate out, and count them."
        )
    return arrays


def _errors(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Float64Array:
    predicted, true = _checked(predicted_bpm, true_bpm)
    return predicted - true


def _shares_percent(predicted_bpm: ArrayLike, true_bpm: ArrayLike) -> Float64Array:
    """Absolute errors as shares of the true heart rates."""
    errors, true = np.abs(_errors(predicted_bpm, true_bpm)), np.asarray(true_bpm, dtype=np.float64)
    if (true <= 0).any():
        raise SettingsError("A true heart rate is zero or less, and no error can be a share of it.")
    return 100 * errors / true


def _error_of_root(squares: Float64Array) -> Values:
    """Standard error of the root of a mean, 0 where the mean is: half that of the mean over the root.

    Holds for squared distances from a mean too, as the mean is where they change least.
    """
    root = _root(_average(squares))
    return _number(np.where(root > 0, standard_error(squares) / np.where(root > 0, 2 * root, 1), 0))


def _from_mean(x: Float64Array) -> Float64Array:
    centred: Float64Array = x - x.mean(axis=-1, keepdims=True)
    return centred


def _average(x: Float64Array) -> Values:
    return _number(x.mean(axis=-1))


def _root(x: Values) -> Values:
    return _number(np.sqrt(x))


def _number(x: ArrayLike) -> Values:
    """An array without axes as the number that it holds."""
    number: Values = np.asarray(x, dtype=np.float64)[()]
    return number
