"""Overlap of boxes, and the suppression of those that repeat a better one.

Boxes are rows ``(left, top, right, bottom)`` of an ``(N, 4)`` array.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rfacenet.types import Float64Array


def overlap(
    first: Float64Array, second: Float64Array, over: Literal["union", "smaller"] = "union"
) -> Float64Array:
    """Share of area that each of ``(N, 4)`` boxes has in common with each of ``(M, 4)`` others.

    Args:
        first: ``(N, 4)`` boxes.
        second: ``(M, 4)`` boxes.
        over: Share of the union of the two (intersection over union, IoU), or of the smaller one.

    Returns:
        ``(N, M)`` shares from 0 to 1.
    """
    a, b = first[:, None], second[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    common = np.maximum(sides, 0).prod(axis=-1)
    areas_a, areas_b = _areas(a), _areas(b)
    whole = np.minimum(areas_a, areas_b) if over == "smaller" else areas_a + areas_b - common
    shares: Float64Array = common / np.maximum(whole, np.finfo(np.float64).tiny)
    return shares


def best_of_each(
    boxes: Float64Array, scores: Float64Array, most: float, over: Literal["union", "smaller"] = "union"
) -> NDArray[np.intp]:
    """Indices of the boxes that no kept box of a higher score overlaps by more than ``most``, best first.

    This is greedy non-maximum suppression.
    """
    order = np.argsort(-scores, kind="stable")
    repeats = overlap(boxes[order], boxes[order], over) > most
    kept: list[int] = []
    for candidate in range(len(order)):
        if not repeats[candidate, kept].any():
            kept.append(candidate)
    return order[kept]


def _areas(boxes: Float64Array) -> Float64Array:
    areas: Float64Array = (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)
    return areas
