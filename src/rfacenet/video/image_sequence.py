"""Reads a folder of images as a video."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import Any

from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from rfacenet.errors import VideoError
from rfacenet.video.source import VideoSource

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")

_NUMBER_AT_END = re.compile(r"(\d+)$")
DECODER_OF_SIGNATURE = {b"\x89PNG": "png", b"\xff\xd8": "mjpeg", b"BM": "bmp"}
# Today's Unix time has 19 digits in nanoseconds, 16 in microseconds, 13 in milliseconds.
_UNIT_OF_DIGITS = {19: Fraction(1, 10**9), 16: Fraction(1, 10**6), 13: Fraction(1, 10**3)}


class ImageSequence(VideoSource):
    """A folder of numbered images (PNG, JPEG or BMP, all of one kind) as a video, in the numbers' order.

    The number that ends each name is its time where it is a Unix time: 19 digits are nanoseconds (the PURE
    data set's ``Image1392643993642815000.png``), 16 microseconds, 13 milliseconds. Any other number is only
    a counter, and the frame rate must be given. Images without number are passed over, damaged ones counted.

    Args:
        path: The folder.
        max_side_px: Images whose longer side exceeds this are shrunk to it, keeping the aspect.
        fps: The frame rate of images without times; where given, it wins over times in names.

    Raises:
        VideoError: The folder has no numbered images, its names hold no times and ``fps`` is None, or not
            one image can be decoded.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, max_side_px: int | None = None, fps: float | None = None
    ) -> None:
        path = Path(path)
        images = numbered_images(path)
        if not images:
            raise VideoError(
                f"Folder '{path}' has no numbered images ({', '.join(IMAGE_ENDINGS)}); give a video file or "
                "a folder of them."
            )
        stamps, unit_s = _stamps(path, images, fps)
        super().__init__(
            path,
            _packets(images, stamps, unit_s),
            _decoder(path, images),
            time_base_s=unit_s,
            nominal_fps=fps,
            expected_duration_s=float((stamps[-1] - stamps[0]) * unit_s),
            max_side_px=max_side_px,
        )


def numbered_images(folder: Path) -> list[Path]:
    """The images in ``folder`` (not below it) whose names end in a number, in the numbers' order."""
    try:
        files = [file for file in folder.iterdir() if not file.name.startswith(".")]
    except OSError as error:
        raise VideoError(f"Folder '{folder}' may not be read; check its permissions.") from error
    images = [
        file for file in files if file.suffix.lower() in IMAGE_ENDINGS and _digits(file) and file.is_file()
    ]
    return sorted(images, key=lambda image: (int(_digits(image)), image.name))


def _digits(image: Path) -> str:
    match = _NUMBER_AT_END.search(image.stem)
    return match[1] if match else ""


def _stamps(folder: Path, images: list[Path], fps: float | None) -> tuple[list[int], Fraction]:
    """Times of the images, as whole numbers from 0, and the unit that they count."""
    if fps is not None:
        return _counted(images), 1 / Fraction(fps).limit_denominator(1001)
    digits = len(_digits(images[0]))
    if digits not in _UNIT_OF_DIGITS:
        raise VideoError(
            f"The images in '{folder}' carry numbers but no times in their names; give the frame rate (fps)."
        )
    first = int(_digits(images[0]))
    return [int(_digits(image)) - first for image in images], _UNIT_OF_DIGITS[digits]


def _decoder(folder: Path, images: list[Path]) -> VideoCodecContext:
    """A decoder of the first image's kind, told by its content: endings are often wrong."""
    for image in images:
        head = _content(image)[:4]
        for signature, codec in DECODER_OF_SIGNATURE.items():
            if head.startswith(signature):
                decoder = CodecContext.create(codec, "r")
                assert isinstance(decoder, VideoCodecContext)
                return decoder
    raise VideoError(f"No image in '{folder}' is a PNG, JPEG or BMP inside; copy or convert them again.")


def _counted(images: list[Path]) -> list[int]:
    """Frame numbers from 0, with gaps where images are missing."""
    numbers = [int(_digits(image)) for image in images]
    steps = [after - before for before, after in pairwise(numbers)]
    usual = median_low(steps) if steps else 1
    if usual < 1:
        return list(range(len(images)))
    return [round((number - numbers[0]) / usual) for number in numbers]


def _content(image: Path) -> bytes:
    """The file's bytes; none where it cannot be read, which makes it a damaged frame."""
    try:
        return image.read_bytes()
    except OSError:
        return b""


def _packets(images: list[Path], stamps: list[int], unit_s: Fraction) -> Iterator[Packet[Any]]:
    for image, stamp in zip(images, stamps, strict=True):
        # An empty packet would end the decoding, so an empty file becomes an undecodable byte.
        packet = Packet(_content(image) or b"\0")
        packet.pts, packet.time_base = stamp, unit_s
        packet.is_keyframe = True  # FFmpeg's PNG decoder adds any other picture to its predecessor
        yield packet
    yield Packet()
