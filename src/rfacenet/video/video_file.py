"""Reads a video file."""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from rfacenet.errors import VideoError
from rfacenet.video.source import VideoSource


class VideoFile(VideoSource):
    """A video file of any format that FFmpeg reads, decoded on all cores.

    FFmpeg's own messages stay silent as PyAV leaves them by default; an application that turns PyAV's
    logging on sees them. What is damaged is skipped and counted. After damage in the very last frames, those
    that the decoder's threads still hold (one for each core) are lost with it.

    Args:
        path: The file.
        max_side_px: Frames whose longer side exceeds this are shrunk to it, keeping the aspect.

    Raises:
        VideoError: The file is missing, unreadable, empty, no video, or without one decodable frame.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_side_px: int | None = None) -> None:
        path = Path(path)
        self._container = _open(path)
        try:
            self._stream = _video_stream(self._container, path)
            super().__init__(
                path,
                self._demuxed(),
                self._stream.codec_context,
                time_base_s=None if self._stamps_are_worthless() else self._stream.time_base,
                start=self._stream.start_time or 0,
                nominal_fps=float(self._stream.guessed_rate or 0) or None,
                expected_duration_s=_duration_s(self._container),
                max_side_px=max_side_px,
            )
        except BaseException:
            self._container.close()
            raise

    def close(self) -> None:
        """Lets go of the file; an iteration that is under way ends."""
        super().close()
        self._container.close()

    def _demuxed(self) -> Iterator[Packet[Any]]:
        try:
            yield from self._container.demux(self._stream)
        except FFmpegError:  # nothing behind this point can be read
            self.damaged_frames += 1
            yield Packet()

    def _stamps_are_worthless(self) -> bool:
        # AVI numbers its packets in decoding order, which H.264 and HEVC with B-frames do not keep; AVI's
        # frame rate is constant, so that counting frames is right.
        context = self._stream.codec_context
        reorders = context.name in ("h264", "hevc") and context.has_b_frames
        return self._container.format.name == "avi" and bool(reorders)


_only: ContextVar[tuple[str, ...]] = ContextVar("formats that are opened; all, where there are none")


@contextmanager
def only_formats(*formats: str) -> Iterator[None]:
    """Within this, files are opened only if FFmpeg takes them for one of some formats.

    Args:
        *formats: FFmpeg's names of them, such as ``matroska``.
    """
    token = _only.set(formats)
    try:
        yield
    finally:
        _only.reset(token)


def _open(path: Path) -> InputContainer:
    if not path.exists():
        raise VideoError(f"There is no file '{path}'; check the name.")
    if path.is_file() and path.stat().st_size == 0:
        raise VideoError(f"'{path}' is empty (0 bytes); record or copy it again.")
    try:
        # "file:" keeps a colon in the name from being read as a protocol, and the whitelist keeps a playlist
        # from reaching into the network.
        options = {"protocol_whitelist": "file"}
        if formats := _only.get(()):
            options["format_whitelist"] = ",".join(formats)
        return av.open(f"file:{path}", metadata_errors="replace", container_options=options)
    except builtins.PermissionError as error:
        raise VideoError(f"'{path}' may not be read; check its permissions.") from error
    except (FFmpegError, OSError) as error:
        raise VideoError(
            f"'{path}' is not a video that can be read, or its end is missing (a recording or copy that was "
            "cut off); check it in a video player, or copy it again."
        ) from error


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    if container.format.name == "tty":  # FFmpeg draws text files as pictures of a terminal
        raise VideoError(f"'{path}' is a text file; give a video.")
    # The cover picture of a piece of music is a video stream too, but not a video.
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise VideoError(f"'{path}' has no picture, only sound or data; give a file with a video in it.")
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    if not isinstance(stream, VideoStream) or stream.codec_context is None:
        raise VideoError(f"'{path}' is coded in a way that FFmpeg cannot decode; convert it to H.264.")
    return stream


def _duration_s(container: InputContainer) -> float | None:
    return None if container.duration is None else container.duration / av.time_base
