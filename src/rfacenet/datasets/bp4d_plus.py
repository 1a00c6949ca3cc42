"""BP4D+: 140 people in ten tasks that move them, with the blood pressure at the finger.

``2D+3D/F001.zip`` (F for women, M for men) holds the frames of all tasks, ``.../T1/<number>.jpg``, 25 a
second, beside 3D models; ``Physiology/F001/T1/BP_mmHg.txt`` the pressure wave and ``Pulse Rate_BPM.txt`` the
heart rate, 1000 Hz, a value a line. That the frames' numbers count one by one, and that frames and signals
begin together, could not be verified.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from rfacenet.datasets.arrays import FrameStream
from rfacenet.datasets.layout import Dataset
from rfacenet.datasets.recording import Recording, Reference, at_rate
from rfacenet.datasets.tables import read_numbers
from rfacenet.errors import VideoError
from rfacenet.types import Frame
from rfacenet.video.still import Stills

FRAME_HZ, SIGNAL_HZ = 25.0, 1000.0
TASKS = tuple(f"T{number}" for number in range(1, 11))


def find(root: Path) -> Iterator[Recording]:
    """Recordings below a root: ten for each archive, and every folder of a task's signals."""
    signals, frames = root / "Physiology", root / "2D+3D"
    found = {(folder.parent.name, folder.name) for folder in signals.glob("*/T*") if folder.is_dir()}
    found |= {(archive.stem, task) for archive in frames.glob("*.zip") for task in TASKS}
    for subject, task in sorted(found):
        if re.fullmatch(r"[FM]\d+", subject) and re.fullmatch(r"T\d+", task):
            yield Recording(
                name=f"{subject}/{task}",
                subject=subject,
                open_video=partial(open_zipped, frames / f"{subject}.zip", task),
                read_reference=partial(read_reference, signals / subject / task),
                conditions={"task": task, "sex": "female" if subject[0] == "F" else "male"},
            )


def read_reference(folder: Path) -> Reference:
    """Pressure wave and heart rate of a finger cuff; the rate may be missing.

    Raises:
        DatasetError: The wave is missing, or a file holds something else.
    """
    wave, rate = folder / "BP_mmHg.txt", folder / "Pulse Rate_BPM.txt"
    return Reference(
        at_rate(read_numbers(wave, 1)[:, 0], SIGNAL_HZ, f"The pressure in '{wave}'"),
        at_rate(read_numbers(rate, 1)[:, 0], SIGNAL_HZ, f"The rate in '{rate}'") if rate.exists() else None,
    )


def open_zipped(path: Path, task: str, max_side_px: int | None = None) -> FrameStream:
    """The frames of a task, decoded out of the archive; nothing is unpacked to the disk.

    Raises:
        VideoError: The archive is missing or damaged, or holds no frame of the task.
    """
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise VideoError(f"There is no '{path}', which should hold the frames.") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise VideoError(f"'{path}' is no archive, or a damaged one ({error}); copy it again.") from error
    entries = {_number(entry, task): entry for entry in archive.namelist()}
    images = sorted((number, entry) for number, entry in entries.items() if number >= 0)
    if not images:
        archive.close()
        raise VideoError(f"'{path}' has no frames of task {task}.")
    duration_s = (images[-1][0] - images[0][0]) / FRAME_HZ
    return FrameStream(path, _frames(archive, images, Stills(max_side_px)), duration_s)


def _number(entry: str, task: str) -> int:
    """The number of a frame of the task; -1 for everything else in the archive."""
    place = PurePosixPath(entry)
    digits = re.search(r"(\d+)\.jpe?g$", place.name, re.IGNORECASE)
    is_frame = digits and task in place.parts[:-1] and not place.name.startswith(".")
    return int(digits[1]) if digits and is_frame else -1


def _frames(
    archive: zipfile.ZipFile, images: list[tuple[int, str]], stills: Stills
) -> Generator[Frame | None, None, None]:
    with archive:
        for number, entry in images:
            try:
                rgb = stills.decode(archive.read(entry))
            except (VideoError, zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError):
                yield None
            else:
                yield Frame((number - images[0][0]) / FRAME_HZ, rgb)


BP4D_PLUS = Dataset(
    name="bp4d-plus",
    title="BP4D+",
    layout="2D+3D/F001.zip and Physiology/F001/T1/BP_mmHg.txt",
    find=find,
    source="Zhang, Girard, Wu, Zhang, Liu, Ciftci, Canavan, Reale, Horowitz, Yang, Cohn, Ji, Yin, "
    '"Multimodal spontaneous emotion corpus for human behavior analysis", CVPR 2016',
)
