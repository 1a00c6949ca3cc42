import numpy as np
import pytest
import scipy.special
import torch
from torch import nn

from rfacenet.errors import SettingsError
from rfacenet.models import PhysFormer, PhysFormerConfig
from rfacenet.models.physformer import TemporalDifferenceAttention, attention_map
from tester import SMALL, ModelTester


class TestPhysFormer(ModelTester):
    other_shapes = ((1, 3, 4, 16, 16), (1, 3, 12, 17, 40), (3, 3, 20, 36, 36))
    unfit_shapes = ((2, 3, 7, 16, 16), (2, 3, 2, 16, 16), (2, 3, 8, 7, 16), (2, 3, 8, 16, 4))

    def build(self) -> nn.Module:
        return PhysFormer(PhysFormerConfig(**SMALL["physformer"]))


def test_has_the_published_number_of_parameters() -> None:
    assert sum(parameter.numel() for parameter in PhysFormer().parameters()) == 7_380_865


@pytest.mark.parametrize(
    ("patch", "side", "tokens"),
    [(4, 128, 4), (4, 36, 1), (3, 72, 3), (2, 36, 2), (2, 16, 1), (1, 72, 9), (1, 36, 4)],
)
def test_sides_that_hold_whole_patches_work(patch: int, side: int, tokens: int) -> None:
    network = PhysFormer(PhysFormerConfig(dim=4, heads=1, feed_forward=4, blocks=1, patch=patch)).eval()
    clip = torch.randn(1, 3, 4, side, side)
    assert network(clip).shape == (1, 4)
    assert network.tokenise(network.stem(clip)).shape == (1, 4, 1, tokens, tokens)


@pytest.mark.parametrize(("patch", "side", "works"), [(4, 72, 64), (4, 31, 32), (2, 72, 64), (3, 36, 24)])
def test_refuses_sides_of_which_patches_would_be_cut_off(patch: int, side: int, works: int) -> None:
    network = PhysFormer(PhysFormerConfig(dim=4, heads=1, feed_forward=4, blocks=1, patch=patch)).eval()
    with pytest.raises(SettingsError, match=f"4 frames of {works}×{works} would work"):
        network(torch.randn(1, 3, 4, side, side))


def test_attention_is_a_softmax_over_products_divided_by_sharpness() -> None:
    query, key = torch.randn(2, 3, 7, 4), torch.randn(2, 3, 5, 4)
    found = attention_map(query, key, 0.5)
    expected = scipy.special.softmax(np.einsum("bhnd,bhmd->bhnm", query, key) / 0.5, axis=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    torch.testing.assert_close(found.sum(-1), torch.ones(2, 3, 7))


def test_heads_attend_apart_and_are_put_side_by_side() -> None:
    torch.manual_seed(0)
    layer = TemporalDifferenceAttention(PhysFormerConfig(dim=8, heads=2)).eval()
    tokens = torch.randn(1, 3, 2, 2, 8)
    gathered, attention = layer(tokens)
    volume = tokens.movedim(-1, 1)
    query, key, value = (make(volume)[0].detach().numpy() for make in (layer.query, layer.key, layer.value))
    for head, channels in enumerate((slice(0, 4), slice(4, 8))):
        q, k, v = (part[channels].reshape(4, 12) for part in (query, key, value))
        weights = scipy.special.softmax(q.T @ k / 2.0, axis=1)
        np.testing.assert_allclose(attention[0, head].detach(), weights, rtol=1e-4)
        expected = (v @ weights.T).T.reshape(3, 2, 2, 4)
        np.testing.assert_allclose(gathered[0, ..., channels].detach(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"dim": 0}, "dim must be a positive multiple of 4 and of its 4 heads, not 0; 96 would work"),
        ({"dim": 20, "heads": 3}, "not 20; 72 would work"),
        ({"heads": 0}, "heads must be at least 1"),
        ({"blocks": 0}, "blocks must be at least 1"),
        ({"theta": 1.5}, "theta must be 0 to 1, not 1.5; 0.7 would work"),
        ({"sharpness": 0}, "sharpness must be above 0"),
        ({"dropout": 1}, "dropout must be 0 or more and below 1"),
        ({"patch": 0}, "patch must be at least 1"),
    ],
)
def test_refuses_settings_that_cannot_work(setting: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        PhysFormerConfig(**setting)
