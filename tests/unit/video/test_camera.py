"""Cameras that are not there, busy or forbidden; one that is, by FFmpeg's own test picture; and playback."""

from __future__ import annotations

import errno

import numpy as np
import pytest

from rfacenet.errors import SettingsError, VideoError
from rfacenet.types import Frame
from rfacenet.video import Camera, CameraDevice, in_real_time
from rfacenet.video import camera as room

TWO = [CameraDevice("/dev/video0", "Webcam"), CameraDevice("/dev/video2", "Microscope")]


@pytest.fixture
def linux(monkeypatch):
    """A Linux machine with two cameras, as far as names go."""
    monkeypatch.setattr(room.sys, "platform", "linux")
    monkeypatch.setattr(room, "list_cameras", lambda: TWO)


def opening_raises(monkeypatch, error):
    def fail(*_args, **_settings):
        raise error

    monkeypatch.setattr(room.av, "open", fail)


def test_a_camera_gives_frames_with_times_until_it_is_closed():
    with Camera("testsrc=size=64x48:rate=25", form="lavfi") as camera:
        frames = [frame for frame, _ in zip(camera, range(5), strict=False)]
    assert [frame.t_s for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert frames[0].rgb.shape == (48, 64, 3)
    assert not np.array_equal(frames[0].rgb, frames[4].rgb) or frames[0].rgb.std() > 10


def test_no_camera_of_that_name_names_those_that_exist(linux):
    with pytest.raises(
        VideoError, match=r"no camera '/dev/video77'; this machine has /dev/video0 \(Webcam\)"
    ):
        Camera("77")


def test_a_machine_without_a_camera(monkeypatch):
    monkeypatch.setattr(room, "list_cameras", list)
    with pytest.raises(VideoError, match="has no camera; plug one in, or give a file"):
        Camera()


def test_what_is_no_camera(linux, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no camera")
    with pytest.raises(VideoError, match="is no camera that can be read"):
        Camera(str(path))


def test_a_busy_camera(linux, monkeypatch):
    opening_raises(monkeypatch, OSError(errno.EBUSY, "Device or resource busy"))
    with pytest.raises(VideoError, match=r"'/dev/video0' is busy: another program uses it"):
        Camera()


def test_a_forbidden_camera(linux, monkeypatch):
    opening_raises(monkeypatch, PermissionError(errno.EACCES, "Permission denied"))
    with pytest.raises(VideoError, match=r"may not be used by you; join its group"):
        Camera("/dev/video2")


def test_an_unplugged_camera(monkeypatch):
    with Camera("testsrc=size=64x48:rate=25", form="lavfi") as camera:

        class Gone:
            def demux(self, _stream):
                raise OSError(errno.ENODEV, "No such device")

            def close(self):
                pass

        frames = iter(camera)
        next(frames)
        whole, camera._container = camera._container, Gone()
        with pytest.raises(VideoError, match=r"gives no more pictures \(No such device\); was it unplugged"):
            next(iter(camera._demuxed()))
        camera._container = whole


def test_cameras_are_listed_once_each(monkeypatch, tmp_path):
    for name, index, maker in (
        ("video10", "0", "Second"),
        ("video2", "0", "First"),
        ("video3", "1", "First"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index").write_text(index + "\n")
        (tmp_path / name / "name").write_text(maker + "\n")
    monkeypatch.setattr(room.sys, "platform", "linux")
    monkeypatch.setattr(room, "_LINUX_CAMERAS", tmp_path)
    assert [str(camera) for camera in room.list_cameras()] == ["/dev/video2 (First)", "/dev/video10 (Second)"]


class Clock:
    def __init__(self):
        self.now_s, self.waits_s = 100.0, []

    def __call__(self):
        return self.now_s

    def sleep(self, wait_s):
        self.waits_s.append(wait_s)
        self.now_s += wait_s


def test_playback_waits_until_a_frame_is_due_and_makes_up_for_lost_time():
    clock, times_s = Clock(), [0.0, 0.5, 1.0, 2.0]
    frames = [Frame(t_s, np.zeros((1, 1, 3), np.uint8)) for t_s in times_s]
    played = in_real_time(frames, 2.0, clock=clock, sleep=clock.sleep)
    shown_s = []
    for number, frame in enumerate(played):
        shown_s.append(clock.now_s - 100)
        assert frame is frames[number]
        clock.now_s += 0.4 if number == 0 else 0.0  # the first takes longer than the second waits
    assert shown_s == pytest.approx([0, 0.4, 0.5, 1.0])
    assert clock.waits_s == pytest.approx([0.1, 0.5])
    with pytest.raises(SettingsError, match="gets nowhere"):
        in_real_time(frames, 0.0)
