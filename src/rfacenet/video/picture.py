"""From a decoded picture in whatever colour format, size and orientation to upright RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from rfacenet.types import Uint8Array

# Area averaging keeps every pixel's share of the pulse, and exact rounding keeps shares below one level.
_SHRINK = Interpolation.AREA | Interpolation.ACCURATE_RND


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pixels turn upright: first the axes are swapped, then rows or columns reversed.

    Phones store frames as the sensor gives them, with a display matrix that says how the phone was held.
    """

    swap_axes: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> Orientation:
        """The orientation in the frame's display matrix, rounded to quarter turns; upright without one."""
        # PyAV's type stub of side data lists only motion vectors.
        matrix = cast(SideDataContainer, frame.side_data).get("DISPLAYMATRIX")
        if matrix is None:
            return cls()
        # (x, y) is shown at (a x + c y, b x + d y).
        (a, b, _), (c, d, _), _ = np.frombuffer(bytes(matrix), dtype=np.int32).reshape(3, 3).tolist()
        if abs(b) > abs(a):
            return cls(swap_axes=True, flip_rows=b < 0, flip_columns=c < 0)
        return cls(flip_rows=d < 0, flip_columns=a < 0)

    def upright(self, rgb: Uint8Array) -> Uint8Array:
        """The turned picture; a copy unless it was upright already."""
        if self == Orientation():
            return rgb
        # Moved as whole pixels: numpy copies these three times faster than single colours.
        pixels = rgb.view("V3")[..., 0]
        if self.swap_axes:
            pixels = pixels.T
        if self.flip_rows:
            pixels = pixels[::-1]
        if self.flip_columns:
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(pixels)[..., np.newaxis].view(np.uint8)


class RgbConverter:
    """Converts the frames of one video: colour, size and orientation are settled by its first frame.

    Colours follow the stream's own matrix and range; where it names none, FFmpeg's default holds (BT.601,
    limited range). More than 8 bits are rounded to 8, alpha is dropped, and high dynamic range is not tone
    mapped: its colours come out flat, but their changes over time remain.

    Args:
        max_side_px: Pictures whose longer side exceeds this are shrunk to it; None keeps every size.
    """

    def __init__(self, max_side_px: int | None = None) -> None:
        self._max_side_px = max_side_px
        self._reformatter = VideoReformatter()
        self._orientation = Orientation()
        self._size_px: tuple[int, int] | None = None

    def convert(self, frame: VideoFrame) -> Uint8Array:
        """Upright, contiguous ``(H, W, 3) uint8`` RGB, always of the first frame's size."""
        if self._size_px is None:
            self._size_px = self._fitted(frame.width, frame.height)
            self._orientation = Orientation.of(frame)
        width_px, height_px = self._size_px
        resized = self._size_px != (frame.width, frame.height)
        converted = self._reformatter.reformat(
            frame, width_px, height_px, "rgb24", interpolation=_SHRINK if resized else None
        )
        # The array is the converted frame's own memory; only padded rows are copied out of it.
        rgb = cast(Uint8Array, converted.to_ndarray())
        return np.ascontiguousarray(self._orientation.upright(rgb))

    def _fitted(self, width_px: int, height_px: int) -> tuple[int, int]:
        longer_px = max(width_px, height_px)
        if self._max_side_px is None or longer_px <= self._max_side_px:
            return width_px, height_px
        scale = self._max_side_px / longer_px
        return max(1, round(width_px * scale)), max(1, round(height_px * scale))
