import pytest
import torch
from torch import nn

from rfacenet.errors import SettingsError
from rfacenet.models import PhysNet, PhysNetConfig
from tester import ModelTester


class TestPhysNet(ModelTester):
    def build(self) -> nn.Module:
        return PhysNet(PhysNetConfig(width=8))


def test_has_the_published_number_of_parameters() -> None:
    assert sum(parameter.numel() for parameter in PhysNet().parameters()) == 768_577


def test_stages_have_the_resolutions_of_fig_5() -> None:
    features, shapes = torch.randn(1, 3, 8, 72, 72), []
    for stage in PhysNet(PhysNetConfig(width=8)).eval().stages:
        features = stage(features)
        shapes.append(tuple(features.shape[1:]))
    assert shapes == [(8, 8, 36, 36), (8, 4, 18, 18), (8, 2, 9, 9)]


def test_mean_equals_the_published_adaptive_pool() -> None:
    features = torch.randn(2, 8, 12, 5, 4)
    torch.testing.assert_close(
        features.mean((3, 4), keepdim=True), nn.AdaptiveAvgPool3d((12, 1, 1))(features)
    )


@pytest.mark.parametrize("width", [0, -4, 6])
def test_refuses_a_width_that_cannot_be_quartered(width: int) -> None:
    with pytest.raises(SettingsError, match="multiple of 4"):
        PhysNetConfig(width)
