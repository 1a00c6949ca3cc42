"""One viewer's measurement: what came in, and what is made of it in a thread."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rfacenet.inference.settings import EstimateSettings
from rfacenet.output.results import as_csv, as_dict
from rfacenet.types import FaceBox, LiveEstimate, PulseWave
from rfacenet.web.messages import FRAMES_HZ, Kind, LiveMessage

if TYPE_CHECKING:
    from rfacenet.inference.live import LiveEstimator

SHOWN_S = 12.0
"""So much of the pulse wave is sent with each estimate."""

MAX_PENDING = 600
"""Frames that wait for the next estimate; more than this machine could work off are dropped."""

KEPT_S = 30.0
"""So much can be saved."""

MAX_KEPT = round(FRAMES_HZ * KEPT_S)
"""... whatever a client says of its times."""

NEW_START_S = 5.0
"""After a break in the frames' times of more than this, or a step back, everything begins anew."""


class Viewer:
    """A rolling measurement of one face.

    Frames are only put down when they come. What does the work, :meth:`advance` and the others, runs in
    threads.

    Args:
        method: Name of the method.

    Attributes:
        settings: The settings of its estimates.
        dropped: Frames that came while too many were waiting.
    """

    def __init__(self, method: str) -> None:
        self.settings = EstimateSettings(method=method)
        self.dropped = 0
        self._estimator = new_estimator(self.settings)
        self._pending: deque[LiveMessage] = deque()
        self._turn = threading.Lock()
        self._kept: deque[LiveMessage] = deque(maxlen=MAX_KEPT)

    @property
    def crop_px(self) -> tuple[int, int]:
        """Height and width of the crops that it wants."""
        return self._estimator.crop_px

    @property
    def enlarge(self) -> float:
        """By how much the face's box is to be enlarged before it is cut out."""
        return self._estimator.enlarge

    def put(self, message: LiveMessage) -> None:
        """Put a crop, or the absence of a face, down for the next estimate."""
        if len(self._pending) >= MAX_PENDING:
            self.dropped += 1
            return
        self._pending.append(message)

    def start_anew(self) -> None:
        """Forget what was seen: what comes next is another face."""
        with self._turn:
            self._pending.clear()
            self._kept.clear()
            self._estimator = new_estimator(self.settings)

    def advance(self) -> dict[str, Any]:
        """Take in what has come and estimate, as JSON for the client."""
        with self._turn:
            self._take_in_all()
            return estimate_message(self._estimator.estimate(), self.dropped)

    def result(self) -> dict[str, Any]:
        """The last :data:`KEPT_S`, as ``rfacenet estimate`` would write a video of them; the stream goes on.

        Where nothing has come yet, the result is null.
        """
        with self._turn:
            self._take_in_all()
            kept = list(self._kept)
        if not kept:
            return {"type": "result", "result": None, "csv": None}
        estimator = new_estimator(self.settings)
        for message in kept:
            _add(estimator, message)
        result = replace(estimator.finish(), video="camera")
        return {"type": "result", "result": as_dict(result), "csv": as_csv([result])}

    def _take_in_all(self) -> None:
        while self._pending:
            self._take_in(self._pending.popleft())

    def _take_in(self, message: LiveMessage) -> None:
        if self._kept:
            step_s = message.t_s - self._kept[-1].t_s
            if -NEW_START_S < step_s <= 0:
                self.dropped += 1  # the same frame again, or out of order
                return
            if not 0 < step_s <= NEW_START_S:
                self._kept.clear()
                self._estimator = new_estimator(self.settings)
        self._kept.append(message)
        while self._kept[0].t_s < message.t_s - KEPT_S:
            self._kept.popleft()
        _add(self._estimator, message)


def new_estimator(settings: EstimateSettings) -> LiveEstimator:
    """A live estimator; in a function of its own so that torch is loaded in the thread that wants it."""
    from rfacenet.inference.live import LiveEstimator

    return LiveEstimator(settings)


def _add(estimator: LiveEstimator, message: LiveMessage) -> None:
    if message.kind is Kind.NOTHING:
        estimator.add_nothing(message.t_s)
    else:
        pixels = np.frombuffer(message.content, np.uint8).reshape(*estimator.crop_px, 3)
        estimator.add_crop(pixels, message.t_s)


def estimate_message(estimate: LiveEstimate, dropped: int) -> dict[str, Any]:
    """An estimate as the client gets it."""
    return {
        "type": "estimate",
        "t_s": round(estimate.t_s, 3),
        "heart_rate_bpm": None if estimate.heart_rate_bpm is None else round(estimate.heart_rate_bpm, 2),
        "quality": round(estimate.quality, 3),
        "hint": estimate.hint,
        "fs_hz": None if estimate.fs_hz is None else round(estimate.fs_hz, 2),
        "dropped_frames": estimate.dropped_frames + dropped,
        "wave": wave_message(estimate.bvp, estimate.start_s),
    }


def wave_message(bvp: PulseWave, start_s: float) -> dict[str, Any]:
    """The last :data:`SHOWN_S` of a wave; null where there was no face."""
    n = int(SHOWN_S * bvp.fs_hz)
    first = max(0, len(bvp.value) - n)
    values = [None if np.isnan(value) else round(float(value), 3) for value in bvp.value[first:]]
    start_s += first / bvp.fs_hz if bvp.fs_hz else 0.0
    return {"start_s": round(start_s, 4), "fs_hz": round(bvp.fs_hz, 4), "value": values}


def box_message(number: int, box: FaceBox | None, *, is_other: bool) -> dict[str, Any]:
    """Where the face is, in shares of the picture's width and height."""
    place = None
    if box is not None:
        sides = {"x": box.x_px, "y": box.y_px, "width": box.width_px, "height": box.height_px}
        place = {name: round(value, 5) for name, value in sides.items()}
    return {"type": "face", "number": number, "box": place, "is_other": is_other}
