from __future__ import annotations

import numpy as np
import pytest

from rfacenet.faces.boxes import best_of_each, overlap

SQUARE = (0, 0, 10, 10)


@pytest.mark.parametrize(
    ("other", "over_union", "over_smaller"),
    [
        (SQUARE, 1, 1),
        ((5, 0, 15, 10), 1 / 3, 1 / 2),
        ((0, 0, 5, 5), 1 / 4, 1),
        ((10, 0, 20, 10), 0, 0),
        ((30, 30, 40, 40), 0, 0),
        ((5, 5, 5, 5), 0, 0),
    ],
)
def test_overlap(other, over_union, over_smaller):
    first, second = np.array([SQUARE], float), np.array([other], float)
    assert overlap(first, second).item() == pytest.approx(over_union)
    assert overlap(second, first, over="smaller").item() == pytest.approx(over_smaller)


def test_best_of_each_keeps_one_box_a_face_best_first():
    boxes = np.array([(0, 0, 10, 10), (1, 0, 11, 10), (50, 50, 60, 60)], float)
    assert best_of_each(boxes, np.array([0.7, 0.8, 0.9]), 0.5).tolist() == [2, 1]


def test_a_dropped_box_drops_no_other():
    chain = np.array([(0, 0, 10, 10), (4, 0, 14, 10), (8, 0, 18, 10)], float)
    assert best_of_each(chain, np.array([0.9, 0.8, 0.7]), 0.3).tolist() == [0, 2]


def test_no_boxes():
    assert best_of_each(np.empty((0, 4)), np.empty(0), 0.5).tolist() == []
