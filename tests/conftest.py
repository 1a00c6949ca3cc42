"""What several test folders share: a simulated recording with a known pulse, as a file."""

from __future__ import annotations

import pytest
import torch
from hypothesis import settings

from rfacenet.simulation import render_recording
from videos import write_video

# Same examples every time and no stop-watch: other load on a machine is no failure of ours.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

torch.set_num_threads(1)  # with a test process on each core, more threads only wait for each other


@pytest.fixture(scope="session")
def person():
    """Frames of ten seconds of a simulated person at 84 bpm, and their times."""
    recording = render_recording(
        seed=3, duration_s=10, width_px=256, height_px=192, heart_rate_bpm=84, difficulty="easy"
    )
    return list(recording.frames())


@pytest.fixture(scope="session")
def person_video(person, tmp_path_factory):
    """That person as an H.264 file."""
    return write_video(tmp_path_factory.mktemp("person") / "person.mp4", person)
