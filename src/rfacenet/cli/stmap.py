"""``rfacenet stmap``: the spatio-temporal map of a video, as a picture or as numbers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rfacenet.cli.command import (
    ANSWERED,
    UNANSWERED,
    Commands,
    add_command,
    follow,
    given,
    positive,
    progress_bar,
)
from rfacenet.errors import NoFaceError, OutputError, SettingsError, TooShortError, VideoError
from rfacenet.types import FaceChoice

if TYPE_CHECKING:
    from rfacenet.inference.stmap import VideoMap

SUMMARY = "The spatio-temporal map of a video: the pulse as stripes, and what map networks see."

EPILOG = """A map has a row for each region of the face and a column for each frame; each row of
each channel is stretched from 0 to 255 over its frames. What is written depends on the ending:
  .svg  the face with its regions and a panel for each channel, for people; opens in any browser
  .png  the map alone in grey levels, enlarged by whole numbers: channels below each other,
        8 white pixels between them (a colour picture would show no channel by itself)
  .npy  the map as float32 (channels, rows, frames), for NumPy

regions and channels, as in the papers on such maps:
  triangles  15 rows, R, G and POS (NAS-HR); POS shows the stripes
  blocks     25 rows, Y, U and V (RhythmNet)
  areas      63 rows, all combinations of six regions, R, G, B, Y, U and V (CVD)

examples:
  rfacenet stmap face.mp4
  rfacenet stmap face.mp4 --regions blocks --start-s 30 --out map.npy

exit code: 0 done, 1 no face for a map or nowhere to write (it says why), 2 wrong use"""

REGIONS = ("triangles", "blocks", "areas")
ENDINGS = (".svg", ".png", ".npy")


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "stmap", _run, SUMMARY, EPILOG)
    option = parser.add_argument
    option("path", metavar="PATH", help="video, or folder of images")
    option(
        "--out",
        type=Path,
        metavar="FILE",
        help="file to write, .svg, .png or .npy (default: PATH's name with '-stmap.svg', here)",
    )
    option("--regions", choices=REGIONS, default=REGIONS[0], help="what rows are (default: triangles)")
    option("--start-s", type=float, default=0.0, metavar="S", help="where to begin (default: 0)")
    option(
        "--duration-s",
        type=positive,
        default=10.0,
        metavar="S",
        help="how much, 2 to 60 (default: the first 10)",
    )
    option("--face", choices=get_args(FaceChoice), help="which of several faces (default: largest)")
    option("--fps", type=positive, help="frames per second of images whose names carry no times")


def _run(options: argparse.Namespace) -> int:
    from rfacenet.inference.settings import EstimateSettings
    from rfacenet.inference.stmap import map_video
    from rfacenet.output.files import write_bytes

    out = _output(options)
    settings = EstimateSettings(**given(options, "face", "fps"))
    try:
        with progress_bar("s of video") as bar:
            shown = map_video(
                options.path,
                settings,
                regions=options.regions,
                start_s=options.start_s,
                duration_s=options.duration_s,
                progress=follow(bar),
            )
    except (VideoError, NoFaceError, TooShortError) as error:
        print(f"{options.path}: no map. {error}")
        return UNANSWERED
    content, about = _drawn(shown, out, Path(options.path).name)
    write_bytes(out, content)
    print(_answer(options.path, shown, f"{out}: {about}"))
    return ANSWERED


def _output(options: argparse.Namespace) -> Path:
    """Where the result goes, found out before the work."""
    from rfacenet.output.files import check_writable

    source = Path(options.path)
    name = source.resolve().name if source.is_dir() else source.stem
    out: Path = options.out or Path(f"{name}-stmap.svg")
    if out.suffix.lower() not in ENDINGS:
        raise OutputError(f"'{out}' has no ending that says what to write; end it in {', '.join(ENDINGS)}.")
    if out.resolve() == source.resolve():
        raise SettingsError(f"'{out}' is the input; write the result to another file.")
    check_writable(out)
    return out


def _drawn(shown: VideoMap, out: Path, video: str) -> tuple[bytes, str]:
    """The file's content, and what it is, for people."""
    from rfacenet.output.stmap import as_npy, as_png, as_svg, png_scale

    channels = ", ".join(shown.channels)
    _, n_rows, n_frames = shown.values.shape
    if out.suffix.lower() == ".npy":
        return as_npy(shown), f"float32 {shown.values.shape}: {channels}; rows; frames"
    if out.suffix.lower() == ".png":
        down, across = png_scale(shown)
        return as_png(
            shown
        ), f"{channels} below each other; a row is {down} pixels high, a frame {across} wide"
    return as_svg(shown, video).encode(
        errors="backslashreplace"
    ), f"face, {channels} ({n_rows} rows, {n_frames} frames)"


def _answer(path: str, shown: VideoMap, written: str) -> str:
    """What was found and written, for people."""
    span = f"{shown.start_s:.1f} to {shown.end_s:.1f} s"
    if shown.heart_rate_bpm is None:
        found = f"no heart rate, {span}"
    else:
        found = f"{shown.heart_rate_bpm:.1f} bpm (quality {shown.quality:.2f}, pos, {span})"
    lines = [f"{path}: {found}"]
    if shown.is_part:
        lines.append(
            f"this is the longest unbroken stretch with the face; {shown.left_out_s:.1f} s are left out, "
            "since the face was lost or turned away"
        )
    if shown.reason is not None:
        lines.append(shown.reason)
    return "\n  ".join([*lines, written])
