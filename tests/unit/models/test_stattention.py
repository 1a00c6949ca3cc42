import numpy as np
import pytest
import torch
from scipy.special import expit
from torch import nn

from rfacenet.errors import SettingsError
from rfacenet.models import STAttention, STAttentionConfig
from rfacenet.models.stattention import ChannelAttention, PlaceAttention
from tester import SMALL, RateTester


class TestSTAttention(RateTester):
    clip_shape = (2, 3, 40, 25, 1)
    learning_shape = (2, 3, 90, 25, 1)
    other_shapes = ((1, 3, 32, 25, 1), (3, 3, 77, 25, 1))
    unfit_shapes = ((2, 3, 31, 25, 1), (2, 3, 40, 15, 1))

    def build(self) -> nn.Module:
        return STAttention(STAttentionConfig(**SMALL["stattention"]))


def test_has_as_many_parameters_as_its_layers_by_hand() -> None:
    """About 11.2 million: ResNet-18 without its classes, attention after each stage, and a head."""
    attention = sum(2 * width * width // 16 + 2 * 7 * 7 for width in (64, 128, 256, 512))
    expected = 11_689_512 - 513 * 1000 + attention + 513
    assert sum(parameter.numel() for parameter in STAttention().parameters()) == expected == 11_220_937


def test_channels_are_weighed_by_mean_and_maximum() -> None:
    torch.manual_seed(0)
    attention, features = ChannelAttention(32), torch.randn(2, 32, 3, 5)
    first, second = (attention.score[i].weight.detach().numpy() for i in (0, 2))
    x = features.numpy()
    score = sum(np.maximum(seen @ first.T, 0) @ second.T for seen in (x.mean((2, 3)), x.max((2, 3))))
    np.testing.assert_allclose(
        attention(features).detach(), x * expit(score)[:, :, None, None], rtol=1e-4, atol=1e-6
    )


def test_places_are_weighed_by_what_lies_within_three_steps() -> None:
    torch.manual_seed(0)
    attention, features = PlaceAttention(), torch.randn(1, 4, 9, 9)
    other = features.clone()
    other[:, :, 0, 0] += 1
    changed = attention(other) / other != attention(features) / features
    assert changed[0, :, :4, :4].all()
    assert not changed[0, :, 4:].any() and not changed[0, :, :, 4:].any()
    weight = (attention(features) / features)[0]
    torch.testing.assert_close(weight, weight[:1].expand_as(weight))
    seen = torch.stack([features.mean(1), features.amax(1)], 1)[0, :, 1:8, 1:8]
    expected = expit((seen * attention.score.weight[0]).sum().item())
    assert weight[0, 4, 4].item() == pytest.approx(expected, rel=1e-4)


def test_attention_follows_each_stage() -> None:
    stages = STAttention(STAttentionConfig(width=32)).stages
    assert [[type(part).__name__ for part in stage] for stage in stages] == [
        ["Sequential", "ChannelAttention", "PlaceAttention"]
    ] * 4
    assert [stage[1].score[0].weight.shape for stage in stages] == [(2, 32), (4, 64), (8, 128), (16, 256)]


def test_refuses_a_width_of_nothing() -> None:
    with pytest.raises(SettingsError, match="at least 1, not 0; 64 would work"):
        STAttentionConfig(0)


def test_answers_as_it_did_when_this_was_written_down() -> None:
    """From a seed, with the batch's own statistics, so that every layer counts; beats per minute."""
    torch.manual_seed(0)
    output = STAttention(STAttentionConfig(width=8))(TestSTAttention.draw(2, 3, 90, 25, 1))
    rates_bpm = TestSTAttention.answer(output).flatten().tolist()
    assert rates_bpm == pytest.approx([70.3403, 71.3845], abs=2e-3)
