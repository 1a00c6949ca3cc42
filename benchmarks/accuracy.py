"""How far the methods are off: on simulated recordings, and on a folder of recordings with known rates.

Run: ``python benchmarks/accuracy.py [--recordings FOLDER] [--n 30] [--out docs/accuracy-table.md]``.
The folder holds videos and ``truth.json``, a list of ``{"file", "hr"}`` with the true mean rates in bpm.
Rates are read with ``min_quality=0``, so that every method answers every video; how many of the answers it
would have given by itself is counted beside it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from rfacenet.inference.estimator import FaceSamples, sample_face
from rfacenet.inference.reading import read_samples
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import METHODS
from rfacenet.signal.quality import MIN_QUALITY
from rfacenet.simulation import render_recording
from rfacenet.video import VideoWriter

ENLARGE = (1.0, 1.5)
FIRST_SEED = 5000
ALWAYS = EstimateSettings(min_quality=0)


@dataclass(frozen=True)
class Clip:
    """A recording's samples, by how much the face box was enlarged, and its true rate."""

    name: str
    truth_bpm: float
    samples: dict[float, FaceSamples]


def main() -> None:
    """Measure and print; write a Markdown file if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=Path, nargs="*", default=[], metavar="FOLDER")
    parser.add_argument("--n", type=int, default=30, help="simulated recordings of each difficulty")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    parts = []
    with ProcessPoolExecutor(
        mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        for difficulty in ("easy", "standard", "hard"):
            jobs = [(difficulty, FIRST_SEED + k) for k in range(options.n)]
            clips = list(pool.map(simulated, jobs))
            title = f"Simulated, {difficulty}: {options.n} recordings of 20 s, 320×240, H.264 at CRF 20"
            parts.append(table(title, clips, ENLARGE))
        for folder in options.recordings:
            groups: dict[str, list[Path]] = {}
            truths = {entry["file"]: entry["hr"] for entry in json.loads((folder / "truth.json").read_text())}
            for name in sorted(truths):
                groups.setdefault(name.rpartition("_")[2].partition(".")[0], []).append(folder / name)
            for group, paths in sorted(groups.items(), reverse=True):
                clips = list(pool.map(recorded, [(path, truths[path.name]) for path in paths]))
                parts += [
                    table(f"{folder.name}, {group}: {len(clips)} clips", clips, ENLARGE),
                    by_clip(clips),
                ]
    text = "\n\n".join(parts) + "\n"
    print(text)
    if options.out:
        options.out.write_text(text)


def simulated(job: tuple[str, int]) -> Clip:
    """Render a recording, encode it, and read it as any video is read."""
    difficulty, seed = job
    recording = render_recording(seed=seed, duration_s=20, width_px=320, height_px=240, difficulty=difficulty)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        with VideoWriter(path, 320, 240, crf=20) as writer:
            for frame in recording.frames():
                writer.write(frame.rgb, frame.t_s)
        return recorded((path, recording.heart_rate_bpm))


def recorded(job: tuple[Path, float]) -> Clip:
    """Read a video with every size of the face box."""
    path, truth_bpm = job
    return Clip(path.stem, truth_bpm, {e: sample_face(path, ALWAYS, e) for e in ENLARGE})


def rate(samples: FaceSamples, method: str) -> tuple[float, float]:
    """Rate and quality; NaN and 0 where nothing can be read."""
    reading = read_samples(samples.t_s, samples.values, METHODS[method], ALWAYS)
    return np.nan if reading.heart_rate_bpm is None else reading.heart_rate_bpm, reading.quality


def table(title: str, clips: Sequence[Clip], enlarge: Sequence[float]) -> str:
    """Errors by method, as Markdown."""
    lines = [
        f"### {title}\n",
        "| method | face box | MAE (bpm) | RMSE (bpm) | within 3 bpm | answered | of these within 3 bpm |",
        "|---|---|---|---|---|---|---|",
    ]
    for method in METHODS:
        for factor in enlarge:
            found = np.array([rate(clip.samples[factor], method) for clip in clips])
            error = np.abs(found[:, 0] - [clip.truth_bpm for clip in clips])
            answered = found[:, 1] >= MIN_QUALITY
            right = f"{np.mean(error[answered] <= 3):.0%}" if answered.any() else "–"
            lines.append(
                f"| {method} | ×{factor:g} | {np.nanmean(error):.2f} | {np.sqrt(np.nanmean(error**2)):.2f} "
                f"| {np.mean(error <= 3):.0%} | {answered.mean():.0%} | {right} |"
            )
    return "\n".join(lines)


def by_clip(clips: Sequence[Clip]) -> str:
    """The rate that each method reads off each clip, with the face box as it is used by default."""
    lines = ["| clip | truth | " + " | ".join(METHODS) + " |", "|---" * (len(METHODS) + 2) + "|"]
    for clip in clips:
        rates = [rate(clip.samples[METHODS[m].input.enlarge], m)[0] for m in METHODS]
        lines.append(
            f"| {clip.name} | {clip.truth_bpm:.1f} | " + " | ".join(f"{r:.1f}" for r in rates) + " |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
