from __future__ import annotations

import numpy as np
import pytest
import torch

from rfacenet.errors import SettingsError
from rfacenet.simulation import render_recording

from .conftest import peak_bpm


def small(**settings):
    return render_recording(**{"seed": 1, "duration_s": 2.0, "width_px": 80, "height_px": 60, **settings})


def test_frames_and_times():
    recording = small(fs_hz=25.0)
    frames = list(recording.frames())
    assert len(frames) == len(recording.frame_times_s) == 50
    assert frames[0].t_s == 0.0
    assert frames[3].rgb.shape == (60, 80, 3)
    assert frames[3].rgb.dtype == np.uint8
    assert (np.diff(recording.frame_times_s) > 0).all()


def test_the_same_each_time():
    first, again = small(), small()
    pairs = zip(first.frames(), again.frames(), strict=True)
    assert all(np.array_equal(one.rgb, other.rgb) for one, other in pairs)
    assert np.array_equal(next(first.frames()).rgb, next(first.frames()).rgb)
    assert not np.array_equal(next(first.frames()).rgb, next(small(seed=2).frames()).rgb)


def test_the_pulse_is_in_the_picture_at_the_requested_rate():
    recording = small(duration_s=20.0, heart_rate_bpm=84.0, difficulty="easy", identity=6)
    assert recording.heart_rate_bpm == 84.0
    face = torch.tensor([frame.rgb[22:35, 36:46, 1].mean() for frame in recording.frames()])
    assert abs(peak_bpm(face, 30.0) - 84.0) < 0.8
    assert abs(peak_bpm(torch.tensor(recording.pulse), 60.0) - 84.0) < 0.8


def test_a_photo_has_no_heart_rate():
    recording = small(subject="photo")
    assert recording.heart_rate_bpm is None
    assert not recording.pulse.any()


def test_a_negative_length_is_refused():
    with pytest.raises(SettingsError, match="positive"):
        small(duration_s=-1.0)
