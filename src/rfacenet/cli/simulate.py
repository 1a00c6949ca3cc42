"""``rfacenet simulate``: recordings of people who don't exist, with the pulse that they truly have."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rfacenet.cli.command import (
    ANSWERED,
    Commands,
    add_command,
    count,
    given,
    positive,
    positive_count,
    progress_bar,
)
from rfacenet.errors import OutputError, SettingsError

if TYPE_CHECKING:
    from rfacenet.simulation import SimulatedRecording

EPILOG = """FILE.mp4 gets two companions: FILE.csv, the reference pulse at 60 Hz, and FILE.json,
the true heart rate and what else is known. With --layout, a whole data set is written as
its authors lay it out on disk; who, how and how fast is then drawn for every recording.

examples:
  rfacenet simulate person.mp4 --heart-rate-bpm 72 --seed 5
  rfacenet estimate person.mp4
  rfacenet simulate --layout pure --subjects 8 --out pure-simulated"""

_OF_ONE_VIDEO: dict[str, Any] = {
    "heart_rate_bpm": None,
    "fs_hz": 30.0,
    "difficulty": "standard",
    "identity": None,
    "crf": 18,
    "subject": "person",
}
"""Options that a data set has no use for, with their defaults."""


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands, "simulate", _run, "Videos of simulated faces with an exactly known pulse.", EPILOG
    )
    option = parser.add_argument
    option("out", type=Path, nargs="?", metavar="FILE.mp4", help="video to write, H.264")
    option(
        "--layout",
        metavar="DATASET",
        help="write a data set instead, such as pure; '?' lists all",
    )
    option("--out", type=Path, dest="folder", metavar="FOLDER", help="its folder, which must be new")
    option("--subjects", type=positive_count, metavar="N", help="people in the data set (default: 4)")
    option("--heart-rate-bpm", type=positive, metavar="BPM", help="mean heart rate (default: random)")
    option(
        "--duration-s",
        type=positive,
        default=20.0,
        metavar="S",
        help="length; of a data set's, the shortest (default: 20)",
    )
    option("--fs-hz", type=positive, metavar="HZ", help="frames per second (default: 30)")
    option("--size", metavar="WxH", help="frame size in pixels (default: 640x480; of a data set, 320x240)")
    option("--difficulty", choices=("easy", "standard", "hard"), help="default: standard")
    option("--identity", type=int, metavar="N", help="which person (default: random)")
    option("--seed", type=int, default=0, help="same seed, same recording (default: 0)")
    option(
        "--crf",
        type=int,
        choices=range(52),
        metavar="N",
        help="compression of the video, 0 (none) to 51 (default: 18)",
    )
    option(
        "--subject",
        choices=("person", "photo", "mannequin"),
        help="a photo, moved about, and a mannequin that blinks and talks have no pulse (default: person)",
    )


def _run(options: argparse.Namespace) -> int:
    import torch

    torch.set_num_threads(1)  # frames are small: threads that wait for each other cost several times more
    if options.layout is not None:
        return _write_dataset(options)
    if options.out is None or options.folder is not None:
        raise SettingsError("Name a video to write, such as person.mp4; --out is for data sets (--layout).")
    return _write_video(options)


def _write_dataset(options: argparse.Namespace) -> int:
    from rfacenet.datasets import get_dataset
    from rfacenet.datasets.simulated import SimulatedSize, simulate_dataset

    if superfluous := given(options, *_OF_ONE_VIDEO):
        flag = next(iter(superfluous)).replace("_", "-")
        raise SettingsError(f"--{flag} is for a single video; a data set draws its own: leave it out.")
    dataset = get_dataset(options.layout)
    root = options.folder or options.out
    if root is None:
        raise SettingsError("Name the data set's folder, such as --out pure-simulated.")
    width_px, height_px = _size(options.size or "320x240")
    size = SimulatedSize(options.subjects or 4, options.duration_s, width_px, height_px)
    with progress_bar("recordings") as bar:
        simulate_dataset(dataset, root, size, options.seed, progress=count(bar))
    print(f"{root}: {dataset.title}, {size.n_subjects} simulated people")
    return ANSWERED


def _write_video(options: argparse.Namespace) -> int:
    from rfacenet.output.files import check_writable
    from rfacenet.simulation import render_recording
    from rfacenet.video import VideoWriter

    if options.out.suffix.lower() not in (".mp4", ".mkv", ".mov"):
        raise OutputError(f"'{options.out}' is no video name; end it in .mp4, .mkv or .mov.")
    check_writable(options.out)
    for name, default in _OF_ONE_VIDEO.items():
        if getattr(options, name) is None:
            setattr(options, name, default)
    if options.subjects is not None:
        raise SettingsError("--subjects is for a data set; name one by --layout, or leave it out.")
    width_px, height_px = _size(options.size or "640x480")
    if options.identity is not None and options.identity < 0:
        raise SettingsError(f"There is no person {options.identity}; choose from 0.")
    if options.duration_s * options.fs_hz < 2:
        raise SettingsError("A video needs two frames; make it longer or its frame rate higher.")
    if options.heart_rate_bpm is not None and not 20 <= options.heart_rate_bpm <= 300:
        raise SettingsError(f"{options.heart_rate_bpm:g} bpm is no human heart rate; choose 20 to 300.")
    if options.heart_rate_bpm is not None and options.subject != "person":
        raise SettingsError(f"A {options.subject} has no heart rate; leave --heart-rate-bpm out.")
    recording = render_recording(
        seed=options.seed,
        duration_s=options.duration_s,
        fs_hz=options.fs_hz,
        width_px=width_px,
        height_px=height_px,
        heart_rate_bpm=options.heart_rate_bpm,
        difficulty=options.difficulty,
        identity=options.identity,
        subject=options.subject,
    )
    with (
        progress_bar("frames", total=len(recording.frame_times_s)) as bar,
        VideoWriter(options.out, width_px, height_px, crf=options.crf) as writer,
    ):
        for frame in recording.frames():
            writer.write(frame.rgb, frame.t_s)
            bar.update(1)
    _write_truth(recording, options)
    rate = recording.heart_rate_bpm
    print(f"{options.out}: {'no pulse' if rate is None else f'{rate:.1f} bpm'}, simulated")
    return ANSWERED


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 16):
        raise SettingsError(f"'{text}' is no size; give width x height from 16x16, such as 640x480.")
    return int(width), int(height)


def _write_truth(recording: SimulatedRecording, options: argparse.Namespace) -> None:
    from rfacenet.output.files import write_text

    rows = (f"{t:.6f},{value:.6f}" for t, value in zip(recording.pulse_t_s, recording.pulse, strict=True))
    write_text(options.out.with_suffix(".csv"), "t_s,bvp\n" + "\n".join(rows) + "\n")
    known = {
        "heart_rate_bpm": None if recording.heart_rate_bpm is None else round(recording.heart_rate_bpm, 3),
        "identity": recording.identity,
        "skin_type": recording.skin_type,
        "subject": options.subject,
        "difficulty": options.difficulty,
        "seed": recording.seed,
        "simulated": True,
    }
    write_text(options.out.with_suffix(".json"), json.dumps(known, indent=2) + "\n")
