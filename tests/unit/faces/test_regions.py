from __future__ import annotations

import numpy as np
import pytest
from drawn_faces import draw_face, empty_room
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from rfacenet.faces import Mtcnn, part_of, region_colours
from rfacenet.faces.regions import (
    LANDMARKS,
    PARTS,
    PICTURE_PX,
    _between_pixels,
    aligned,
    alignment,
    area_shares,
    centers,
    is_turned_away,
    outlines,
    oval,
    weights,
)
from rfacenet.models.stmap import AREA_SHARES
from rfacenet.types import N_REGIONS, FaceBox


def landmarks(center=(150.0, 110.0), scale=40.0, degrees=0.0):
    """Where the landmarks of a face of that place, distance of the eyes and tilt are, ``(5, 2)``."""
    turn = Rotation.from_euler("z", degrees, degrees=True).as_matrix()[:2, :2]
    return np.array(center) + scale * LANDMARKS @ turn.T


def box_of(points):
    (left, top), (right, bottom) = points.min(0), points.max(0)
    return FaceBox(left, top, right - left, bottom - top, landmarks_px=tuple(map(tuple, points.tolist())))


@pytest.mark.parametrize(("scale", "degrees"), [(40, 0), (7.5, 30), (90, -170)])
def test_alignment_finds_shift_turn_and_scale(scale, degrees):
    matrix, shift = alignment(landmarks((33, 44), scale, degrees))
    np.testing.assert_allclose(LANDMARKS @ matrix.T + shift, landmarks((33, 44), scale, degrees), atol=1e-9)
    np.testing.assert_allclose(matrix @ matrix.T, scale**2 * np.eye(2), atol=1e-6)


def test_alignment_is_the_best_in_the_sense_of_least_squares():
    noisy = landmarks() + np.random.default_rng(0).normal(0, 3, (5, 2))
    matrix, shift = alignment(noisy)

    def error(matrix, shift):
        return np.square(LANDMARKS @ matrix.T + shift - noisy).sum()

    best = error(matrix, shift)
    turn = np.array([(0.0, -1.0), (1.0, 0.0)])
    for step in (0.05, -0.05):
        for other in (
            (matrix * (1 + step), shift),
            (matrix + step * turn @ matrix, shift),
            (matrix, shift + step),
        ):
            assert error(*other) > best


@pytest.mark.parametrize("name", list(N_REGIONS))
def test_regions_are_means_over_pixels_in_the_oval(name):
    rows = weights(name)
    assert rows.shape == (N_REGIONS[name], PICTURE_PX[0] * PICTURE_PX[1])
    assert (rows >= 0).all()
    np.testing.assert_allclose(rows.sum(1), 1, atol=1e-5)
    corners = rows.reshape(-1, *PICTURE_PX)[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert not corners.any()  # beyond the outline of the face
    # None is so small that its mean would be a camera's noise.
    assert ((rows > 0).sum(1) >= 15).all()


@pytest.mark.parametrize("name", list(N_REGIONS))
def test_outlines_are_around_the_pixels_of_their_regions(name):
    height, width = PICTURE_PX
    (x, y), (half_width, half_height) = oval()
    for outline, center, row in zip(outlines(name), centers(name), weights(name), strict=True):
        rows, columns = np.nonzero(row.reshape(PICTURE_PX))
        found = np.array([(columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)]) / (width, height)
        corners = np.array([(x - half_width, y - half_height), (x + half_width, y + half_height)])
        # The box around the outline, as far as it lies in that around the oval: to a pixel, but where the
        # oval is round.
        low, high = np.maximum(outline.min(0), corners[0]), np.minimum(outline.max(0), corners[1])
        assert (found[0] >= low - 1 / width).all()
        assert (found[1] <= high + 1 / width).all()
        assert ((found[0] < center) & (center < found[1])).all()
    assert sum(count for _, count in PARTS.get(name, [("", N_REGIONS[name])])) == N_REGIONS[name]


def test_left_and_right_mirror_each_other():
    for name, mirrored in (
        ("blocks", np.arange(25).reshape(5, 5)[:, ::-1].ravel()),
        ("areas", [0, 2, 1, 4, 3, 5]),
    ):
        pictures = weights(name).reshape(-1, *PICTURE_PX)
        np.testing.assert_allclose(pictures[:, :, ::-1], pictures[mirrored], atol=1e-6)


def test_combinations_are_weighed_by_the_regions_areas():
    np.testing.assert_allclose(area_shares(), AREA_SHARES, atol=6e-4)


@pytest.mark.parametrize("degrees", [0, 25, -40])
def test_a_region_keeps_its_place_on_a_face_that_is_tilted(degrees):
    y, x = np.mgrid[:220, :300] + 0.5
    points = landmarks(degrees=degrees)
    matrix, shift = alignment(points)
    # Red and green tell each pixel's place on the template, so a region's mean colour is its centre.
    place = np.einsum("ij,hwj->hwi", np.linalg.inv(matrix), np.stack([x, y], -1) - shift)
    rgb = np.zeros((220, 300, 3))
    rgb[..., :2] = 128 + 40 * place
    colours = region_colours(rgb.clip(0, 255).astype(np.uint8), box_of(points))
    upright = region_colours_of_places()
    np.testing.assert_allclose((colours[:, :2] + 0.5 - 128) / 40, upright, atol=0.03)


def region_colours_of_places():
    """The centres of all regions on the template, ``(R, 2)``."""
    height, width = PICTURE_PX
    x = 1.05 * ((2 * np.arange(width) + 1) / width - 1)
    y = 0.42 + 1.4 * ((2 * np.arange(height) + 1) / height - 1)
    places = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    return np.concatenate([weights(name) @ places for name in N_REGIONS])


def test_forehead_and_lips_of_a_found_face():
    picture = empty_room()
    draw_face(picture, (160, 120), 150)
    (face,) = Mtcnn().detect(picture)
    colours = region_colours(picture, face)
    forehead, *cheeks, _ = colours[part_of("areas")]
    for cheek in cheeks[:2]:
        assert np.abs(cheek - forehead).max() < 25
    assert aligned(picture, np.array(face.landmarks_px)).shape == (*PICTURE_PX, 3)
    # The middle block of the last row but one holds the mouth, which is redder than skin.
    blocks = colours[part_of("blocks")]
    red = blocks[:, 0] / blocks[:, 1]
    assert red.reshape(5, 5)[:, 2].argmax() == 3


def test_a_box_without_landmarks_is_a_face_that_fills_it():
    points = landmarks()
    matrix, shift = alignment(points)
    low, high = (matrix @ np.array(corner) + shift for corner in ((-0.92, -0.92), (0.92, 1.76)))
    rgb = np.random.default_rng(0).integers(0, 256, (220, 300, 3), dtype=np.uint8)
    plain = FaceBox(*low, *(high - low))
    np.testing.assert_allclose(region_colours(rgb, plain), region_colours(rgb, box_of(points)), atol=0.5)


def test_a_face_turned_away_or_outside_has_no_regions():
    rgb = np.full((220, 300, 3), 99, np.uint8)
    turned = landmarks()
    turned[:, 0] = 150 + 0.4 * (turned[:, 0] - 150)
    assert is_turned_away(turned)
    assert not is_turned_away(landmarks(degrees=60))
    assert region_colours(rgb, box_of(turned)) is None
    assert region_colours(rgb, box_of(landmarks(center=(-900, 110)))) is None
    half_out = region_colours(rgb, box_of(landmarks(center=(0, 110))))
    np.testing.assert_allclose(half_out, 99, atol=1e-3)  # the edge's pixels are repeated, as in crops


def test_colours_between_pixels_are_scipys():
    picture = np.random.default_rng(0).random((9, 13, 3), dtype=np.float32)
    rows, columns = np.random.default_rng(1).uniform(-3, 16, (2, 40, 20))
    expected = [map_coordinates(picture[..., c], (rows, columns), order=1, mode="nearest") for c in range(3)]
    np.testing.assert_allclose(_between_pixels(picture, rows, columns), np.stack(expected, -1), atol=1e-6)
