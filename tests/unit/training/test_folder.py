import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from rfacenet.errors import SettingsError
from rfacenet.training import TrainConfig, folder, train
from rfacenet.training.folder import describe_machine


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "_processor", lambda: "AMD EPYC")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 6 * 2**20, "SC_PAGE_SIZE": 4096}.__getitem__)


@pytest.mark.usefixtures("small_machine")
def test_the_machine_is_told_in_numbers_and_grammar(tiny: TrainConfig) -> None:
    assert describe_machine(tiny) == "AMD EPYC, 2 logical cores, 24 GiB of memory; 1 thread"
    torch.set_num_threads(2)
    told = describe_machine(replace(tiny, workers=1))
    assert told == "AMD EPYC, 2 logical cores, 24 GiB of memory; 2 threads and 1 process for the clips"


@pytest.mark.usefixtures("small_machine")
def test_so_are_many_and_a_gpu_if_it_is_used(tiny: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.delattr(os, "sysconf")
    assert describe_machine(tiny) == "2 × (AMD EPYC, 1 logical core; 1 thread)"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H200")
    assert describe_machine(tiny) == "2 × (AMD EPYC, 1 logical core; 1 thread)"
    told = describe_machine(replace(tiny, accelerator="auto"))
    assert told == "2 × H200; AMD EPYC, 1 logical core; 1 thread"


def test_tensorboard_gets_its_curves_or_is_asked_for_at_once(tiny: TrainConfig, tmp_path: Path) -> None:
    config = replace(tiny, steps=5, tensorboard=True, max_minutes=0.001)  # too short, found out later
    if find_spec("tensorboard"):
        train(replace(config, max_minutes=None), tmp_path / "run")
        assert list((tmp_path / "run" / "tensorboard").glob("events.*"))
    else:
        with pytest.raises(SettingsError, match=r"pip install 'rfacenet\[tensorboard\]'"):
            train(config, tmp_path / "run")
        assert not (tmp_path / "run").exists()
