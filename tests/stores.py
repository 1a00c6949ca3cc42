"""Prepared stores written by hand, so that every pixel and every label is known."""

from pathlib import Path

import numpy as np

from rfacenet.datasets.store import RecordingWriter
from rfacenet.types import N_REGIONS

FILMED_HZ = 25.0


def add_recording(
    store: Path,
    name: str,
    subject: str,
    rate_bpm: float = 72.0,
    seconds: float = 4.0,
    size_px: int = 32,
    **conditions: str,
) -> None:
    """A grey face that becomes lighter by ten levels a second, its regions' colours pulsing at one rate."""
    t_s, pulse_t_s = np.arange(0, seconds, 1 / FILMED_HZ), np.arange(-10, 60 * seconds) / 60
    with RecordingWriter(store, name, (size_px, size_px)) as writer:
        colours = 100 + np.array([0.2, -1.0, 0.4]) * pulse_at(t_s, rate_bpm)[:, None]
        steps = np.arange(sum(N_REGIONS.values()), dtype=np.float32)[:, None]
        for level, colour in zip(grey_level(t_s), colours.astype(np.float32), strict=True):
            writer.add(np.full((size_px, size_px, 3), round(level), np.uint8), colour + steps)
        traces = {"t_s": t_s, "colours": colours, "pulse_t_s": pulse_t_s}
        record = {"name": name, "subject": subject, "conditions": conditions, "damaged_frames": 0}
        record["fingerprint"] = f"{rate_bpm}"
        writer.finish({**traces, "pulse": pulse_at(pulse_t_s, rate_bpm)}, record)


def grey_level(t_s: np.ndarray) -> np.ndarray:
    return 100 + 10 * (t_s % 4)


def pulse_at(t_s: np.ndarray, rate_bpm: float = 72.0) -> np.ndarray:
    return np.sin(2 * np.pi * rate_bpm / 60 * t_s)
