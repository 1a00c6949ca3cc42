"""How fast ``LiveEstimator`` answers, what it costs and whether its memory stays flat.

Run: ``python benchmarks/live_speed.py``. A simulated face of 640×480 pixels is played over and over, forwards
and backwards, 30 frames a second. First in real time through a ``LiveFeed``: from a frame's arrival to the
first estimate that knows it. Other work on the machine lengthens that, so the same is then reckoned as for a
core of its own, the clock moving on by the CPU seconds that each step took. Then half an hour of stream as
fast as it goes, with an estimate every few seconds.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from itertools import chain, cycle, islice
from pathlib import Path

import numpy as np
import torch

from rfacenet.inference.live import LiveEstimator
from rfacenet.inference.live_feed import UPDATE_S, LiveFeed
from rfacenet.simulation import render_recording
from rfacenet.types import Frame, LiveEstimate
from rfacenet.video import in_real_time

FS_HZ, LOOP_S, RATE_BPM = 30, 10, 72
THREADS = 2
EVERY_S = 5
"""Time of the stream between two estimates where only the memory counts."""

SETTLED_MIN = 2
"""Minutes of stream after which nothing more may be remembered."""


class Timed(LiveEstimator):
    """Notes when each estimate was ready and up to which frame it goes."""

    def __init__(self, method: str) -> None:
        super().__init__(method=method)
        self.ready: list[tuple[float, float]] = []
        self.first_rate_s: float | None = None

    def estimate(self) -> LiveEstimate:
        """The estimate."""
        result = super().estimate()
        self.ready.append((result.t_s, time.monotonic()))
        if self.first_rate_s is None and result.heart_rate_bpm is not None:
            self.first_rate_s = result.t_s
        return result


def main() -> None:
    """Measure and print, each method in processes of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["pos", "rfacenet"])
    parser.add_argument("--seconds", type=int, default=60, help="of real time")
    parser.add_argument("--minutes", type=int, default=30, help="of stream, for the memory")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        part, method = options.one
        torch.set_num_threads(1 if part == "core" else min(THREADS, os.cpu_count() or 1))
        length = options.minutes if part == "memory" else options.seconds
        parts = {"wall": in_real_time_by_wall, "core": on_a_core_of_its_own, "memory": in_memory}
        print(parts[part](method, length))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(f"torch {torch.__version__}; load before: {os.getloadavg()[0]:.1f}")
    print(f"640x480 at {FS_HZ} fps; {options.seconds} s in real time, {options.minutes} min for the memory")
    for method in options.methods:
        print(f"\n{method}")
        for part in ("wall", "core", "memory"):
            numbers = ["--seconds", str(options.seconds), "--minutes", str(options.minutes)]
            command = [sys.executable, __file__, "--one", part, method, *numbers]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip("\n"))


def in_real_time_by_wall(method: str, seconds: int) -> str:
    """In real time through a feed, two threads."""
    frames = list(islice(stream(), seconds * FS_HZ))
    estimator = Timed(method)
    arrived_s: dict[float, float] = {}
    with LiveFeed(estimator) as feed:
        cpu_s, start_s = time.process_time(), time.monotonic()
        for frame in in_real_time(frames):
            arrived_s[frame.t_s] = time.monotonic()
            feed.put(frame)
        cpu_s, wall_s = time.process_time() - cpu_s, time.monotonic() - start_s
        latest = feed.latest()
    dropped = 0 if latest is None else latest.dropped_frames
    shares = (
        f"{len(estimator.ready) / wall_s:.1f} estimates a second, {100 * cpu_s / wall_s:.0f} % of one core"
    )
    return (
        f"  frame to estimate, by the wall clock   {delays(arrived_s, estimator.ready)}\n"
        f"    {shares}, {dropped} frames dropped"
    )


def on_a_core_of_its_own(method: str, seconds: int) -> str:
    """What a feed does, one thread, on a clock that moves by the CPU seconds spent and by waiting."""
    frames = deque(islice(stream(), seconds * FS_HZ))
    arrived_s = {frame.t_s: frame.t_s for frame in frames}
    estimator = Timed(method)
    now_s, next_update_s, spent_s, is_outdated = 0.0, 0.0, 0.0, False
    costs_s = []
    while frames:
        begin_s = time.process_time()
        while frames and frames[0].t_s <= now_s:
            estimator.add_frame(frames.popleft())
            is_outdated = True
        if is_outdated and now_s >= next_update_s:
            estimate_s = time.process_time()
            estimator.estimate()
            costs_s.append(time.process_time() - estimate_s)
            next_update_s, is_outdated = now_s + UPDATE_S, False
            cost_s = time.process_time() - begin_s
            estimator.ready[-1] = estimator.ready[-1][0], now_s + cost_s
        else:
            cost_s = time.process_time() - begin_s
        spent_s += cost_s
        now_s += cost_s
        upcoming = [frames[0].t_s] if frames else []
        now_s = max(now_s, min([*upcoming, *([next_update_s] if is_outdated else [])], default=now_s))
    median_ms, high_ms = np.percentile(1000 * np.array(costs_s), [50, 95])
    found = "none" if estimator.first_rate_s is None else f"{estimator.first_rate_s:.1f} s"
    return (
        f"  frame to estimate, on its own core     {delays(arrived_s, estimator.ready)}\n"
        f"    {len(costs_s) / now_s:.1f} estimates a second, {100 * spent_s / now_s:.0f} % of that core\n"
        f"  CPU time of an estimate                {median_ms:5.0f} ms median, "
        f"{high_ms:5.0f} ms 95th percentile\n"
        f"  first rate {found} after the first frame"
    )


def delays(arrived_s: dict[float, float], ready: list[tuple[float, float]]) -> str:
    """From each frame's arrival to the first estimate that goes as far."""
    known = [t_s for t_s, _ in ready]
    delays_ms = [
        1000 * (ready[index][1] - at_s)
        for t_s, at_s in arrived_s.items()
        if (index := bisect_left(known, t_s)) < len(known)
    ]
    median_ms, high_ms = np.percentile(delays_ms, [50, 95])
    return f"{median_ms:5.0f} ms median, {high_ms:5.0f} ms 95th percentile"


def in_memory(method: str, minutes: int) -> str:
    """As fast as it goes: memory over the minutes of the stream."""
    live = LiveEstimator(method=method)
    frames = islice(stream(), minutes * 60 * FS_HZ)
    start_s, cpu_s = time.monotonic(), time.process_time()
    used_mb = [resident_mb()]
    for number, frame in enumerate(frames, 1):
        live.add_frame(frame)
        if number % (EVERY_S * FS_HZ) == 0:
            live.estimate()
        if number % (60 * FS_HZ) == 0:
            used_mb.append(resident_mb())
    wall_s, cpu_s = time.monotonic() - start_s, time.process_time() - cpu_s
    early = min(SETTLED_MIN, minutes)
    return (
        f"  memory: {used_mb[0]:.0f} MB with the frames to play, {used_mb[early]:.0f} MB after {early} min, "
        f"{used_mb[-1]:.0f} MB after {minutes} min, most {max(used_mb):.0f} MB\n"
        f"    with an estimate every {EVERY_S} s: {minutes} min of stream in {wall_s:.0f} s wall, "
        f"{cpu_s:.0f} CPU s"
    )


def stream() -> Iterator[Frame]:
    """Frames without end."""
    recording = render_recording(
        seed=3, duration_s=LOOP_S, width_px=640, height_px=480, heart_rate_bpm=RATE_BPM, difficulty="easy"
    )
    pictures = [frame.rgb for frame in recording.frames()]
    there_and_back = cycle(chain(pictures, pictures[-2:0:-1]))
    return (Frame(number / FS_HZ, rgb) for number, rgb in enumerate(there_and_back))


def resident_mb() -> float:
    """Memory of this process at the moment, MB, as Linux tells it."""
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) / 1024


if __name__ == "__main__":
    main()
