from __future__ import annotations

import pytest
import torch

from rfacenet.errors import SettingsError
from rfacenet.simulation.draws import Draws
from rfacenet.simulation.injection import inject_pulse, skin_likeness
from rfacenet.simulation.pulse import draw_pulse

from .conftest import correlation

SKINS = torch.tensor([[230, 190, 165], [190, 135, 105], [90, 60, 45]], dtype=torch.uint8)
OTHERS = torch.tensor([[40, 90, 200], [60, 160, 70], [250, 250, 250]], dtype=torch.uint8)


def plain(color, side=6):
    """Clips ``(B, 3, T, H, W)`` of one colour each."""
    return color[:, :, None, None, None].expand(-1, -1, 90, side, side)


def pulsating(frames):
    pulse = draw_pulse(
        Draws([0, 1, 2]), torch.full((3,), 70.0), torch.full((3,), 3.0), torch.full((3,), 0.02)
    )
    t_s = torch.arange(90).expand(3, -1) / 30
    return inject_pulse(frames, t_s, pulse, torch.full((3,), 0.01), seed=0), pulse.at(t_s)


def test_skin_of_any_tone_is_told_from_other_colours():
    assert (skin_likeness(SKINS[:, :, None, None].expand(-1, -1, 4, 4)) > 0.4).all()
    assert (skin_likeness(OTHERS[:, :, None, None].expand(-1, -1, 4, 4)) < 0.2).all()


def test_skin_pulsates_and_other_things_do_not():
    skin, wave = pulsating(plain(SKINS))
    assert skin.shape == (3, 3, 90, 6, 6)
    assert skin.dtype == torch.uint8
    assert (correlation(skin[:, 1].float().mean((-1, -2)), wave) < -0.6).all()
    others, _ = pulsating(plain(OTHERS))
    assert (
        others[:, 1].float().mean((-1, -2)).std(1).max()
        < 0.2 * skin[:, 1].float().mean((-1, -2)).std(1).min()
    )


def test_pulsation_has_the_size_asked_for():
    skin, _ = pulsating(plain(SKINS[:1].expand(3, -1), side=40))
    green = skin[:, 1].float().mean((-1, -2))
    likeness = float(skin_likeness(SKINS[:1, :, None, None].expand(-1, -1, 4, 4)).mean())
    torch.testing.assert_close(
        green.std(1) / green.mean(1), torch.full((3,), 0.01 * likeness), atol=0.003, rtol=0
    )


def test_floats_are_refused():
    with pytest.raises(SettingsError, match="uint8"):
        inject_pulse(torch.zeros(1, 3, 2, 4, 4), torch.zeros(1, 2), None, torch.zeros(1), seed=0)
