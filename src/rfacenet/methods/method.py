"""The interface that every method shares, classical or neural."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rfacenet.types import Float64Array, RegionSet

GLOBAL_WINDOW_S = 30.0
"""Window of the methods that fit one projection to all that they see. Source: Poh et al. 2010, Section 2."""


@dataclass(frozen=True, slots=True)
class TraceInput:
    """The method reads the mean colour of the face in each frame: ``(T, 3) float64`` RGB, 0 to 255.

    Attributes:
        needs_colour: Whether equal channels (a grey-scale video) leave it nothing to work with.
        enlarge: Factor by which the detected face box is enlarged before it is read. Here 1, since on
            simulated recordings the field's 1.5 let hair and background in and cost POS three times the
            error (``docs/accuracy.md``); networks, which choose their pixels themselves, get the 1.5.
    """

    needs_colour: bool = True
    enlarge: float = 1.0

    @property
    def summary(self) -> str:
        """A few words for lists of methods."""
        return "mean RGB"


@dataclass(frozen=True, slots=True)
class ClipInput:
    """The method sees the face itself: crops ``(T, H, W, 3)`` RGB, 0 to 255, at a rate of its own.

    Attributes:
        height_px: Height of a crop; of mean colours of regions, how many there are.
        width_px: Width of a crop; of mean colours of regions, 1.
        fs_hz: Frames per second.
        needs_colour: Whether a grey-scale video leaves it nothing to work with.
        enlarge: Factor by which the detected face box is enlarged. Source: rPPG-Toolbox's 1.5, which
            rFaceNet's cross-dataset setting (Section 4.2) takes over.
        regions: Regions of the face whose mean colours the method sees instead of pixels,
            ``(T, R, 1, 3)``; None for crops.
        least_s: Shortest stretch that the method reads, where that is more than a heart rate takes anyway.
        step_s: Time between the starts of two of the windows that it sees, seconds. Where a stretch begins a
            whole number of steps later than another, it has the same windows and need not be read anew.
    """

    height_px: int
    width_px: int
    fs_hz: float
    needs_colour: bool = True
    enlarge: float = 1.5
    regions: RegionSet | None = None
    least_s: float = 0.0
    step_s: float = 0.0

    @property
    def summary(self) -> str:
        """A few words for lists of methods."""
        if self.regions is not None:
            return f"{self.height_px} {self.regions}, {self.fs_hz:g} Hz"
        return f"{self.height_px}×{self.width_px} px, {self.fs_hz:g} Hz"


@dataclass(frozen=True, slots=True)
class Method:
    """A way to get a pulse wave out of a face, or its heart rate alone.

    Attributes:
        name: What users call it: lower case.
        kind: Whether it was written down or learned.
        input: What of the face it reads.
        source: The paper that it comes from.
        extract: ``(input of one unbroken stretch, fs_hz) -> (T,)`` raw pulse wave of any scale, more blood
            upwards. A trace comes as an array; a clip as something that can be sliced to arrays, since a
            long video's would not fit into memory. Must not fail or return NaN on a constant input: all
            zeros say "no pulse". A method that gives no wave returns its heart rate at each sample, beats
            per minute.
        gives_rate: Whether that is a heart rate and not a wave.
        recreation: Whether not all of its paper is known.
        training: What its weights were trained on; None for what was not learned.
    """

    name: str
    kind: Literal["classical", "neural"]
    input: TraceInput | ClipInput
    source: str
    extract: Callable[[Any, float], Float64Array]
    gives_rate: bool = False
    recreation: bool = False
    training: str | None = None

    @property
    def measures_crops(self) -> bool:
        """Whether pictures of the face alone are enough: regions are looked for in whole pictures."""
        return not (isinstance(self.input, ClipInput) and self.input.regions)


def ratio(numerator: Float64Array, denominator: Float64Array) -> Float64Array:
    """``numerator / denominator``, and zero where the denominator is nothing but rounding noise."""
    usable = denominator > 1e-7  # relative colours; a real camera's noise is a thousand times that
    return np.where(usable, numerator / np.where(usable, denominator, 1.0), 0.0)
