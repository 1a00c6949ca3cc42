"""What can be chosen about a training run.

Defaults are the paper's cross-dataset setting; ``configs/`` holds one short file for every other one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from rfacenet.errors import SettingsError
from rfacenet.losses import Term
from rfacenet.models import CROSS_DATASET_INPUT, InputSpec

SourceName = Literal["drawn", "encoded", "injected"]
ValidationName = Literal["easy", "standard", "hard", "encoded", "injected"]


def _check_above(config: object, low: float, *names: str) -> None:
    for name in names:
        if not getattr(config, name) > low:
            raise SettingsError(f"{name} must be above {low:g}, not {getattr(config, name):g}.")


def _check_at_least(config: object, low: float, *names: str) -> None:
    for name in names:
        if not getattr(config, name) >= low:
            raise SettingsError(f"{name} must be at least {low:g}, not {getattr(config, name):g}.")


@dataclass(frozen=True)
class OptimiserConfig:
    """How the weights move.

    Attributes:
        name: ``adam`` adds the weight decay to the gradient, ``adamw`` takes it off the weights.
        learning_rate: Peak, or the constant, of the learning rate.
        weight_decay: Of the network's weights; the loss's own (σ) have none.
        schedule: ``one_cycle`` rises to the peak and falls to nothing over the run; or ``constant``.
        warmup: Share of the run in which ``one_cycle`` rises.
        clip_norm: Greatest norm of a gradient; None clips nothing.
        average_decay: Validate and keep a moving average of the weights, to which each step adds one minus
            this; None keeps the weights themselves.

    Source: Sec. 4.2, "the same hyperparameters as PhysNet" in rPPG-Toolbox: Adam, 9e-3, one cycle.
    """

    name: Literal["adam", "adamw"] = "adam"
    learning_rate: float = 9e-3
    weight_decay: float = 0.0
    schedule: Literal["one_cycle", "constant"] = "one_cycle"
    warmup: float = 0.3
    clip_norm: float | None = None
    average_decay: float | None = None

    def __post_init__(self) -> None:
        _check_above(self, 0, "learning_rate")
        _check_at_least(self, 0, "weight_decay")
        if not 0 < self.warmup < 1:
            raise SettingsError(f"optimiser.warmup must lie between 0 and 1, not {self.warmup:g}.")
        if self.clip_norm is not None:
            _check_above(self, 0, "clip_norm")
        if self.average_decay is not None and not 0 <= self.average_decay < 1:
            raise SettingsError(f"optimiser.average_decay must be 0 to 1, not {self.average_decay:g}.")


@dataclass(frozen=True)
class LossConfig:
    """Choices in rFaceNet's loss (see ``MultiTaskLoss``) and in RhythmNet's.

    Attributes:
        terms: Which terms there are. A network without an identity classifier has no ``identity``.
        hr_gradient: Whether the heart rate teaches the network.
        smoothness: RhythmNet's λ: what it counts that the rates of neighbouring clips are alike.
    """

    terms: tuple[Term, ...] = ("bvp", "hr", "identity")
    hr_gradient: Literal["soft", "none"] = "none"
    smoothness: float = 100.0

    def __post_init__(self) -> None:
        _check_at_least(self, 0, "smoothness")


@dataclass(frozen=True)
class SimulationConfig:
    """Which people and conditions are simulated, and how.

    Attributes:
        sources: Where batches come from, and how often each. ``drawn`` clips come straight from the
            simulator; ``encoded`` ones are small videos of its people, compressed and decoded; ``injected``
            ones show the faces of ``footage`` with a pulse laid in. The shares need not add up to 1.
        footage: Folder, file or pattern of real videos, for ``injected``; a person should be in one of them
            only. Where they are validated on too, the last fifth by name is held back for that.
        difficulty: Range on the scale 0 easy, 1 standard, 2 hard; every batch draws its place in it.
        frame_rates_hz: Lowest and highest frame rate; None leaves them to the difficulty. A network knows no
            rate: it should be trained near the one that its input is resampled to.
        identities: People to train on: first number, and the number after the last.
        validation_identities: People to validate on, likewise.
        validation_sets: Drawn clips of a difficulty, or another source's at standard difficulty.
        validation_clips: Clips in each validation set, at least a batch.
        epoch_clips: Clips that count as an epoch. There is no end to clips and each is new; this is
            about the number in the paper's training sets.
    """

    sources: dict[SourceName, float] = field(default_factory=lambda: {"drawn": 1.0})
    footage: str | None = None
    difficulty: tuple[float, float] = (0.0, 2.0)
    frame_rates_hz: tuple[float, float] | None = (25.0, 30.0)
    identities: tuple[int, int] = (0, 500)
    validation_identities: tuple[int, int] = (1_000_000, 1_000_060)
    validation_sets: tuple[ValidationName, ...] = ("easy", "standard", "hard")
    validation_clips: int = 64
    epoch_clips: int = 800

    def __post_init__(self) -> None:
        low, high = self.difficulty
        if not 0 <= low <= high <= 2:
            raise SettingsError(f"simulation.difficulty must rise within 0 and 2, not {low:g} to {high:g}.")
        if self.frame_rates_hz is not None and not 0 < self.frame_rates_hz[0] <= self.frame_rates_hz[1]:
            raise SettingsError("simulation.frame_rates_hz must be above 0 and rise.")
        for name in ("identities", "validation_identities"):
            first, end = getattr(self, name)
            if not 0 <= first < end:
                raise SettingsError(f"simulation.{name} must be a rising range, not {first} to {end}.")
        _check_at_least(self, 1, "validation_clips", "epoch_clips")
        self._check_sources()

    def _check_sources(self) -> None:
        for name, given, known in (
            ("sources", self.sources, get_args(SourceName)),
            ("validation_sets", self.validation_sets, get_args(ValidationName)),
        ):
            if unknown := [one for one in given if one not in known]:
                choice = ", ".join(known)
                raise SettingsError(f"simulation.{name} cannot name {unknown[0]!r}; there are {choice}.")
        shares = self.sources.values()
        if not (all(0 <= share < math.inf for share in shares) and any(shares)):
            raise SettingsError("simulation.sources needs shares of 0 or more, and one above 0.")
        if not self.validation_sets:
            raise SettingsError("simulation.validation_sets must name at least one set.")
        injects = self.sources.get("injected", 0.0) > 0 or "injected" in self.validation_sets
        if injects and self.footage is None:
            raise SettingsError("simulation.footage must name a folder of videos to inject a pulse into.")


@dataclass(frozen=True)
class PreparedConfig:
    """Which part of a prepared data set is trained on, and which validated on: never the same people.

    Attributes:
        train_share: Share of the people, in the order of their names, who are trained on; the others are
            validated on.
        people: Those to train on, by name; None follows ``train_share``.
        validation_people: Those to validate on; None takes all who are not trained on.
        without: Recordings to leave out, by what is known of them, such as ``{scenario: [v2, v9]}``.
        step_frames: From the start of a clip to the start of the next, frames; None is a clip's length.
    """

    train_share: float = 0.8
    people: tuple[str, ...] | None = None
    validation_people: tuple[str, ...] | None = None
    without: dict[str, tuple[str, ...]] = field(default_factory=dict)
    step_frames: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.train_share < 1:
            raise SettingsError(f"prepared.train_share must lie between 0 and 1, not {self.train_share:g}.")
        if self.step_frames is not None:
            _check_at_least(self, 1, "step_frames")

    def parted(self, people: Sequence[str]) -> tuple[list[str], list[str]]:
        """People as the share says: those to train on, and those to validate on; one at least of each."""
        n_trained = max(1, min(round(self.train_share * len(people)), len(people) - 1))
        return list(people[:n_trained]), list(people[n_trained:])


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Attributes:
        network: Name of the network, one of ``rfacenet.models.list_models()``.
        networks: Configuration of each network by its name; only the chosen one's counts. So one file can
            serve a network and the one that it is compared with.
        input: What the network takes in.
        loss: Choices in rFaceNet's loss and RhythmNet's.
        data: ``simulator``, or the folder of a store that ``rfacenet prepare`` made.
        simulation: Choices for the simulator.
        prepared: Choices for a store.
        optimiser: How the weights move.
        batch_size: Clips a step, over all devices together.
        epochs: Length of the run.
        steps: Length of the run in steps, instead of epochs.
        max_minutes: Shorten the run to this time; its steps then follow from the speed measured at its start.
        round_steps: Steps from one validation and checkpoint to the next; a run is a whole number of rounds.
        precision: ``32-true``, or ``bf16-mixed`` or ``16-mixed`` for mixed precision.
        accelerator: ``cpu``, ``gpu``, or whichever there is.
        workers: Processes that make clips; 0 makes them in the training process, on its device.
        threads: Threads of the training process; None leaves the number to torch, one a core. Fewer where
            workers or other runs need cores too: threads that wait for each other slow down many times.
        seed: Same seed, same run.
        tensorboard: Write curves for TensorBoard too; it has to be installed.
        licence: Licence of the weights.

    Raises:
        SettingsError: A value cannot work.

    Source: Sec. 4.2. Batch size and epochs: PhysNet's in rPPG-Toolbox.
    """

    network: str = "rfacenet"
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    input: InputSpec = CROSS_DATASET_INPUT
    loss: LossConfig = LossConfig()
    data: str = "simulator"
    simulation: SimulationConfig = SimulationConfig()
    prepared: PreparedConfig = PreparedConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    batch_size: int = 4
    epochs: int = 30
    steps: int | None = None
    max_minutes: float | None = None
    round_steps: int = 250
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    workers: int = 0
    threads: int | None = None
    seed: int = 0
    tensorboard: bool = False
    licence: str = "MIT"

    def __post_init__(self) -> None:
        _check_at_least(self, 1, "batch_size", "epochs", "round_steps")
        _check_at_least(self, 0, "workers", "seed")
        for name in ("steps", "threads"):
            if getattr(self, name) is not None:
                _check_at_least(self, 1, name)
        if self.max_minutes is not None:
            _check_above(self, 0, "max_minutes")
        if self.input.appearance:
            raise SettingsError(
                "input.appearance follows from the network; networks.rfacenet.appearance: true would work."
            )
