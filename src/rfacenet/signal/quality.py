"""How far a heart rate can be trusted: does a rhythm stand out, and does it have the colour of blood?"""

from __future__ import annotations

import numpy as np

from rfacenet.signal.spectrum import PowerSpectrum, at_pulse, snr_db

MARGIN_DB = 7.3
"""How far above the chance level the rate of a 10 s wave is as likely right as wrong."""

LENGTH_DB = 0.82
"""How much less that margin is for a wave e times as long."""

SLOPE_DB = 1.54
"""How fast the likelihood grows, as the scale of a logistic curve."""

COLOUR_OFFSET, RHYTHM_WEIGHT, COLOUR_WEIGHT = -2.22, 0.64, 0.97
"""How the log odds by rhythm and by colour make up those of a right rate (``docs/quality.md``)."""

MIN_QUALITY = 0.75
"""Rates of less are not answered: of those above, 95 % should be right (``docs/quality.md``)."""


def quality(spectrum: PowerSpectrum, rate_bpm: float, colour_share: float | None = None) -> float:
    """How likely a rate read off a spectrum is right within 3 bpm, between 0 and 1.

    Args:
        spectrum: Power spectrum of the pulse wave over the pulse band.
        rate_bpm: The rate read off it, beats per minute.
        colour_share: What :func:`~rfacenet.signal.colour.pulse_colour_share` says of that rate; None where
            there is no colour.

    Returns:
        Quality; 0 for a spectrum without power.
    """
    if not spectrum.power.any():
        return 0.0
    odds = rhythm_log_odds(spectrum, rate_bpm)
    if colour_share is not None:
        share = float(np.clip(colour_share, 1e-3, 1 - 1e-3))
        odds = COLOUR_OFFSET + RHYTHM_WEIGHT * odds + COLOUR_WEIGHT * np.log(share / (1 - share))
    return float(1 / (1 + np.exp(-odds)))


def rhythm_log_odds(spectrum: PowerSpectrum, rate_bpm: float) -> float:
    """Log odds that a rate is right, from how far its peak stands out.

    The highest peak of a short stretch of pure noise stands out too, and the more so the shorter it is. So
    the signal-to-noise ratio is held against the one that white noise would have on average, which follows
    from the share of the band that counts as peak. The three constants were fitted to simulated waves of 5
    to 30 s (``benchmarks/quality.py``).
    """
    band_share = float(at_pulse(spectrum, rate_bpm).mean())
    chance_db = 10 * np.log10(band_share / max(1 - band_share, 1e-9))
    duration_s = 60 / spectrum.resolution_bpm
    margin_db = MARGIN_DB - LENGTH_DB * np.log(duration_s / 10)
    return float((snr_db(spectrum, rate_bpm) - chance_db - margin_db) / SLOPE_DB)
