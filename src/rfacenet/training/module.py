"""The one Lightning module: any network, its objective, and how its weights move."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from rfacenet.errors import RfacenetError
from rfacenet.losses import negative_pearson
from rfacenet.models import PulseModel
from rfacenet.models.inputs import bvp_of
from rfacenet.models.registry import build_for, settings_of
from rfacenet.simulation.draws import seed_of
from rfacenet.training.alternating import only_learning, phases_of
from rfacenet.training.augmentation import augmentation_of
from rfacenet.training.batch import ClipBatch
from rfacenet.training.config import TrainConfig
from rfacenet.training.objectives import objective_of
from rfacenet.training.target import Loss, Target


class TrainingError(RfacenetError):
    """Training went wrong in a way that going on would not mend."""


def build_model(config: TrainConfig, n_people: int) -> PulseModel:
    """The network of a run with its input, with fresh weights that depend on the seed alone.

    Args:
        config: The run.
        n_people: People to train on: the classes of a network that has ``n_identities``.

    Raises:
        SettingsError: There is no such network, its configuration does not fit, or it cannot take the input.
    """
    settings = dict(config.networks.get(config.network, {}))
    if "n_identities" in settings_of(config.network) and "identity" in config.loss.terms:
        settings.setdefault("n_identities", n_people)
    torch.manual_seed(config.seed)
    return build_for(config.network, config.input, **settings)


class TrainingModule(pl.LightningModule):
    """Trains any network of the registry.

    A training step takes one batch through all phases of the objective, of which most have one. To Lightning
    it is one step of one optimiser, so that steps, schedule and checkpoints know nothing of phases; the
    optimiser leaves alone what got no gradient, which is all that a phase does not move.

    Args:
        model: Network and input.
        config: The run.
        steps: Length of the run; the learning rate follows from it.

    Attributes:
        phases: The phases of a training step.
        values: What the last training step came to: ``loss``, summed over the phases, its parts and
            ``mae_bpm``.
    """

    def __init__(self, model: PulseModel, config: TrainConfig, steps: int) -> None:
        super().__init__()
        self.model = model
        self.objective = objective_of(model.network, config.loss)
        self.phases = phases_of(model.network, self.objective)
        self.values: dict[str, Tensor] = {}
        self._phase = self.phases[0]
        self.augment = augmentation_of(model.network)
        self.config = config
        self.steps = steps
        _lay_out_for_speed(model.network)
        averages = config.optimiser.average_decay is not None
        self.average = deepcopy(model.network).requires_grad_(False) if averages else None

    def trained_model(self) -> PulseModel:
        """The model to validate and to keep: the average, where there is one."""
        return PulseModel(self.model.network if self.average is None else self.average, self.model.input_spec)

    def on_train_batch_start(self, batch: ClipBatch, batch_idx: int) -> None:
        """Tie a step's random numbers to its number, so that a resumed run draws the same ones."""
        torch.manual_seed(seed_of("step", self.config.seed, self.global_step, self.global_rank))

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None
    ) -> None:
        """One training step: the closure, which calls ``training_step``, once for each phase."""
        self.values = {}
        for phase in self.phases:
            self._phase = phase
            with only_learning(self.model.network, phase.learners):
                optimizer.step(closure=optimizer_closure)

    def training_step(self, batch: ClipBatch, batch_index: int) -> Tensor:
        """Loss of a batch in the present phase.

        Raises:
            TrainingError: The loss is no finite number; the message names the step and the part.
        """
        clip, target = self.augment(self._clip(batch), self._target(batch))
        target = target._replace(progress=self.global_step / self.steps)
        loss, output = self._phase.learn(clip, target)
        _check_finite(loss, self.global_step)
        total = loss.total.detach()
        self.values |= {"loss": self.values.get("loss", 0) + total, **loss.parts}
        if output is not None:
            self.values["mae_bpm"] = self._error_bpm(output, target)
        if self._phase is self.phases[-1]:
            size = len(batch.bvp)
            self.log_dict(self.values, on_step=False, on_epoch=True, sync_dist=True, batch_size=size)
        return loss.total

    def on_train_batch_end(self, outputs: Any, batch: ClipBatch, batch_idx: int) -> None:
        """Move the average of the weights."""
        decay = self.config.optimiser.average_decay
        if self.average is not None and decay is not None:
            # Early on the weights move fast, and an average that remembered their start would lag behind.
            share = 1 - min(decay, (1 + self.global_step) / (10 + self.global_step))
            _move_towards(self.average, self.model.network, share)

    def validation_step(self, batch: tuple[str, ClipBatch], batch_index: int) -> None:
        """Error of the heart rate, and correlation of a wave if any, of the validation set that is named."""
        name, clips = batch
        target = self._target(clips)
        output = self.trained_model().network(self._clip(clips))
        values = {f"val_{name}_mae_bpm": self._error_bpm(output, target)}
        if not self.model.gives_rate:
            values[f"val_{name}_pearson"] = 1 - negative_pearson(bvp_of(output), target.bvp)
        self.log_dict(values, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(clips.bvp))

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: Any = None
    ) -> None:
        """Clip the network's gradient, not that of the loss's σ.

        Losses have long tails. A σ that does not feel its outliers settles where the usual batch has it, and
        then the outliers' weight is many times what Eq. 4 gives them.
        """
        if self.config.optimiser.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optimiser.clip_norm)

    def configure_optimizers(self) -> Any:
        """The optimiser, and its schedule by the share of the steps that are done."""
        config = self.config.optimiser
        groups: list[dict[str, Any]] = [
            {"params": list(self.model.parameters()), "weight_decay": config.weight_decay}
        ]
        if sigmas := list(self.objective.parameters()):
            groups.append({"params": sigmas, "weight_decay": 0.0})
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.name]
        optimiser = kind(groups, lr=config.learning_rate)
        if config.schedule == "constant":
            return optimiser
        # The schedule divides by the steps of its rise less one: a very short run rises for two.
        warmup = max(config.warmup, 2 / self.steps) if self.steps > 2 else config.warmup
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, config.learning_rate, total_steps=self.steps, pct_start=warmup
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _clip(self, batch: ClipBatch) -> Tensor:
        clip: Tensor = self.model.normalise(batch.frames)
        return clip.contiguous(memory_format=torch.channels_last_3d)

    def _target(self, batch: ClipBatch) -> Target:
        differences = self.model.input_spec.label_form == "difference"
        bvp = _differences(batch.bvp) if differences else batch.bvp
        return Target(bvp, batch.fs_hz, batch.identity, differences)

    def _error_bpm(self, output: Any, target: Target) -> Tensor:
        """Mean absolute error of the heart rates, a wave's being read off its spectrum (Eq. 3)."""
        return (target.rate_bpm_in(output, self.model.gives_rate) - target.rate_bpm).abs().mean()


def _check_finite(loss: Loss, step: int) -> None:
    if bool(torch.isfinite(loss.total)):
        return
    bad = [name for name, value in loss.parts.items() if not torch.isfinite(value)]
    raise TrainingError(
        f"The loss is no finite number any more at step {step} ({', '.join(bad) or 'total'}); "
        "a lower optimiser.learning_rate or an optimiser.clip_norm may help."
    )


def _differences(wave: Tensor) -> Tensor:
    """Wave ``(B, T)`` to next value minus this; the last has no next and is 0, as in ``DiffNormalized``."""
    return nn.functional.pad(wave.diff(dim=1), (0, 1))


def _lay_out_for_speed(network: nn.Module) -> None:
    """Put channels last in memory, which 3D convolutions run a quarter faster on (measured on a CPU)."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # its stub lacks it


@torch.no_grad()
def _move_towards(average: nn.Module, network: nn.Module, share: float) -> None:
    """Move every weight and running statistic of ``average`` by ``share`` of the way to the network's."""
    current = network.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(current[name], share)
        else:
            value.copy_(current[name])
