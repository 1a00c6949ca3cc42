"""MMPD: 33 people before a phone, 20 recordings each: four lights, four ways of moving, and after sport.

``subject<N>/p<N>_<0-19>.mat`` with the variables ``video`` (T, H, W, RGB, 0 to 1) and ``GT_ppg``, a value a
frame, both 30 Hz; ``light``, ``motion``, ``exercise``, ``skin_color`` and more are in the file as well, but
not in its name, so that they are no conditions here. Mini-MMPD has the same files with smaller frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.io import savemat

from rfacenet.datasets.arrays import open_array, read_signal
from rfacenet.datasets.layout import Dataset, Shot, Simulation
from rfacenet.datasets.recording import Recording, Reference, at_rate
from rfacenet.files import whole_file

if TYPE_CHECKING:
    from rfacenet.simulation import SimulatedRecording

FRAME_HZ = 30.0
_KNOWN = {
    "exercise": "False",
    "gender": "female",
    "glasser": "False",
    "hair_cover": "False",
    "makeup": "False",
}
_MOTIONS = {"easy": "Stationary", "standard": "Talking", "hard": "Walking"}


def find(root: Path) -> Iterator[Recording]:
    """Recordings below a root, a file each."""
    for file in root.glob("subject*/p*_*.mat"):
        if match := re.fullmatch(r"(p\d+)_(\d+)", file.stem):
            yield Recording(
                name=file.stem,
                subject=match[1],
                open_video=partial(open_array, file, "video", fps=FRAME_HZ),
                read_reference=partial(read_reference, file),
                conditions={"experiment": match[2]},
            )


def read_reference(path: Path) -> Reference:
    """Pulse wave of a finger clip, as it was brought to the frames by the authors.

    Raises:
        DatasetError: The file is missing or holds something else.
    """
    return Reference(at_rate(read_signal(path, "GT_ppg"), FRAME_HZ, f"The pulse in '{path}'"))


def write(root: Path, subject: int, shot: Shot, recording: SimulatedRecording) -> None:
    """Write a simulated recording, which takes half a gigabyte of memory for 20 s of 320 x 240."""
    folder = root / f"subject{subject + 1}"
    folder.mkdir(parents=True, exist_ok=True)
    size = recording.height_px, recording.width_px, 3
    video = np.empty((len(recording.frame_times_s), *size), np.float32)
    for place, frame in zip(video, recording.frames(), strict=True):
        np.divide(frame.rgb, 255, out=place)
    content = _KNOWN | {
        "video": video,
        "GT_ppg": recording.bvp_at(recording.frame_times_s)[None].astype(np.float32),
        "light": "LED-high",
        "motion": _MOTIONS[shot.difficulty],
        "skin_color": recording.skin_type,
    }
    with whole_file(folder / f"p{subject + 1}_{shot.name}.mat") as file:
        savemat(file, content, do_compression=True)


MMPD = Dataset(
    name="mmpd",
    title="MMPD",
    layout="subject*/p*_*.mat",
    find=find,
    source='Tang, Chen, Wang, Shi, Patel, McDuff, Liu, "MMPD: multi-domain mobile video physiology dataset", '
    "EMBC 2023",
    simulation=Simulation(shots=(Shot("0", "easy", 30.0), Shot("1", "hard", 30.0)), write=write),
)
