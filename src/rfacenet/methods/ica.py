"""ICA: independent component analysis of the three colour channels, by JADE."""

from __future__ import annotations

from itertools import combinations, combinations_with_replacement

import numpy as np

from rfacenet.methods.method import GLOBAL_WINDOW_S, Method, TraceInput
from rfacenet.signal.filters import PULSE_BAND_HZ, bandpass, detrend, smoothness_at, usable_band
from rfacenet.signal.windows import in_windows
from rfacenet.types import Float64Array

MAX_SWEEPS = 50
ROTATION_TOLERANCE = 1e-8


def whiten(x: Float64Array) -> Float64Array:
    """Decorrelate ``(T, C)`` mean-free signals to unit variance; directions without variance are dropped."""
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    kept = values > 1e-10 * values[-1]
    whitened: Float64Array = x @ (vectors[:, kept] / np.sqrt(values[kept]))
    return whitened


def cumulant_matrices(white: Float64Array) -> Float64Array:
    """Fourth-order cumulant matrices of ``(T, C)`` whitened signals, ``(C(C+1)/2, C, C)``.

    Source: Cardoso, "High-order contrasts for independent component analysis", Neural Computation 11, 1999,
        Section 4.2.
    """
    n, count = white.shape
    identity = np.eye(count)
    matrices = []
    for i, j in combinations_with_replacement(range(count), 2):
        weighted = white * (white[:, i] * white[:, j])[:, None]
        matrix = weighted.T @ white / n - (i == j) * identity
        matrix = matrix - np.outer(identity[i], identity[j]) - np.outer(identity[j], identity[i])
        matrices.append(matrix * (1.0 if i == j else np.sqrt(2.0)))  # off-diagonal pairs stand for two
    return np.array(matrices)


def joint_diagonaliser(matrices: Float64Array) -> Float64Array:
    """Orthogonal ``(C, C)`` matrix whose columns make symmetric matrices jointly as diagonal as can be.

    Source: Cardoso, Souloumiac, "Jacobi angles for simultaneous diagonalization", SIAM J. Matrix Anal.
        Appl. 17(1), 1996, Section 2 (real case).
    """
    matrices = matrices.copy()
    count = matrices.shape[1]
    rotation = np.eye(count)
    for _ in range(MAX_SWEEPS):
        largest: float = 0.0
        for p, q in combinations(range(count), 2):
            difference = matrices[:, p, p] - matrices[:, q, q]
            twice = matrices[:, p, q] + matrices[:, q, p]
            on, off = difference @ difference - twice @ twice, 2 * difference @ twice
            angle = 0.5 * np.arctan2(off, on + np.hypot(on, off))
            largest = max(largest, abs(float(angle)))
            givens = np.eye(count)
            givens[[p, q], [p, q]] = np.cos(angle)
            givens[p, q], givens[q, p] = -np.sin(angle), np.sin(angle)
            matrices = givens.T @ matrices @ givens
            rotation = rotation @ givens
        if largest < ROTATION_TOLERANCE:
            break
    return rotation


def jade(x: Float64Array) -> Float64Array:
    """Independent components of ``(T, C)`` mean-free signals, ``(T, C)`` or fewer columns, unit variance.

    Source: Cardoso, Souloumiac, "Blind beamforming for non-Gaussian signals", IEE Proceedings F 140(6), 1993.
    """
    white = whiten(x)
    components: Float64Array = white @ joint_diagonaliser(cumulant_matrices(white))
    return components


def ica(rgb: Float64Array, fs_hz: float) -> Float64Array:
    """Pulse wave as the independent component with the most pronounced spectral peak.

    Args:
        rgb: Mean colour of the face, ``(T, 3)``.
        fs_hz: Sampling rate, Hz.

    Returns:
        Raw pulse wave, ``(T,)``.

    Source: Poh, McDuff, Picard, "Advancements in noncontact, multiparameter physiological measurements using
        a webcam", IEEE TBME 58(1), 2011, Section II; "Non-contact, automated cardiac pulse measurements",
        Optics Express 18(10), 2010 (windows of 30 s).
    Differs: the peak is searched in the pulse band only, where the slow drift is no candidate; the trend is
        taken off at 0.3 Hz, where the cut-off of the paper's λ depends on the frame rate; windows overlap by
        half.
    """
    band_hz = usable_band(fs_hz, PULSE_BAND_HZ)

    def strongest(window: Float64Array) -> Float64Array:
        centred = detrend(window - window.mean(axis=0), smoothness_at(fs_hz))
        spread = centred.std(axis=0)
        varying = spread > 1e-9
        if not varying.any():
            return np.zeros(len(window))
        components = bandpass(jade(centred[:, varying] / spread[varying]), fs_hz, band_hz)
        power = np.abs(np.fft.rfft(components, axis=0)) ** 2
        prominence = power.max(axis=0) / np.maximum(power.sum(axis=0), 1e-300)
        pulse: Float64Array = components[:, np.argmax(prominence)]
        # The sign of a component is open; more blood is a darker green, within the pulse band.
        return -pulse if np.dot(pulse, bandpass(centred[:, 1], fs_hz, band_hz)) > 0 else pulse

    return in_windows(strongest, rgb, round(GLOBAL_WINDOW_S * fs_hz))


METHOD = Method(
    name="ica",
    kind="classical",
    input=TraceInput(needs_colour=False),
    source="Poh et al. 2011, IEEE TBME 58(1); Cardoso and Souloumiac 1993 (JADE)",
    extract=ica,
)
