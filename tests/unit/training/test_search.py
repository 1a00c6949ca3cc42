from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from rfacenet.errors import SettingsError
from rfacenet.models import build
from rfacenet.models.autohr import OPERATIONS, operation
from rfacenet.training import TrainConfig
from rfacenet.training.search import MixedOperation, SuperNetwork, search, strongest
from tester import SMALL

CPU = torch.device("cpu")

# Cells of each kind: AutoHR has eight alike, NAS-HR reduction cells at 1, 3 and 5 of six.
KINDS = {"autohr": {"cell": 8}, "nashr": {"normal": 3, "reduction": 3}}


def test_a_link_is_the_shares_of_its_operations() -> None:
    torch.manual_seed(0)
    strengths = nn.Parameter(torch.randn(len(OPERATIONS) + 1))
    link = MixedOperation([operation(name, 2) for name in OPERATIONS], strengths).eval()
    features = torch.randn(1, 2, 6, 5, 5)
    powers = strengths.exp() / strengths.exp().sum()
    expected = sum(power * each(features) for power, each in zip(powers[:-1], link.operations, strict=True))
    torch.testing.assert_close(link(features), expected)
    with torch.no_grad():
        strengths.zero_()[OPERATIONS.index("tdc_1.0")] = 99
    torch.testing.assert_close(link(features), link.operations[OPERATIONS.index("tdc_1.0")](features))
    with torch.no_grad():
        strengths.zero_()[-1] = 99
    torch.testing.assert_close(link(features), torch.zeros_like(features))


@pytest.mark.parametrize("name", KINDS)
def test_like_cells_share_their_strengths_and_norms_have_no_weights(name: str) -> None:
    network = SuperNetwork(name, **{"autohr": {"width": 1}, "nashr": {"channels": 2}}[name])
    links = [module for module in network.modules() if isinstance(module, MixedOperation)]
    weights = {id(one) for one in network.weights()}
    for kind, cells in KINDS[name].items():
        strengths = {id(one) for one in network.strengths[kind].parameters()}
        assert len(strengths) == len(network.space.links)
        assert sum(id(link.strengths) in strengths for link in links) == cells * len(network.space.links)
        assert not weights & strengths
    assert len(links) == sum(KINDS[name].values()) * len(network.space.links)
    for link in links:
        norms = [one for one in link.modules() if isinstance(one, nn.BatchNorm2d | nn.BatchNorm3d)]
        assert len(norms) >= len(network.space.operations) - 1  # what only passes on has none
        assert not any(id(one) in weights for norm in norms for one in norm.parameters())


def test_keeps_the_two_strongest_links_to_a_node_and_never_zero() -> None:
    shares = {
        (0, 1): {"identity": 0.1, "tdc_0.2": 0.2, "zero": 0.7},
        (0, 2): {"identity": 0.3, "tdc_0.2": 0.1, "zero": 0.6},
        (1, 2): {"identity": 0.1, "tdc_0.2": 0.5, "zero": 0.4},
        (0, 3): {"identity": 0.35, "tdc_0.2": 0.3, "zero": 0.35},
        (1, 3): {"identity": 0.2, "tdc_0.2": 0.3, "zero": 0.5},
        (2, 3): {"identity": 0.1, "tdc_0.2": 0.9, "zero": 0.0},
    }
    assert strongest(shares) == (
        (0, 1, "tdc_0.2"),
        (0, 2, "identity"),
        (1, 2, "tdc_0.2"),
        (0, 3, "identity"),
        (2, 3, "tdc_0.2"),
    )


@pytest.fixture(params=sorted(KINDS))
def short(request: pytest.FixtureRequest, tiny: TrainConfig) -> TrainConfig:
    return replace(
        tiny,
        network=request.param,
        networks={request.param: SMALL[request.param]},
        batch_size=2,
        input=replace(tiny.input, height=8, width=8),
        simulation=replace(tiny.simulation, validation_sets=("easy",)),
    )


def test_finds_cells_and_the_same_again(short: TrainConfig) -> None:
    first, again = (search(short, steps=3, device=CPU) for _ in range(2))
    assert first == again
    cells: dict[str, Any] = first.cells
    assert list(cells) == list(KINDS[short.network])
    network = build(short.network, **{**SMALL[short.network], **cells})
    for kind, cell in cells.items():
        assert len(cell) == {"autohr": 5, "nashr": 8}[short.network]
        assert getattr(network.config, kind) == cell
        for shares in first.shares[kind].values():
            assert sum(shares.values()) == pytest.approx(1)
            assert len(set(shares.values())) > 1


def test_strengths_wait_until_the_operations_have_learned(short: TrainConfig) -> None:
    found = search(short, steps=1, device=CPU)  # its only step is the first fifth
    for of_cell in found.shares.values():
        for shares in of_cell.values():
            assert list(shares.values()) == pytest.approx([1 / len(shares)] * len(shares))


def test_refuses_networks_that_have_no_cells(tiny: TrainConfig) -> None:
    with pytest.raises(SettingsError, match="'physnet' has no cells to search; there are autohr, nashr"):
        search(replace(tiny, network="physnet"), steps=1, device=CPU)
