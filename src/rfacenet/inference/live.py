"""Frames in as they come, a rolling estimate out: the live side of :func:`rfacenet.estimate`."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rfacenet.errors import SettingsError, TooShortError
from rfacenet.faces import (
    FaceSample,
    FaceTracker,
    TrackedFrame,
    face_tracker,
    mean_rgb,
    region_frames,
)
from rfacenet.inference.catalogue import get_method
from rfacenet.inference.estimator import estimate_samples
from rfacenet.inference.hints import NOTHING_YET, hint_of
from rfacenet.inference.neural import with_memory
from rfacenet.inference.reading import Reading, read_samples
from rfacenet.inference.sampling import FaceSamples, FaceView, chosen_region, face_picture
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import ClipInput
from rfacenet.types import Estimate, FaceBox, Float64Array, Frame, LiveEstimate, PulseWave, Uint8Array

COLOUR_CROP_PX = (72, 72)
"""Size of the crops for a method that reads colours: rounding them to whole levels costs 0.004 of one."""

LEAST_STEP_S = 0.0005
"""Frames that follow each other faster are left out: no camera is that fast, and it bounds the memory."""


class LiveEstimator:
    """Frames with their times in, a rolling estimate out.

    The rolling estimate is what :func:`rfacenet.estimate` says of the last ``window_s`` up to the newest
    frame: as much as the method needs, at least, and for a network up to half a window of its own more, so
    that with each frame only one window is new to it. The box of the last one or two seconds is not final,
    as the detections around them are still to come: until then the face is taken to be where it was seen
    last. :meth:`finish` uses the final boxes alone, and so gives the numbers of :func:`rfacenet.estimate` to
    the last bit.

    Memory is bounded by ``memory_s`` and not by the stream's length. Frames whose time does not lie after
    that of all before them are left out, and counted. Not for use by several threads at once:
    :class:`~rfacenet.inference.live_feed.LiveFeed` does that.

    Args:
        settings: All choices at once; the defaults where left out.
        memory_s: How much of the stream :meth:`finish` is about, seconds; older samples are forgotten.
        **changes: Single choices by name, such as ``method="chrom"``.

    Raises:
        UnknownMethodError: There is no such method.
        SettingsError: A choice has a value that cannot work.

    Example:
        >>> import rfacenet
        >>> live = rfacenet.LiveEstimator(method="pos")
        >>> for frame in camera:  # doctest: +SKIP
        ...     live.add_frame(frame)
        ...     print(live.estimate().heart_rate_bpm)
    """

    def __init__(
        self, settings: EstimateSettings | None = None, *, memory_s: float = 30.0, **changes: object
    ) -> None:
        self.settings = replace(settings or EstimateSettings(), **changes)  # type: ignore[arg-type]
        self.method = get_method(self.settings.method_name)
        needs = self.method.input
        self._least_s = needs.least_s if isinstance(needs, ClipInput) else 0.0
        self._window_s = max(self.settings.window_s, self._least_s)
        if not self._window_s <= memory_s < math.inf:
            raise SettingsError(
                f"A memory of {memory_s:g} s does not hold a window of {self._window_s:g} s; "
                "choose as much or more."
            )
        self.memory_s = memory_s
        self._reading_method = with_memory(self.method)
        self._view = FaceView.of(self.settings, self.method.input)
        self._samples: deque[_Sample] = deque()
        self._tracker: FaceTracker | None = None
        self._guesses: list[_Sample] = []
        self._guessed_at = 0
        self._size_px: tuple[int, int] | None = None
        self._region: FaceBox | None = None
        self._face: FaceBox | None = None
        self._picture: Uint8Array | None = None
        self._first_t_s: float | None = None
        self._last_t_s = -math.inf
        self._dropped_frames = 0
        self._estimate: LiveEstimate | None = None
        self._finished: Estimate | None = None

    @property
    def crop_px(self) -> tuple[int, int]:
        """Height and width of the crops that :meth:`add_crop` takes."""
        return self._view.crop_px or COLOUR_CROP_PX

    @property
    def enlarge(self) -> float:
        """By how much the face box is enlarged about its centre before it is cut out."""
        return self._view.enlarge

    def add_frame(self, frame: Frame) -> None:
        """Add a whole picture; the face is found and followed here.

        Args:
            frame: The picture and its time. Longer sides than
                :data:`~rfacenet.faces.MAX_SIDE_PX` only cost time and memory.

        Raises:
            SettingsError: It is no RGB picture, or the region that was chosen lies outside it.
        """
        _check_picture(frame.rgb)
        height_px, width_px, _ = frame.rgb.shape
        region = chosen_region(self.settings, width_px, height_px)
        if not self._takes(frame.t_s):
            return
        if self._size_px != (height_px, width_px):
            self._settle()  # a camera that was turned: boxes of two sizes have nothing between them
            self._size_px, self._region = (height_px, width_px), region
            if self.settings.region == "face":
                self._tracker = face_tracker(width_px, height_px, self.settings.face)
        if self._tracker is not None:
            self._keep(self._sampled(self._tracker.push(frame)))
        else:
            self._keep(self._sampled(region_frames([frame], self._region)))

    def add_crop(self, crop: Uint8Array, t_s: float) -> None:
        """Add a face that was cut out elsewhere, from its box enlarged by :attr:`enlarge`.

        Args:
            crop: Its pixels, ``(*crop_px, 3) uint8`` RGB.
            t_s: Their time.

        Raises:
            SettingsError: The crop has another size, or the method does not work on crops.
        """
        _check_picture(crop)
        if not self.method.measures_crops:
            raise SettingsError(
                f"'{self.method.name}' reads regions of the face, whose landmarks are looked for in whole "
                "pictures; give it those (add_frame), or choose another method."
            )
        if crop.shape[:2] != self.crop_px:
            wanted, given = (f"{height} × {width}" for height, width in (self.crop_px, crop.shape[:2]))
            raise SettingsError(f"'{self.method.name}' takes crops of {wanted} pixels, not {given}.")
        if not self._takes(t_s):
            return
        self._settle()
        keeps_pixels = self._view.shape is not None
        height_px, width_px = map(float, self.crop_px)
        whole = FaceBox(0.0, 0.0, width_px, height_px)
        # As of a whole picture: with crops for a network, the colour is that of the face box itself.
        skin = whole.scaled(1 / self.enlarge) if keeps_pixels else whole
        self._remember(_Sample(t_s, mean_rgb(crop, skin), crop.copy() if keeps_pixels else None))
        if self._picture is None:
            self._picture = crop.copy()

    def add_nothing(self, t_s: float) -> None:
        """Say that at this time there was no face in the picture."""
        if not self._takes(t_s):
            return
        self._settle()
        self._remember(_Sample(t_s, np.full(3, np.nan), self._view.nothing()))

    def count_dropped(self, n_frames: int = 1) -> None:
        """Count frames that never got here, because there was no time for them."""
        self._dropped_frames += n_frames

    def estimate(self) -> LiveEstimate:
        """The estimate of what came so far; costs nothing where nothing new has come."""
        if self._estimate is None:
            self._estimate = self._rolling_estimate()
        if self._estimate.dropped_frames != self._dropped_frames:
            self._estimate = replace(self._estimate, dropped_frames=self._dropped_frames)
        return self._estimate

    def finish(self, name: str = "live") -> Estimate:
        """End the stream: the estimate of everything that is remembered, as of a video.

        Args:
            name: What the estimate calls its video.

        Raises:
            SettingsError: No frame has come.
        """
        if self._finished is None:
            self._settle()
            if not self._samples:
                raise SettingsError("The stream ended before its first frame; add frames before the end.")
            samples = _gathered(self._samples, self._samples[0].t_s)
            samples = replace(samples, picture=self._picture)
            self._finished = estimate_samples(name, samples, self.method, self.settings)
            if self._dropped_frames:
                note = f"{self._dropped_frames} frame(s) came late, or faster than they could be read."
                self._finished = replace(self._finished, notes=(*self._finished.notes, note))
        return replace(self._finished, video=name)

    def _takes(self, t_s: float) -> bool:
        """Whether a frame of this time has a place; it is counted where not."""
        if self._finished is not None:
            raise RuntimeError("the stream was finished already: make another LiveEstimator for another one")
        if not (math.isfinite(t_s) and t_s - self._last_t_s >= LEAST_STEP_S):
            self._dropped_frames += 1
            return False
        self._first_t_s = t_s if self._first_t_s is None else self._first_t_s
        self._last_t_s = t_s
        self._estimate = None
        return True

    def _settle(self) -> None:
        """Take the frames that wait for a detection as they are; whatever comes next is no part of them."""
        if self._tracker is not None:
            self._keep(self._sampled(self._tracker.finish()))
        self._tracker, self._size_px, self._face = None, None, None
        self._guesses, self._guessed_at = [], 0

    def _sampled(self, tracked: Iterable[TrackedFrame]) -> Iterator[FaceSample]:
        return self._view.samples(tracked)

    def _keep(self, samples: Iterator[FaceSample]) -> None:
        for sample in samples:
            if self._picture is None and sample.box is not None:
                self._picture = face_picture(sample.frame.rgb, sample.box)
            self._remember(self._sample_of(sample))

    def _sample_of(self, sample: FaceSample) -> _Sample:
        self._face = None if sample.box is None else sample.box.scaled(1 / self.enlarge)
        return _Sample(sample.frame.t_s, *self._view.seen(sample))

    def _remember(self, sample: _Sample) -> None:
        self._samples.append(sample)
        while self._samples and self._samples[0].t_s < self._last_t_s - self.memory_s:
            self._samples.popleft()

    def _waiting(self) -> list[_Sample]:
        """Samples of the frames whose final box is not known yet, with the box that is likely."""
        if self._tracker is None:
            return []
        if self._guessed_at != self._tracker.detections:
            self._guesses, self._guessed_at = [], self._tracker.detections
        new_frames = islice(self._tracker.expected(), len(self._guesses), None)
        self._guesses += [self._sample_of(sample) for sample in self._sampled(new_frames)]
        return self._guesses

    def _rolling_estimate(self) -> LiveEstimate:
        samples = [*self._samples, *self._waiting()]
        if not samples:
            nothing = PulseWave(0.0, np.empty(0))
            return LiveEstimate(0.0, None, 0.0, nothing, 0.0, NOTHING_YET, None, None, self._dropped_frames)
        origin_s = self._window_start_s(samples)
        # A sample before the origin, so that the grid starts right there.
        first = max(0, bisect_right(samples, origin_s + 1e-6, key=lambda sample: sample.t_s) - 1)
        window = _gathered(samples[first:], origin_s)
        try:
            reading = read_samples(window, self._reading_method, self.settings)
        except TooShortError as error:  # a network that takes longer clips than a rate does
            reading = Reading(PulseWave(0.0, np.empty(0)), reason=str(error))
        return LiveEstimate(
            t_s=samples[-1].t_s,
            heart_rate_bpm=reading.heart_rate_bpm,
            quality=reading.quality,
            bvp=reading.bvp,
            start_s=origin_s,
            hint=hint_of(window, reading, self._window_s, self._least_s),
            face=self._face,
            fs_hz=window.fs_hz,
            dropped_frames=self._dropped_frames,
        )

    def _window_start_s(self, samples: Sequence[_Sample]) -> float:
        """Where the rolling window begins: as long ago as it is long, but not before the first sample.

        For a network, a whole number of its steps after the stream's first sample, so that its windows are
        those of the estimates before.
        """
        first_s, start_s = samples[0].t_s, samples[-1].t_s - self._window_s
        step_s = self.method.input.step_s if isinstance(self.method.input, ClipInput) else 0.0
        if start_s <= first_s:
            return first_s
        if not step_s or self._first_t_s is None:
            return next(sample.t_s for sample in samples if sample.t_s >= start_s - 1e-6)
        return max(first_s, self._first_t_s + step_s * math.floor((start_s - self._first_t_s) / step_s))


class _Sample(NamedTuple):
    """What is kept of one frame: its time, the face's mean colour, and its crop or regions for a network."""

    t_s: float
    colour: Float64Array
    pixels: NDArray[Any] | None


def _gathered(samples: Iterable[_Sample], origin_s: float) -> FaceSamples:
    """The samples as those of a video that begins at ``origin_s``."""
    t_s, colours, pixels = zip(*samples, strict=True)
    return FaceSamples(
        np.array(t_s) - origin_s, np.array(colours), None if pixels[0] is None else np.stack(pixels)
    )


def _check_picture(rgb: Uint8Array) -> None:
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise SettingsError(
            f"A picture of shape {rgb.shape} and type {rgb.dtype} cannot be read; give RGB pixels as "
            "(height, width, 3) uint8."
        )
