"""What a caller can choose about an estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from rfacenet.errors import SettingsError
from rfacenet.signal.quality import MIN_QUALITY
from rfacenet.types import FaceChoice

FACE_METHOD, REGION_METHOD = "rfacenet", "pos"
"""What is taken where no method is asked for: the networks were trained on faces, and on nothing else."""


@dataclass(frozen=True, slots=True)
class EstimateSettings:
    """Settings of an estimate.

    Attributes:
        method: Name of the method; None for :data:`FACE_METHOD` on faces, :data:`REGION_METHOD` elsewhere.
        window_s: Length of the rolling windows, seconds.
        step_s: Time from one window to the next, seconds.
        region: Where the skin is: the tracked ``"face"``, the whole ``"frame"``, or a box
            ``(x, y, width, height)`` in pixels of the upright frame.
        face: Which of several faces to follow.
        enlarge: Factor by which the face box is enlarged about its centre; None for the method's own.
        fps: Frames per second of an image sequence whose file names carry no times.
        min_quality: Rates of less quality are not answered; 0 answers always.
    """

    method: str | None = None
    window_s: float = 10.0
    step_s: float = 1.0
    region: Literal["face", "frame"] | tuple[int, int, int, int] = "face"
    face: FaceChoice = "largest"
    enlarge: float | None = None
    fps: float | None = None
    min_quality: float = MIN_QUALITY

    @property
    def method_name(self) -> str:
        """Name of the method, asked for or not."""
        return self.method or (FACE_METHOD if self.region == "face" else REGION_METHOD)

    def __post_init__(self) -> None:
        if not 4 <= self.window_s < math.inf:
            raise SettingsError(f"A window of {self.window_s:g} s cannot be; choose at least 4 s.")
        if not 0 < self.step_s < math.inf:
            raise SettingsError(f"A step of {self.step_s:g} s leads nowhere; choose more than 0 s.")
        if self.enlarge is not None and not 0.2 <= self.enlarge <= 4:
            raise SettingsError(f"A face box enlarged ×{self.enlarge:g} is no face; choose 0.2 to 4.")
        if not 0 <= self.min_quality <= 1:
            raise SettingsError(f"A quality of {self.min_quality:g} does not exist; choose 0 to 1.")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise SettingsError(f"{self.fps:g} frames per second cannot be; choose up to 1000.")
        if self.face not in get_args(FaceChoice):
            raise SettingsError(f"There is no face '{self.face}'; choose {', '.join(get_args(FaceChoice))}.")
        is_box = isinstance(self.region, tuple) and len(self.region) == 4 and min(self.region[2:]) > 0
        if self.region not in ("face", "frame") and not is_box:
            raise SettingsError(
                f"{self.region!r} is no region; choose 'face', 'frame' or (x, y, width, height)."
            )
