"""The run folder: what is in it, and which run it belongs to."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import yaml  # type: ignore[import-untyped]

from rfacenet.errors import OutputError, SettingsError
from rfacenet.output.files import write_text
from rfacenet.training.config import TrainConfig


@dataclass(frozen=True, slots=True)
class Length:
    """How long a run is.

    Attributes:
        rounds: Number of rounds.
        round_steps: Steps from one validation and checkpoint to the next.
    """

    rounds: int
    round_steps: int

    @classmethod
    def of_steps(cls, steps: int, round_steps: int) -> Length:
        """Whole rounds in ``steps``; a run shorter than a round is one."""
        round_steps = min(steps, round_steps)
        return cls(steps // round_steps, round_steps)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.rounds * self.round_steps


class RunFolder:
    """The folder of one run.

    Attributes:
        path: The folder.
        config: All settings.
        record: Length of the run and where it ran.
        metrics: Curves, a row a round.
        checkpoint: State at the end of the last round, to go on from.
        weights: Weights of the best round.
        card: What the weights are; written when the run is finished.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.record = path / "run.json"
        self.metrics = path / "metrics.csv"
        self.checkpoint = path / "last.ckpt"
        self.weights = path / "best.safetensors"
        self.card = path / "card.md"

    @property
    def finished(self) -> bool:
        """Whether the run has nothing left to do."""
        return self.card.exists()

    def check(self, config: TrainConfig) -> None:
        """Refuse a folder that holds something else than a run of ``config``.

        Raises:
            SettingsError: It holds a run with other settings, or files that are no run's.
        """
        if self.path.exists() and not self.path.is_dir():
            raise SettingsError(f"'{self.path}' is a file; name a folder for the run.")
        if not self.config.exists():
            # What begins with a dot was left by a run that was killed while it wrote.
            if self.path.exists() and any(file.name[0] != "." for file in self.path.iterdir()):
                raise SettingsError(f"'{self.path}' is not empty and holds no run; choose another folder.")
            return
        theirs, ours = _flat(yaml.safe_load(self.config.read_text("utf-8"))), _flat(_plain(config))
        differing = sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))
        if differing:
            raise SettingsError(
                f"'{self.path}' holds a run with other settings ({', '.join(differing)}); "
                "continue it with its own, or choose another folder."
            )

    def create(self, config: TrainConfig) -> None:
        """Make the folder and write the settings.

        Raises:
            OutputError: It cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"'{self.path}' cannot be made: {error.strerror}.") from error
        write_text(self.config, yaml.safe_dump(_plain(config), sort_keys=False))

    def read_record(self) -> dict[str, Any]:
        """What ``run.json`` holds; nothing before a run's first start."""
        if not self.record.exists():
            return {"sessions": []}
        record: dict[str, Any] = json.loads(self.record.read_text("utf-8"))
        return record

    def read_length(self) -> Length | None:
        """The run's length, if it has been decided."""
        record = self.read_record()
        return Length(**record["length"]) if "length" in record else None

    def check_people(self, people: Sequence[object]) -> None:
        """Refuse to go on with others than the run was begun with: the footage may have changed.

        Args:
            people: Who is trained and validated on, in order.

        Raises:
            SettingsError: They are others.
        """
        theirs = self.read_record().get("people")
        if theirs not in (None, _digest(people)):
            raise SettingsError(
                f"'{self.path}' was begun with other people; bring back the footage that it was begun with, "
                "or choose another folder."
            )

    def begin_session(self, length: Length, config: TrainConfig, people: Sequence[object]) -> None:
        """Note the run's length and people, and the code and machine that work on it from now on."""
        sessions = [*self.read_record()["sessions"], describe_session(config)]
        record = {"length": asdict(length), "people": _digest(people), "sessions": sessions}
        write_text(self.record, json.dumps(record, indent=2) + "\n")


def _digest(people: Sequence[object]) -> str:
    return hashlib.sha256(repr([str(person) for person in people]).encode()).hexdigest()


def describe_session(config: TrainConfig) -> dict[str, Any]:
    """Time, code, versions and machine."""
    packages = ("rfacenet", "torch", "pytorch-lightning", "numpy")
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "commit": _commit(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "machine": describe_machine(config),
    }


def describe_machine(config: TrainConfig) -> str:
    """What a run computes on, such as ``AMD EPYC, 2 logical cores, 24 GiB of memory; 1 thread``."""
    parts = [_processor(), _count(os.cpu_count() or 1, "logical core"), *_memory()]
    work = [_count(torch.get_num_threads(), "thread")]
    if config.workers:
        work.append(f"{_count(config.workers, 'process', 'es')} for the clips")
    machine = f"{', '.join(parts)}; {' and '.join(work)}"
    n_processes = int(os.environ.get("WORLD_SIZE", "1"))
    if config.accelerator != "cpu" and torch.cuda.is_available():
        return f"{n_processes} × {torch.cuda.get_device_name()}; {machine}"
    return machine if n_processes == 1 else f"{n_processes} × ({machine})"


def _count(number: int, thing: str, plural: str = "s") -> str:
    return f"{number} {thing}{'' if number == 1 else plural}"


def _memory() -> list[str]:
    """The memory of the machine, where the system tells it."""
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf, others not these names
        return []
    return [f"{size / 2**30:.0f} GiB of memory"]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    """The commit of the code, with ``+`` where it was changed since; ``unknown`` outside a repository."""
    try:
        commit, changes = (
            subprocess.run(
                ["git", *command], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}+" if changes else commit


def _plain(config: TrainConfig) -> dict[str, Any]:
    """The settings as they come back from YAML: lists for tuples."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return plain


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
