"""SCAMPS: 2800 rendered faces with exactly known pulses, 20 s each; nobody in it is a real person.

``Train|Val|Test/P<N>.mat``, or all of them in one folder: MATLAB 7.3 files with the variables ``Xsub``
(T, H, W, RGB, 0 to 1) and ``d_ppg``, a value a frame, both 30 Hz. Each file counts as a person of its own:
whether a face is used twice could not be verified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rfacenet.datasets.arrays import open_array, read_signal
from rfacenet.datasets.layout import Dataset
from rfacenet.datasets.recording import Recording, Reference, at_rate

PARTS = ("Train", "Val", "Test")
FRAME_HZ = 30.0


def find(root: Path) -> Iterator[Recording]:
    """Recordings in a root or in its three parts, a file each."""
    for part in ("", *PARTS):
        for file in (root / part).glob("P*.mat"):
            if re.fullmatch(r"P\d+", file.stem):
                name = f"{part}/{file.stem}" if part else file.stem
                yield Recording(
                    name=name,
                    subject=name,
                    open_video=partial(open_array, file, "Xsub", fps=FRAME_HZ),
                    read_reference=partial(read_reference, file),
                    conditions={"part": part} if part else {},
                )


def read_reference(path: Path) -> Reference:
    """The pulse wave that the skin was rendered with.

    Raises:
        DatasetError: The file is missing or holds something else, or h5py is not installed.
    """
    return Reference(at_rate(read_signal(path, "d_ppg"), FRAME_HZ, f"The pulse in '{path}'"))


SCAMPS = Dataset(
    name="scamps",
    title="SCAMPS",
    layout="P*.mat, in Train, Val and Test or all together",
    find=find,
    source='McDuff, Wander, Liu, Hill, Hernandez, Lester, Baltrusaitis, "SCAMPS: synthetics for camera '
    'measurement of physiological signals", NeurIPS 2022',
)
