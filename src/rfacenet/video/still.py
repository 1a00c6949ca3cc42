"""Single pictures that lie in archives and arrays instead of files."""

from __future__ import annotations

import numpy as np
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from rfacenet.errors import VideoError
from rfacenet.types import Uint8Array
from rfacenet.video.image_sequence import DECODER_OF_SIGNATURE
from rfacenet.video.picture import RgbConverter


class Stills:
    """The pictures of one video, decoded or shrunk one by one, all to the size of the first.

    Args:
        max_side_px: Pictures whose longer side exceeds this are shrunk to it; None keeps every size.
    """

    def __init__(self, max_side_px: int | None = None) -> None:
        self._max_side_px = max_side_px
        self._converter = RgbConverter(max_side_px)

    def decode(self, content: bytes) -> Uint8Array:
        """The picture in the bytes of a PNG, JPEG or BMP file, ``(H, W, 3) uint8`` RGB.

        Raises:
            VideoError: They are no such file, or a damaged one.
        """
        for signature, codec in DECODER_OF_SIGNATURE.items():
            if content.startswith(signature):
                return self._converter.convert(_decoded(codec, content))
        raise VideoError("The picture is no PNG, JPEG or BMP inside; copy or convert it again.")

    def shrink(self, rgb: Uint8Array) -> Uint8Array:
        """A picture that is decoded already, ``(H, W, 3) uint8`` RGB; itself where it is small enough."""
        if self._max_side_px is None or max(rgb.shape[:2]) <= self._max_side_px:
            return np.ascontiguousarray(rgb)
        return self._converter.convert(VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24"))


def _decoded(codec: str, content: bytes) -> VideoFrame:
    decoder = CodecContext.create(codec, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count = 1  # a single picture leaves the others nothing to do
    try:
        pictures = [picture for packet in (Packet(content), None) for picture in decoder.decode(packet)]
    except FFmpegError as error:
        raise VideoError("The picture cannot be decoded; copy it again.") from error
    if not pictures or pictures[0].is_corrupt:
        raise VideoError("The picture is damaged or cut off; copy it again.")
    return pictures[0]
