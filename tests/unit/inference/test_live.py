"""Frame by frame, the live estimator says what the estimator says of the whole."""

import math
import threading
from dataclasses import fields, replace

import numpy as np
import pytest

import rfacenet
from rfacenet.errors import SettingsError
from rfacenet.faces import sample_faces
from rfacenet.faces.sampling import follow_face
from rfacenet.inference.live import LiveEstimator
from rfacenet.inference.live_feed import LiveFeed
from rfacenet.types import Frame
from rfacenet.video import open_video


@pytest.fixture(scope="module")
def frames(person_video):
    """The person at 84 bpm, as read back from the file."""
    with open_video(person_video) as video:
        return list(video)


def fed(frames, **settings):
    live = LiveEstimator(**settings)
    for frame in frames:
        live.add_frame(frame)
    return live


def repeated(frames, duration_s):
    """The same pictures forwards and backwards, 30 a second."""
    pictures = [frame.rgb for frame in frames]
    pictures += pictures[-2:0:-1]
    return (Frame(k / 30, pictures[k % len(pictures)]) for k in range(round(30 * duration_s)))


def assert_same(one, other):
    """All but the video's name."""
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "bvp":
            assert a.fs_hz == b.fs_hz
            np.testing.assert_array_equal(a.value, b.value)
        elif field.name == "crop":
            np.testing.assert_array_equal(a, b)
        elif field.name != "video":
            assert a == b, field.name


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "pos"},
        {"method": "rfacenet"},
        {"region": "frame"},
        {"method": "samc"},
        {"method": "dualgan"},
    ],
)
def test_the_end_is_what_estimate_says_of_the_video_to_the_last_bit(person_video, frames, settings):
    live = LiveEstimator(**settings)
    for number, frame in enumerate(frames):
        live.add_frame(frame)
        if number % 50 == 0:
            live.estimate()  # looking at it changes nothing
    result = live.finish("a name")
    assert result.video == "a name"
    assert_same(result, rfacenet.estimate(person_video, **settings))


@pytest.mark.parametrize("method", ["pos", "rfacenet"])
def test_the_first_rate_comes_within_eight_seconds_and_is_right(frames, method):
    live = LiveEstimator(method=method)
    hints = []
    for number, frame in enumerate(frames):
        live.add_frame(frame)
        if number % 15 == 0 or number == len(frames) - 1:
            now = live.estimate()
            hints.append(now.hint)
            if now.t_s >= 8:
                assert now.heart_rate_bpm == pytest.approx(84, abs=3)
    assert hints[0] == "Hold still: 4 more seconds until the first heart rate."
    assert now.hint is None
    assert now.t_s == frames[-1].t_s
    assert now.fs_hz == pytest.approx(30, abs=0.1)
    assert now.start_s + now.bvp.t_s[-1] == pytest.approx(now.t_s, abs=0.05)  # the newest frame is in it
    assert now.face is not None


def test_the_rolling_estimate_is_that_of_the_last_window(frames):
    live = fed(repeated(frames, 14), region="frame", window_s=6)
    latest = [frame for frame in repeated(frames, 14) if frame.t_s >= 14 - 1 / 30 - 6 - 1e-6]
    now, alone = live.estimate(), fed(latest, region="frame", window_s=6).finish()
    assert now.start_s == pytest.approx(latest[0].t_s)
    assert now.heart_rate_bpm == pytest.approx(alone.heart_rate_bpm)
    np.testing.assert_allclose(now.bvp.value, alone.bvp.value, atol=1e-6)


def test_a_network_sees_no_window_twice_and_says_the_same(frames):
    """What it knows of earlier windows changes nothing: a fresh estimator agrees."""
    stream = list(repeated(frames, 14))
    live = LiveEstimator(method="rfacenet", region="frame")
    for frame in stream:
        live.add_frame(frame)
        if frame.t_s > 9 and round(30 * frame.t_s) % 30 == 0:
            live.estimate()
    fresh = fed(stream, method="rfacenet", region="frame").estimate()
    np.testing.assert_allclose(live.estimate().bvp.value, fresh.bvp.value, atol=1e-4)
    assert 10 <= fresh.t_s - fresh.start_s < 10 + 64 / 30 + 1e-6


def test_a_network_without_a_wave_gives_its_rates(frames):
    live = LiveEstimator(method="rhythmnet", min_quality=0)
    seen = {}
    for frame in repeated(frames, 22):
        live.add_frame(frame)
        if round(30 * frame.t_s) % 30 == 0:
            seen[round(frame.t_s)] = live.estimate()
    assert seen[10].hint == "Hold still: 3 more seconds until the first heart rate."  # it needs 12.5 s
    assert all(seen[t_s].heart_rate_bpm is None for t_s in range(13))
    assert all(seen[t_s].heart_rate_bpm for t_s in range(13, 22))
    assert np.isnan(seen[20].bvp.value).all()


def test_regions_are_not_read_from_crops(frames):
    with pytest.raises(SettingsError, match="'samc' reads regions of the face"):
        LiveEstimator(method="samc").add_crop(np.zeros((72, 72, 3), np.uint8), 0.0)


def test_crops_say_what_the_frames_they_are_cut_from_say(frames):
    live = LiveEstimator(method="rfacenet")
    whole = fed(frames, method="rfacenet").finish()
    height_px, width_px, _ = frames[0].rgb.shape
    tracked = follow_face(iter(frames), width_px, height_px, "largest")
    for sample in sample_faces(tracked, live.enlarge, live.crop_px):
        live.add_crop(sample.crop, sample.frame.t_s)
    result = live.finish()
    np.testing.assert_array_equal(result.bvp.value, whole.bvp.value)  # the very same crops
    assert result.quality == pytest.approx(whole.quality, abs=0.05)  # colours of 24 pixels across
    pos = LiveEstimator(method="pos")
    for sample in sample_faces(follow_face(iter(frames), width_px, height_px, "largest"), 1.0, pos.crop_px):
        pos.add_crop(sample.crop, sample.frame.t_s)
    assert pos.finish().heart_rate_bpm == pytest.approx(
        fed(frames, method="pos").finish().heart_rate_bpm, abs=0.5
    )


def test_times_that_repeat_or_go_back_are_left_out_and_jitter_and_gaps_are_not(frames):
    jitter_s = np.random.default_rng(0).uniform(-0.01, 0.01, len(frames))
    kept = [
        replace(frame, t_s=frame.t_s + jitter)
        for frame, jitter in zip(frames, jitter_s, strict=True)
        if not 2 < frame.t_s < 2.3
    ]
    live = LiveEstimator(method="pos")
    for number, frame in enumerate(kept):
        live.add_frame(frame)
        if number % 10 == 5:
            for t_s in (frame.t_s, frame.t_s - 1, math.nan, math.inf):
                live.add_frame(replace(frame, t_s=t_s))
    assert live.estimate().dropped_frames == 4 * len(range(5, len(kept), 10))
    result = live.finish()
    assert result.heart_rate_bpm == pytest.approx(84, abs=3)
    assert result.notes[-1].startswith(f"{live.estimate().dropped_frames} frame(s) came late")
    with pytest.raises(RuntimeError, match="finished already"):
        live.add_frame(kept[0])


def test_what_is_older_than_the_memory_is_forgotten(frames):
    live = fed(repeated(frames, 40), region="frame", memory_s=12)
    assert live.finish().duration_s == pytest.approx(12, abs=0.05)
    with pytest.raises(SettingsError, match="does not hold a window of 10 s"):
        LiveEstimator(memory_s=5)


def test_hints_say_what_is_missing(frames):
    live = LiveEstimator(method="pos")
    assert live.estimate().hint == "Waiting for the first picture."
    wall = np.full_like(frames[0].rgb, 90)
    for k in range(40):
        live.add_frame(Frame(k / 30, wall))
    assert live.estimate().hint.startswith("No face is seen")
    assert live.estimate().face is None

    crop, noise = np.empty((72, 72, 3), np.uint8), np.random.default_rng(0)
    for level, spread, hint in ((15, 1, "too dark"), (254, 1, "too bright"), (120, 40, "Hold still, in")):
        live = LiveEstimator(method="pos")
        for k in range(150):
            crop[:] = min(255, level + noise.integers(0, spread + 1))
            crop[0, 0] = noise.integers(0, 255, 3)  # colour, as grey video is another matter
            live.add_crop(crop, k / 30)
        assert hint in live.estimate().hint
    live.add_nothing(150 / 30)
    assert live.estimate().hint.startswith("No face is seen")


def test_a_camera_that_is_turned_goes_on(frames):
    live = fed(frames[:100], method="pos")
    for frame in frames[100:200]:
        live.add_frame(replace(frame, rgb=np.ascontiguousarray(frame.rgb[:, 20:-20])))
    assert live.finish().face_share == 1


def test_pictures_that_cannot_be_read_are_named(frames):
    live = LiveEstimator(method="rfacenet")
    with pytest.raises(SettingsError, match=r"takes crops of 36 × 36 pixels, not 20 × 36"):
        live.add_crop(np.zeros((20, 36, 3), np.uint8), 0.0)
    with pytest.raises(SettingsError, match=r"shape \(48, 64\)"):
        live.add_frame(Frame(0.0, np.zeros((48, 64), np.uint8)))
    with pytest.raises(SettingsError, match="ended before its first frame"):
        live.finish()


class Slow(LiveEstimator):
    """Estimates that take until they are let go."""

    def __init__(self):
        super().__init__(method="pos", region="frame")
        self.entered, self.go = threading.Event(), threading.Event()

    def estimate(self):
        result = super().estimate()
        self.entered.set()
        self.go.wait(20)
        return result


def test_a_feed_drops_the_oldest_frames_and_nobody_waits(frames):
    estimator = Slow()
    with LiveFeed(estimator, capacity=5) as feed:
        feed.put(frames[0])
        assert estimator.entered.wait(20)
        for frame in frames[1:20]:
            feed.put(frame)  # returns though the estimate is still under way
        assert feed.latest() is None
        estimator.go.set()
        result = feed.finish()
    assert estimator.estimate().dropped_frames == 14
    assert result.duration_s == pytest.approx(frames[19].t_s)
    with pytest.raises(RuntimeError, match="closed"):
        feed.put(frames[20])


def test_a_feed_gives_the_estimates_of_its_estimator(frames):
    with LiveFeed(LiveEstimator(method="pos"), capacity=len(frames)) as feed:
        for frame in frames:
            feed.put(frame)
        result = feed.finish()
    assert_same(result, fed(frames, method="pos").finish())


def test_a_feed_tells_of_a_frame_that_cannot_be_used(frames):
    feed = LiveFeed(LiveEstimator(method="pos"))
    feed.put(Frame(0.0, np.zeros((4, 4), np.uint8)))
    with pytest.raises(SettingsError, match="cannot be read"):
        feed.finish()


def test_a_gap_longer_than_the_memory_begins_anew(frames):
    live = fed(frames[:150], method="pos")
    for frame in frames:
        live.add_frame(replace(frame, t_s=100 + frame.t_s))
    assert live.estimate().heart_rate_bpm == pytest.approx(84, abs=3)
