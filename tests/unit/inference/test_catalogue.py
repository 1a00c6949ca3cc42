import pytest

from rfacenet.errors import UnknownMethodError
from rfacenet.inference.catalogue import get_method, list_methods
from rfacenet.inference.estimator import estimate
from rfacenet.simulation import render_recording
from videos import write_video

OFF_BY_BPM = {"cvd.simulated": 5, "rhythmnet.simulated": 7, "stattention.simulated": 5, "nashr.simulated": 12}
"""What networks that give rates alone may be off by; the others are off by less."""


@pytest.fixture(scope="module")
def long_video(tmp_path_factory):
    """Thirteen seconds of somebody at 84 bpm: no network needs more."""
    recording = render_recording(
        seed=3, duration_s=13, width_px=256, height_px=192, heart_rate_bpm=84, difficulty="easy"
    )
    return write_video(tmp_path_factory.mktemp("long") / "long.mp4", list(recording.frames()))


def test_unknown_method_suggests_the_nearest():
    with pytest.raises(UnknownMethodError, match="did you mean 'chrom'"):
        get_method("Chrome")
    with pytest.raises(UnknownMethodError, match="green, ica, chrom"):
        get_method("xyzzy")


def test_released_weights_are_methods():
    assert {"rfacenet.simulated", "physnet.simulated", *OFF_BY_BPM} <= set(list_methods())
    method = get_method("rfacenet")
    assert (method.name, method.kind) == ("rfacenet.simulated", "neural")
    assert "simulated faces" in method.source


@pytest.mark.parametrize("name", [name for name in list_methods() if get_method(name).kind == "neural"])
def test_released_weights_read_an_easy_face(name, long_video):
    found = estimate(long_video, method=name, min_quality=0)
    assert found.heart_rate_bpm == pytest.approx(84, abs=OFF_BY_BPM.get(name, 2))
