"""A video is read once, and what a method needs of its face is kept: colours in memory, crops on disk."""

from __future__ import annotations

import math
import os
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rfacenet.errors import OutputError, SettingsError
from rfacenet.faces import (
    MAX_SIDE_PX,
    FaceSample,
    TrackedFrame,
    crop,
    follow_face,
    part_of,
    region_frames,
    sample_faces,
    touches,
)
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import ClipInput, TraceInput
from rfacenet.signal.resample import sampling_rate_hz
from rfacenet.types import FaceBox, Float64Array, Frame, RegionSet, Uint8Array
from rfacenet.video import open_video

Progress = Callable[[float, float | None], None]
"""Called now and then with the seconds of video read so far and, where known, of the whole video."""

GREY_LEVELS = 0.5
"""Colour channels that differ by less than this, of 255, are one grey channel."""

PICTURE_PX = 256
"""Longer side of the face picture that goes with an estimate."""


@dataclass(frozen=True, slots=True)
class FaceSamples:
    """What was kept of a video.

    Attributes:
        t_s: Frame times, ``(T,)``, seconds from the first frame that was kept.
        colours: Mean colour of the face, ``(T, 3)`` RGB, 0 to 255; NaN where there was no face.
        crops: The face, ``(T, H, W, 3) uint8``, zeros where there was none; of a method that sees regions,
            their mean colours ``(T, R, 1, 3) float32``; None if the method reads one colour a frame.
        picture: The face in the first frame that has one, for people, ``(H, W, 3) uint8``; None if none has.
        damaged_frames: Frames that could not be decoded whole.
        announced_s: How long the video says it is, seconds; None where it doesn't.
        start_s: When the first frame that was kept came, seconds from the video's first.
    """

    t_s: Float64Array
    colours: Float64Array
    crops: NDArray[Any] | None = None
    picture: Uint8Array | None = None
    damaged_frames: int = 0
    announced_s: float | None = None
    start_s: float = 0.0

    @property
    def present(self) -> NDArray[np.bool_]:
        """In which frames there was a face, ``(T,)``."""
        return ~np.isnan(self.colours[:, 0])

    @property
    def fs_hz(self) -> float | None:
        """Frames per second as measured from their times; None for a single frame."""
        return sampling_rate_hz(self.t_s) if len(self.t_s) > 1 else None

    @property
    def is_grey(self) -> bool:
        """Whether there is no colour in the face, in any frame."""
        seen = self.colours[self.present]
        return float(np.abs(seen - seen.mean(axis=1, keepdims=True)).max(initial=0)) < GREY_LEVELS


def sample_face(
    path: str | os.PathLike[str],
    settings: EstimateSettings,
    needs: TraceInput | ClipInput,
    *,
    span_s: tuple[float, float] = (0.0, math.inf),
    progress: Progress | None = None,
    watch: Callable[[FaceSample], None] | None = None,
) -> FaceSamples:
    """Read a video once and keep what a method needs of its face.

    Args:
        path: Video file, or folder with an image sequence.
        settings: Where the skin is.
        needs: What the method reads.
        span_s: Start and end of the part of the video to keep; nothing is read beyond the end.
        progress: Called after each frame, with times from the start of that part.
        watch: Called with each frame's face, for a caller who wants more of it than is kept.

    Raises:
        VideoError: The video cannot be read.
        SettingsError: The region lies outside the frame, or the part behind the video's end.
    """
    # Packed numbers, not one small array a frame: those would lie scattered between the frames' memory and
    # keep hundreds of megabytes of it from being used again.
    t_s, colours = array("d"), array("d")
    view = FaceView.of(settings, needs)
    kept = None if view.shape is None else _PixelFile(view.shape, view.dtype)
    picture = None
    # A box of the caller's is in pixels of the whole frame; and only following a face holds frames back.
    max_side_px = MAX_SIDE_PX if settings.region == "face" else None
    with open_video(path, max_side_px=max_side_px, fps=settings.fps) as video:
        size_px = video.width_px, video.height_px
        region = chosen_region(settings, *size_px)
        start_s, end_s = span_s
        expected_s = video.expected_duration_s
        part_s = None if expected_s is None else min(expected_s, end_s) - start_s
        tracked = _tracked_frames(_within(video, span_s), size_px, settings, region)
        for sample in view.samples(tracked):
            colour, pixels = view.seen(sample)
            t_s.append(sample.frame.t_s)
            colours.extend(colour)
            if kept is not None and pixels is not None:
                kept.add(pixels)
            if picture is None and sample.box is not None:
                picture = face_picture(sample.frame.rgb, sample.box)
            if watch:
                watch(sample)
            if progress:
                progress(sample.frame.t_s - start_s, part_s)
        if not t_s:
            raise SettingsError(f"'{path}' ends before {start_s:g} s; start earlier.")
        return FaceSamples(
            np.array(t_s) - t_s[0],
            np.array(colours).reshape(-1, 3),
            None if kept is None else kept.array(),
            picture,
            video.damaged_frames,
            video.expected_duration_s,
            t_s[0],
        )


@dataclass(frozen=True, slots=True)
class FaceView:
    """What a method sees of the face in each frame.

    Attributes:
        enlarge: By how much the face box is enlarged before it is read.
        shape: Of what is kept of a frame beside a colour: a crop ``(H, W, 3)``, or regions' mean colours
            ``(R, 1, 3)``; None for a method that reads one colour a frame.
        regions: Which regions they are; None for a method that sees no regions.
    """

    enlarge: float
    shape: tuple[int, int, int] | None = None
    regions: RegionSet | None = None

    @classmethod
    def of(cls, settings: EstimateSettings, needs: TraceInput | ClipInput) -> FaceView:
        """What a method with these needs sees; a region of the caller's is taken as it is."""
        enlarge = settings.enlarge or (needs.enlarge if settings.region == "face" else 1.0)
        if not isinstance(needs, ClipInput):
            return cls(enlarge)
        return cls(enlarge, (needs.height_px, needs.width_px, 3), needs.regions)

    @property
    def crop_px(self) -> tuple[int, int] | None:
        """Height and width of the crops; None for a method that sees none."""
        return None if self.shape is None or self.regions is not None else self.shape[:2]

    @property
    def dtype(self) -> type[np.uint8] | type[np.float32]:
        """Crops are whole numbers, mean colours are not."""
        return np.uint8 if self.regions is None else np.float32

    def samples(self, tracked_frames: Iterable[TrackedFrame]) -> Iterator[FaceSample]:
        """The face in each frame."""
        return sample_faces(tracked_frames, self.enlarge, self.crop_px, self.regions is not None)

    def seen(self, sample: FaceSample) -> tuple[Float64Array, NDArray[Any] | None]:
        """A frame's mean colour, NaN where the method sees nothing, and what else is kept of it."""
        if self.regions is None:
            return sample.colour, sample.crop
        assert sample.regions is not None
        colours = np.nan_to_num(sample.regions[part_of(self.regions)]).reshape(self.shape)
        return (sample.colour if colours.any() else np.full(3, np.nan)), colours

    def nothing(self) -> NDArray[Any] | None:
        """What is kept of a frame without a face, beside its colour."""
        return None if self.shape is None else np.zeros(self.shape, self.dtype)


def chosen_region(settings: EstimateSettings, width_px: int, height_px: int) -> FaceBox | None:
    """The box that the caller chose in a picture of this size; None where it is no box.

    Raises:
        SettingsError: It lies outside the picture.
    """
    if not isinstance(settings.region, tuple):
        return None
    region = FaceBox(*map(float, settings.region))
    if not touches(region, (height_px, width_px)):
        box_text = ",".join(map(str, settings.region))
        raise SettingsError(f"The region {box_text} lies outside the {width_px} × {height_px} picture.")
    return region


class _PixelFile:
    """What a method sees of each frame, in a temporary file without a name: gone with the process."""

    def __init__(self, shape: tuple[int, int, int], dtype: type[np.generic]) -> None:
        self._shape, self._dtype = shape, dtype
        with _disk_errors():
            self._file: Any = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the array is let go)

    def add(self, pixels: NDArray[Any]) -> None:
        """Append a frame's."""
        with _disk_errors():
            self._file.write(np.ascontiguousarray(pixels).data)

    def array(self) -> NDArray[Any]:
        """All of them, ``(T, H, W, 3)``, read from the file as they are needed."""
        with _disk_errors():
            self._file.flush()
        return np.memmap(self._file, self._dtype, "r").reshape(-1, *self._shape)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"The face crops cannot be kept in '{tempfile.gettempdir()}' ({error.strerror}); "
            "make room there, or set TMPDIR to another folder."
        ) from error


def face_picture(rgb: Uint8Array, box: FaceBox) -> Uint8Array:
    """The face for people to see, at the size of :data:`PICTURE_PX`."""
    shrink = PICTURE_PX / max(box.height_px, box.width_px)
    return crop(rgb, box, (max(1, round(shrink * box.height_px)), max(1, round(shrink * box.width_px))))


def _within(frames: Iterable[Frame], span_s: tuple[float, float]) -> Iterator[Frame]:
    """The frames from a start to before an end; none is read beyond it."""
    start_s, end_s = span_s
    until_end = takewhile(lambda frame: frame.t_s < end_s, frames)
    return dropwhile(lambda frame: frame.t_s < start_s, until_end)


def _tracked_frames(
    frames: Iterable[Frame],
    size_px: tuple[int, int],
    settings: EstimateSettings,
    region: FaceBox | None,
) -> Iterator[TrackedFrame]:
    if settings.region == "face":
        return follow_face(frames, *size_px, settings.face)
    return region_frames(frames, region)
