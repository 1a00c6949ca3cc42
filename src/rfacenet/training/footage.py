"""Real faces to lay a pulse into: the user's videos, read and tracked once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rfacenet.errors import RfacenetError, SettingsError, VideoError
from rfacenet.inference.sampling import sample_face
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import ClipInput
from rfacenet.simulation.framing import BOX_ASPECT, face_box
from rfacenet.types import Float64Array, Uint8Array
from rfacenet.video import find_videos

KEPT_ENLARGE = 2.5
"""What is kept about a face box: all that any crop drawn about it takes."""

KEPT_VIEW = face_box(KEPT_ENLARGE)
"""The same as a part of a simulated scene."""

_TYPICAL_CROP = 1.5
_LEAST_HEIGHT_PX = 120  # a codec works in blocks of 16
_REASONS_SHOWN = 3


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """The face in one video.

    Attributes:
        name: The video's path.
        crops: The face box enlarged by ``KEPT_ENLARGE``, RGB, ``(T, H, W, 3) uint8``.
        t_s: Frame times, ``(T,)``.
        starts: Frames from which on there is a face for the length of a clip, ``(N,)``.
    """

    name: str
    crops: Uint8Array
    t_s: Float64Array
    starts: NDArray[np.intp]


def read_footage(path: str, n_frames: int, size_px: tuple[int, int]) -> list[Footage]:
    """Read videos and keep their faces in memory: at 120 pixels' height, a minute takes 57 MB.

    Args:
        path: Folder, file or pattern.
        n_frames: Frames of the clips to be cut.
        size_px: Their height and width; faces are kept large enough for them.

    Returns:
        The videos, sorted by name.

    Raises:
        SettingsError: There is no video, or one cannot be read, shows no face, or is too short.
    """
    try:
        videos = find_videos(path)
    except VideoError as error:
        raise SettingsError(f"simulation.footage cannot be used: {error}") from error
    height_px = max(_LEAST_HEIGHT_PX, math.ceil(max(size_px) * KEPT_ENLARGE / _TYPICAL_CROP))
    needs = ClipInput(height_px, round(height_px * BOX_ASPECT), fs_hz=math.nan, enlarge=KEPT_ENLARGE)
    footage, reasons = [], []
    for video in videos:
        try:
            footage.append(_read(str(video), needs, n_frames))
        except RfacenetError as error:
            reasons.append(str(error))
    if reasons:
        raise SettingsError(
            f"{len(reasons)} of {len(videos)} videos of simulation.footage '{path}' cannot be used; take "
            f"them out: {' '.join(reasons[:_REASONS_SHOWN])}"
        )
    return footage


def _read(video: str, needs: ClipInput, n_frames: int) -> Footage:
    samples = sample_face(video, EstimateSettings(), needs)
    assert samples.crops is not None
    present = samples.present
    if not present.any():
        raise SettingsError(f"'{video}' shows no face.")
    if len(present) < n_frames:
        raise SettingsError(f"'{video}' has {len(present)} frames, and a clip takes {n_frames}.")
    seen = np.concatenate([[0], np.cumsum(present)])
    starts = np.flatnonzero(seen[n_frames:] - seen[:-n_frames] == n_frames)
    if len(starts) == 0:
        raise SettingsError(f"'{video}' shows no face for {n_frames} frames on end, which a clip takes.")
    return Footage(video, np.array(samples.crops), samples.t_s, starts)
