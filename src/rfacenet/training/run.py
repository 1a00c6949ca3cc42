"""A training run from its settings to its weights, or from where it was stopped."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_only

from rfacenet import __version__
from rfacenet.errors import SettingsError
from rfacenet.output.files import write_text
from rfacenet.training.callbacks import RunKeeper, RunProgress, SafeCheckpoints, Stopwatch
from rfacenet.training.card import write_card_text
from rfacenet.training.config import TrainConfig
from rfacenet.training.data import ClipSource, PulseDataModule, check_people, open_source
from rfacenet.training.folder import Length, RunFolder
from rfacenet.training.module import TrainingModule, build_model

_LOG = logging.getLogger("rfacenet.training")

TRIAL_STEPS, TRIAL_SKIP = 30, 10
"""Steps that tell a machine's speed, and the first of them that don't count: a cold machine is slow."""

USABLE_SHARE = 0.9
"""Share of the time allowed that is planned for; the rest is for starting, saving and a busier machine."""


def train(config: TrainConfig, out: Path, source: ClipSource | None = None) -> Path:
    """Train a network, or go on with a run that was stopped; a finished run is left as it is.

    Under ``torchrun`` every process calls this, and ``out`` is a folder that all of them see.

    Args:
        config: All settings.
        out: Run folder; see ``RunFolder`` for what it holds.
        source: Where clips come from, if not from what the settings name.

    Returns:
        The weights of the best round, for ``rfacenet.models.load_model``.

    Raises:
        SettingsError: The settings cannot work, ``out`` holds another run, or people to validate on are
            trained on.
        OutputError: The folder cannot be written; the last good checkpoint is kept.
        TrainingError: The loss is no finite number any more.
        WeightsError: The checkpoint to go on from is damaged.
        KeyboardInterrupt: The user stopped it; the same call goes on with it.
    """
    folder = RunFolder(out)
    _on_first_process(folder.check, config)
    if folder.finished:
        _LOG.info("'%s' is finished already.", out)
        return folder.weights
    with _quiet_lightning(), _threads(config.threads):
        source = open_source(config) if source is None else source
        check_people(source)
        people = [*source.people, *source.validation_people]
        _on_first_process(folder.check_people, people)
        model = build_model(config, len(source.people))
        logger = _tensorboard(out) if config.tensorboard else False  # missing? told before any work is done
        length = folder.read_length() or _decide_length(config, source)
        _on_first_process(folder.create, config)
        _on_first_process(folder.begin_session, length, config, people)

        keeper = RunKeeper(folder, config.licence, _provenance(config, source, length))
        trainer = _trainer(config, length, logger, [keeper, RunProgress(length.steps)])
        _LOG.info("%s: %d steps of %d clips", config.network, length.steps, config.batch_size)
        if folder.checkpoint.exists():
            _LOG.info("going on with the run in '%s'", out)
        _fit(
            trainer,
            TrainingModule(model, config, length.steps),
            PulseDataModule(source, config.batch_size, length.round_steps, config.workers),
            folder.checkpoint if folder.checkpoint.exists() else None,
        )
        card = write_card_text(folder, config, source, length, keeper.best, keeper.elapsed_s)
        _on_first_process(write_text, folder.card, card)
    return folder.weights


def _decide_length(config: TrainConfig, source: ClipSource) -> Length:
    """The length that was asked for, or what of it fits into the time allowed."""
    steps = config.steps or max(1, config.epochs * source.epoch_clips // config.batch_size)
    length = Length.of_steps(steps, config.round_steps)
    if config.max_minutes is None:
        return length
    _LOG.info("measuring how long a step takes")
    stopwatch = Stopwatch(TRIAL_SKIP)
    trial = Length(1, TRIAL_STEPS)
    trainer = _trainer(config, trial, False, [stopwatch])
    module = TrainingModule(build_model(config, len(source.people)), config, trial.steps)
    _fit(trainer, module, PulseDataModule(source, config.batch_size, TRIAL_STEPS, config.workers), None)
    round_s = length.round_steps * stopwatch.step_s + stopwatch.validation_s
    # Every process has its own clock, and all must agree.
    rounds = trainer.strategy.broadcast(int(USABLE_SHARE * 60 * config.max_minutes / round_s))
    _LOG.info("a step takes %.3f s, a validation %.1f s", stopwatch.step_s, stopwatch.validation_s)
    if rounds == 0:
        raise SettingsError(
            f"Not even a round of {length.round_steps} steps fits into {config.max_minutes:g} minutes on "
            f"this machine; max_minutes: {round_s / 60 / USABLE_SHARE + 0.1:.1f} would work."
        )
    return Length(min(length.rounds, rounds), length.round_steps)


def _trainer(config: TrainConfig, length: Length, logger: Any, callbacks: list[pl.Callback]) -> pl.Trainer:
    """A trainer for as many devices as ``torchrun`` started processes, or for one."""
    n_processes = int(os.environ.get("WORLD_SIZE", "1"))
    per_node = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    on_gpu = config.accelerator != "cpu" and torch.cuda.is_available()
    if config.accelerator == "gpu" and not on_gpu:
        raise SettingsError("There is no GPU that torch can use here; accelerator: cpu would work.")
    return pl.Trainer(
        accelerator=config.accelerator,
        devices=per_node,
        num_nodes=n_processes // per_node,
        sync_batchnorm=on_gpu and n_processes > 1,  # a device's share of the batch may be one clip
        precision=config.precision,
        max_epochs=length.rounds,
        benchmark=on_gpu,
        use_distributed_sampler=False,  # ``Share`` does that
        num_sanity_val_steps=0,
        log_every_n_steps=length.round_steps,
        logger=logger,
        callbacks=callbacks,
        plugins=[SafeCheckpoints()],
        enable_checkpointing=False,  # RunKeeper does that
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _fit(trainer: pl.Trainer, module: TrainingModule, data: PulseDataModule, checkpoint: Path | None) -> None:
    if trainer.world_size > 1 and len(module.phases) > 1:  # processes agree on gradients of all or none
        raise SettingsError(
            f"{module.config.network} learns in phases that move a part of it each, and cannot be trained by "
            f"{trainer.world_size} processes; one would work."
        )
    try:
        trainer.fit(module, datamodule=data, ckpt_path=checkpoint)
    except SystemExit as error:
        if trainer.interrupted:  # Lightning's answer to Ctrl-C is to leave the program
            raise KeyboardInterrupt from error
        raise


def _tensorboard(folder: Path) -> Any:
    try:
        from pytorch_lightning.loggers import TensorBoardLogger

        return TensorBoardLogger(folder, name="", version="tensorboard")
    except ModuleNotFoundError as error:
        raise SettingsError(
            "TensorBoard curves need tensorboard: pip install 'rfacenet[tensorboard]'."
        ) from error


def _provenance(config: TrainConfig, source: ClipSource, length: Length) -> str:
    return (
        f"Trained by rfacenet {__version__} on {source.trained_on}: "
        f"{length.steps} steps of {config.batch_size} clips, seed {config.seed}."
    )


@rank_zero_only
def _on_first_process(do: Any, *arguments: Any) -> None:
    """Do what only one of many processes should."""
    do(*arguments)


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    """With this number of threads for torch's operators."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Without Lightning's banners and its hints that don't apply here."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
            warnings.filterwarnings("ignore", message=".*treespec.*")  # Lightning's own use of torch
            yield
    finally:
        logger.setLevel(level)
