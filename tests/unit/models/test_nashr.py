import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models import NASHR, NASHRConfig, build
from rfacenet.models.cells import Link
from rfacenet.models.nashr import DEFAULT_NORMAL, NODES, OPERATIONS, SPACE, Halving, operation
from tester import RateTester

EVERY_OPERATION: tuple[Link, ...] = tuple(
    (number % 2, 2 + number // 2, name) for number, name in enumerate((*OPERATIONS, "sep_conv_3"))
)


def small() -> NASHR:
    return NASHR(NASHRConfig(4, 4, EVERY_OPERATION, EVERY_OPERATION))


class TestNASHR(RateTester):
    clip_shape = (2, 3, 64, 15, 1)
    learning_shape = (2, 3, 120, 15, 1)
    other_shapes = ((1, 3, 60, 15, 1), (3, 3, 135, 15, 1))
    unfit_shapes = ((2, 3, 59, 15, 1), (2, 3, 64, 25, 1), (2, 3, 64, 15, 15))

    def build(self) -> nn.Module:
        return small()


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("stride", [1, 2])
def test_operations_keep_the_size_or_halve_it(name: str, stride: int) -> None:
    block = operation(name, 6, stride)
    half = {1: (9, 14), 2: (5, 7)}[stride]
    assert block(torch.randn(2, 6, 9, 14)).shape == (2, 6, *half)


def test_every_operation_sees_as_far_as_its_name_says() -> None:
    """A single pixel's change reaches so many pixels to each side: of two convolutions, of both."""
    reach = {"sep_conv_3": 2, "sep_conv_5": 4, "dil_conv_3": 2, "dil_conv_5": 4, "skip": 0}
    for name in OPERATIONS:
        block = operation(name, 1, 1).eval()
        for module in block.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.ones_(module.weight)
        spike = torch.zeros(1, 1, 1, 21)
        spike[..., 10] = 1
        (changed,) = torch.nonzero(block(spike)[0, 0, 0], as_tuple=True)
        far = reach.get(name, 1)
        assert (changed[0], changed[-1]) == (10 - far, 10 + far), name
        assert (len(changed) == 2 * far + 1) == (not name.startswith("dil")), name


def test_halving_sees_every_pixel_of_an_odd_map_once() -> None:
    halving = Halving(1, 2)
    nn.init.ones_(halving.even.weight)
    nn.init.ones_(halving.odd.weight)
    row = torch.arange(1.0, 6.0).reshape(1, 1, 1, 5)
    even, odd = halving(row.repeat(1, 1, 2, 1))[0]
    assert even.tolist() == [[1, 3, 5]]
    assert odd.tolist() == [[2, 4, 0]]


def test_published_plan_of_channels_and_halvings() -> None:
    """Stem of 32 at a quarter of the map; nodes double and the map halves at cells 1, 3 and 5 of six."""
    network = NASHR().eval()
    assert network.config.reductions == {1, 3, 5}
    shapes: list[tuple[int, ...]] = []
    for module in (network.stem, *network.cells, network.head):
        module.register_forward_hook(lambda module, given, taken: shapes.append(tuple(taken.shape[1:])))
    network(torch.zeros(1, 3, 300, 15, 1))
    assert shapes == [
        (32, 16, 75),
        (4 * 32, 16, 75),
        (4 * 64, 8, 38),
        (4 * 64, 8, 38),
        (4 * 128, 4, 19),
        (4 * 128, 4, 19),
        (4 * 256, 2, 10),
        (512, 1, 5),
    ]
    assert NASHRConfig(cells=4).reductions == {0, 2, 3}


def test_has_as_many_parameters_as_its_layers_by_hand() -> None:
    """What does not depend on the cells found, with cells of pools, whose norms alone are learned."""
    pools = tuple((start, node, "max_pool_3") for node in SPACE.numbers for start in (0, 1))
    network = NASHR(NASHRConfig(normal=pools, reduction=pools))
    stem = 2 * 3 + 32 * 3 * 25 + 2 * 32 + 32 * 32 * 9 + 2 * 32
    nodes, given = [32, 64, 64, 128, 128, 256], [32, 32, 128, 256, 256, 512, 512, 1024]
    entries = sum(c * (given[i] + given[i + 1]) + 4 * c for i, c in enumerate(nodes))
    norms = sum(2 * NODES * 2 * c for c in nodes)
    head = 1024 * 512 * 9 + 2 * 512 + 512 + 1
    assert sum(one.numel() for one in network.parameters()) == stem + entries + norms + head


@pytest.mark.parametrize(("cells", "millions"), [(4, 5.09), (6, 5.54)])
def test_has_as_many_parameters_as_its_authors_network(cells: int, millions: float) -> None:
    """With the cells that their code gives as an example: as many as that code's network has."""
    sep, dil, pool, skip = "sep_conv_3", "dil_conv_3", "max_pool_3", "skip"
    normal = [(0, 2, sep), (1, 2, sep), (1, 3, sep), (2, 3, dil), (1, 4, sep), (2, 4, sep), (1, 5, sep)]
    normal.append((4, 5, dil))
    reduction = [(0, 2, pool), (1, 2, pool)]
    reduction += [link for node in (3, 4, 5) for link in ((0, node, pool), (2, node, skip))]
    network = build("nashr", cells=cells, normal=normal, reduction=reduction)
    assert round(sum(one.numel() for one in network.parameters()) / 1e6, 2) == millions


def test_reads_a_map_normalised_as_images_are_and_64_rows_high() -> None:
    network, seen = small().eval(), []
    network.stem.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    clip = 255 * torch.rand(1, 3, 60, 15, 1)
    network(clip)
    means, stds = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
    (picture,) = seen
    assert picture.shape == (1, 3, 64, 60)
    places = (np.arange(64) + 0.5) * 15 / 64 - 0.5
    for channel in range(3):
        rows = (clip[0, channel, :, :, 0] / 255 - means[channel]) / stds[channel]
        expected = np.stack([np.interp(places, np.arange(15), frame) for frame in rows.numpy()], 1)
        np.testing.assert_allclose(picture[0, channel], expected, atol=1e-5)


def test_answers_as_it_did() -> None:
    """As in ``test_golden``: fresh weights from a seed, norms of the batch; new numbers for a new network."""
    torch.manual_seed(0)
    network = small()
    with torch.no_grad():
        found = RateTester.answer(network(RateTester.draw(3, 3, 90, 15, 1))).flatten().tolist()
    assert found == pytest.approx([73.748162, 76.134346, 66.669533], rel=1e-4)


def test_an_answer_of_nothing_is_the_mean_rate() -> None:
    network = small().eval()
    nn.init.zeros_(network.readout.weight)
    nn.init.zeros_(network.readout.bias)
    beats_per_frame: Tensor = network(torch.rand(1, 3, 60, 15, 1)).beats_per_frame
    assert (60 * 30 * beats_per_frame).item() == pytest.approx(72)
    nn.init.ones_(network.readout.bias)
    assert (60 * 30 * network(torch.rand(1, 3, 60, 15, 1)).beats_per_frame).item() == pytest.approx(90)


def test_cells_survive_json() -> None:
    config = json.loads(json.dumps(asdict(NASHRConfig(4, 2, EVERY_OPERATION))))
    network = build("nashr", **config)
    assert isinstance(network, NASHR)
    assert network.config == NASHRConfig(4, 2, EVERY_OPERATION)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"normal": [*DEFAULT_NORMAL, (3, 2, "skip")]}, "NAS-HR's normal cell must lead.* not from 3 to 2"),
        ({"normal": [*DEFAULT_NORMAL, (0, 1, "skip")]}, r"0 to 5, not from 0 to 1; \[0, 2, sep_conv_3\]"),
        ({"reduction": [(0, 2, "sep_conv_7")]}, "no operation 'sep_conv_7'; did you mean 'sep_conv"),
        ({"reduction": DEFAULT_NORMAL[:6]}, r"NAS-HR's reduction cell leads to node 5; \[0, 5, sep_conv_3\]"),
        ({"channels": 0}, "channels must be at least 1, not 0; 32 would work"),
        ({"cells": 0}, "cells must be at least 1, not 0; 6 would work"),
    ],
)
def test_refuses_what_is_no_network(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build("nashr", **settings)
