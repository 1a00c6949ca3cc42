"""What every data set is to the rest of the program: videos, each with what was measured beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from rfacenet.errors import DatasetError
from rfacenet.types import Float64Array, Frame

MAX_GAP_S, MAX_GAP_STEPS = 0.5, 3.0
"""A measurement is interpolated across so many seconds or usual steps, whichever is longer."""

MAX_DISORDER = 0.05
"""Share of samples whose time may repeat or go back; they are left out. More is no record of time."""


@dataclass(frozen=True, slots=True, eq=False)
class TimeSeries:
    """Something that was measured over time.

    Attributes:
        t_s: Times, rising, seconds from the video's first frame, ``(N,)``.
        value: What was measured, ``(N,)``; the unit is the name's of whoever holds it.
    """

    t_s: Float64Array
    value: Float64Array

    def at(self, t_s: Float64Array) -> Float64Array:
        """Values at other times, interpolated linearly; NaN before the first, after the last and in gaps."""
        steps_s = np.diff(self.t_s)
        longest_s = max(MAX_GAP_S, MAX_GAP_STEPS * float(np.median(steps_s)))
        after = np.clip(np.searchsorted(self.t_s, t_s), 1, len(steps_s))
        # A time that was measured at is known, whatever gap begins or ends there.
        in_gap = (steps_s[after - 1] > longest_s) & (t_s > self.t_s[after - 1]) & (t_s < self.t_s[after])
        values = np.interp(t_s, self.t_s, self.value, left=np.nan, right=np.nan)
        return np.where(in_gap, np.nan, values)


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What was measured on the body; at least one of the two.

    Attributes:
        pulse: Blood volume pulse, any unit, more blood upwards.
        heart_rate_bpm: Heart rate as the device gave it.
    """

    pulse: TimeSeries | None = None
    heart_rate_bpm: TimeSeries | None = None


class VideoStream(Protocol):
    """Frames with times, read once, as :class:`rfacenet.video.VideoSource` gives them."""

    @property
    def damaged_frames(self) -> int: ...  # noqa: D102
    @property
    def width_px(self) -> int: ...  # noqa: D102
    @property
    def height_px(self) -> int: ...  # noqa: D102
    @property
    def expected_duration_s(self) -> float | None: ...  # noqa: D102
    def __iter__(self) -> Iterator[Frame]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One video of a data set. Nothing is read before it is asked for.

    Attributes:
        name: What the data set calls it, such as ``p1/v2/source3``; unique within the data set.
        subject: Who is seen; the same person in two recordings has the same name.
        open_video: Opens the video with its true times. Takes the longest side in pixels that frames are
            shrunk to, or None. Raises ``VideoError``.
        read_reference: Reads what was measured. Raises ``DatasetError`` where that is missing or unusable.
        conditions: What is known about the circumstances, such as ``{"task": "talking"}``.
    """

    name: str
    subject: str
    open_video: Callable[[int | None], VideoStream]
    read_reference: Callable[[], Reference]
    conditions: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Changes when a file that it is read from does: those whose paths its two functions are bound to."""
        paths = [*_bound_paths(self.open_video), *_bound_paths(self.read_reference)]
        stamps = [stamp for path in paths for stamp in _stamps(path)]
        return hashlib.sha256(repr(stamps).encode()).hexdigest()


def time_series(t_s: Float64Array, value: Float64Array, origin: str) -> TimeSeries:
    """What was measured, with the few samples left out that are not finite or whose time does not rise.

    Args:
        t_s: Times, ``(N,)``, seconds.
        value: Values, ``(N,)``.
        origin: Where it comes from, for the message: a file, and what in it.

    Raises:
        DatasetError: It is empty, the numbers of times and values differ, or it is in disorder throughout.
    """
    if len(t_s) != len(value):
        raise DatasetError(f"{origin} has {len(value)} values but {len(t_s)} times; it cannot be used.")
    kept = np.isfinite(t_s) & np.isfinite(value)
    known_s = t_s[kept]
    kept[kept] = np.concatenate(
        [known_s[:1] == known_s[:1], known_s[1:] > np.maximum.accumulate(known_s)[:-1]]
    )
    if kept.sum() < 2:
        raise DatasetError(f"{origin} is empty: {len(value)} sample(s), {kept.sum()} of them usable.")
    if kept.mean() < 1 - MAX_DISORDER:
        raise DatasetError(
            f"{origin} is in disorder: {len(kept) - kept.sum()} of its {len(kept)} samples are no numbers or "
            "have times that do not rise."
        )
    return TimeSeries(t_s[kept].astype(np.float64), value[kept].astype(np.float64))


def at_rate(value: Float64Array, fs_hz: float, origin: str) -> TimeSeries:
    """What was measured at a constant rate from the video's first frame on.

    Raises:
        DatasetError: As of :func:`time_series`.
    """
    return time_series(np.arange(len(value)) / fs_hz, value, origin)


def _bound_paths(function: object) -> Iterator[Path]:
    """Paths among the arguments that a function was bound to, and those of functions among them."""
    if isinstance(function, partial):
        for argument in (*function.args, *function.keywords.values()):
            if isinstance(argument, Path):
                yield argument
            else:
                yield from _bound_paths(argument)


def _stamps(path: Path) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of change of a file, or of all files of a folder; nothing where there is none."""
    if path.is_dir():
        for file in sorted(path.iterdir()):
            if file.is_file():
                yield from _stamps(file)
    elif path.exists():
        status = path.stat()
        yield path.name, status.st_size, status.st_mtime_ns
