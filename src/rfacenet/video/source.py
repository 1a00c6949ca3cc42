"""What every video is to the rest of the program: frames with times, read once."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from rfacenet.errors import VideoError
from rfacenet.types import Frame, Uint8Array
from rfacenet.video.clock import PresentationClock
from rfacenet.video.picture import RgbConverter


class VideoSource:
    """A video, open for one pass over its frames, in memory that does not grow with its length.

    A context manager, and iterable once, in presentation order. The first frame is decoded on opening, so
    that a video without any frame fails there.

    Args:
        path: The video's file or folder.
        packets: What goes into the decoder; the last one, empty, flushes it.
        decoder: The decoder of these packets.
        time_base_s: The unit of the packets' timestamps; None where their timestamps are worthless.
        start: Timestamp that the file begins with.
        nominal_fps: The header's frame rate, for frames without timestamp.
        expected_duration_s: The header's duration.
        max_side_px: Frames whose longer side exceeds this are shrunk to it.
        is_live: Whether each frame is wanted as soon as it is there.

    Attributes:
        path: The video's file or folder.
        width_px: Width of the frames that come out.
        height_px: Height of the frames that come out.
        nominal_fps: The header's frame rate, if it has one.
        start_s: When the first frame that came out was due, seconds from the file's beginning: more than 0
            where those before it are damaged. Its own time is 0 all the same.
        expected_duration_s: The header's claim, for progress bars only: it may be wrong or missing.
        damaged_frames: How often, up to the last frame taken, something was undecodable, cut short, patched
            over by the decoder or without a usable time. Patched frames come out, the others do not.

    Raises:
        VideoError: Not one frame can be decoded.
    """

    def __init__(
        self,
        path: Path,
        packets: Iterable[Packet[Any]],
        decoder: VideoCodecContext,
        *,
        time_base_s: Fraction | None,
        start: int = 0,
        nominal_fps: float | None,
        expected_duration_s: float | None,
        max_side_px: int | None,
        is_live: bool = False,
    ) -> None:
        self.path = path
        self.nominal_fps = nominal_fps
        self.expected_duration_s = expected_duration_s
        self.damaged_frames = 0
        self._packets = packets
        self._decoder = decoder
        # Threads that each decode a frame of their own hold as many frames back.
        self._decoder.thread_type = "SLICE" if is_live else "AUTO"
        self._time_base_s = None if time_base_s is None else float(time_base_s)
        self._start = start
        self.start_s = 0.0
        self._clock = PresentationClock(nominal_fps)
        self._converter = RgbConverter(max_side_px)

        self._frames = self._decoded()
        first = next(self._frames, None)
        if first is None:
            raise VideoError(f"'{path}' has no frame that can be decoded; record or copy it again.")
        self.height_px, self.width_px, _ = first.rgb.shape
        self._unread: Iterator[Frame] | None = chain([first], self._frames)

    def __iter__(self) -> Iterator[Frame]:
        """The frames; can be asked for once."""
        if self._unread is None:
            raise RuntimeError(f"'{self.path}' was read or closed already: open it again for another pass")
        frames, self._unread = self._unread, None
        return frames

    def close(self) -> None:
        """Lets go of the file; an iteration that is under way ends."""
        self._unread = None
        self._frames.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decoded(self) -> Generator[Frame, None, None]:
        is_first = True
        for picture in self._pictures():
            t_s = self._clock.place(self._stamp_s(picture))
            rgb = None if t_s is None else self._converted(picture)
            if t_s is None or rgb is None:
                self.damaged_frames += 1
                continue
            self.damaged_frames += picture.is_corrupt
            if is_first:
                self.start_s = self._since_start_s(picture) - t_s
                is_first = False
            yield Frame(t_s, rgb)

    def _pictures(self) -> Iterator[VideoFrame]:
        for packet in self._packets:
            try:
                pictures = self._decoder.decode(packet)
            except FFmpegError:
                self.damaged_frames += 1
                continue
            self.damaged_frames += packet.is_corrupt
            yield from pictures

    def _stamp_s(self, picture: VideoFrame) -> float | None:
        if picture.pts is None or self._time_base_s is None:
            return None
        return picture.pts * self._time_base_s

    def _since_start_s(self, picture: VideoFrame) -> float:
        if picture.pts is None or self._time_base_s is None:
            return 0.0
        return max(0.0, (picture.pts - self._start) * self._time_base_s)

    def _converted(self, picture: VideoFrame) -> Uint8Array | None:
        try:
            return self._converter.convert(picture)
        except FFmpegError:
            return None
