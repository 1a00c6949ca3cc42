"""What preparing, storing and scoring a data set cost next to the straightforward way.

Run: ``python benchmarks/datasets_speed.py``. The yardstick is one process that takes one video after the
other: all frames into memory, the face found once, every crop resized in floating point and stored as such.
Both prepare the same simulated recordings. Everything is charged in CPU seconds too, as other load on the
machine falsifies times.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

YARDSTICK = """
import sys
from pathlib import Path
import av, numpy as np, torch
from rfacenet.faces import Mtcnn
root, out, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
out.mkdir()
detector = Mtcnn()
for video in sorted(root.rglob("*.mp4")):
    with av.open(str(video)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    box = max(detector.detect(frames[0]), key=lambda face: face.area_px).scaled(1.5)
    left, top = max(0, int(box.x_px)), max(0, int(box.y_px))
    right, bottom = int(box.x_px + box.width_px), int(box.y_px + box.height_px)
    crops = []
    for frame in frames:
        face = torch.from_numpy(frame[top:bottom, left:right].astype(np.float64)).permute(2, 0, 1)[None]
        small = torch.nn.functional.interpolate(face, (size, size), mode="area")
        crops.append(small[0].permute(1, 2, 0).numpy())
    np.save(out / f"{video.parent.name}-{video.stem}.npy", np.stack(crops).astype(np.float32))
"""


def main() -> None:
    """Make the recordings, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=4, help="two videos each")
    parser.add_argument("--duration-s", type=float, default=60.0)
    parser.add_argument("--size", default="640x480")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    program = str(Path(sys.executable).with_name("rfacenet"))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{2 * options.subjects} videos of {options.duration_s:g} s, {options.size}, H.264, to 72x72 crops")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = folder / "set"
        make = [program, "simulate", "--layout", "folder", "--subjects", str(options.subjects)]
        make += ["--duration-s", str(options.duration_s), "--size", options.size, "--out", str(root)]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
        compare(program, root, folder, options.runs)
        store = next((folder / "ours-0").iterdir())
        print_disk(store, folder / "plain-0")
        print_reading(store)
    print_scoring()


def compare(program: str, root: Path, folder: Path, runs: int) -> None:
    """Prepare in both ways in turn; print times, CPU seconds and the ratio run by run."""
    ratios, cpu_ratios = [], []
    for run in range(runs):
        plain = [sys.executable, "-c", YARDSTICK, str(root), str(folder / f"plain-{run}"), "72"]
        ours = [program, "prepare", "folder", str(root), "--out", str(folder / f"ours-{run}")]
        (plain_s, plain_cpu_s, _), (ours_s, ours_cpu_s, ours_mb) = spent(plain), spent(ours)
        ratios.append(plain_s / ours_s)
        cpu_ratios.append(plain_cpu_s / ours_cpu_s)
        print(
            f"  straightforward {plain_s:5.1f} s, {plain_cpu_s:5.1f} CPU s; "
            f"rfacenet prepare {ours_s:5.1f} s, {ours_cpu_s:5.1f} CPU s: {ratios[-1]:.2f} times as fast; "
            f"{ours_mb:.0f} MB a process at most"
        )
    print(
        f"  medians: {np.median(ratios):.2f} times as fast, "
        f"{np.median(cpu_ratios):.2f} times the videos a CPU second"
    )


def spent(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds with all children, and peak memory of the largest process in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    # A process in between, so that its children's memory is not mixed with that of earlier commands.
    counting = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", counting, *command], check=True, capture_output=True, text=True
    )
    wall_s = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall_s, cpu_s, int(done.stdout) / 1024


def print_disk(store: Path, plain: Path) -> None:
    """Size of the store next to crops as floating point."""
    ours, theirs = (
        sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) for path in (store, plain)
    )
    print(f"\nstore {ours / 1e6:.1f} MB; float32 crops {theirs / 1e6:.1f} MB: {ours / theirs:.3f} of them")


def print_reading(store: Path) -> None:
    """A random clip next to a training step of it, both in CPU seconds on one thread."""
    import torch

    from rfacenet.losses import negative_pearson
    from rfacenet.models import CROSS_DATASET_INPUT, build
    from rfacenet.training.config import PreparedConfig
    from rfacenet.training.prepared import PreparedClips

    torch.set_num_threads(1)
    clips = PreparedClips(store, PreparedConfig(), CROSS_DATASET_INPUT, 0)
    device = torch.device("cpu")
    network = build("physnet")
    batch = clips.train_batch(1, 0, device)
    pixels = batch.frames.float() / 255

    def step() -> None:
        negative_pearson(network(pixels), batch.bvp).backward()

    step()
    read_s, step_s = charged(lambda: clips.train_batch(1, 7, device), 20), charged(step, 2)
    print(
        f"reading a clip of 128 frames at 72x72: {1000 * read_s:.0f} CPU ms; PhysNet's forward and backward "
        f"of it: {1000 * step_s:.0f} CPU ms: {read_s / step_s:.1%}"
    )


def print_scoring() -> None:
    """All metrics of 60 videos of a minute."""
    from rfacenet.evaluation.scoring import READINGS, summarise

    rng = np.random.default_rng(0)
    t_s = np.arange(1800) / 30
    rates_hz = rng.uniform(0.8, 2.2, 60)
    true = np.sin(2 * np.pi * rates_hz[:, None] * t_s)
    predicted = true + rng.normal(0, 0.5, true.shape)
    for name, protocol in READINGS.items():

        def score(protocol=protocol) -> None:
            summarise([protocol.score(p, q, 30.0) for p, q in zip(predicted, true, strict=True)], protocol)

        print(f"scoring 60 videos of a minute, '{name}': {charged(score, 2):.2f} CPU s")


def charged(run, times: int) -> float:
    """Mean CPU seconds of a call."""
    start = time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - start) / times


if __name__ == "__main__":
    main()
