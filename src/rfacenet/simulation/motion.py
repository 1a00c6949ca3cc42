"""How a head moves: sway, turning, rhythmic movement, talking, blinking."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rfacenet.simulation.courses import Rhythm, Sinusoids, band_noise, join
from rfacenet.simulation.difficulty import Difficulty
from rfacenet.simulation.draws import Draws

_SWAY_HZ = (0.03, 0.6)
_FIDGET_HZ = (0.6, 2.5)
_SYLLABLES_HZ = (2.0, 6.0)
_PHRASES_HZ = (0.1, 0.4)
_BLINK_S = 0.09  # from half closed to closed


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the head is, each ``(B, T)``; zero is straight and at rest.

    Attributes:
        x: Shift to the right, face units.
        y: Shift downwards, face units.
        zoom: Growth by coming nearer, relative.
        roll: Rotation in the picture's plane, clockwise, radians.
        yaw: Turn that moves the nose to the right, radians.
        pitch: Turn that moves the nose down, radians.
        jaw: Opening of the mouth, 0 to 1.
        blink: Closing of the eyes, 0 to 1.
    """

    x: Tensor
    y: Tensor
    zoom: Tensor
    roll: Tensor
    yaw: Tensor
    pitch: Tensor
    jaw: Tensor
    blink: Tensor


@dataclass(frozen=True, slots=True)
class Motion:
    """A batch of moving heads, each a function of time."""

    x: Sinusoids
    y: Sinusoids
    zoom: Sinusoids
    roll: Sinusoids
    yaw: Sinusoids
    pitch: Sinusoids
    syllables: Sinusoids
    phrases: Sinusoids
    talks: Tensor
    blinks: Rhythm

    def at(self, t_s: Tensor) -> Pose:
        """Poses at times ``(B, T)``."""
        speaking = torch.sigmoid(6 * self.phrases.at(t_s)) * self.talks[:, None]
        jaw = speaking * torch.sigmoid(2.5 * self.syllables.at(t_s) - 0.5)
        return Pose(
            x=self.x.at(t_s),
            y=self.y.at(t_s) + 0.01 * jaw,
            zoom=self.zoom.at(t_s),
            roll=self.roll.at(t_s),
            yaw=self.yaw.at(t_s),
            pitch=self.pitch.at(t_s) + 0.01 * jaw,
            jaw=jaw,
            blink=self._blink(t_s),
        )

    def _blink(self, t_s: Tensor) -> Tensor:
        phase = self.blinks.phase_at(t_s)
        distance_s = (phase - phase.round()) / self.blinks.rate_hz[:, None]
        return torch.exp(-((distance_s / _BLINK_S) ** 4))


def draw_motion(draws: Draws, difficulty: Difficulty, *, alive: bool = True) -> Motion:
    """Draw how a batch of heads moves; one that is not ``alive`` (a photo) neither talks nor blinks."""
    shift = draws.log_within(difficulty.shift)
    turn = draws.log_within(difficulty.turn_rad)
    beat = draws.chance(draws.within(difficulty.rhythmic_chance)) * draws.within(difficulty.rhythmic_shift)
    beat_hz = draws.uniform(0.7, 3.0, 1)
    beat_phase = draws.uniform(0.0, 2 * math.pi, 1)

    def rhythmic(size: float) -> Sinusoids:
        return Sinusoids((size * beat)[:, None], beat_hz, beat_phase + draws.uniform(-0.8, 0.8, 1))

    def sway(size: Tensor, rhythm: float) -> Sinusoids:
        return join(
            band_noise(draws, _SWAY_HZ, size, 6),
            band_noise(draws, _FIDGET_HZ, 0.2 * size, 4),
            rhythmic(rhythm),
        )

    vivid = float(alive)
    return Motion(
        x=sway(shift, 0.4),
        y=sway(0.8 * shift, 1.0),
        zoom=sway(0.4 * shift, 0.1),
        roll=sway(0.6 * turn, 0.2),
        yaw=sway(1.3 * turn, 0.3),
        pitch=sway(0.8 * turn, 0.6),
        syllables=band_noise(draws, _SYLLABLES_HZ, 1.0, 6),
        phrases=band_noise(draws, _PHRASES_HZ, 1.0, 4),
        talks=vivid * draws.chance(draws.within(difficulty.talking)),
        blinks=Rhythm(
            rate_hz=vivid * draws.uniform(0.15, 0.4) + 1e-6,
            wander_hz=band_noise(draws, (0.02, 0.1), 0.05 * vivid, 4),
            offset=draws.uniform(0.2, 0.8),
        ),
    )
