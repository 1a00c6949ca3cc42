import pytest
import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models import DualGAN, DualGANConfig
from rfacenet.models.dual_gan import AlignAndFuse
from tester import SMALL, MapTester


class TestDualGAN(MapTester):
    clip_shape = (2, 3, 64, 25, 1)
    learning_shape = (2, 3, 96, 25, 1)
    other_shapes = ((1, 3, 32, 25, 1), (3, 3, 80, 25, 1))
    unfit_shapes = ((2, 3, 16, 25, 1), (2, 3, 70, 25, 1), (2, 3, 64, 24, 1))

    def build(self) -> nn.Module:
        return DualGAN(DualGANConfig(**SMALL["dualgan"]))

    def test_backward_reaches_every_parameter(self, network: nn.Module, clip: Tensor) -> None:
        output = network(clip)
        made = network.pulse_generator(output.bvp) + network.noise_generator.draw(2, 64, clip.device)
        loss = network.discriminator(made, output.bvp).square().sum() + output.beats_per_frame.sum()
        loss.backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def test_has_the_stated_number_of_parameters() -> None:
    parts = {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in DualGAN().named_children()
    }
    assert parts == {
        "estimator": 23_553_924,
        "pulse_generator": 3_517_629,
        "noise_generator": 523_869,
        "discriminator": 4_764_417,
    }


def test_the_estimator_alone_answers() -> None:
    torch.manual_seed(0)
    network, clip = DualGAN(DualGANConfig(**SMALL["dualgan"])).eval(), MapTester.draw(2, 3, 64, 25, 1)
    expected = network(clip).bvp
    network.pulse_generator = network.noise_generator = network.discriminator = None  # type: ignore
    assert torch.equal(network(clip).bvp, expected)


def test_an_estimator_halves_rows_and_time_four_times() -> None:
    network = DualGAN(DualGANConfig(**SMALL["dualgan"])).eval()
    shapes = []
    for block in network.estimator.shrink[1::2]:
        block.register_forward_hook(lambda _, __, features: shapes.append(tuple(features.shape)))
    network(MapTester.draw(1, 3, 64, 25, 1))
    assert shapes == [(1, 4, 13, 32), (1, 8, 7, 16), (1, 16, 4, 8), (1, 32, 2, 4)]


def test_generators_make_maps_and_the_discriminator_one_logit_each() -> None:
    network = DualGAN(DualGANConfig(**SMALL["dualgan"]))
    wave = torch.randn(2, 48)
    noise = network.noise_generator.draw(2, 48, wave.device)
    assert noise.shape == network.pulse_generator(wave).shape == (2, 3, 25, 48)
    assert network.discriminator(noise, wave).shape == (2, 1)
    assert not torch.equal(noise, network.noise_generator.draw(2, 48, wave.device))


def test_rows_are_aligned_apart_and_fused_together() -> None:
    torch.manual_seed(0)
    block, features = AlignAndFuse(5, 2), torch.randn(1, 2, 5, 12)
    changed = features.clone()
    changed[:, :, 3] += 1
    difference = (
        block.align(changed.transpose(1, 2).flatten(1, 2))
        - block.align(features.transpose(1, 2).flatten(1, 2))
    ).reshape(5, 2, 12)
    assert [bool(row.abs().max() > 1e-4) for row in difference] == [False, False, False, True, False]
    assert (block(changed) - block(features)).abs().amax((0, 1, 3)).min() > 1e-4


def test_refuses_an_odd_width() -> None:
    with pytest.raises(SettingsError, match="width must be a positive even number, not 3; 64 would work"):
        DualGANConfig(3)


def test_answers_as_it_did() -> None:
    """As in ``test_golden``: fresh weights from a seed, in training, so that every layer counts."""
    torch.manual_seed(0)
    network, clip = DualGAN(DualGANConfig(**SMALL["dualgan"])), MapTester.draw(2, 3, 64, 25, 1)
    with torch.no_grad():
        output = network(clip)
        noise = network.noise_generator(MapTester.draw(2, 4, 2, 4))
        logits = network.discriminator(network.pulse_generator(output.bvp) + noise, output.bvp)
    found = [*output.bvp[0, ::16].tolist(), *(256 * output.beats_per_frame[:, 0]).tolist()]
    assert [*found, *logits[:, 0].tolist()] == pytest.approx(
        [-0.29796, -0.13928, -0.22099, -0.46553, 11.84924, 12.11831, 0.0419, -0.46779], rel=1e-3, abs=1e-4
    )
