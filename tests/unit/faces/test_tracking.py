from __future__ import annotations

import weakref

import numpy as np
import pytest

from rfacenet.errors import SettingsError
from rfacenet.faces.tracking import region_frames, track_face
from rfacenet.types import FaceBox, Frame

FS_HZ = 10
PICTURE = np.zeros((100, 200, 3), dtype=np.uint8)


class Script:
    """A detector that is told what to see: it reads the frame's number from the frame's first pixels."""

    def __init__(self, faces_at):
        self.faces_at = faces_at
        self.asked = []

    def detect(self, rgb):
        number = int(rgb[0, 0, 0]) * 256 + int(rgb[0, 0, 1])
        self.asked.append(number)
        return self.faces_at(number / FS_HZ)


def video(n_frames, fs_hz=FS_HZ):
    for number in range(n_frames):
        rgb = PICTURE.copy()
        rgb[0, 0, :2] = divmod(number, 256)
        yield Frame(number / fs_hz, rgb)


def face(x_px, size_px=20.0):
    return FaceBox(x_px, 30, size_px, size_px)


def track(faces_at, n_frames=51, **settings):
    tracked = list(track_face(video(n_frames), Script(faces_at), **settings))
    assert [one.frame.t_s for one in tracked] == [number / FS_HZ for number in range(n_frames)]
    return [one.box for one in tracked]


def seen(boxes):
    """When there is a box, as (first, last) frame numbers of each run."""
    has = np.array([0, *(box is not None for box in boxes), 0])
    return list(zip(np.flatnonzero(np.diff(has) == 1), np.flatnonzero(np.diff(has) == -1) - 1, strict=True))


def test_steady_movement_is_interpolated_exactly():
    boxes = track(lambda t_s: [face(10 + 7 * t_s, 20 + 2 * t_s)])
    for number, box in enumerate(boxes):
        t_s = number / FS_HZ
        expected = face(10 + 7 * t_s, 20 + 2 * t_s)
        assert (box.x_px, box.width_px) == pytest.approx((expected.x_px, expected.width_px))


def test_steady_movement_is_interpolated_exactly_across_a_single_miss():
    boxes = track(lambda t_s: [] if t_s == 2 else [face(10 + 7 * t_s)])
    assert [box.x_px for box in boxes] == pytest.approx([10 + 0.7 * number for number in range(51)])


def test_a_wobbling_detection_is_smoothed():
    boxes = track(lambda t_s: [face(50 + 2 * (round(t_s) % 2))])
    inner = [box.x_px for box in boxes[10:41]]
    assert inner == pytest.approx([51] * len(inner))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0, 10, 20, 25]),  # once a second, and at the end
        ({"interval_s": 0}, list(range(26))),
        ({"max_buffered_frames": 8}, [0, 8, 16, 24, 25]),
        ({"interval_s": 100, "max_buffered_frames": 100}, [0, 25]),
    ],
)
def test_when_faces_are_looked_for(settings, expected):
    script = Script(lambda t_s: [face(50)])
    list(track_face(video(26), script, **settings))
    assert script.asked == expected


def test_no_face_at_all():
    assert seen(track(lambda t_s: [])) == []


def test_no_frames_at_all():
    assert list(track_face([], Script(lambda t_s: []))) == []


def test_one_frame():
    assert track(lambda t_s: [face(5)], n_frames=1) == [face(5)]


def test_no_box_before_the_first_sight():
    assert seen(track(lambda t_s: [face(50)] if t_s > 1.5 else [])) == [(20, 50)]


def test_no_box_from_the_last_sight_to_the_next_of_a_lost_face():
    assert seen(track(lambda t_s: [] if 1.5 < t_s < 3.5 else [face(50)])) == [(0, 10), (40, 50)]


def test_no_box_after_the_last_sight():
    assert seen(track(lambda t_s: [face(50)] if t_s < 2.5 else [])) == [(0, 20)]
    assert seen(track(lambda t_s: [face(50)] if t_s < 4.5 else [])) == [(0, 40)]


def test_a_miss_is_not_bridged_over_more_than_two_and_a_half_seconds():
    boxes = track(lambda t_s: [] if t_s == 2 else [face(50)], interval_s=2, max_buffered_frames=99)
    assert seen(boxes) == [(0, 0), (40, 50)]


def test_nothing_is_interpolated_across_a_scene_cut():
    boxes = track(lambda t_s: [face(20)] if t_s < 1.7 else [face(150, 30), face(100, 10)])
    assert seen(boxes) == [(0, 10), (20, 50)]
    assert {box.x_px for box in boxes[:11]} == {20}
    assert {box.x_px for box in boxes[20:]} == {150}


def test_the_largest_face_is_followed_even_when_another_grows_larger():
    boxes = track(lambda t_s: [face(120, 15 + 5 * t_s), face(20)])
    assert {box.x_px for box in boxes} == {20}


def test_a_bystander_does_not_take_over_from_a_face_that_is_missed_once():
    boxes = track(lambda t_s: [face(120, 15)] if t_s == 2 else [face(120, 15), face(20)])
    assert {box.x_px for box in boxes} == {20}


def test_a_bystander_is_followed_once_the_face_is_gone():
    boxes = track(lambda t_s: [face(120, 15), *([face(20)] if t_s < 1.5 else [])])
    assert seen(boxes) == [(0, 10), (30, 50)]
    assert boxes[30].x_px == 120


@pytest.mark.parametrize(("choice", "x_px"), [("largest", 20), ("left", 5), ("center", 95), ("right", 180)])
def test_choice_of_face(choice, x_px):
    faces = [face(95, 10), face(180, 10), face(20, 30), face(5, 10)]
    assert {box.x_px for box in track(lambda t_s: faces, choice=choice)} == {x_px}


def test_frames_at_irregular_times():
    times_s = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.09, 200))
    script = Script(lambda number_s: [face(10 + 3 * times_s[round(number_s * FS_HZ)])])
    frames = (Frame(t_s, frame.rgb) for t_s, frame in zip(times_s, video(200), strict=True))
    boxes = [one.box for one in track_face(frames, script)]
    np.testing.assert_allclose([box.x_px for box in boxes], 10 + 3 * times_s)


@pytest.mark.parametrize(
    ("faces_at", "limit"),
    [
        (lambda t_s: [face(50)], 2 * 10 + 2),
        (lambda t_s: [], 2 * 10 + 2),
        (lambda t_s: [face(50)] if round(t_s) % 2 else [], 4 * 10 + 2),
    ],
)
def test_few_frames_are_held(faces_at, limit):
    references, held = [], []

    def frames():
        for frame in video(150):
            references.append(weakref.ref(frame.rgb))
            held.append(sum(reference() is not None for reference in references))
            yield frame
            del frame

    for _ in track_face(frames(), Script(faces_at)):
        pass
    assert max(held) <= limit


def test_region_is_the_same_in_every_frame():
    box = FaceBox(3, 4, 50, 60)
    assert {one.box for one in region_frames(video(5), box)} == {box}


def test_region_is_the_whole_frame_unless_given():
    assert {one.box for one in region_frames(video(5))} == {FaceBox(0, 0, 200, 100)}


@pytest.mark.parametrize(
    "settings", [{"interval_s": -1}, {"max_buffered_frames": 0}, {"choice": "prettiest"}]
)
def test_senseless_settings_are_refused_at_once(settings):
    with pytest.raises(SettingsError, match=next(iter(settings))):
        track_face([], Script(lambda t_s: []), **settings)
