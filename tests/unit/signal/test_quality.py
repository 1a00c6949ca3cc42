import numpy as np
import pytest

from rfacenet.signal.colour import PULSE_COLOUR, colour_changes, pulse_colour_share
from rfacenet.signal.quality import MIN_QUALITY, quality
from rfacenet.signal.spectrum import power_spectrum, pulse_rate_bpm

T_S = np.arange(300) / 30
RATE_BPM = 78.0


def wave(phase=0.0, rate_bpm=RATE_BPM):
    return np.sin(2 * np.pi * rate_bpm / 60 * T_S + phase)


def quality_of(bvp):
    spectrum = power_spectrum(bvp, 30.0)
    return quality(spectrum, pulse_rate_bpm(spectrum))


def test_rhythm_tells_pulse_from_noise():
    rng = np.random.default_rng(3)
    noise = [quality_of(rng.normal(size=int(30 * s))) for s in (6, 10, 20, 30) for _ in range(50)]
    clear = [
        quality_of(np.sin(0.25 * np.arange(30 * s)) + 0.5 * rng.normal(size=30 * s)) for s in (6, 10, 30)
    ]
    assert np.mean(np.array(noise) >= MIN_QUALITY) <= 0.05
    assert min(clear) > 0.8
    assert quality_of(np.zeros(300)) == 0


@pytest.mark.parametrize(("blood", "light"), [(1.0, 0.0), (0.0, 1.0), (1.0, 0.77), (0.5, 2.0)])
@pytest.mark.parametrize("phase", [0.0, 1.0, 2.5])
def test_colour_share_of_a_known_mixture(blood, light, phase):
    changes = -blood * wave()[:, None] * PULSE_COLOUR + light * wave(phase)[:, None]
    expected = blood * 0.77 / (blood * 0.77 + light)
    assert pulse_colour_share(changes, 30.0, RATE_BPM) == pytest.approx(expected, abs=1e-4)
    assert pulse_colour_share(np.zeros((300, 3)), 30.0, RATE_BPM) == 0


def test_colour_share_does_not_mind_brightness_or_what_light_does_elsewhere():
    skin = np.array([170.0, 120.0, 95.0]) * (1 - 0.004 * wave()[:, None] * PULSE_COLOUR)
    swaying = skin * (1 + 0.01 * wave(rate_bpm=140)[:, None] + 0.02 * T_S[:, None])
    for rgb in (skin, 0.3 * skin, swaying):
        assert pulse_colour_share(colour_changes(rgb, 30.0), 30.0, RATE_BPM) > 0.8
    assert pulse_colour_share(colour_changes(swaying, 30.0), 30.0, 140.0) < 0.2


def test_the_same_rhythm_is_worth_more_in_the_colour_of_blood():
    spectrum = power_spectrum(wave() + np.random.default_rng(0).normal(size=300), 30.0)
    worth = [quality(spectrum, RATE_BPM, share) for share in (0.0, 0.2, 0.5, 0.8, 1.0)]
    assert worth == sorted(worth)
    assert worth[0] < 0.1 < 0.6 < worth[-1]
