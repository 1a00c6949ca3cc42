"""LGI: local group invariance, the colours without their dominant direction."""

from __future__ import annotations

import numpy as np

from rfacenet.methods.method import GLOBAL_WINDOW_S, Method, TraceInput
from rfacenet.signal.windows import in_windows
from rfacenet.types import Float64Array


def without_direction(rgb: Float64Array, direction: Float64Array) -> Float64Array:
    """Negated green component of the colours in the plane orthogonal to a unit direction, ``(T,)``."""
    pulse: Float64Array = (rgb @ direction) * direction[1] - rgb[:, 1]
    return pulse


def lgi(rgb: Float64Array, fs_hz: float) -> Float64Array:
    """Pulse wave as the green component orthogonal to the colours' first singular vector.

    That vector is where intensity changes of light and motion lie.

    Args:
        rgb: Mean colour of the face, ``(T, 3)``.
        fs_hz: Sampling rate, Hz.

    Returns:
        Raw pulse wave, ``(T,)``.

    Source: Pilz, Zaunseder, Krajewski, Blazek, "Local group invariance for heart rate estimation from face
        videos in the wild", CVPR Workshops 2018, Section 3.
    Differs: in half-overlapping windows of 30 s, so that one long video is no worse than its parts; negated,
        so that more blood is up.
    """

    def project(window: Float64Array) -> Float64Array:
        # The eigenvectors of the 3×3 product matrix are the singular vectors, without a T×T factor.
        _, vectors = np.linalg.eigh(window.T @ window)
        return without_direction(window, vectors[:, -1])

    return in_windows(project, rgb, round(GLOBAL_WINDOW_S * fs_hz))


METHOD = Method(
    name="lgi",
    kind="classical",
    input=TraceInput(),
    source="Pilz et al. 2018, CVPR Workshops",
    extract=lgi,
)
