from dataclasses import replace

import pytest
import torch
from torch import nn

from rfacenet.models import AutoHR, AutoHRConfig
from rfacenet.models.autohr import OPERATIONS
from rfacenet.training import TrainConfig
from rfacenet.training.search import LINKS, MixedOperation, SuperNetwork, search, strongest

CPU = torch.device("cpu")


def test_a_link_is_the_shares_of_its_operations() -> None:
    torch.manual_seed(0)
    strengths = nn.Parameter(torch.randn(len(OPERATIONS) + 1))
    link, features = MixedOperation(2, strengths).eval(), torch.randn(1, 2, 6, 5, 5)
    powers = strengths.exp() / strengths.exp().sum()
    expected = sum(power * each(features) for power, each in zip(powers[:-1], link.operations, strict=True))
    torch.testing.assert_close(link(features), expected)
    with torch.no_grad():
        strengths.zero_()[OPERATIONS.index("tdc_1.0")] = 99
    torch.testing.assert_close(link(features), link.operations[OPERATIONS.index("tdc_1.0")](features))
    with torch.no_grad():
        strengths.zero_()[-1] = 99
    torch.testing.assert_close(link(features), torch.zeros_like(features))


def test_cells_share_their_strengths_and_norms_have_no_weights() -> None:
    network = SuperNetwork(1)
    links = [module for module in network.modules() if isinstance(module, MixedOperation)]
    assert len(links) == 8 * len(LINKS)
    assert len({id(link.strengths) for link in links}) == len(LINKS)
    weights = {id(one) for one in network.weights()}
    assert not weights & {id(one) for one in network.strengths}
    for link in links:
        norms = [module for module in link.modules() if isinstance(module, nn.BatchNorm3d)]
        assert len(norms) == len(OPERATIONS) - 1
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


@pytest.fixture
def short(tiny: TrainConfig) -> TrainConfig:
    return replace(tiny, batch_size=1, input=replace(tiny.input, height=8, width=8))


def test_finds_a_cell_and_the_same_again(short: TrainConfig) -> None:
    first, again = (search(short, width=1, steps=3, device=CPU) for _ in range(2))
    assert first == again
    AutoHR(AutoHRConfig(1, first.cell))
    assert len(first.cell) == 5
    for shares in first.shares.values():
        assert sum(shares.values()) == pytest.approx(1)
        assert len(set(shares.values())) > 1


def test_strengths_wait_until_the_operations_have_learned(short: TrainConfig) -> None:
    found = search(short, width=1, steps=1, device=CPU)  # its only step is the first fifth
    assert {round(share, 6) for shares in found.shares.values() for share in shares.values()} == {0.111111}
