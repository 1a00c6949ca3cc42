import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfacenet.methods.chrom import chrom
from rfacenet.methods.samc import METHOD, Weights, calm, complete, leading_wave, objective, samc, weights_for
from rfacenet.signal.colour import PULSE_COLOUR
from rfacenet.signal.filters import bandpass
from rfacenet.signal.resample import to_uniform_grid
from rfacenet.signal.spectrum import heart_rate_bpm

FS_HZ = 30.0
CELLS = 64


def low_rank(rank, rng, shape=(40, 200)):
    """Waves of different rates, each seen by all rows with strengths of their own."""
    strengths = rng.uniform(0.5, 1.5, (shape[0], rank)) * rng.choice([-1, 1], (shape[0], rank))
    phase = 2 * np.pi * np.arange(shape[1]) / shape[1]
    return strengths @ np.stack([np.sin((8 + 5 * k) * phase) for k in range(rank)])


def noisy(seed, share=0.1, size=8.0, rank=1):
    """A matrix of known rank, the same with outliers in known places, and those places."""
    rng = np.random.default_rng(seed)
    clean = low_rank(rank, rng)
    wrong = rng.random(clean.shape) < share
    # Far from the true entries by construction, so that each of them can be told.
    spoilt = clean + wrong * size * rng.choice([-1, 1], clean.shape) * rng.uniform(1, 2, clean.shape)
    return clean, spoilt, wrong


def face(rate_bpm=78.0, duration_s=30.0, noise=0.05, seed=0):
    """Mean colours of 64 cells of still skin with a pulse, ``(T, 64, 1, 3)``, and the pulse."""
    rng = np.random.default_rng(seed)
    t_s = np.arange(0, duration_s, 1 / FS_HZ)
    bvp = np.sin(2 * np.pi * rate_bpm / 60 * t_s)
    skin = np.array([170.0, 120.0, 95.0]) * rng.uniform(0.7, 1.2, (CELLS, 1))
    rgb = skin * (1 - 0.005 * bvp[:, None, None] * PULSE_COLOUR)
    return (rgb + rng.normal(0, noise, rgb.shape))[:, :, None], bvp


class TestComplete:
    @pytest.mark.parametrize("rank", [1, 2])
    def test_recovers_the_entries_and_the_outliers_of_a_matrix_of_known_rank(self, rank):
        clean, spoilt, wrong = noisy(seed=3, rank=rank)
        # Beforehand, half of the outliers are taken for good entries and a fifth of those for outliers.
        prior = ~wrong ^ (np.random.default_rng(0).random(wrong.shape) < 0.2 + 0.3 * wrong)
        found, mask = complete(spoilt, prior)
        np.testing.assert_array_equal(mask, ~wrong)
        # The shrinking costs a part of every singular value, and no more than that is missing.
        assert np.linalg.norm(found - clean) < 0.2 * np.linalg.norm(clean)
        assert np.corrcoef(found[wrong], clean[wrong])[0, 1] > 0.99
        assert np.linalg.matrix_rank(found, tol=1e-6) == rank

    def test_little_weight_on_the_rank_recovers_the_entries_exactly(self):
        clean, spoilt, wrong = noisy(seed=4)
        usual = weights_for(spoilt, ~wrong)
        found, _ = complete(spoilt, ~wrong, Weights(1e-3 * usual.rank, usual.entry, usual.prior))
        np.testing.assert_allclose(found[~wrong], clean[~wrong], atol=2e-3)

    def test_no_other_mask_would_be_better(self):
        _, spoilt, _ = noisy(seed=5, size=1.0)
        prior = np.random.default_rng(5).random(spoilt.shape) < 0.7
        weights = weights_for(spoilt, prior)
        found, mask = complete(spoilt, prior, weights)
        best = objective(spoilt, prior, found, mask, weights)
        assert (mask & ~prior).any()  # both ways of going against what was known beforehand
        assert (~mask & prior).any()
        for entry in np.ndindex(8, 200):
            mask[entry] ^= True
            assert objective(spoilt, prior, found, mask, weights) >= best - 1e-9
            mask[entry] ^= True

    @given(st.integers(0, 10**6), st.floats(0, 0.3), st.floats(0, 20))
    @settings(max_examples=25, deadline=None)
    def test_the_objective_never_rises(self, seed, share, size):
        _, spoilt, _ = noisy(seed, share, size)
        prior = np.random.default_rng(seed).random(spoilt.shape) < 0.7
        weights = weights_for(spoilt, prior)
        values = [
            objective(spoilt, prior, *complete(spoilt, prior, weights, max_steps=steps), weights)
            for steps in (0, 1, 2, 3, 5, 8, 13, 21, 34)
        ]
        assert (np.diff(values) <= 1e-9 * np.abs(values[0])).all()

    @given(st.integers(0, 10**6), st.floats(1e-6, 1e6))
    @settings(max_examples=25, deadline=None)
    def test_scaling_the_matrix_scales_the_result(self, seed, scale):
        _, spoilt, wrong = noisy(seed)
        found, mask = complete(spoilt, ~wrong)
        scaled, scaled_mask = complete(scale * spoilt, ~wrong)
        np.testing.assert_allclose(scaled, scale * found, atol=1e-8 * scale)
        np.testing.assert_array_equal(scaled_mask, mask)

    @given(st.integers(0, 10**6))
    @settings(max_examples=25, deadline=None)
    def test_permuting_the_rows_permutes_the_result(self, seed):
        _, spoilt, wrong = noisy(seed)
        order = np.random.default_rng(seed).permutation(len(spoilt))
        found, mask = complete(spoilt, ~wrong)
        permuted, permuted_mask = complete(spoilt[order], ~wrong[order])
        np.testing.assert_allclose(permuted, found[order], atol=1e-8)
        np.testing.assert_array_equal(permuted_mask, mask[order])

    def test_zeros_give_zeros(self):
        found, mask = complete(np.zeros((5, 30)), np.ones((5, 30), dtype=bool))
        assert not found.any()
        assert mask.all()


def test_calm_is_where_nothing_moves():
    rng = np.random.default_rng(0)
    chrominance = rng.normal(size=(10, 300))
    chrominance[2, 100:200] *= 10
    chrominance[7, :150] *= 10
    trusted = calm(chrominance, FS_HZ)
    assert not trusted[2, 100:200].any()
    assert not trusted[7, :150].any()
    assert trusted.mean() == pytest.approx(0.7, abs=0.01)


class TestWave:
    def test_a_noise_that_moves_through_the_cells_does_not_hide_the_pulse_of_the_others(self):
        clip, bvp = face()
        rng = np.random.default_rng(1)
        # At most 10 of 64 cells at a time, with a rhythm in the pulse's own band and no colour of blood.
        sway = bandpass(rng.normal(size=(len(clip), 3)), FS_HZ, (0.7, 3.0))
        for first in range(0, len(clip), 60):
            cells = rng.choice(CELLS, 10, replace=False)
            clip[first : first + 60, cells, 0] += 8 * sway[first : first + 60, None]
        mean = chrom(clip.mean(axis=(1, 2)), FS_HZ)
        found = samc(clip, FS_HZ)
        assert np.corrcoef(mean, bvp)[0, 1] < 0.5
        assert abs(heart_rate_bpm(mean, FS_HZ) - 78) > 5
        assert np.corrcoef(found, bvp)[0, 1] > 0.97
        assert heart_rate_bpm(found, FS_HZ) == pytest.approx(78, abs=0.5)

    def test_cells_that_pulse_the_wrong_way_round_do_not_turn_the_wave_over(self):
        rng = np.random.default_rng(2)
        pulse = np.sin(2 * np.pi * 1.3 * np.arange(300) / FS_HZ)
        for _ in range(20):  # a vector's own sign is chance: about half of these would be upside down
            strengths = rng.uniform(0.5, 1.5, (16, 1)) * rng.permutation(np.repeat([1, -1], [11, 5]))[:, None]
            chrominance = 1e-3 * (strengths * pulse + rng.normal(0, 0.1, (16, 300)))
            assert np.corrcoef(leading_wave(chrominance, FS_HZ), pulse)[0, 1] > 0.97

    def test_windows_agree_in_sign_and_scale(self):
        clip, bvp = face(duration_s=60)
        # A pulse that grows threefold, as when the hands get warm: every window still weighs as much.
        growth = np.linspace(1, 3, len(clip))[:, None, None, None]
        grown = clip.mean(axis=0) + growth * (clip - clip.mean(axis=0))
        found = samc(grown, FS_HZ)
        pieces = list(zip(np.split(found, 12), np.split(bvp, 12), strict=True))
        assert min(np.corrcoef(a, b)[0, 1] for a, b in pieces) > 0.97
        deviations = [piece.std() for piece, _ in pieces]
        assert max(deviations) < 1.6 * min(deviations)

    def test_a_part_without_any_pulse_is_silent_and_leaves_the_rest(self):
        clip, bvp = face(duration_s=40)
        clip[:600] = clip[0]
        found = samc(clip, FS_HZ)
        assert not found[:300].any()
        assert np.corrcoef(found[750:], bvp[750:])[0, 1] > 0.97

    def test_dark_and_saturated_cells_count_for_nothing(self):
        clip, bvp = face()
        clip[:, :8], clip[:, 8:16] = 0, 255
        assert np.corrcoef(samc(clip, FS_HZ), bvp)[0, 1] > 0.97

    def test_reads_slices_of_what_lies_elsewhere(self):
        clip, _ = face(duration_s=12)
        t_s = np.arange(len(clip)) / FS_HZ
        (stretch,) = to_uniform_grid(t_s, clip, np.ones(len(clip), dtype=bool), FS_HZ, 0.5)
        np.testing.assert_allclose(METHOD.extract(stretch, FS_HZ), samc(clip, FS_HZ), atol=1e-6)


def test_chrom_of_regions_is_chrom_of_each():
    clip, _ = face(duration_s=5)
    each = np.stack([chrom(clip[:, cell, 0], FS_HZ) for cell in range(CELLS)], axis=1)
    np.testing.assert_allclose(chrom(clip[:, :, 0], FS_HZ), each, atol=1e-12)
