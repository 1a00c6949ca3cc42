import json
from dataclasses import asdict

import pytest
import torch
from torch import nn

from rfacenet.errors import SettingsError
from rfacenet.models import AutoHR, AutoHRConfig, build, fuse_batch_norms
from rfacenet.models.autohr import DEFAULT_CELL, OPERATIONS, operation
from rfacenet.models.cells import Cell, Link
from rfacenet.models.temporal_difference import TemporalDifferenceConv3d
from tester import ModelTester

EVERY_OPERATION: tuple[Link, ...] = tuple(
    (0 if number < 3 else 1, 1 + number // 3, name) for number, name in enumerate(OPERATIONS)
)


class TestAutoHR(ModelTester):
    other_shapes = ((1, 3, 4, 16, 16), (1, 3, 12, 17, 40), (3, 3, 20, 36, 36), (1, 3, 4, 1, 3))
    unfit_shapes = ((2, 3, 7, 16, 16), (2, 3, 2, 16, 16))

    def build(self) -> nn.Module:
        return AutoHR(AutoHRConfig(2, EVERY_OPERATION))


@pytest.mark.parametrize(
    ("name", "kernel"),
    [
        ("conv_3x3x3", (3, 3, 3)),
        ("conv_1x3x3", (1, 3, 3)),
        ("conv_1x5x5", (1, 5, 5)),
        ("conv_3x1x1", (3, 1, 1)),
        ("conv_5x1x1", (5, 1, 1)),
        ("tdc_0.2", (3, 3, 3)),
        ("tdc_1.0", (3, 3, 3)),
    ],
)
def test_operations_keep_the_shape(name: str, kernel: tuple[int, int, int]) -> None:
    block = operation(name, 4)
    assert isinstance(block, nn.Sequential)
    assert block[1].kernel_size == kernel
    assert block(torch.randn(2, 4, 6, 5, 7)).shape == (2, 4, 6, 5, 7)
    if name.startswith("tdc"):
        assert isinstance(block[1], TemporalDifferenceConv3d)
        assert block[1].theta == float(name[4:])


def test_nodes_add_up_their_links() -> None:
    class Times(nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return self.factor * features

    cell = Cell()
    cell.take([(0, 1, Times(2)), (0, 2, Times(3)), (1, 2, Times(5)), (2, 3, Times(7)), (2, 3, Times(1))])
    joined = cell.joined([torch.ones(1, 1, 1, 1, 1)]).flatten().tolist()
    assert joined == [2, 3 + 5 * 2, 8 * 13]


def test_published_numbers_of_channels_and_halvings() -> None:
    """8 in the stem and 48 in the decoder; 128 frames stay 128."""
    network = AutoHR().eval()
    decoder = [module for module in network.modules() if isinstance(module, nn.ConvTranspose3d)]
    assert network.trunk[0].out_channels == 8
    assert [(one.in_channels, one.out_channels) for one in decoder] == [(48, 48), (48, 48)]
    with torch.device("meta"):
        features = AutoHR().trunk[:-2](torch.randn(1, 3, 128, 112, 112))
    assert features.shape == (1, 48, 32, 7, 7)


def test_has_as_many_parameters_as_its_layers_by_hand() -> None:
    norm = 2
    entries = [(8 + norm) * 16, *[(48 + norm) * 16] * 7]
    kernels = (25, 27, 27, 5)  # 1×5×5, two temporal differences of 3×3×3, 5×1×1
    cells = sum(entries) + 8 * sum((16 * kernel + norm) * 16 for kernel in kernels)
    decoder = 2 * (48 * 4 + norm) * 48 + 48 + 1
    assert sum(one.numel() for one in AutoHR().parameters()) == (3 * 25 + norm) * 8 + cells + decoder


def test_no_norm_is_left_for_inference() -> None:
    fused = fuse_batch_norms(AutoHR(AutoHRConfig(1)).eval())
    assert not any(isinstance(module, nn.BatchNorm3d) for module in fused.modules())


def test_cell_survives_json() -> None:
    config = json.loads(json.dumps(asdict(AutoHRConfig(2, EVERY_OPERATION))))
    network = build("autohr", **config)
    assert isinstance(network, AutoHR)
    assert network.config == AutoHRConfig(2, EVERY_OPERATION)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ([*DEFAULT_CELL, (2, 1, "identity")], "not from 2 to 1; .* would work"),
        ([*DEFAULT_CELL, (0, 4, "identity")], "0 to 3, not from 0 to 4"),
        ([*DEFAULT_CELL, (0, 1, "tdc_0.3")], "no operation 'tdc_0.3'; did you mean 'tdc_0.2'"),
        (DEFAULT_CELL[:3], r"leads to node 3; \[0, 3, tdc_0.2\]"),
    ],
)
def test_refuses_what_is_no_cell(cell: list[Link], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build("autohr", cell=cell)


def test_names_the_type_of_a_cell() -> None:
    with pytest.raises(SettingsError, match=r"autohr's cell must be a list of a list \[a whole number, a wh"):
        build("autohr", cell=["identity"])


def test_refuses_a_width_of_nothing() -> None:
    with pytest.raises(SettingsError, match="at least 1, not 0; 8 would work"):
        AutoHRConfig(0)
