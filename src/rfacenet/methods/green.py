"""GREEN: the green channel, where blood absorbs most."""

from __future__ import annotations

from rfacenet.methods.method import Method, TraceInput
from rfacenet.types import Float64Array


def green(rgb: Float64Array, fs_hz: float) -> Float64Array:
    """Pulse wave as the negated mean of the green channel.

    Args:
        rgb: Mean colour of the face, ``(T, 3)``.
        fs_hz: Unused; part of the shared interface.

    Returns:
        Raw pulse wave, ``(T,)``.

    Source: Verkruysse, Svaasand, Nelson, "Remote plethysmographic imaging using ambient light", Optics
        Express 16(26), 2008, Section 3.
    Differs: negated, so that more blood is up, as in a contact pulse wave.
    """
    return -rgb[:, 1]


METHOD = Method(
    name="green",
    kind="classical",
    input=TraceInput(needs_colour=False),
    source="Verkruysse et al. 2008, Optics Express 16(26)",
    extract=green,
)
