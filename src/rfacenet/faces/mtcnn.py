"""MTCNN: faces in a picture, by three small networks of which each checks and refines the one before it.

Source: K. Zhang, Z. Zhang, Z. Li, Y. Qiao, "Joint Face Detection and Alignment using Multi-task Cascaded
Convolutional Networks", IEEE Signal Processing Letters 23 (2016), arXiv 1604.02878, Section II-A.

Differs: coordinates are continuous, pixel ``i`` reaching from ``i`` to ``i + 1``; the authors' MATLAB code
    counts pixels from one and adds or subtracts one here and there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from rfacenet.errors import SettingsError
from rfacenet.faces.boxes import best_of_each
from rfacenet.faces.cropping import crop
from rfacenet.faces.networks import load_networks
from rfacenet.types import FaceBox, Float64Array, Uint8Array

_PYRAMID_FACTOR = 0.709  # about 1 / sqrt(2): each level has half the pixels of the one before it
_PNET_WINDOW_PX, _PNET_STRIDE_PX = 12, 2
_RNET_WINDOW_PX, _ONET_WINDOW_PX = 24, 48
# Largest allowed overlaps, from the authors' published code, as the paper gives none.
_OVERLAP_IN_LEVEL, _OVERLAP = 0.5, 0.7


class Mtcnn:
    """The MTCNN face detector with its published weights.

    Args:
        min_face_fraction: Side of the smallest face to find, as a fraction of the frame's shorter side. The
            time for the first network grows with its inverse square.
        thresholds: Probabilities of a face above which a box passes the first, second and third network; by
            default those of the authors' published code.

    Raises:
        SettingsError: A setting is out of range.
        WeightsError: The package ``mtcnn``, which carries the weights, is missing or damaged.
    """

    def __init__(
        self, *, min_face_fraction: float = 0.12, thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7)
    ) -> None:
        if not 0 < min_face_fraction <= 1:
            raise SettingsError(f"min_face_fraction is {min_face_fraction}: it must be above 0, at most 1.")
        self._min_face_fraction = min_face_fraction
        self._thresholds = thresholds
        self._pnet, self._rnet, self._onet = load_networks()

    @torch.inference_mode()
    def detect(self, rgb: Uint8Array) -> list[FaceBox]:
        """The faces in a frame.

        Args:
            rgb: Frame, ``(H, W, 3) uint8`` RGB, upright.

        Returns:
            Their boxes with landmarks, the most confident first; empty where there is none.
        """
        source = _Halvings(rgb)
        with _single_threaded():
            return self._output(source, self._refine(source, self._propose(rgb)))

    def _propose(self, rgb: Uint8Array) -> Float64Array:
        """First stage: candidate boxes ``(N, 4)`` at all scales."""
        proposals = [self._propose_at(level, rgb.shape) for level in self._pyramid(rgb)]
        boxes = np.concatenate([boxes for boxes, _ in proposals])
        scores = np.concatenate([scores for _, scores in proposals])
        return boxes[best_of_each(boxes, scores, _OVERLAP)]

    def _pyramid(self, rgb: Uint8Array) -> list[Tensor]:
        """The frame at falling scales; in the first, the smallest wanted face fills a window of PNet."""
        height, width = rgb.shape[:2]
        scale = _PNET_WINDOW_PX / (self._min_face_fraction * min(height, width))
        level = _as_tensor(rgb)
        levels = []
        while round(min(height, width) * scale) >= _PNET_WINDOW_PX:
            # Each level from the one before it: only the first has to go through the whole frame.
            level = _resized(level, (round(height * scale), round(width * scale)))
            levels.append(level)
            scale *= _PYRAMID_FACTOR
        return levels

    def _propose_at(self, level: Tensor, frame_shape: tuple[int, ...]) -> tuple[Float64Array, Float64Array]:
        """Boxes ``(N, 4)`` in the frame and scores ``(N,)`` of one level's windows that may hold a face."""
        probabilities, offsets = self._pnet(_to_input(level))
        rows, columns = torch.nonzero(probabilities[0] > self._thresholds[0], as_tuple=True)
        scores = _as_array(probabilities[0, rows, columns])
        corners = _PNET_STRIDE_PX * _as_array(torch.stack((columns, rows), dim=1))
        windows = np.concatenate((corners, corners + _PNET_WINDOW_PX), axis=1)
        boxes = _shift(windows, offsets[0, :, rows, columns].T)
        kept = best_of_each(boxes, scores, _OVERLAP_IN_LEVEL)
        to_frame = frame_shape[1] / level.shape[3], frame_shape[0] / level.shape[2]
        return boxes[kept] * (to_frame * 2), scores[kept]

    def _refine(self, source: _Halvings, boxes: Float64Array) -> Float64Array:
        """Second stage: those of ``(N, 4)`` boxes that hold a face, with better edges."""
        windows = _squares(boxes)
        probabilities, offsets = self._rnet(source.windows(windows, _RNET_WINDOW_PX))
        scores = _as_array(probabilities)
        faces = scores > self._thresholds[1]
        boxes = _shift(windows, offsets)[faces]
        return boxes[best_of_each(boxes, scores[faces], _OVERLAP)]

    def _output(self, source: _Halvings, boxes: Float64Array) -> list[FaceBox]:
        """Third stage: the faces among ``(N, 4)`` boxes, with their final edges and landmarks."""
        windows = _squares(boxes)
        probabilities, offsets, landmarks = self._onet(source.windows(windows, _ONET_WINDOW_PX))
        scores = _as_array(probabilities)
        boxes = _shift(windows, offsets)
        landmarks_px = _to_frame(windows, landmarks)
        kept = best_of_each(boxes, scores, _OVERLAP, over="smaller")
        return [
            _face_box(boxes[i], scores[i], landmarks_px[i]) for i in kept if scores[i] > self._thresholds[2]
        ]


@contextmanager
def _single_threaded() -> Iterator[None]:
    """One torch thread for a while: for networks this small, waiting for a second costs more than it brings.

    With two threads on two busy cores, a detection took 25 to 1000 ms of processor time instead of 10.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Halvings:
    """A frame and its halves, quarters, ...: to take a large window from a small copy is much cheaper."""

    def __init__(self, rgb: Uint8Array) -> None:
        self._copies = [rgb]

    def windows(self, windows: Float64Array, size_px: int) -> Tensor:
        """The networks' input ``(N, 3, size_px, size_px)`` from square windows ``(N, 4)`` of the frame."""
        crops = np.empty((len(windows), size_px, size_px, 3), dtype=np.uint8)
        for i, window in enumerate(windows):
            n_halvings = max(int(np.log2((window[2] - window[0]) / size_px)), 0)
            copy, (left, top, right, bottom) = self._copy(n_halvings), window / 2**n_halvings
            crops[i] = crop(copy, FaceBox(left, top, right - left, bottom - top), size_px)
        return _to_input(torch.from_numpy(crops).permute(0, 3, 1, 2))

    def _copy(self, n_halvings: int) -> Uint8Array:
        """The frame, ``n_halvings`` times halved."""
        while len(self._copies) <= n_halvings:
            last = self._copies[-1]
            height, width = last.shape[0] // 2, last.shape[1] // 2
            halved = _resized(_as_tensor(last[: 2 * height, : 2 * width]), (height, width))
            self._copies.append(halved[0].permute(1, 2, 0).numpy())
        return self._copies[n_halvings]


def _as_tensor(rgb: Uint8Array) -> Tensor:
    """``(1, 3, H, W)`` of a picture ``(H, W, 3)``."""
    # Torch takes no flipped arrays, and warns of locked ones.
    plain = np.require(rgb, requirements=("C_CONTIGUOUS", "WRITEABLE"))
    return torch.from_numpy(plain).permute(2, 0, 1)[None]


def _as_array(numbers: Tensor) -> Float64Array:
    array: Float64Array = numbers.double().numpy()
    return array


def _resized(pictures: Tensor, size_px: tuple[int, int]) -> Tensor:
    """``(N, 3, H, W) uint8`` pictures at another (height, width), without aliasing; fast on ``uint8``."""
    return interpolate(pictures, size=size_px, mode="bilinear", antialias=True)


def _to_input(pictures: Tensor) -> Tensor:
    """``uint8`` pixels as the numbers that the networks were trained on."""
    return (pictures.float() - 127.5) / 128


def _shift(windows: Float64Array, offsets: Tensor) -> Float64Array:
    """Windows ``(N, 4)`` with each edge moved by its offset, given in window widths and heights."""
    sides = windows[:, 2:] - windows[:, :2]
    return windows + _as_array(offsets) * np.tile(sides, 2)


def _squares(boxes: Float64Array) -> Float64Array:
    """The squares about the centres of ``(N, 4)`` boxes, as long as their longer sides."""
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    # At least one pixel, as nothing stops a network from turning a box inside out.
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True, initial=1) / 2
    return np.concatenate((centers - half, centers + half), axis=1)


def _to_frame(windows: Float64Array, landmarks: Tensor) -> Float64Array:
    """Landmarks ``(N, 10)`` (five x, five y, 0 to 1 across a window) as ``(N, 5, 2)`` frame pixels."""
    inside = _as_array(landmarks).reshape(-1, 2, 5).transpose(0, 2, 1)
    sides = windows[:, 2:] - windows[:, :2]
    placed: Float64Array = windows[:, None, :2] + inside * sides[:, None]
    return placed


def _face_box(edges: Float64Array, score: float, landmarks_px: Float64Array) -> FaceBox:
    left, top, right, bottom = edges.tolist()
    points = tuple((x, y) for x, y in landmarks_px.tolist())
    return FaceBox(left, top, right - left, bottom - top, float(score), landmarks_px=points)
