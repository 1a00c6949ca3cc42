"""What compression does to a video: frames are encoded and decoded again, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from rfacenet.errors import SettingsError
from rfacenet.types import Uint8Array
from rfacenet.video.picture import RgbConverter
from rfacenet.video.writer import REPEATABLE_X264

_ENCODERS = {"h264": "libx264", "mjpeg": "mjpeg"}
_CHROMA_STEP_PX = 2  # yuv420p


@dataclass(frozen=True, slots=True)
class Encoding:
    """How frames are compressed.

    Attributes:
        codec: H.264, which predicts a frame from others, or Motion JPEG, each of whose frames is alone.
        crf: Constant rate factor of x264, 0 to 51: the higher, the more is lost. Motion JPEG, which has none,
            gets the quantiser (2 to 31) whose step is about that of H.264 at this number.
        preset: Effort of x264, from ``ultrafast`` to ``placebo``.
        keyframe_frames: Frames from one that is sent whole to the next, at most. H.264 only, as is:
        b_frames: Frames in a row, at most, that are predicted from both sides.
    """

    codec: Literal["h264", "mjpeg"] = "h264"
    crf: float = 23.0
    preset: str = "medium"
    keyframe_frames: int = 250
    b_frames: int = 3


def recoded(frames: Uint8Array, encoding: Encoding, fs_hz: float = 30.0) -> Uint8Array:
    """Frames as they are after encoding and decoding; the same each time, on one thread.

    Args:
        frames: RGB, ``(T, H, W, 3) uint8``.
        encoding: How to compress.
        fs_hz: Frame rate, which x264 weighs what it spends on a frame by.

    Returns:
        RGB, ``(T, H, W, 3) uint8``.

    Raises:
        SettingsError: The encoder refuses the frames' size or these settings.
    """
    height, width = frames.shape[1:3]
    # Chroma is halved, so odd sizes are filled up by repeating the edge.
    filling = ((0, 0), (0, -height % _CHROMA_STEP_PX), (0, -width % _CHROMA_STEP_PX), (0, 0))
    even = np.pad(frames, filling, mode="edge")
    try:
        decoded = np.stack(list(_decoded(_encoded(even, encoding, fs_hz), encoding)))
    except (FFmpegError, ValueError) as error:
        raise SettingsError(f"{width} × {height} frames cannot be encoded by {encoding}: {error}.") from error
    return np.ascontiguousarray(decoded[:, :height, :width])


def _encoded(frames: Uint8Array, encoding: Encoding, fs_hz: float) -> Iterator[Packet[Any]]:
    encoder = _context(_ENCODERS[encoding.codec], "w")
    encoder.height, encoder.width = frames.shape[1:3]
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = Fraction(fs_hz).limit_denominator(1001)
    encoder.time_base = 1 / encoder.framerate
    encoder.color_range = ColorRange.MPEG if encoding.codec == "h264" else ColorRange.JPEG
    encoder.options = _options(encoding)
    converter = VideoReformatter()
    for index, rgb in enumerate(frames):
        frame = converter.reformat(
            VideoFrame.from_ndarray(rgb, format="rgb24"),
            format=encoder.pix_fmt,
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=encoder.color_range,
        )
        frame.pts, frame.time_base = index, encoder.time_base
        yield from encoder.encode(frame)
    yield from encoder.encode(None)


def _options(encoding: Encoding) -> dict[str, str]:
    if encoding.codec == "mjpeg":
        # A step of 1 is QP 4 in H.264, twice as much is QP 10; a JPEG's step is about twice its quantiser.
        quantiser = str(min(max(round(2 ** ((encoding.crf - 10) / 6)), 2), 31))
        return {"qmin": quantiser, "qmax": quantiser}
    return {
        "crf": str(encoding.crf),
        "preset": encoding.preset,
        "g": str(encoding.keyframe_frames),
        "bf": str(encoding.b_frames),
        "x264-params": REPEATABLE_X264,
    }


def _decoded(packets: Iterator[Packet[Any]], encoding: Encoding) -> Iterator[Uint8Array]:
    decoder = _context(encoding.codec, "r")
    converter = RgbConverter()
    for packet in packets:
        yield from map(converter.convert, decoder.decode(packet))
    yield from map(converter.convert, decoder.decode(None))


def _context(codec: str, mode: Literal["r", "w"]) -> VideoCodecContext:
    context = CodecContext.create(codec, mode)
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1  # training makes clips in many processes; and what x264 decides depends on it
    return context
