"""Samples in, rates out: no video needed."""

import numpy as np
import pytest

from rfacenet.errors import SettingsError
from rfacenet.inference.reading import _no_pulse, read_samples, segment_spectrum
from rfacenet.inference.sampling import FaceSamples
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import METHODS, ClipInput, Method
from rfacenet.signal.spectrum import pulse_rate_bpm

POS = METHODS["pos"]


def face(rate_bpm=72.0, duration_s=20.0, fs_hz=30.0, pulsation=0.005, seed=0):
    """Times and mean colours of a face; ``rate_bpm`` may be a function of time."""
    t_s = np.arange(round(duration_s * fs_hz)) / fs_hz
    rate = rate_bpm(t_s) if callable(rate_bpm) else np.full_like(t_s, rate_bpm)
    bvp = np.sin(2 * np.pi * np.cumsum(rate) / 60 / fs_hz)
    rgb = np.array([170.0, 120.0, 95.0]) * (1 - pulsation * bvp[:, None] * np.array([0.33, 0.77, 0.53]))
    return t_s, rgb + np.random.default_rng(seed).normal(0, 0.05, rgb.shape)


def read(t_s, rgb, method=POS, **settings):
    """The reading of a face that has the same colour all over, by a method that sees its mean or regions."""
    regions = None
    if isinstance(method.input, ClipInput) and method.input.regions is not None:
        regions = np.repeat(rgb[:, None, None], method.input.height_px, axis=1)
    return read_samples(FaceSamples(t_s, rgb, regions), method, EstimateSettings(**settings))


def test_a_clear_pulse():
    reading = read(*face())
    assert reading.heart_rate_bpm == pytest.approx(72, abs=0.5)
    assert reading.quality > 0.95
    assert reading.reason is None
    assert [(w.start_s, round(w.end_s, 2)) for w in reading.windows][:2] == [(0, 9.97), (1, 10.97)]
    assert len(reading.windows) == 11
    assert all(w.heart_rate_bpm == pytest.approx(72, abs=1) for w in reading.windows)
    assert reading.bvp.value.shape == (600,)
    np.testing.assert_allclose(np.diff(reading.beats_s), 60 / 72, atol=0.06)
    assert reading.variability.mean_interval_ms == pytest.approx(60_000 / 72, abs=5)
    assert pulse_rate_bpm(segment_spectrum(reading.bvp)) == pytest.approx(72, abs=0.5)


def test_a_lost_face_is_marked_and_not_invented():
    t_s, rgb = face(duration_s=30)
    rgb[300:420] = np.nan  # seconds 10 to 14
    reading = read(t_s, rgb, window_s=5)
    assert np.isnan(reading.bvp.value[300:420]).all()
    assert np.isfinite(np.delete(reading.bvp.value, slice(300, 420))).all()
    assert reading.heart_rate_bpm == pytest.approx(72, abs=0.5)
    lost = [w for w in reading.windows if w.start_s >= 9 and w.end_s <= 15]
    assert lost
    assert all(w.heart_rate_bpm is None and w.quality == 0 for w in lost)


def test_missing_frames_break_the_wave():
    t_s, rgb = face(duration_s=30)
    kept = (t_s < 10) | (t_s > 12)
    reading = read(t_s[kept], rgb[kept])
    assert np.isnan(reading.bvp.value[310:350]).all()
    assert reading.heart_rate_bpm == pytest.approx(72, abs=0.5)


def test_a_long_videos_rate_is_the_mean_of_its_segments():
    reading = read(*face(lambda t_s: 60 + 30 * t_s / 180, duration_s=180))
    assert reading.heart_rate_bpm == pytest.approx(75, abs=2)
    assert reading.windows[0].heart_rate_bpm == pytest.approx(61, abs=1)
    assert reading.windows[-1].heart_rate_bpm == pytest.approx(89, abs=1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t, x: (t, np.full_like(x, np.nan)), "No face was found in 20.0 s"),
        (lambda t, x: (t[:30], x[:30]), "lasts 0.97 s; at least 4.0 s are needed"),
        (
            lambda t, x: (t, np.where(t[:, None] % 5 < 3, x, np.nan)),
            "longest stretch without a break has 3.00 s",
        ),
        (lambda t, x: (t, np.repeat(x[:, 1:2], 3, axis=1)), "grey-scale and 'pos' works on colour"),
        (lambda t, x: (t[::10], x[::10]), "3 frames per second are too few"),
        (lambda t, x: (t, np.tile([170.3, 120.7, 95.1], (len(t), 1))), "picture does not change"),
        (lambda t, x: (t, x[0] + 0.1 * (t[:, None] // 8)), "picture does not change"),  # key frames jump
    ],
)
def test_why_there_is_no_answer(change, reason):
    reading = read(*change(*face()))
    assert reading.heart_rate_bpm is None
    assert reason in reading.reason
    assert np.isnan(reading.bvp.value).all()


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_covered_lens_spoils_only_its_own_time(method):
    t_s, rgb = face(66, duration_s=60, pulsation=0.01)
    rgb[750:900] = np.random.default_rng(0).uniform(0, 1e-3, (150, 3))  # seconds 25 to 30 are black
    reading = read(t_s, rgb, method, min_quality=0, window_s=8)
    clear = [w for w in reading.windows if w.end_s < 20 or w.start_s > 36]
    assert np.median([abs(w.heart_rate_bpm - 66) for w in clear]) < 1


def test_a_long_video_of_noise_is_not_answered():
    rng = np.random.default_rng(0)
    t_s = np.arange(300 * 30) / 30
    for _ in range(5):  # noise that is strongest where slow movement is
        drift = np.cumsum(rng.normal(size=(len(t_s), 3)), axis=0)
        rgb = np.array([170.0, 120.0, 95.0]) * (1 + 1e-4 * drift)
        reading = read(t_s, rgb, METHODS["green"])
        assert reading.heart_rate_bpm is None


def test_segments_that_differ_are_noted():
    reading = read(*face(lambda t_s: np.where(t_s < 60, 60.0, 110.0), duration_s=120))
    assert "went from 60 to 110 bpm" in " ".join(reading.notes)


@pytest.mark.parametrize("fs_hz", [29.1, 29.97, 30.1, 59.94])
def test_the_shortest_window_works_at_any_frame_rate(fs_hz):
    reading = read(*face(fs_hz=fs_hz), window_s=4)
    assert sum(w.heart_rate_bpm is not None for w in reading.windows) >= len(reading.windows) - 1


def test_swaying_light_is_not_a_pulse_however_clear_its_rhythm():
    t_s, rgb = face(pulsation=0)
    swaying = rgb * (1 + 0.01 * np.sin(2 * np.pi * 1.2 * t_s))[:, None]
    for method in METHODS.values():
        assert read(t_s, swaying, method).heart_rate_bpm is None


def test_noise_is_not_answered_unless_asked_to():
    t_s, rgb = face(pulsation=0)
    reading = read(t_s, rgb)
    assert reading.heart_rate_bpm is None
    assert "No pulse was found" in reading.reason
    assert read(t_s, rgb, min_quality=0).heart_rate_bpm is not None


def test_grey_video_is_answered_by_green_and_slow_video_with_a_note():
    t_s, rgb = face()
    grey = np.repeat(rgb[:, 1:2], 3, axis=1)
    assert read(t_s, grey, METHODS["green"]).heart_rate_bpm == pytest.approx(72, abs=0.5)
    slow = read(*face(fs_hz=5.0))
    assert slow.heart_rate_bpm == pytest.approx(72, abs=1)
    assert "above 142 bpm would show as a slower one" in slow.notes[0]
    fast = read(*face(fs_hz=240.0))
    assert fast.heart_rate_bpm == pytest.approx(72, abs=0.5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_s": 3},
        {"window_s": float("nan")},
        {"step_s": 0},
        {"step_s": float("inf")},
        {"enlarge": 9},
        {"min_quality": 2},
        {"fps": 0},
        {"face": "oldest"},
        {"region": "left"},
        {"region": (0, 0, -5, 5)},
    ],
    ids=str,
)
def test_settings_that_cannot_work(wrong):
    with pytest.raises(SettingsError, match="choose"):
        EstimateSettings(**wrong)


def constant_rate(rate_bpm, least_s=0.0):
    """A method that sees regions and says the same heart rate of everything."""
    needs = ClipInput(25, 1, 30.0, regions="blocks", least_s=least_s)
    return Method("constant", "neural", needs, "none", lambda clip, fs_hz: np.full(len(clip), rate_bpm), True)


def read_rate(rate_bpm, face, least_s=0.0, **settings):
    t_s, rgb = face
    regions = np.repeat(rgb[:, None, None], 25, 1).astype(np.float32)
    samples = FaceSamples(t_s, rgb, regions)
    return read_samples(samples, constant_rate(rate_bpm, least_s), EstimateSettings(**settings))


def test_a_method_without_a_wave_gives_rates_and_invents_none():
    reading = read_rate(71.0, face())
    assert reading.heart_rate_bpm == pytest.approx(71)
    assert reading.quality > 0.9
    assert [w.heart_rate_bpm for w in reading.windows] == pytest.approx([71.0] * 11)
    assert np.isnan(reading.bvp.value).all()
    assert reading.beats_s == ()
    assert reading.variability is None


@pytest.mark.parametrize(("quality", "shown"), [(0.7499, "0.74"), (0.0, "0.00"), (0.29, "0.29")])
def test_a_quality_that_was_not_enough_is_not_rounded_up(quality, shown):
    assert f"a quality of {shown} and at least 0.75" in _no_pulse(quality, 0.75, METHODS["pos"])


def test_a_rate_that_the_faces_colour_does_not_have_is_not_trusted():
    reading = read_rate(110.0, face())
    assert reading.heart_rate_bpm is None
    assert "not borne out by the pulse that POS sees" in reading.reason
    assert read_rate(110.0, face(), min_quality=0).heart_rate_bpm == pytest.approx(110)


def test_a_map_shorter_than_its_network_needs_is_named():
    reading = read_rate(71.0, face(duration_s=8), least_s=10.0)
    assert reading.heart_rate_bpm is None
    assert (
        "at least 10.0 s are needed for a heart rate by 'constant'; other methods need less" in reading.reason
    )
