"""The spatio-temporal map of a video: what networks that read maps are given, for people and programs."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import torch

from rfacenet.errors import NoFaceError, SettingsError, TooShortError
from rfacenet.faces import FaceSample
from rfacenet.faces.regions import aligned_face
from rfacenet.inference.reading import MAX_GAP_S, WITNESS, Reading, read_samples
from rfacenet.inference.sampling import FaceSamples, Progress, sample_face
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import ClipInput
from rfacenet.models.stmap import CHANNEL_NAMES, MapForm, SpatioTemporalMap, rows_by_frames
from rfacenet.signal.resample import Resampled, to_uniform_grid
from rfacenet.types import N_REGIONS, Float32Array, RegionSet, Uint8Array

FORMS: Mapping[RegionSet, MapForm] = MappingProxyType(
    {"blocks": "map_yuv", "triangles": "map_rg_pos", "areas": "map_rgb_yuv"}
)
"""Which map is made of which regions, as in the papers."""

MIN_DURATION_S, MAX_DURATION_S = 2.0, 60.0
"""Two beats at rest are the least that shows stripes; of more than a minute, none could be told apart."""

FACE_SCALE = 5
"""How many times as large as the regions' template the face picture is, 320 × 240 pixels."""

FACE_AFTER_S = 1.0
"""How far into a run of frames its face picture is taken: a face that turned away has turned back by then."""


@dataclass(frozen=True, slots=True, eq=False)
class VideoMap:
    """The spatio-temporal map of a stretch of video.

    Attributes:
        regions: What its rows are regions of, or combinations of regions.
        values: The map, ``(C, rows, T) float32``; each row of each channel runs from 0 to 255.
        fs_hz: Columns per second: the video's frame rate.
        start_s: Start of the stretch, seconds from the video's first frame.
        left_out_s: How much of the asked part is missing, since the face was lost or turned away; seconds.
        face: The aligned face, ``(H, W, 3) uint8``; :mod:`rfacenet.faces.regions` has its regions' outlines.
        heart_rate_bpm: Rate of the stretch as POS reads it off the whole face, beats per minute; None where
            it cannot be told.
        quality: How likely that rate is right, 0 to 1.
        reason: Why there is no rate, as one sentence; None where there is one.
    """

    regions: RegionSet
    values: Float32Array
    fs_hz: float
    start_s: float
    left_out_s: float
    face: Uint8Array
    heart_rate_bpm: float | None
    quality: float
    reason: str | None

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels."""
        return CHANNEL_NAMES[FORMS[self.regions]]

    @property
    def duration_s(self) -> float:
        """Length of the stretch, seconds."""
        return int(self.values.shape[-1]) / self.fs_hz

    @property
    def is_part(self) -> bool:
        """Whether a part that was asked for is missing, by more than rounding."""
        return self.left_out_s >= 0.05

    @property
    def end_s(self) -> float:
        """End of the stretch, seconds from the video's first frame."""
        return self.start_s + self.duration_s


def map_video(
    path: str | os.PathLike[str],
    settings: EstimateSettings | None = None,
    *,
    regions: RegionSet = "triangles",
    start_s: float = 0.0,
    duration_s: float = 10.0,
    progress: Progress | None = None,
) -> VideoMap:
    """The spatio-temporal map of a part of a video: of its longest unbroken stretch that shows the face.

    Args:
        path: Video file, or folder with an image sequence.
        settings: Face and least quality of the heart rate; the defaults where left out. Methods play no part.
        regions: ``triangles`` makes channels R, G and POS; ``blocks`` Y, U and V; ``areas`` R, G, B, Y, U and
            V of all combinations of regions.
        start_s: Where in the video to begin, seconds.
        duration_s: How much of it to take, 2 to 60 seconds.
        progress: Called now and then while the video is read.

    Raises:
        VideoError: The video cannot be read.
        NoFaceError: No face looks towards the camera.
        TooShortError: The longest stretch with a face is shorter than 2 s.
        SettingsError: A choice has a value that cannot work.

    Differs: the columns are the video's own frames; a network's own rate may be another.
    """
    settings = settings or EstimateSettings()
    if regions not in FORMS:
        raise SettingsError(f"No map is made of '{regions}'; choose {', '.join(FORMS)}.")
    if not 0 <= start_s < math.inf:
        raise SettingsError(f"A video does not start at {start_s:g} s; choose 0 or more.")
    if not MIN_DURATION_S <= duration_s <= MAX_DURATION_S:
        raise SettingsError(
            f"No map is made of {duration_s:g} s; choose {MIN_DURATION_S:g} to {MAX_DURATION_S:g} s."
        )
    # Not enlarged: so the mean colours that are kept along with the regions are what POS reads.
    needs = ClipInput(N_REGIONS[regions], 1, 30.0, enlarge=1.0, regions=regions)
    view = _View()
    span_s = start_s, start_s + duration_s
    samples = sample_face(path, settings, needs, span_s=span_s, progress=progress, watch=view.see)
    fs_hz, stretch = _longest_stretch(samples, start_s)
    reading = _pulse_of(samples, stretch, settings)
    assert view.face is not None  # what is long enough for a map is longer than FACE_AFTER_S
    return VideoMap(
        regions=regions,
        values=_values(stretch, FORMS[regions], fs_hz),
        fs_hz=fs_hz,
        start_s=samples.start_s + stretch.first / fs_hz,
        left_out_s=max(0.0, float(samples.t_s[-1]) - (len(stretch) - 1) / fs_hz),
        face=view.face,
        heart_rate_bpm=reading.heart_rate_bpm,
        quality=reading.quality,
        reason=reading.reason,
    )


class _View:
    """Keeps a picture of the face out of the longest stretch in which it looks towards the camera.

    Attributes:
        face: The picture, ``(H, W, 3) uint8``; None before any stretch has lasted :data:`FACE_AFTER_S`.
    """

    def __init__(self) -> None:
        self.face: Uint8Array | None = None
        self._longest_s = 0.0
        self._start_s, self._last_s = -math.inf, -math.inf
        self._of_this: Uint8Array | None = None

    def see(self, sample: FaceSample) -> None:
        """Look at the next frame."""
        if sample.box is None or sample.regions is None or np.isnan(sample.regions[0, 0]):
            return
        t_s = sample.frame.t_s
        if t_s - self._last_s > MAX_GAP_S:
            self._start_s, self._of_this = t_s, None
        self._last_s = t_s
        if self._of_this is None and t_s - self._start_s >= FACE_AFTER_S:
            picture = aligned_face(sample.frame.rgb, sample.box, FACE_SCALE)
            self._of_this = None if picture is None else (picture + 0.5).astype(np.uint8)
        if self._of_this is not None and t_s - self._start_s > self._longest_s:
            self.face, self._longest_s = self._of_this, t_s - self._start_s


def _longest_stretch(samples: FaceSamples, start_s: float) -> tuple[float, Resampled]:
    """The video's frame rate, and its longest unbroken stretch of mean colours at that rate."""
    duration_s = float(samples.t_s[-1])
    if not samples.present.any():
        raise NoFaceError(
            f"No face that looks towards the camera was found in {duration_s:.1f} s of video; "
            "choose another part of it."
        )
    longest_s, found = 0.0, None
    if samples.fs_hz is not None and samples.crops is not None:
        pieces = to_uniform_grid(samples.t_s, samples.crops, samples.present, samples.fs_hz, MAX_GAP_S)
        found = max(pieces, key=len, default=None)
        longest_s = 0.0 if found is None else len(found) / samples.fs_hz
        if found is not None and (len(found) + 1) / samples.fs_hz >= MIN_DURATION_S:
            return samples.fs_hz, found
    if duration_s < MIN_DURATION_S:
        there = f"From {start_s:g} s on, the video" if start_s else "The video"
        raise TooShortError(f"{there} lasts {duration_s:.2f} s; a map takes at least {MIN_DURATION_S:g} s.")
    raise TooShortError(
        f"The longest unbroken stretch in which a face looks towards the camera has {longest_s:.2f} s; "
        f"a map takes at least {MIN_DURATION_S:g} s."
    )


def _values(stretch: Resampled, form: MapForm, fs_hz: float) -> Float32Array:
    """The map ``(C, rows, T)`` of mean colours."""
    clip = torch.from_numpy(stretch[:])[None].permute(0, 4, 1, 2, 3)
    values: Float32Array = rows_by_frames(SpatioTemporalMap(form, fs_hz)(clip))[0].numpy()
    return values


def _pulse_of(samples: FaceSamples, stretch: Resampled, settings: EstimateSettings) -> Reading:
    """What POS reads off the face in a stretch."""
    part = slice(int(stretch.before[0]), int(stretch.after[-1]) + 1)
    t_s = samples.t_s[part]
    shown = replace(samples, t_s=t_s - t_s[0], colours=samples.colours[part], crops=None)
    return read_samples(shown, WITNESS, settings)
