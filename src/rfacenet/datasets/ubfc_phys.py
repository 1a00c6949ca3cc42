"""UBFC-Phys: 56 people at rest, giving a speech and doing sums, with a pulse from the wrist.

``s<N>/vid_s<N>_T<1-3>.avi``, 35 frames a second, and ``s<N>/bvp_s<N>_T<1-3>.csv``, a value a line, 64 Hz, no
header (Empatica E4). That both begin at the same moment is taken for granted: no file tells. The wrist moves
in T2 and T3, and the authors' list of recordings to leave out is not applied here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rfacenet.datasets.layout import Dataset, Shot, Simulation
from rfacenet.datasets.opening import open_plain
from rfacenet.datasets.recording import Recording, Reference, at_rate
from rfacenet.datasets.tables import read_numbers
from rfacenet.datasets.writing import pulse_at_rate, write_avi, write_lines

if TYPE_CHECKING:
    from rfacenet.simulation import SimulatedRecording

TASKS = {"T1": "rest", "T2": "speech", "T3": "sums"}
PULSE_HZ = 64.0
_UNIT = 50.0  # the wristband's numbers are about so large


def find(root: Path) -> Iterator[Recording]:
    """Recordings below a root: whatever has the video or the pulse of one."""
    files = [*root.glob("s*/vid_s*_T*.avi"), *root.glob("s*/bvp_s*_T*.csv")]
    for folder, name in sorted({(file.parent, file.stem.partition("_")[2]) for file in files}):
        if (match := re.fullmatch(r"(s\d+)_(T\d)", name)) and match[1] == folder.name:
            yield Recording(
                name=name,
                subject=match[1],
                open_video=partial(open_plain, folder / f"vid_{name}.avi"),
                read_reference=partial(read_reference, folder / f"bvp_{name}.csv"),
                conditions={"task": TASKS.get(match[2], match[2])},
            )


def read_reference(path: Path) -> Reference:
    """Pulse wave of a wristband.

    Raises:
        DatasetError: The file is missing or holds something else.
    """
    return Reference(at_rate(read_numbers(path, 1)[:, 0], PULSE_HZ, f"The pulse in '{path}'"))


def write(root: Path, subject: int, shot: Shot, recording: SimulatedRecording) -> None:
    """Write a simulated recording; the true times of its frames are lost, as in the real data set."""
    folder, name = root / f"s{subject + 1}", f"s{subject + 1}_{shot.name}"
    write_avi(folder / f"vid_{name}.avi", recording, shot.fs_hz)
    values = pulse_at_rate(recording, PULSE_HZ)
    write_lines(folder / f"bvp_{name}.csv", (f"{_UNIT * value:.2f}" for value in values))


UBFC_PHYS = Dataset(
    name="ubfc-phys",
    title="UBFC-Phys",
    layout="s*/vid_s*_T*.avi and s*/bvp_s*_T*.csv",
    find=find,
    source='Meziati Sabour, Benezeth, De Oliveira, Chappé, Yang, "UBFC-Phys: a multimodal database for '
    'psychophysiological studies of social stress", IEEE Transactions on Affective Computing 14, 2023',
    simulation=Simulation(
        shots=(Shot("T1", "easy", 35.0), Shot("T2", "hard", 35.0), Shot("T3", "standard", 35.0)),
        write=write,
    ),
)
