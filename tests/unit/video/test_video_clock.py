from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfacenet.video.clock import PresentationClock


def place_all(stamps_s: list[float | None], nominal_fps: float | None = None) -> list[float | None]:
    clock = PresentationClock(nominal_fps)
    return [clock.place(stamp_s) for stamp_s in stamps_s]


def test_times_start_at_zero_whatever_the_first_timestamp() -> None:
    assert place_all([-0.5, 0.0, 0.75]) == [0.0, 0.5, 1.25]


def test_without_any_timestamp_the_header_rate_counts() -> None:
    assert place_all([None, None, None], nominal_fps=25) == pytest.approx([0, 0.04, 0.08])


def test_without_timestamp_or_header_rate_thirty_frames_a_second_are_assumed() -> None:
    assert place_all([None, None]) == pytest.approx([0, 1 / 30])


def test_a_missing_timestamp_is_one_true_step_after_its_predecessor_whatever_the_header_says() -> None:
    assert place_all([0.0, 0.1, 0.2, None, 0.4], nominal_fps=500) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_missing_timestamps_at_the_start() -> None:
    assert place_all([None, None, 9.0, 9.1], nominal_fps=10) == pytest.approx([0, 0.1, 0.2, 0.3])


def test_a_repeated_or_late_frame_is_left_out() -> None:
    assert place_all([0.0, 0.1, 0.1, 0.05, 0.2]) == [0.0, 0.1, None, None, 0.2]


def test_a_clock_set_anew_goes_on() -> None:
    assert place_all([50.0, 50.1, 50.2, 0.0, 0.1]) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_a_gap_stays_a_gap() -> None:
    assert place_all([0.0, 0.1, 5.0]) == [0.0, 0.1, 5.0]


@given(st.lists(st.none() | st.floats(-1e6, 1e6)))
def test_times_always_rise_from_zero(stamps_s: list[float | None]) -> None:
    times_s = [t_s for t_s in place_all(stamps_s) if t_s is not None]
    assert times_s[:1] in ([], [0.0])
    assert all(earlier < later for earlier, later in pairwise(times_s))
