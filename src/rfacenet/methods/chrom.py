"""CHROM: chrominance differences that cancel specular reflection and motion."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rfacenet.methods.method import Method, TraceInput, ratio
from rfacenet.signal.colour import relative
from rfacenet.signal.filters import bandpass
from rfacenet.signal.windows import overlap_add, window_starts
from rfacenet.types import Float64Array

WINDOW_S = 1.6
"""Window length. Source: de Haan and Jeanne 2013, Section III-B (32 frames at 20 per second)."""

BAND_HZ = (40 / 60, 240 / 60)
"""Band in which the two chrominances are balanced. Source: de Haan and Jeanne 2013, Section III-C."""


def chrom(rgb: Float64Array, fs_hz: float) -> Float64Array:
    """Pulse wave from the two standardised chrominance signals.

    In windows of 1.6 s with half overlap: ``X = 3R − 2G``, ``Y = 1.5R + G − 1.5B`` of the colours divided by
    their temporal means, both band-pass filtered; ``S = X − σ(X)/σ(Y)·Y``, overlap-added with Hann windows.

    Args:
        rgb: Mean colour of the face, ``(T, 3)``, or of each of its regions, ``(T, R, 3)``.
        fs_hz: Sampling rate, Hz.

    Returns:
        Raw pulse wave, ``(T,)``, or that of each region, ``(T, R)``.

    Source: de Haan, Jeanne, "Robust pulse rate from chrominance-based rPPG", IEEE TBME 60(10), 2013,
        Eqs. 9, 12–15.
    Differs: the band-pass has no delay, and the overlap-added windows are divided by their summed tapers, so
        that the ends don't fade.
    """
    length = min(2 * int(np.ceil(WINDOW_S * fs_hz / 2)), len(rgb))
    starts = window_starts(len(rgb), length, length // 2)
    windows = np.moveaxis(sliding_window_view(rgb, length, axis=0)[starts], -1, -2)  # (N, ..., L, 3)
    red, green, blue = np.moveaxis(relative(windows), -1, 0)
    chrominances = np.stack([3 * red - 2 * green, 1.5 * red + green - 1.5 * blue])  # (2, N, ..., L)
    x, y = np.moveaxis(bandpass(np.moveaxis(chrominances, -1, 0), fs_hz, BAND_HZ), 0, -1)
    alpha = ratio(x.std(axis=-1), y.std(axis=-1))
    pieces = np.moveaxis(x - alpha[..., None] * y, -1, 1)  # (N, L, ...)
    return overlap_add(list(pieces), starts, len(rgb))


METHOD = Method(
    name="chrom",
    kind="classical",
    input=TraceInput(),
    source="de Haan and Jeanne 2013, IEEE TBME 60(10)",
    extract=chrom,
)
