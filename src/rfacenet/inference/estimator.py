"""The estimator: one video in, one :class:`~rfacenet.types.Estimate` out."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from rfacenet.errors import RfacenetError
from rfacenet.faces import Mtcnn, TrackedFrame, crop, mean_rgb, region_frames, track_face
from rfacenet.inference.reading import read_samples
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import get_method
from rfacenet.types import Estimate, FaceBox, Float64Array, PulseWave, Uint8Array
from rfacenet.video import VideoSource, open_video

Progress = Callable[[float, float | None], None]
"""Called now and then with the seconds of video read so far and, where known, of the whole video."""

MAX_SIDE_PX = 960
"""Larger frames are averaged down while decoding: that keeps a mean colour, and bounds the memory."""

CROP_PX = 256
"""Size of the face picture that goes with an estimate."""


def estimate(
    path: str | os.PathLike[str],
    settings: EstimateSettings | None = None,
    *,
    progress: Progress | None = None,
    **changes: object,
) -> Estimate:
    """Heart rate of the person in a video.

    Args:
        path: Video file, or folder with an image sequence.
        settings: All choices at once; the defaults where left out.
        progress: Called now and then while the video is read.
        **changes: Single choices by name, such as ``method="chrom"``: see
            :class:`~rfacenet.inference.settings.EstimateSettings`.

    Returns:
        The estimate. A video without a face or a pulse has ``heart_rate_bpm=None`` and says why in
        ``reason``.

    Raises:
        VideoError: The video cannot be read.
        UnknownMethodError: There is no such method.
        SettingsError: A choice has a value that cannot work.

    Example:
        >>> import rfacenet
        >>> result = rfacenet.estimate("face.mp4", method="pos")  # doctest: +SKIP
        >>> result.heart_rate_bpm  # doctest: +SKIP
        52.7
    """
    settings = replace(settings or EstimateSettings(), **changes)  # type: ignore[arg-type]  # checked by replace
    method = get_method(settings.method)
    samples = sample_face(path, settings, settings.enlarge or method.input.enlarge, progress=progress)
    reading = read_samples(samples.t_s, samples.values, method, settings)
    seen = float(np.mean(~np.isnan(samples.values[:, 0])))
    return Estimate(
        video=os.fspath(path),
        method=method.name,
        heart_rate_bpm=reading.heart_rate_bpm,
        quality=reading.quality,
        reason=reading.reason,
        duration_s=float(samples.t_s[-1]),
        fs_hz=reading.bvp.fs_hz or None,
        windows=reading.windows,
        bvp=reading.bvp,
        beats_s=reading.beats_s,
        variability=reading.variability,
        face_share=seen,
        damaged_frames=samples.damaged_frames,
        notes=(*reading.notes, *_notes(seen, samples.damaged_frames, settings)),
        crop=samples.crop,
    )


def unreadable(path: str | os.PathLike[str], method: str, error: RfacenetError) -> Estimate:
    """The estimate that stands for a video that could not be read, with the error as its reason."""
    empty = PulseWave(0.0, np.empty(0))
    return Estimate(os.fspath(path), method, None, 0.0, str(error), 0.0, None, (), empty)


@dataclass(frozen=True, slots=True)
class FaceSamples:
    """What classical methods read of a video.

    Attributes:
        t_s: Frame times, ``(T,)``, seconds from the first frame.
        values: Mean colour of the face, ``(T, 3)`` RGB, 0 to 255; NaN where there was no face.
        crop: The face in the first frame that has one, ``(H, W, 3) uint8``; None where none has.
        damaged_frames: Frames that could not be decoded whole.
    """

    t_s: Float64Array
    values: Float64Array
    crop: Uint8Array | None
    damaged_frames: int


def sample_face(
    path: str | os.PathLike[str],
    settings: EstimateSettings,
    enlarge: float,
    *,
    progress: Progress | None = None,
) -> FaceSamples:
    """Read a video once and take the mean colour of its face in every frame.

    Args:
        path: Video file, or folder with an image sequence.
        settings: Where the skin is.
        enlarge: Factor by which the face box is enlarged.
        progress: Called after each frame.

    Raises:
        VideoError: The video cannot be read.
    """
    # Packed numbers, not one small array a frame: those would lie scattered between the frames' memory and
    # keep hundreds of megabytes of it from being used again.
    t_s, values = array("d"), array("d")
    picture = None
    # A box of the caller's is in pixels of the whole frame; and only following a face holds frames back.
    max_side_px = MAX_SIDE_PX if settings.region == "face" else None
    with open_video(path, max_side_px=max_side_px, fps=settings.fps) as video:
        for tracked in _tracked_frames(video, settings):
            t_s.append(tracked.frame.t_s)
            if tracked.box is None:
                values.extend((np.nan,) * 3)
            else:
                box = tracked.box.scaled(enlarge)
                values.extend(mean_rgb(tracked.frame.rgb, box))
                if picture is None:
                    picture = crop(tracked.frame.rgb, box, CROP_PX)
            if progress:
                progress(tracked.frame.t_s, video.expected_duration_s)
        return FaceSamples(np.array(t_s), np.array(values).reshape(-1, 3), picture, video.damaged_frames)


@cache
def _detector() -> Mtcnn:
    return Mtcnn()


def _tracked_frames(video: VideoSource, settings: EstimateSettings) -> Iterator[TrackedFrame]:
    if settings.region == "face":
        return track_face(video, _detector(), choice=settings.face)
    box = None if settings.region == "frame" else FaceBox(*map(float, settings.region))
    return region_frames(video, box)


def _notes(seen: float, damaged: int, settings: EstimateSettings) -> list[str]:
    notes = []
    if settings.region == "face" and 0 < seen < 0.995:
        notes.append(f"The face was seen in {seen:.0%} of the frames; the rest is left out.")
    if damaged:
        notes.append(f"{damaged} damaged frame(s) could not be decoded whole.")
    return notes
