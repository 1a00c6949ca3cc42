import pytest
import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models import CVD, CVDConfig
from tester import SMALL, MapTester


class TestCVD(MapTester):
    clip_shape = (2, 6, 48, 63, 1)
    learning_shape = (2, 6, 48, 63, 1)
    other_shapes = ((1, 6, 32, 63, 1), (3, 6, 75, 63, 1))
    unfit_shapes = ((2, 6, 31, 63, 1), (2, 6, 48, 62, 1), (2, 6, 48, 63, 2))
    learning_steps = 40

    def build(self) -> nn.Module:
        return CVD(CVDConfig(**SMALL["cvd"]))

    def test_backward_reaches_every_parameter(self, network: nn.Module, clip: Tensor) -> None:
        sum(part.square().sum() for part in network(clip)).backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def small() -> CVD:
    torch.manual_seed(0)
    return CVD(CVDConfig(**SMALL["cvd"]))


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def test_has_the_published_numbers_of_parameters() -> None:
    network = CVD()
    assert round(count(network) / 1e6, 2) == 12.34
    assert round((count(network) - count(network.noise_encoder, network.decoder)) / 1e6, 2) == 11.25


def test_takes_the_published_map_to_the_published_shapes() -> None:
    with torch.device("meta"):
        output = CVD()(torch.zeros(2, 6, 300, 63, 1))
    assert output.bvp.shape == (2, 300)
    assert output.decoded.shape == output.picture.shape == (2, 6, 320, 320)
    assert output.pulse.shape == output.pseudo_noise.shape == (2, 128, 40, 40)


def test_nobody_pays_for_the_noise_but_training() -> None:
    network, clip = small(), MapTester.draw(2, 6, 48, 63, 1)
    expected = network.eval()(clip).bvp
    network.noise_encoder = network.decoder = None  # type: ignore[assignment]
    output = network(clip)
    assert torch.equal(output.bvp, expected)
    assert output[2:] == (None,) * 7


def test_a_pseudo_map_has_the_clip_s_pulse_and_another_clip_s_noise() -> None:
    network, clip = small(), MapTester.draw(3, 6, 48, 63, 1)
    made = []
    network.decoder.register_forward_hook(lambda _, features, maps: made.append((*features, maps)))
    output = network(clip)
    features, maps = made[0]
    noise = network.noise_encoder(output.picture)
    for i, other in ((0, 2), (1, 0), (2, 1)):
        torch.testing.assert_close(features[i], output.pulse[i] + noise[i])
        torch.testing.assert_close(features[3 + i], output.pulse[i] + noise[other])
        torch.testing.assert_close(output.noise[i], noise[other])
    torch.testing.assert_close(output.decoded, maps[:3])
    _, pulse, _, last = network.estimator.each_layer(maps[3:])
    torch.testing.assert_close(output.pseudo_pulse, pulse)
    torch.testing.assert_close(output.pseudo_beats_per_frame, network.rate(last.mean((2, 3))) / 48)
    torch.testing.assert_close(output.pseudo_noise, network.noise_encoder(maps[3:]))


def test_of_a_long_map_each_frame_counts() -> None:
    network, clip = small().eval(), MapTester.draw(1, 6, 64, 63, 1).repeat_interleave(2, dim=2) / 2 + 64
    flicker = 60.0 * (-1) ** torch.arange(128)[:, None, None]
    torch.testing.assert_close(network(clip + flicker).beats_per_frame, network(clip).beats_per_frame)


def test_pseudo_maps_leave_no_trace_in_the_norms() -> None:
    network, other, clip = small(), small(), MapTester.draw(2, 6, 48, 63, 1)
    network(clip)
    other.estimator.each_layer(other(clip).picture)  # twice, so that a norm that stands still would show
    once, twice = (net.estimator.stem[1].running_mean for net in (network, other))
    torch.testing.assert_close(twice, 1.9 * once)  # 0.1 of the way, then 0.1 of what is left


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"width": 6}, "CVD's width must be a multiple of 4, 8 at least, not 6; 64 would work"),
        ({"rows_px": 100}, "CVD's rows_px must be a multiple of 8, 16 at least, not 100; 320 would work"),
    ],
)
def test_refuses_settings_that_cannot_work(setting: dict[str, int], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        CVDConfig(**setting)


def test_answers_as_it_did() -> None:
    """As in ``test_golden``: fresh weights from a seed, in training, so that every layer counts."""
    with torch.no_grad():
        output = small()(MapTester.draw(2, 6, 48, 63, 1))
    found = [*output.bvp[0, ::12].tolist(), *(48 * output.beats_per_frame[:, 0]).tolist()]
    found += [*(48 * output.pseudo_beats_per_frame[:, 0]).tolist(), *output.decoded[0, 0, 0, :3].tolist()]
    assert found == pytest.approx(
        [0.29104, 0.50486, -0.30385, 0.32022, 11.38528, 11.52809, 11.4161, 11.33414, 0.10289, 0.3282, 0.1497],
        rel=1e-3,
        abs=1e-4,
    )
