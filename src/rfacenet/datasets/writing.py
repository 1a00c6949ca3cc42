"""What the writers of simulated data sets share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rfacenet.files import whole_file
from rfacenet.types import Float64Array
from rfacenet.video import VideoWriter

if TYPE_CHECKING:
    from rfacenet.simulation import SimulatedRecording


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file in a folder that is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write("\n".join([*lines, ""]).encode())


def write_avi(path: Path, recording: SimulatedRecording, fps: float, crf: float | None = None) -> None:
    """Write the frames at a constant rate: AVI files lose their true times.

    Args:
        path: The file; its folder is made where it is missing.
        recording: What to write.
        fps: The rate.
        crf: Compression by H.264, 0 to 51; Motion JPEG where left out.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    size_px = recording.width_px, recording.height_px
    codec, pix_fmt = ("mjpeg", "yuvj420p") if crf is None else ("libx264", "yuv420p")
    with VideoWriter(path, *size_px, fps=fps, codec=codec, pix_fmt=pix_fmt, crf=crf or 0) as writer:
        for frame in recording.frames():
            writer.write(frame.rgb)


def pulse_at_rate(recording: SimulatedRecording, fs_hz: float) -> Float64Array:
    """The pulse from the first frame to the last at another rate than the simulator's."""
    return recording.bvp_at(np.arange(int(recording.frame_times_s[-1] * fs_hz) + 1) / fs_hz)
