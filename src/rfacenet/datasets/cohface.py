"""COHFACE: 40 people before a webcam, twice by lamplight and twice by daylight, strongly compressed.

``<1-40>/<0-3>/data.avi``, 20 frames a second, and ``data.hdf5`` with the variable ``pulse``, 256 Hz. That
both begin at the same moment is taken for granted: the variable ``time`` beside it could not be verified.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rfacenet.datasets.arrays import load_h5py, read_signal
from rfacenet.datasets.layout import Dataset, Shot, Simulation
from rfacenet.datasets.opening import open_plain
from rfacenet.datasets.recording import Recording, Reference, at_rate
from rfacenet.datasets.writing import pulse_at_rate, write_avi
from rfacenet.files import whole_file

if TYPE_CHECKING:
    from rfacenet.simulation import SimulatedRecording

LIGHTS = {"0": "lamp", "1": "lamp", "2": "daylight", "3": "daylight"}
PULSE_HZ = 256.0


def find(root: Path) -> Iterator[Recording]:
    """Recordings below a root: whatever has the video or the pulse of one."""
    for folder in root.glob("*/*"):
        subject, session = folder.parent.name, folder.name
        video, labels = folder / "data.avi", folder / "data.hdf5"
        if subject.isdecimal() and session.isdecimal() and (video.exists() or labels.exists()):
            yield Recording(
                name=f"{subject}/{session}",
                subject=subject,
                open_video=partial(open_plain, video),
                read_reference=partial(read_reference, labels),
                conditions={"light": LIGHTS.get(session, "unknown")},
            )


def read_reference(path: Path) -> Reference:
    """Pulse wave of a contact sensor.

    Raises:
        DatasetError: The file is missing or holds something else, or h5py is not installed.
    """
    return Reference(at_rate(read_signal(path, "pulse"), PULSE_HZ, f"The pulse in '{path}'"))


def write(root: Path, subject: int, shot: Shot, recording: SimulatedRecording) -> None:
    """Write a simulated recording, strongly compressed as the real ones are (those by MPEG-4)."""
    folder = root / str(subject + 1) / shot.name
    h5py = load_h5py(folder / "data.hdf5")
    write_avi(folder / "data.avi", recording, shot.fs_hz, crf=28)
    content = io.BytesIO()
    with h5py.File(content, "w") as labels:
        labels["pulse"] = pulse_at_rate(recording, PULSE_HZ)
        labels.attrs["sample-rate-hz"] = int(PULSE_HZ)
    with whole_file(folder / "data.hdf5") as file:
        file.write(content.getvalue())


COHFACE = Dataset(
    name="cohface",
    title="COHFACE",
    layout="*/0-3/data.avi and */0-3/data.hdf5",
    find=find,
    source='Heusch, Anjos, Marcel, "A reproducible study on remote heart rate measurement", arXiv '
    "1709.00962, 2017",
    simulation=Simulation(shots=(Shot("0", "easy", 20.0), Shot("2", "standard", 20.0)), write=write),
)
