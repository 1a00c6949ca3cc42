"""Arrays in MATLAB and HDF5 files, and videos that are kept in such files or in archives."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import chain
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat, whosmat

from rfacenet.errors import DatasetError, VideoError
from rfacenet.types import Float64Array, Frame, Uint8Array
from rfacenet.video.still import Stills


def read_array(path: Path, name: str) -> NDArray[Any]:
    """A variable of a MATLAB file of any version, axes as in MATLAB, or of an HDF5 file.

    Args:
        path: The file; its ending says which of the two.
        name: The variable.

    Raises:
        DatasetError: The file is missing or damaged, has no such variable, or needs h5py to be installed.
    """
    if not path.is_file():
        raise DatasetError(f"There is no '{path}', which should hold '{name}'.")
    if path.suffix.lower() != ".mat":
        return _hdf5_array(path, name)
    try:
        content = loadmat(path, variable_names=[name])
        present = [] if name in content else [entry[0] for entry in whosmat(path)]
    except NotImplementedError:  # MATLAB 7.3 writes HDF5, and its arrays with the axes the other way round
        return _hdf5_array(path, name).T
    except MemoryError:
        raise
    except Exception as error:  # scipy stumbles over damaged files in many ways
        raise DatasetError(f"'{path}' is no MATLAB file, or a damaged one ({error}).") from error
    if name not in content:
        raise _lacks(path, name, present)
    return np.asarray(content[name])


def read_signal(path: Path, name: str) -> Float64Array:
    """A variable that is a row or a column of numbers, ``(N,)``.

    Raises:
        DatasetError: It is not, or as of :func:`read_array`.
    """
    value = read_array(path, name)
    if value.dtype.kind not in "fiu" or value.size not in (*value.shape, 0):
        raise DatasetError(f"'{name}' in '{path}' is {value.shape} {value.dtype}, not a row of numbers.")
    return value.astype(np.float64).ravel()


def load_h5py(path: Path) -> ModuleType:
    """The h5py package, which only some data sets need.

    Raises:
        DatasetError: It is not installed.
    """
    try:
        import h5py  # type: ignore[import-untyped]
    except ImportError as error:
        raise DatasetError(f"'{path}' needs h5py: pip install 'rfacenet[datasets]'.") from error
    return h5py  # type: ignore[no-any-return]


def _hdf5_array(path: Path, name: str) -> NDArray[Any]:
    h5py = load_h5py(path)
    try:
        with h5py.File(path) as file:
            if not isinstance(file.get(name), h5py.Dataset):
                raise _lacks(path, name, list(file))
            return np.asarray(file[name][()])
    except OSError as error:
        raise DatasetError(f"'{path}' is no HDF5 file, or a damaged one ({error}).") from error


def _lacks(path: Path, name: str, present: list[str]) -> DatasetError:
    return DatasetError(f"'{path}' has no '{name}'; there is {', '.join(present) or 'nothing'}.")


class FrameStream:
    """A video whose frames come neither from a video file nor from a folder of images.

    Args:
        path: Where they come from, for the message.
        frames: The frames, from time 0, rising; None stands for one that cannot be decoded. Closed with the
            video.
        expected_duration_s: Time from the first frame to the last.

    Raises:
        VideoError: There is not one frame.
    """

    def __init__(
        self, path: Path, frames: Generator[Frame | None, None, None], expected_duration_s: float | None
    ) -> None:
        self.damaged_frames = 0
        self.expected_duration_s = expected_duration_s
        self._frames = frames
        sound = self._sound()
        first = next(sound, None)
        if first is None:
            raise VideoError(f"'{path}' has no frame that can be decoded; copy it again.")
        self.height_px, self.width_px, _ = first.rgb.shape
        self._unread = chain([first], sound)

    def __iter__(self) -> Iterator[Frame]:
        return self._unread

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._frames.close()

    def _sound(self) -> Iterator[Frame]:
        for frame in self._frames:
            if frame is None:
                self.damaged_frames += 1
            else:
                yield frame


def open_array(path: Path, name: str, max_side_px: int | None = None, *, fps: float) -> FrameStream:
    """A video that is a variable ``(T, H, W, 3)`` of a MATLAB or HDF5 file: RGB, 0 to 255 or 0 to 1.

    All of it is read on opening; frames are converted to 8 bits one by one.

    Raises:
        DatasetError: The variable is no video, or as of :func:`read_array`.
    """
    array = read_array(path, name)
    if array.ndim != 4 or array.shape[-1] != 3 or not array.size or array.dtype.kind not in "fiu":
        raise DatasetError(f"'{name}' in '{path}' is {array.shape} {array.dtype}, not frames (T, H, W, 3).")
    return FrameStream(path, _frames(array, fps, Stills(max_side_px)), (len(array) - 1) / fps)


def _frames(array: NDArray[Any], fps: float, stills: Stills) -> Generator[Frame | None, None, None]:
    scale = 255.0 if array.dtype.kind == "f" and np.nanmax(array) <= 1 else 1.0
    for number, values in enumerate(array):
        yield Frame(number / fps, stills.shrink(_eight_bits(values, scale)))


def _eight_bits(values: NDArray[Any], scale: float) -> Uint8Array:
    if values.dtype != np.uint8:
        values = np.clip(np.rint(np.nan_to_num(values) * scale), 0, 255)
    rgb: Uint8Array = values.astype(np.uint8, copy=False)
    return rgb
