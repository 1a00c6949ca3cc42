"""The values that travel between rooms: frozen, plain, with units in their names.

Nothing here computes more than a derived property, and nothing here imports another room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Uint8Array = NDArray[np.uint8]

FaceChoice = Literal["largest", "left", "center", "right"]
"""Which of several faces to follow: the largest, or the one furthest left, most central or furthest right."""

RegionSet = Literal["blocks", "triangles", "areas", "cells"]
"""Ways to divide a face into regions: see :mod:`rfacenet.faces.regions`."""

N_REGIONS: Mapping[RegionSet, int] = MappingProxyType(
    {"blocks": 25, "triangles": 15, "areas": 6, "cells": 64}
)
"""How many regions each set has."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One video frame.

    Attributes:
        t_s: Presentation time in seconds from the video's first frame.
        rgb: Pixels, ``(H, W, 3) uint8`` RGB, upright.
    """

    t_s: float
    rgb: Uint8Array


@dataclass(frozen=True, slots=True)
class FaceBox:
    """An axis-aligned box in frame pixels; may reach over the frame's edge.

    Attributes:
        x_px: Left edge.
        y_px: Top edge.
        width_px: Width.
        height_px: Height.
        confidence: The detector's probability that this is a face, 0 to 1.
        landmarks_px: ``(x, y)`` of left eye, right eye, nose, left and right corner of the mouth; left and
            right as the viewer sees them. Empty where nobody looked for them.
    """

    x_px: float
    y_px: float
    width_px: float
    height_px: float
    confidence: float = 1.0
    landmarks_px: tuple[tuple[float, float], ...] = field(default=(), kw_only=True)

    @property
    def area_px(self) -> float:
        """Area in square pixels."""
        return self.width_px * self.height_px

    @property
    def center_px(self) -> tuple[float, float]:
        """Centre ``(x, y)``."""
        return self.x_px + self.width_px / 2, self.y_px + self.height_px / 2

    def scaled(self, factor: float) -> FaceBox:
        """The box made larger (or smaller) by ``factor`` about its centre."""
        center_x, center_y = self.center_px
        width, height = self.width_px * factor, self.height_px * factor
        return replace(
            self, x_px=center_x - width / 2, y_px=center_y - height / 2, width_px=width, height_px=height
        )


@dataclass(frozen=True, slots=True, eq=False)  # arrays have no one truth value
class PulseWave:
    """A pulse wave on a uniform time grid.

    Attributes:
        fs_hz: Sampling rate.
        value: Samples at ``k / fs_hz`` seconds, ``(T,)``, unit variance, more blood upwards; NaN where there
            was no face to see it on.
    """

    fs_hz: float
    value: Float64Array

    @property
    def t_s(self) -> Float64Array:
        """Time of each sample in seconds from the video's first frame, ``(T,)``."""
        return np.arange(len(self.value)) / self.fs_hz


@dataclass(frozen=True, slots=True)
class WindowEstimate:
    """The heart rate of one stretch of a video.

    Attributes:
        start_s: Start, seconds from the first frame.
        end_s: End.
        heart_rate_bpm: Beats per minute, or None where no pulse was found.
        quality: How likely the rate is right, 0 to 1.
    """

    start_s: float
    end_s: float
    heart_rate_bpm: float | None
    quality: float


@dataclass(frozen=True, slots=True)
class Variability:
    """Basic time-domain heart rate variability of pulse-to-pulse intervals.

    Attributes:
        mean_interval_ms: Mean inter-beat interval.
        sdnn_ms: Standard deviation of the intervals.
        rmssd_ms: Root mean square of the differences of successive intervals.
        n_intervals: How many intervals were accepted.

    Source: Task Force of the ESC and NASPE, "Heart rate variability", Circulation 93, 1996, Table 1.
    Differs: from pulse peaks instead of R peaks ("pulse rate variability").
    """

    mean_interval_ms: float
    sdnn_ms: float
    rmssd_ms: float
    n_intervals: int


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """What was found in one video.

    Attributes:
        video: The video, as it was named by the caller.
        method: Name of the method that extracted the pulse.
        heart_rate_bpm: Heart rate of the whole video, beats per minute; None where it cannot be told.
        quality: How likely that rate is right, 0 to 1.
        reason: Why there is no rate, as one sentence; None where there is one.
        duration_s: Time from the first frame to the last, seconds.
        fs_hz: Frames per second as measured from their times; None where fewer than two were read.
        windows: Rates of rolling windows.
        bvp: The pulse wave (blood volume pulse).
        beats_s: Times of single beats (systolic peaks), seconds from the first frame, where the wave is clear
            enough for them.
        variability: Variability of the beats, or None where the wave is too short or too noisy for it.
        face_share: Share of the frames in which the face was seen, 0 to 1.
        damaged_frames: Frames that could not be decoded whole.
        notes: Things to know about this video, a sentence each.
        crop: The face as the method saw it, ``(H, W, 3) uint8`` RGB; None where there was none.
    """

    video: str
    method: str
    heart_rate_bpm: float | None
    quality: float
    reason: str | None
    duration_s: float
    fs_hz: float | None
    windows: tuple[WindowEstimate, ...]
    bvp: PulseWave
    beats_s: tuple[float, ...] = ()
    variability: Variability | None = None
    face_share: float = 0.0
    damaged_frames: int = 0
    notes: tuple[str, ...] = ()
    crop: Uint8Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LiveEstimate:
    """What a stream says at one time. All times are as they came with the frames.

    Attributes:
        t_s: Time of the newest frame, seconds.
        heart_rate_bpm: Heart rate of the latest window, beats per minute; None where it cannot be told.
        quality: How likely that rate is right, 0 to 1.
        bvp: The pulse wave of that window, whose own times count from ``start_s``.
        start_s: Time of the wave's first sample.
        hint: What is missing or what would help, one sentence for people; None where all is well.
        face: Where the face is in the newest frame, not enlarged; None where there is none, or where it came
            cut out.
        fs_hz: Frames per second as measured from their times; None where fewer than two came.
        dropped_frames: Frames that were left out: late, out of order, or more than there was time for.
    """

    t_s: float
    heart_rate_bpm: float | None
    quality: float
    bvp: PulseWave
    start_s: float
    hint: str | None
    face: FaceBox | None
    fs_hz: float | None
    dropped_frames: int
