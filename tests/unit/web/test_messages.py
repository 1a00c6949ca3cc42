"""The binary messages of the live connection."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfacenet.web.messages import MAX_PICTURE_PX, Kind, MessageError, check_jpeg, pack, unpack
from videos import encode_jpeg, with_jpeg_size

CROP_PX = (4, 5)
CROP = bytes(range(60))


JPEG = encode_jpeg(np.full((48, 64, 3), 90, np.uint8))


@given(st.integers(0, 2**32 - 1), st.floats(0, 1e8))
def test_what_is_packed_is_unpacked(number, t_s):
    for kind, content in ((Kind.CROP, CROP), (Kind.NOTHING, b""), (Kind.PICTURE, JPEG)):
        message = unpack(pack(kind, number, t_s, content), CROP_PX)
        assert (message.kind, message.number, message.t_s, message.content) == (kind, number, t_s, content)


def test_the_layout_is_the_documented_one():
    message = pack(Kind.CROP, 258, 1.5, CROP)
    assert message[:16] == bytes([2, 1, 0, 0, 2, 1, 0, 0]) + np.array(1.5, "<f8").tobytes()
    assert message[16:] == CROP


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_message_or_an_error_that_says_why(content):
    for message in (content, bytes([3, 1, 0, 0]) + content, pack(Kind.PICTURE, 1, 1.0, content)):
        try:
            unpack(message, CROP_PX)
        except MessageError as error:
            assert str(error).endswith(".")


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"", "shorter than its head"),
        (pack(Kind.CROP, 1, 1.0, CROP[:-1]), "59 bytes; 60 were expected"),
        (pack(Kind.NOTHING, 1, 1.0, b"x"), "0 were expected"),
        (pack(Kind.NOTHING, 1, float("nan")), "captured at nan"),
        (pack(Kind.NOTHING, 1, -1.0), "captured at -1"),
        (pack(7, 1, 1.0), "no kind 7"),
        (b"\x03\x02" + bytes(14), "Version 2"),
        (pack(Kind.PICTURE, 1, 1.0, b"GIF89a"), "no JPEG"),
        (pack(Kind.PICTURE, 1, 1.0, bytes(500_000)), "too large"),
    ],
)
def test_what_is_wrong_is_said(message, says):
    with pytest.raises(MessageError, match=says):
        unpack(message, CROP_PX)


def test_a_picture_that_announces_too_many_pixels_is_never_decoded():
    check_jpeg(with_jpeg_size(JPEG, MAX_PICTURE_PX, 10))
    for size in ((MAX_PICTURE_PX + 1, 10), (10, 65_000), (0, 10)):
        with pytest.raises(MessageError, match="is not looked at"):
            check_jpeg(with_jpeg_size(JPEG, *size))
    with pytest.raises(MessageError, match="without a size"):
        check_jpeg(JPEG[: JPEG.index(b"\xff\xc0")])
