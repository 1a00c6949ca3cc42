"""What training makes small: the error of the pulse wave, of its heart rate, and of the identity.

Conventions: waves are ``(B, T)``, any unit, offset and gain; ``fs_hz`` is one rate or one a clip, ``(B,)``,
in Hz; heart rates are in beats per minute, ``(B,)``. Losses are scalars, averaged over the batch.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError

BAND_HZ = (0.5, 4.2)  # Eq. 3: 30 to 252 beats per minute
RATES_BPM = range(40, 181)  # PhysFormer's classes of heart rate
N_FFT = 1 << 15  # bins of 0.055 beats per minute at 30 Hz; a 128-frame clip's own would be 14 apart
MAX_LOG_SIGMA = 3.0  # log σ² within ±6: a task weighs at most 403 times, at least 1/403, of another

Term = Literal["bvp", "hr", "identity"]


def negative_pearson(prediction: Tensor, target: Tensor) -> Tensor:
    """One minus Pearson's correlation of prediction and target: 0 where they agree, 2 where they oppose.

    Args:
        prediction: Waves ``(B, T)``.
        target: Waves ``(B, T)``.

    Source: Yu et al., "PhysNet", BMVC 2019, Sec. 3.2.
    """
    return 1 - nn.functional.cosine_similarity(_centre(prediction), _centre(target), dim=1).mean()


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of a prediction whose target has zero mean and unit deviation in each clip.

    The prediction is taken as it is: the network learns the scale of its waves too.

    Args:
        prediction: Waves ``(B, T)``.
        target: Waves ``(B, T)``.

    Source: Chen & McDuff, "DeepPhys", ECCV 2018; the target's unit deviation, rPPG-Toolbox.
    Differs: the target's mean is taken off; it is next to nothing in differences, and a wave has no offset.
    """
    return nn.functional.mse_loss(prediction, standardise(target))


def heart_rate_peak(bvp: Tensor, fs_hz: float | Tensor, band_hz: tuple[float, float] = BAND_HZ) -> Tensor:
    """Heart rate at the highest peak of the power spectrum, without a gradient.

    Args:
        bvp: Waves ``(B, T)``.
        fs_hz: Sampling rate, Hz, one or ``(B,)``.
        band_hz: Where to look, both ends excluded.

    Returns:
        Beats per minute, ``(B,)``.

    Source: Eq. 3. Differs: the mean is taken off and zeros are appended, so that the grid is 0.055 bpm
        at 30 Hz.
    """
    with torch.no_grad():
        log_power, rate_bpm = _band_spectrum(bvp, fs_hz, band_hz)
        return rate_bpm.gather(1, log_power.argmax(1, keepdim=True)).squeeze(1)


def heart_rate_soft(
    bvp: Tensor, fs_hz: float | Tensor, band_hz: tuple[float, float] = BAND_HZ, temperature: float = 0.1
) -> Tensor:
    """Heart rate as the mean over the spectrum, each rate weighed by its power to ``1 / temperature``.

    Args:
        bvp: Waves ``(B, T)``.
        fs_hz: Sampling rate, Hz, one or ``(B,)``.
        band_hz: Where to look, both ends excluded.
        temperature: Towards 0 only the highest peak counts, as in ``heart_rate_peak``; at 1 the power itself
            is the weight.

    Returns:
        Beats per minute, ``(B,)``.

    Source: Eq. 3. Differs: the argmax of Eq. 3 has no gradient, and a loss on it would teach nothing. The
        weights do not change with the wave's gain, which a softmax of the power itself would.
    """
    log_power, rate_bpm = _band_spectrum(bvp, fs_hz, band_hz)
    return (torch.softmax(log_power / temperature, 1) * rate_bpm).sum(1)


def rate_log_probability(bvp: Tensor, fs_hz: float | Tensor, rates: range = RATES_BPM) -> Tensor:
    """A wave's power at each of some heart rates, as shares of their sum.

    Args:
        bvp: Waves ``(B, T)``.
        fs_hz: Sampling rate, Hz, one or ``(B,)``.
        rates: Heart rates in steps of 1 bpm.

    Returns:
        Natural logarithms, ``(B, len(rates))``.

    Source: Yu et al., "PhysFormer", CVPR 2022, Sec. 3.3: the power spectrum as a distribution over 40 to
        180 bpm in steps of 1.
    """
    wave = standardise(bvp)
    frames = torch.arange(wave.shape[1], device=wave.device)
    rates_bpm = torch.arange(rates[0], rates[-1] + 1, device=wave.device)
    fs_hz = torch.as_tensor(fs_hz, dtype=wave.dtype, device=wave.device).expand(wave.shape[0])
    turns = rates_bpm[None, :, None] / 60 * frames / fs_hz[:, None, None]
    angle = 2 * torch.pi * turns
    sine, cosine = ((wave[:, None] * part).sum(2) for part in (angle.sin(), angle.cos()))
    power = sine.square() + cosine.square()
    return torch.log((power + 1e-12) / (power + 1e-12).sum(1, keepdim=True))


def rate_cross_entropy(log_probability: Tensor, rate_bpm: Tensor, rates: range = RATES_BPM) -> Tensor:
    """How improbable the true heart rates are.

    Args:
        log_probability: Of each rate, as ``rate_log_probability`` gives it.
        rate_bpm: True rates, beats per minute, ``(B,)``; those beyond the rates count as the last of them.
        rates: As there.

    Source: Yu et al., "AutoHR", IEEE SPL 2020, and "PhysFormer", CVPR 2022, Sec. 3.3.
    """
    place = (rate_bpm.round().long() - rates[0]).clamp(0, len(rates) - 1)
    return nn.functional.nll_loss(log_probability, place)


def rate_divergence(log_probability: Tensor, rate_bpm: Tensor, sd_bpm: float = 1.0) -> Tensor:
    """Kullback-Leibler divergence from a bell curve around the true rate to the wave's distribution.

    Args:
        log_probability: Of each rate, as ``rate_log_probability`` gives it.
        rate_bpm: True rates, beats per minute, ``(B,)``.
        sd_bpm: Standard deviation of the bell curve.

    Source: Yu et al., "PhysFormer", CVPR 2022, Sec. 3.3 (label distribution learning; σ = 1).
    """
    rates_bpm = torch.arange(RATES_BPM[0], RATES_BPM[-1] + 1, device=rate_bpm.device)
    nearest_bpm = rate_bpm.clamp(RATES_BPM[0], RATES_BPM[-1])
    label = torch.softmax(-0.5 * ((rates_bpm - nearest_bpm[:, None]) / sd_bpm).square(), 1)
    return nn.functional.kl_div(log_probability, label, reduction="batchmean")


def periodicity(
    bvp: Tensor, fs_hz: float | Tensor, steps: int, band_hz: tuple[float, float] = BAND_HZ
) -> Tensor:
    """Which time steps of a wave lie at the same place of a beat.

    Args:
        bvp: Waves ``(B, T)``.
        fs_hz: Sampling rate, Hz, one or ``(B,)``.
        steps: Time steps, equally long, that ``T`` is a multiple of.
        band_hz: Heart rates to see, Hz, both ends excluded.

    Returns:
        Cosines of the steps' difference in phase, ``(B, steps, steps)``: 1 where they are whole beats apart,
        −1 where half a beat.

    Source: ours, for the periodic attention of Yu et al., "PhysFormer++", IJCV 2023.
    """
    fs_hz = torch.as_tensor(fs_hz, device=bvp.device).reshape(-1, 1)
    frequency_hz = torch.fft.fftfreq(bvp.shape[1], device=bvp.device) * fs_hz
    in_band = (frequency_hz > band_hz[0]) & (frequency_hz < band_hz[1])
    # Without its negative frequencies a wave turns once a beat in the complex plane.
    turning = torch.fft.ifft(torch.fft.fft(_centre(bvp)) * in_band)
    phase = turning.unflatten(1, (steps, -1)).mean(2).angle()
    return torch.cos(phase[:, :, None] - phase[:, None, :])


def integrate(difference: Tensor) -> Tensor:
    """Frame-to-frame differences ``(B, T)`` to the wave that they are of, less its trend."""
    return torch.cumsum(_centre(difference), 1)


def standardise(wave: Tensor) -> Tensor:
    """Waves ``(B, T)`` at zero mean and unit deviation; a flat one stays flat and its gradient finite."""
    centred = _centre(wave)
    return centred * torch.rsqrt(centred.square().mean(1, keepdim=True) + 1e-12)


class MultiTaskLossOutput(NamedTuple):
    """What the loss comes to.

    Attributes:
        total: Scalar to minimise.
        parts: For the log, without gradient: each term before its weight (``bvp``, ``hr`` in Hz²,
            ``identity``) and its σ (``sigma_bvp``, ...).
    """

    total: Tensor
    parts: dict[str, Tensor]


class MultiTaskLoss(nn.Module):
    """Wave, heart rate and identity, balanced by learned uncertainties.

    L/(2σ₁²) + log σ₁ for the wave, the same with σ₂ for the heart rate, and L/σ₃² + log σ₃ for the identity.
    ``log_sigma_bvp``, ``log_sigma_hr`` and ``log_sigma_identity`` are learned with the network; give them no
    weight decay, which would pull each σ to 1.

    Args:
        terms: Which of the three there are; Table 3's rows without a TCU have no ``identity``.
        hr_gradient: ``none`` is Eq. 3 to the letter, where the heart rate moves σ₂ alone; ``soft`` teaches
            the network through ``heart_rate_soft``, which did harm (``docs/training.md``).
        band_hz: Heart rates to look for, Hz.
        temperature: See ``heart_rate_soft``.

    Raises:
        SettingsError: There is no term, or an unknown one.

    Source: Sec. 3.4, Eq. 4; weights after Kendall, Gal, Cipolla, CVPR 2018.
    Differs: Eq. 4 prints σ₁ in the heart-rate term too; σ₂ is meant, or nothing would hold log σ₂ from below.
        ``soft`` reads the target's rate in the same way as the network's, so that a perfect wave costs
        nothing.
        Waves are compared at zero mean and unit deviation, as a pulse wave has no unit; the term is then
        2·(1 − Pearson's r). Norms are means, not sums. Heart rates are compared in Hz, as squared beats per
        minute would outweigh the wave some thousand times at first. log σ stays within ±3, as a memorised
        identity would let σ₃ fall, and its weight grow, without end.
    """

    def __init__(
        self,
        terms: Collection[Term] = ("bvp", "hr", "identity"),
        hr_gradient: Literal["soft", "none"] = "none",
        band_hz: tuple[float, float] = BAND_HZ,
        temperature: float = 0.5,
    ) -> None:
        super().__init__()
        if not terms or not set(terms) <= set(get_args(Term)):
            raise SettingsError(f"Loss terms must be some of {', '.join(get_args(Term))}, not {list(terms)}.")
        if hr_gradient not in ("soft", "none"):
            raise SettingsError(f"hr_gradient must be 'soft' or 'none', not {hr_gradient!r}.")
        self.terms = tuple(term for term in get_args(Term) if term in terms)
        self.hr_gradient = hr_gradient
        self.band_hz = band_hz
        self.temperature = temperature
        for term in self.terms:
            self.register_parameter(f"log_sigma_{term}", nn.Parameter(torch.zeros(())))

    def forward(
        self,
        bvp: Tensor,
        target_bvp: Tensor,
        fs_hz: float | Tensor,
        identity_logits: Tensor | None = None,
        identity: Tensor | None = None,
        *,
        differences: bool = False,
    ) -> MultiTaskLossOutput:
        """Loss of one batch.

        Args:
            bvp: Predicted waves ``(B, T)``.
            target_bvp: Reference waves ``(B, T)``; the reference heart rate is theirs.
            fs_hz: Sampling rate, Hz, one or ``(B,)``.
            identity_logits: Class scores ``(B, n_identities)``.
            identity: Class indices ``(B,)``.
            differences: Whether both waves are frame-to-frame differences. Heart rates are then read off
                their sums: in a difference the second harmonic often stands above the heart rate.

        Raises:
            SettingsError: The identity term is on, but logits or identities are missing.
        """
        losses: dict[str, Tensor] = {}
        if "bvp" in self.terms:
            losses["bvp"] = nn.functional.mse_loss(standardise(bvp), standardise(target_bvp))
        if "hr" in self.terms:
            waves = (integrate(bvp), integrate(target_bvp)) if differences else (bvp, target_bvp)
            losses["hr"] = self._heart_rate_loss(*waves, fs_hz)
        if "identity" in self.terms:
            if identity_logits is None or identity is None:
                raise SettingsError(
                    "The identity term needs identity_logits and identity; without them, leave it out."
                )
            losses["identity"] = nn.functional.cross_entropy(identity_logits, identity)
        return self._balance(losses)

    def _heart_rate_loss(self, bvp: Tensor, target_bvp: Tensor, fs_hz: float | Tensor) -> Tensor:
        """Squared error of the heart rate, Hz²."""
        if self.hr_gradient == "soft":
            predicted_bpm, target_bpm = (
                heart_rate_soft(wave, fs_hz, self.band_hz, self.temperature) for wave in (bvp, target_bvp)
            )
        else:
            predicted_bpm, target_bpm = (
                heart_rate_peak(wave, fs_hz, self.band_hz) for wave in (bvp, target_bvp)
            )
        return nn.functional.mse_loss(predicted_bpm / 60, target_bpm / 60)

    def _balance(self, losses: dict[str, Tensor]) -> MultiTaskLossOutput:
        """Weigh each loss by its σ and add them up."""
        weighted, parts = [], {}
        for term, loss in losses.items():
            log_sigma = self._log_sigma(term)
            half = (
                1.0 if term == "identity" else 0.5
            )  # Eq. 4: a likelihood of classes, not a Gaussian, has no ½
            weighted.append(half * torch.exp(-2 * log_sigma) * loss + log_sigma)
            parts[term] = loss.detach()
            parts[f"sigma_{term}"] = log_sigma.detach().exp()
        return MultiTaskLossOutput(torch.stack(weighted).sum(), parts)

    def _log_sigma(self, term: str) -> Tensor:
        """The term's learned log σ, put back into its bounds.

        The parameter itself is moved: clamping its value in the graph would cut its gradient as well, and
        once outside it could never come back.
        """
        log_sigma = self.get_parameter(f"log_sigma_{term}")
        with torch.no_grad():
            log_sigma.clamp_(-MAX_LOG_SIGMA, MAX_LOG_SIGMA)
        return log_sigma


def _centre(wave: Tensor) -> Tensor:
    """Waves at zero mean, in 32 bits at least: squares of 16-bit numbers overflow."""
    wave = wave.to(torch.promote_types(wave.dtype, torch.float32))
    return wave - wave.mean(1, keepdim=True)


def _band_spectrum(bvp: Tensor, fs_hz: float | Tensor, band_hz: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Log power of each wave, −∞ outside the band, and the rates in bpm it belongs to; both ``(B, F)``."""
    n_fft = max(N_FFT, bvp.shape[1])
    spectrum = torch.fft.rfft(standardise(bvp), n_fft)
    power = spectrum.real.square() + spectrum.imag.square()
    fs_hz = torch.as_tensor(fs_hz, dtype=power.dtype, device=power.device).expand(bvp.shape[0])
    frequency_hz = torch.arange(power.shape[1], device=power.device) / n_fft * fs_hz[:, None]
    outside = (frequency_hz <= band_hz[0]) | (frequency_hz >= band_hz[1])
    return torch.log(power + 1e-12).masked_fill(outside, -torch.inf), frequency_hz * 60
