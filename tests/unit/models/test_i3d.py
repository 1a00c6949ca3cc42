import pytest
import torch
from torch import nn

from rfacenet.errors import SettingsError
from rfacenet.models import I3D, I3DConfig, fuse_batch_norms
from rfacenet.models.i3d import _SamePad
from tester import ModelTester


class TestI3D(ModelTester):
    rounding = 5e-3  # 57 layers with norms of few values: single precision is that far from double itself
    clip_shape = (2, 3, 16, 16, 16)
    learning_shape = (2, 3, 48, 16, 16)
    other_shapes = ((1, 3, 8, 16, 16), (1, 3, 24, 17, 40), (3, 3, 16, 36, 36), (1, 3, 8, 1, 3))
    unfit_shapes = ((2, 3, 7, 16, 16), (2, 3, 12, 16, 16))

    def build(self) -> nn.Module:
        return I3D(I3DConfig(width=4))


def test_trunk_and_the_400_classes_have_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        network = I3D()
        classes = nn.Conv3d(1024, 400, 1)
    count = [sum(parameter.numel() for parameter in part.parameters()) for part in (network.trunk, classes)]
    assert sum(count) == 12_697_264
    assert round(sum(count) / 1e6, 2) == 12.70


def test_trunk_divides_as_published() -> None:
    """Fig. 3: 64 frames of 224×224 pixels leave 8×7×7."""
    with torch.device("meta"):
        features = I3D(I3DConfig(width=8)).eval().trunk(torch.randn(1, 3, 64, 224, 224))
    assert features.shape == (1, 128, 8, 7, 7)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "before", "after"),
    [
        (13, 6, 5, 1, 2),  # the example of TensorFlow's documentation
        (224, 7, 2, 2, 3),
        (225, 7, 2, 3, 3),
        (112, 3, 2, 0, 1),
        (7, 2, 2, 0, 1),
        (8, 2, 2, 0, 0),
    ],
)
def test_pads_as_tensorflow_does(size: int, kernel: int, stride: int, before: int, after: int) -> None:
    pad = _SamePad((1, kernel, 1), (1, stride, 1))
    padded = pad(torch.ones(1, 1, 2, size, 3))
    assert padded[0, 0, 1, :, 2].tolist() == [0] * before + [1] * size + [0] * after


def test_norms_are_as_published() -> None:
    norms = [module for module in I3D(I3DConfig(width=1)).modules() if isinstance(module, nn.BatchNorm3d)]
    assert len(norms) == 3 + 9 * 6
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


def test_no_norm_is_left_for_inference() -> None:
    fused = fuse_batch_norms(I3D(I3DConfig(width=1)).eval())
    assert not any(isinstance(module, nn.BatchNorm3d) for module in fused.modules())


def test_each_step_of_the_trunk_gives_its_own_eight_frames() -> None:
    network = I3D(I3DConfig(width=2)).eval()
    clip = torch.randn(1, 3, 64, 16, 16)
    steps = network.trunk(clip).mean((3, 4))[0]  # (channels, 8)
    weight, bias = network.readout.weight[:, :, 0], network.readout.bias
    expected = torch.cat([weight @ steps[:, step] + bias for step in range(8)])
    torch.testing.assert_close(network(clip)[0], expected, atol=1e-5, rtol=1e-4)


def test_refuses_a_width_of_nothing() -> None:
    with pytest.raises(SettingsError, match="at least 1, not 0; 64 would work"):
        I3DConfig(0)
