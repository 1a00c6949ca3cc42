"""UBFC-rPPG: 8 people sitting still (DATASET_1) and 42 who play a game of sums (DATASET_2).

DATASET_1: ``<subject>/vid.avi`` and ``<subject>/gtdump.xmp``, rows of time in milliseconds, heart rate,
oxygen, pulse wave. DATASET_2: ``subject<N>/vid.avi`` and ``subject<N>/ground_truth.txt``, three lines of
pulse wave, heart rate and time in seconds, a value a frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rfacenet.datasets.layout import Dataset, Shot, Simulation
from rfacenet.datasets.opening import open_plain, open_retimed
from rfacenet.datasets.recording import Recording, Reference, time_series
from rfacenet.datasets.tables import read_numbers, read_rows
from rfacenet.datasets.writing import write_lines
from rfacenet.types import Float64Array
from rfacenet.video import VideoWriter

if TYPE_CHECKING:
    from rfacenet.simulation import SimulatedRecording

_MS_PER_S = 1000.0


def find(root: Path) -> Iterator[Recording]:
    """Recordings of either part below a root, or below its parts' folders."""
    for folder in root.iterdir():
        if folder.name in ("DATASET_1", "DATASET_2"):
            yield from find(folder)
            continue
        video, old, new = (folder / name for name in ("vid.avi", "gtdump.xmp", "ground_truth.txt"))
        if old.exists():
            yield Recording(
                name=folder.name,
                subject=folder.name,
                open_video=partial(open_plain, video),
                read_reference=partial(read_old_reference, old),
                conditions={"task": "sitting still"},
            )
        elif video.exists() or new.exists():
            yield Recording(
                name=folder.name,
                subject=folder.name,
                open_video=partial(open_retimed, video, partial(read_frame_times, new)),
                read_reference=partial(read_reference, new),
                conditions={"task": "game of sums"},
            )


def read_reference(path: Path) -> Reference:
    """Labels of DATASET_2.

    Raises:
        DatasetError: The file is missing or holds something else.
    """
    wave, rate_bpm, t_s = read_rows(path, 3)
    t_s = t_s - t_s[0]
    return Reference(
        time_series(t_s, wave, f"The pulse in '{path}'"), time_series(t_s, rate_bpm, f"The rate in '{path}'")
    )


def read_frame_times(path: Path) -> Float64Array | None:
    """Times of the frames of DATASET_2; None without labels, whose lack is told where they are needed."""
    return read_rows(path, 3)[2] if path.exists() else None


def read_old_reference(path: Path) -> Reference:
    """Labels of DATASET_1.

    Raises:
        DatasetError: The file is missing or holds something else.
    """
    time_ms, rate_bpm, _, wave = read_numbers(path, 4).T
    t_s = time_ms / _MS_PER_S
    return Reference(
        time_series(t_s, wave, f"The pulse in '{path}'"), time_series(t_s, rate_bpm, f"The rate in '{path}'")
    )


def write(root: Path, subject: int, shot: Shot, recording: SimulatedRecording) -> None:
    """Write a simulated recording as of DATASET_2: the file's rate is constant, the true times are not."""
    folder = root / f"subject{subject + 1}"
    folder.mkdir(parents=True, exist_ok=True)
    size_px = recording.width_px, recording.height_px
    with VideoWriter(folder / "vid.avi", *size_px, fps=shot.fs_hz, codec="ffv1", pix_fmt="bgr0") as writer:
        for frame in recording.frames():
            writer.write(frame.rgb)
    t_s = recording.frame_times_s
    rate_bpm = np.full(len(t_s), round(recording.heart_rate_bpm or 0.0))
    lines = (recording.bvp_at(t_s), rate_bpm, t_s)
    write_lines(folder / "ground_truth.txt", ("  ".join(f"{value:.7e}" for value in line) for line in lines))


UBFC_RPPG = Dataset(
    name="ubfc-rppg",
    title="UBFC-rPPG",
    layout="subject*/vid.avi with ground_truth.txt (DATASET_2) or gtdump.xmp (DATASET_1)",
    find=find,
    source='Bobbia, Macwan, Benezeth, Mansouri, Dubois, "Unsupervised skin tissue segmentation for remote '
    'photoplethysmography", Pattern Recognition Letters 124, 2019',
    simulation=Simulation(shots=(Shot("game", "standard", 30.0),), write=write),
)
