import pytest
import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models import TSCAN, TSCANConfig
from tester import ModelTester


class TestTSCAN(ModelTester):
    clip_shape = (2, 6, 8, 16, 20)
    learning_shape = (2, 6, 24, 16, 20)
    other_shapes = ((1, 6, 4, 16, 20), (3, 6, 20, 16, 20))
    unfit_shapes = ((2, 6, 7, 16, 20), (2, 6, 3, 16, 20), (2, 6, 8, 16, 16))

    def build(self) -> nn.Module:
        return TSCAN(TSCANConfig(16, 20, filters=8, hidden=32, frame_depth=4))


class TestTSCANOfRPPGToolbox(TestTSCAN):
    def build(self) -> nn.Module:
        return TSCAN(TSCANConfig(16, 20, filters=8, hidden=32, frame_depth=4, average_appearance=False))


@pytest.mark.parametrize(("side_px", "parameters"), [(72, 2_228_643), (36, 532_899)])
def test_has_the_published_number_of_parameters(side_px: int, parameters: int) -> None:
    network = TSCAN(TSCANConfig(side_px, side_px))
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@pytest.fixture
def clip() -> Tensor:
    return torch.randn(1, 6, 24, 16, 16, generator=torch.Generator().manual_seed(0))


def small(average_appearance: bool = True) -> TSCAN:
    torch.manual_seed(0)
    return TSCAN(TSCANConfig(16, 16, 4, 8, frame_depth=12, average_appearance=average_appearance)).eval()


@pytest.mark.parametrize(
    ("changed", "seen_from"), [(5, slice(1, 10)), (10, slice(6, 12)), (12, slice(12, 17))]
)
def test_a_frame_is_seen_by_four_on_either_side_within_its_segment(
    clip: Tensor, changed: int, seen_from: slice
) -> None:
    """Four convolutions, each of which sees one frame further."""
    other = clip.clone()
    other[:, :3, changed] += 1
    answers = small()(clip), small()(other)
    expected = torch.zeros(24, dtype=torch.bool)
    expected[seen_from] = True
    assert torch.equal((answers[0] != answers[1])[0], expected)


def test_a_segment_has_the_mask_of_its_mean_appearance(clip: Tensor) -> None:
    mean = clip.clone()
    for segment in (slice(0, 12), slice(12, 24)):
        mean[:, 3:, segment] = clip[:, 3:, segment].mean(2, keepdim=True)
    torch.testing.assert_close(small()(clip), small(average_appearance=False)(mean))
    assert not torch.allclose(small()(clip), small(average_appearance=False)(clip))


def test_refuses_segments_of_no_frame() -> None:
    with pytest.raises(SettingsError, match="frame_depth must be at least 1, not 0; 1 would work"):
        TSCANConfig(frame_depth=0)
