import math

import numpy as np
import pytest
import scipy.signal
import scipy.special
import scipy.stats
import torch
from torch import Tensor

from rfacenet.errors import SettingsError
from rfacenet.losses import (
    MultiTaskLoss,
    heart_rate_peak,
    heart_rate_soft,
    negative_pearson,
    periodicity,
    rate_cross_entropy,
    rate_divergence,
    rate_log_probability,
    squared_error,
)


def sines(rates_bpm: list[float], fs_hz: float | list[float] = 30.0, frames: int = 300) -> Tensor:
    fs_hz = torch.as_tensor(fs_hz).expand(len(rates_bpm))
    t_s = torch.arange(frames) / fs_hz[:, None]
    return torch.sin(2 * math.pi * torch.tensor(rates_bpm)[:, None] / 60 * t_s + 0.7)


def noisy(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_negative_pearson_against_scipy() -> None:
    prediction, target = noisy(2, 4, 50)
    expected = np.mean(
        [1 - scipy.stats.pearsonr(p, t).statistic for p, t in zip(prediction, target, strict=True)]
    )
    assert negative_pearson(prediction, target).item() == pytest.approx(expected, abs=1e-6)
    assert negative_pearson(3 * target - 8, target).item() == pytest.approx(0, abs=1e-6)
    assert negative_pearson(-target, target).item() == pytest.approx(2, abs=1e-6)


def test_squared_error_against_scipy() -> None:
    prediction, target = noisy(2, 4, 50)
    expected = np.mean((prediction.numpy() - scipy.stats.zscore(target.numpy(), axis=1)) ** 2)
    assert squared_error(prediction, 5 + 20 * target).item() == pytest.approx(expected, abs=1e-6)


def test_heart_rate_against_scipy_periodogram() -> None:
    waves = noisy(5, 200) + 10
    expected = []
    for wave in waves.double().numpy():
        frequency_hz, power = scipy.signal.periodogram(wave, 30.0, nfft=1 << 15, detrend="constant")
        inside = (frequency_hz > 0.5) & (frequency_hz < 4.2)
        expected.append(60 * frequency_hz[inside][power[inside].argmax()])
    np.testing.assert_allclose(heart_rate_peak(waves, 30.0), expected, atol=0.06)


@pytest.mark.parametrize("heart_rate", [heart_rate_peak, heart_rate_soft])
def test_heart_rate_of_sines_at_their_own_sampling_rates(heart_rate) -> None:
    rates_bpm, fs_hz = [48.0, 72.5, 110.0, 180.0], [25.0, 29.97, 30.0, 60.0]
    found = heart_rate(sines(rates_bpm, fs_hz, 600), torch.tensor(fs_hz))
    np.testing.assert_allclose(found, rates_bpm, atol=1)


def test_soft_heart_rate_ignores_gain_and_offset_and_nears_the_peak_as_it_cools() -> None:
    wave = sines([75.0]) + 0.5 * sines([150.0])
    assert heart_rate_soft(wave, 30.0).item() == pytest.approx(75, abs=1)
    assert heart_rate_soft(100 * wave + 7, 30.0).item() == pytest.approx(
        heart_rate_soft(wave, 30.0).item(), abs=0.01
    )
    errors = [abs(heart_rate_soft(wave, 30.0, temperature=t) - 75).item() for t in (1.0, 0.3, 0.03)]
    assert errors == sorted(errors, reverse=True)


def test_soft_heart_rate_has_the_right_gradient() -> None:
    wave = (sines([80.0], frames=24) + 0.3 * noisy(1, 24)).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: heart_rate_soft(x, 30.0, temperature=0.5), wave, atol=1e-4)


def test_soft_heart_rate_teaches() -> None:
    rate_bpm = torch.tensor([70.0], requires_grad=True)
    optimizer = torch.optim.Adam([rate_bpm], 1.0)
    for _ in range(60):
        wave = torch.sin(2 * math.pi * rate_bpm[:, None] / 60 * torch.arange(300) / 30)
        error = (heart_rate_soft(wave, 30.0) - 90).square().sum()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert rate_bpm.item() == pytest.approx(90, abs=2)


@pytest.mark.parametrize(
    "wave", [torch.zeros(2, 64), torch.full((2, 64), 5.0), sines([60.0, 90.0], frames=64)]
)
def test_gradients_are_finite_even_of_flat_waves(wave: Tensor) -> None:
    wave = wave.clone().requires_grad_()
    loss = MultiTaskLoss(("bvp", "hr"))(wave, sines([60.0, 90.0], frames=64), 30.0).total
    (loss + negative_pearson(wave, sines([60.0, 90.0], frames=64))).backward()
    assert wave.grad.isfinite().all()


def test_multi_task_loss_against_numpy() -> None:
    bvp, target = noisy(2, 3, 90)
    logits, identity = noisy(3, 5), torch.tensor([4, 0, 2])
    loss = MultiTaskLoss(hr_gradient="none")
    log_sigmas = {"bvp": 0.3, "hr": -1.2, "identity": 0.8}
    loss.load_state_dict({f"log_sigma_{term}": torch.tensor(value) for term, value in log_sigmas.items()})
    output = loss(bvp, target, 30.0, logits, identity)

    z_bvp, z_target = (scipy.stats.zscore(wave.double().numpy(), axis=1) for wave in (bvp, target))
    hr_hz = [heart_rate_peak(wave, 30.0).numpy() / 60 for wave in (bvp, target)]
    log_softmax = scipy.special.log_softmax(logits.numpy(), axis=1)
    losses = {
        "bvp": np.mean((z_bvp - z_target) ** 2),
        "hr": np.mean((hr_hz[0] - hr_hz[1]) ** 2),
        "identity": -np.mean([log_softmax[i, k] for i, k in enumerate(identity)]),
    }
    for term, value in losses.items():
        assert output.parts[term].item() == pytest.approx(value, rel=1e-4)
        assert output.parts[f"sigma_{term}"].item() == pytest.approx(math.exp(log_sigmas[term]), rel=1e-5)
    weights = {"bvp": 0.5, "hr": 0.5, "identity": 1.0}
    total = sum(weights[t] * losses[t] / math.exp(log_sigmas[t]) ** 2 + log_sigmas[t] for t in losses)
    assert output.total.item() == pytest.approx(total, rel=1e-4)


def test_wave_term_is_twice_the_negative_pearson() -> None:
    bvp, target = noisy(2, 3, 90)
    part = MultiTaskLoss(["bvp"])(bvp, target, 30.0).parts["bvp"]
    assert part.item() == pytest.approx(2 * negative_pearson(bvp, target).item(), rel=1e-4)


def test_only_the_soft_heart_rate_reaches_the_network() -> None:
    target = sines([75.0])
    for hr_gradient, reaches in (("soft", True), ("none", False)):
        bvp = (sines([90.0]) + 0.1 * noisy(1, 300)).requires_grad_()
        MultiTaskLoss(["hr"], hr_gradient=hr_gradient)(bvp, target, 30.0).total.backward()
        assert (bvp.grad is not None and bool(bvp.grad.any())) == reaches


@pytest.mark.parametrize("terms", [["bvp"], ["bvp", "hr"], ["hr", "identity"], ["bvp", "hr", "identity"]])
def test_terms_can_be_left_out(terms) -> None:
    loss = MultiTaskLoss(terms)
    output = loss(noisy(2, 64), noisy(2, 64), 30.0, noisy(2, 3), torch.tensor([0, 1]))
    output.total.backward()
    assert {name for name, _ in loss.named_parameters()} == {f"log_sigma_{term}" for term in terms}
    assert set(output.parts) == {*terms, *(f"sigma_{term}" for term in terms)}
    assert all(parameter.grad is not None for parameter in loss.parameters())


def test_sigma_settles_at_the_error_and_returns_from_its_bounds() -> None:
    bvp, target = sines([75.0]) + 0.2 * noisy(1, 300), sines([75.0])
    loss = MultiTaskLoss(["bvp"])
    with torch.no_grad():
        loss.log_sigma_bvp.fill_(50.0)
    optimizer = torch.optim.Adam(loss.parameters(), 0.1)
    for _ in range(300):
        output = loss(bvp, target, 30.0)
        optimizer.zero_grad()
        output.total.backward()
        optimizer.step()
    assert output.parts["sigma_bvp"].item() == pytest.approx(math.sqrt(output.parts["bvp"].item()), rel=0.02)


def test_a_memorised_identity_cannot_take_over() -> None:
    loss = MultiTaskLoss(["identity"])
    optimizer = torch.optim.Adam(loss.parameters(), 0.5)
    logits = torch.tensor([[30.0, 0.0], [0.0, 30.0]])
    for _ in range(50):
        output = loss(noisy(2, 64), noisy(2, 64), 30.0, logits, torch.tensor([0, 1]))
        optimizer.zero_grad()
        output.total.backward()
        optimizer.step()
    assert output.parts["sigma_identity"].item() == pytest.approx(math.exp(-3), rel=1e-4)


def test_refuses_what_cannot_work() -> None:
    for arguments in ({"terms": []}, {"terms": ["ecg"]}, {"hr_gradient": "hard"}):
        with pytest.raises(SettingsError):
            MultiTaskLoss(**arguments)
    with pytest.raises(SettingsError, match="identity_logits"):
        MultiTaskLoss()(noisy(2, 64), noisy(2, 64), 30.0)


def test_power_as_a_distribution_over_rates_matches_a_periodogram() -> None:
    generator = torch.Generator().manual_seed(0)
    bvp, fs_hz = torch.randn(2, 90, generator=generator).double(), torch.tensor([30.0, 25.0])
    found = rate_log_probability(bvp, fs_hz)
    for wave, rate, logs in zip(bvp.numpy(), fs_hz.tolist(), found.exp().numpy(), strict=True):
        # 60·fs bins: exactly one a beat per minute.
        _, power = scipy.signal.periodogram(wave, rate, nfft=round(60 * rate), detrend="constant")
        np.testing.assert_allclose(logs, power[40:181] / power[40:181].sum(), rtol=1e-4)


def test_losses_of_a_rate_match_independent_formulas() -> None:
    log_p = torch.log_softmax(torch.randn(3, 141, generator=torch.Generator().manual_seed(0)).double(), 1)
    rate = torch.tensor([40.2, 99.7, 250.0])
    expected = -(log_p[0, 0] + log_p[1, 60] + log_p[2, 140]) / 3
    torch.testing.assert_close(rate_cross_entropy(log_p, rate), expected)

    rates = np.arange(40, 181)
    divergence = []
    for centre, logs in zip([40.2, 99.7, 180.0], log_p.numpy(), strict=True):
        label = scipy.stats.norm.pdf(rates, centre, 1.0)
        divergence.append(scipy.stats.entropy(label, np.exp(logs)))
    assert rate_divergence(log_p, rate).item() == pytest.approx(np.mean(divergence), rel=1e-5)


def test_a_wave_of_the_true_rate_costs_least() -> None:
    wave = torch.sin(2 * torch.pi * 1.5 * torch.arange(300) / 30)[None]
    costs = [
        [loss(rate_log_probability(wave, 30.0), torch.tensor([rate])) for rate in range(60, 121)]
        for loss in (rate_cross_entropy, rate_divergence)
    ]
    assert [60 + int(torch.stack(cost).argmin()) for cost in costs] == [90, 90]


def test_periodicity_compares_the_phases_of_a_hilbert_transform() -> None:
    fs_hz, frames = torch.tensor([30.0, 25.0]), torch.arange(300)
    # Whole turns a clip, as the filter knows no others; below and above the band there is more than in it.
    turns = torch.tensor([[12.0, 2.0, 80.0], [17.0, 3.0, 90.0]])
    pulse, slow, fast = torch.sin(2 * torch.pi * turns[..., None] * frames / 300 + 0.3).unbind(1)
    found = periodicity(pulse + 3 * slow + 2 * fast, fs_hz, steps=75)
    phase = np.angle(scipy.signal.hilbert(pulse.numpy()).reshape(2, 75, 4).mean(2))
    np.testing.assert_allclose(found, np.cos(phase[:, :, None] - phase[:, None]), atol=1e-4)
    assert periodicity(noisy(1, 4), 30.0, steps=1).item() == 1  # too short to show a beat


def test_periodicity_is_one_a_beat_apart_and_minus_one_half_a_beat_apart() -> None:
    found = periodicity(sines([90.0]), 30.0, steps=300)[0]  # 20 frames a beat
    torch.testing.assert_close(found[0, ::10], (-1.0) ** torch.arange(30), atol=1e-4, rtol=0)
