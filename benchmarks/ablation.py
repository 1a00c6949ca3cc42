"""Table 3 on the simulator: what each part of rFaceNet is worth, over several seeds.

Run: ``python benchmarks/ablation.py --runs runs/ablation --out docs/ablation.md``. Every row of the table is
trained anew for every seed, all rows of a seed on the same clips in the same order, and reads the same new
clips afterwards. A stopped benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import accuracy
from rfacenet.files import whole_file
from rfacenet.inference.neural import neural_method
from rfacenet.inference.reading import read_samples
from rfacenet.methods import Method
from rfacenet.training import TrainConfig, parse, train

# Neither trained on, nor validated on, nor reported in docs/accuracy.md.
CLIP_SEED, IDENTITIES = 41, range(3_000_000, 3_000_120)
DIFFICULTIES = ("standard", "hard")
GUESS_BPM = 106.0

ROWS: dict[str, dict[str, Any]] = {
    "neither": {"use_tcu": False, "fusion_stage": None, "appearance": False},
    "CTFC, fed with noise": {"use_tcu": False, "fusion_stage": 3, "appearance": False},
    "TCU, no fusion": {"fusion_stage": None},
    "TCU and CTFC, stage 1": {"fusion_stage": 1},
    "TCU and CTFC, stage 2": {"fusion_stage": 2},
    "TCU and CTFC, stage 3": {"fusion_stage": 3},
    "stage 3, on changes": {"appearance": False},
    "stage 3, to the letter": {"appearance": False, "normalise_tcu": False, "gentle_start": False},
    "stage 3, heart rate teaches": {},
}
"""The rows of Table 3, and its last one in other ways: as the paper has it, with the mean of the frames'
changes; without our two additions as well; and with a heart-rate term that has a gradient."""

TAUGHT_BY_HEART_RATE = {"stage 3, heart rate teaches"}

PAGE = """# Ablation

Table 3 of the paper, on simulated faces; [training.md](training.md) says what follows from it. Made by
`{command}`
on {machine}.

Each row was trained {n_seeds} times (seeds {seeds}): {steps} steps of {batch} clips of {frames} frames at
{size}×{size} pixels, pulse branch {width} channels wide (the published one: 64), {people} people, all terms
of the loss (Eq. 4) that the row has outputs for. All rows of a seed learn from the same clips in the same
order. They are then held against the same {n_clips} new clips of 10 s of each difficulty, other people, read
as `rfacenet estimate` reads them, every clip answered. The identity branch sees the frames' mean appearance;
*on changes*, the mean of their differences, which is the paper's reading, and *to the letter* without the
batch norm in front of it and the gentle start of the fusion. In all rows but *heart rate teaches*, the
heart-rate term of Eq. 4 is the highest peak's, as printed, which has no gradient.

MAE is in beats per minute; of {n_clips} clips, one that is read 50 bpm wrong makes {one_clip:.1f} of it.
*Identified* is the share of training clips whose person the identity branch named in the last round (chance:
{chance:.0%}). Mean ± standard deviation over the seeds.

{table}

**Against the first row**, pair by pair (same seed, same clips): difference of the MAE, mean ± standard error
over the seeds. Below zero is better than the pulse branch alone.

{pairs}
"""


@dataclass(frozen=True)
class Job:
    """One row of the table and one seed."""

    row: str
    config: TrainConfig
    out: Path
    n_clips: int


def main() -> None:
    """Train and measure what is missing, then print the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000, help="a whole number of rounds of 500")
    parser.add_argument("--size", type=int, default=24, help="height and width of the clips, pixels")
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--clips", type=int, default=100, help="clips of each difficulty to measure on")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    jobs = [
        Job(row, config_of(row, seed, options), options.runs / f"{slug(row)}-{seed}", options.clips)
        for seed in range(options.seeds)
        for row in ROWS
    ]
    with accuracy.workers(options.processes) as pool:
        results = list(pool.map(measured, jobs))
    text = page(jobs, results, options)
    print(text)
    if options.out:
        options.out.write_text(text)


def config_of(row: str, seed: int, options: argparse.Namespace) -> TrainConfig:
    """The released recipe for CPUs, shorter, with the row's network."""
    base, _ = parse(["--config", "simulated-cpu", "--out", "unused"])
    network = {**base.networks["rfacenet"], **ROWS[row]}
    return replace(
        base,
        networks={"rfacenet": network},
        loss=replace(base.loss, hr_gradient="soft" if row in TAUGHT_BY_HEART_RATE else "none"),
        input=replace(base.input, height=options.size, width=options.size),
        simulation=replace(base.simulation, identities=(0, options.people), validation_clips=16),
        steps=options.steps,
        max_minutes=None,
        workers=0,
        seed=seed,
    )


def slug(row: str) -> str:
    """A row's name as part of a folder's."""
    return "-".join("".join(c if c.isalnum() else " " for c in row.lower()).split())


def measured(job: Job) -> dict[str, float]:
    """Train the job's network, if that is not done, and measure it, if that is not done."""
    path = job.out / f"measured-{job.n_clips}.json"
    if not path.exists():
        figures = errors(train(job.config, job.out), job.n_clips)
        with (job.out / "metrics.csv").open() as file:
            figures["identified"] = float(list(csv.DictReader(file))[-1].get("id_acc", "nan"))
        with whole_file(path) as file:
            file.write(json.dumps(figures).encode())
    found: dict[str, float] = json.loads(path.read_text())
    return found


def errors(weights: Path, n_clips: int) -> dict[str, float]:
    """MAE and share within 3 bpm on new clips, by difficulty."""
    method = neural_method("ablated", weights)
    figures = {}
    for difficulty in DIFFICULTIES:
        error_bpm = np.array(
            [abs(rate_of(clip, method) - clip.truth_bpm) for clip in clips(difficulty, n_clips)]
        )
        figures |= {f"{difficulty} MAE": error_bpm.mean(), f"{difficulty} right": np.mean(error_bpm <= 3)}
    return figures


def rate_of(clip: accuracy.Clip, method: Method) -> float:
    """The rate that a network reads; of a flat wave, that of a guess in the middle."""
    rate_bpm = read_samples(clip.samples(accuracy.view_of(method)), method, accuracy.ALWAYS).heart_rate_bpm
    return GUESS_BPM if rate_bpm is None else rate_bpm


@lru_cache
def clips(difficulty: str, n_clips: int) -> list[accuracy.Clip]:
    """The clips that every network is held against."""
    batches = range(n_clips // accuracy.BATCH)
    return [
        clip
        for k in batches
        for clip in accuracy.simulated(difficulty, k, "person", seed=CLIP_SEED, identities=IDENTITIES)
    ]


def page(jobs: Sequence[Job], results: Sequence[dict[str, float]], options: argparse.Namespace) -> str:
    """The page: the table, and each row against the first."""
    of_row = {row: [r for job, r in zip(jobs, results, strict=True) if job.row == row] for row in ROWS}
    config = jobs[0].config
    return PAGE.format(
        command=f"python benchmarks/ablation.py --seeds {options.seeds} --steps {options.steps} "
        f"--size {options.size} --people {options.people} --clips {options.clips} --runs …",
        machine=f"{platform.machine()}, {os.cpu_count()} cores",
        n_seeds=options.seeds,
        seeds=f"0 to {options.seeds - 1}",
        steps=options.steps,
        batch=config.batch_size,
        frames=config.input.frames,
        size=config.input.height,
        width=config.networks["rfacenet"]["width"],
        people=options.people,
        n_clips=options.clips,
        one_clip=50 / options.clips,
        chance=1 / options.people,
        table=table(of_row),
        pairs=pairs(of_row),
    )


def table(of_row: dict[str, list[dict[str, float]]]) -> str:
    """Mean and spread over the seeds of every figure, as Markdown."""
    heads = ["row", *(f"{d}, {what}" for d in DIFFICULTIES for what in ("MAE", "within 3 bpm")), "identified"]
    rows = [
        [
            row,
            *(
                f"{spread(results, f'{d} {what}', scale)}{unit}"
                for d in DIFFICULTIES
                for what, scale, unit in (("MAE", 1, ""), ("right", 100, " %"))
            ),
            "–"
            if np.isnan(results[0]["identified"])
            else f"{100 * np.mean([r['identified'] for r in results]):.0f} %",
        ]
        for row, results in of_row.items()
    ]
    return accuracy.table(heads, rows)


def spread(results: Sequence[dict[str, float]], figure: str, scale: float) -> str:
    """Mean and standard deviation of a figure."""
    values = scale * np.array([result[figure] for result in results])
    return f"{values.mean():.1f} ± {values.std(ddof=1) if len(values) > 1 else 0:.1f}"


def pairs(of_row: dict[str, list[dict[str, float]]]) -> str:
    """Difference of each row to the first, over seeds, as Markdown."""
    first, *others = of_row
    rows = []
    for row in others:
        cells = []
        for difficulty in DIFFICULTIES:
            name = f"{difficulty} MAE"
            difference = np.array(
                [mine[name] - base[name] for mine, base in zip(of_row[row], of_row[first], strict=True)]
            )
            error = difference.std(ddof=1) / len(difference) ** 0.5 if len(difference) > 1 else np.nan
            cells.append(f"{difference.mean():+.1f} ± {error:.1f}")
        rows.append([row, *cells])
    return accuracy.table(["row", *DIFFICULTIES], rows)


if __name__ == "__main__":
    main()
