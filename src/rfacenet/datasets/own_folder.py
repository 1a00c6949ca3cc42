"""Recordings of one's own: a folder of videos, each with a CSV file of the same name beside it.

``[<subject>/...]<name>.mp4`` (or any other video, or a folder of images whose names are Unix times) and
``<name>.csv`` with the columns ``t_s``, seconds from the first frame, ``bvp``, more blood upwards, and, if
known, ``heart_rate_bpm``. ``rfacenet simulate person.mp4`` writes such pairs. Who is seen is told by the
first folder below the root, or by the video's name where it lies in the root itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rfacenet.datasets.layout import Dataset, Shot, Simulation
from rfacenet.datasets.opening import open_plain
from rfacenet.datasets.recording import Recording, Reference, time_series
from rfacenet.datasets.tables import has_column, read_column
from rfacenet.datasets.writing import write_lines
from rfacenet.errors import DatasetError, VideoError
from rfacenet.video import VideoWriter, find_videos

if TYPE_CHECKING:
    from rfacenet.simulation import SimulatedRecording


def find(root: Path) -> Iterator[Recording]:
    """Every video below a root, with or without labels."""
    try:
        videos = find_videos(root)
    except VideoError:  # there is none
        return
    for video in videos:
        place = video.relative_to(root.parent if video == root else root)
        is_file = video.is_file()
        yield Recording(
            name=place.as_posix(),
            subject=place.parts[0] if len(place.parts) > 1 else place.stem if is_file else place.name,
            open_video=partial(open_plain, video),
            read_reference=partial(
                read_reference, video.parent / f"{video.stem if is_file else video.name}.csv"
            ),
        )


def read_reference(path: Path) -> Reference:
    """Pulse wave, and heart rate where it is given.

    Raises:
        DatasetError: The file is missing, lacks a column or holds something else.
    """
    if not path.exists():
        raise DatasetError(
            f"There is no '{path}' with the columns t_s and bvp; without it nothing is compared."
        )
    t_s = read_column(path, "t_s")
    rate = "heart_rate_bpm"
    return Reference(
        time_series(t_s, read_column(path, "bvp"), f"The pulse in '{path}'"),
        time_series(t_s, read_column(path, rate), f"The rate in '{path}'")
        if has_column(path, rate)
        else None,
    )


def write(root: Path, subject: int, shot: Shot, recording: SimulatedRecording) -> None:
    """Write a simulated recording: H.264 with the frames' true times, and the pulse at 60 Hz."""
    folder = root / f"person{subject + 1}"
    folder.mkdir(parents=True, exist_ok=True)
    with VideoWriter(folder / f"{shot.name}.mp4", recording.width_px, recording.height_px) as writer:
        for frame in recording.frames():
            writer.write(frame.rgb, frame.t_s)
    rows = zip(recording.pulse_t_s, recording.pulse, strict=True)
    write_lines(folder / f"{shot.name}.csv", ("t_s,bvp", *(f"{t:.6f},{value:.6f}" for t, value in rows)))


OWN_FOLDER = Dataset(
    name="folder",
    title="recordings of one's own",
    layout="videos, in a folder for each person, with a CSV file (t_s,bvp) of the same name beside each",
    find=find,
    source="",
    simulation=Simulation(shots=(Shot("still", "easy", 30.0), Shot("moving", "hard", 30.0)), write=write),
)
