"""PBV: the blood volume pulse signature."""

from __future__ import annotations

import numpy as np

from rfacenet.methods.method import GLOBAL_WINDOW_S, Method, TraceInput
from rfacenet.signal.colour import PULSE_COLOUR, relative
from rfacenet.signal.filters import bandpass
from rfacenet.signal.windows import in_windows
from rfacenet.types import Float64Array


def pbv(rgb: Float64Array, fs_hz: float) -> Float64Array:
    """Pulse wave as the linear mix of the colours that correlates with them as a pulse would.

    The weights ``W`` solve ``Q·W = p`` with ``Q`` the covariance of the relative colours and ``p`` the
    signature.

    Args:
        rgb: Mean colour of the face, ``(T, 3)``.
        fs_hz: Sampling rate, Hz.

    Returns:
        Raw pulse wave, ``(T,)``.

    Source: de Haan, van Leest, "Improved motion robustness of remote-PPG by using the blood volume pulse
        signature", Physiological Measurement 35(9), 2014, Eqs. 7–9.
    Differs: the colours are limited to the pulse band before ``Q`` is taken, so that drift doesn't choose
        the weights, and windows are 30 s long with half overlap. The signature is the paper's, where the
        field's common tool takes the channels' own deviations. Negated, so that more blood is up.
    """

    def mix(window: Float64Array) -> Float64Array:
        colours = bandpass(relative(window), fs_hz)
        # Least squares, not a plain solve: the channels of a grey-scale video make Q singular.
        weights, *_ = np.linalg.lstsq(colours.T @ colours, PULSE_COLOUR, rcond=1e-9)
        pulse: Float64Array = -colours @ weights / max(float(PULSE_COLOUR @ weights), 1e-12)
        return pulse

    return in_windows(mix, rgb, round(GLOBAL_WINDOW_S * fs_hz))


METHOD = Method(
    name="pbv",
    kind="classical",
    input=TraceInput(),
    source="de Haan and van Leest 2014, Physiological Measurement 35(9)",
    extract=pbv,
)
