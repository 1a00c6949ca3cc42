import numpy as np
import pytest
import torch
from torch import Tensor

from rfacenet.models import InputSpec, list_models
from rfacenet.models.registry import build_for
from rfacenet.training import TrainConfig
from rfacenet.training.augmentation import RATES_BPM, SPEEDS, at_speed, augmentation_of, balanced
from rfacenet.training.batch import ClipBatch
from rfacenet.training.module import TrainingModule
from rfacenet.training.objectives import Target
from tester import SMALL, small_model

MAP = InputSpec(300, 25, 1, 30.0, "map_yuv", "rate", regions="blocks")


def sinusoids(rate_bpm: Tensor, frames: int = 300, shift_s: float = 0.0) -> Tensor:
    """Waves ``(B, T)`` at 30 Hz."""
    return torch.sin(2 * torch.pi * rate_bpm[:, None] / 60 * (torch.arange(frames) / 30 + shift_s))


def as_map(waves: Tensor) -> Tensor:
    return 127.5 * (1 + waves[:, None, :, None, None].repeat(1, 3, 1, 25, 1))


def target_of(rate_bpm: Tensor) -> Target:
    n = len(rate_bpm)
    return Target(sinusoids(rate_bpm), torch.full((n,), 30.0), torch.zeros(n), False)


def rates_of(clip: Tensor) -> np.ndarray:
    """Heart rates by zero crossings, which a mirrored end does not change as it does a spectrum."""
    rows = clip[:, 0, :, 0, 0].numpy() - 127.5
    crossings = (rows[:, 1:] * rows[:, :-1] < 0).sum(1)
    return crossings / 2 / (rows.shape[1] - 1) * 30 * 60


def test_speeds_keep_their_promise() -> None:
    torch.manual_seed(0)
    true_bpm = 50 + 80 * torch.rand(64)
    clip, target = balanced(as_map(sinusoids(true_bpm)), target_of(true_bpm))
    assert clip.shape == (64, 3, 300, 25, 1)
    assert (target.speed >= SPEEDS[0]).all() and (target.speed <= SPEEDS[1]).all()
    torch.testing.assert_close(target.rate_bpm, true_bpm * target.speed, atol=0.5, rtol=0)
    error_bpm = rates_of(clip) - target.rate_bpm.numpy()
    assert np.abs(error_bpm).max() < 3 * 3.1  # a crossing, 3 bpm in 10 s, for each part and mirrored part
    assert np.abs(error_bpm).mean() < 3


def test_common_rates_become_more_even() -> None:
    torch.manual_seed(0)
    true_bpm = (80 + 12 * torch.randn(500)).clamp(45, 150)
    target = target_of(true_bpm)
    _, changed = balanced(as_map(target.bvp)[:, :, :2, :1], target)

    def unevenness(rate_bpm: Tensor) -> float:
        counts = torch.histc(rate_bpm, 7, *RATES_BPM)
        return (counts.std() / counts.mean()).item()

    assert unevenness(true_bpm * changed.speed) < 0.5 * unevenness(true_bpm)


def test_rates_beyond_the_range_are_brought_as_near_as_speeds_can() -> None:
    true_bpm = torch.tensor([240.0])
    _, changed = balanced(as_map(sinusoids(true_bpm)), target_of(true_bpm))
    assert changed.speed.item() == pytest.approx(SPEEDS[0])


@pytest.mark.parametrize("place", [0.0, 0.4, 1.0])
def test_a_slower_map_is_a_part_read_in_between(place: float) -> None:
    clip = torch.rand(1, 2, 11, 3, 1, generator=torch.Generator().manual_seed(0))
    found = at_speed(clip, torch.tensor([0.5]), torch.tensor([place]))
    t = np.arange(11) * 0.5 + 5 * place
    for channel in range(2):
        for row in range(3):
            read = np.interp(t, np.arange(11), clip[0, channel, :, row, 0])
            stretch = 255 * (read - read.min()) / (read.max() - read.min())
            np.testing.assert_allclose(found[0, channel, :, row, 0], stretch, atol=1e-3)


@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_a_faster_map_goes_on_mirrored(place: float) -> None:
    ramp = torch.arange(13.0).reshape(1, 1, 13, 1, 1)
    found = at_speed(ramp, torch.tensor([1.5]), torch.tensor([place])).flatten() / 255 * 12
    wide = np.concatenate([np.arange(12, 0, -1), np.arange(13), np.arange(11, -1, -1)])  # from −12 to 24
    read = np.interp(np.arange(13) * 1.5 - 6 * place, np.arange(-12, 25), wide)
    np.testing.assert_allclose(found, (read - read.min()) / (read.max() - read.min()) * 12, atol=1e-4)


def test_the_networks_own_speed_changes_nothing() -> None:
    clip = as_map(sinusoids(torch.tensor([70.0, 90.0])))
    same = at_speed(clip, torch.ones(2), torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(same, at_speed(same, torch.ones(2), torch.zeros(2)), atol=1e-2, rtol=0)
    torch.testing.assert_close(same.diff(dim=2) > 0, clip.diff(dim=2) > 0)


@pytest.mark.parametrize("name", [name for name in list_models() if name != "stattention"])
def test_other_networks_clips_stay_as_they_are(name: str) -> None:
    clip, target = torch.rand(1), target_of(torch.tensor([70.0]))
    assert augmentation_of(small_model(name).network)(clip, target) == (clip, target)


def test_a_training_step_learns_from_changed_maps_and_a_resumed_run_from_the_same() -> None:
    torch.manual_seed(0)
    true_bpm = torch.tensor([60.0, 75.0, 90.0, 80.0])
    batch = ClipBatch(
        100 + 5 * sinusoids(true_bpm)[:, None, :, None, None].repeat(1, 3, 1, 25, 1),
        sinusoids(true_bpm),
        torch.full((4,), 30.0),
        torch.zeros(4),
    )
    model = build_for("stattention", MAP, **SMALL["stattention"])
    module = TrainingModule(model, TrainConfig(network="stattention", input=MAP), 1)
    module.log_dict = lambda *_, **__: None
    seen: list[Tensor] = []
    model.network.register_forward_pre_hook(lambda _, clips: seen.append(clips[0]))
    for _ in range(2):
        module.on_train_batch_start(batch, 0)
        module.training_step(batch, 0)
    assert torch.equal(*seen)
    assert not torch.equal(seen[0], model.normalise(batch.frames))
    module.eval()
    module.validation_step(("x", batch), 0)
    assert torch.equal(seen[2], model.normalise(batch.frames))
