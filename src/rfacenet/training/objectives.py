"""Which loss belongs to which network: the one place that says it.

A new network that gives the pulse wave alone needs one line in ``_OBJECTIVES``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from torch import Tensor, nn

from rfacenet.losses import (
    MultiTaskLoss,
    negative_pearson,
    periodicity,
    rate_cross_entropy,
    rate_divergence,
    rate_log_probability,
    squared_error,
)
from rfacenet.models import PhysFormerPlusPlusOutput, RFaceNet, RFaceNetOutput, RhythmNetOutput
from rfacenet.models.inputs import bvp_of
from rfacenet.models.rates import UNIT_FRAMES
from rfacenet.models.registry import describe
from rfacenet.training.config import LossConfig
from rfacenet.training.cross_verified import CrossVerifiedObjective
from rfacenet.training.dual_gan import DualGANObjective
from rfacenet.training.target import Loss, Target


class WaveObjective(nn.Module):
    """Negative Pearson correlation, for networks that give the pulse wave alone."""

    def __init__(self, network: nn.Module, config: LossConfig) -> None:
        super().__init__()

    def forward(self, output: Tensor, target: Target) -> Loss:
        """Loss of one batch; ``output`` is ``(B, T)``."""
        loss = negative_pearson(output, target.bvp)
        return Loss(loss, {"bvp": loss.detach()})


class MseObjective(nn.Module):
    """Mean squared error, for networks that give the pulse wave at a scale of their own."""

    def __init__(self, network: nn.Module, config: LossConfig) -> None:
        super().__init__()

    def forward(self, output: Tensor, target: Target) -> Loss:
        """Loss of one batch; ``output`` is ``(B, T)``."""
        loss = squared_error(output, target.bvp)
        return Loss(loss, {"bvp": loss.detach()})


class TimeFrequencyObjective(nn.Module):
    """λ times the negative Pearson correlation, plus the cross entropy of the wave's power spectrum.

    The true heart rate is the target wave's own. Of differences, both rates are read off their sums.

    Source: Yu et al., "AutoHR", IEEE SPL 2020: λ · L_time + L_fre.
    Differs: no value of λ was found; 0.2 is a choice.
    """

    WAVE_WEIGHT = 0.2

    def __init__(self, network: nn.Module, config: LossConfig) -> None:
        super().__init__()

    def forward(self, output: Tensor, target: Target) -> Loss:
        """Loss of one batch; ``output`` is ``(B, T)``."""
        rate_bpm = target.rate_bpm
        log_probability = rate_log_probability(target.wave(output), target.fs_hz)
        rate = rate_cross_entropy(log_probability, rate_bpm)
        bvp = negative_pearson(output, target.bvp)
        return Loss(self.WAVE_WEIGHT * bvp + rate, {"bvp": bvp.detach(), "rate": rate.detach()})


class RFaceNetObjective(nn.Module):
    """Eq. 4, without the identity term where the network has no classifier (rows of Table 3)."""

    def __init__(self, network: nn.Module, config: LossConfig) -> None:
        super().__init__()
        classifies = cast(RFaceNet, network).identity_classifier is not None
        self.multi_task = MultiTaskLoss(
            [term for term in config.terms if classifies or term != "identity"], config.hr_gradient
        )

    def forward(self, output: RFaceNetOutput, target: Target) -> Loss:
        """Loss of one batch, with α, β and the identification accuracy ``id_acc`` for the log."""
        total, parts = self.multi_task(
            output.bvp,
            target.bvp,
            target.fs_hz,
            output.identity_logits,
            target.identity,
            differences=target.differences,
        )
        if output.identity_logits is not None:
            parts["id_acc"] = (output.identity_logits.argmax(1) == target.identity).float().mean()
        for name, weight in (("alpha", output.alpha), ("beta", output.beta)):
            if weight is not None:
                parts[name] = weight.detach()
        return Loss(total, parts)


class CurriculumObjective(nn.Module):
    """First the wave, then more and more its heart rate: a · wave + b · (cross entropy + divergence).

    ``wave`` is the negative Pearson correlation, a = 0.1; the other two compare the wave's distribution over
    heart rates with the target's rate, and b grows from 1 to 5 as 5 to the power of the run's progress.

    Source: Yu et al., "PhysFormer", CVPR 2022 (label distribution, curriculum); a and b as in its authors'
        code.
    Differs: the true rate is that of the target wave in the clip. The distribution is the spectrum's shares
        themselves; the authors' code takes a Hann window first, and a softmax of the shares after, which
        leaves them nearly alike.
    """

    def __init__(self, network: nn.Module, config: LossConfig) -> None:
        super().__init__()

    def forward(self, output: Any, target: Target) -> Loss:
        """Loss of one batch; the network's wave is ``(B, T)``."""
        bvp = bvp_of(output)
        rate_bpm = target.rate_bpm
        log_probability = rate_log_probability(target.wave(bvp), target.fs_hz)
        parts = {
            "bvp": negative_pearson(bvp, target.bvp),
            "rate": rate_cross_entropy(log_probability, rate_bpm),
            "divergence": rate_divergence(log_probability, rate_bpm),
        }
        total = 0.1 * parts["bvp"] + 5**target.progress * (parts["rate"] + parts["divergence"])
        return Loss(total, {name: part.detach() for name, part in parts.items()})


class PeriodicCurriculumObjective(CurriculumObjective):
    """The same, and attention should follow the beats.

    Source: Yu et al., "PhysFormer++", IJCV 2023, has periodic attention.
    Differs: how it is taught is not known to us; here by the negative Pearson correlation of attention
        between time steps with the true wave's ``periodicity``, which counts as much as the wave's own.
    """

    def forward(self, output: PhysFormerPlusPlusOutput, target: Target) -> Loss:
        """Loss of one batch."""
        loss = super().forward(output, target)
        true = periodicity(target.wave(target.bvp), target.fs_hz, output.periodicity.shape[1])
        part = negative_pearson(output.periodicity.flatten(1), true.flatten(1))
        return Loss(loss.total + 0.1 * part, {**loss.parts, "periodicity": part.detach()})


class RateObjective(nn.Module):
    """Mean absolute error, in beats per 300 frames, for networks that give heart rates alone.

    Source: Niu et al., "RhythmNet", IEEE TIP 2020, Sec. III-C: the rate is taken relative to the frame rate.
    """

    def __init__(self, network: nn.Module, config: LossConfig) -> None:
        super().__init__()

    def forward(self, output: Any, target: Target) -> Loss:
        """Loss of one batch; each part of a clip should have the clip's rate."""
        loss = self.error(output.beats_per_frame, target)
        return Loss(loss, {"rate": loss.detach()})

    @staticmethod
    def error(beats_per_frame: Tensor, target: Target) -> Tensor:
        """How far rates ``(B, K)`` are off, in the mean."""
        true = target.rate_bpm / 60 / target.fs_hz
        return UNIT_FRAMES * (beats_per_frame - true[:, None]).abs().mean()


class RhythmNetObjective(RateObjective):
    """The same for rates with and without the recurrent unit, and consecutive clips' rates should be alike.

    L = L1 + λ · smoothness; smoothness is how far the recurrent unit's rates of one map are from their mean,
    in the mean. λ is the settings' ``loss.smoothness``. On made maps, 490 steps with the published 100 left
    the recurrent unit's rates close to where they began, and 160 with 1 came within 5 bpm.

    Source: Niu et al., "RhythmNet", IEEE TIP 2020, Eq. 4 to 6.
    Differs: L1 is the sum of both heads', so that the first has a teacher.
    """

    def __init__(self, network: nn.Module, config: LossConfig) -> None:
        super().__init__(network, config)
        self.smoothness = config.smoothness

    def forward(self, output: RhythmNetOutput, target: Target) -> Loss:
        """Loss of one batch, of an output in training."""
        assert output.alone is not None
        rates = output.beats_per_frame
        parts = {
            "rate": self.error(rates, target),
            "rate_alone": self.error(output.alone, target),
            "roughness": UNIT_FRAMES * (rates - rates.mean(1, keepdim=True)).abs().mean(),
        }
        total = parts["rate"] + parts["rate_alone"] + self.smoothness * parts["roughness"]
        return Loss(total, {name: part.detach() for name, part in parts.items()})


_OBJECTIVES: dict[str, Callable[[nn.Module, LossConfig], nn.Module]] = {
    "cvd": CrossVerifiedObjective,
    "deepphys": MseObjective,
    "dualgan": DualGANObjective,
    "efficientphys": MseObjective,
    "physformer": CurriculumObjective,
    "physformerpp": PeriodicCurriculumObjective,
    "autohr": TimeFrequencyObjective,
    "nashr": RateObjective,
    "i3d": WaveObjective,
    "physnet": WaveObjective,
    "rfacenet": RFaceNetObjective,
    "rhythmnet": RhythmNetObjective,
    "stattention": RateObjective,
    "tscan": MseObjective,
}


def objective_of(network: nn.Module, config: LossConfig) -> nn.Module:
    """What a network is trained with; ``phases_of`` says how."""
    return _OBJECTIVES[describe(network)[0]](network, config)
