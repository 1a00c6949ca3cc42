"""What is kept of the face in each frame: its mean colour, and its pixels at a network's size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from rfacenet.faces.cropping import crop, mean_rgb
from rfacenet.faces.mtcnn import Mtcnn
from rfacenet.faces.regions import region_colours
from rfacenet.faces.tracking import FaceTracker, TrackedFrame, track
from rfacenet.types import (
    N_REGIONS,
    FaceBox,
    FaceChoice,
    Float32Array,
    Float64Array,
    Frame,
    Uint8Array,
)

MAX_SIDE_PX = 960
"""Larger frames are averaged down while decoding: that keeps a mean colour, and bounds the memory."""

BUFFER_BYTES = 60_000_000
"""Frames that wait for the next detection may take this much: a second at 60 frames a second of 640×480."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceSample:
    """One frame's face.

    Attributes:
        frame: The frame.
        box: The face's box, enlarged; None where there is no face in the picture.
        colour: Mean colour of the skin, ``(3,)`` RGB, 0 to 255; NaN where there is no face.
        crop: The box's pixels, ``(H, W, 3) uint8``, black where there is no face; None if not asked for.
        regions: Mean colours of all regions, ``(R, 3) float32``, as
            :func:`~rfacenet.faces.regions.region_colours` gives them, NaN where there is no face or it is
            turned away; None if not asked for.
    """

    frame: Frame
    box: FaceBox | None
    colour: Float64Array
    crop: Uint8Array | None
    regions: Float32Array | None = None


def sample_faces(
    tracked_frames: Iterable[TrackedFrame],
    enlarge: float,
    crop_px: tuple[int, int] | None,
    with_regions: bool = False,
) -> Iterator[FaceSample]:
    """Takes the face out of each frame.

    Args:
        tracked_frames: Frames and where the face is.
        enlarge: Factor by which its box is enlarged about its centre.
        crop_px: Height and width of the crops; None for colours alone, which are then of the enlarged box.
            With crops, they are of the box itself: of the skin, whatever larger part a network sees.
        with_regions: Whether the regions' mean colours are wanted.
    """
    for tracked in tracked_frames:
        rgb = tracked.frame.rgb
        face = tracked.box if tracked.box is not None and touches(tracked.box, rgb.shape) else None
        box = None if face is None else face.scaled(enlarge)
        skin = box if crop_px is None else face
        colour = np.full(3, np.nan) if skin is None else mean_rgb(rgb, skin)
        pixels = None if crop_px is None else _pixels(rgb, box, crop_px)
        regions = _regions(rgb, face) if with_regions else None
        yield FaceSample(tracked.frame, box, colour, pixels, regions)


def follow_face(
    frames: Iterable[Frame], width_px: int, height_px: int, choice: FaceChoice
) -> Iterator[TrackedFrame]:
    """Follows one face through a video, by :func:`face_tracker`.

    Args:
        frames: The video.
        width_px: Width of its frames.
        height_px: Height of its frames.
        choice: Which of several faces to follow.
    """
    return track(frames, face_tracker(width_px, height_px, choice))


def face_tracker(width_px: int, height_px: int, choice: FaceChoice) -> FaceTracker:
    """A tracker with the process's one detector and :data:`BUFFER_BYTES` of frames that wait for it.

    Args:
        width_px: Width of the frames.
        height_px: Height of the frames.
        choice: Which of several faces to follow.
    """
    n_frames = max(32, min(BUFFER_BYTES // (3 * width_px * height_px), 256))
    return FaceTracker(_detector(), choice=choice, max_buffered_frames=n_frames)


def touches(box: FaceBox, shape: tuple[int, ...]) -> bool:
    """Whether any of the box lies inside a picture of shape ``(height, width, ...)``."""
    height, width = shape[:2]
    return (
        box.x_px < width
        and box.y_px < height
        and box.x_px + box.width_px > 0
        and box.y_px + box.height_px > 0
    )


@cache
def _detector() -> Mtcnn:
    return Mtcnn()


def _regions(rgb: Uint8Array, face: FaceBox | None) -> Float32Array:
    colours = None if face is None else region_colours(rgb, face)
    return np.full((sum(N_REGIONS.values()), 3), np.nan, np.float32) if colours is None else colours


def _pixels(rgb: Uint8Array, box: FaceBox | None, size_px: tuple[int, int]) -> Uint8Array:
    return np.zeros((*size_px, 3), np.uint8) if box is None else crop(rgb, box, size_px)
