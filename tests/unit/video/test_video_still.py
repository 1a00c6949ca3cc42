from __future__ import annotations

import numpy as np
import pytest

from rfacenet.errors import VideoError
from rfacenet.video import encode_png
from rfacenet.video.still import Stills


def test_pictures_come_out_as_they_are(noise) -> None:
    stills = Stills()
    for picture in noise[:3]:
        np.testing.assert_array_equal(stills.decode(encode_png(picture)), picture)
        np.testing.assert_array_equal(stills.shrink(picture), picture)


def test_pictures_are_shrunk_keeping_their_mean(solid) -> None:
    for shrunk in (Stills(32).shrink(solid()), Stills(32).decode(encode_png(solid()))):
        assert shrunk.shape == (24, 32, 3)
        assert shrunk.mean((0, 1)) == pytest.approx((200, 120, 90), abs=1)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG damaged", b"\xff\xd8 damaged"])
def test_what_is_no_picture_says_so(content) -> None:
    with pytest.raises(VideoError, match="The picture"):
        Stills().decode(content)


def test_a_cut_off_picture_is_refused(noise) -> None:
    with pytest.raises(VideoError, match="The picture"):
        Stills().decode(encode_png(noise[0])[:2000])
