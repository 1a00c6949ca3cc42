"""POS: the projection plane orthogonal to the skin tone."""

from __future__ import annotations

import numpy as np

from rfacenet.methods.method import Method, TraceInput, ratio
from rfacenet.signal.colour import inverse
from rfacenet.signal.windows import moving_sum
from rfacenet.types import Float64Array

WINDOW_S = 1.6
"""Window length. Source: Wang et al. 2017, Section IV-A (32 frames at 20 per second)."""

PROJECTION = np.array([[0.0, 1.0, -1.0], [-2.0, 1.0, 1.0]])
"""Two axes in the plane orthogonal to the skin tone. Source: Wang et al. 2017, Eq. 32."""


def pos(rgb: Float64Array, fs_hz: float) -> Float64Array:
    """Pulse wave by the plane-orthogonal-to-skin projection.

    In every window of 1.6 s, moved by one frame, the colours are divided by their temporal mean, projected
    to two axes S₁ and S₂, and combined to ``h = S₁ + σ(S₁)/σ(S₂)·S₂``; the mean-free ``h`` are
    overlap-added. A window's ``h`` is linear in its colours, ``h(t) = a·C(t)``, and its σ follow from sums
    of products of colours, so that moving sums give the whole result without visiting a window.

    Args:
        rgb: Mean colour of the face, ``(T, 3)``.
        fs_hz: Sampling rate, Hz.

    Returns:
        Raw pulse wave, ``(T,)``.

    Source: Wang, den Brinker, Stuijk, de Haan, "Algorithmic principles of remote PPG", IEEE TBME 64(7),
        2017, Algorithm 1.
    Differs: divided by the number of windows over each frame, so that the ends don't fade; negated, so that
        more blood is up.
    """
    length = min(int(np.ceil(WINDOW_S * fs_hz)), len(rgb))
    centre = rgb.mean(axis=0)
    shifted = rgb - centre  # small numbers: the difference of moving sums must not cancel their digits
    mean = moving_sum(shifted, length) / length
    products = moving_sum(shifted[:, :, None] * shifted[:, None, :], length) / length
    covariance = products - mean[:, :, None] * mean[:, None, :]
    axes = inverse(mean + centre)[:, None] * PROJECTION
    variance = np.einsum("nkc,ncd,nkd->nk", axes, covariance, axes)
    deviation = np.sqrt(np.maximum(variance, 0))
    weights = axes[:, 0] + ratio(deviation[:, 0], deviation[:, 1])[:, None] * axes[:, 1]
    offsets = np.einsum("nc,nc->n", weights, mean)
    # Frame t lies in the windows t-length+1 … t: sums over those of their weights, offsets and number.
    per_window = np.column_stack([weights, offsets, np.ones(len(weights))])
    edge = np.zeros((length - 1, 5))
    per_frame = moving_sum(np.concatenate([edge, per_window, edge]), length)
    summed = np.einsum("tc,tc->t", per_frame[:, :3], shifted) - per_frame[:, 3]
    pulse: Float64Array = -summed / per_frame[:, 4]
    return pulse


METHOD = Method(
    name="pos",
    kind="classical",
    input=TraceInput(),
    source="Wang et al. 2017, IEEE TBME 64(7)",
    extract=pos,
)
