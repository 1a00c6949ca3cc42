"""What must hold of a heart rate whatever the wave."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfacenet.inference.reading import read_samples
from rfacenet.inference.sampling import FaceSamples
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import METHODS
from rfacenet.signal.spectrum import heart_rate_bpm

rates = st.floats(45, 180)
seeds = st.integers(0, 2**32 - 1)


def noisy_wave(rate_bpm, seed, n=450, fs_hz=30.0):
    rng = np.random.default_rng(seed)
    return np.sin(2 * np.pi * rate_bpm / 60 * np.arange(n) / fs_hz + rng.uniform(0, 6)) + 0.3 * rng.normal(
        size=n
    )


@given(rate_bpm=rates, seed=seeds, gain=st.floats(1e-3, 1e3), offset=st.floats(-1e3, 1e3))
def test_gain_sign_and_offset_change_nothing(rate_bpm, seed, gain, offset):
    wave = noisy_wave(rate_bpm, seed)
    expected = heart_rate_bpm(wave, 30.0)
    assert heart_rate_bpm(gain * wave + offset, 30.0) == pytest.approx(expected, abs=0.11)
    assert heart_rate_bpm(-wave, 30.0) == expected


@given(rate_bpm=st.floats(60, 120), seed=seeds, stretch=st.floats(0.75, 1.5))
def test_time_stretch_scales_the_rate(rate_bpm, seed, stretch):
    wave = noisy_wave(rate_bpm, seed)
    expected = heart_rate_bpm(wave, 30.0) / stretch
    assert heart_rate_bpm(wave, 30.0 / stretch) == pytest.approx(expected, abs=0.2)


@settings(max_examples=25)
@given(rate_bpm=rates, seed=seeds, fs_hz=st.floats(18, 90), method=st.sampled_from(["green", "pos", "chrom"]))
def test_sampling_changes_nothing(rate_bpm, seed, fs_hz, method):
    """The same face, filmed at another frame rate with uneven frame times, has the same heart rate."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(0.7, 1.3, int(15 * fs_hz)) / fs_hz
    t_s = np.concatenate([[0], np.cumsum(steps)])
    bvp = np.sin(2 * np.pi * rate_bpm / 60 * t_s)
    rgb = np.array([170.0, 120.0, 95.0]) * (1 - 0.005 * bvp[:, None] * np.array([0.33, 0.77, 0.53]))
    reading = read_samples(FaceSamples(t_s, rgb), METHODS[method], EstimateSettings())
    assert reading.heart_rate_bpm == pytest.approx(rate_bpm, abs=1.0)
    assert reading.quality > 0.9
