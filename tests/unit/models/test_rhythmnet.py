import pytest
import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models import RhythmNet, RhythmNetConfig
from rfacenet.models.rhythmnet import _with_gaps
from rfacenet.models.stmap import stretched
from tester import SMALL, RateTester

CONFIG = RhythmNetConfig(**SMALL["rhythmnet"])  # 4 clips of 20 frames, 4 apart: 32 frames


class TestRhythmNet(RateTester):
    clip_shape = (2, 3, 32, 25, 1)
    learning_shape = (2, 3, 80, 25, 1)
    other_shapes = ((1, 3, 32, 25, 1), (3, 3, 32, 25, 1))
    unfit_shapes = ((2, 3, 28, 25, 1), (2, 3, 33, 25, 1), (2, 3, 32, 15, 1))
    parts = 4

    def build(self) -> nn.Module:
        return RhythmNet(CONFIG)


def count(part: nn.Module) -> int:
    return sum(parameter.numel() for parameter in part.parameters())


def test_has_the_published_number_of_parameters() -> None:
    """All that is trained: ResNet-18 with its 1000 outputs, the recurrent unit, and both heads."""
    network = RhythmNet()
    assert count(network.trunk) + count(network.embedding) == 11_689_512  # ResNet-18 as published
    assert count(network.recurrent) == 3 * (2 * 1000 * 1000 + 2 * 1000)
    assert count(network.head) == count(network.head_alone) == 1001
    assert count(network) == 17_697_514
    assert round(count(network) / 1e6, 2) == 17.70


def test_published_window_is_six_clips_half_a_second_apart() -> None:
    network = RhythmNet(RhythmNetConfig(width=2)).eval()
    assert (network.needs.shortest, network.needs.frames_multiple) == (375, 15)
    assert network(torch.zeros(1, 3, 375, 25, 1)).beats_per_frame.shape == (1, 6)
    assert network(torch.zeros(1, 3, 390, 25, 1)).beats_per_frame.shape == (1, 7)


def test_clips_are_stretched_as_if_read_by_themselves() -> None:
    colours = 50 + 100 * torch.rand(2, 3, 32, 25, 1, generator=torch.Generator().manual_seed(0))
    clips = RhythmNet(CONFIG).clips_of(stretched(colours))
    assert clips.shape == (2 * 4, 3, 20, 25, 1)
    for person in range(2):
        for k in range(4):
            alone = stretched(colours[person : person + 1, :, 4 * k : 4 * k + 20])
            torch.testing.assert_close(clips[4 * person + k], alone[0], atol=1e-3, rtol=1e-4)


def test_a_clips_rate_heeds_the_clips_before_it_alone() -> None:
    network = RhythmNet(CONFIG).eval()
    clip = TestRhythmNet.draw(1, 3, 32, 25, 1)
    other = clip.clone()
    other[:, :, 29:] = clip[:, :, 29:].flip(2)  # the last clip alone reaches so far
    before, after = network(clip).beats_per_frame, network(other).beats_per_frame
    torch.testing.assert_close(before[:, :3], after[:, :3], rtol=0, atol=1e-7)
    assert before[0, 3] != after[0, 3]
    network.recurrent.weight_hh_l0.data.zero_()
    assert not torch.equal(before[:, 1:], network(clip).beats_per_frame[:, 1:])


def test_a_fresh_network_answers_near_75_bpm() -> None:
    rates_bpm = TestRhythmNet.answer(RhythmNet(CONFIG).eval()(TestRhythmNet.draw(4, 3, 32, 25, 1)))
    assert (rates_bpm - 75).abs().max() < 10


def test_half_of_the_clips_lose_10_to_30_frames() -> None:
    torch.manual_seed(0)
    gaps = (_with_gaps(torch.ones(4000, 2, 300, 3, 1)) == 0).float()
    assert torch.equal(gaps, gaps[:, :1, :, :1].expand_as(gaps))  # whole frames
    gaps = gaps[:, 0, :, 0, 0]
    lengths = gaps.sum(1)
    cut = lengths > 0
    assert cut.float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert sorted(set(lengths[cut].tolist())) == list(range(10, 31))
    edges = gaps.diff(dim=1, prepend=torch.zeros(4000, 1))
    assert ((edges > 0).sum(1) == cut).all()  # side by side
    assert gaps[:, 0].any() and gaps[:, -1].any()
    assert gaps.mean(0)[100:200].std() < 0.1 * gaps.mean(0)[100:200].mean()


def test_gaps_follow_torchs_seed_and_are_made_in_training_alone() -> None:
    network, clip = RhythmNet(CONFIG), TestRhythmNet.draw(8, 3, 32, 25, 1)

    def answer(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return network(clip).beats_per_frame

    assert torch.equal(answer(1), answer(1))
    assert not torch.equal(answer(1), answer(2))
    network.eval()
    assert torch.equal(answer(1), answer(2))
    assert network(clip).alone is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0}, "width must be at least 1, not 0; 64 would work"),
        ({"n_clips": 0}, "n_clips must be at least 1, not 0; 6 would work"),
        ({"clip_frames": 100}, "a multiple of its stride_frames, 15, not 100; 105 would work"),
    ],
)
def test_refuses_what_cannot_work(settings: dict[str, int], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        RhythmNetConfig(**settings)


def test_answers_as_it_did_when_this_was_written_down() -> None:
    """In training from a seed, so that gaps, norms and both heads count; beats per minute."""
    torch.manual_seed(0)
    network = RhythmNet(RhythmNetConfig(width=8, clip_frames=60, n_clips=4, stride_frames=10))
    output = network(TestRhythmNet.draw(2, 3, 90, 25, 1))
    together, alone = (1800 * part[1].detach() for part in output)
    assert together.tolist() == pytest.approx([74.3567, 75.861, 74.0517, 74.7235], abs=5e-3)
    assert alone.tolist() == pytest.approx([67.0389, 64.9662, 71.5109, 63.8829], abs=5e-3)
