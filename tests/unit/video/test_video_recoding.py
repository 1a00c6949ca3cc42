import numpy as np
import pytest

from rfacenet.errors import SettingsError
from rfacenet.video import Encoding, recoded


@pytest.fixture(scope="module")
def frames(person):
    """Half a second of a person, 160 × 120."""
    return np.stack([frame.rgb[36:156, 48:208] for frame in person[:16]])


def error(frames, encoding):
    """Root mean square difference in grey levels, without the converters' constant one."""
    difference = recoded(frames, encoding).astype(float) - frames
    return (difference - difference.mean((0, 1, 2))).std()


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
def test_what_is_lost_grows_with_the_rate_factor(frames, codec):
    errors = [error(frames, Encoding(codec, crf)) for crf in (16, 24, 32)]
    assert 0.3 < errors[0] < errors[1] < errors[2] < 12


@pytest.mark.parametrize(
    "encoding",
    [Encoding(), Encoding("mjpeg"), Encoding(preset="ultrafast", b_frames=0), Encoding(keyframe_frames=5)],
)
def test_the_same_each_time_and_in_order(frames, encoding):
    decoded = recoded(frames, encoding)
    assert decoded.shape == frames.shape
    assert decoded.dtype == np.uint8
    assert all(np.array_equal(recoded(frames, encoding), decoded) for _ in range(3))
    marked = np.repeat(np.linspace(40, 200, 16).astype(np.uint8), 32 * 32 * 3).reshape(16, 32, 32, 3)
    assert (np.diff(recoded(marked, encoding).mean((1, 2, 3))) > 5).all()


def test_odd_sizes_stay(frames):
    odd = frames[:3, :33, :51]
    assert recoded(odd, Encoding()).shape == odd.shape
    assert error(odd, Encoding()) < 8


def test_settings_that_the_encoder_refuses_are_named(frames):
    with pytest.raises(SettingsError, match=r"160 × 120 frames cannot be encoded .*warp"):
        recoded(frames, Encoding(preset="warp"))
