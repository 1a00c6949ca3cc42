"""What Dual-GAN is trained with."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from rfacenet.losses import negative_pearson, rate_cross_entropy, rate_log_probability, standardise
from rfacenet.models import DualGAN
from rfacenet.models.dual_gan import picture_of
from rfacenet.models.statistics import without_remembering
from rfacenet.training.alternating import AlternatingObjective, Phase
from rfacenet.training.config import LossConfig
from rfacenet.training.target import Loss, Target


class DualGANObjective(AlternatingObjective):
    """Four phases: estimator; generator of clean maps; estimator and generator of noise; discriminator.

    The estimator learns the wave, its spectrum and its beats. The generator of clean maps learns to make
    those that the estimator reads the wave from again. Then estimator and generator of noise learn to deceive
    the discriminator, by estimated waves of real maps, and by true waves beside a clean map with noise; and
    the discriminator learns to tell both from true waves beside their real maps.

    Source: Lu, Han, Zhou, "Dual-GAN", CVPR 2021.
    Differs: the weights λ of the estimator's three terms are not legible; 1 each, with heart rates as beats
        in the clip. The true rate is that of the target wave in the clip. Ours are the binary cross entropy
        as the adversarial loss, waves at zero mean and unit deviation for generator and discriminator, and
        moments of the optimiser that the estimator's two phases share.
    """

    def __init__(self, network: nn.Module, config: LossConfig) -> None:
        super().__init__()

    def phases(self, network: nn.Module) -> tuple[Phase, ...]:
        """The phases of a training step."""
        gan = cast(DualGAN, network)
        return (
            Phase((gan.estimator,), partial(_estimate, gan)),
            Phase((gan.pulse_generator,), partial(_show, gan)),
            Phase((gan.estimator, gan.noise_generator), partial(_deceive, gan)),
            Phase((gan.discriminator,), partial(_tell_apart, gan)),
        )


def _estimate(gan: DualGAN, clip: Tensor, target: Target) -> tuple[Loss, Any]:
    output = gan(clip)
    rate_bpm, frames = target.rate_bpm, target.bvp.shape[1]
    log_probability = rate_log_probability(target.wave(output.bvp), target.fs_hz)
    true_beats = frames * rate_bpm / 60 / target.fs_hz
    parts = {
        "bvp": negative_pearson(output.bvp, target.bvp),
        "rate": rate_cross_entropy(log_probability, rate_bpm),
        "beats": (frames * output.beats_per_frame - true_beats[:, None]).abs().mean(),
    }
    total = parts["bvp"] + parts["rate"] + parts["beats"]
    return Loss(total, {name: part.detach() for name, part in parts.items()}), output


def _show(gan: DualGAN, clip: Tensor, target: Target) -> tuple[Loss, Any]:
    wave = standardise(target.bvp)
    with without_remembering(gan.estimator):  # which has to know real maps
        loss = negative_pearson(gan.estimator(gan.pulse_generator(wave)).bvp, wave)
    return Loss(loss, {"cycle": loss.detach()}), None


def _deceive(gan: DualGAN, clip: Tensor, target: Target) -> tuple[Loss, Any]:
    losses = [_cross_entropy(logit, 1.0) for logit in _judge_made(gan, clip, target)]
    loss = torch.stack(losses).sum()
    return Loss(loss, {"deceive": loss.detach()}), None


def _tell_apart(gan: DualGAN, clip: Tensor, target: Target) -> tuple[Loss, Any]:
    real = gan.discriminator(picture_of(clip), standardise(target.bvp))
    losses = [_cross_entropy(real, 1.0)]
    losses += [0.5 * _cross_entropy(logit, 0.0) for logit in _judge_made(gan, clip, target)]
    loss = torch.stack(losses).sum()
    return Loss(loss, {"tell_apart": loss.detach()}), None


def _judge_made(gan: DualGAN, clip: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """How real an estimated wave looks beside its map, and a made map beside its wave."""
    picture, wave = picture_of(clip), standardise(target.bvp)
    estimated = standardise(gan.estimator(picture).bvp)
    noise = gan.noise_generator.draw(len(clip), clip.shape[2], clip.device)
    made = gan.pulse_generator(wave) + noise
    return gan.discriminator(picture, estimated), gan.discriminator(made, wave)


def _cross_entropy(logit: Tensor, real: float) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(logit, torch.full_like(logit, real))
