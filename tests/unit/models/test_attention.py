import pytest
import torch
from torch import nn

from rfacenet.errors import SettingsError
from rfacenet.models.attention import AttentionConfig, AttentionMask, frames_of, make_head, make_stages


def test_mask_is_the_published_formula() -> None:
    mask = AttentionMask(5)
    features = torch.randn(2, 5, 6, 9)
    weights = mask(features)
    torch.testing.assert_close(weights.sum((1, 2, 3)), torch.full((2,), 6 * 9 / 2))
    sigmoid = 1 / (1 + torch.exp(-mask.convolution(features).double()))
    expected = sigmoid / sigmoid.sum((2, 3), keepdim=True) * 6 * 9 * 0.5
    torch.testing.assert_close(weights, expected.float())


def test_frames_are_in_order_and_cost_no_copy() -> None:
    clip = torch.randn(2, 6, 3, 4, 5).contiguous(memory_format=torch.channels_last_3d)
    frames = frames_of(clip[:, 3:])
    assert torch.equal(frames[4], clip[1, 3:, 1])
    assert frames.data_ptr() == clip[:, 3:].data_ptr()


@pytest.mark.parametrize("size_px", [(10, 10), (11, 16), (17, 36), (72, 73)])
def test_head_fits_frames_of_any_size(size_px: tuple[int, int]) -> None:
    config = AttentionConfig(*size_px, filters=2, hidden=4)
    network = nn.Sequential(*make_stages(config), make_head(config))
    assert network(torch.randn(3, 3, *size_px)).shape == (3, 1)


@pytest.mark.parametrize("settings", [{"height_px": 9}, {"width_px": 0}, {"filters": 0}, {"hidden": -1}])
def test_refuses_what_is_too_small_and_names_what_would_work(settings: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="would work") as caught:
        AttentionConfig(**settings)
    AttentionConfig(**dict.fromkeys(settings, int(str(caught.value).split("; ")[1].split()[0])))
