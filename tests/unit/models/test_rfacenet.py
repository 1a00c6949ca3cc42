import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models import RFaceNet, RFaceNetConfig
from rfacenet.models.rfacenet import CrossTaskFeatureCombiner, NoiseMap, TemporalCompressorUnit
from tester import ModelTester

SMALL = RFaceNetConfig(n_identities=3, width=8, identity_width=4)


class TestRFaceNet(ModelTester):
    def build(self) -> nn.Module:
        return RFaceNet(SMALL)


class TestLiteralRFaceNet(ModelTester):
    def build(self) -> nn.Module:
        return RFaceNet(RFaceNetConfig.literal(3, width=8, identity_width=4))


class TestFusedWithNoise(ModelTester):
    def build(self) -> nn.Module:
        return RFaceNet(replace(SMALL, use_tcu=False))


class TestRFaceNetOfFourFrames(ModelTester):
    def build(self) -> nn.Module:
        return RFaceNet(replace(SMALL, tcu_frames=4, tcu_upsample=1, fusion_stage=2, identity_depth="layer3"))


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_has_the_expected_number_of_parameters() -> None:
    physnet, resnet18, norm, classifier, ctfc = 768_577, 11_176_512, 6, 513 * 33, 513 * 64 + 65 * 64 + 2
    assert count(RFaceNet(RFaceNetConfig(33))) == physnet + resnet18 + norm + classifier + ctfc == 11_999_018
    assert count(RFaceNet(RFaceNetConfig.literal(33))) == 11_999_012


@pytest.mark.parametrize(
    ("use_tcu", "fusion_stage", "extra"),
    [
        (False, None, set()),
        (False, 3, {"combiner"}),
        (True, None, {"identity_branch", "identity_classifier"}),
        (True, 1, {"identity_branch", "identity_classifier", "combiner"}),
        (True, 2, {"identity_branch", "identity_classifier", "combiner"}),
        (True, 3, {"identity_branch", "identity_classifier", "combiner"}),
    ],
)
def test_rows_of_table_3(use_tcu: bool, fusion_stage: int | None, extra: set[str]) -> None:
    network = RFaceNet(replace(SMALL, use_tcu=use_tcu, fusion_stage=fusion_stage)).eval()
    assert {name.split(".")[0] for name, _ in network.named_parameters()} == {"pulse_branch"} | extra

    clip = torch.randn(2, 3, 8, 24, 24)
    output = network(clip)
    assert (output.identity_logits is None) == (not use_tcu)
    assert (output.alpha is None) == (output.beta is None) == (fusion_stage is None)
    assert torch.equal(output.bvp, network.pulse_branch(clip)) == (fusion_stage is None)


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_fuses_after_its_stage(stage: int) -> None:
    network = RFaceNet(replace(SMALL, fusion_stage=stage)).eval()
    shapes: list[tuple[int, ...]] = []
    network.combiner.register_forward_hook(lambda _, maps, fused: shapes.append((maps[1].shape, fused.shape)))
    network(torch.randn(1, 3, 8, 72, 72))
    side, frames = {1: (36, 8), 2: (18, 4), 3: (9, 2)}[stage]
    assert shapes == [((1, 8, frames, side, side),) * 2]


@pytest.mark.parametrize(("shape", "upsample", "side"), [((64, 128, 128), 1, 4), ((128, 72, 72), 2, 5)])
def test_published_inputs_reach_the_identity_branch_at_one_scale(
    shape: tuple[int, int, int], upsample: int, side: int
) -> None:
    branch = RFaceNet(replace(SMALL, tcu_upsample=upsample)).eval().identity_branch
    assert branch(torch.randn(1, 3, *shape)).shape == (1, 32, side, side)


def test_takes_both_published_inputs() -> None:
    for shape in ((64, 128, 128), (128, 72, 72)):
        assert RFaceNet(SMALL).eval()(torch.randn(1, 3, *shape)).bvp.shape == (1, shape[0])


@pytest.mark.parametrize(("frames", "length"), [(1, 8), (4, 8), (3, 8), (8, 8), (5, 13)])
def test_tcu_equals_adaptive_average_pooling(frames: int, length: int) -> None:
    clip = torch.randn(2, 3, length, 5, 7)
    expected = nn.AdaptiveAvgPool3d((frames, 5, 7))(clip).flatten(1, 2)
    torch.testing.assert_close(TemporalCompressorUnit(frames)(clip), expected)


def test_tcu_doubles_the_resolution_and_keeps_the_mean() -> None:
    clip = torch.randn(1, 3, 4, 6, 6)
    image = TemporalCompressorUnit(upsample=2)(clip)
    assert image.shape == (1, 3, 12, 12)
    torch.testing.assert_close(image.mean((2, 3)), clip.mean((2, 3, 4)), atol=0.05, rtol=0)


def test_tcu_refuses_a_clip_shorter_than_its_output() -> None:
    with pytest.raises(SettingsError, match="8 would work"):
        TemporalCompressorUnit(frames=8)(torch.randn(1, 3, 4, 16, 16))


def test_ctfc_by_hand() -> None:
    combiner = CrossTaskFeatureCombiner(2, 1)
    state = {"alpha": 2.0, "beta": 3.0, "identity_convolution.weight": [[[[1.0]], [[10.0]]]]}
    state |= {"identity_convolution.bias": [0.5], "rppg_convolution.weight": [[[[[4.0]]]]]}
    state |= {"rppg_convolution.bias": [1.0]}
    combiner.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    identity_map = torch.tensor([7.0, 0.1]).reshape(1, 2, 1, 1)  # 1·7 + 10·0.1 + 0.5 = 8.5
    rppg_map = torch.tensor([0.0, 1.0, -1.0]).reshape(1, 1, 3, 1, 1)  # 4x + 1 = 1, 5, −3
    fused = combiner(identity_map, rppg_map)
    assert fused.flatten().tolist() == [2 * 8.5 + 3 * 1, 2 * 8.5 + 3 * 5, 2 * 8.5 + 3 * -3]


def literal_ctfc(combiner: CrossTaskFeatureCombiner, identity_map: Tensor, rppg_map: Tensor) -> Tensor:
    """Eq. 1 and 2 in the paper's order: enlarge, repeat, convolve both, add."""
    enlarged = nn.functional.interpolate(identity_map, rppg_map.shape[3:], mode="bilinear")
    repeated = torch.stack([enlarged] * rppg_map.shape[2], dim=2)
    convolution = combiner.identity_convolution
    convolved = nn.functional.conv3d(repeated, convolution.weight.unsqueeze(2), convolution.bias)
    return combiner.alpha * convolved + combiner.beta * combiner.rppg_convolution(rppg_map)


@pytest.mark.parametrize("side", [3, 6, 9])  # coarser than the pulse branch's map, equal, finer
def test_ctfc_equals_the_order_of_the_paper(side: int) -> None:
    combiner = CrossTaskFeatureCombiner(5, 4, gentle_start=False)
    identity_map, rppg_map = torch.randn(2, 5, side, side), torch.randn(2, 4, 3, 6, 6)
    torch.testing.assert_close(
        combiner(identity_map, rppg_map), literal_ctfc(combiner, identity_map, rppg_map)
    )


def test_gentle_start_passes_the_pulse_through() -> None:
    combiner = CrossTaskFeatureCombiner(5, 4)
    rppg_map = torch.randn(2, 4, 3, 6, 6)
    torch.testing.assert_close(
        combiner(torch.zeros(2, 5, 2, 2), rppg_map).std(), rppg_map.std(), rtol=0.05, atol=0
    )
    assert combiner.alpha.item() == pytest.approx(0.1)


def test_noise_has_the_shape_of_the_identity_map_and_is_new_each_training_step() -> None:
    clip = torch.randn(2, 3, 8, 50, 72)
    noise = NoiseMap(32, 32, upsample=2)
    identity_map = RFaceNet(SMALL).identity_branch(clip)
    assert noise(clip).shape == identity_map.shape
    assert not torch.equal(noise(clip), noise(clip))
    assert not torch.equal(noise(clip)[0], noise(clip)[1])


def test_normalisation_undoes_the_weakness_of_a_mean_of_differences() -> None:
    weak = torch.randn(4, 3, 8, 16, 16) * 0.02
    branch = RFaceNet(SMALL).identity_branch
    strong = branch[1].normalise(branch[0](weak))
    assert strong.std().item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    "changes",
    [
        {"fusion_stage": 4},
        {"fusion_stage": 0},
        {"identity_depth": "layer5"},
        {"tcu_frames": 0},
        {"tcu_upsample": 0},
        {"n_identities": -1},
        {"n_identities": 0, "fusion_stage": None},
        {"width": 10},
    ],
)
def test_refuses_settings_that_cannot_work(changes: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        RFaceNet(replace(copy.copy(SMALL), **changes))


def test_appearance_reaches_the_identity_branch_alone() -> None:
    torch.manual_seed(0)
    network = RFaceNet(RFaceNetConfig(5, appearance=True, identity_width=8, width=8)).eval()
    torch.nn.init.zeros_(network.combiner.identity_convolution.weight)  # the two branches do not meet
    torch.nn.init.zeros_(network.combiner.identity_convolution.bias)
    changes, one, other = torch.randn(3, 1, 3, 16, 32, 32)
    with_one, with_other = (network(torch.cat([changes, seen], 1)) for seen in (one, other))
    torch.testing.assert_close(with_one.bvp, with_other.bvp)
    assert not torch.allclose(with_one.identity_logits, with_other.identity_logits)
    with pytest.raises(SettingsError, match=r"\(batch, 6, frames"):
        network(changes)
