"""Whole simulated recordings: a person before a camera, with the reference pulse, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from rfacenet.errors import SettingsError
from rfacenet.simulation.camera import frame_times, quantised
from rfacenet.simulation.difficulty import Difficulty, DifficultyName
from rfacenet.simulation.draws import Bounds, Draws, seed_of
from rfacenet.simulation.framing import WEBCAM_HALF_HEIGHT, box_within, draw_webcam_view
from rfacenet.simulation.identity import identity_draws, skin_type_of
from rfacenet.simulation.scene import View
from rfacenet.simulation.take import Setting, Subject, Take, draw_take
from rfacenet.types import FaceBox, Float64Array, Frame

_BLOCK = 4  # frames rendered together: few enough to stay near the processor's cache
_REFERENCE_HZ = 60.0


@dataclass(frozen=True, slots=True)
class SimulatedRecording:
    """A simulated recording; frames are rendered as they are asked for.

    Attributes:
        frame_times_s: Capture times of the frames, ``(T,)``.
        width_px: Width of the frames.
        height_px: Height of the frames.
        pulse_t_s: Times of the reference pulse, 60 Hz, ``(N,)``.
        pulse: Reference pulse: blood volume, systole upwards, ``(N,)``; zeros if there is no pulse.
        heart_rate_bpm: Mean heart rate over the recording, exact; None if there is no pulse.
        identity: Number of the person.
        skin_type: Fitzpatrick type, 1 to 6.
        seed: What it was drawn from.
    """

    frame_times_s: Float64Array
    width_px: int
    height_px: int
    pulse_t_s: Float64Array
    pulse: Float64Array
    heart_rate_bpm: float | None
    identity: int
    skin_type: int
    seed: int
    _take: Take = field(repr=False)

    def bvp_at(self, t_s: Float64Array) -> Float64Array:
        """The reference pulse at any times ``(T,)``, as exact as at its own."""
        has_pulse = self.heart_rate_bpm is not None
        return _wave(self._take, t_s) * float(has_pulse)

    def box_of(self, part: View) -> FaceBox:
        """Where a part of the scene, such as a crop about the face at rest, lies in the frames."""
        return box_within(part, self._take.scene.view, (self.height_px, self.width_px))

    def frames(self) -> Iterator[Frame]:
        """The frames from the first to the last, in constant memory; each call starts again."""
        noise = torch.Generator().manual_seed(seed_of("noise", self.seed))
        for times in np.split(self.frame_times_s, range(_BLOCK, len(self.frame_times_s), _BLOCK)):
            t_s = torch.tensor(times, dtype=torch.float32)[None]
            with torch.inference_mode():
                block = quantised(self._take.render(t_s, noise))[0].permute(0, 2, 3, 1).contiguous().numpy()
            for time, rgb in zip(times, block, strict=True):
                yield Frame(t_s=float(time), rgb=rgb)


def render_recording(
    *,
    seed: int,
    duration_s: float,
    fs_hz: float = 30.0,
    width_px: int = 640,
    height_px: int = 480,
    heart_rate_bpm: float | None = None,
    difficulty: Difficulty | DifficultyName = "standard",
    identity: int | None = None,
    half_height: Bounds = WEBCAM_HALF_HEIGHT,
    subject: Subject = "person",
) -> SimulatedRecording:
    """Simulate a recording of one person. It is not compressed: that is for whoever writes it to a file.

    Args:
        seed: Same seed, same recording.
        duration_s: Length.
        fs_hz: Mean frame rate.
        width_px: Frame width.
        height_px: Frame height.
        heart_rate_bpm: Mean heart rate, kept exactly; drawn from the difficulty if None.
        difficulty: A preset's name or a difficulty of one's own.
        identity: Number of the person; drawn if None.
        half_height: How near the person is: half of what the frame's height shows, in face units.
        subject: Who or what the camera is held on.

    Raises:
        SettingsError: A length, rate or size is not positive.
    """
    if min(duration_s, fs_hz, width_px, height_px) <= 0 or (
        heart_rate_bpm is not None and heart_rate_bpm <= 0
    ):
        raise SettingsError("duration, frame rate, heart rate and size of a recording must be positive")
    level = difficulty if isinstance(difficulty, Difficulty) else Difficulty.named(difficulty)
    number = seed_of("person", seed) % 10_000 if identity is None else identity
    draws = Draws([seed_of("recording", seed)])
    rate = draws.within(level.heart_rate_bpm)
    if heart_rate_bpm is not None:
        rate = torch.full_like(rate, heart_rate_bpm)
    setting = Setting(
        numbers=(number,),
        heart_rate_bpm=rate,
        duration_s=torch.tensor([duration_s]),
        view=draw_webcam_view(draws, width_px / height_px, half_height),
        size_px=(height_px, width_px),
        subject=subject,
    )
    take = draw_take(draws, identity_draws([number]), setting, level)
    times = frame_times(draws, round(duration_s * fs_hz), torch.tensor([fs_hz]), level)[0].double().numpy()
    pulse_t_s = np.arange(round(duration_s * _REFERENCE_HZ)) / _REFERENCE_HZ
    return SimulatedRecording(
        frame_times_s=times,
        width_px=width_px,
        height_px=height_px,
        pulse_t_s=pulse_t_s,
        pulse=_wave(take, pulse_t_s) * float(setting.has_pulse),
        heart_rate_bpm=float(rate) if setting.has_pulse else None,
        identity=number,
        skin_type=skin_type_of(number),
        seed=seed,
        _take=take,
    )


def _wave(take: Take, t_s: Float64Array) -> Float64Array:
    return take.pulse.at(torch.tensor(t_s, dtype=torch.float32)[None])[0].numpy().astype(np.float64)
