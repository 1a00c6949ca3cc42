"""A face's pixels: resampled crops for networks, mean colours for classical methods.

Both treat a box's fractional edges exactly: a pixel that the box covers by 30 % counts 30 %. Rounding the
box to whole pixels instead would let columns of background jump in and out as the box glides along, and
such a jump (one column in 300) changes the mean colour about as much as a pulse does.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from rfacenet.errors import SettingsError
from rfacenet.types import FaceBox, Float32Array, Float64Array, Uint8Array


def crop(rgb: Uint8Array, box: FaceBox, size_px: int | tuple[int, int] | None = None) -> Uint8Array:
    """The pixels inside ``box``, resampled by area averaging.

    Where the box reaches over the frame's edge, the edge's pixels are repeated, so that the face keeps its
    proportions and its place in the crop.

    Args:
        rgb: Frame, ``(H, W, 3) uint8``.
        box: What to take, in the frame's pixels.
        size_px: Side of a square crop, or ``(height, width)``; None for the pixels as they are, the box
            being rounded to whole ones.

    Returns:
        Crop, ``(height, width, 3) uint8``.

    Raises:
        SettingsError: The box or the wanted size is empty.

    Differs: rPPG-Toolbox cuts the box at the frame's edge and stretches the rest; that turns a face that
        moves near the edge into one that changes shape.
    """
    if size_px is None:
        box = FaceBox(*(round(number) for number in (box.x_px, box.y_px, box.width_px, box.height_px)))
        size_px = int(box.height_px), int(box.width_px)
    size_px = (size_px, size_px) if isinstance(size_px, int) else size_px
    crops: Uint8Array = (resampled(rgb, box, size_px) + np.float32(0.5)).astype(np.uint8, order="C")
    return crops


def resampled(rgb: Uint8Array, box: FaceBox, size_px: tuple[int, int]) -> Float32Array:
    """Like :func:`crop` at ``(height, width)``, but not rounded: ``(height, width, 3) float32``, 0 to 255."""
    height, width = size_px
    if min(height, width, box.height_px, box.width_px) <= 0:
        raise SettingsError(f"Cannot crop {box} to {height} x {width} pixels: both must be above zero.")
    x_edges = box.x_px + box.width_px * np.arange(width + 1) / width
    y_edges = box.y_px + box.height_px * np.arange(height + 1) / height
    rows, row_shares = _shares(y_edges, rgb.shape[0])
    columns, column_shares = _shares(x_edges, rgb.shape[1])
    pixels = rgb[rows, columns].astype(np.float32)
    narrow = (row_shares @ pixels.reshape(len(pixels), -1)).reshape(height, -1, 3)
    cells = column_shares @ narrow.transpose(1, 0, 2).reshape(-1, 3 * height)
    upright: Float32Array = cells.reshape(width, height, 3).transpose(1, 0, 2)
    return upright


def mean_rgb(rgb: Uint8Array, box: FaceBox) -> Float64Array:
    """Mean colour of the part of ``box`` that lies inside the frame.

    Args:
        rgb: Frame, ``(H, W, 3) uint8``.
        box: Where to average, in the frame's pixels.

    Returns:
        Mean red, green and blue, ``(3,) float64``, 0 to 255.

    Raises:
        SettingsError: The box is empty or lies wholly outside the frame.
    """
    rows, row_weights = _coverage(box.y_px, box.height_px, rgb.shape[0])
    columns, column_weights = _coverage(box.x_px, box.width_px, rgb.shape[1])
    covered_px = row_weights.sum() * column_weights.sum()
    if covered_px <= 0:
        raise SettingsError(f"{box} covers nothing of the {rgb.shape[1]} x {rgb.shape[0]} frame.")
    region = rgb[rows, columns]
    # Integer sums down the columns are 25 times faster here than a mean over both axes; only the first and
    # last row can be partly covered, so only they are taken back in part.
    totals = region.sum(axis=0, dtype=np.uint32).astype(np.float64)
    totals -= (1 - row_weights[0]) * region[0]
    if len(region) > 1:
        totals -= (1 - row_weights[-1]) * region[-1]
    mean: Float64Array = column_weights @ totals / covered_px
    return mean


def _coverage(start: float, length: float, n_pixels: int) -> tuple[slice, Float64Array]:
    """Which pixels of an axis ``[start, start + length]`` touches, and how much of each it covers."""
    first, last = max(start, 0.0), min(start + length, float(n_pixels))
    pixels = np.arange(int(first), int(np.ceil(last)))
    weights = np.minimum(pixels + 1, last) - np.maximum(pixels, first)
    return slice(int(first), int(first) + len(pixels)), weights


def _shares(edges: Float64Array, n_pixels: int) -> tuple[slice, csr_array]:
    """Which pixels of an axis lie in each of the cells between ``edges``, and how much of the cell each is.

    Beyond the axis' ends the end pixel counts as repeated. The matrix is sparse because that is three times
    as fast, and because a full one would wake the linear-algebra library's threads for every frame.

    Args:
        edges: ``(cells + 1,)`` rising positions; pixel ``i`` reaches from ``i`` to ``i + 1``.
        n_pixels: Length of the axis.

    Returns:
        The pixels that are needed, and a matrix ``(cells, needed pixels) float32`` whose rows sum to 1.
    """
    first = np.floor(edges[:-1]).astype(np.intp)
    counts = np.maximum(np.ceil(edges[1:]).astype(np.intp) - first, 1)
    starts = np.concatenate(([0], np.cumsum(counts)))
    positions = np.arange(starts[-1]) + np.repeat(first - starts[:-1], counts)
    begin, end = np.repeat(edges[:-1], counts), np.repeat(edges[1:], counts)
    shares = (np.minimum(positions + 1, end) - np.maximum(positions, begin)) / (end - begin)
    pixels = positions.clip(0, n_pixels - 1)
    needed = slice(int(pixels[0]), int(pixels[-1]) + 1)
    shape = (len(counts), needed.stop - needed.start)
    return needed, csr_array((shares.astype(np.float32), pixels - needed.start, starts), shape=shape)
