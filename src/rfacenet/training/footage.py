"""Real faces to lay a pulse into: the user's videos, read and tracked once."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rfacenet.errors import RfacenetError, SettingsError, VideoError
from rfacenet.inference.reading import MAX_GAP_S
from rfacenet.inference.sampling import sample_face
from rfacenet.inference.settings import EstimateSettings
from rfacenet.methods import ClipInput
from rfacenet.models import InputSpec
from rfacenet.signal.resample import Resampled, to_uniform_grid
from rfacenet.simulation.framing import BOX_ASPECT, face_box
from rfacenet.types import Uint8Array
from rfacenet.video import find_videos

KEPT_ENLARGE = 2.6
"""What is kept about a face box: all that any crop drawn about it takes."""

KEPT_VIEW = face_box(KEPT_ENLARGE)
"""The same as a part of a simulated scene."""

_TYPICAL_CROP = 1.5
_LEAST_HEIGHT_PX = 120  # a codec works in blocks of 16
_REASONS_SHOWN = 3


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """The face in one video.

    Attributes:
        name: The video's path.
        stretches: The face box enlarged by ``KEPT_ENLARGE``, RGB, on a uniform grid of the network's frame
            rate; each at least as long as a clip.
    """

    name: str
    stretches: Sequence[Resampled]

    def clip(self, chooser: random.Random, n_frames: int) -> Uint8Array:
        """A random ``n_frames`` of it, any as likely as any other, ``(n_frames, H, W, 3)``."""
        choices = [len(stretch) - n_frames + 1 for stretch in self.stretches]
        stretch = chooser.choices(self.stretches, choices)[0]
        start = chooser.randrange(len(stretch) - n_frames + 1)
        return (stretch[start : start + n_frames] + 0.5).astype(np.uint8)


def read_footage(path: str, spec: InputSpec) -> list[Footage]:
    """Read videos and keep their faces in memory: at 120 pixels' height, a minute takes 57 MB.

    Args:
        path: Folder, file or pattern.
        spec: Length, size and frame rate of the clips to be cut; faces are kept large enough for them.

    Returns:
        The videos, sorted by name.

    Raises:
        SettingsError: There is no video, or one cannot be read, shows no face, has no colour, or is too
            short.
    """
    try:
        videos = find_videos(path)
    except VideoError as error:
        raise SettingsError(f"simulation.footage cannot be used: {error}") from error
    height_px = max(_LEAST_HEIGHT_PX, math.ceil(max(spec.height, spec.width) * KEPT_ENLARGE / _TYPICAL_CROP))
    needs = ClipInput(height_px, round(height_px * BOX_ASPECT), fs_hz=math.nan, enlarge=KEPT_ENLARGE)
    footage, reasons = [], []
    for video in videos:
        try:
            footage.append(_read(str(video), needs, spec))
        except RfacenetError as error:
            reasons.append(str(error))
    if reasons:
        raise SettingsError(
            f"{len(reasons)} of {len(videos)} videos of simulation.footage '{path}' cannot be used; take "
            f"them out: {' '.join(reasons[:_REASONS_SHOWN])}"
        )
    return footage


def _read(video: str, needs: ClipInput, spec: InputSpec) -> Footage:
    samples = sample_face(video, EstimateSettings(), needs)
    assert samples.crops is not None
    if not samples.present.any():
        raise SettingsError(f"'{video}' shows no face.")
    if samples.is_grey:
        raise SettingsError(f"'{video}' is grey-scale: there is no skin colour to lay a pulse into.")
    stretches = to_uniform_grid(samples.t_s, np.array(samples.crops), samples.present, spec.fs_hz, MAX_GAP_S)
    long_enough = [stretch for stretch in stretches if len(stretch) >= spec.frames]
    if not long_enough:
        raise SettingsError(
            f"'{video}' shows no face for {spec.frames / spec.fs_hz:.1f} s on end, which a clip takes."
        )
    return Footage(video, long_enough)
