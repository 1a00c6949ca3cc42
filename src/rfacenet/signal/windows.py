"""Sliding windows and what is put together from them again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rfacenet.types import Float64Array


def window_starts(n: int, length: int, step: int) -> list[int]:
    """First indices of windows of ``length`` that cover ``n`` samples.

    The last window is moved back to end with the signal, so that no sample is left out; a signal that is
    shorter than a window gets the one start 0.
    """
    if n <= length:
        return [0]
    starts = list(range(0, n - length + 1, step))
    if starts[-1] + length < n:
        starts.append(n - length)
    return starts


def overlap_add(pieces: list[Float64Array], starts: list[int], n: int) -> Float64Array:
    """Blend the pieces of overlapping windows into one signal of ``n`` samples.

    Each piece is weighted with a Hann window and the sum divided by the summed weights, so that pieces that
    agree are reproduced exactly, at the edges too.

    Args:
        pieces: One ``(L, ...)`` array a window.
        starts: The windows' first indices; together they cover all of ``n``.
        n: Length of the result.
    """
    inner = pieces[0].shape[1:]
    total, weights = np.zeros((n, *inner)), np.zeros((n, *[1] * len(inner)))
    for start, piece in zip(starts, pieces, strict=True):
        taper = np.hanning(len(piece) + 2)[1:-1]  # without the two zeros: the edges have no other window
        taper = taper.reshape(weights[: len(piece)].shape)
        total[start : start + len(piece)] += taper * piece
        weights[start : start + len(piece)] += taper
    blended: Float64Array = total / weights
    return blended


def in_windows(extract: Callable[[Float64Array], Float64Array], x: Float64Array, length: int) -> Float64Array:
    """Apply a function that assumes stationary input to windows of ``length`` with half overlap.

    Args:
        extract: ``(L, C) -> (L,)``.
        x: Signal, ``(T, C)``; passed whole where it is no longer than ``length``.
        length: Window length in samples.

    Returns:
        The overlap-added results, ``(T,)``.
    """
    starts = window_starts(len(x), length, max(1, length // 2))
    return overlap_add([extract(x[start : start + length]) for start in starts], starts, len(x))


def moving_sum(x: Float64Array, length: int) -> Float64Array:
    """Sums over every window of ``length`` samples: ``(T, ...) -> (T - length + 1, ...)``."""
    sums = np.concatenate([np.zeros_like(x[:1]), np.cumsum(x, axis=0)])
    windowed: Float64Array = sums[length:] - sums[:-length]
    return windowed
