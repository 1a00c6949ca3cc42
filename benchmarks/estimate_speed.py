"""What ``rfacenet estimate`` costs next to merely decoding the same file to RGB, and its memory.

Run: ``python benchmarks/estimate_speed.py``. Both run as processes of their own, in turn, and are charged in
CPU seconds (user and system of the whole process), so that other load on the machine matters little.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av

DECODE_ONLY = """
import sys, av
with av.open(sys.argv[1]) as container:
    container.streams.video[0].thread_type = "AUTO"
    for frame in container.decode(video=0):
        frame.to_ndarray(format="rgb24")
"""
CLIPS = (("a still scene, well lit", "easy", 18), ("a webcam's noise and movement", "standard", 12))
"""Name, difficulty and compression: what decoding costs depends on the bits, not on the frame size alone."""
LOOP_S = 10


def main() -> None:
    """Make the clips, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--method", default="pos")
    options = parser.parse_args()
    program = str(Path(sys.executable).with_name("rfacenet"))
    estimate = [program, "estimate", "--method", options.method, "--min-quality", "0", "--json", "-"]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"60 s of 640x480 at 30 fps, H.264; method {options.method}; medians of {options.runs} runs")
    with tempfile.TemporaryDirectory() as folder:
        for name, difficulty, crf in CLIPS:
            loop, minute = Path(folder, f"{name}-loop.mp4"), Path(folder, f"{name}.mp4")
            make = [program, "simulate", str(loop), "--duration-s", str(LOOP_S), "--seed", "4"]
            make += ["--difficulty", difficulty, "--crf", str(crf)]
            subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
            repeat(loop, minute, 6)
            print(f"\n{name}, {minute.stat().st_size * 8 / 60e6:.1f} Mbit/s")
            compare([sys.executable, "-c", DECODE_ONLY, str(minute)], [*estimate, str(minute)], options.runs)
        ten_minutes = Path(folder, "600s.mp4")
        repeat(loop, ten_minutes, 60)
        _, _, long_mb = spent([*estimate, str(ten_minutes)])
        print(f"\n10 minutes of the last: {long_mb:.0f} MB peak\n")
        print_shares(minute, options.method)


def compare(decode: list[str], whole: list[str], runs: int) -> None:
    """Run both in turn and print their medians and the ratio run by run."""
    pairs = [(spent(decode), spent(whole)) for _ in range(runs + 1)][1:]  # the first warms the disk
    for name, measured in zip(
        ("decode to RGB only", "rfacenet estimate"), zip(*pairs, strict=True), strict=True
    ):
        cpu_s, wall_s, memory_mb = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"  {name:20s} {cpu_s:6.2f} CPU s {wall_s:6.2f} s wall {memory_mb:6.0f} MB peak")
    ratios = [whole_run[0] / decode_run[0] for decode_run, whole_run in pairs]
    low, high = min(ratios), max(ratios)
    print(f"  ratio of CPU seconds: {statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})")


def repeat(source: Path, target: Path, times: int) -> None:
    """Write a video ``times`` times after itself, without coding it again."""
    with av.open(str(target), "w") as out:
        stream = None
        for turn in range(times):
            with av.open(str(source)) as container:
                template = container.streams.video[0]
                stream = stream or out.add_stream_from_template(template)
                offset = round(turn * LOOP_S / template.time_base)
                for packet in container.demux(template):
                    if packet.dts is None:
                        continue
                    packet.pts += offset
                    packet.dts += offset
                    packet.stream = stream
                    out.mux(packet)


def spent(command: list[str]) -> tuple[float, float, float]:
    """CPU seconds, wall seconds and peak memory in MB of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss / 1024


def print_shares(video: Path, method: str) -> None:
    """Where the CPU seconds go, step by step in this process."""

    def charged(run: Callable[[], Any]) -> tuple[float, Any]:
        before = resource.getrusage(resource.RUSAGE_SELF)
        result = run()
        after = resource.getrusage(resource.RUSAGE_SELF)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, result

    def imports() -> Any:
        import rfacenet.inference.estimator as estimator

        return estimator

    import_s, estimator = charged(imports)
    from rfacenet.faces import Mtcnn, track_face
    from rfacenet.video import open_video

    def read() -> None:
        with open_video(video) as source:
            for _ in source:
                pass

    def follow() -> None:
        detector = Mtcnn()
        with open_video(video) as source:
            for _ in track_face(source, detector):
                pass

    read_s, _ = charged(read)
    follow_s, _ = charged(follow)
    all_s, _ = charged(lambda: estimator.estimate(video, method=method))
    print("where the CPU seconds go")
    print(f"  importing torch, SciPy and the rest  {import_s:5.2f}")
    print(f"  decoding to RGB with times           {read_s:5.2f}")
    print(f"  finding and following the face       {follow_s - read_s:5.2f}")
    print(f"  mean colour, pulse, heart rate       {all_s - follow_s:5.2f}")


if __name__ == "__main__":
    main()
