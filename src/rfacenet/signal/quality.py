"""How far a heart rate can be trusted, from the pulse wave alone."""

from __future__ import annotations

import numpy as np

from rfacenet.signal.spectrum import PowerSpectrum, at_pulse, snr_db

MARGIN_DB = 7.3
"""How far above the chance level the rate of a 10 s wave is as likely right as wrong."""

LENGTH_DB = 0.82
"""How much less that margin is for a wave e times as long."""

SLOPE_DB = 1.54
"""How fast the likelihood grows, as the scale of a logistic curve."""

MIN_QUALITY = 0.5
"""Below this, a rate is more likely wrong than right and is not answered."""


def quality(spectrum: PowerSpectrum, rate_bpm: float) -> float:
    """How likely a rate read off a spectrum is right within 3 bpm, between 0 and 1.

    The highest peak of a short stretch of pure noise stands out too, and the more so the shorter it is. So
    the signal-to-noise ratio is held against the one that white noise would have on average, which follows
    from the share of the band that counts as peak; the distance is mapped to a probability by a logistic
    curve whose three constants were fitted to simulated waves of 5 to 30 s (``benchmarks/quality.py``).

    Args:
        spectrum: Power spectrum over the pulse band.
        rate_bpm: The rate read off it, beats per minute.

    Returns:
        Quality; 0 for a spectrum without power.
    """
    if not spectrum.power.any():
        return 0.0
    share = float(at_pulse(spectrum, rate_bpm).mean())
    chance_db = 10 * np.log10(share / max(1 - share, 1e-9))
    duration_s = 60 / spectrum.resolution_bpm
    margin_db = MARGIN_DB - LENGTH_DB * np.log(duration_s / 10)
    excess_db = snr_db(spectrum, rate_bpm) - chance_db - margin_db
    return float(1 / (1 + np.exp(-excess_db / SLOPE_DB)))
