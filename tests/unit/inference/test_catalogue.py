import pytest

from rfacenet.errors import UnknownMethodError
from rfacenet.inference.catalogue import get_method


def test_unknown_method_suggests_the_nearest():
    with pytest.raises(UnknownMethodError, match="did you mean 'chrom'"):
        get_method("Chrome")
    with pytest.raises(UnknownMethodError, match="green, ica, chrom"):
        get_method("xyzzy")
