"""Videos of data sets: by their own times, by times written down elsewhere, and what has a value a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from rfacenet.datasets.recording import TimeSeries, VideoStream, at_rate
from rfacenet.errors import DatasetError, VideoError
from rfacenet.types import Float64Array, Frame
from rfacenet.video import VideoSource, open_video

MAX_MISCOUNT = 0.1
"""By how much of their number a value a frame may be more or fewer than the frames."""


def open_plain(
    path: Path, max_side_px: int | None = None, *, fps: float | None = None
) -> VideoSource | LateVideo:
    """A file or folder of images by its own times, from its beginning on, even if a frame is lost there.

    Args:
        path: The file or folder.
        max_side_px: Frames whose longer side exceeds this are shrunk to it.
        fps: Frame rate of images whose names only count them; names that are Unix times go before it.

    Raises:
        VideoError: It cannot be read.
    """
    try:
        video = open_video(path, max_side_px=max_side_px)
    except VideoError:
        if fps is None or not path.is_dir():
            raise
        video = open_video(path, max_side_px=max_side_px, fps=fps)
    return video if video.start_s == 0 else LateVideo(video)


def open_retimed(
    path: Path, read_frame_times: Callable[[], Float64Array | None], max_side_px: int | None = None
) -> VideoStream:
    """A file by the times that its data set gives for its frames; by its own where that gives none.

    Raises:
        VideoError: The file cannot be read.
        DatasetError: The times cannot.
    """
    t_s = read_frame_times()
    video = open_video(path, max_side_px=max_side_px)
    return video if t_s is None else RetimedVideo(video, t_s)


def per_frame(value: Float64Array, video: Path, origin: str, *, fps: float | None = None) -> TimeSeries:
    """What was measured once a frame, by the frame rate that the video states.

    Args:
        value: Values, ``(N,)``.
        video: The video; only its length and rate are looked up.
        origin: Where the values come from, for the message: a file, and what in it.
        fps: Frame rate of a folder of images, and of a video that cannot be read.

    Raises:
        DatasetError: The video has another number of frames, no rate is known, or as of ``time_series``.
    """
    n_frames = len(value)
    try:
        with open_plain(video, fps=fps) as source:
            fps = source.nominal_fps or fps
            if fps and source.expected_duration_s:
                n_frames = round(source.expected_duration_s * fps)
    except VideoError as error:
        if fps is None:
            raise DatasetError(f"{origin} has no times, and no video to tell them: {error}") from error
    if fps is None:
        raise DatasetError(f"{origin} has no times, and '{video}' tells no frame rate.")
    # One more or less is no miscount: some durations end with the last frame, others where it begins.
    if abs(len(value) - n_frames) > MAX_MISCOUNT * n_frames + 1:
        raise DatasetError(f"{origin} has {len(value)} values for {n_frames} frames, not one for each.")
    return at_rate(value, fps, origin)


class _OtherClock:
    """A video whose frames come at other times than it says; closed with it."""

    def __init__(self, video: VideoSource) -> None:
        self._video = video
        self.width_px, self.height_px = video.width_px, video.height_px

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._video.close()


class LateVideo(_OtherClock):
    """A video whose first frames are lost: its times are from where the file begins, as its labels' are.

    Args:
        video: The video, open.
    """

    def __init__(self, video: VideoSource) -> None:
        super().__init__(video)
        self.nominal_fps, self.expected_duration_s = video.nominal_fps, video.expected_duration_s

    @property
    def damaged_frames(self) -> int:
        """How many frames were undecodable, up to the last one taken."""
        return self._video.damaged_frames

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._video:
            yield replace(frame, t_s=frame.t_s + self._video.start_s)


class RetimedVideo(_OtherClock):
    """A video of constant frame rate whose frames' true times were written down elsewhere.

    Frame ``k`` is the one at ``k`` steps of the file's rate, so that damaged frames shift no other's time.
    Frames that got no time count as damaged and do not come out.

    Args:
        video: The video, open.
        t_s: Times of its frames, rising, ``(N,)``, seconds from any origin.
    """

    def __init__(self, video: VideoSource, t_s: Float64Array) -> None:
        super().__init__(video)
        self._t_s = t_s - t_s[0]
        self._untimed_frames = 0
        self.expected_duration_s: float | None = float(self._t_s[-1])

    @property
    def damaged_frames(self) -> int:
        """How many frames were undecodable or without a time, up to the last one taken."""
        return self._video.damaged_frames + self._untimed_frames

    def __iter__(self) -> Iterator[Frame]:
        step_s = 1 / self._video.nominal_fps if self._video.nominal_fps else None
        last_s = -np.inf
        for count, frame in enumerate(self._video):
            index = count if step_s is None else round((frame.t_s + self._video.start_s) / step_s)
            if index < len(self._t_s) and self._t_s[index] > last_s:
                last_s = float(self._t_s[index])
                yield replace(frame, t_s=last_s)
            else:
                self._untimed_frames += 1
