"""What a data set is: its name, where its files lie, and how to find and to write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rfacenet.datasets.recording import Recording
from rfacenet.errors import DatasetError

if TYPE_CHECKING:
    from rfacenet.simulation import SimulatedRecording
    from rfacenet.simulation.difficulty import DifficultyName

SIMULATED_MARK = "SIMULATED.txt"
"""A file of this name in a data set's folder says that nobody in it exists, as its results then do."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One recording that every subject of a simulated data set gets.

    Attributes:
        name: What the data set calls it.
        difficulty: Conditions.
        fs_hz: Mean frame rate.
    """

    name: str
    difficulty: DifficultyName
    fs_hz: float


@dataclass(frozen=True, slots=True)
class Simulation:
    """How to write a simulated data set that looks like the real one on disk.

    Attributes:
        shots: What is recorded of every subject.
        write: Writes one recording below the root: subject (from 0), shot, what was simulated.
    """

    shots: Sequence[Shot]
    write: Callable[[Path, int, Shot, SimulatedRecording], None]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set.

    Attributes:
        name: What it is called on the command line.
        title: What its authors call it.
        layout: Where its files lie below its root, in one line, for people.
        find: Its recordings below a root, in any order; none where nothing looks like it.
        source: Its paper.
        simulation: How a simulated one is written; None where that cannot be done.
    """

    name: str
    title: str
    layout: str
    find: Callable[[Path], Iterable[Recording]]
    source: str
    simulation: Simulation | None = None

    def recordings(self, root: Path) -> list[Recording]:
        """All recordings, sorted by name as people count (``p2`` before ``p10``).

        Raises:
            DatasetError: ``root`` is not such a data set's folder.
        """
        if not root.is_dir():
            raise DatasetError(f"There is no folder '{root}'; name the one that holds {self.title}.")
        try:
            found = sorted(self.find(root), key=lambda recording: natural_key(recording.name))
        except OSError as error:
            raise DatasetError(f"'{root}' cannot be read: {error.strerror}.") from error
        names = Counter(recording.name for recording in found)
        if twice := [name for name, count in names.items() if count > 1]:
            raise DatasetError(f"'{root}' holds '{twice[0]}' more than once; take one of them out.")
        if not found:
            raise DatasetError(
                f"'{root}' does not look like {self.title}: expected {self.layout}, found {_listing(root)}."
            )
        return found


def is_simulated(root: Path) -> bool:
    """Whether the people in a data set's folder are simulated."""
    return (root / SIMULATED_MARK).exists()


def natural_key(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Sorts numbers in names by their size, and before letters."""
    parts: list[str] = []
    for character in name:
        if parts and character.isdecimal() == parts[-1][-1].isdecimal():
            parts[-1] += character
        else:
            parts.append(character)
    return tuple((False, int(part), "") if part.isdecimal() else (True, 0, part) for part in parts)


def _listing(root: Path) -> str:
    """The first few entries of a folder, in words."""
    names = sorted(path.name + "/" * path.is_dir() for path in root.iterdir())
    if not names:
        return "nothing"
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
