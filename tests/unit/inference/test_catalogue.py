import shutil

import pytest

from rfacenet.errors import UnknownMethodError
from rfacenet.inference.catalogue import find_weights, get_method, list_methods
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
    with pytest.raises(UnknownMethodError, match=r"did you mean 'rhythmnet'"):
        get_method("rhythmnet.simulate")
    with pytest.raises(UnknownMethodError, match=r"'my\.pth' is a file of PyTorch; .*import-weights"):
        get_method("my.pth")


def test_released_weights_are_methods():
    assert {"rfacenet.simulated", "physnet.simulated", *OFF_BY_BPM} <= set(list_methods())
    method = get_method("rfacenet")
    assert (method.name, method.kind) == ("rfacenet.simulated", "neural")
    assert method.source == "rFaceNet, arXiv 2403.09034"
    assert "simulated faces" in method.training


def test_the_best_weights_of_a_training_are_called_by_its_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "best.safetensors"
    shutil.copy(find_weights("stattention"), path)
    assert get_method(str(path)).name == "mine"
    assert get_method(str(path.rename(path.with_name("other.safetensors")))).name == "other"


@pytest.mark.parametrize("name", [name for name in list_methods() if get_method(name).kind == "neural"])
def test_released_weights_read_an_easy_face(name, long_video):
    found = estimate(long_video, method=name, min_quality=0)
    assert found.heart_rate_bpm == pytest.approx(84, abs=OFF_BY_BPM.get(name, 2))
