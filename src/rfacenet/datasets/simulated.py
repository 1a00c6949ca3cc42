"""Simulated data sets that look like the real ones on disk."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rfacenet.datasets.layout import SIMULATED_MARK, Dataset, Shot
from rfacenet.errors import OutputError, SettingsError
from rfacenet.simulation import render_recording
from rfacenet.simulation.draws import seed_of

_MARK = """Nobody in this folder exists. rfacenet simulated its videos and pulses in the layout of {title}.
"""
_UNFINISHED = ".unfinished"
_FIRST_PERSON = 5_000_000  # no network is trained on people from here on


@dataclass(frozen=True, slots=True)
class SimulatedSize:
    """How large a simulated data set is.

    Attributes:
        n_subjects: People.
        duration_s: Length of the shortest recordings; as in real data sets, others are longer, here by up to
            a fifth.
        width_px: Width of the frames.
        height_px: Height of the frames.
    """

    n_subjects: int
    duration_s: float = 20.0
    width_px: int = 320
    height_px: int = 240


def simulate_dataset(
    dataset: Dataset,
    root: Path,
    size: SimulatedSize,
    seed: int = 0,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a simulated data set in the layout of a real one.

    Args:
        dataset: Which one.
        root: Folder to make; it must be empty or missing.
        size: How much of it.
        seed: Same seed, same data set. Data sets of different names share no person.
        progress: Called after each recording with how many are done and how many there are.

    Raises:
        SettingsError: It cannot be simulated, or ``size`` makes no sense.
        OutputError: ``root`` holds something already, or cannot be written.
    """
    if dataset.simulation is None:
        raise SettingsError(f"{dataset.title} cannot be simulated yet.")
    if size.n_subjects < 1:
        raise SettingsError(f"A data set of {size.n_subjects} subjects cannot be; choose 1 or more.")
    takes = list(_takes(dataset, size.n_subjects))
    try:
        with _finished_folder(root) as folder:
            (folder / SIMULATED_MARK).write_text(_MARK.format(title=dataset.title), "utf-8")
            for done, (subject, shot) in enumerate(takes, 1):
                recording = render_recording(
                    seed=seed_of(dataset.name, seed, subject, shot.name),
                    duration_s=size.duration_s * _share_of_length(dataset, seed, subject, shot),
                    fs_hz=shot.fs_hz,
                    width_px=size.width_px,
                    height_px=size.height_px,
                    difficulty=shot.difficulty,
                    identity=_FIRST_PERSON + seed_of(dataset.name, seed, subject) % 10**9,
                )
                dataset.simulation.write(folder, subject, shot, recording)
                if progress:
                    progress(done, len(takes))
    except OSError as error:
        raise OutputError(f"'{root}' cannot be written: {error.strerror}.") from error


@contextmanager
def _finished_folder(root: Path) -> Iterator[Path]:
    """A folder whose content becomes that of ``root`` once it is whole, as half a set would pass for one.

    Raises:
        OutputError: ``root`` holds something already, other than what a killed run left.
    """
    if root.exists() and not (root.is_dir() and all(path.name == _UNFINISHED for path in root.iterdir())):
        raise OutputError(f"'{root}' is not empty; choose a new folder for the data set.")
    is_new = not root.exists()
    folder = root / _UNFINISHED
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
        for path in sorted(folder.iterdir()):
            path.rename(root / path.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if is_new and not any(root.iterdir()):
            root.rmdir()


def _share_of_length(dataset: Dataset, seed: int, subject: int, shot: Shot) -> float:
    """How long a recording is, by the shortest: 1 to 1.2."""
    return random.Random(seed_of("length", dataset.name, seed, subject, shot.name)).uniform(1.0, 1.2)


def _takes(dataset: Dataset, n_subjects: int) -> Iterator[tuple[int, Shot]]:
    assert dataset.simulation is not None
    for subject in range(n_subjects):
        for shot in dataset.simulation.shots:
            yield subject, shot
