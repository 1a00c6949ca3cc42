from __future__ import annotations

from dataclasses import replace

import torch

from rfacenet.simulation.compression import draw_codec
from rfacenet.simulation.difficulty import Difficulty
from rfacenet.simulation.draws import Draws
from rfacenet.simulation.identity import draw_identity, identity_draws
from rfacenet.simulation.motion import Pose
from rfacenet.simulation.scene import View
from rfacenet.simulation.take import Setting, draw_take


def take_on(device="cpu", *, difficulty="easy", **settings):
    draws = Draws([1, 2], device)
    setting = Setting(
        numbers=(3, 8),
        heart_rate_bpm=draws.uniform(60.0, 90.0),
        duration_s=draws.uniform(5.0, 6.0),
        view=View(draws.uniform(0.0, 0.1, 2), draws.uniform(1.2, 1.3, 2)),
        size_px=(32, 24),
        **settings,
    )
    return draw_take(draws, identity_draws(setting.numbers, device), setting, Difficulty.named(difficulty), 2)


def test_nothing_stays_behind_on_the_cpu():
    # "meta" tensors have no data: any tensor made on the CPU by mistake cannot be combined with them.
    take = take_on("meta", difficulty="hard")
    levels = take.render(torch.zeros(2, 5, device="meta"), None)
    codec = draw_codec(Draws([1, 2], "meta"), Difficulty.named("hard"))
    assert codec.compressed(levels).shape == (2, 5, 3, 32, 24)
    assert levels.device.type == "meta"


def test_frames_do_not_depend_on_what_is_rendered_with_them():
    take = take_on()
    t_s = torch.arange(8).expand(2, -1) / 30
    together = take.render(t_s, None)
    torch.testing.assert_close(together[:, 5:], take.render(t_s[:, 5:], None), atol=0.02, rtol=0)


def test_only_skin_pulsates():
    take = take_on()
    skin = take.scene.face[:, 0] > 0.95
    room = take.scene.cover[:, 0] < 0.05
    strength = take.scene.pulse.sum(1)
    assert strength[skin].min() > 0
    assert strength[room].max() < 0.05
    face = take.scene.face[:, 0]
    mean = (strength * face).sum((1, 2)) / face.sum((1, 2))
    torch.testing.assert_close(mean, torch.ones(2), atol=0.05, rtol=0)


def test_without_pulse_skin_is_still():
    take = take_on(subject="photo")
    assert not take.pulsation.any()
    t_s = torch.arange(90).expand(2, -1) / 30
    pose = take.motion.at(t_s)
    assert pose.blink.max() < 0.01
    assert pose.jaw.max() == 0
    mannequin = take_on(subject="mannequin")
    assert not mannequin.pulsation.any()
    assert mannequin.motion.at(t_s).blink.max() > 0.5


def test_a_pixel_shows_what_was_to_the_left_once_the_head_moved_right():
    take = take_on()
    still = torch.zeros(2, 1)
    rest = Pose(*[still] * 8)
    moved = take._grid(replace(rest, x=still + 0.1)) - take._grid(rest)
    middle = moved[:, 0, 12, 12]
    torch.testing.assert_close(middle[:, 0], -0.1 / take.scene.view.half_size[:, 0])
    assert middle[:, 1].abs().max() < 1e-6
    shoulders = moved[:, 0, -1, 12]
    assert (shoulders[:, 0] > middle[:, 0]).all()  # they stay behind


def test_a_number_is_one_person():
    alone = draw_identity(identity_draws([8]), [8])
    among = draw_identity(identity_draws([3, 8]), [3, 8])
    assert torch.equal(alone.skin[0], among.skin[1])
    assert torch.equal(alone.nose_length[0], among.nose_length[1])
    assert not torch.equal(among.nose_length[0], among.nose_length[1])
