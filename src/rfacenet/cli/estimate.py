"""``rfacenet estimate``: videos in, heart rates out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rfacenet.cli.command import (
    ANSWERED,
    INTERRUPTED,
    UNANSWERED,
    Commands,
    add_command,
    follow,
    given,
    positive,
    positive_count,
    progress_bar,
)
from rfacenet.errors import OutputError, SettingsError, VideoError
from rfacenet.types import FaceChoice

if TYPE_CHECKING:
    from rfacenet.inference.settings import EstimateSettings
    from rfacenet.types import Estimate

EPILOG = """examples:
  rfacenet estimate face.mp4 --report face.html
  rfacenet estimate recordings/ --method chrom --json rates.json
  rfacenet estimate palm.mp4 --region frame

exit code: 0 every input answered, 1 some could not be (each says why), 2 wrong use"""

STDOUT = Path("-")


def add(commands: Commands) -> None:
    """Add the command to the parser. What isn't given has the default of ``EstimateSettings``."""
    parser = add_command(commands, "estimate", _run, "Heart rate of the person in each video.", EPILOG)
    option = parser.add_argument
    option("path", nargs="+", metavar="PATH", help="video, folder of videos or images, or 'pattern*'")
    option("--method", help="see 'rfacenet models' (default: rfacenet for faces, pos for a region)")
    option("--window-s", type=positive, metavar="S", help="length of the rolling windows (default: 10)")
    option("--step-s", type=positive, metavar="S", help="from one window to the next (default: 1)")
    option(
        "--region",
        type=_region,
        metavar="R",
        help="where the skin is: 'face' (found and followed; default), 'frame' (all of it), "
        "or a box x,y,width,height in pixels (--region=x,… if x is negative)",
    )
    option(
        "--face",
        choices=get_args(FaceChoice),
        help="which of several faces (default: largest)",
    )
    option(
        "--enlarge", type=positive, metavar="F", help="enlarge the face box F times (default: the method's)"
    )
    option("--fps", type=positive, help="frames per second of images whose names carry no times")
    option(
        "--min-quality",
        type=float,
        metavar="Q",
        help="answer no rate of less quality (default: 0.75; 0: always answer)",
    )
    option("--json", type=Path, metavar="FILE", help="write everything as JSON; '-': to standard output")
    option("--csv", type=Path, metavar="FILE", help="write the rates as a table")
    option("--report", type=Path, metavar="FILE.html", help="write a page to look at")
    option("--processes", type=positive_count, metavar="N", help="videos at a time (default: one a core)")


def _region(text: str) -> str | tuple[int, ...]:
    if text in ("face", "frame"):
        return text
    try:
        box = tuple(int(part) for part in text.split(","))
    except ValueError:
        box = ()
    if len(box) != 4 or min(box[2:]) <= 0:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no region; give 'face', 'frame' or x,y,width,height in pixels"
        )
    return box


def _run(options: argparse.Namespace) -> int:
    from rfacenet.inference.catalogue import get_method
    from rfacenet.inference.settings import EstimateSettings
    from rfacenet.output.files import check_writable

    names = ("method", "window_s", "step_s", "region", "face", "enlarge", "fps", "min_quality")
    settings = EstimateSettings(**given(options, *names))
    get_method(settings.method_name)  # an unknown name is wrong use, not a fault of every video
    outputs = given(options, "json", "csv", "report")
    if len(set(outputs.values())) < len(outputs):
        raise SettingsError("Two outputs have the same name; give each its own.")
    inputs = {Path(path).resolve() for path in options.path if path}
    for file in outputs.values():
        if file.resolve() in inputs:
            raise SettingsError(f"'{file}' is an input; write the result to another file.")
        if file != STDOUT:
            check_writable(file)

    results: list[Estimate] = []
    try:
        for result in _estimates(options.path, settings, options.processes):
            results.append(result)
            if STDOUT not in outputs.values():
                print(answer(result), flush=True)
    except KeyboardInterrupt:
        _write(outputs, results, settings)  # what is done is not lost
        print(f"rfacenet: stopped; {len(results)} video(s) were done.", file=sys.stderr)
        return INTERRUPTED
    written = _write(outputs, results, settings)
    answered = all(result.heart_rate_bpm is not None for result in results)
    return ANSWERED if answered and written else UNANSWERED


def _write(outputs: dict[str, Path], results: list[Estimate], settings: EstimateSettings) -> bool:
    """Write what was asked for; what cannot be written doesn't stop the rest."""
    from rfacenet.output.files import write_text
    from rfacenet.output.report import as_html
    from rfacenet.output.results import as_csv, as_json

    if not results:
        return True
    text_of: dict[str, Callable[[], str]] = {
        "json": lambda: as_json(results),
        "csv": lambda: as_csv(results),
        "report": lambda: as_html(results, settings),
    }
    all_written = True
    for name, file in outputs.items():
        text = text_of[name]()
        if file == STDOUT:
            sys.stdout.write(text)
            continue
        try:
            write_text(file, text)
        except OutputError as error:
            print(f"rfacenet: {error}", file=sys.stderr)
            all_written = False
    return all_written


def _estimates(
    paths: Sequence[str], settings: EstimateSettings, n_processes: int | None
) -> Iterator[Estimate]:
    """Estimates in the order of the inputs, each as soon as it and those before it are there."""
    from rfacenet.inference.batch import estimate_many, try_estimate
    from rfacenet.inference.estimator import unreadable
    from rfacenet.video import find_videos

    videos: list[Path] = []
    ready: dict[int, Estimate] = {}
    for path in paths:
        try:
            videos += find_videos(path)
        except VideoError as error:
            ready[len(videos)] = unreadable(path, settings.method_name, error)
            videos.append(Path(path))
    waiting = [index for index in range(len(videos)) if index not in ready]
    if len(waiting) == 1:
        with progress_bar("s of video") as bar:
            ready[waiting[0]] = try_estimate(videos[waiting[0]], settings, progress=follow(bar))
        waiting = []
    with progress_bar("videos", total=len(waiting)) as bar:
        finished = estimate_many([videos[index] for index in waiting], settings, n_processes=n_processes)
        for position in range(len(videos)):
            while position not in ready:
                index, result = next(finished)
                ready[waiting[index]] = result
                bar.update(1)
            yield ready.pop(position)


def answer(result: Estimate) -> str:
    """One video's result for people."""
    if result.heart_rate_bpm is None:
        text = f"{result.video}: no heart rate. {result.reason}"
    else:
        text = (
            f"{result.video}: {result.heart_rate_bpm:.1f} bpm "
            f"(quality {result.quality:.2f}, {result.method}, {result.duration_s:.1f} s)"
        )
    return "\n  ".join([text, *result.notes])
