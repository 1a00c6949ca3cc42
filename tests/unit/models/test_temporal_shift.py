import torch

from rfacenet.models.temporal_shift import TemporalShift


def test_shifts_thirds_of_the_channels_within_segments() -> None:
    """By hand: seven channels, the first two from the next frame, two from the last one, three stay."""
    numbers = torch.arange(1, 7)[:, None] * 10 + torch.arange(7)  # frame 1 to 6 × 10 + channel 0 to 6
    by_hand = torch.tensor(
        [
            [20, 21, 0, 0, 14, 15, 16],
            [30, 31, 12, 13, 24, 25, 26],
            [0, 0, 22, 23, 34, 35, 36],  # the end of a segment, and the start of the next
            [50, 51, 0, 0, 44, 45, 46],
            [60, 61, 42, 43, 54, 55, 56],
            [0, 0, 52, 53, 64, 65, 66],
        ]
    )
    frames = numbers[:, :, None, None].expand(6, 7, 2, 3).float()
    expected = by_hand[:, :, None, None].expand(6, 7, 2, 3).float()
    assert torch.equal(TemporalShift(3)(frames), expected)


def test_keeps_the_layout_in_memory() -> None:
    frames = torch.randn(6, 7, 4, 5).contiguous(memory_format=torch.channels_last)
    shifted = TemporalShift(3)(frames)
    assert shifted.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(shifted, TemporalShift(3)(frames.contiguous()))
