from __future__ import annotations

import pytest
import torch

from rfacenet.simulation.draws import Draws
from rfacenet.simulation.pulse import draw_pulse
from rfacenet.simulation.skin import draw_pulsatility, draw_skin_color, melanin_factor

from .conftest import peak_bpm


@pytest.mark.parametrize("rate_bpm", [42.0, 75.0, 120.0, 180.0])
def test_the_rate_is_the_one_asked_for(rate_bpm):
    pulse = draw_pulse(Draws([5]), torch.tensor([rate_bpm]), torch.tensor([30.0]), torch.tensor([0.005]))
    t_s = torch.arange(900)[None] / 30
    assert abs(peak_bpm(pulse.at(t_s)[0], 30.0) - rate_bpm) < 0.6
    ends = pulse.rhythm.phase_at(torch.tensor([[0.0, 30.0]]))[0]
    assert float(ends[1] - ends[0]) * 2 == pytest.approx(rate_bpm, abs=1e-3)


def test_a_beat_is_standardised_and_steeper_upwards():
    pulse = draw_pulse(
        Draws(range(16)), torch.full((16,), 70.0), torch.full((16,), 10.0), torch.full((16,), 0.02)
    )
    phase = torch.arange(500).expand(16, -1) / 500
    beat = pulse.waveform.at(phase)
    assert beat.mean().abs() < 1e-3
    torch.testing.assert_close(beat.std(1), torch.ones(16), atol=0.02, rtol=0)
    rises = beat.diff(dim=1)
    assert (rises.amax(1) > -rises.amin(1)).float().mean() > 0.6


def test_beats_vary():
    pulse = draw_pulse(Draws([0]), torch.tensor([60.0]), torch.tensor([60.0]), torch.tensor([0.05]))
    rate = pulse.rhythm.phase_at(torch.arange(0, 60, 0.1)[None]).diff() / 0.1
    assert 0.02 < float(rate.std()) < 0.12


def test_skin_types_are_ordered_from_light_to_dark():
    luma = [float(draw_skin_color(Draws(range(40)), torch.full((40,), kind)).mean()) for kind in range(1, 7)]
    assert luma == sorted(luma, reverse=True)
    assert luma[0] > 4 * luma[5]


def test_dark_skin_pulsates_less():
    factors = melanin_factor(torch.arange(1, 7))
    assert (factors.diff() <= 0).all()


def test_green_pulsates_most():
    pulsatility = draw_pulsatility(Draws(range(200)))
    torch.testing.assert_close(
        pulsatility.median(0).values, torch.tensor([0.43, 1.0, 0.69]), atol=0.05, rtol=0
    )
