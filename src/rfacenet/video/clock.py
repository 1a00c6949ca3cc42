"""From a stream's timestamps, which may lack, repeat or go back, to times that start at 0 and rise."""

from __future__ import annotations

from collections import deque
from statistics import median

_RECENT_STEPS = 31
_FALLBACK_FPS = 30.0
# A jump back by more than this is a clock that was set anew (two recordings joined, a camera restarted);
# a smaller one is a frame that came late.
_RESTART_S = 1.0
# So is a jump ahead by more than this.
_LONGEST_GAP_S = 600.0


class PresentationClock:
    """Places frames, given in presentation order, on one time axis that starts at 0 and strictly rises.

    A frame without timestamp comes one typical step (the median of the recent ones) after its predecessor.
    A frame whose timestamp repeats or is slightly behind its predecessor's has no place: its true time is
    unknown, and a made-up one would bend the pulse. A timestamp far behind, or more than ten minutes ahead,
    means that the clock was set anew; the axis then goes on one typical step after the predecessor. Other
    gaps forward are kept as they are.

    Args:
        nominal_fps: The header's frame rate; used only until a true step is known, since headers lie.
    """

    def __init__(self, nominal_fps: float | None = None) -> None:
        self._nominal_step_s = 1.0 / (nominal_fps or _FALLBACK_FPS)
        self._steps_s: deque[float] = deque(maxlen=_RECENT_STEPS)
        self._origin_s: float | None = None
        self._last_s: float | None = None
        self._last_was_stamped = False

    def place(self, stamp_s: float | None) -> float | None:
        """The time of the next frame.

        Args:
            stamp_s: The frame's timestamp in seconds from any origin, or None where it has none.

        Returns:
            Seconds from the first frame, or None where the frame should be left out.
        """
        t_s = self._expected_s() if stamp_s is None else self._from_stamp(stamp_s)
        if self._last_s is not None:
            if t_s <= self._last_s:
                return None
            if stamp_s is not None and self._last_was_stamped:
                self._steps_s.append(t_s - self._last_s)
        self._last_s = t_s
        self._last_was_stamped = stamp_s is not None
        return t_s

    def _expected_s(self) -> float:
        if self._last_s is None:
            return 0.0
        return self._last_s + (median(self._steps_s) if self._steps_s else self._nominal_step_s)

    def _from_stamp(self, stamp_s: float) -> float:
        if self._origin_s is None or self._restarted(stamp_s - self._origin_s):
            self._origin_s = stamp_s - self._expected_s()
        return stamp_s - self._origin_s

    def _restarted(self, t_s: float) -> bool:
        if self._last_s is None:
            return False
        return not self._last_s - _RESTART_S <= t_s <= self._last_s + _LONGEST_GAP_S
