from __future__ import annotations

import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from rfacenet.errors import SettingsError, VideoError
from rfacenet.video import open_video
from rfacenet.video import video_file as room


def times_of(path: Path) -> list[float]:
    with open_video(path) as video:
        return [frame.t_s for frame in video]


def first_rgb(path: Path, **settings) -> np.ndarray:
    with open_video(path, **settings) as video:
        return next(iter(video)).rgb


# Times


@pytest.mark.parametrize("fps", [5, 30, Fraction(30000, 1001), 240])
def test_constant_rate(clip, solid, fps) -> None:
    times_s = times_of(clip("a.mp4", [solid()] * 12, fps=fps))
    assert times_s == pytest.approx([i / float(fps) for i in range(12)], abs=1e-4)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_variable_rate_times_are_those_written(clip, solid, name) -> None:
    written_s = [0.0, 0.031, 0.070, 0.071, 0.350, 0.400, 1.9]
    assert times_of(clip(name, [solid()] * 7, times_s=written_s)) == pytest.approx(written_s, abs=1e-3)


def test_times_count_from_the_first_frame(clip, solid) -> None:
    assert times_of(clip("a.mkv", [solid()] * 3, times_s=[7.0, 7.1, 7.3])) == pytest.approx([0, 0.1, 0.3])


@pytest.mark.parametrize("name", ["a.avi", "a.h264", "a.ts"])
def test_b_frames_come_in_presentation_order_even_where_the_container_knows_none(clip, noise, name) -> None:
    # Raw H.264 carries no times at all; FFmpeg then says 25 a second.
    times_s = times_of(clip(name, noise[:20], fps=25))
    assert times_s == pytest.approx([i / 25 for i in range(20)], abs=1e-6)


def test_a_header_that_lies_about_its_length_changes_nothing(clip, solid) -> None:
    path = clip("a.mp4", [solid()] * 10, fps=10)
    data = bytearray(path.read_bytes())
    duration_at = data.index(b"mvhd") + 4 + 16
    data[duration_at : duration_at + 4] = (3_600_000).to_bytes(4, "big")
    path.write_bytes(data)
    assert times_of(path) == pytest.approx([i / 10 for i in range(10)])


# Pixels


@pytest.mark.parametrize("colorspace", ["bt601", "bt709"])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("max_side_px", [None, 32])
def test_colours_come_back(clip, solid, colorspace, full_range, max_side_px) -> None:
    path = clip("a.mp4", [solid()] * 2, colorspace=colorspace, full_range=full_range)
    rgb = first_rgb(path, max_side_px=max_side_px)
    assert np.abs(rgb.astype(int) - (200, 120, 90)).max() <= 3


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("a.mp4", {"pix_fmt": "yuv420p10le"}),
        ("a.avi", {"codec": "mjpeg", "pix_fmt": "yuvj420p", "full_range": True}),
        ("a.mkv", {"codec": "ffv1", "pix_fmt": "yuv444p16le"}),
        ("a.mkv", {"codec": "ffv1", "pix_fmt": "bgra"}),
    ],
)
def test_other_pixel_formats_become_eight_bit_rgb(clip, solid, name, settings) -> None:
    rgb = first_rgb(clip(name, [solid()] * 2, **settings))
    assert rgb.dtype == np.uint8
    assert np.abs(rgb.astype(int) - (200, 120, 90)).max() <= 3


def test_greyscale_becomes_grey(clip, solid) -> None:
    rgb = first_rgb(clip("a.mkv", [solid(rgb=(90, 90, 90))] * 2, codec="ffv1", pix_fmt="gray"))
    assert np.abs(rgb.astype(int) - 90).max() <= 2


@pytest.mark.parametrize(("width_px", "height_px"), [(63, 47), (33, 48), (1, 1)])
def test_odd_sizes_are_exact_and_contiguous(clip, noise, width_px, height_px) -> None:
    frames = noise[:3, :height_px, :width_px]
    with open_video(clip("a.mkv", frames, codec="ffv1", pix_fmt="bgr0")) as video:
        assert (video.width_px, video.height_px) == (width_px, height_px)
        for frame, written in zip(video, frames, strict=True):
            np.testing.assert_array_equal(frame.rgb, written)
            assert frame.rgb.flags.c_contiguous


@pytest.mark.parametrize(("degrees", "quarter_turns"), [(90, 1), (180, 2), (-90, 3)])
def test_rotated_recordings_come_upright(clip, noise, degrees, quarter_turns) -> None:
    frames = noise[:2]
    path = clip("a.mov", frames, codec="png", pix_fmt="rgb24", rotation_deg=degrees)
    with open_video(path) as video:
        rgbs = [frame.rgb for frame in video]
        assert rgbs[0].shape == (video.height_px, video.width_px, 3)
    for rgb, written in zip(rgbs, frames, strict=True):
        np.testing.assert_array_equal(rgb, np.rot90(written, quarter_turns))
        assert rgb.flags.c_contiguous


@pytest.mark.parametrize(
    ("size_px", "max_side_px", "expected_px"),
    [((96, 64), 48, (48, 32)), ((64, 96), 48, (32, 48)), ((96, 64), 96, (96, 64)), ((96, 64), 200, (96, 64))],
)
def test_longer_side_is_bounded(clip, solid, size_px, max_side_px, expected_px) -> None:
    with open_video(clip("a.mp4", [solid(*size_px)] * 2), max_side_px=max_side_px) as video:
        assert (video.width_px, video.height_px) == expected_px
        assert all(frame.rgb.shape == (*expected_px[::-1], 3) for frame in video)


def test_shrinking_keeps_the_mean(clip, noise) -> None:
    path = clip("a.mkv", noise[:1], codec="ffv1", pix_fmt="bgr0")
    small = first_rgb(path, max_side_px=16)
    np.testing.assert_allclose(small.mean((0, 1)), noise[0].mean((0, 1)), atol=0.5)


def test_4k(clip, solid) -> None:
    path = clip("a.mp4", [solid(3840, 2160)] * 2, codec="mjpeg", pix_fmt="yuvj420p", full_range=True)
    assert first_rgb(path, max_side_px=640).shape == (360, 640, 3)


def test_size_that_changes_midway_is_brought_to_the_first(clip, solid, tmp_path) -> None:
    # Two streams of raw H.264 in a row are one stream whose size changes.
    small = clip("small.h264", [solid(64, 48)] * 3)
    large = clip("large.h264", [solid(96, 64)] * 3)
    joined = tmp_path / "joined.h264"
    joined.write_bytes(small.read_bytes() + large.read_bytes())
    with open_video(joined) as video:
        assert [frame.rgb.shape for frame in video] == [(48, 64, 3)] * 6


# Damage


def test_damage_in_the_middle_is_counted_and_passed(clip, noise) -> None:
    path = clip("a.mp4", noise)
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + len(data) // 2
    data[middle : middle + 6000] = bytes(6000)
    path.write_bytes(data)
    with open_video(path) as video:
        times_s = [frame.t_s for frame in video]
    assert video.damaged_frames > 0
    assert 10 < len(times_s) < 40
    assert np.all(np.diff(times_s) > 0)


def test_file_that_was_cut_off_gives_what_is_there(clip, noise) -> None:
    path = clip("a.avi", noise, codec="mjpeg", pix_fmt="yuvj420p", full_range=True)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with open_video(path) as video:
        count = sum(1 for _ in video)
    assert 15 <= count <= 20
    assert video.damaged_frames >= 1


def test_nothing_is_damaged_in_a_whole_file(clip, noise) -> None:
    with open_video(clip("a.mp4", noise)) as video:
        assert sum(1 for _ in video) == len(noise)
    assert video.damaged_frames == 0


# What is no video


def assert_refused(path: Path, reason: str) -> None:
    with pytest.raises(VideoError, match=reason) as caught:
        open_video(path)
    message = str(caught.value)
    assert str(path) in message
    assert message.endswith(".") and "\n" not in message


def test_missing_file(tmp_path) -> None:
    assert_refused(tmp_path / "none.mp4", "no file")


def test_empty_file(tmp_path) -> None:
    path = tmp_path / "a.mp4"
    path.touch()
    assert_refused(path, "is empty")


@pytest.mark.parametrize("name", ["a.mp4", "a.txt"])
def test_text_file(tmp_path, name) -> None:
    path = tmp_path / name
    path.write_text("This is not a video.\n" * 50)
    assert_refused(path, "not a video|is a text file")


def test_playlist_is_not_followed_into_the_network(tmp_path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    assert_refused(path, "not a video")


def test_mp4_without_its_end(clip, noise) -> None:
    path = clip("a.mp4", noise)
    path.write_bytes(path.read_bytes()[:-3000])
    assert_refused(path, "its end is missing")


def test_sound_without_picture(tmp_path) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    assert_refused(path, "only sound")


def test_music_with_a_cover_picture(tmp_path) -> None:
    path = tmp_path / "a.mp3"
    with av.open(str(path), "w") as container:
        music = container.add_stream("mp3", rate=16000, layout="mono")
        cover = container.add_stream("png", rate=1, width=32, height=32, pix_fmt="rgb24")
        cover.disposition = av.stream.Disposition.attached_pic
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16p", layout="mono")
        sound.sample_rate = 16000
        container.mux(music.encode(sound))
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        container.mux(music.encode(None))
        container.mux(cover.encode(None))
    assert_refused(path, "only sound")


def test_no_frame_that_can_be_decoded(clip, noise) -> None:
    path = clip("a.mp4", noise[:5])
    data = bytearray(path.read_bytes())
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    assert_refused(path, "no frame")


def test_file_that_may_not_be_read(clip, solid, monkeypatch) -> None:
    # Tests may run as root, whom no permission stops.
    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    path = clip("a.mp4", [solid()])
    monkeypatch.setattr(room.av, "open", refuse)
    assert_refused(path, "permissions")


# Use


@pytest.mark.parametrize("name", ["my video.mp4", "été 脉搏 ☺.mp4", "file:colon%03d.mp4"])
def test_any_file_name(clip, solid, name) -> None:
    assert len(times_of(clip(name, [solid()] * 2))) == 2


def test_one_pass_only(clip, solid) -> None:
    with open_video(clip("a.mp4", [solid()] * 2)) as video:
        assert len(list(video)) == 2
        with pytest.raises(RuntimeError, match="open it again"):
            iter(video)


def test_file_names_with_wrong_ending_are_read_by_content(clip, solid) -> None:
    path = clip("a.mp4", [solid()] * 2)
    assert len(times_of(path.rename(path.with_suffix(".avi")))) == 2


@pytest.mark.parametrize("settings", [{"fps": 30}, {"fps": -1}, {"max_side_px": 0}])
def test_settings_that_cannot_work(clip, solid, settings) -> None:
    with pytest.raises(SettingsError):
        open_video(clip("a.mp4", [solid()]), **settings)


def test_leaving_early_ends_the_iteration(clip, noise) -> None:
    with open_video(clip("a.mp4", noise)) as video:
        frames = iter(video)
        next(frames)
    assert list(frames) == []


def test_memory_does_not_grow_with_length(clip, noise) -> None:
    def peak_bytes(path: Path) -> int:
        tracemalloc.start()
        try:
            times_of(path)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    short = clip("short.mp4", noise)
    long = clip("long.mp4", np.tile(noise, (10, 1, 1, 1)))
    peak_bytes(short)
    # A frame has 9 kB; the list of times may grow.
    assert peak_bytes(long) - peak_bytes(short) < 60_000
