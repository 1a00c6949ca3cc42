"""What happens beside the training itself: keeping its results, showing its progress, taking its time."""

from __future__ import annotations

import csv
import io
import logging
import math
import os
import sys
import time
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from rfacenet.errors import OutputError, WeightsError
from rfacenet.files import whole_file
from rfacenet.models import save_model
from rfacenet.output.files import write_text
from rfacenet.training.folder import RunFolder
from rfacenet.training.module import TrainingError, TrainingModule

_LOG = logging.getLogger("rfacenet.training")


class SafeCheckpoints(TorchCheckpointIO):
    """Checkpoints that replace the one before only when they are whole and on the disk.

    Lightning writes to the temporary folder and moves, which is a copy where that is another disk: one that
    is full then costs both checkpoints.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            OutputError: It cannot be written; the one before is untouched.
        """
        path = Path(path)
        try:
            with whole_file(path) as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError) as error:  # torch's writer wraps a full disk in a RuntimeError
            raise OutputError(
                f"The checkpoint cannot be written to {path}; the one before it is kept, and the same "
                "command goes on from it once there is room."
            ) from error

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint.

        Raises:
            WeightsError: It is damaged.
        """
        try:
            return super().load_checkpoint(path, map_location, weights_only)
        except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
            raise WeightsError(
                f"The checkpoint {path} is cut off or damaged; delete it to start the run anew."
            ) from error


class RunKeeper(pl.Callback):
    """After every round: the curves, the best weights and the checkpoint.

    Attributes:
        rows: Step, learning rate and the mean of every logged value, one row a round.
        elapsed_s: Time spent on the run, over all its sessions.
    """

    def __init__(self, folder: RunFolder, licence: str, provenance: str) -> None:
        self.folder = folder
        self.licence = licence
        self.provenance = provenance
        self.rows: list[dict[str, float]] = []
        self.elapsed_s = 0.0
        self._resumed_at_s = time.monotonic()

    @property
    def best(self) -> dict[str, float]:
        """The row of the best round: that of the highest correlation with the reference wave.

        The error in beats per minute is what counts in the end, but it jumps where a clip's second harmonic
        wins, and rounds close to each other cannot be told apart by it. It decides where there is no wave.

        Differs: rPPG-Toolbox, whose settings Sec. 4.2 takes over, keeps PhysNet's last epoch unseen.
        """
        return max(self.rows, key=_merit)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock of this session."""
        self._resumed_at_s = time.monotonic() - self.elapsed_s

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the round.

        Raises:
            OutputError: A file cannot be written; what was kept before is untouched.
            TrainingError: The network answers with something that is no number.
        """
        assert isinstance(pl_module, TrainingModule)
        self.rows.append(_row(trainer))
        self.elapsed_s = time.monotonic() - self._resumed_at_s
        if not math.isfinite(_merit(self.rows[-1])):
            raise TrainingError(
                f"At step {trainer.global_step} the network's answers are no numbers any more; a lower "
                "optimiser.learning_rate or an optimiser.clip_norm may help."
            )
        if trainer.is_global_zero:
            write_text(self.folder.metrics, _as_csv(self.rows))
            if self.best is self.rows[-1]:
                model = pl_module.trained_model()
                save_model(self.folder.weights, model, licence=self.licence, provenance=self.provenance)
            _LOG.info(_as_line(self.rows[-1]))
        trainer.save_checkpoint(self.folder.checkpoint)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to keep the same curves."""
        return {"rows": self.rows, "elapsed_s": self.elapsed_s}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` gave."""
        self.rows, self.elapsed_s = state_dict["rows"], state_dict["elapsed_s"]


class RunProgress(pl.Callback):
    """A bar along the whole run, with running means of loss, heart-rate error and identification accuracy."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self._bar: Any = None
        self._means: dict[str, float] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the bar, for people only: not where standard error is a file."""
        from tqdm import tqdm

        hidden = not (trainer.is_global_zero and sys.stderr.isatty())
        self._bar = tqdm(
            total=self.steps, initial=trainer.global_step, unit=" steps", disable=hidden, dynamic_ncols=True
        )

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar."""
        if self._bar.disable:
            return
        assert isinstance(pl_module, TrainingModule)
        for name in ("loss", "mae_bpm", "id_acc"):
            if name in pl_module.values:
                value = float(pl_module.values[name])
                self._means[name] = 0.98 * self._means.get(name, value) + 0.02 * value
        self._bar.set_postfix({name: f"{mean:.3g}" for name, mean in self._means.items()}, refresh=False)
        self._bar.update(1)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Close the bar before anybody says why."""
        self.teardown(trainer, pl_module, "fit")

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()


class Stopwatch(pl.Callback):
    """Times a few steps and one validation.

    Attributes:
        step_s: Time of a step, the first few not counted.
        validation_s: Time of the validation.
    """

    def __init__(self, skip: int) -> None:
        self.skip = skip
        self.step_s = 0.0
        self.validation_s = 0.0
        self._start_s = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at the clock; ``outputs`` holds a loss that was waited for, so a GPU is not ahead of it."""
        if batch_idx + 1 == self.skip:
            self._start_s = time.monotonic()
        elif batch_idx + 1 > self.skip:
            self.step_s = (time.monotonic() - self._start_s) / (batch_idx + 1 - self.skip)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look at the clock."""
        self._start_s = time.monotonic()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look at the clock."""
        self.validation_s = time.monotonic() - self._start_s


def _merit(row: dict[str, float]) -> float:
    """How good a round is, by validation: correlation of waves, or less error where there are only rates."""
    return row["val_pearson"] if "val_pearson" in row else -row["val_mae_bpm"]


def _row(trainer: pl.Trainer) -> dict[str, float]:
    values = {name: float(value) for name, value in trainer.callback_metrics.items()}
    for metric in ("mae_bpm", "pearson"):
        parts = [v for name, v in values.items() if name.startswith("val_") and name.endswith(f"_{metric}")]
        if parts:
            values[f"val_{metric}"] = sum(parts) / len(parts)
    learning_rate = float(trainer.optimizers[0].param_groups[0]["lr"])
    rounded = {name: float(f"{values[name]:.6g}") for name in sorted(values, key=_validation_last)}
    return {"step": trainer.global_step, "learning_rate": learning_rate, **rounded}


def _validation_last(name: str) -> bool:
    return name.startswith("val_")


def _as_csv(rows: list[dict[str, float]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _as_line(row: dict[str, float]) -> str:
    shown = ("loss", "mae_bpm", "id_acc", "val_mae_bpm", "val_pearson")
    values = "  ".join(f"{name} {row[name]:.3f}" for name in shown if name in row)
    return f"step {row['step']:.0f}  {values}"
