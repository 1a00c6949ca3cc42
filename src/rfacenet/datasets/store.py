"""The prepared store: of every recording the face's crops, its regions' colours, and what was measured.

A store is a folder with ``store.json`` and one folder a recording, which is there whole or not at all. Crops
stay as they were filmed: normalisation and frame rate belong to whoever reads them, so that one store serves
every network and every classical method.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import numpy as np

from rfacenet.datasets.layout import Dataset, is_simulated, natural_key
from rfacenet.datasets.recording import Recording, Reference, TimeSeries
from rfacenet.errors import DatasetError, SettingsError
from rfacenet.files import whole_file
from rfacenet.types import N_REGIONS, FaceChoice, Float32Array, Float64Array, RegionSet, Uint8Array

FORMAT = 2
"""Changes whenever what a store holds does; part of the key."""

_DESCRIPTION, _RECORD = "store.json", "recording.json"
_FRAMES, _REGIONS, _TRACES = "frames.npy", "regions.npy", "traces.npz"


@dataclass(frozen=True, slots=True)
class CropSettings:
    """What is kept of each video.

    Attributes:
        height: Height of the crops, pixels.
        width: Width of the crops, pixels.
        enlarge: Factor by which the face box is enlarged about its centre.
        face: Which of several faces to follow.
    """

    height: int = 72
    width: int = 72
    enlarge: float = 1.5
    face: FaceChoice = "largest"

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 8:
            raise SettingsError(f"Crops of {self.height}×{self.width} pixels cannot be; choose 8 or more.")
        if not 0.2 <= self.enlarge <= 4:
            raise SettingsError(f"A face box enlarged ×{self.enlarge:g} is no face; choose 0.2 to 4.")


@dataclass(frozen=True, slots=True)
class StoreDescription:
    """What a store was made from.

    Attributes:
        dataset: Name of the data set.
        title: What its authors call it.
        root: Where it lay.
        simulated: Whether nobody in it exists.
        crops: What was kept.
        format: See :data:`FORMAT`.
    """

    dataset: str
    title: str
    root: str
    simulated: bool
    crops: CropSettings
    format: int = FORMAT

    @classmethod
    def of(cls, dataset: Dataset, root: Path, crops: CropSettings) -> StoreDescription:
        """The description of what preparing a data set's folder would make."""
        return cls(dataset.name, dataset.title, str(root.resolve()), is_simulated(root), crops)

    @property
    def key(self) -> str:
        """Name of the store's folder: what it holds for people, and a hash of all settings."""
        content = json.dumps(asdict(self), sort_keys=True).encode()
        size = f"{self.crops.width}x{self.crops.height}"
        return f"{self.dataset}-{size}-{hashlib.sha256(content).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True, eq=False)
class StoredRecording:
    """One recording of a store; its frames stay on disk until they are asked for.

    Attributes:
        folder: Where it lies.
        name: What the data set calls it.
        subject: Who is seen.
        conditions: What is known about the circumstances.
        t_s: Frame times, ``(T,)``, seconds from the first.
        colours: Mean colour of the skin, ``(T, 3)`` RGB, 0 to 255; NaN where there was no face.
        reference: What was measured on the body.
        damaged_frames: Frames that could not be decoded whole, or had no time.
        fingerprint: Of the files that it was made from.
    """

    folder: Path
    name: str
    subject: str
    conditions: Mapping[str, str]
    t_s: Float64Array
    colours: Float64Array
    reference: Reference
    damaged_frames: int
    fingerprint: str = ""

    def is_any_of(self, conditions: Mapping[str, Sequence[str]]) -> bool:
        """Whether one of its conditions has one of the values that are named for it."""
        return any(self.conditions.get(name) in values for name, values in conditions.items())

    @property
    def crops(self) -> Uint8Array:
        """The face, ``(T, H, W, 3) uint8``, black where there was none; read from disk as it is used."""
        return np.load(self.folder / _FRAMES, mmap_mode="r")  # type: ignore[no-any-return]

    @property
    def regions(self) -> Float32Array:
        """Mean colours of all regions, ``(T, R, 3)``, NaN where there was no face or it was turned away.

        They are in the order of :data:`~rfacenet.types.N_REGIONS`; read from disk as they are used.
        """
        return np.load(self.folder / _REGIONS, mmap_mode="r")  # type: ignore[no-any-return]

    def region_frames(self, regions: RegionSet) -> Float32Array:
        """One set's mean colours as frames one pixel wide, ``(T, R, 1, 3)``; NaN as in :attr:`regions`."""
        # Here, as the process that only hands out work can do without torch, which faces load.
        from rfacenet.faces import part_of

        return self.regions[:, part_of(regions), None]


def open_store(path: Path) -> tuple[StoreDescription, list[StoredRecording]]:
    """A store's description and its recordings, sorted by name.

    Raises:
        DatasetError: There is no store, it is of another format, or a recording in it is damaged.
    """
    description = read_description(path)
    folders = [folder for folder in path.iterdir() if (folder / _RECORD).exists() and folder.name[0] != "."]
    recordings = [_read(folder) for folder in folders]
    if not recordings:
        raise DatasetError(
            f"The store '{path}' holds no recording; its report.csv says why, if there is one."
        )
    return description, sorted(recordings, key=lambda recording: natural_key(recording.name))


def read_description(path: Path) -> StoreDescription:
    """What a store was made from.

    Raises:
        DatasetError: There is no store, or it is of another format.
    """
    try:
        values = json.loads((path / _DESCRIPTION).read_text("utf-8"))
        description = StoreDescription(**{**values, "crops": CropSettings(**values["crops"])})
    except FileNotFoundError as error:
        raise DatasetError(f"'{path}' is no prepared store; make one by 'rfacenet prepare'.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"'{path / _DESCRIPTION}' is damaged; prepare the data set anew.") from error
    if description.format != FORMAT:
        raise DatasetError(f"The store '{path}' is of another version of rfacenet; prepare it anew.")
    return description


def create_store(path: Path, description: StoreDescription) -> None:
    """Make the store's folder, or leave it as it is if it is this store already.

    Raises:
        DatasetError: The folder is a store that was made from something else.
        OSError: It cannot be written.
    """
    path.mkdir(parents=True, exist_ok=True)
    if not (path / _DESCRIPTION).exists():
        with whole_file(path / _DESCRIPTION) as file:
            file.write(json.dumps(asdict(description), indent=2).encode())
    elif read_description(path) != description:
        raise DatasetError(f"'{path}' is a store that was made from something else; choose another folder.")


def folder_of(store: Path, recording: str) -> Path:
    """Where a recording lies in a store."""
    return store / quote(recording, safe=" ")


def stored_notes(store: Path, recording: Recording) -> tuple[str, ...] | None:
    """What was noted of a recording that is in a store; None if it is not, or was made from other files."""
    try:
        record = json.loads((folder_of(store, recording.name) / _RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return tuple(record["notes"]) if record.get("fingerprint") == recording.fingerprint else None


def remove_leftovers(store: Path, recordings: Sequence[Recording]) -> None:
    """Delete what a killed run left half done, and recordings that the data set does not have any more."""
    kept = {folder_of(store, recording.name) for recording in recordings}
    for folder in store.iterdir():
        if folder.is_dir() and folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)


class RecordingWriter:
    """Writes one recording into a store, frame by frame, in memory that does not grow with its length.

    A context manager: on leaving without an error the recording is there, else nothing of it is.

    Args:
        store: The store.
        name: What the data set calls the recording.
        size_px: Height and width of the crops.
    """

    def __init__(self, store: Path, name: str, size_px: tuple[int, int]) -> None:
        self._folder = folder_of(store, name)
        self._partial = store / f".{self._folder.name}.{os.getpid()}.part"
        self._shapes = {_FRAMES: ((*size_px, 3), "|u1"), _REGIONS: ((sum(N_REGIONS.values()), 3), "<f4")}
        self._files: dict[str, BinaryIO] = {}
        self._n_frames = 0

    def __enter__(self) -> Self:
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir()
        self._files = {name: (self._partial / name).open("wb") for name in self._shapes}
        self._write_headers()
        return self

    def add(self, crop: Uint8Array, regions: Float32Array) -> None:
        """Append one frame's crop and the mean colours of its regions, ``(R, 3)``."""
        for file, values in zip(self._files.values(), (crop, regions), strict=True):
            file.write(np.ascontiguousarray(values).data)
        self._n_frames += 1

    def finish(self, traces: Mapping[str, Float64Array], record: Mapping[str, Any]) -> None:
        """Add what there is besides the crops.

        Args:
            traces: Arrays by their names.
            record: What people may want to read.
        """
        self._write_headers()
        np.savez(self._partial / _TRACES, **dict(traces))  # type: ignore[arg-type]  # its stub has a flag in the way
        (self._partial / _RECORD).write_text(json.dumps(record, indent=2), "utf-8")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for file in self._files.values():
                file.close()
            if error is None:
                shutil.rmtree(self._folder, ignore_errors=True)  # made from other files, or copied in part
                self._partial.rename(self._folder)
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def _write_headers(self) -> None:
        """The arrays' headers, which NumPy leaves room in for a growing first axis."""
        for name, (shape, dtype) in self._shapes.items():
            self._files[name].seek(0)
            header = {"descr": dtype, "fortran_order": False, "shape": (self._n_frames, *shape)}
            np.lib.format.write_array_header_1_0(self._files[name], header)


@contextmanager
def only_writer(store: Path) -> Iterator[None]:
    """While this lasts, nobody else prepares the store; the lock goes with the process, however that ends.

    Raises:
        DatasetError: Somebody does.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows: two runs would do the same work twice, but neither would spoil it
        yield
        return
    with (store / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DatasetError(f"'{store}' is being prepared by another run; wait for its end.") from error
        yield


def _read(folder: Path) -> StoredRecording:
    try:
        record = json.loads((folder / _RECORD).read_text("utf-8"))
        with np.load(folder / _TRACES) as traces:
            pulse, rate = (
                TimeSeries(traces[f"{name}_t_s"], traces[name]) if name in traces else None
                for name in ("pulse", "heart_rate_bpm")
            )
            stored = StoredRecording(
                folder=folder,
                name=record["name"],
                subject=record["subject"],
                conditions=record["conditions"],
                t_s=traces["t_s"],
                colours=traces["colours"],
                reference=Reference(pulse, rate),
                damaged_frames=record["damaged_frames"],
                fingerprint=record["fingerprint"],
            )
        if not len(stored.crops) == len(stored.regions) == len(stored.t_s):
            raise ValueError(f"{len(stored.crops)} crops at {len(stored.t_s)} times")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"'{folder}' in the store is damaged; delete it and prepare it anew.") from error
    return stored
