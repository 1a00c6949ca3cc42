import numpy as np
import pytest

from rfacenet.signal.windows import in_windows, moving_sum, overlap_add, window_starts


@pytest.mark.parametrize(("n", "starts"), [(10, [0]), (5, [0]), (12, [0, 2]), (13, [0, 2, 3])])
def test_windows_cover_everything(n, starts):
    assert window_starts(n, 10, 2) == starts


def test_overlap_add_of_agreeing_pieces_is_exact_at_the_edges_too():
    x = np.random.default_rng(0).normal(size=100)
    starts = window_starts(100, 24, 7)
    maps = x[:, None, None] * np.ones((2, 3))
    np.testing.assert_allclose(overlap_add([x[s : s + 24] for s in starts], starts, 100), x)
    np.testing.assert_allclose(overlap_add([maps[s : s + 24] for s in starts], starts, 100), maps)
    np.testing.assert_allclose(in_windows(lambda piece: piece[:, 0], x[:, None], 16), x)


def test_moving_sum_equals_convolution():
    x = np.random.default_rng(0).normal(size=50)
    np.testing.assert_allclose(moving_sum(x, 7), np.convolve(x, np.ones(7), "valid"))
