"""PURE: ten people, six ways of moving the head, lossless frames.

``SS-TT/SS-TT/Image<time>.png`` are the frames and ``SS-TT/SS-TT.json`` the finger's pulse; SS is the subject
and TT the task. Times are nanoseconds of one clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rfacenet.datasets.layout import Dataset, Shot, Simulation
from rfacenet.datasets.opening import open_plain
from rfacenet.datasets.recording import Recording, Reference, time_series
from rfacenet.errors import DatasetError
from rfacenet.files import whole_file
from rfacenet.video import encode_png

if TYPE_CHECKING:
    from rfacenet.simulation import SimulatedRecording

TASKS = {
    "01": "steady",
    "02": "talking",
    "03": "slow translation",
    "04": "fast translation",
    "05": "small rotation",
    "06": "medium rotation",
}
_NS_PER_S = 1e9
_ABSENT = ("06-02",)  # of the real data set's sixty
_CLOCK_START_NS = 1_392_643_993_642_815_000


def find(root: Path) -> Iterator[Recording]:
    """Recordings below a root: whatever has the frames or the labels of one."""
    for folder in root.iterdir():
        if match := re.fullmatch(r"(\d\d)-(\d\d)", folder.name):
            labels, frames = folder / f"{folder.name}.json", folder / folder.name
            if labels.exists() or frames.exists():
                yield Recording(
                    name=folder.name,
                    subject=match[1],
                    open_video=partial(open_plain, frames),
                    read_reference=partial(read_reference, labels),
                    conditions={"task": TASKS.get(match[2], match[2])},
                )


def read_reference(path: Path) -> Reference:
    """Pulse wave and heart rate of a finger clip, about 60 samples a second.

    Raises:
        DatasetError: The file is missing or holds something else.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        samples, first_ns = content["/FullPackage"], content["/Image"][0]["Timestamp"]
        t_s = np.array([(sample["Timestamp"] - first_ns) / _NS_PER_S for sample in samples])
        wave, rate_bpm = (
            np.array([sample["Value"][field] for sample in samples], float)
            for field in ("waveform", "pulseRate")
        )
    except FileNotFoundError as error:
        raise DatasetError(f"There is no '{path}', which should hold the pulse.") from error
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise DatasetError(f"'{path}' holds no labels as PURE has them ({error!r}).") from error
    return Reference(
        time_series(t_s, wave, f"The pulse in '{path}'"), time_series(t_s, rate_bpm, f"The rate in '{path}'")
    )


def write(root: Path, subject: int, shot: Shot, recording: SimulatedRecording) -> None:
    """Write a simulated recording; one of the sixty is absent, as in the real data set."""
    name = f"{subject + 1:02}-{shot.name}"
    if name in _ABSENT:
        return
    frames = root / name / name
    frames.mkdir(parents=True, exist_ok=True)
    images = []
    for frame in recording.frames():
        images.append({"Timestamp": _time_ns(frame.t_s)})
        (frames / f"Image{_time_ns(frame.t_s)}.png").write_bytes(encode_png(frame.rgb))
    rate_bpm = recording.heart_rate_bpm or 0.0
    peak = max(float(np.abs(recording.pulse).max()), 1e-9)
    level = 60 + 25 * recording.pulse / peak  # the device gives whole numbers up to 100
    package = [
        {
            "Timestamp": _time_ns(t_s),
            "Value": {"waveform": round(value), "pulseRate": round(rate_bpm), "o2saturation": 98},
        }
        for t_s, value in zip(recording.pulse_t_s, level, strict=True)
    ]
    content: dict[str, Any] = {"/FullPackage": package, "/Image": images}
    with whole_file(root / name / f"{name}.json") as file:
        file.write(json.dumps(content).encode())


def _time_ns(t_s: float) -> int:
    return _CLOCK_START_NS + round(t_s * _NS_PER_S)


PURE = Dataset(
    name="pure",
    title="PURE",
    layout="SS-TT/SS-TT/Image*.png and SS-TT/SS-TT.json",
    find=find,
    source='Stricker, Müller, Gross, "Non-contact video-based pulse rate measurement on a mobile service '
    'robot", RO-MAN 2014',
    simulation=Simulation(
        shots=(
            Shot("01", "easy", 30.0),
            Shot("02", "standard", 30.0),
            *(Shot(task, "standard", 30.0) for task in ("03", "04", "05", "06")),
        ),
        write=write,
    ),
)
