"""PhysDrive: 48 drivers on the road, in three cars, at four times of the day, on three kinds of road.

``<subject>/<session>/`` with ``Label/BVP.mat`` (variable BVP, a value a frame), and the colour frames as
``Align/*.png``, as ``RGB.mp4`` or as ``Video/RGB.mp4``: copies of it differ. A subject such as AFH1 tells
car, sex and light, a session such as A1 (or AS) road and talking. Frames and labels go at 30 Hz in the
authors' own code; neither that nor the frames' names could be verified, so that labels whose number does not
fit the frames' are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rfacenet.datasets.arrays import read_signal
from rfacenet.datasets.layout import Dataset
from rfacenet.datasets.opening import open_plain, per_frame
from rfacenet.datasets.recording import Recording, Reference

FRAME_HZ = 30.0
CARS = {"A": "A0 segment", "B": "B segment", "C": "C segment, SUV"}
SEXES = {"F": "female", "M": "male"}
LIGHTS = {"Z": "noon", "H": "dusk or early morning", "W": "midnight", "Y": "rainy or cloudy"}
ROADS = {"A": "flat, free", "B": "flat, congested", "C": "bumpy, congested"}
SITUATIONS = {"1": "still", "S": "still", "2": "talking", "T": "talking"}
FRAMES = ("Align", "RGB.mp4", "Video/RGB.mp4")


def find(root: Path) -> Iterator[Recording]:
    """Recordings below a root: whatever has the colour frames or the labels of one."""
    for folder in root.glob("*/*"):
        who = re.fullmatch(r"([ABC])([FM])([ZHWY])\d+", folder.parent.name)
        what = re.fullmatch(r"([ABC])([12ST])", folder.name)
        if who and what:
            labels = folder / "Label" / "BVP.mat"
            frames = [folder / name for name in FRAMES if (folder / name).exists()]
            if frames or labels.exists():
                video = frames[0] if frames else folder / FRAMES[0]
                yield Recording(
                    name=f"{folder.parent.name}/{folder.name}",
                    subject=folder.parent.name,
                    open_video=partial(open_plain, video, fps=FRAME_HZ),
                    read_reference=partial(read_reference, labels, video),
                    conditions={
                        "car": CARS[who[1]],
                        "sex": SEXES[who[2]],
                        "light": LIGHTS[who[3]],
                        "road": ROADS[what[1]],
                        "situation": SITUATIONS[what[2]],
                    },
                )


def read_reference(path: Path, video: Path) -> Reference:
    """Pulse wave of a finger clip, filtered by the authors.

    Args:
        path: The labels.
        video: The frames, whose rate and number are the labels'.

    Raises:
        DatasetError: The file is missing or holds something else, or does not fit the frames.
    """
    wave = read_signal(path, "BVP")
    return Reference(per_frame(wave, video, f"The pulse in '{path}'", fps=FRAME_HZ))


PHYSDRIVE = Dataset(
    name="physdrive",
    title="PhysDrive",
    layout="subject/session/Label/BVP.mat with Align/*.png or RGB.mp4",
    find=find,
    source='Wang, Yang, Hu, Tang, Liu, He, Wang, Chen, Wu, "PhysDrive: a multimodal remote physiological '
    'measurement dataset for in-vehicle driver monitoring", NeurIPS 2025',
)
