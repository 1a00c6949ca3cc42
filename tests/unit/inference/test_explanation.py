import math

import numpy as np
import pytest
import torch
from torch import nn

import rfacenet
from rfacenet.errors import NoPulseError, SettingsError, UnknownMethodError
from rfacenet.inference.estimator import estimate
from rfacenet.inference.explanation import InfluenceMap, explain, influence_maps
from rfacenet.inference.sampling import sample_face
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import TraceInput
from rfacenet.models import InputSpec, PulseModel, build, grad_cam
from rfacenet.models.grad_cam import log_pulse_power
from rfacenet.models.needs import InputNeeds
from rfacenet.models.rfacenet import CrossTaskFeatureCombiner
from rfacenet.signal.resample import to_uniform_grid

SPEC = InputSpec(60, 16, 16, 30.0, "raw", "wave")
RATE_BPM = 90.0  # 20 frames a beat: a whole number of beats in 60


class Mean(nn.Module):
    """The pixels, fused with an identity map that is different everywhere, and their mean as the wave."""

    needs = InputNeeds(frames_multiple=4)

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.combiner = CrossTaskFeatureCombiner(2, 3)
        nn.init.constant_(self.combiner.alpha, 5.0)

    def forward(self, clip):
        identity_map = torch.rand(1, 2, 4, 4, generator=torch.Generator().manual_seed(0)).to(clip)
        return self.combiner(identity_map.expand(len(clip), -1, -1, -1), clip).mean((1, 3, 4))


@pytest.fixture
def mean_model():
    return PulseModel(Mean(), SPEC).eval()


def beating(n, rows=slice(0, 8), columns=slice(8, 16)):
    """A grey picture ``(n, 16, 16, 3)`` with one corner that beats."""
    pixels = np.full((n, 16, 16, 3), 100.0, np.float32)
    wave = 10 * np.sin(2 * np.pi * RATE_BPM / 60 / 30 * np.arange(n))
    pixels[:, rows, columns] += wave[:, None, None, None].astype(np.float32)
    return pixels


def clip_of(pixels):
    return torch.from_numpy(pixels).permute(3, 0, 1, 2)[None]


def test_all_influence_is_where_the_pulse_is(mean_model):
    found = grad_cam(mean_model, clip_of(beating(60)), RATE_BPM)
    for influence in found:
        total = influence[0].sum(0)  # over whole beats, what stands still cancels out
        # Of a linear network's log power, a squared amplitude's, all changing features together hold 2.
        assert total[:8, 8:].sum() == pytest.approx(2, abs=1e-3)
        assert total.abs().sum() == pytest.approx(2, abs=5e-3)


@pytest.mark.parametrize("place", ["before", "after"])
def test_maps_agree_with_finite_differences(place):
    torch.manual_seed(1)
    settings = {"width": 4, "identity_width": 4, "identity_depth": "layer2", "fusion_stage": 2}
    model = PulseModel(build("rfacenet", **settings), SPEC).double()
    model.normalise = nn.Identity()  # it would make 32 bits of them
    combiner = model.network.combiner
    nn.init.constant_(combiner.alpha, 1.0)
    pixels = torch.randn(2, 3, 32, 16, 16, dtype=torch.float64)
    for _ in range(30):
        model(pixels)  # batch norms learn what features are usual, or most would be dead
    model.eval()
    found = getattr(grad_cam(model, pixels, RATE_BPM), place)
    assert found.shape == (2, 16, 4, 4)
    kept = []

    def target(channel, step, change):
        """Log power where one channel is a little larger at all positions, at one time step."""

        def shift(features):
            kept.append(features)
            features = features.clone()
            features[:, channel, step] += change
            return features

        if place == "before":
            hook = combiner.register_forward_pre_hook(lambda module, inputs: (inputs[0], shift(inputs[1])))
        else:
            hook = combiner.register_forward_hook(lambda module, inputs, output: shift(output))
        with torch.no_grad():
            power = log_pulse_power(model(pixels), 30.0, RATE_BPM)
        hook.remove()
        return power

    for step in (0, 8):  # the first of two that are pooled, which is the one that counts where they are equal
        weights = [(target(k, step, 1e-6) - target(k, step, 0)) / 1e-6 / 16 for k in range(4)]
        expected = sum(w[:, None, None] * kept[0][:, k, step] for k, w in enumerate(weights))
        assert expected.abs().max() > 1e-3
        torch.testing.assert_close(found[:, step], expected, rtol=1e-3, atol=1e-5)


def test_target_is_the_same_for_a_wave_and_its_differences_but_for_a_constant():
    t_s = torch.arange(301) / 30
    slow = torch.sin(2 * math.pi * 1.5 * t_s)
    waves = torch.stack([slow, 3 * slow, slow + 2 * torch.sin(2 * math.pi * 3 * t_s)])
    difference = log_pulse_power(waves.diff(), 30.0, 90.0) - log_pulse_power(waves[:, :-1], 30.0, 90.0)
    torch.testing.assert_close(difference, difference[:1].expand(3), atol=0.01, rtol=0)
    assert torch.isfinite(log_pulse_power(torch.zeros(1, 300), 30.0, 90.0)).all()


def test_physnet_has_one_map_and_weights_may_be_frozen():
    model = PulseModel(build("physnet", width=4), SPEC).eval().requires_grad_(False)
    found = grad_cam(model, clip_of(beating(60)), RATE_BPM)
    assert found.before.shape == (1, 15, 2, 2)
    assert found.after is None


def test_other_networks_are_refused():
    model = PulseModel(nn.Flatten(), SPEC)
    with pytest.raises(SettingsError, match="Flatten has no map"):
        grad_cam(model, clip_of(beating(60)), RATE_BPM)


def test_maps_of_a_long_clip_follow_the_pulse(mean_model):
    n = 300
    pixels = np.concatenate([beating(n // 2), beating(n // 2, slice(8, 16), slice(0, 8))]).astype(np.uint8)
    (clip,) = to_uniform_grid(np.arange(n) / 30, pixels, np.ones(n, bool), 30.0, 0.5)
    before, after = influence_maps(mean_model, clip, RATE_BPM)
    for influence in (before, after):
        assert influence.over_time.shape == (n, 16, 16)
        assert influence.over_time.min() >= 0
        first, second = influence.over_time[:100].mean(0), influence.over_time[200:].mean(0)
        assert first[:8, 8:].sum() > 0.95 * first.sum()
        assert second[8:, :8].sum() > 0.95 * second.sum()
        assert influence.distribution.sum() == pytest.approx(1)
    assert (before.name, after.name) == ("before fusion", "after fusion")


def test_share_inside_counts_parts_of_cells():
    even = InfluenceMap("influence", np.ones((1, 4, 4)), np.ones((4, 4)))
    assert even.share_inside(2 / 3) == pytest.approx(4 / 9)
    assert even.share_inside(1) == pytest.approx(1)
    nothing = InfluenceMap("influence", np.zeros((1, 4, 4)), np.zeros((4, 4)))
    assert nothing.share_inside(1) == 0


def test_the_rate_is_that_of_an_estimate(person_video):
    explanation = explain(person_video)
    expected = estimate(person_video, method="rfacenet")
    assert explanation.heart_rate_bpm == pytest.approx(expected.heart_rate_bpm, abs=0.3)
    assert explanation.duration_s == pytest.approx(expected.duration_s, abs=0.1)
    assert explanation.face(299).shape == (324, 324, 3)
    before, after = explanation.maps
    assert before.over_time.shape == after.over_time.shape == (300, 4, 4)
    assert 0 <= explanation.moved_by_fusion < 0.5


def test_only_the_part_is_read(person_video):
    settings, times = EstimateSettings(region="frame"), []
    whole = sample_face(person_video, settings, TraceInput())
    part = sample_face(
        person_video, settings, TraceInput(), span_s=(2.99, 4.99), progress=lambda *t_s: times.append(t_s)
    )
    np.testing.assert_array_equal(part.colours, whole.colours[90:150])
    np.testing.assert_allclose(part.t_s, whole.t_s[:60], atol=1e-3)
    assert times[-1] == pytest.approx((1.97, 2), abs=0.02)


def test_a_part_of_the_video(person_video):
    settings = EstimateSettings(method="physnet", min_quality=0)
    explanation = explain(person_video, settings, start_s=3, duration_s=5)
    assert explanation.start_s == pytest.approx(3, abs=0.05)
    assert explanation.duration_s == pytest.approx(5, abs=0.1)
    assert explanation.moved_by_fusion is None


@pytest.mark.parametrize(
    ("method", "changes", "error", "message"),
    [
        ("pos", {}, SettingsError, "'pos' takes the mean colour .* choose rfacenet, physnet, or"),
        ("samc", {}, SettingsError, "'samc' takes mean colours of regions"),
        ("rfacenett", {}, UnknownMethodError, "did you mean"),
        ("rfacenet", {"duration_s": 3}, SettingsError, "choose 5 to 60"),
        ("rfacenet", {"start_s": -1}, SettingsError, "choose 0 or more"),
        ("rfacenet", {"start_s": 60}, SettingsError, "ends before 60 s"),
        ("rfacenet", {"start_s": 8}, NoPulseError, "at least 4.0 s"),
    ],
)
def test_what_cannot_be_explained_says_why(person_video, method, changes, error, message):
    with pytest.raises(error, match=message) as raised:
        explain(person_video, EstimateSettings(method=method), **changes)
    assert isinstance(raised.value, rfacenet.RfacenetError)
