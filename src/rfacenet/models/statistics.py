"""Running statistics of batch norms, and what should not move them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def without_remembering(network: nn.Module) -> Iterator[None]:
    """Within it, batch norms use a batch's own statistics but don't remember them.

    For inputs that a network sees in training alone, such as made-up ones: remembered, they would shift what
    it answers to real ones.
    """
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)
    norms = [module for module in network.modules() if isinstance(module, kinds)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
