import pytest
import torch
from torch import nn

from rfacenet.errors import SettingsError
from rfacenet.models import PhysFormerConfig, PhysFormerPlusPlus, PhysFormerPlusPlusConfig
from rfacenet.models.physformer import TransformerBlock
from tester import SMALL, ModelTester


class TestPhysFormerPlusPlus(ModelTester):
    other_shapes = ((1, 3, 4, 16, 16), (1, 3, 12, 17, 40), (3, 3, 20, 36, 36))
    unfit_shapes = ((2, 3, 7, 16, 16), (2, 3, 2, 16, 16), (2, 3, 8, 7, 16), (2, 3, 8, 16, 4))

    def build(self) -> nn.Module:
        return PhysFormerPlusPlus(PhysFormerPlusPlusConfig(**SMALL["physformerpp"]))


def test_has_the_stated_number_of_parameters() -> None:
    assert sum(parameter.numel() for parameter in PhysFormerPlusPlus().parameters()) == 10_272_817


def test_fast_pathway_has_twice_the_time_steps_and_half_the_channels() -> None:
    network = PhysFormerPlusPlus(PhysFormerPlusPlusConfig(**SMALL["physformerpp"])).eval()
    shapes = []
    for stage in network.stages:
        stage.register_forward_hook(lambda _, __, output: shapes.append([tuple(x.shape) for x in output[:2]]))
    network(torch.randn(1, 3, 16, 16, 24))
    assert shapes == 3 * [[(1, 4, 2, 3, 16), (1, 8, 2, 3, 8)]]


def test_pathways_run_apart_in_the_first_stage_and_meet_in_the_others() -> None:
    first, *others = PhysFormerPlusPlus(PhysFormerPlusPlusConfig(**SMALL["physformerpp"])).eval().stages
    slow, fast = torch.randn(1, 2, 2, 2, 16), torch.randn(1, 4, 2, 2, 8)

    def changes(stage: nn.Module) -> tuple[bool, bool]:
        """Whether slow follows fast, and fast follows slow."""
        before, other_fast, other_slow = stage(slow, fast), stage(slow, fast + 1), stage(slow.flip(1), fast)
        return not torch.equal(before[0], other_fast[0]), not torch.equal(before[1], other_slow[1])

    assert changes(first) == (False, False)
    assert [changes(stage) for stage in others] == [(True, True), (True, True)]


def test_a_token_shares_its_attention_between_its_own_pathway_and_the_other() -> None:
    block = TransformerBlock(PhysFormerConfig(dim=8, heads=2), context_dim=16).eval()
    tokens, context = torch.randn(1, 4, 1, 2, 8), torch.randn(1, 2, 1, 2, 16)
    _, attention = block(tokens, context)
    assert attention.shape == (1, 2, 8, 8 + 4)
    torch.testing.assert_close(attention.sum(-1), torch.ones(1, 2, 8))
    assert 0 < attention[..., 8:].sum(-1).min() < attention[..., 8:].sum(-1).max() < 1


def test_periodicity_is_the_last_attention_between_time_steps() -> None:
    network = PhysFormerPlusPlus(PhysFormerPlusPlusConfig(**SMALL["physformerpp"])).eval()
    kept = []
    network.stages[-1].slow[-1].register_forward_hook(lambda _, __, output: kept.append(output[1]))
    found = network(torch.randn(1, 3, 12, 16, 24)).periodicity
    # 3 steps of 6 tokens each, 2 heads
    expected = [
        [kept[0][0, :, i * 6 : i * 6 + 6, j * 6 : j * 6 + 6].sum().item() / 12 for j in range(3)]
        for i in range(3)
    ]
    torch.testing.assert_close(found[0].detach(), torch.tensor(expected))
    torch.testing.assert_close(found.sum(2).detach(), torch.ones(1, 3))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"dim": 12}, "dim must be a multiple of 8 and of its 4 heads, not 12; 96 would work"),
        ({"heads": 3}, "heads must be even, not 3; 4 would work"),
        ({"blocks": 4}, "blocks must be a multiple of 3, not 4; 12 would work"),
        ({"feed_forward": 9}, "feed_forward must be even"),
        ({"theta": 2}, "theta must be 0 to 1"),
    ],
)
def test_refuses_settings_that_cannot_work(setting: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        PhysFormerPlusPlusConfig(**setting)
