"""What CVD is trained with."""

from __future__ import annotations

from torch import Tensor, nn

from rfacenet.losses import negative_pearson, rate_cross_entropy, rate_log_probability
from rfacenet.models import CVDOutput
from rfacenet.training.config import LossConfig
from rfacenet.training.target import Loss, Target

RATES_BPM = range(40, 151)


class CrossVerifiedObjective(nn.Module):
    """Wave and heart rate, of maps and of pseudo maps, and features that survive a swap of noise.

    Heart rates are compared as beats in the clip.

    Source: Niu et al., "CVD", ECCV 2020, Sec. 3.3; weights and beats as in its authors' code.
    Differs: the true rate is that of the target wave in the clip. A pseudo map's rate is held against the
        true one. Distances of maps and of features are sums over a map's values, as only so their weights
        are of use.
    """

    DECODED_WEIGHT = 2.5e-6
    FEATURES_WEIGHT = 5e-6
    WAVE_WEIGHT = 0.02

    def __init__(self, network: nn.Module, config: LossConfig) -> None:
        super().__init__()

    def forward(self, output: CVDOutput, target: Target) -> Loss:
        """Loss of one batch."""
        rate_bpm, frames = target.rate_bpm, target.bvp.shape[1]
        log_probability = rate_log_probability(target.wave(output.bvp), target.fs_hz, RATES_BPM)
        beats_per_frame = rate_bpm / 60 / target.fs_hz
        parts = {
            "bvp": negative_pearson(output.bvp, target.bvp),
            "rate": rate_cross_entropy(log_probability, rate_bpm, RATES_BPM),
            "beats": frames * _mean_distance(output.beats_per_frame, beats_per_frame[:, None]),
            "pseudo_beats": frames * _mean_distance(output.pseudo_beats_per_frame, beats_per_frame[:, None]),
            "decoded": _distance(output.decoded, output.picture),
            "pulse": _distance(output.pseudo_pulse, output.pulse),
            "noise": _distance(output.pseudo_noise, output.noise),
        }
        total = (
            self.WAVE_WEIGHT * parts["bvp"]
            + parts["rate"]
            + parts["beats"]
            + parts["pseudo_beats"]
            + self.DECODED_WEIGHT * parts["decoded"]
            + self.FEATURES_WEIGHT * (parts["pulse"] + parts["noise"])
        )
        return Loss(total, {name: part.detach() for name, part in parts.items()})


def _mean_distance(found: Tensor | None, wanted: Tensor) -> Tensor:
    """Mean absolute difference."""
    assert found is not None, "only a network in training gives all that its loss needs"
    return (found - wanted).abs().mean()


def _distance(found: Tensor | None, wanted: Tensor | None) -> Tensor:
    """Sum of absolute differences over all but the batch, whose mean is taken."""
    assert found is not None and wanted is not None, "only a network in training gives these"
    return (found - wanted).abs().sum((1, 2, 3)).mean()
