"""The search for AutoHR's cell: all operations on all links at once, each with a share that is learned."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rfacenet.models.autohr import NODES, OPERATIONS, AutoHR, AutoHRConfig, Link, operation
from rfacenet.models.inputs import normaliser
from rfacenet.training.batch import ClipBatch
from rfacenet.training.config import TrainConfig
from rfacenet.training.data import Share, TrainingBatches, ValidationBatches, check_people, open_source
from rfacenet.training.objectives import TimeFrequencyObjective
from rfacenet.training.target import Target

LINKS = tuple((start, end) for end in range(1, NODES + 1) for start in range(end))
"""All that a cell can have, from lower to higher nodes."""

KEPT_LINKS = 2
"""Links to a node of the cell that is found, at most."""

_RATE, _DECAY = 1e-3, 5e-5
_SHARE_RATE, _SHARE_DECAY, _SHARE_BETAS = 2e-2, 1e-3, (0.5, 0.999)
_WARMUP = 0.2  # share of the search in which only operations learn: identity need not, and would win early


class Found(NamedTuple):
    """What a search comes to.

    Attributes:
        cell: For ``AutoHRConfig.cell``.
        shares: Of each link, the share of every operation, "zero" among them.
    """

    cell: tuple[Link, ...]
    shares: dict[tuple[int, int], dict[str, float]]


class MixedOperation(nn.Module):
    """All operations on one link, added up by their shares: what is left of 1 goes to "zero".

    Args:
        channels: Channels of the map.
        strengths: One number for each operation and "zero", whose softmax are the shares; the same for this
            link of every cell.

    Source: Liu, Simonyan, Yang, "DARTS", ICLR 2019, Eq. 2; batch norms without weights, which would undo the
        shares: its appendix A.
    """

    def __init__(self, channels: int, strengths: nn.Parameter) -> None:
        super().__init__()
        self.strengths = strengths
        self.operations = nn.ModuleList(operation(name, channels) for name in OPERATIONS)
        for module in self.operations.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.requires_grad_(False)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, channels, T, H, W)`` to one of the same shape."""
        shares = self.strengths.softmax(0)
        return torch.stack(
            [share * each(features) for share, each in zip(shares, self.operations, strict=False)]
        ).sum(0)


class SuperNetwork(nn.Module):
    """AutoHR with every operation on every link.

    Attributes:
        strengths: One vector a link of ``LINKS``, shared by all cells; see ``MixedOperation``.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.strengths = nn.ParameterList(torch.zeros(len(OPERATIONS) + 1) for _ in LINKS)
        self.network = AutoHR(AutoHRConfig(width), self._links)

    def _links(self, channels: int) -> list[tuple[int, int, nn.Module]]:
        return [
            (*link, MixedOperation(channels, strengths))
            for link, strengths in zip(LINKS, self.strengths, strict=True)
        ]

    def weights(self) -> list[nn.Parameter]:
        """All that is learned but the strengths."""
        architecture = set(self.strengths)
        return [one for one in self.parameters() if one.requires_grad and one not in architecture]

    def forward(self, clip: Tensor) -> Tensor:
        """Normalised frames ``(B, 3, T, H, W)`` to pulse wave ``(B, T)``."""
        wave: Tensor = self.network(clip)
        return wave

    def found(self) -> Found:
        """The cell of the strongest links so far."""
        names = (*OPERATIONS, "zero")
        shares = {
            link: dict(zip(names, strengths.detach().softmax(0).tolist(), strict=True))
            for link, strengths in zip(LINKS, self.strengths, strict=True)
        }
        return Found(strongest(shares), shares)


def strongest(shares: dict[tuple[int, int], dict[str, float]]) -> tuple[Link, ...]:
    """The cell that shares stand for: of each node, the two links whose best operations have most.

    Args:
        shares: Of each link, the share of every operation. "zero" is never kept, but what it has, the others
            lack.

    Source: Liu, Simonyan, Yang, "DARTS", ICLR 2019, Sec. 2.4; Yu et al., "AutoHR", IEEE SPL 2020.
    """
    best = {
        link: max((share, name) for name, share in of_link.items() if name != "zero")
        for link, of_link in shares.items()
    }
    cell: list[Link] = []
    for node in range(1, NODES + 1):
        to_node = sorted((link for link in best if link[1] == node), key=lambda link: -best[link][0])
        cell += [(*link, best[link][1]) for link in sorted(to_node[:KEPT_LINKS])]
    return tuple(cell)


def search(config: TrainConfig, width: int, steps: int, device: torch.device) -> Found:
    """Search a cell.

    In each step the operations learn from people to train on, and then, but for the first fifth of the
    search, the strengths from people to validate on. A bar shows the progress on a terminal.

    Args:
        config: Clips, batch size, precision and seed; same seed, same cell. Its network and its optimiser
            don't count, and the network's answer is always the wave.
        width: Of the network; see ``AutoHRConfig``.
        steps: Length of the search.
        device: Where to compute.

    Raises:
        SettingsError: The configuration gives no clips that the network takes.

    Source: Yu et al., "AutoHR", IEEE SPL 2020; Liu, Simonyan, Yang, "DARTS", ICLR 2019, Algorithm 1 in its
        first order.
    Differs: on simulated faces and far shorter, so with larger learning rates. All channels pass through all
        operations: to send a part of them (PC-DARTS) saves little on a CPU, whose kernels take 16 at once.
    """
    from tqdm import tqdm

    source = open_source(config)
    check_people(source)
    share = Share(config.batch_size, rank=0, n_processes=1)
    training = TrainingBatches(source, share, device)
    validation = ValidationBatches(source, share, device)
    normalise = normaliser(config.input)
    torch.manual_seed(config.seed)
    network = SuperNetwork(width).to(device)
    objective = TimeFrequencyObjective(network, config.loss)
    of_weights = torch.optim.Adam(network.weights(), _RATE, weight_decay=_DECAY)
    of_strengths = torch.optim.Adam(
        network.strengths.parameters(), _SHARE_RATE, _SHARE_BETAS, weight_decay=_SHARE_DECAY
    )

    def learn(batch: ClipBatch, optimiser: torch.optim.Optimizer) -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16-mixed"):
            wave = network(normalise(batch.frames))
        target = Target(batch.bvp, batch.fs_hz, batch.identity, differences=False)
        network.zero_grad()
        objective(wave.float(), target).total.backward()
        optimiser.step()

    for step in tqdm(range(steps), unit=" steps", disable=None, dynamic_ncols=True):
        learn(training[step], of_weights)
        if step >= _WARMUP * steps:
            learn(validation[step % len(validation)][1], of_strengths)
    return network.found()
