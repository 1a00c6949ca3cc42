import pytest
import torch

from rfacenet.models.resnet import Depth, ResNet18


@pytest.mark.parametrize(
    ("depth", "parameters"),
    [("layer1", 157_504), ("layer2", 683_072), ("layer3", 2_782_784), ("layer4", 11_176_512)],
)
def test_has_the_published_number_of_parameters(depth: Depth, parameters: int) -> None:
    assert sum(parameter.numel() for parameter in ResNet18(depth=depth).parameters()) == parameters


@pytest.mark.parametrize(
    ("depth", "shape"), [("layer1", (4, 18, 25)), ("layer3", (16, 5, 7)), ("layer4", (32, 3, 4))]
)
def test_map_has_the_stride_that_it_says(depth: Depth, shape: tuple[int, ...]) -> None:
    trunk = ResNet18(channels_in=2, depth=depth, width=4)
    features = trunk(torch.randn(2, 2, 72, 100))
    assert features.shape[1:] == shape
    assert shape == (trunk.channels_out, -(-72 // trunk.stride), -(-100 // trunk.stride))


def test_layers_can_be_tapped() -> None:
    trunk, image = ResNet18(depth="layer3", width=4).eval(), torch.randn(1, 3, 40, 40)
    first, second, third = trunk.each_layer(image)
    assert (first.shape[1:], second.shape[1:]) == ((4, 10, 10), (8, 5, 5))
    assert torch.equal(third, trunk(image))


def test_the_stem_s_pool_can_take_means() -> None:
    torch.manual_seed(0)
    greatest = ResNet18(width=4)
    means = ResNet18(width=4, average=True)
    means.load_state_dict(greatest.state_dict())
    image = torch.randn(1, 3, 64, 64)
    assert (means.stem(image) < greatest.stem(image)).float().mean() > 0.5
