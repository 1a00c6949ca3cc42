"""The search for cells: all operations on all links at once, each with a share that is learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rfacenet.choices import suggest
from rfacenet.errors import SettingsError
from rfacenet.models import NASHR, AutoHR
from rfacenet.models.cells import CellSpace, Link, MakeOperation
from rfacenet.models.inputs import normaliser
from rfacenet.models.registry import fitted
from rfacenet.training.batch import ClipBatch
from rfacenet.training.config import TrainConfig
from rfacenet.training.data import Share, TrainingBatches, ValidationBatches, check_people, open_source
from rfacenet.training.objectives import objective_of
from rfacenet.training.target import Target

KEPT_LINKS = 2
"""Links to a node of the cell that is found, at most."""

Shares = Mapping[tuple[int, int], Mapping[str, float]]
"""Of each link of a cell, the share of every operation, "zero" among them."""

_STRENGTHS_BETAS, _STRENGTHS_DECAY = (0.5, 0.999), 1e-3
_WARMUP = 0.2  # share of the search in which only operations learn: skips need not, and would win early


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network's cells are searched.

    Attributes:
        network: The network: its ``space`` says what a cell can be, and it takes a ``make_links``.
        optimiser: What moves the weights.
        last_rate: What the weights' learning rate falls to as a cosine; None leaves it as it is.
        clip_norm: Greatest norm of the weights' gradient; None clips nothing.
        strengths_rate: Learning rate of the strengths.
    """

    network: Any
    optimiser: Callable[[list[nn.Parameter]], torch.optim.Optimizer]
    last_rate: float | None
    clip_norm: float | None
    strengths_rate: float


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "autohr": Recipe(
            AutoHR, partial(torch.optim.Adam, lr=1e-3, weight_decay=5e-5), None, None, strengths_rate=2e-2
        ),
        "nashr": Recipe(
            NASHR,
            partial(torch.optim.SGD, lr=0.025, momentum=0.9, weight_decay=3e-4),
            last_rate=1e-3,
            clip_norm=5.0,
            strengths_rate=3e-4,
        ),
    }
)
"""The networks whose cells can be searched."""


class Found(NamedTuple):
    """What a search comes to.

    Attributes:
        cells: The network's cells, by the fields of its configuration.
        shares: Of the same cells before the strongest links were chosen.
    """

    cells: dict[str, tuple[Link, ...]]
    shares: dict[str, Shares]


class MixedOperation(nn.Module):
    """All operations on one link, added up by their shares: what is left of 1 goes to "zero".

    Args:
        operations: The operations; none is "zero".
        strengths: One number for each of them and "zero", whose softmax are the shares; the same for this
            link of every like cell.

    Source: Liu, Simonyan, Yang, "DARTS", ICLR 2019, Eq. 2; batch norms without weights, which would undo the
        shares: its appendix A.
    """

    def __init__(self, operations: list[nn.Module], strengths: nn.Parameter) -> None:
        super().__init__()
        self.strengths = strengths
        self.operations = nn.ModuleList(operations)
        for module in self.operations.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
                module.requires_grad_(False)

    def forward(self, features: Tensor) -> Tensor:
        """A map to the sum of what the operations make of it."""
        shares = self.strengths.softmax(0)
        return torch.stack(
            [share * each(features) for share, each in zip(shares, self.operations, strict=False)]
        ).sum(0)


class SuperNetwork(nn.Module):
    """A network with every operation on every link of its cells.

    Args:
        name: One of ``RECIPES``.
        **settings: Its configuration, whose cells don't count.

    Attributes:
        network: The network.
        strengths: Of each cell by its name, one vector a link; see ``MixedOperation``.
    """

    def __init__(self, name: str, /, **settings: Any) -> None:
        super().__init__()
        network_type = RECIPES[name].network
        self.space: CellSpace = network_type.space
        self.strengths = nn.ModuleDict(
            {
                cell: nn.ParameterList(torch.zeros(len(self.space.operations) + 1) for _ in self.space.links)
                for cell in self.space.cells
            }
        )
        self.network: nn.Module = network_type(network_type.Config(**settings), self._links)

    def _links(self, cell: str, make: MakeOperation) -> list[tuple[int, int, nn.Module]]:
        return [
            (start, end, MixedOperation([make(name, start) for name in self.space.operations], strengths))
            for (start, end), strengths in self._strengths(cell)
        ]

    def _strengths(self, cell: str) -> Iterator[tuple[tuple[int, int], nn.Parameter]]:
        of_links = self.strengths[cell]
        assert isinstance(of_links, nn.ParameterList)
        return zip(self.space.links, of_links, strict=True)

    def weights(self) -> list[nn.Parameter]:
        """All that is learned but the strengths."""
        architecture = set(self.strengths.parameters())
        return [one for one in self.parameters() if one.requires_grad and one not in architecture]

    def forward(self, clip: Tensor) -> Any:
        """What the network makes of a normalised clip."""
        return self.network(clip)

    def found(self) -> Found:
        """The cells of the strongest links so far."""
        names = (*self.space.operations, "zero")
        shares: dict[str, Shares] = {
            cell: {
                link: dict(zip(names, strengths.detach().softmax(0).tolist(), strict=True))
                for link, strengths in self._strengths(cell)
            }
            for cell in self.space.cells
        }
        return Found({cell: strongest(of_cell) for cell, of_cell in shares.items()}, shares)


def strongest(shares: Shares) -> tuple[Link, ...]:
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
    for node in sorted({end for _, end in best}):
        to_node = sorted((link for link in best if link[1] == node), key=lambda link: -best[link][0])
        cell += [(*link, best[link][1]) for link in sorted(to_node[:KEPT_LINKS])]
    return tuple(cell)


def search(
    config: TrainConfig, steps: int, device: torch.device, strengths_rate: float | None = None
) -> Found:
    """Search a network's cells.

    In each step the operations learn from people to train on, and then, but for the first fifth of the
    search, the strengths from people to validate on. A bar shows the progress on a terminal.

    Args:
        config: Network and its settings, clips, batch size, precision and seed; same seed, same cells. Its
            optimiser doesn't count, and a network that gives waves gives them, not their differences.
        steps: Length of the search.
        device: Where to compute.
        strengths_rate: Learning rate of the strengths; None takes the recipe's. A short search needs a large
            one: in a hundred steps of 3e-4 shares hardly part.

    Raises:
        SettingsError: The network has no cells to search, or the configuration gives no clips that it takes.

    Source: Yu et al., "AutoHR", IEEE SPL 2020; Lu, Han, "NAS-HR", VRIH 2021: learning rates of its weights
        and strengths; Liu, Simonyan, Yang, "DARTS", ICLR 2019, Algorithm 1 in its first order.
    Differs: on simulated faces and far shorter, so AutoHR's has larger learning rates. All channels pass
        through all operations: to send a part of them (PC-DARTS) saves little on a CPU, whose kernels take 16
        at once.
    """
    from tqdm import tqdm

    recipe = _recipe(config.network)
    settings = config.networks.get(config.network, {})
    source = open_source(config)
    check_people(source)
    share = Share(config.batch_size, rank=0, n_processes=1)
    training = TrainingBatches(source, share, device)
    validation = ValidationBatches(source, share, device)
    normalise = normaliser(fitted(config.network, config.input, **settings))
    torch.manual_seed(config.seed)
    network = SuperNetwork(config.network, **settings).to(device)
    objective = objective_of(network.network, config.loss)
    weights, strengths = network.weights(), list(network.strengths.parameters())
    of_weights = recipe.optimiser(weights)
    of_strengths = torch.optim.Adam(
        strengths, strengths_rate or recipe.strengths_rate, _STRENGTHS_BETAS, weight_decay=_STRENGTHS_DECAY
    )
    first_rate = of_weights.param_groups[0]["lr"]
    last_rate = first_rate if recipe.last_rate is None else recipe.last_rate
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(of_weights, steps, last_rate)

    def learn(batch: ClipBatch, optimiser: torch.optim.Optimizer) -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16-mixed"):
            output = network(normalise(batch.frames))
        target = Target(batch.bvp, batch.fs_hz, batch.identity, differences=False)
        network.zero_grad()
        if isinstance(output, Tensor):
            output = output.float()
        objective(output, target).total.backward()
        if recipe.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(weights, recipe.clip_norm)
        optimiser.step()

    for step in tqdm(range(steps), unit=" steps", disable=None, dynamic_ncols=True):
        learn(training[step], of_weights)
        slower.step()
        if step >= _WARMUP * steps:
            learn(validation[step % len(validation)][1], of_strengths)
    return network.found()


def _recipe(name: str) -> Recipe:
    """How a network's cells are searched.

    Raises:
        SettingsError: It has none.
    """
    if name not in RECIPES:
        raise SettingsError(f"The network '{name}' has no cells to search; {suggest(name, RECIPES)}")
    return RECIPES[name]
