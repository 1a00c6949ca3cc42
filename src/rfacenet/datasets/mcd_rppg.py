"""MCD-rPPG: 600 people before three cameras at once, at rest and after sport.

``video/<id>_<camera>_<before|after>.avi``; ``meta/`` with a ``.txt`` of the same name, a frame's number and
time of day a line; and ``ppg_sync/`` with another, a frame's pulse a line and, behind it, how far in time the
sample was from the frame. So several people describe it; the files themselves could not be looked into. The
100 Hz original of the pulse (``ppg/``), the ECG and the table of health (``db.csv``, whose heart rate was not
taken during the video) are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rfacenet.datasets.layout import Dataset, Shot, Simulation
from rfacenet.datasets.opening import open_retimed, per_frame
from rfacenet.datasets.recording import Recording, Reference, time_series
from rfacenet.datasets.tables import read_lines, read_numbers
from rfacenet.datasets.writing import write_avi, write_lines
from rfacenet.errors import DatasetError
from rfacenet.types import Float64Array

if TYPE_CHECKING:
    from rfacenet.simulation import SimulatedRecording

STATES = {"before": "rest", "after": "after sport"}
_CLOCK_START = datetime(2023, 11, 13, 14, 18, 9, 856232)
_PULSE_HZ = 100.0


def find(root: Path) -> Iterator[Recording]:
    """Recordings below a root: whatever has the video or the pulse of one."""
    files = [*root.glob("video/*.avi"), *root.glob("ppg_sync/*.txt")]
    for name in sorted({file.stem for file in files}):
        if match := re.fullmatch(r"(\d+)_(\w+)_(before|after)", name):
            video, times = root / "video" / f"{name}.avi", root / "meta" / f"{name}.txt"
            yield Recording(
                name=name,
                subject=match[1],
                open_video=partial(open_retimed, video, partial(read_frame_times, times)),
                read_reference=partial(read_reference, root / "ppg_sync" / f"{name}.txt", times, video),
                conditions={"camera": match[2], "state": STATES[match[3]]},
            )


def read_frame_times(path: Path) -> Float64Array | None:
    """Times of the frames, seconds from the first; None without them.

    Raises:
        DatasetError: A line is no number and time.
    """
    if not path.exists():
        return None
    stamps = []
    for line in read_lines(path):
        try:
            stamps.append(datetime.fromisoformat(line.split(maxsplit=1)[1]))
        except (ValueError, IndexError) as error:
            raise DatasetError(f"'{path}' has '{line}' where a number and a time should be.") from error
    return np.array([(stamp - stamps[0]).total_seconds() for stamp in stamps])


def read_reference(path: Path, times: Path, video: Path) -> Reference:
    """Pulse wave of a finger clip, a value a frame.

    Args:
        path: The pulse.
        times: Times of the frames.
        video: The video, whose rate holds where there are no times.

    Raises:
        DatasetError: The pulse is missing, a file holds something else, or they do not fit each other.
    """
    wave = read_numbers(path, 1, most_columns=2)[:, 0]
    t_s = read_frame_times(times)
    origin = f"The pulse in '{path}'"
    return Reference(per_frame(wave, video, origin) if t_s is None else time_series(t_s, wave, origin))


def write(root: Path, subject: int, shot: Shot, recording: SimulatedRecording) -> None:
    """Write a simulated recording: the pulse in 8 bits, each the sample of 100 Hz nearest to the frame."""
    name, t_s = f"{1000 + subject}_{shot.name}", recording.frame_times_s
    write_avi(root / "video" / f"{name}.avi", recording, shot.fs_hz, crf=20)
    nearest_s = np.round(t_s * _PULSE_HZ) / _PULSE_HZ
    wave = recording.bvp_at(nearest_s)
    levels = 128 + 100 * wave / max(float(np.abs(wave).max()), 1e-9)
    rows = (f"{level:.0f} {off:.6f}" for level, off in zip(levels, np.abs(nearest_s - t_s), strict=True))
    write_lines(root / "ppg_sync" / f"{name}.txt", rows)
    stamps = (_CLOCK_START + timedelta(seconds=float(t)) for t in t_s)
    lines = (f"{number} {stamp.isoformat(' ', 'microseconds')}" for number, stamp in enumerate(stamps, 1))
    write_lines(root / "meta" / f"{name}.txt", lines)


MCD_RPPG = Dataset(
    name="mcd-rppg",
    title="MCD-rPPG",
    layout="video/*_before.avi (or _after) with ppg_sync/*.txt and meta/*.txt of the same names",
    find=find,
    source='Egorov et al., "Gaze into the heart: a multi-view video dataset for rPPG and health biomarkers '
    'estimation", arXiv 2508.17924, 2025',
    simulation=Simulation(
        shots=(Shot("FullHDwebcam_before", "easy", 30.0), Shot("IriunWebcam_after", "standard", 24.0)),
        write=write,
    ),
)
