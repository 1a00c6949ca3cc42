"""VIPL-HR: 107 people, nine scenarios, three cameras in colour and one in near-infrared.

``p<N>/v<1-9>/source<1-4>/`` with ``video.avi``, ``wave.csv`` (column Wave, 60 Hz), ``gt_HR.csv`` (column HR,
1 Hz), ``gt_SpO2.csv``, and in some folders ``time.txt``, a frame's time in milliseconds a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rfacenet.datasets.layout import Dataset, Shot, Simulation
from rfacenet.datasets.opening import open_retimed
from rfacenet.datasets.recording import Recording, Reference, at_rate
from rfacenet.datasets.tables import read_column, read_numbers
from rfacenet.datasets.writing import write_avi, write_lines
from rfacenet.errors import DatasetError
from rfacenet.types import Float64Array

if TYPE_CHECKING:
    from rfacenet.simulation import SimulatedRecording

SCENARIOS = {
    "v1": "stable",
    "v2": "motion",
    "v3": "talking",
    "v4": "dark",
    "v5": "bright",
    "v6": "long distance",
    "v7": "after exercise",
    "v8": "phone",
    "v9": "phone, motion",
}
CAMERAS = {"source1": "webcam", "source2": "phone", "source3": "RealSense", "source4": "near-infrared"}
WAVE_HZ, RATE_HZ = 60.0, 1.0
_MS_PER_S = 1000.0


def find(root: Path) -> Iterator[Recording]:
    """Recordings below a root: every folder of a source, whatever is in it."""
    for folder in root.glob("p*/v*/source*"):
        name = folder.relative_to(root).as_posix()
        if match := re.fullmatch(r"(p\d+)/(v\d)(?:-\d+)?/(source\d)", name):
            subject, scenario, source = match.groups()
            yield Recording(
                name=name,
                subject=subject,
                open_video=partial(
                    open_retimed, folder / "video.avi", partial(read_frame_times, folder / "time.txt")
                ),
                read_reference=partial(read_reference, folder),
                conditions={
                    "scenario": scenario,
                    "situation": SCENARIOS.get(scenario, scenario),
                    "source": source,
                    "camera": CAMERAS.get(source, source),
                },
            )


def read_frame_times(path: Path) -> Float64Array | None:
    """Times of the frames, seconds; None where the folder has none."""
    return read_numbers(path, 1)[:, 0] / _MS_PER_S if path.exists() else None


def read_reference(folder: Path) -> Reference:
    """Pulse wave and heart rate of a finger clip; one of them may be missing.

    Raises:
        DatasetError: Both are missing, or one holds something else.
    """
    wave, rate = folder / "wave.csv", folder / "gt_HR.csv"
    if not (wave.exists() or rate.exists()):
        raise DatasetError(f"'{folder}' has neither wave.csv nor gt_HR.csv.")
    return Reference(
        at_rate(read_column(wave, "Wave"), WAVE_HZ, f"The pulse in '{wave}'") if wave.exists() else None,
        at_rate(read_column(rate, "HR"), RATE_HZ, f"The rate in '{rate}'") if rate.exists() else None,
    )


def write(root: Path, subject: int, shot: Shot, recording: SimulatedRecording) -> None:
    """Write a simulated recording, as imperfect as some real ones.

    The phone's (source 2) have no frame times, labels end before the video does, and every third person moves
    too much for a pulse wave: the device's rate alone is there.
    """
    folder = root / f"p{subject + 1}" / shot.name
    write_avi(folder / "video.avi", recording, shot.fs_hz)
    seconds = int(recording.frame_times_s[-1])
    rate_bpm = np.full(seconds, round(recording.heart_rate_bpm or 0.0))
    if shot.name != "v2/source1" or subject % 3 != 1:
        wave = recording.pulse[: round(seconds * WAVE_HZ)]
        write_lines(folder / "wave.csv", ["Wave", *(f"{60 + 20 * value:.0f}" for value in wave)])
    write_lines(folder / "gt_HR.csv", ["HR", *map(str, rate_bpm)])
    write_lines(folder / "gt_SpO2.csv", ["SpO2", *("98" for _ in rate_bpm)])
    if not shot.name.endswith("source2"):
        write_lines(folder / "time.txt", [f"{_MS_PER_S * t:.0f}" for t in recording.frame_times_s])


VIPL_HR = Dataset(
    name="vipl-hr",
    title="VIPL-HR",
    layout="p*/v*/source*/video.avi with wave.csv, gt_HR.csv and, here and there, time.txt",
    find=find,
    source='Niu, Han, Shan, Chen, "VIPL-HR: a multi-modal database for pulse estimation from '
    'less-constrained face video", ACCV 2018',
    simulation=Simulation(
        shots=(
            Shot("v1/source1", "easy", 25.0),
            Shot("v1/source2", "standard", 30.0),
            Shot("v2/source1", "hard", 25.0),
            Shot("v3/source3", "standard", 30.0),
        ),
        write=write,
    ),
)
