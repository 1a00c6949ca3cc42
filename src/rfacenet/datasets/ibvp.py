"""iBVP: 33 people at rest, at easy and hard sums and moving the head, in colour and in heat, lossless.

``p<NN>_<a-d>/p<NN>_<a-d>_rgb/*.bmp``, 30 frames a second, and ``p<NN>_<a-d>_bvp.csv`` with the columns BVP
(from the ear, 30 Hz), SQPhysMD, SQ1, SQ2 and Perfusion_Value; the heat's ``_t/*.raw`` and the labels of
quality are not read. How the frames are named could not be verified: Unix times are taken as such, anything
else counts frames at 30 Hz.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rfacenet.datasets.layout import Dataset, Shot, Simulation
from rfacenet.datasets.opening import open_plain
from rfacenet.datasets.recording import Recording, Reference, at_rate
from rfacenet.datasets.tables import read_column
from rfacenet.datasets.writing import pulse_at_rate, write_lines
from rfacenet.types import Uint8Array

if TYPE_CHECKING:
    from rfacenet.simulation import SimulatedRecording

TASKS = {"a": "slow breathing, rest", "b": "easy sums", "c": "hard sums", "d": "head movement"}
FRAME_HZ = 30.0
_HEADER = "BVP,SQPhysMD,SQ1,SQ2,Perfusion_Value"
_CONFIDENTIAL = "Confidential_No-media-use"  # the people who may not be shown come in a folder of their own
_CLOCK_START_MS = 1_679_480_000_000


def find(root: Path) -> Iterator[Recording]:
    """Recordings below a root: whatever has the colour frames or the labels of one."""
    for folder in root.iterdir():
        if folder.name == _CONFIDENTIAL:
            yield from find(folder)
        elif match := re.fullmatch(r"(p\d+)_([a-z])", folder.name):
            frames, labels = folder / f"{folder.name}_rgb", folder / f"{folder.name}_bvp.csv"
            if frames.exists() or labels.exists():
                yield Recording(
                    name=folder.name,
                    subject=match[1],
                    open_video=partial(open_plain, frames, fps=FRAME_HZ),
                    read_reference=partial(read_reference, labels),
                    conditions={"task": TASKS.get(match[2], match[2])},
                )


def read_reference(path: Path) -> Reference:
    """Pulse wave of an ear clip.

    Raises:
        DatasetError: The file is missing or holds something else.
    """
    return Reference(at_rate(read_column(path, "BVP"), FRAME_HZ, f"The pulse in '{path}'"))


def write(root: Path, subject: int, shot: Shot, recording: SimulatedRecording) -> None:
    """Write a simulated recording, frames named by their times in milliseconds."""
    name = f"p{subject + 1:02}_{shot.name}"
    frames = root / name / f"{name}_rgb"
    frames.mkdir(parents=True, exist_ok=True)
    for frame in recording.frames():
        (frames / f"{_CLOCK_START_MS + round(1000 * frame.t_s)}.bmp").write_bytes(_bmp(frame.rgb))
    rows = (f"{value:.6f},1,1,1,2.5" for value in pulse_at_rate(recording, FRAME_HZ))
    write_lines(root / name / f"{name}_bvp.csv", (_HEADER, *rows))


def _bmp(rgb: Uint8Array) -> bytes:
    """A file of 24 bits a pixel: blue first, the lowest row first, rows filled up to whole words."""
    height, width, _ = rgb.shape
    rows = np.pad(rgb[::-1, :, ::-1].reshape(height, -1), ((0, 0), (0, -3 * width % 4))).tobytes()
    head = struct.pack(
        "<2sIIIIiiHHIIiiII", b"BM", 54 + len(rows), 0, 54, 40, width, height, 1, 24, 0, *[0] * 5
    )
    return head + rows


IBVP = Dataset(
    name="ibvp",
    title="iBVP",
    layout="pNN_x/pNN_x_rgb/*.bmp and pNN_x/pNN_x_bvp.csv",
    find=find,
    source='Joshi, Cho, "iBVP dataset: RGB-thermal rPPG dataset with high resolution signal quality labels", '
    "Electronics 13, 2024",
    simulation=Simulation(shots=(Shot("a", "easy", 30.0), Shot("d", "hard", 30.0)), write=write),
)
