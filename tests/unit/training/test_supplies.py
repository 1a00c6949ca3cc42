import random
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rfacenet.errors import SettingsError
from rfacenet.models import InputSpec
from rfacenet.simulation import ClipSimulator, Difficulty, SimulatedBatch
from rfacenet.training.footage import Footage, read_footage
from rfacenet.training.supplies import EncodedClips, InjectedClips, RegionClips
from rfacenet.video import open_video
from videos import write_video

EASY = Difficulty.named("easy")
SPEC = InputSpec(32, 24, 20, 30.0, "diff_normalized", "wave")
Supply = EncodedClips | InjectedClips


@pytest.fixture(scope="module")
def videos(footage: Path) -> list[Footage]:
    return read_footage(str(footage), SPEC)


@pytest.fixture(params=["encoded", "injected"])
def supply(request: pytest.FixtureRequest, videos: list[Footage]) -> Supply:
    if request.param == "encoded":
        return EncodedClips(32, (24, 20), EASY, range(50), 0)
    return InjectedClips(32, (24, 20), 30.0, EASY, videos, 0)


def correlation(batch: SimulatedBatch) -> torch.Tensor:
    """Pearson's r of mean green over the middle of the face and the pulse, ``(B,)``."""
    green = batch.frames[:, 1, :, 8:16, 6:14].double().mean((-1, -2))
    return torch.stack(
        [torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(green, batch.bvp, strict=True)]
    )


def test_shapes_and_types_are_the_simulators(supply: Supply) -> None:
    batch = supply.batch(2, 0)
    assert batch.frames.shape == (2, 3, 32, 24, 20)
    assert batch.frames.dtype == torch.uint8
    assert batch.frames.is_contiguous()
    assert batch.bvp.shape == batch.t_s.shape == (2, 32)
    assert batch.bvp.dtype == batch.t_s.dtype == batch.fs_hz.dtype == torch.float32
    assert batch.heart_rate_bpm.shape == batch.identity.shape == batch.skin_type.shape == (2,)
    torch.testing.assert_close(batch.bvp.std(1), torch.ones(2))
    assert (batch.t_s.diff() > 0).all()


def test_a_clip_depends_on_its_number_alone(supply: Supply) -> None:
    together, alone, other = supply.batch(2, 1), supply.batch(1, 3), supply.batch(1, 0)
    for field in fields(SimulatedBatch):
        assert torch.equal(getattr(together, field.name)[1:], getattr(alone, field.name))
    assert not torch.equal(alone.frames, other.frames)


def test_green_falls_as_blood_volume_rises(supply: Supply) -> None:
    assert correlation(supply.batch(8, 0)).median() < -0.7


def test_encoded_faces_lie_where_drawn_ones_do() -> None:
    people = {
        "n_frames": 2,
        "size_px": (12, 12),
        "difficulty": EASY,
        "identities": range(0, 60, 6),
        "seed": 0,
    }
    pictures = []
    for supply in (EncodedClips(**people), ClipSimulator(**people)):
        frames = supply.batch(24, 0).frames[:, :, 0].float()
        redness = (frames[:, 0] - frames[:, 2]).mean(0)
        pictures.append((redness - redness.mean()).flatten())
    assert torch.corrcoef(torch.stack(pictures))[0, 1] > 0.9


def test_faces_are_kept_large_enough_for_their_clips(footage: Path) -> None:
    (kept,) = read_footage(str(footage / "a.mp4"), replace(SPEC, height=128, width=128))
    (stretch,) = kept.stretches
    assert stretch[:1].shape == (1, 222, 162, 3)


@pytest.mark.parametrize("fs_hz", [15.0, 30.0, 60.0])
def test_footage_comes_at_the_networks_frame_rate(footage: Path, fs_hz: float) -> None:
    (kept,) = read_footage(str(footage / "a.mp4"), replace(SPEC, frames=16, fs_hz=fs_hz))
    (stretch,) = kept.stretches
    assert len(stretch) == pytest.approx(1.2 * fs_hz, abs=2)
    assert kept.clip(random.Random(0), 16).shape == (16, 120, 88, 3)


def test_grey_footage_is_refused(footage: Path, tmp_path: Path) -> None:
    with open_video(footage / "a.mp4") as video:
        frames = [replace(f, rgb=np.repeat(f.rgb[..., 1:2], 3, axis=2)) for f in video]
    path = write_video(tmp_path / "grey.mkv", frames, codec="ffv1", pix_fmt="bgr0")
    with pytest.raises(SettingsError, match=r"grey\.mkv' is grey-scale"):
        read_footage(str(path), SPEC)


def test_regions_of_simulated_faces_carry_the_pulse_where_there_is_skin() -> None:
    supply = RegionClips(120, "areas", EASY, range(50), 0, torch.device("cpu"))
    batch = supply.batch(4, 1)
    assert batch.frames.shape == (4, 3, 120, 6, 1)
    assert batch.frames.dtype == torch.float32
    green = batch.frames[:, 1, :, :, 0].double()
    for region in (0, 1, 2):  # forehead and upper cheeks
        pairs = zip(green[..., region], batch.bvp.double(), strict=True)
        r = torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in pairs])
        assert r.median() < -0.3, region  # skin gets darker as blood comes
    torch.testing.assert_close(supply.batch(4, 1).frames, batch.frames)
