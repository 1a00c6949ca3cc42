from dataclasses import replace

import numpy as np
import pytest

from rfacenet.errors import NoFaceError, SettingsError, TooShortError
from rfacenet.inference import sampling
from rfacenet.inference.estimator import estimate
from rfacenet.inference.stmap import map_video
from rfacenet.output.stmap import PNG_GAP_PX, as_png, png_scale
from rfacenet.types import FaceBox
from rfacenet.video import open_video
from videos import write_video


@pytest.fixture(scope="module")
def shown(person_video):
    return map_video(person_video)


def peak_bpm(rows, fs_hz):
    """Where the mean spectrum of rows ``(R, T)`` is highest above 40 beats per minute."""
    windowed = (rows - rows.mean(1, keepdims=True)) * np.hanning(rows.shape[1])
    power = (np.abs(np.fft.rfft(windowed, 8192)) ** 2).mean(0)
    bpm = 60 * np.fft.rfftfreq(8192, 1 / fs_hz)
    return bpm[(bpm > 40)][power[bpm > 40].argmax()]


def test_pos_rows_beat_at_the_true_rate(shown, person_video):
    assert shown.channels == ("R", "G", "POS")
    assert peak_bpm(shown.values[2], shown.fs_hz) == pytest.approx(84, abs=3)
    whole = estimate(person_video, method="pos")
    assert shown.heart_rate_bpm == pytest.approx(whole.heart_rate_bpm, abs=0.01)
    assert shown.quality == pytest.approx(whole.quality, abs=1e-3)


@pytest.mark.parametrize(("regions", "shape"), [("blocks", (3, 25)), ("areas", (6, 63))])
def test_a_column_is_a_frame_and_a_row_runs_from_0_to_255(regions, shape, person_video):
    found = map_video(person_video, regions=regions, start_s=1.99, duration_s=4)
    assert found.values.dtype == np.float32
    assert found.values.shape == (*shape, 120)
    np.testing.assert_allclose(found.values.min(2), 0, atol=1e-3)
    np.testing.assert_allclose(found.values.max(2), 255, atol=1e-3)
    assert (found.start_s, found.end_s) == pytest.approx((2, 6), abs=0.01)
    assert not found.is_part


def watched(monkeypatch, is_seen, look):
    """Lets the face be found only where ``is_seen(t_s)``; elsewhere, its box is what ``look`` makes of it."""
    follow = sampling.follow_face

    def follow_some(*arguments):
        for tracked in follow(*arguments):
            box = tracked.box if is_seen(tracked.frame.t_s) else look(tracked.box)
            yield replace(tracked, box=box)

    monkeypatch.setattr(sampling, "follow_face", follow_some)


def turned(box: FaceBox) -> FaceBox:
    """The same face with its landmarks as they are where it looks to the side."""
    center = box.center_px[0]
    return replace(box, landmarks_px=tuple((center + 0.3 * (x - center), y) for x, y in box.landmarks_px))


@pytest.mark.parametrize("look", [turned, lambda box: None])
def test_what_lies_before_a_face_turns_away_or_is_lost_is_left_out(look, person_video, monkeypatch, shown):
    watched(monkeypatch, lambda t_s: not 3 <= t_s < 5, look)
    found = map_video(person_video)
    assert (found.start_s, found.end_s) == pytest.approx((5, 10), abs=0.1)
    assert found.left_out_s == pytest.approx(5, abs=0.1)
    assert found.is_part
    # POS has seen nothing else, and neither has the stretching of rows.
    assert peak_bpm(found.values[2], found.fs_hz) == pytest.approx(84, abs=4)
    assert found.values.max(2) == pytest.approx(255)
    # The picture is of the stretch that is shown.
    assert found.face.shape == shown.face.shape == (320, 240, 3)
    assert (found.face != shown.face).any()


def test_no_face_and_too_short_a_stretch_are_refused(person_video, monkeypatch):
    watched(monkeypatch, lambda t_s: 3 <= t_s < 4.5, turned)
    with pytest.raises(TooShortError, match=r"has 1\.\d\d s; a map takes at least 2 s"):
        map_video(person_video)
    with pytest.raises(NoFaceError, match=r"No face that looks towards the camera was found in 3\.0 s"):
        map_video(person_video, duration_s=3)
    for wrong in ({"regions": "cells"}, {"duration_s": 1.5}, {"duration_s": 61}, {"start_s": -1}):
        with pytest.raises(SettingsError, match="choose"):
            map_video(person_video, **wrong)


def test_every_value_can_be_read_off_the_picture(shown, tmp_path):
    (tmp_path / "0.png").write_bytes(as_png(shown))
    with open_video(tmp_path, fps=1) as images:
        (picture,) = (frame.rgb for frame in images)
    down, across = png_scale(shown)
    assert (down, across) == (16, 4)
    step = 15 * down + PNG_GAP_PX
    assert picture.shape == (3 * step - PNG_GAP_PX, 4 * 300, 3)
    for k, channel in enumerate(shown.values):
        panel = picture[k * step : k * step + 15 * down]
        for corner in ((0, 0), (down - 1, across - 1)):
            np.testing.assert_allclose(panel[corner[0] :: down, corner[1] :: across, 0], channel, atol=0.51)
    assert (picture[15 * down : step] == 255).all()


def test_the_rate_is_left_out_where_there_is_none(person, tmp_path):
    rng = np.random.default_rng(0)
    still = person[0].rgb.astype(int)
    frames = [
        replace(frame, rgb=(still + rng.integers(-9, 10, still.shape)).clip(0, 255).astype(np.uint8))
        for frame in person[:150]
    ]
    found = map_video(write_video(tmp_path / "still.mp4", frames))
    assert found.heart_rate_bpm is None
    assert found.reason
