"""Regions of a face, placed by its landmarks: where the rows of a spatio-temporal map come from.

A template of a face stands for every face. Its five landmarks are laid onto those that MTCNN finds by a
shift, a turn and a scale; so the eyes are level and everything is where it is on the template. The face is
resampled to the template's picture, and a region's colour is the mean over its pixels there, bounded by the
face's oval.

Coordinates of the template: x to the right and y down from the point between the eyes, which are 1 apart.

Source: Niu et al., "RhythmNet", IEEE TIP 29 (2020), Sec. III-B (alignment, 5×5 blocks); Lu & Han, "NAS-HR",
    VRIH 2021 (15 regions); Niu et al., ECCV 2020 (six regions for CVD); Tulyakov et al., CVPR 2016 (a grid).
Differs: they have 66 to 81 landmarks from models whose weights no package carries; five fix the same shift,
    turn and scale, but not a face's own shape. A region keeps to the oval, not to a skin colour looked for in
    each frame: pixels that come and go would add noise in the pulse's band.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rfacenet.faces.cropping import resampled
from rfacenet.types import N_REGIONS, FaceBox, Float32Array, Float64Array, RegionSet, Uint8Array

Points = Float64Array
"""``(N, 2)`` x and y."""

Mask = NDArray[np.bool_]

LANDMARKS: Points = np.array([(-0.5, 0.0), (0.5, 0.0), (0.0, 0.58), (-0.41, 1.15), (0.41, 1.15)])
"""Eyes, tip of the nose, corners of the mouth, in the proportions of published alignments by five points."""

OVAL_CENTER, OVAL_HALF_SIZE = (0.0, 0.42), (0.92, 1.34)
"""The outline of the face, from the hairline to the chin."""

PICTURE_CENTER, PICTURE_HALF_SIZE = (0.0, 0.42), (1.05, 1.4)
"""What the template's picture shows."""

PICTURE_PX = 64, 48
"""Its height and width."""

MIN_ASPECT = 0.45
"""Eyes nearer to each other than this, by the distance to the mouth as on the template, are of a face that is
turned away: from about 60 degrees on."""

_SUPERSAMPLING = 8

_Corner = tuple[float, float]

# Corners of the triangles, on the face's oval and between the features.
_BROW_LEFT, _BROW_RIGHT = (-0.75, -0.32), (0.75, -0.32)
_TOP_LEFT, _TOP_RIGHT = (-0.55, -0.78), (0.55, -0.78)
_CHEEK_LEFT, _CHEEK_RIGHT = (-0.9, 0.3), (0.9, 0.3)
_UNDER_EYE_LEFT, _UNDER_EYE_RIGHT = (-0.5, 0.22), (0.5, 0.22)
_NOSE_ROOT, _NOSE_TIP = (0.0, 0.1), (0.0, 0.62)
_WING_LEFT, _WING_RIGHT = (-0.24, 0.66), (0.24, 0.66)
_MOUTH_LEFT, _MOUTH_RIGHT = (-0.45, 1.1), (0.45, 1.1)
_JAW_LEFT, _JAW_RIGHT = (-0.84, 0.95), (0.84, 0.95)
_CHIN_LEFT, _CHIN_RIGHT, _CHIN = (-0.5, 1.45), (0.5, 1.45), (0.0, 1.4)

_TRIANGLES = (
    (_TOP_LEFT, _TOP_RIGHT, _BROW_RIGHT, _BROW_LEFT),
    (_NOSE_ROOT, _WING_LEFT, _NOSE_TIP),
    (_NOSE_ROOT, _NOSE_TIP, _WING_RIGHT),
    (_UNDER_EYE_LEFT, _NOSE_ROOT, _WING_LEFT),
    (_UNDER_EYE_RIGHT, _NOSE_ROOT, _WING_RIGHT),
    (_CHEEK_LEFT, _UNDER_EYE_LEFT, _WING_LEFT),
    (_CHEEK_RIGHT, _UNDER_EYE_RIGHT, _WING_RIGHT),
    (_CHEEK_LEFT, _WING_LEFT, _MOUTH_LEFT),
    (_CHEEK_RIGHT, _WING_RIGHT, _MOUTH_RIGHT),
    (_CHEEK_LEFT, _MOUTH_LEFT, _JAW_LEFT),
    (_CHEEK_RIGHT, _MOUTH_RIGHT, _JAW_RIGHT),
    (_JAW_LEFT, _MOUTH_LEFT, _CHIN_LEFT),
    (_JAW_RIGHT, _MOUTH_RIGHT, _CHIN_RIGHT),
    (_MOUTH_LEFT, _CHIN, _CHIN_LEFT),
    (_MOUTH_RIGHT, _CHIN, _CHIN_RIGHT),
)
"""A forehead and fourteen triangles."""

_AREAS = (
    (_TOP_LEFT, _TOP_RIGHT, _BROW_RIGHT, _BROW_LEFT),
    (_CHEEK_LEFT, _UNDER_EYE_LEFT, (-0.2, 0.3), _WING_LEFT, (-0.86, 0.66)),
    (_CHEEK_RIGHT, _UNDER_EYE_RIGHT, (0.2, 0.3), _WING_RIGHT, (0.86, 0.66)),
    ((-0.86, 0.66), _WING_LEFT, _MOUTH_LEFT, _JAW_LEFT),
    ((0.86, 0.66), _WING_RIGHT, _MOUTH_RIGHT, _JAW_RIGHT),
    (_MOUTH_LEFT, (-0.2, 1.38), (0.2, 1.38), _MOUTH_RIGHT, _CHIN_RIGHT, (0.0, 1.7), _CHIN_LEFT),
)
"""Forehead, upper cheeks, lower cheeks, chin."""

_POLYGONS: Mapping[RegionSet, tuple[tuple[_Corner, ...], ...]] = MappingProxyType(
    {"triangles": _TRIANGLES, "areas": _AREAS}
)
_GRIDS: Mapping[RegionSet, tuple[_Corner, _Corner, tuple[int, int]]] = MappingProxyType(
    {"blocks": ((-0.92, -0.92), (0.92, 1.76), (5, 5)), "cells": ((-0.85, 0.12), (0.85, 1.3), (8, 8))}
)
"""Top left and bottom right corner, rows and columns; that of ``blocks`` is around the oval."""

PARTS: Mapping[RegionSet, tuple[tuple[str, int], ...]] = MappingProxyType(
    {
        "blocks": (("forehead", 5), ("eyes", 5), ("nose", 5), ("mouth", 5), ("chin", 5)),
        "triangles": (("forehead", 1), ("nose", 2), ("cheeks", 8), ("jaw", 2), ("chin", 2)),
        "areas": (
            ("forehead", 1),
            ("upper left cheek", 1),
            ("upper right cheek", 1),
            ("lower left cheek", 1),
            ("lower right cheek", 1),
            ("chin", 1),
        ),
    }
)
"""What people call the regions, and how many that follow each other have that name; left and right as the
viewer sees them."""


def region_colours(rgb: Uint8Array, box: FaceBox) -> Float32Array | None:
    """Mean colours of all regions of a face.

    Args:
        rgb: Frame, ``(H, W, 3) uint8``.
        box: The face. Without landmarks, it is taken for a face that fills its box, upright.

    Returns:
        ``(R, 3) float32`` RGB, 0 to 255, the sets' regions one after the other in the order of
        :data:`~rfacenet.types.N_REGIONS`; None where the face is turned away or lies outside the frame.
    """
    picture = aligned_face(rgb, box)
    if picture is None:
        return None
    colours: Float32Array = all_weights() @ picture.reshape(-1, 3)
    return colours


def aligned_face(rgb: Uint8Array, box: FaceBox, scale: int = 1) -> Float32Array | None:
    """The face in a box as :func:`aligned` has it; None where it is turned away or lies outside the frame."""
    landmarks = np.array(box.landmarks_px) if box.landmarks_px else _landmarks_of_box(box)
    return None if is_turned_away(landmarks) else aligned(rgb, landmarks, scale)


def is_turned_away(landmarks_px: Points) -> bool:
    """Whether five landmarks ``(5, 2)`` are those of a face seen too much from the side."""
    eyes, mouth = landmarks_px[:2], landmarks_px[3:]
    between_eyes = float(np.hypot(*(eyes[1] - eyes[0])))
    down = float(np.hypot(*(mouth.mean(0) - eyes.mean(0)))) / LANDMARKS[3, 1]
    return bool(down == 0 or between_eyes < MIN_ASPECT * down)


def alignment(landmarks: Points) -> tuple[Float64Array, Float64Array]:
    """The shift, turn and scale that lay the template's landmarks onto these, by least squares.

    Args:
        landmarks: ``(5, 2)`` of a face.

    Returns:
        Matrix ``(2, 2)`` and shift ``(2,)``: a point p of the template lies at ``matrix @ p + shift``.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
        PAMI 13 (1991); in the plane it is one complex number.
    """
    template, face = (points @ (1, 1j) for points in (LANDMARKS, landmarks))
    centered = template - template.mean()
    factor = np.vdot(centered, face - face.mean()) / np.vdot(centered, centered)
    shift = face.mean() - factor * template.mean()
    matrix = np.array([(factor.real, -factor.imag), (factor.imag, factor.real)])
    return matrix, np.array((shift.real, shift.imag))


def aligned(rgb: Uint8Array, landmarks_px: Points, scale: int = 1) -> Float32Array | None:
    """A face as the template has it.

    Args:
        rgb: Frame, ``(H, W, 3) uint8``.
        landmarks_px: ``(5, 2)``, in the frame's pixels.
        scale: How many times as high and wide the picture is to be.

    Returns:
        Picture of :data:`PICTURE_PX` or a multiple, ``(H, W, 3) float32``, 0 to 255; None where it lies
        outside the frame.
    """
    matrix, shift = alignment(landmarks_px)
    size_px = scale * PICTURE_PX[0], scale * PICTURE_PX[1]
    x, y = (matrix @ _pixel_centers(scale) + shift[:, None]).reshape(2, *size_px)
    margin = np.hypot(*matrix[:, 0]) * 2 * PICTURE_HALF_SIZE[0] / size_px[1]
    box = FaceBox(x.min() - margin, y.min() - margin, np.ptp(x) + 2 * margin, np.ptp(y) + 2 * margin)
    if box.x_px + box.width_px <= 0 or box.y_px + box.height_px <= 0:
        return None
    if box.x_px >= rgb.shape[1] or box.y_px >= rgb.shape[0]:
        return None
    # First upright and without aliasing at about the picture's scale, then turned between those pixels.
    height, width = (max(2, round(length / margin)) for length in (box.height_px, box.width_px))
    upright = resampled(rgb, box, (height, width))
    rows = (y - box.y_px) * (height / box.height_px) - 0.5
    columns = (x - box.x_px) * (width / box.width_px) - 0.5
    return _between_pixels(upright, rows, columns)


def _between_pixels(picture: Float32Array, rows: Float64Array, columns: Float64Array) -> Float32Array:
    """Colours ``(..., 3)`` at places between pixels, bilinearly; the edge's pixels are repeated.

    Faster than SciPy's, which takes a channel at a time.
    """
    height, width = picture.shape[:2]
    rows, columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    down, right = (rows - top).astype(np.float32)[..., None], (columns - left).astype(np.float32)[..., None]
    corner = top * width + left
    beside, below = (left < width - 1).astype(np.intp), width * (top < height - 1)
    flat = picture.reshape(-1, 3)
    upper = flat[corner] * (1 - right) + flat[corner + beside] * right
    lower = flat[corner + below] * (1 - right) + flat[corner + below + beside] * right
    mixed: Float32Array = upper * (1 - down) + lower * down
    return mixed


@cache
def all_weights() -> csr_array:
    """The weights of all sets, one below the other; sparse, as a full matrix wakes threads at every frame."""
    return csr_array(np.concatenate([weights(name) for name in N_REGIONS]))


@cache
def weights(regions: RegionSet) -> Float32Array:
    """How much of a region each pixel of the template's picture is, ``(R, H·W)``; rows sum to 1."""
    covers = _polygons(_POLYGONS[regions]) if regions in _POLYGONS else _rectangles(*_GRIDS[regions])
    shares = covers.reshape(len(covers), -1)
    rows: Float32Array = (shares / shares.sum(1, keepdims=True)).astype(np.float32)
    return rows


def outlines(regions: RegionSet) -> list[Points]:
    """The corners of each region, ``(N, 2)``, as shares of the template's picture from its top left corner.

    Besides, all regions end where the oval does: see :func:`oval`.
    """
    if regions in _POLYGONS:
        return [_on_picture(np.array(corners)) for corners in _POLYGONS[regions]]
    top_left, bottom_right, (n_rows, n_columns) = _GRIDS[regions]
    x, y = (
        np.linspace(*ends, n + 1)
        for ends, n in zip(zip(top_left, bottom_right, strict=True), (n_columns, n_rows), strict=True)
    )
    return [
        _on_picture(np.array([(x[j], y[i]), (x[j + 1], y[i]), (x[j + 1], y[i + 1]), (x[j], y[i + 1])]))
        for i in range(n_rows)
        for j in range(n_columns)
    ]


def oval() -> tuple[Points, Points]:
    """Centre and half axes of the face's oval, both ``(2,)``, as shares of the template's picture."""
    return _on_picture(np.array(OVAL_CENTER)), np.array(OVAL_HALF_SIZE) / (2 * np.array(PICTURE_HALF_SIZE))


def centers(regions: RegionSet) -> Points:
    """The centre of each region as far as it lies in the oval, ``(R, 2)``, as shares of the picture."""
    return _on_picture(weights(regions) @ _pixel_centers().T)


def area_shares() -> Float64Array:
    """How large the regions ``areas`` are, as shares of them all, ``(6,)``."""
    areas = _polygons(_AREAS).sum((1, 2))
    shares: Float64Array = areas / areas.sum()
    return shares


def part_of(regions: RegionSet) -> slice:
    """Where a set's regions lie among all."""
    names = list(N_REGIONS)
    first = sum(N_REGIONS[name] for name in names[: names.index(regions)])
    return slice(first, first + N_REGIONS[regions])


def _landmarks_of_box(box: FaceBox) -> Points:
    """Where landmarks are on a face whose oval touches the box's edges."""
    scale = np.array((box.width_px, box.height_px)) / (2 * np.array(OVAL_HALF_SIZE))
    landmarks: Points = np.array(box.center_px) + scale * (LANDMARKS - np.array(OVAL_CENTER))
    return landmarks


def _on_picture(points: Points) -> Points:
    """Points of the template as shares of its picture's width and height from the top left."""
    corner = np.array(PICTURE_CENTER) - np.array(PICTURE_HALF_SIZE)
    shares: Points = (points - corner) / (2 * np.array(PICTURE_HALF_SIZE))
    return shares


@cache
def _pixel_centers(per_pixel: int = 1) -> Float64Array:
    """Where the picture's pixels lie on the template, ``(2, H·W)``; each in ``per_pixel``² parts."""
    height, width = (per_pixel * side for side in PICTURE_PX)
    x = PICTURE_CENTER[0] + PICTURE_HALF_SIZE[0] * ((2 * np.arange(width) + 1) / width - 1)
    y = PICTURE_CENTER[1] + PICTURE_HALF_SIZE[1] * ((2 * np.arange(height) + 1) / height - 1)
    centers: Float64Array = np.stack(np.meshgrid(x, y)).reshape(2, -1)
    return centers


def _covered(inside: Mask) -> Float64Array:
    """How much of each pixel is covered, ``(..., H, W)``, of what parts of pixels are, ``(..., parts)``."""
    height, width = PICTURE_PX
    parts = inside.reshape(*inside.shape[:-1], height, _SUPERSAMPLING, width, _SUPERSAMPLING)
    covered: Float64Array = parts.mean((-3, -1))
    return covered


def _in_oval() -> Mask:
    x, y = _pixel_centers(_SUPERSAMPLING)
    away = ((x - OVAL_CENTER[0]) / OVAL_HALF_SIZE[0]) ** 2 + ((y - OVAL_CENTER[1]) / OVAL_HALF_SIZE[1]) ** 2
    inside: Mask = away <= 1
    return inside


def _rectangles(top_left: _Corner, bottom_right: _Corner, grid: tuple[int, int]) -> Float64Array:
    """The parts of a grid, row by row, as far as they lie in the oval: ``(rows · columns, H, W)``."""
    x, y = _pixel_centers(_SUPERSAMPLING)
    row, column = (
        np.floor((place - low) / (high - low) * n)
        for place, low, high, n in zip((y, x), top_left[::-1], bottom_right[::-1], grid, strict=True)
    )
    oval = _in_oval()
    return np.stack(
        [_covered((row == i) & (column == j) & oval) for i in range(grid[0]) for j in range(grid[1])]
    )


def _polygons(polygons: tuple[tuple[_Corner, ...], ...]) -> Float64Array:
    """Polygons as far as they lie in the oval: ``(N, H, W)``."""
    oval = _in_oval()
    return np.stack([_covered(_in_polygon(polygon) & oval) for polygon in polygons])


def _in_polygon(corners: tuple[_Corner, ...]) -> Mask:
    """Which parts of pixels lie in a polygon, by how often a ray to the right crosses its edges."""
    x, y = _pixel_centers(_SUPERSAMPLING)
    crossings = np.zeros(x.shape, dtype=int)
    for (x1, y1), (x2, y2) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if y1 != y2:
            crossings += ((y1 <= y) != (y2 <= y)) & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    inside: Mask = crossings % 2 == 1
    return inside
