from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rfacenet.errors import SettingsError
from rfacenet.simulation import ClipSimulator, Difficulty
from rfacenet.simulation.compression import draw_codec
from rfacenet.simulation.draws import Draws

from .conftest import correlation

SMALL = {"n_frames": 64, "size_px": (24, 24)}


def green(batch):
    """Mean green over the middle of the face, ``(B, T)``."""
    return batch.frames[:, 1, :, 8:16, 8:16].float().mean((-1, -2))


def test_shapes_and_types():
    batch = ClipSimulator(n_frames=20, size_px=(36, 28)).batch(3, 0)
    assert batch.frames.shape == (3, 3, 20, 36, 28)
    assert batch.frames.dtype == torch.uint8
    assert batch.frames.is_contiguous()
    assert batch.bvp.shape == batch.t_s.shape == (3, 20)
    assert batch.bvp.dtype == torch.float32
    assert (
        batch.heart_rate_bpm.shape
        == batch.fs_hz.shape
        == batch.identity.shape
        == batch.skin_type.shape
        == (3,)
    )
    torch.testing.assert_close(batch.bvp.mean(1), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(batch.bvp.std(1), torch.ones(3))
    assert (batch.t_s.diff() > 0).all()


def test_the_same_seed_and_index_give_the_same_clips():
    first, again = (ClipSimulator(**SMALL, difficulty="hard", seed=4).batch(2, 7) for _ in range(2))
    assert torch.equal(first.frames, again.frames)
    assert torch.equal(first.bvp, again.bvp)


def test_other_seeds_and_indices_give_other_clips():
    simulator = ClipSimulator(**SMALL)
    frames = simulator.batch(2, 0).frames
    assert not torch.equal(frames, simulator.batch(2, 1).frames)
    assert not torch.equal(frames, ClipSimulator(**SMALL, seed=1).batch(2, 0).frames)


def test_the_requested_rate_is_in_the_wave():
    batch = ClipSimulator(n_frames=240, size_px=(8, 8)).batch(6, 0)
    crossings = ((batch.bvp[:, 1:] > 0) & (batch.bvp[:, :-1] <= 0)).sum(1)
    expected = batch.heart_rate_bpm / 60 * batch.t_s[:, -1]
    assert ((crossings >= expected - 1.5) & (crossings <= 2 * expected + 2)).all()


def test_identities_differ_and_stay_themselves():
    one, other = (
        ClipSimulator(n_frames=2, size_px=(24, 24), identities=[number], difficulty="easy")
        for number in (8, 12)
    )
    assert (one.batch(1, 0).frames.float() - other.batch(1, 0).frames.float()).abs().mean() > 8
    assert one.batch(3, 1).identity.tolist() == [8, 8, 8]


def test_identities_outside_of_the_given_ones_never_appear():
    shown = ClipSimulator(n_frames=2, size_px=(8, 8), identities=range(10, 22)).batch(64, 0).identity
    assert set(shown.tolist()) <= set(range(10, 22))
    assert len(set(shown.tolist())) > 6


def test_skin_types_are_ordered_by_luminance():
    faces = []
    for kind in range(6):
        simulator = ClipSimulator(
            n_frames=2, size_px=(24, 24), identities=range(kind, 120, 6), difficulty="easy"
        )
        batch = simulator.batch(20, 0)
        assert (batch.skin_type == kind + 1).all()
        faces.append(float(green(batch).mean()))
    assert faces[0] > faces[2] > faces[4] > faces[5]


def test_green_falls_as_blood_volume_rises_and_less_visibly_the_harder_the_clip():
    medians = []
    for name in ("easy", "standard", "hard"):
        batch = ClipSimulator(**SMALL, difficulty=name).batch(24, 0)
        medians.append(float(correlation(green(batch), batch.bvp).median()))
    assert medians[0] < -0.8
    assert medians[0] < medians[1] < medians[2]


@pytest.mark.parametrize("subject", ["photo", "mannequin"])
def test_what_does_not_live_has_no_pulse(subject):
    batch = ClipSimulator(**SMALL, difficulty="easy", subject=subject).batch(24, 0)
    assert batch.bvp.count_nonzero() == 0
    assert batch.heart_rate_bpm.isnan().all()
    alive = ClipSimulator(**SMALL, difficulty="easy").batch(24, 0)
    assert correlation(green(batch), alive.bvp).abs().median() < 0.3


def test_channels_pulsate_in_the_known_proportion():
    easy = Difficulty.named("easy")
    noiseless = replace(
        easy,
        noise=(1e-6, 1e-6),
        shift=(1e-6, 1e-6),
        turn_rad=(1e-6, 1e-6),
        light_drift=(0, 0),
        color_drift=(0, 0),
    )
    still = ClipSimulator(n_frames=64, size_px=(24, 24), difficulty=noiseless, identities=range(0, 60, 6))
    batch = still.batch(32, 0)
    rgb = batch.frames[:, :, :, 9:15, 9:15].double().mean((-1, -2))
    relative = (rgb / rgb.mean(-1, keepdim=True)).std(-1)
    ratio = (relative / relative[:, 1:2]).median(0).values
    assert float(ratio[0]) == pytest.approx(0.43, abs=0.12)
    assert float(ratio[2]) == pytest.approx(0.69, abs=0.15)


def test_no_identities_is_refused():
    with pytest.raises(SettingsError, match="identity"):
        ClipSimulator(identities=[])


def test_compression_drops_what_is_smaller_than_its_step():
    level = replace(Difficulty.named("hard"), codec_step=(8.0, 8.0))
    codec = replace(
        draw_codec(Draws([0, 1]), level), period=torch.tensor([100.0, 100.0]), offset=torch.zeros(2)
    )
    faint = torch.full((2, 10, 3, 12, 10), 120.0)
    faint[:, 5:] += 0.5
    decoded = codec.compressed(faint)
    assert decoded.shape == faint.shape
    torch.testing.assert_close(decoded[:, 9], decoded[:, 0])
    strong = faint.clone()
    strong[:, 5:] += 20
    assert ((codec.compressed(strong) - strong)[:, 9].abs() < 8).all()


def test_compression_with_no_step_changes_nothing():
    level = replace(Difficulty.named("easy"), codec_step=(0.0, 0.0))
    frames = torch.rand(2, 6, 3, 9, 13) * 255
    torch.testing.assert_close(draw_codec(Draws([0, 1]), level).compressed(frames), frames, atol=0.02, rtol=0)


def test_difficulties_blend():
    easy, hard = Difficulty.named("easy"), Difficulty.named("hard")
    assert easy.blend(hard, 0.0) == easy
    assert easy.blend(hard, 0.5).noise == pytest.approx((1.0, 3.75))
    with pytest.raises(SettingsError, match="easy, standard, hard"):
        Difficulty.named("brutal")
