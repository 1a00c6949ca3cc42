"""``rfacenet explain``: where in the face a network's pulse comes from, as a picture and a video."""

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
from rfacenet.errors import NoPulseError, OutputError, SettingsError, VideoError
from rfacenet.types import FaceChoice

if TYPE_CHECKING:
    from rfacenet.inference.explanation import Explanation

SUMMARY = "Where in the face a network's pulse comes from, before and after fusion."

EPILOG = """The picture opens in any browser; the video shows the same over time. From left to right:
the face, the influence on the pulse before the fusion, after it. PhysNet, which fuses
nothing, has one map; other networks have none. How it is made: Grad-CAM of the pulse's
power, as in the rFaceNet paper's Fig. 1.

examples:
  rfacenet explain face.mp4
  rfacenet explain face.mp4 --method physnet --start-s 30 --picture physnet.svg

exit code: 0 done, 1 no pulse to explain or nowhere to write (it says why), 2 wrong use"""

VIDEO_ENDINGS = (".mp4", ".mkv", ".mov")


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "explain", _run, SUMMARY, EPILOG)
    option = parser.add_argument
    option("path", metavar="PATH", help="video, or folder of images")
    option(
        "--method",
        metavar="NETWORK",
        help="rfacenet (default), physnet, or a weights file of one of these",
    )
    option("--start-s", type=float, default=0.0, metavar="S", help="where to begin (default: 0)")
    option(
        "--duration-s",
        type=positive,
        default=10.0,
        metavar="S",
        help="how much, 5 to 60 (default: the first 10)",
    )
    option("--face", choices=get_args(FaceChoice), help="which of several faces (default: largest)")
    option("--fps", type=positive, help="frames per second of images whose names carry no times")
    option(
        "--min-quality",
        type=float,
        metavar="Q",
        help="explain no rate of less quality (default: 0.75; 0: always explain)",
    )
    option(
        "--picture",
        type=Path,
        metavar="FILE.svg",
        help="picture to write (default: PATH's name with '-explained', in the current folder)",
    )
    option("--video", type=Path, metavar="FILE.mp4", help="video to write (default: likewise)")


def _run(options: argparse.Namespace) -> int:
    from rfacenet.inference.explanation import explain
    from rfacenet.inference.settings import EstimateSettings
    from rfacenet.output.files import write_text
    from rfacenet.output.influence import as_svg, open_video_writer, video_frames

    picture, video = _outputs(options)
    settings = EstimateSettings(**given(options, "method", "face", "fps", "min_quality"))
    try:
        with progress_bar("s of video") as bar:
            explanation = explain(
                options.path,
                settings,
                start_s=options.start_s,
                duration_s=options.duration_s,
                progress=follow(bar),
            )
    except (VideoError, NoPulseError) as error:
        print(f"{options.path}: nothing to explain. {error}")
        return UNANSWERED
    write_text(picture, as_svg(explanation, Path(options.path).name))
    with (
        progress_bar("frames", total=len(explanation.shown)) as bar,
        open_video_writer(explanation, video) as writer,
    ):
        for frame in video_frames(explanation):
            writer.write(frame)
            bar.update(1)
    print(_answer(options.path, explanation, picture, video))
    return ANSWERED


def _outputs(options: argparse.Namespace) -> tuple[Path, Path]:
    """Where the picture and the video go, found out before the work."""
    from rfacenet.output.files import check_writable

    source = Path(options.path)
    name = source.resolve().name if source.is_dir() else source.stem
    picture = options.picture or Path(f"{name}-explained.svg")
    video = options.video or Path(f"{name}-explained.mp4")
    if picture.suffix.lower() != ".svg":
        raise OutputError(f"'{picture}' is no picture's name; end it in .svg.")
    if video.suffix.lower() not in VIDEO_ENDINGS:
        raise OutputError(f"'{video}' is no video name; end it in {', '.join(VIDEO_ENDINGS)}.")
    for file in (picture, video):
        if file.resolve() == source.resolve():
            raise SettingsError(f"'{file}' is the input; write the result to another file.")
        check_writable(file)
    return picture, video


def _answer(path: str, explanation: Explanation, picture: Path, video: Path) -> str:
    """What was found and written, for people."""
    start_s, side = explanation.start_s, explanation.face_side
    names = ", ".join(["face", *(influence.name for influence in explanation.maps)])
    shares = ", ".join(f"{m.share_inside(side):.0%} {m.name}" for m in explanation.maps)
    if len(explanation.maps) == 1:
        shares = f"{explanation.maps[0].share_inside(side):.0%}"
    lines = [
        f"{path}: {explanation.heart_rate_bpm:.1f} bpm (quality {explanation.quality:.2f}, "
        f"{explanation.method}, {start_s:.1f} to {start_s + explanation.duration_s:.1f} s)",
        f"influence inside the face ({side**2:.0%} of the picture): {shares}",
        f"{picture}: {names}",
        f"{video}: the same over time",
    ]
    if explanation.moved_by_fusion is not None:
        lines[1] += f"; the fusion moves {explanation.moved_by_fusion:.1%} of it"
    return "\n  ".join(lines)
