"""How far every method is off: on simulated clips and videos, and on recordings with known rates.

Run: ``python benchmarks/accuracy.py [--recordings FOLDER ...] --out docs/accuracy.md``.
A folder holds videos and ``truth.json``, a list of ``{"file", "hr"}`` with the true mean rates in bpm.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, cached_property
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from rfacenet.faces import Mtcnn, crop, mean_rgb, part_of, region_colours
from rfacenet.faces.regions import is_turned_away
from rfacenet.inference.catalogue import get_method, list_methods
from rfacenet.inference.reading import read_samples
from rfacenet.inference.sampling import FaceSamples, FaceView, sample_face
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import Method
from rfacenet.signal.quality import MIN_QUALITY
from rfacenet.simulation import ClipSimulator, Difficulty, render_recording
from rfacenet.types import FaceBox
from rfacenet.video import VideoWriter

DIFFICULTIES = ("easy", "standard", "hard")
LIFELESS = ("photo", "mannequin", "wall")
CLIP_S, CLIP_PX, WALL_PX, BATCH = 13, 72, 8, 4  # RhythmNet needs 12.5 s
CLIP_SEED, VIDEO_SEED = 77, 5000
# Never trained on (training draws from the first few hundred) and not those that training validates on.
IDENTITIES = range(2_000_000, 2_000_120)
ALWAYS = EstimateSettings(min_quality=0)
ENLARGED = "pos, face box ×1.5"

LIFELESS_NOTE = """Photos of simulated people, moved about; mannequins, which move, blink and talk; and
patches of the wall behind them, all lit and filmed in the same way. Every answer is wrong. Share answered:"""

PAGE = """# Accuracy

Made by `{command}` on {machine}. {n_clips} simulated clips and {n_videos} simulated videos of each
difficulty, seeds {clip_seed} and {video_seed}, people that no network was trained on.

Every method answers every clip here (`--min-quality 0`), so that errors compare. *Answered* is the share
that would have been answered by default (quality of at least {min_quality:g}), *right* the share of those
within 3 bpm. MAE and RMSE are in beats per minute. *Face box ×1.5* is POS on the enlarged crop that the field
uses; classical methods get the face box itself, networks the enlarged crop.

**Limits.** The simulated people are drawings with a pulse by the skin-reflection model: the figures rank
methods under known conditions and say little about absolute errors on real people. The real recordings are
few. No constant was fitted to the recordings. Networks were trained for different times, which their cards in
`src/rfacenet/models/weights` tell. One choice, to read rates off a spectrum without taper, was prompted by
their reference waves, and made on simulated ones.

{tables}
"""


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=Path, nargs="*", default=[], metavar="FOLDER")
    parser.add_argument("--clips", type=int, default=300, help="simulated clips of each difficulty")
    parser.add_argument("--videos", type=int, default=12, help="simulated videos of each difficulty")
    parser.add_argument("--methods", nargs="*", default=[], metavar="NAME", help="all, where left out")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    choose(options.methods)
    jobs_of = {folder: recordings(folder) for folder in options.recordings}  # before hours of other work
    tables: list[str] = []

    def add(*parts: str) -> None:
        tables.extend(parts)
        print(*parts, sep="\n\n", end="\n\n", flush=True)  # what is done outlives a failure of what follows

    with workers(chosen=options.methods) as pool:
        for difficulty in DIFFICULTIES:
            results = clips(pool, difficulty, options.clips)
            note = f"{len(results)} clips of {CLIP_S} s, straight from the simulator."
            add(f"## Simulated clips, {difficulty}\n\n{note}", errors(results))
            if difficulty != "easy":
                add("MAE by Fitzpatrick skin type:", by_skin_type(results))
        lifeless = {
            f"{subject}, {d}": clips(pool, d, options.clips // 6, subject)
            for subject in LIFELESS
            for d in DIFFICULTIES[1:]
        }
        add(f"## Simulated clips without a pulse\n\n{LIFELESS_NOTE}", answered(lifeless))
        for difficulty in DIFFICULTIES:
            results = list(
                pool.map(simulated_video, [(difficulty, VIDEO_SEED + k) for k in range(options.videos)])
            )
            title = (
                f"## Simulated videos, {difficulty}\n\n{len(results)} videos of 20 s, 320×240, H.264 (CRF 20)"
            )
            add(f"{title}; face found and followed as in any video.", errors(results))
        for folder, jobs in jobs_of.items():
            for group in sorted({group for group, *_ in jobs}, reverse=True):
                results = list(pool.map(recorded, [job[1:] for job in jobs if job[0] == group]))
                add(f"## Real recordings: {folder.name} {group}".rstrip(), errors(results), each(results))
    text = PAGE.format(
        command=f"python benchmarks/accuracy.py --clips {options.clips} --videos {options.videos}"
        + (" --recordings …" if options.recordings else "")
        + (f" --methods {' '.join(options.methods)}" if options.methods else ""),
        machine=f"{platform.machine()}, {os.cpu_count()} cores",
        n_clips=options.clips,
        n_videos=options.videos,
        clip_seed=CLIP_SEED,
        video_seed=VIDEO_SEED,
        min_quality=MIN_QUALITY,
        tables="\n\n".join(tables),
    )
    if options.out:
        options.out.write_text(text)


def workers(number: int | None = None, chosen: Sequence[str] = ()) -> ProcessPoolExecutor:
    """Processes of one thread each, by default one a core: threads that wait for each other are slow."""
    return ProcessPoolExecutor(
        number, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(chosen,)
    )


def _start_worker(chosen: Sequence[str]) -> None:
    torch.set_num_threads(1)
    choose(chosen)


def choose(names: Sequence[str]) -> None:
    """Measure these methods alone in this process; none for all."""
    _chosen[:] = [get_method(name).name for name in names]


_chosen: list[str] = []


def methods() -> dict[str, Method]:
    """All methods, and one with the field's larger face box to compare; or those that were chosen."""
    if _chosen:
        return {name: get_method(name) for name in _chosen}
    found = {name: get_method(name) for name in list_methods()}
    pos = found["pos"]
    return {**found, ENLARGED: replace(pos, input=replace(pos.input, enlarge=1.5))}


@dataclass(frozen=True)
class Result:
    """One recording's truth and what each method made of it: rate (NaN if none) and quality."""

    name: str
    truth_bpm: float
    skin_type: int
    found: dict[str, tuple[float, float]]


def result_of(name: str, truth_bpm: float, skin_type: int, samples: dict[FaceView, FaceSamples]) -> Result:
    """Read every method's rate; ``samples`` are by what methods see of a face."""
    found = {}
    for title, method in methods().items():
        reading = read_samples(samples[view_of(method)], method, ALWAYS)
        rate = np.nan if reading.heart_rate_bpm is None else reading.heart_rate_bpm
        found[title] = (rate, reading.quality)
    return Result(name, truth_bpm, skin_type, found)


def view_of(method: Method) -> FaceView:
    """What a method sees of a face; methods with the same view share a pass over a video."""
    return FaceView.of(ALWAYS, method.input)


def clips(pool: ProcessPoolExecutor, difficulty: str, count: int, subject: str = "person") -> list[Result]:
    """What every method makes of simulated clips."""
    batches = pool.map(simulated_clips, [(difficulty, k, subject) for k in range(count // BATCH)])
    return [result for batch in batches for result in batch]


@dataclass(frozen=True)
class Clip:
    """A simulated clip: frames ``(T, H, W, 3)`` of an enlarged (×1.5) face box, with the truth."""

    frames: np.ndarray
    t_s: np.ndarray
    truth_bpm: float
    skin_type: int

    def samples(self, view: FaceView) -> FaceSamples:
        """What a method with this view reads of it."""
        whole = FaceBox(0, 0, CLIP_PX, CLIP_PX)
        if view.shape is None:
            face, pixels = whole.scaled(view.enlarge / 1.5), None
        elif view.regions is None:
            face = whole.scaled(1 / 1.5)
            pixels = np.array([crop(frame, whole, view.crop_px) for frame in self.frames])
        else:
            face, pixels = self.face, self.regions[:, part_of(view.regions), None]
        return FaceSamples(self.t_s, np.array([mean_rgb(frame, face) for frame in self.frames]), pixels)

    @cached_property
    def face(self) -> FaceBox:
        """Its face with the landmarks of the middle frame; without, where none was found there."""
        found = _detector().detect(self.frames[len(self.frames) // 2])
        upright = [face for face in found if not is_turned_away(np.array(face.landmarks_px))]
        return upright[0] if upright else FaceBox(0, 0, CLIP_PX, CLIP_PX).scaled(1 / 1.5)

    @cached_property
    def regions(self) -> np.ndarray:
        """Mean colours of all regions, ``(T, R, 3)``."""
        return np.array([region_colours(frame, self.face) for frame in self.frames])


def simulated(
    difficulty: str, index: int, subject: str, *, seed: int, identities: Sequence[int]
) -> list[Clip]:
    """A batch of clips of :data:`CLIP_S` at 30 frames per second, straight from the simulator.

    ``subject`` is one of the simulator's or ``wall``: a corner of the room behind a photo, enlarged.
    """
    simulator = ClipSimulator(
        n_frames=30 * CLIP_S,
        size_px=(CLIP_PX, CLIP_PX),
        difficulty=replace(Difficulty.named(difficulty), frame_rates_hz=(30.0, 30.0)),
        identities=identities,
        seed=seed,
        subject="photo" if subject == "wall" else subject,
    )
    batch = simulator.batch(BATCH, index)
    frames = batch.frames.permute(0, 2, 3, 4, 1).contiguous().numpy()
    if subject == "wall":
        frames = frames[:, :, :WALL_PX, :WALL_PX].repeat(CLIP_PX // WALL_PX, 2).repeat(CLIP_PX // WALL_PX, 3)
    t_s = batch.t_s.double().numpy()
    truths, skin_types = batch.heart_rate_bpm.tolist(), batch.skin_type.tolist()
    return [Clip(frames[k], t_s[k] - t_s[k, 0], truths[k], skin_types[k]) for k in range(BATCH)]


def simulated_clips(job: tuple[str, int, str]) -> list[Result]:
    """What every method makes of a batch of clips."""
    results = []
    for clip in simulated(*job, seed=CLIP_SEED, identities=IDENTITIES):
        samples = {view: clip.samples(view) for view in {view_of(m) for m in methods().values()}}
        results.append(result_of(f"{job[0]}-{job[1]}", clip.truth_bpm, clip.skin_type, samples))
    return results


@cache
def _detector() -> Mtcnn:
    return Mtcnn(min_face_fraction=0.3)


def simulated_video(job: tuple[str, int]) -> Result:
    """Render a recording, encode it, and read it as any video is read."""
    difficulty, seed = job
    identity = IDENTITIES[seed % len(IDENTITIES)]
    recording = render_recording(
        seed=seed, duration_s=20, width_px=320, height_px=240, difficulty=difficulty, identity=identity
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "video.mp4")
        with VideoWriter(path, 320, 240, crf=20) as writer:
            for frame in recording.frames():
                writer.write(frame.rgb, frame.t_s)
        return recorded((path, recording.heart_rate_bpm, recording.skin_type))


def recordings(folder: Path) -> list[tuple[str, Path, float, int]]:
    """Group (what follows the last underscore), path, true rate and unknown skin type of each."""
    entries = json.loads((folder / "truth.json").read_text())
    jobs = []
    for entry in sorted(entries, key=lambda entry: entry["file"]):
        group = Path(entry["file"]).stem.rpartition("_")[2] if len(entries) > 1 else ""
        jobs.append((group, folder / entry["file"], float(entry["hr"]), 0))
    return jobs


def recorded(job: tuple[Path, float, int]) -> Result:
    """Read a video as each method needs it; methods with the same view share a pass."""
    path, truth_bpm, skin_type = job
    inputs = {view_of(method): method.input for method in methods().values()}
    samples = {view: sample_face(path, ALWAYS, needs) for view, needs in inputs.items()}
    return result_of(path.stem, truth_bpm, skin_type, samples)


def errors(results: Sequence[Result]) -> str:
    """Errors by method, as Markdown."""
    lines = ["| method | MAE | RMSE | within 3 bpm | answered | right |", "|---|---|---|---|---|---|"]
    truth = np.array([result.truth_bpm for result in results])
    for method in methods():
        rate, quality = np.array([result.found[method] for result in results]).T
        error = np.abs(rate - truth)
        answered = quality >= MIN_QUALITY
        right = f"{np.mean(error[answered] <= 3):.0%}" if answered.any() else "–"
        lines.append(
            f"| {method} | {number(mean(error))} | {number(np.sqrt(mean(error**2)))} "
            f"| {np.mean(error <= 3):.0%} | {answered.mean():.0%} | {right} |"
        )
    return "\n".join(lines)


def by_skin_type(results: Sequence[Result]) -> str:
    """MAE by skin type and method."""
    types = sorted({result.skin_type for result in results})
    counts = [sum(result.skin_type == t for result in results) for t in types]
    numerals = ("", "I", "II", "III", "IV", "V", "VI")
    heads = [f"{numerals[t]} ({n})" for t, n in zip(types, counts, strict=True)]
    rows = []
    for method in methods():
        maes = [
            mean(np.abs([r.found[method][0] - r.truth_bpm for r in results if r.skin_type == t]))
            for t in types
        ]
        rows.append([method, *map(number, maes)])
    return table(["method", *heads], rows)


def answered(results_of: dict[str, list[Result]]) -> str:
    """Share of recordings that would have been answered, by method."""
    rows = []
    for method in methods():
        shares = [np.mean([r.found[method][1] >= MIN_QUALITY for r in rs]) for rs in results_of.values()]
        rows.append([method, *(f"{share:.0%}" for share in shares)])
    return table(["method", *(f"{name} ({len(rs)})" for name, rs in results_of.items())], rows)


def each(results: Sequence[Result]) -> str:
    """The rate that each method reads off each recording."""
    names = list(methods())
    rows = [
        [result.name, f"{result.truth_bpm:.1f}", *(number(result.found[name][0], 1) for name in names)]
        for result in results
    ]
    return table(["recording", "truth", *names], rows)


def mean(values: np.ndarray) -> float:
    """Of those that there are; NaN where there are none, as of a network that needs longer recordings."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def number(value: float, digits: int = 2) -> str:
    """As it stands in a table."""
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
