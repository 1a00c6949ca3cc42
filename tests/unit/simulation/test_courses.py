from __future__ import annotations

import math

import torch

from rfacenet.simulation.courses import Rhythm, band_noise, join
from rfacenet.simulation.draws import Draws, seed_of


def test_a_sample_does_not_depend_on_its_neighbours():
    together, alone = Draws([3, 8]), Draws([8])
    assert torch.equal(together.normal(5)[1], alone.normal(5)[0])
    assert torch.equal(together.uniform(2.0, 3.0)[1], alone.uniform(2.0, 3.0)[0])


def test_seeds_depend_on_the_order_of_their_parts():
    assert seed_of("clip", 0, 1) != seed_of("clip", 1, 0)


def test_draws_stay_within_their_bounds():
    draws = Draws(range(50))
    assert ((values := draws.log_within((0.1, 2.0), 20)) >= 0.1).all() and (values <= 2.0).all()
    assert set(draws.choice([1.0, 5.0]).tolist()) == {1.0, 5.0}
    assert draws.chance(0.0).sum() == 0
    assert draws.chance(1.0).sum() == 50


def test_noise_has_its_band_and_size():
    noise = band_noise(Draws(range(20)), (0.5, 2.0), 0.3, terms=6)
    t_s = torch.arange(6000).expand(20, -1) / 30
    wave = noise.at(t_s)
    assert abs(float(wave.std()) - 0.3) < 0.02
    power = torch.fft.rfft(wave).abs() ** 2
    hertz = torch.fft.rfftfreq(6000, 1 / 30)
    inside = (hertz > 0.45) & (hertz < 2.05)
    assert float(power[:, inside].sum() / power.sum()) > 0.99


def test_integral_is_the_integral():
    noise = join(band_noise(Draws([1]), (0.1, 1.0), 1.0), band_noise(Draws([2]), (1.0, 2.0), 0.5))
    t_s = torch.linspace(0, 5, 2001)[None]
    summed = torch.cumulative_trapezoid(noise.at(t_s), t_s)
    exact = noise.integral_at(t_s)
    torch.testing.assert_close(exact[:, 1:] - exact[:, :1], summed, atol=1e-3, rtol=0)


def test_mean_rate_is_exact_however_the_rate_wanders():
    draws = Draws(range(8))
    rhythm = Rhythm(torch.full((8,), 1.2), band_noise(draws, (0.01, 0.4), 0.2), torch.zeros(8))
    start, stop = torch.zeros(8), torch.full((8,), 7.3)
    asked = draws.uniform(0.8, 2.5)
    fixed = rhythm.with_mean_rate(asked, start, stop)
    torch.testing.assert_close(fixed.mean_rate_hz(start, stop), asked, atol=1e-5, rtol=0)
    assert not math.isclose(float(rhythm.mean_rate_hz(start, stop)[0]), float(asked[0]))
