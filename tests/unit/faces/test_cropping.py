from __future__ import annotations

import numpy as np
import pytest

from rfacenet.errors import SettingsError
from rfacenet.faces.cropping import crop, mean_rgb
from rfacenet.types import FaceBox


@pytest.fixture
def rgb():
    return np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def cover(start, length, n_cells, pixels):
    """Share of each cell that each pixel covers, ``(cells, pixels)``."""
    edges = start + np.linspace(0, length, n_cells + 1)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.maximum(overlap, 0) / (length / n_cells)


def slow_crop(rgb, box, height, width, margin=60):
    padded = np.pad(rgb, ((margin, margin), (margin, margin), (0, 0)), mode="edge").astype(float)
    rows, columns = (np.arange(n) - margin for n in padded.shape[:2])
    weights = cover(box.y_px, box.height_px, height, rows), cover(box.x_px, box.width_px, width, columns)
    return np.einsum("hy,yxc,wx->hwc", weights[0], padded, weights[1], optimize=True)


def test_a_box_on_whole_pixels_is_cut_out_unchanged(rgb):
    box = FaceBox(7, 11, 20, 15)
    np.testing.assert_array_equal(crop(rgb, box), rgb[11:26, 7:27])
    np.testing.assert_array_equal(crop(rgb, box, (15, 20)), rgb[11:26, 7:27])
    np.testing.assert_array_equal(crop(rgb, FaceBox(7.3, 10.6, 19.8, 15.4)), rgb[11:26, 7:27])


@pytest.mark.parametrize(
    "box",
    [
        FaceBox(7.3, 11.8, 20.4, 15.1),
        FaceBox(-6.5, -3.2, 30, 30),
        FaceBox(45, 30, 40, 25.5),
        FaceBox(-10, -10, 90, 80),
        FaceBox(-30, 5, 20, 20),  # all to the left of the frame
        FaceBox(70, 50, 20, 20),  # all beyond the opposite corner
    ],
)
@pytest.mark.parametrize("size", [(6, 5), (12, 24), (50, 45)])
def test_crop_averages_areas_and_repeats_the_edge(rgb, box, size):
    np.testing.assert_allclose(crop(rgb, box, size), slow_crop(rgb, box, *size), atol=0.501)


def test_one_number_is_a_square(rgb):
    assert crop(rgb, FaceBox(1, 1, 20, 30), 8).shape == (8, 8, 3)


def test_a_large_box_keeps_its_exact_colour():
    white = np.full((1200, 1600, 3), 255, dtype=np.uint8)
    assert (crop(white, FaceBox(3.3, 4.4, 1500.5, 1100.1), 2) == 255).all()


def test_mean_rgb_of_whole_pixels(rgb):
    np.testing.assert_allclose(mean_rgb(rgb, FaceBox(7, 11, 20, 15)), rgb[11:26, 7:27].mean(axis=(0, 1)))


@pytest.mark.parametrize(
    "box", [FaceBox(7.3, 11.8, 20.4, 15.1), FaceBox(7.3, 11.2, 0.4, 0.3), FaceBox(7.3, 11.2, 20, 1.3)]
)
def test_mean_rgb_weighs_partly_covered_pixels(rgb, box):
    np.testing.assert_allclose(mean_rgb(rgb, box), slow_crop(rgb, box, 1, 1).ravel())


def test_mean_rgb_leaves_out_what_is_beyond_the_frame(rgb):
    inside = rgb[:10, 50:].mean(axis=(0, 1))
    np.testing.assert_allclose(mean_rgb(rgb, FaceBox(50, -20, 30, 30)), inside)


def test_a_gliding_box_changes_the_mean_smoothly():
    """No pulse-like steps from columns of background that enter or leave at once."""
    rgb = np.zeros((100, 100, 3), dtype=np.uint8)
    rgb[:, :50] = 200
    means = [mean_rgb(rgb, FaceBox(20 + 0.1 * i, 20, 40, 40))[1] for i in range(100)]
    np.testing.assert_allclose(np.diff(means), np.diff(means)[0], rtol=1e-6)


@pytest.mark.parametrize("box", [FaceBox(70, 5, 10, 10), FaceBox(-20, 5, 20, 10), FaceBox(5, 5, 0, 10)])
def test_mean_rgb_of_nothing(rgb, box):
    with pytest.raises(SettingsError, match="covers nothing"):
        mean_rgb(rgb, box)


@pytest.mark.parametrize(
    ("box", "size"), [(FaceBox(1, 1, 0, 5), 4), (FaceBox(1, 1, 5, -1), 4), (FaceBox(1, 1, 5, 5), (0, 4))]
)
def test_crop_of_nothing(rgb, box, size):
    with pytest.raises(SettingsError, match="above zero"):
        crop(rgb, box, size)
