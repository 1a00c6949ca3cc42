"""Writes videos and PNG images."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from rfacenet.errors import OutputError
from rfacenet.types import Uint8Array

# Whole ticks for every usual frame rate (24, 25, 30000/1001, 60, ...), and 11 µs for any other time.
_TICKS_PER_S = 90_000
REPEATABLE_X264 = "cpu-independent=1"
"""x264's parameters without which the same frames give other bytes now and then (mbtree on small frames)."""
_COLORSPACES = {"bt601": Colorspace.ITU601, "bt709": Colorspace.ITU709}


class VideoWriter:
    """Writes RGB frames to a video file that appears only when complete.

    Frames go to a hidden file beside ``path``, which takes its name on a successful close and is removed
    after a failure. Sizes that the pixel format cannot hold (odd ones, with halved chroma) are padded by
    repeating the last row or column, so that no pixel is lost.

    Args:
        path: The file; its ending chooses the container.
        width_px: Width of the frames.
        height_px: Height of the frames.
        fps: The constant frame rate; None where each frame brings its time (not in AVI, which cannot).
        codec: FFmpeg's name of the encoder: ``libx264``, ``mjpeg``, ``ffv1`` (lossless), ...
        crf: Quality of libx264 and its kin (0 to 51, lower is better); other encoders pass it over.
        pix_fmt: FFmpeg's name of the pixel format; ``bgr0`` makes ``ffv1`` lossless in RGB.
        colorspace: The YUV matrix, ``bt601`` or ``bt709``; also written into the header.
        full_range: YUV values from 0 to 255 rather than 16 to 235.
        rotation_deg: Counterclockwise turn, in quarters, that players (and our reader) apply to the frames.

    Raises:
        OutputError: The file cannot be made, or the encoder refuses these settings.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        width_px: int,
        height_px: int,
        fps: float | Fraction | None = None,
        *,
        codec: str = "libx264",
        crf: float = 18,
        pix_fmt: str = "yuv420p",
        colorspace: str = "bt601",
        full_range: bool = False,
        rotation_deg: int = 0,
    ) -> None:
        self.path = Path(path)
        self.width_px, self.height_px = width_px, height_px
        self._fps = None if fps is None else Fraction(fps).limit_denominator(1001)
        self._pix_fmt = VideoFormat(pix_fmt)
        self._colorspace = _COLORSPACES[colorspace]
        self._range = ColorRange.JPEG if full_range else ColorRange.MPEG
        self._reformatter = VideoReformatter()
        self._frames_written = 0
        self._partial = self.path.with_name(f".{self.path.stem}.{os.getpid()}.part{self.path.suffix}")
        try:
            self._partial.touch()  # FFmpeg itself opens the file only at the first frame
            self._container = av.open(f"file:{self._partial}", "w")
            self._stream = self._add_stream(codec, crf)
        except (FFmpegError, OSError, ValueError) as error:
            self._partial.unlink(missing_ok=True)
            raise OutputError(f"'{self.path}' cannot be written: {error}.") from error
        if rotation_deg:
            self._stream.set_display_rotation(rotation_deg)

    def write(self, rgb: Uint8Array, t_s: float | None = None) -> None:
        """Adds one frame.

        Args:
            rgb: ``(height_px, width_px, 3) uint8``.
            t_s: Its presentation time, later than its predecessor's; exactly when no ``fps`` was given.

        Raises:
            ValueError: The shape is another, or ``t_s`` is missing or superfluous.
            OutputError: The frame cannot be encoded or stored.
        """
        if rgb.shape != (self.height_px, self.width_px, 3) or rgb.dtype != np.uint8:
            expected = f"({self.height_px}, {self.width_px}, 3) uint8"
            raise ValueError(f"A frame is {rgb.shape} {rgb.dtype}, but this video's are {expected}.")
        if (t_s is None) == (self._fps is None):
            raise ValueError("Give t_s with every frame of a video without fps, and only there.")
        frame = self._encodable(rgb)
        frame.pts = self._frames_written if t_s is None else round(t_s * _TICKS_PER_S)
        frame.time_base = self._time_base_s
        self._mux(frame)
        self._frames_written += 1

    def close(self) -> None:
        """Completes the file and gives it its name."""
        try:
            if not self._frames_written:
                raise OutputError(f"'{self.path}' was not written: it got no frames.")
            self._mux(None)
            self._container.close()
            self._partial.replace(self.path)
        except OSError as error:
            raise OutputError(f"'{self.path}' cannot be completed: {error}.") from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Gives up an unfinished file; nothing of it remains."""
        self._container.close()
        self._partial.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.discard()

    @property
    def _time_base_s(self) -> Fraction:
        return Fraction(1, _TICKS_PER_S) if self._fps is None else 1 / self._fps

    def _add_stream(self, codec: str, crf: float) -> VideoStream:
        options = {"crf": str(crf), "x264-params": REPEATABLE_X264}
        stream = self._container.add_stream(codec, rate=self._fps, options=options)
        assert isinstance(stream, VideoStream)
        step_px = _chroma_step_px(self._pix_fmt)
        stream.width = self.width_px + -self.width_px % step_px[0]
        stream.height = self.height_px + -self.height_px % step_px[1]
        stream.pix_fmt = self._pix_fmt.name
        stream.codec_context.time_base = self._time_base_s
        if not self._pix_fmt.is_rgb:
            stream.codec_context.colorspace = self._colorspace
            stream.codec_context.color_range = self._range
        return stream

    def _encodable(self, rgb: Uint8Array) -> VideoFrame:
        missing_rows = self._stream.height - self.height_px
        missing_columns = self._stream.width - self.width_px
        if missing_rows or missing_columns:
            rgb = np.pad(rgb, ((0, missing_rows), (0, missing_columns), (0, 0)), mode="edge")
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        if self._pix_fmt.is_rgb:
            return self._reformatter.reformat(frame, format=self._pix_fmt.name)
        return self._reformatter.reformat(
            frame,
            format=self._pix_fmt.name,
            dst_colorspace=self._colorspace,
            dst_color_range=self._range,
        )

    def _mux(self, frame: VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except FFmpegError as error:
            raise OutputError(f"'{self.path}' cannot be encoded: {error}.") from error


def encode_png(rgb: Uint8Array) -> bytes:
    """A PNG file of one ``(H, W, 3) uint8`` RGB image."""
    encoder = CodecContext.create("png", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.height, encoder.width, _ = rgb.shape
    encoder.pix_fmt = "rgb24"
    # A photo is a third smaller with prediction; with the least effort it is written seven times as fast and
    # is 6 % larger.
    encoder.options = {"pred": "mixed", "compression_level": "1"}
    encoder.time_base = Fraction(1)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return b"".join(bytes(packet) for step in (frame, None) for packet in encoder.encode(step))


def _chroma_step_px(pix_fmt: VideoFormat) -> tuple[int, int]:
    """How many pixels share one chroma sample, across and down."""
    block_px = 16
    return block_px // pix_fmt.chroma_width(block_px), block_px // pix_fmt.chroma_height(block_px)
