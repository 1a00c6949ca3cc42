"""A live estimator in a thread of its own, behind a queue that never falls behind."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from rfacenet.inference.live import LiveEstimator
from rfacenet.types import Estimate, Frame, LiveEstimate, Uint8Array

CAPACITY = 60
"""Frames that may wait: two seconds of a webcam, longer than any released network takes for an estimate."""

UPDATE_S = 0.12
"""Least time from one estimate to the next, seconds: more often, nobody would see it."""


class LiveFeed:
    """Takes frames as they come and keeps the latest estimate at hand; neither ever waits for the other.

    A thread adds all the frames that wait to the estimator and has it estimate, in turn. Where it cannot keep
    up, the estimate comes less often; and once the queue is full, the oldest frame in it is dropped for each
    new one, and counted.
    So what is answered is never older than the queue is long. To be closed, by :meth:`finish`,
    :meth:`close` or as a context manager.

    Args:
        estimator: From now on used by this feed alone.
        capacity: Most frames that wait.
        update_s: Least time from one estimate to the next, seconds.
    """

    def __init__(
        self, estimator: LiveEstimator, *, capacity: int = CAPACITY, update_s: float = UPDATE_S
    ) -> None:
        self._estimator = estimator
        self._capacity = max(1, capacity)
        self._update_s = update_s
        self._waiting: deque[Callable[[], None]] = deque()
        self._dropped_frames = 0
        self._changed = threading.Condition()
        self._is_closed = False
        self._latest: LiveEstimate | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="rfacenet live", daemon=True)
        self._thread.start()

    def put(self, frame: Frame) -> None:
        """Hand over a whole picture, whose pixels must stay as they are: :meth:`LiveEstimator.add_frame`."""
        self._put(partial(self._estimator.add_frame, frame))

    def put_crop(self, crop: Uint8Array, t_s: float) -> None:
        """Hand over a face that was cut out elsewhere, see :meth:`LiveEstimator.add_crop`."""
        self._put(partial(self._estimator.add_crop, crop, t_s))

    def put_nothing(self, t_s: float) -> None:
        """Say that there was no face at this time."""
        self._put(partial(self._estimator.add_nothing, t_s))

    def latest(self) -> LiveEstimate | None:
        """The latest estimate, at once; None until there is one.

        Raises:
            RfacenetError: A frame could not be used; the feed has stopped at it.
        """
        self._check()
        return self._latest

    def finish(self, name: str = "live") -> Estimate:
        """Take in what still waits, end the stream, and give its estimate: :meth:`LiveEstimator.finish`."""
        self._close()
        self._check()
        return self._estimator.finish(name)

    def close(self) -> None:
        """End the stream and forget what still waits."""
        with self._changed:
            self._waiting.clear()
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _put(self, add: Callable[[], None]) -> None:
        self._check()
        with self._changed:
            if self._is_closed:
                raise RuntimeError("the feed was closed already: make another one for another stream")
            if len(self._waiting) >= self._capacity:
                self._waiting.popleft()
                self._dropped_frames += 1
            self._waiting.append(add)
            self._changed.notify()

    def _close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            self._follow()
        except Exception as error:  # whoever asks next is told
            self._error = error

    def _follow(self) -> None:
        next_update_s, is_outdated = time.monotonic(), False
        while True:
            with self._changed:
                timeout_s = max(0.0, next_update_s - time.monotonic()) if is_outdated else None
                self._changed.wait_for(lambda: self._waiting or self._is_closed, timeout_s)
                new = list(self._waiting)
                self._waiting.clear()
                if self._is_closed and not new:
                    return
                dropped_frames, self._dropped_frames = self._dropped_frames, 0
            self._estimator.count_dropped(dropped_frames)
            for add in new:  # all of them before the next estimate, which takes longer
                add()
            is_outdated = is_outdated or bool(new)
            now_s = time.monotonic()
            if is_outdated and now_s >= next_update_s and not self._is_closed:
                self._latest = self._estimator.estimate()
                next_update_s, is_outdated = now_s + self._update_s, False
