"""Runs that are killed, and whether two of them came to the same."""

import csv
from pathlib import Path

import torch
from safetensors.torch import load_file


class Kill(BaseException):
    """Nobody catches it, as nobody catches a real kill."""


def rows(folder: Path) -> list[dict[str, float]]:
    with (folder / "metrics.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def assert_same_run(folder: Path, other: Path) -> None:
    assert (folder / "metrics.csv").read_text() == (other / "metrics.csv").read_text()
    states = [torch.load(path / "last.ckpt", weights_only=True)["state_dict"] for path in (folder, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    weights = [load_file(path / "best.safetensors") for path in (folder, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
