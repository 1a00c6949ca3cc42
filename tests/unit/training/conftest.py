import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from rfacenet.models import InputSpec
from rfacenet.training import OptimiserConfig, SimulationConfig, TrainConfig


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
            validation_difficulties=("easy", "hard"),
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
