"""``rfacenet live``: the heart rate of whoever is before the camera, as it goes."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from rfacenet.cli.command import (
    ANSWERED,
    INTERRUPTED,
    UNANSWERED,
    WRONG_USE,
    Commands,
    add_command,
    given,
    positive,
)
from rfacenet.cli.estimate import STDOUT, answer
from rfacenet.errors import RfacenetError, SettingsError, VideoError
from rfacenet.types import FaceChoice

if TYPE_CHECKING:
    from rfacenet.inference.live_feed import LiveFeed
    from rfacenet.types import Estimate, Frame, LiveEstimate, PulseWave
    from rfacenet.video import VideoSource

EPILOG = """examples:
  rfacenet live
  rfacenet live --camera /dev/video2 --duration-s 30 --json rate.json
  rfacenet live --file face.mp4 --speed 4

Ctrl-C ends it with the result so far.
exit code: 0 a heart rate at the end, 1 none (it says why), 2 wrong use or no camera, 130 stopped by Ctrl-C"""

MEMORY_S = 60.0
"""The result at the end is that of the last minute."""

REDRAWN_S, WRITTEN_S = 0.1, 1.0
"""Time from one state of the line to the next, on a terminal and elsewhere."""

SPARKS = "▁▂▃▄▅▆▇█"
SPARKLINE_S, SPARKLINE_WIDTH = 4.0, 32


def add(commands: Commands) -> None:
    """Add the command to the parser. What isn't given has the default of ``EstimateSettings``."""
    parser = add_command(commands, "live", _run, "Heart rate as it goes, from a camera or a file.", EPILOG)
    option = parser.add_argument
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--camera", metavar="NAME", help="device or its number (default: the first camera)")
    source.add_argument("--file", metavar="VIDEO", help="a video, played as if it were a camera")
    option("--speed", type=positive, metavar="F", help="play the file F times as fast")
    option("--duration-s", type=positive, metavar="S", help="end after S seconds (default: at Ctrl-C)")
    option("--method", help="see 'rfacenet models' (default: rfacenet)")
    option("--window-s", type=positive, metavar="S", help="rate of the last S seconds (default: 10)")
    option("--face", choices=get_args(FaceChoice), help="which of several faces (default: largest)")
    option("--min-quality", type=float, metavar="Q", help="answer no rate of less quality (default: 0.75)")
    option(
        "--json", type=Path, metavar="FILE", help="write the result of the last minute; '-': standard output"
    )


def _run(options: argparse.Namespace) -> int:
    from rfacenet.inference.live import LiveEstimator
    from rfacenet.inference.live_feed import LiveFeed
    from rfacenet.inference.settings import EstimateSettings
    from rfacenet.output.files import check_writable
    from rfacenet.video import in_real_time

    settings = EstimateSettings(**given(options, "method", "window_s", "face", "min_quality"))
    estimator = LiveEstimator(settings, memory_s=max(MEMORY_S, settings.window_s))
    if options.speed and not options.file:
        raise SettingsError("--speed is for files; a camera has its own.")
    if options.json and options.file and options.json.resolve() == Path(options.file).resolve():
        raise SettingsError(f"'{options.json}' is the input; write the result to another file.")
    if options.json and options.json != STDOUT:
        check_writable(options.json)

    screen = _Screen(is_shown=options.json != STDOUT)
    with _opened(options) as source, LiveFeed(estimator) as feed:
        frames: Iterable[Frame] = source
        if options.file:
            frames = in_real_time(source, options.speed or 1.0)
        was_stopped, lost = False, None
        try:
            _follow(frames, feed, screen, options.duration_s)
        except KeyboardInterrupt:
            was_stopped = True
        except VideoError as error:  # a camera that was unplugged, say: what came until then counts
            lost = error
        screen.end()
        result = _end(feed, options.file or str(source.path), estimator.method.name)
    written = _report(result, options.json)
    if was_stopped:
        print("rfacenet: stopped.", file=sys.stderr)
        return INTERRUPTED
    if lost is not None:
        print(f"rfacenet: {lost}", file=sys.stderr)
        return WRONG_USE
    return ANSWERED if written and result.heart_rate_bpm is not None else UNANSWERED


def _opened(options: argparse.Namespace) -> VideoSource:
    from rfacenet.faces import MAX_SIDE_PX
    from rfacenet.video import Camera, open_video

    if options.file:
        return open_video(options.file, max_side_px=MAX_SIDE_PX)
    return Camera(options.camera, max_side_px=MAX_SIDE_PX)


def _follow(frames: Iterable[Frame], feed: LiveFeed, screen: _Screen, duration_s: float | None) -> None:
    """Feed the frames, and show what comes of it."""
    for frame in frames:
        if duration_s is not None and frame.t_s >= duration_s:
            return
        feed.put(frame)
        screen.show(feed.latest())


def _end(feed: LiveFeed, name: str, method: str) -> Estimate:
    from rfacenet.inference.estimator import unreadable

    try:
        return feed.finish(name)
    except RfacenetError as error:
        return unreadable(name, method, error)


def _report(result: Estimate, file: Path | None) -> bool:
    """Say the result and write it; whether it could be written."""
    from rfacenet.errors import OutputError
    from rfacenet.output.files import write_text
    from rfacenet.output.results import as_json

    if file == STDOUT:
        sys.stdout.write(as_json([result]))
        return True
    print(answer(result), flush=True)
    try:
        if file is not None:
            write_text(file, as_json([result]))
    except OutputError as error:
        print(f"rfacenet: {error}", file=sys.stderr)
        return False
    return True


class _Screen:
    """One line that is redrawn on a terminal; a line a second elsewhere."""

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._is_terminal = sys.stdout.isatty()
        self._next_s = 0.0
        self._is_drawn = False

    def show(self, estimate: LiveEstimate | None) -> None:
        """Show the estimate, if it is time."""
        now_s = time.monotonic()
        if estimate is None or not self._is_shown or now_s < self._next_s:
            return
        self._next_s = now_s + (REDRAWN_S if self._is_terminal else WRITTEN_S)
        if not self._is_terminal:
            print(f"{estimate.t_s:.1f} s: {_state(estimate)}", flush=True)
            return
        width = shutil.get_terminal_size().columns - 1
        line = f"{sparkline(estimate.bvp)} {_state(estimate)}"[:width]
        sys.stdout.write(f"\r{line}\x1b[K")
        sys.stdout.flush()
        self._is_drawn = True

    def end(self) -> None:
        """Leave the line."""
        if self._is_drawn:
            print(flush=True)


def _state(estimate: LiveEstimate) -> str:
    if estimate.heart_rate_bpm is None:
        return estimate.hint or "no heart rate"
    rate = f"{estimate.heart_rate_bpm:.0f} bpm (quality {estimate.quality:.2f})"
    return rate if estimate.hint is None else f"{rate}  {estimate.hint}"


def sparkline(bvp: PulseWave) -> str:
    """The newest seconds of a wave as a line of blocks; blank where there is none."""
    try:
        SPARKS.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return ""
    if not len(bvp.value):
        return " " * SPARKLINE_WIDTH
    end_s = (len(bvp.value) - 1) / bvp.fs_hz
    at_s = end_s - SPARKLINE_S * (1 - np.arange(1, SPARKLINE_WIDTH + 1) / SPARKLINE_WIDTH)
    levels = np.interp(at_s, bvp.t_s, bvp.value, left=np.nan)
    if np.isnan(levels).all():
        return " " * SPARKLINE_WIDTH
    low, high = np.nanmin(levels), np.nanmax(levels)
    steps = (levels - low) / max(high - low, 1e-9) * (len(SPARKS) - 1)
    return "".join(" " if np.isnan(step) else SPARKS[round(step)] for step in steps)
