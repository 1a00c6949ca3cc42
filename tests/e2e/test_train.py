"""The command itself, in processes of its own, as a machine may treat them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

SETTINGS = """
networks: {rfacenet: {width: 8, identity_width: 4, identity_depth: layer2}}
input: {frames: 32, height: 16, width: 16, label_form: wave}
simulation: {identities: [0, 6], validation_clips: 4}
optimiser: {average_decay: 0.9}
steps: 80
round_steps: 5
accelerator: cpu
threads: 1
"""

COMMAND = [sys.executable, "-m", "rfacenet.cli.main", "train"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
pytestmark = pytest.mark.slow


@pytest.fixture
def settings(tmp_path: Path) -> str:
    file = tmp_path / "settings.yaml"
    file.write_text(SETTINGS)
    return str(file)


def wait_for(path: Path, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(run / "last.ckpt", weights_only=True)["state_dict"]
    return state


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_stopped_run_goes_on_to_the_same_result(
    settings: str, tmp_path: Path, stop: signal.Signals, code: int
) -> None:
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    command = [*COMMAND, "--config", settings, "--out"]
    process = subprocess.Popen(
        [*command, str(stopped)],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        # A shell starts its background jobs deaf to Ctrl-C, and their children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(stopped / "last.ckpt")
    process.send_signal(stop)
    process.communicate(timeout=120)
    assert process.returncode == code
    assert not (stopped / "card.md").exists()
    for run in (stopped, whole):
        done = subprocess.run(
            [*command, str(run)], env=ENVIRONMENT, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{run / 'best.safetensors'}\n"
    assert (stopped / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()
    first, second = weights_of(stopped), weights_of(whole)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_two_processes_train_one_network(settings: str, tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    flags = ["--config", settings, "--steps", "10", "--max_minutes", "5", "--out", str(tmp_path / "two")]
    arguments = [*torchrun, "-m", *COMMAND[2:], *flags]
    done = subprocess.run(arguments, env=ENVIRONMENT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "two" / "card.md").exists()
    assert len((tmp_path / "two" / "metrics.csv").read_text().splitlines()) == 3


def test_wrong_settings_are_told_in_a_line(settings: str, tmp_path: Path) -> None:
    flags = ["--config", settings, "--stepps", "3", "--out", str(tmp_path / "x")]
    done = subprocess.run([*COMMAND, *flags], env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "--stepps" in done.stderr
