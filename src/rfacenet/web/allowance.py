"""How often something may happen."""

from __future__ import annotations

import time
from collections.abc import Callable


class Allowance:
    """So many times a second on average, and so many at once after a pause.

    Args:
        rate_hz: How often on average.
        burst: How many at once.
        clock: Seconds on a clock that only moves forwards.
    """

    def __init__(self, rate_hz: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate_hz = rate_hz
        self._burst = burst
        self._clock = clock
        self._left = burst
        self._at_s = clock()

    def take(self) -> bool:
        """Whether it may happen now; if so, it counts."""
        now_s = self._clock()
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._rate_hz)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
