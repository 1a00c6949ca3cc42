"""OMIT: orthogonal matrix image transformation."""

from __future__ import annotations

import numpy as np

from rfacenet.methods.lgi import without_direction
from rfacenet.methods.method import GLOBAL_WINDOW_S, Method, TraceInput
from rfacenet.signal.windows import in_windows
from rfacenet.types import Float64Array


def omit(rgb: Float64Array, fs_hz: float) -> Float64Array:
    """Pulse wave as the green component orthogonal to the first vector of a QR decomposition.

    The first vector of ``QR`` of the 3×T colours is the first frame's colour at unit length, so that what is
    removed is the change of intensity along the skin's own colour.

    Args:
        rgb: Mean colour of the face, ``(T, 3)``.
        fs_hz: Sampling rate, Hz.

    Returns:
        Raw pulse wave, ``(T,)``.

    Source: Álvarez Casado, Bordallo López, "Face2PPG: an unsupervised pipeline for blood volume pulse
        extraction from faces", IEEE JBHI 27(11), 2023, Section III-D.
    Differs: in half-overlapping windows of 30 s, so that one long video is no worse than its parts; negated,
        so that more blood is up.
    """

    def project(window: Float64Array) -> Float64Array:
        basis, _ = np.linalg.qr(window.T)
        return without_direction(window, basis[:, 0])

    return in_windows(project, rgb, round(GLOBAL_WINDOW_S * fs_hz))


METHOD = Method(
    name="omit",
    kind="classical",
    input=TraceInput(),
    source="Álvarez Casado and Bordallo López 2023, IEEE JBHI 27(11)",
    extract=omit,
)
