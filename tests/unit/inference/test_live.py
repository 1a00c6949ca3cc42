"""Frame by frame, the live estimator says what the estimator says of the whole."""

from dataclasses import fields

import numpy as np
import pytest

import rfacenet
from rfacenet.inference.live import LiveEstimator
from rfacenet.video import open_video


@pytest.fixture(scope="module")
def frames(person_video):
    """The person as read back from the file."""
    with open_video(person_video) as video:
        return list(video)


def fed(frames, **settings):
    live = LiveEstimator(**settings)
    for frame in frames:
        live.add_frame(frame)
    return live


def same(one, other, leave_out=("video",)):
    for field in fields(one):
        if field.name in leave_out:
            continue
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "bvp":
            assert a.fs_hz == b.fs_hz
            np.testing.assert_array_equal(a.value, b.value)
        elif field.name == "crop":
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b, field.name


@pytest.mark.parametrize("method", ["pos", "rfacenet"])
def test_the_end_is_what_estimate_says_of_the_video_to_the_last_bit(person_video, frames, method):
    live = LiveEstimator(method=method)
    for number, frame in enumerate(frames):
        live.add_frame(frame)
        if number % 40 == 0:
            live.estimate()  # looking at it changes nothing
    same(live.finish(), rfacenet.estimate(person_video, method=method))
