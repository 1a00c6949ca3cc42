import pytest
import torch
from torch import nn

from rfacenet.errors import SettingsError
from rfacenet.models import EfficientPhys, EfficientPhysConfig
from tester import ModelTester


class TestEfficientPhys(ModelTester):
    clip_shape = (2, 3, 8, 16, 20)
    learning_shape = (2, 3, 24, 16, 20)
    other_shapes = ((1, 3, 4, 16, 20), (3, 3, 20, 16, 20))
    unfit_shapes = ((2, 3, 7, 16, 20), (2, 3, 3, 16, 20), (2, 3, 8, 16, 16))

    def build(self) -> nn.Module:
        return EfficientPhys(EfficientPhysConfig(16, 20, filters=8, hidden=32, frame_depth=4))


def test_has_the_published_number_of_parameters() -> None:
    assert sum(parameter.numel() for parameter in EfficientPhys().parameters()) == 2_163_081


def test_sees_differences_alone_and_none_after_the_last_frame() -> None:
    network = EfficientPhys(EfficientPhysConfig(16, 16, 4, 8, frame_depth=5))
    seen = []
    network.normalise.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    clip = torch.randn(2, 3, 5, 16, 16)
    network.eval()(clip)
    differences = seen[0].unflatten(0, (2, 5))
    for t in range(4):
        assert torch.equal(differences[:, t], clip[:, :, t + 1] - clip[:, :, t])
    assert not differences[:, 4].any()


def test_refuses_segments_of_no_frame() -> None:
    with pytest.raises(SettingsError, match="frame_depth must be at least 1, not 0; 1 would work"):
        EfficientPhysConfig(frame_depth=0)
