"""Which loss belongs to which network: the one place that says it.

A new network that gives the pulse wave alone needs one line in ``_OBJECTIVES``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from torch import Tensor, nn

from rfacenet.losses import MultiTaskLoss, negative_pearson, squared_error
from rfacenet.models import RFaceNet, RFaceNetOutput
from rfacenet.models.registry import describe
from rfacenet.training.config import LossConfig


class Target(NamedTuple):
    """What a network should have answered.

    Attributes:
        bvp: Pulse wave ``(B, T)``, or its difference where ``differences``.
        fs_hz: Frame rates ``(B,)``.
        identity: Class of each person, ``(B,)``.
        differences: Whether ``bvp`` and the network's wave are frame-to-frame differences.
        progress: Share of the run that is done, for losses that change on the way.
    """

    bvp: Tensor
    fs_hz: Tensor
    identity: Tensor
    differences: bool
    progress: float = 0.0


class Loss(NamedTuple):
    """What an objective comes to.

    Attributes:
        total: Scalar to minimise.
        parts: Further scalars for the log, without gradient.
    """

    total: Tensor
    parts: dict[str, Tensor]


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


_OBJECTIVES: dict[str, Callable[[nn.Module, LossConfig], nn.Module]] = {
    "deepphys": MseObjective,
    "efficientphys": MseObjective,
    "physnet": WaveObjective,
    "rfacenet": RFaceNetObjective,
    "tscan": MseObjective,
}


def objective_of(network: nn.Module, config: LossConfig) -> nn.Module:
    """What a network is trained with: called with its output and a ``Target``, it gives a ``Loss``."""
    return _OBJECTIVES[describe(network)[0]](network, config)


def bvp_of(output: Any) -> Tensor:
    """The pulse wave ``(B, T)`` in a network's output."""
    bvp: Tensor = output if isinstance(output, Tensor) else output.bvp
    return bvp
