"""A recording played in real time, as if a camera took it now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from rfacenet.errors import SettingsError
from rfacenet.types import Frame


def in_real_time(
    frames: Iterable[Frame],
    speed: float = 1.0,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Frame]:
    """Each frame when it is due, counted from the first; at once where that has passed. None is left out.

    Args:
        frames: The recording.
        speed: How many times as fast it is played; the frames keep their own times.
        clock: What the time is, seconds.
        sleep: Waits for so many seconds.

    Raises:
        SettingsError: The speed is not above 0.
    """
    if not speed > 0:
        raise SettingsError(f"A speed of {speed:g} gets nowhere; choose more than 0.")
    return _played(frames, speed, clock, sleep)


def _played(
    frames: Iterable[Frame], speed: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Iterator[Frame]:
    begin_s: float | None = None
    for frame in frames:
        begin_s = clock() - frame.t_s / speed if begin_s is None else begin_s
        early_s = begin_s + frame.t_s / speed - clock()
        if early_s > 0:
            sleep(early_s)
        yield frame
