import pytest

from rfacenet.errors import UnknownMethodError
from rfacenet.inference.catalogue import get_method, list_methods
from rfacenet.inference.estimator import estimate


def test_unknown_method_suggests_the_nearest():
    with pytest.raises(UnknownMethodError, match="did you mean 'chrom'"):
        get_method("Chrome")
    with pytest.raises(UnknownMethodError, match="green, ica, chrom"):
        get_method("xyzzy")


def test_released_weights_are_methods():
    assert {"rfacenet.simulated", "physnet.simulated"} <= set(list_methods())
    method = get_method("rfacenet")
    assert (method.name, method.kind) == ("rfacenet.simulated", "neural")
    assert "simulated faces" in method.source


@pytest.mark.parametrize("name", ["rfacenet", "physnet"])
def test_released_weights_read_an_easy_face(name, person_video):
    assert estimate(person_video, method=name).heart_rate_bpm == pytest.approx(84, abs=2)
