import pytest
import torch
from torch import nn

from rfacenet.models import DeepPhys, DeepPhysConfig
from tester import ModelTester


class TestDeepPhys(ModelTester):
    clip_shape = (2, 6, 8, 16, 20)
    learning_shape = (2, 6, 24, 16, 20)
    other_shapes = ((1, 6, 1, 16, 20), (3, 6, 13, 16, 20))
    unfit_shapes = ((2, 6, 8, 20, 16), (2, 6, 8, 16, 16), (2, 6, 8, 72, 72))

    def build(self) -> nn.Module:
        return DeepPhys(DeepPhysConfig(16, 20, filters=8, hidden=32))


@pytest.mark.parametrize(("side_px", "parameters"), [(72, 2_228_643), (36, 532_899)])
def test_has_the_published_number_of_parameters(side_px: int, parameters: int) -> None:
    network = DeepPhys(DeepPhysConfig(side_px, side_px))
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_each_frame_is_answered_alone() -> None:
    network = DeepPhys(DeepPhysConfig(16, 16, filters=4, hidden=8)).eval()
    clip = torch.randn(1, 6, 5, 16, 16)
    alone = torch.cat([network(clip[:, :, [t]]) for t in range(5)], 1)
    torch.testing.assert_close(network(clip), alone)
