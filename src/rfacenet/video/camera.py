"""Reads a camera: V4L2 on Linux, AVFoundation on macOS, DirectShow on Windows, all through FFmpeg."""

from __future__ import annotations

import builtins
import errno
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.device import enumerate_input_devices
from av.error import FFmpegError
from av.packet import Packet

from rfacenet.errors import VideoError
from rfacenet.video.source import VideoSource

WISHES = {"video_size": "640x480", "framerate": "30"}
"""What is asked of a camera. One that cannot do it gives what it likes."""

SILENCE_S = 10.0
"""A camera that gives no picture for longer than this is taken for gone."""

_FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
_LINUX_CAMERAS = Path("/sys/class/video4linux")
_BUSY = (errno.EBUSY, errno.EAGAIN)


@dataclass(frozen=True, slots=True)
class CameraDevice:
    """A camera of this machine.

    Attributes:
        name: What :class:`Camera` opens.
        description: What its maker calls it.
    """

    name: str
    description: str

    def __str__(self) -> str:
        return f"{self.name} ({self.description})"


class Camera(VideoSource):
    """A camera of this machine, open until it is closed; its frames have the times at which it took them.

    Args:
        name: As of :func:`list_cameras`, such as ``/dev/video0``; a number counts its devices; the first one
            where left out.
        max_side_px: Frames whose longer side exceeds this are shrunk to it, keeping the aspect.
        form: What FFmpeg calls this kind of device; the system's own kind where left out.

    Raises:
        VideoError: There is no such camera, another program uses it, this user may not, or it gives no
            picture. While frames are read: it was unplugged.
    """

    def __init__(
        self, name: str | None = None, *, max_side_px: int | None = None, form: str | None = None
    ) -> None:
        self.name = _named(name)
        self._container = _open(self.name, form or _form())
        try:
            streams = self._container.streams.video
            if not streams:
                raise VideoError(f"'{self.name}' gives no picture; {_others(self.name)}")
            self._stream = streams[0]
            super().__init__(
                Path(self.name),
                self._demuxed(),
                self._stream.codec_context,
                time_base_s=self._stream.time_base,
                nominal_fps=float(self._stream.guessed_rate or 0) or None,
                expected_duration_s=None,
                max_side_px=max_side_px,
                is_live=True,
            )
        except BaseException:
            self._container.close()
            raise

    def close(self) -> None:
        """Lets go of the camera; an iteration that is under way ends."""
        super().close()
        self._container.close()

    def _demuxed(self) -> Iterator[Packet[Any]]:
        while True:
            try:
                yield from self._container.demux(self._stream)
            except builtins.BlockingIOError:  # AVFoundation has no picture yet
                time.sleep(0.005)
            except (FFmpegError, OSError) as error:
                raise VideoError(
                    f"The camera '{self.name}' gives no more pictures ({error.strerror}); was it unplugged?"
                ) from error
            else:
                return


def list_cameras() -> list[CameraDevice]:
    """The cameras of this machine."""
    if sys.platform == "linux":
        # A webcam has a second device for data about its pictures, of the same name but a higher index.
        folders = sorted(_LINUX_CAMERAS.glob("video*"), key=lambda folder: (len(folder.name), folder.name))
        return [
            CameraDevice(f"/dev/{folder.name}", _line(folder / "name") or "camera")
            for folder in folders
            if _line(folder / "index") in ("0", "")
        ]
    found = [device for device in enumerate_input_devices(_form()) if "video" in device.media_types]
    # AVFoundation knows devices by number, DirectShow by a kind and a name.
    before = "video=" if sys.platform == "win32" else ""
    return [CameraDevice(before + device.name, device.description or "camera") for device in found]


def _form() -> str:
    if sys.platform not in _FORMATS:
        raise VideoError(f"Cameras cannot be read on '{sys.platform}'; record a video and give its file.")
    return _FORMATS[sys.platform]


def _named(name: str | None) -> str:
    """The name that FFmpeg opens."""
    if name is None:
        cameras = list_cameras()
        if not cameras:
            raise VideoError("This machine has no camera; plug one in, or give a file to play.")
        return cameras[0].name
    if sys.platform == "linux" and name.isdecimal():
        return f"/dev/video{name}"
    return name


def _open(name: str, form: str) -> InputContainer:
    try:
        return _opened(name, form, WISHES)
    except (builtins.FileNotFoundError, builtins.PermissionError) as error:
        raise _refusal(name, error) from error
    except (FFmpegError, OSError) as error:
        if error.errno in _BUSY:
            raise _refusal(name, error) from error
    try:  # it may not know what was wished for
        return _opened(name, form, {})
    except (FFmpegError, OSError) as error:
        raise _refusal(name, error) from error


def _opened(name: str, form: str, wishes: dict[str, str]) -> InputContainer:
    container = av.open(name, format=form, options=dict(wishes), timeout=SILENCE_S)
    assert isinstance(container, InputContainer)
    return container


def _refusal(name: str, error: FFmpegError | OSError) -> VideoError:
    """What is wrong with a camera that cannot be opened."""
    if isinstance(error, builtins.FileNotFoundError):
        return VideoError(f"There is no camera '{name}'; {_others(name)}")
    if isinstance(error, builtins.PermissionError):
        advice = {
            "linux": "join its group (sudo usermod -aG video $USER) and log in again",
            "darwin": "allow it for this program in System Settings, Privacy, Camera",
        }.get(sys.platform, "allow it in the system's privacy settings")
        return VideoError(f"The camera '{name}' may not be used by you; {advice}.")
    if error.errno in _BUSY:
        return VideoError(f"The camera '{name}' is busy: another program uses it; close that one.")
    return VideoError(f"'{name}' is no camera that can be read ({error.strerror}); {_others(name)}")


def _others(name: str) -> str:
    cameras = list_cameras()
    others = ", ".join(str(camera) for camera in cameras if camera.name != name)
    return f"this machine has {others or ('no other' if cameras else 'none')}."


def _line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
