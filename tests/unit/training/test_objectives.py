import numpy as np
import pytest
import scipy.signal
import scipy.stats
import torch

from rfacenet.losses import negative_pearson, periodicity, squared_error
from rfacenet.models import PhysFormerPlusPlusOutput, RateOutput, RhythmNetOutput, build, list_models
from rfacenet.training import LossConfig
from rfacenet.training.alternating import phases_of
from rfacenet.training.objectives import bvp_of, objective_of
from rfacenet.training.target import Target
from tester import SMALL, random_pixels, small_model


def random_target(differences: bool = False, frames: int = 32) -> Target:
    bvp = torch.randn(2, frames, generator=torch.Generator().manual_seed(0))
    return Target(bvp, torch.full((2,), 30.0), torch.tensor([0, 2]), differences)


@pytest.mark.parametrize("name", list_models())
@pytest.mark.parametrize("differences", [False, True])
def test_every_network_has_an_objective(name: str, differences: bool) -> None:
    model = small_model(name)
    clip = model.normalise(random_pixels(model.input_spec))
    target = random_target(differences, model.input_spec.frames)
    for phase in phases_of(model.network, objective_of(model.network, LossConfig())):
        loss, _ = phase.learn(clip, target)
        loss.total.backward()
        assert loss.total.isfinite()
        assert not any(part.requires_grad for part in loss.parts.values())


def test_physnet_learns_by_correlation() -> None:
    network, target = build("physnet", width=8), random_target()
    output = network(torch.randn(2, 3, 32, 16, 16))
    assert objective_of(network, LossConfig())(output, target).total == negative_pearson(output, target.bvp)
    assert bvp_of(output) is output


def test_deepphys_learns_by_squared_error() -> None:
    network, target = build("deepphys", **SMALL["deepphys"]), random_target(differences=True)
    output = network(torch.randn(2, 6, 32, 16, 16))
    assert objective_of(network, LossConfig())(output, target).total == squared_error(output, target.bvp)


@pytest.mark.parametrize("differences", [False, True])
def test_autohr_learns_by_correlation_and_spectrum(differences: bool) -> None:
    """Against NumPy: correlations by ``corrcoef``, powers by a sum over each rate from 40 to 180 bpm."""
    t_s = np.arange(160) / 30
    true = np.stack([np.sin(2 * np.pi * rate / 60 * t_s) for rate in (72, 100)])
    found = np.random.default_rng(0).standard_normal((2, 160)) + true
    if differences:
        found, true = np.diff(found, append=0), np.diff(true, append=0)
    waves = np.cumsum(found - found.mean(1, keepdims=True), 1) if differences else found
    rates_bpm = np.arange(40, 181)
    tones = np.exp(-2j * np.pi * rates_bpm[:, None] / 60 * t_s)
    powers = np.abs((waves - waves.mean(1, keepdims=True)) @ tones.T) ** 2
    shares = powers / powers.sum(1, keepdims=True)
    place = [
        int(np.abs((wave - wave.mean()) @ tones.T).argmax())
        for wave in (np.cumsum(true - true.mean(1, keepdims=True), 1) if differences else true)
    ]
    correlation = [np.corrcoef(a, b)[0, 1] for a, b in zip(found, true, strict=True)]
    rate = -np.mean([np.log(share[at]) for share, at in zip(shares, place, strict=True)])

    network = build("autohr", width=2)
    target = Target(torch.tensor(true), torch.full((2,), 30.0), torch.tensor([0, 1]), differences)
    loss = objective_of(network, LossConfig())(torch.tensor(found), target)
    assert loss.total.item() == pytest.approx(0.2 * (1 - np.mean(correlation)) + rate, rel=1e-3)
    assert loss.parts["rate"].item() == pytest.approx(rate, rel=1e-3)


def test_rfacenet_logs_all_of_its_parts() -> None:
    network = build("rfacenet", width=8, identity_width=4, n_identities=3)
    output = network(torch.randn(2, 3, 32, 16, 16))
    parts = objective_of(network, LossConfig())(output, random_target()).parts
    sigmas = {"sigma_bvp", "sigma_hr", "sigma_identity"}
    assert set(parts) == {"bvp", "hr", "identity", "id_acc", "alpha", "beta"} | sigmas


def test_without_a_classifier_there_is_no_identity_term() -> None:
    network = build("rfacenet", width=8, identity_width=4, n_identities=3, use_tcu=False)
    objective = objective_of(network, LossConfig())
    parts = objective(network(torch.randn(2, 3, 32, 16, 16)), random_target()).parts
    assert "identity" not in parts
    assert len(list(objective.parameters())) == 2


@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("differences", [False, True])
def test_the_curriculum_moves_from_the_wave_to_its_rate(progress: float, differences: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    rate_bpm, fs_hz = np.array([63.0, 112.0]), np.array([30.0, 25.0])
    turns = torch.from_numpy(rate_bpm / 60 / fs_hz)[:, None] * torch.arange(300)
    true = torch.sin(2 * torch.pi * turns) + 0.1 * torch.randn(2, 300, generator=generator)
    found = torch.sin(2 * torch.pi * turns + 1) + 0.5 * torch.randn(2, 300, generator=generator)
    output, bvp = (wave.diff(dim=1) if differences else wave for wave in (found, true))
    target = Target(bvp, torch.from_numpy(fs_hz), torch.tensor([0, 1]), differences, progress)
    loss = objective_of(build("physformer", **SMALL["physformer"]), LossConfig())(output, target)

    costs = []
    for i in range(2):
        wave = output[i].numpy()
        if differences:
            wave = np.cumsum(wave - wave.mean())
        # 60·fs bins: exactly one a beat per minute.
        _, power = scipy.signal.periodogram(wave, fs_hz[i], nfft=round(60 * fs_hz[i]), detrend="constant")
        share = power[40:181] / power[40:181].sum()
        label = scipy.stats.norm.pdf(np.arange(40, 181), rate_bpm[i], 1.0)
        costs.append(scipy.stats.entropy(label, share) - np.log(share[round(rate_bpm[i]) - 40]))
    pearson = [scipy.stats.pearsonr(a, b).statistic for a, b in zip(output, bvp, strict=True)]
    expected = 0.1 * (1 - np.mean(pearson)) + {0.0: 1, 0.5: np.sqrt(5), 1.0: 5}[progress] * np.mean(costs)
    assert loss.total.item() == pytest.approx(expected, rel=0.01)
    assert set(loss.parts) == {"bvp", "rate", "divergence"}


def test_physformerpp_learns_that_attention_follows_the_beats() -> None:
    objective = objective_of(build("physformerpp", **SMALL["physformerpp"]), LossConfig())
    bvp = torch.sin(2 * torch.pi * 1.5 * torch.arange(120) / 30).repeat(2, 1)
    target = Target(bvp, torch.full((2,), 30.0), torch.tensor([0, 1]), False)
    beats = periodicity(bvp, 30.0, 30)
    right, wrong = (
        objective(PhysFormerPlusPlusOutput(bvp, (1 + sign * 0.5 * beats) / 30), target) for sign in (1, -1)
    )
    assert right.parts["periodicity"].item() == pytest.approx(0, abs=1e-5)
    assert wrong.parts["periodicity"].item() == pytest.approx(2, abs=1e-5)
    assert (wrong.total - right.total).item() == pytest.approx(0.2, rel=1e-4)


def sinusoids(*rates_bpm: float) -> Target:
    """Waves of 375 frames at 25 and 30 Hz."""
    fs_hz = torch.tensor([25.0, 30.0])
    bvp = torch.sin(2 * torch.pi * torch.tensor(rates_bpm)[:, None] / 60 / fs_hz[:, None] * torch.arange(375))
    return Target(bvp, fs_hz, torch.tensor([0, 1]), False)


def test_rates_are_learned_as_beats_in_300_frames() -> None:
    target = sinusoids(60, 90)
    objective = objective_of(build("stattention", **SMALL["stattention"]), LossConfig())
    found = RateOutput(torch.tensor([[66 / 60 / 25], [84 / 60 / 30]]))
    loss = objective(found, target)
    assert loss.total.item() == pytest.approx((6 / 60 * 12 + 6 / 60 * 10) / 2, abs=0.01)  # 12 and 10 s
    twice = objective(RateOutput(2 * found.beats_per_frame), target._replace(speed=torch.full((2,), 2.0)))
    assert twice.total.item() == pytest.approx(2 * loss.total.item(), rel=1e-4)


def test_rhythmnet_learns_both_rates_and_that_they_are_alike() -> None:
    target = sinusoids(75, 90)  # 15 beats in 300 frames at 25 and at 30 Hz
    objective = objective_of(build("rhythmnet", **SMALL["rhythmnet"]), LossConfig())
    rates = torch.tensor([[14.0, 15.0, 16.0], [17.0, 17.0, 17.0]])
    loss = objective(RhythmNetOutput(rates / 300, torch.full((2, 3), 16 / 300)), target)
    assert loss.parts["rate"].item() == pytest.approx((2 / 3 + 2) / 2, abs=0.01)
    assert loss.parts["rate_alone"].item() == pytest.approx(1, abs=0.01)
    assert loss.parts["roughness"].item() == pytest.approx(2 / 6, abs=1e-4)
    assert loss.total.item() == pytest.approx(4 / 3 + 1 + 100 * 2 / 6, rel=1e-3)
