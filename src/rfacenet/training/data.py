"""Batches for training and validation, by number: batch k of a run is always the same clips.

So a run that was stopped after step k goes on with batch k, whatever the number of worker processes or
devices, and nothing about the data has to be stored in a checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from rfacenet.errors import SettingsError
from rfacenet.models.registry import fitted
from rfacenet.training.batch import ClipBatch
from rfacenet.training.config import TrainConfig
from rfacenet.training.simulated import SimulatedClips


class ClipSource(Protocol):
    """Where clips come from: the simulator, or a prepared data set.

    Attributes:
        people: Who is trained on; their number is the number of classes.
        validation_people: Who is validated on: nobody out of ``people``.
        epoch_clips: Clips that make an epoch.
        validation_sets: Names of the validation sets.
        validation_clips: Clips in each of them.
        trained_on: What the network learns from, in words.
        simulated: Whether nobody in it exists.
    """

    @property
    def people(self) -> Sequence[object]: ...  # noqa: D102
    @property
    def validation_people(self) -> Sequence[object]: ...  # noqa: D102
    @property
    def epoch_clips(self) -> int: ...  # noqa: D102
    @property
    def validation_sets(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def validation_clips(self) -> int: ...  # noqa: D102
    @property
    def trained_on(self) -> str: ...  # noqa: D102
    @property
    def simulated(self) -> bool: ...  # noqa: D102

    def train_batch(self, batch_size: int, index: int, device: torch.device) -> ClipBatch:
        """Clips ``index * batch_size`` and following of the endless training stream.

        ``device`` is where they are wanted; a source that reads files may leave them on the CPU.
        """
        ...

    def validation_batch(self, name: str, batch_size: int, index: int, device: torch.device) -> ClipBatch:
        """Clips ``index * batch_size`` and following of the validation set ``name``."""
        ...


def open_source(config: TrainConfig) -> ClipSource:
    """The source that a run is trained on.

    Raises:
        DatasetError: A store cannot be used.
        SettingsError: There is no such source, or it cannot give clips.
    """
    # A network of maps has no say in which crops there are, but in which regions, and in how long a clip is.
    spec = fitted(config.network, config.input, **config.networks.get(config.network, {}))
    if config.data == "simulator":
        return SimulatedClips(config.simulation, spec, config.seed)
    from rfacenet.training.prepared import PreparedClips

    return PreparedClips(Path(config.data), config.prepared, spec, config.seed)


def check_people(source: ClipSource) -> None:
    """Refuse a source that validates on people it trains on: the result would say nothing of new people.

    Raises:
        SettingsError: It does.
    """
    shared = set(source.people) & set(source.validation_people)
    if shared:
        names = ", ".join(sorted(map(str, shared))[:3])
        raise SettingsError(
            f"{len(shared)} of the people to validate on are trained on too ({names}…); choose others."
        )


class TrainingBatches(Dataset[ClipBatch]):
    """This process's share of each step. On many devices the clips are others than on one, equally drawn."""

    def __init__(self, source: ClipSource, share: Share, device: torch.device) -> None:
        self.source = source
        self.share = share
        self.device = device

    def __getitem__(self, step: int) -> ClipBatch:
        return self.source.train_batch(self.share.batch_size, self.share.index(step), self.device)


class ValidationBatches(Dataset[tuple[str, ClipBatch]]):
    """This process's share of all validation sets, each batch with the name of its set."""

    def __init__(self, source: ClipSource, share: Share, device: torch.device) -> None:
        self.source = source
        self.share = share
        self.device = device
        # A single process takes the rest as a batch that is not full; many must all have as many batches.
        rest = share.batch_size - 1 if share.n_processes == 1 else 0
        n_steps = (source.validation_clips + rest) // (share.batch_size * share.n_processes)
        if n_steps == 0:
            raise SettingsError(
                f"A validation set of {source.validation_clips} clips is smaller than a batch; "
                f"{share.batch_size * share.n_processes} or more would work, or a smaller batch_size."
            )
        self._items = [(name, step) for name in source.validation_sets for step in range(n_steps)]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, item: int) -> tuple[str, ClipBatch]:
        name, step = self._items[item]
        size, index = self.share.batch_size, self.share.index(step)
        return name, self.source.validation_batch(name, size, index, self.device)


@dataclass(frozen=True, slots=True)
class Share:
    """One process's part of the batches.

    Attributes:
        batch_size: Clips of a step that fall to one process.
        rank: Number of this process.
        n_processes: How many there are.
    """

    batch_size: int
    rank: int
    n_processes: int

    def index(self, step: int) -> int:
        """Number of this process's batch in ``step``."""
        return step * self.n_processes + self.rank


class RoundSampler(Sampler[int]):
    """The steps of the round that begins where the trainer is."""

    def __init__(self, trainer: pl.Trainer, round_steps: int) -> None:
        self.trainer = trainer
        self.round_steps = round_steps

    def __iter__(self) -> Iterator[int]:
        start = self.trainer.global_step
        return iter(range(start, start + self.round_steps))

    def __len__(self) -> int:
        return self.round_steps


class PulseDataModule(pl.LightningDataModule):
    """Loaders of a source's batches, for one process of a run.

    Args:
        source: Where clips come from.
        batch_size: Clips a step, over all processes.
        round_steps: Steps of a round, which is an epoch to Lightning.
        workers: Processes that make clips; 0 makes them here, on the training device.
    """

    def __init__(self, source: ClipSource, batch_size: int, round_steps: int, workers: int) -> None:
        super().__init__()
        self.source = source
        self.batch_size = batch_size
        self.round_steps = round_steps
        self.workers = workers

    def train_dataloader(self) -> DataLoader[ClipBatch]:
        """Loader of the next round, and the next, and so on."""
        return DataLoader(
            TrainingBatches(self.source, self._share(), self._device()),
            batch_size=None,
            sampler=RoundSampler(self._trainer(), self.round_steps),
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=self._pins(),
        )

    def val_dataloader(self) -> DataLoader[tuple[str, ClipBatch]]:
        """Loader of all validation sets."""
        return DataLoader(
            ValidationBatches(self.source, self._share(), self._device()),
            batch_size=None,
            num_workers=self.workers,
            pin_memory=self._pins(),
        )

    def _trainer(self) -> pl.Trainer:
        assert self.trainer is not None
        return self.trainer

    def _share(self) -> Share:
        trainer = self._trainer()
        if self.batch_size % trainer.world_size:
            raise SettingsError(
                f"A batch of {self.batch_size} clips cannot be shared by {trainer.world_size} devices; "
                f"{trainer.world_size * max(1, self.batch_size // trainer.world_size)} would work."
            )
        return Share(self.batch_size // trainer.world_size, trainer.global_rank, trainer.world_size)

    def _device(self) -> torch.device:
        return torch.device("cpu") if self.workers else self._trainer().strategy.root_device

    def _pins(self) -> bool:
        return self.workers > 0 and self._trainer().strategy.root_device.type == "cuda"
