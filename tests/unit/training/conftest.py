import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rfacenet.models import InputSpec
from rfacenet.simulation import render_recording
from rfacenet.training import OptimiserConfig, SimulationConfig, TrainConfig
from rfacenet.training.simulated import SimulatedClips
from videos import write_video


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(os, "environ", dict(os.environ))  # Lightning leaves traces there
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny() -> TrainConfig:
    """20 steps in 4 rounds, some seconds."""
    return TrainConfig(
        networks={
            "rfacenet": {"width": 8, "identity_width": 4, "identity_depth": "layer2"},
            "physnet": {"width": 8},
        },
        input=InputSpec(32, 16, 16, 30.0, "diff_normalized", "wave"),
        simulation=SimulationConfig(
            difficulty=(0.0, 0.5),
            identities=(0, 6),
            validation_sets=("easy", "hard"),
            validation_clips=4,
        ),
        optimiser=OptimiserConfig(clip_norm=1.0, average_decay=0.9),
        steps=20,
        round_steps=5,
        accelerator="cpu",
    )


@pytest.fixture
def noise_fed(tiny: TrainConfig) -> TrainConfig:
    """The row of Table 3 that draws random numbers in each step."""
    network = {"width": 8, "identity_width": 4, "use_tcu": False}
    return replace(tiny, networks={"rfacenet": network}, optimiser=OptimiserConfig())


@pytest.fixture
def source(tiny: TrainConfig) -> SimulatedClips:
    return SimulatedClips(tiny.simulation, tiny.input, tiny.seed)


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three videos of 36 frames: a face, without a pulse of its own."""
    folder = tmp_path_factory.mktemp("footage")
    photo = render_recording(
        seed=3, duration_s=1.2, width_px=256, height_px=192, difficulty="easy", subject="photo"
    )
    first = write_video(folder / "a.mp4", list(photo.frames()), crf=10)
    for name in ("b.mp4", "c.mp4"):
        shutil.copy(first, folder / name)
    return folder
