"""The binary messages of the live connection.

Every message is a head of 16 bytes and what belongs to it, little-endian:

====== ======= ===========================================================================
offset type    meaning
====== ======= ===========================================================================
0      uint8   kind: 1 picture, 2 crop, 3 nothing
1      uint8   version of the format: 1
2      uint16  zero
4      uint32  number of the message, which the answer to a picture repeats
8      float64 when the frame was captured, seconds, on any clock that only moves forwards
16     bytes   picture: a JPEG; crop: rows of pixels R, G, B; nothing: no byte
====== ======= ===========================================================================

"Nothing" says that there was no face at that time.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import IntEnum

from rfacenet.errors import RfacenetError

HEAD = struct.Struct("<BBHId")
VERSION = 1

FRAMES_HZ = 75.0
"""Most frames of one viewer in a second, on average."""

MAX_PICTURE_BYTES = 400_000
MAX_PICTURE_PX = 1280
"""A picture to find the face in may have no longer side than this."""

MAX_T_S = 1e9
"""Clocks that count from 1970 in seconds are out of range on purpose: they jump when they are set."""


class MessageError(RfacenetError):
    """A message from a client is not what it should be."""


class Kind(IntEnum):
    """What a message brings."""

    PICTURE = 1
    CROP = 2
    NOTHING = 3


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """A message from a client.

    Attributes:
        kind: What it brings.
        number: Its number.
        t_s: When its frame was captured, on the client's clock.
        content: JPEG, pixels or nothing.
    """

    kind: Kind
    number: int
    t_s: float
    content: bytes


def unpack(message: bytes, crop_px: tuple[int, int]) -> LiveMessage:
    """Read a message.

    Args:
        message: As it came.
        crop_px: Height and width that a crop must have.

    Raises:
        MessageError: It is not as it should be; one sentence says what is wrong.
    """
    if len(message) < HEAD.size:
        raise MessageError(f"A message of {len(message)} bytes is shorter than its head of {HEAD.size}.")
    number_of_kind, version, zero, number, t_s = HEAD.unpack_from(message)
    if version != VERSION or zero != 0:
        raise MessageError(f"Version {version} of the format is unknown; this service speaks {VERSION}.")
    if number_of_kind not in set(Kind):
        raise MessageError(f"There is no kind {number_of_kind} of message.")
    if not (math.isfinite(t_s) and 0 <= t_s < MAX_T_S):
        raise MessageError(f"A frame cannot have been captured at {t_s} s; send seconds from a start.")
    kind, content = Kind(number_of_kind), message[HEAD.size :]
    expected = {Kind.CROP: 3 * crop_px[0] * crop_px[1], Kind.NOTHING: 0}.get(kind)
    if expected is not None and len(content) != expected:
        raise MessageError(f"The message brings {len(content)} bytes; {expected} were expected.")
    if kind is Kind.PICTURE:
        check_jpeg(content)
    return LiveMessage(kind, number, t_s, content)


def pack(kind: Kind, number: int, t_s: float, content: bytes = b"") -> bytes:
    """Write a message, as clients do."""
    return HEAD.pack(kind, VERSION, 0, number, t_s) + content


def check_jpeg(content: bytes) -> None:
    """Look at a JPEG's announced size, so that no decoder ever sees one that would fill the memory.

    Raises:
        MessageError: It is no JPEG, or too large.

    Source: ITU-T T.81, Annex B: marker segments, of which a start of frame holds height and width.
    """
    if len(content) > MAX_PICTURE_BYTES:
        raise MessageError(
            f"A picture of {len(content)} bytes is too large; send {MAX_PICTURE_BYTES} at most."
        )
    if not content.startswith(b"\xff\xd8\xff"):
        raise MessageError("The picture is no JPEG.")
    position = 2
    while position + 9 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xFF:  # padding
            position += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height_px, width_px = struct.unpack_from(">HH", content, position + 5)
            if min(height_px, width_px) > 0 and max(height_px, width_px) <= MAX_PICTURE_PX:
                return
            raise MessageError(
                f"A picture of {width_px} × {height_px} pixels is not looked at; send up to {MAX_PICTURE_PX}."
            )
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    raise MessageError("The picture is a JPEG without a size.")
