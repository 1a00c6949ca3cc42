"""Training steps of several phases: losses that move different parts of a network, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor, nn

from rfacenet.training.target import Loss, Target


class Phase(NamedTuple):
    """A loss and what it moves.

    Attributes:
        learners: The parts of the network that it moves.
        learn: From normalised clips, and what they should give, to the loss and the network's output, which
            is None where the phase does not ask for it.
    """

    learners: Sequence[nn.Module]
    learn: Callable[[Tensor, Target], tuple[Loss, Any]]


class AlternatingObjective(nn.Module):
    """An objective of several phases; a training step goes through all of them with one batch."""

    def phases(self, network: nn.Module) -> tuple[Phase, ...]:
        """The phases in their order."""
        raise NotImplementedError


def phases_of(network: nn.Module, objective: nn.Module) -> tuple[Phase, ...]:
    """The phases of a training step; of most objectives one, which moves the whole network."""
    if isinstance(objective, AlternatingObjective):
        return objective.phases(network)

    def learn(clip: Tensor, target: Target) -> tuple[Loss, Any]:
        output = network(clip)
        return objective(output, target), output

    return (Phase((network,), learn),)


@contextmanager
def only_learning(network: nn.Module, learners: Sequence[nn.Module]) -> Iterator[None]:
    """Within it, only these parts of the network get a gradient, and so only they are moved."""
    moved = {parameter for learner in learners for parameter in learner.parameters()}
    frozen = [p for p in network.parameters() if p.requires_grad and p not in moved]
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)
