"""Tiny videos, and what every data set is asked."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rfacenet.datasets.layout import Dataset
from rfacenet.datasets.recording import Recording
from rfacenet.video import VideoWriter


@pytest.fixture
def tiny_video() -> Callable[[Path, int, float], None]:
    """Writes a grey video, and its folder: ``tiny_video(path, n_frames, fps)``."""

    def write(path: Path, n_frames: int, fps: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with VideoWriter(path, 16, 16, fps=fps, codec="mjpeg", pix_fmt="yuvj420p") as writer:
            for _ in range(n_frames):
                writer.write(np.full((16, 16, 3), 128, np.uint8))

    return write


@pytest.fixture
def recordings_of(tmp_path: Path) -> Callable[[Dataset], dict[str, Recording]]:
    """Recordings in ``tmp_path`` by name, as another process gets them."""

    def find(dataset: Dataset) -> dict[str, Recording]:
        found = pickle.loads(pickle.dumps(dataset.recordings(tmp_path)))
        by_name = {recording.name: recording for recording in found}
        assert len(by_name) == len(found)
        return by_name

    return find


@pytest.fixture
def times_of() -> Callable[[Recording], list[float]]:
    """Times of a recording's frames."""

    def times(recording: Recording) -> list[float]:
        with recording.open_video(None) as video:
            return [frame.t_s for frame in video]

    return times
