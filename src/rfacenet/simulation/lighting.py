"""Light: where it comes from, its colour, and how it changes, slowly and inside the pulse band."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rfacenet.simulation.courses import Sinusoids, band_noise, join
from rfacenet.simulation.difficulty import Difficulty
from rfacenet.simulation.draws import Draws
from rfacenet.simulation.motion import Pose

_DRIFT_HZ = (0.02, 0.3)
_PULSE_BAND_HZ = (0.6, 3.5)


@dataclass(frozen=True, slots=True)
class Light:
    """The light on a batch of scenes.

    Several lamps add up: to first order their diffuse light equals a uniform part and one direction.

    Attributes:
        uniform: Share that comes from everywhere, ``(B,)``.
        direction: Towards the main light, x right, y down, z towards the camera, unit length, ``(B, 3)``.
        strength: Strength of the directed part, ``(B,)``.
        sheen: Strength of the specular reflection, ``(B,)``.
        intensity: Relative change in time of all light.
        tilt_x: Change in time of the gradient across the scene.
        tilt_y: Change in time of the gradient down the scene.
        nearness: Relative change of light per face unit that the head moves, ``(B, 2)``.
        color: Colour of the light, ``(B, 3)``, green 1.
        color_change: One course a channel, relative.
    """

    uniform: Tensor
    direction: Tensor
    strength: Tensor
    sheen: Tensor
    intensity: Sinusoids
    tilt_x: Sinusoids
    tilt_y: Sinusoids
    nearness: Tensor
    color: Tensor
    color_change: tuple[Sinusoids, Sinusoids, Sinusoids]

    def on_person(self, t_s: Tensor, pose: Pose) -> Tensor:
        """Weights ``(B, T, 6)`` of the maps 1, normal x, y, z, plane x, y, whose sum is the diffuse light."""
        level = 1 + self.intensity.at(t_s)
        level = level + self.nearness[:, :1] * pose.x + self.nearness[:, 1:] * pose.y
        x, y, z = (self.strength[:, None] * self.direction).unsqueeze(2).unbind(1)
        # The head turns, the lamp stays: seen from the head, the lamp turns the other way.
        toward = (
            x - pose.yaw * z + pose.roll * y,
            y - pose.pitch * z - pose.roll * x,
            z + pose.yaw * x + pose.pitch * y,
        )
        uniform = self.uniform[:, None].expand_as(level)
        tilts = (self.tilt_x.at(t_s), self.tilt_y.at(t_s))
        return level[:, :, None] * torch.stack([uniform, *toward, *tilts], 2)

    def on_room(self, t_s: Tensor) -> Tensor:
        """Weights ``(B, T, 3)`` of the maps 1, plane x, y, whose sum is the light on the background."""
        level = (1 + self.intensity.at(t_s)) * (self.uniform + 0.5 * self.strength)[:, None]
        return torch.stack([level, self.tilt_x.at(t_s), self.tilt_y.at(t_s)], 2)

    def color_at(self, t_s: Tensor) -> Tensor:
        """Colour of the light as the camera balances it, ``(B, T, 3)``."""
        change = torch.stack([course.at(t_s) for course in self.color_change], 2)
        return self.color[:, None] * (1 + change)

    def sheen_maps(self, normals: Tensor, gloss: Tensor) -> Tensor:
        """Specular reflection, and its change per radian of yaw and of pitch, ``(B, 3, H, W)``.

        Source: J. F. Blinn, "Models of light reflection for computer synthesized pictures", 1977.
        """
        power = 22.0
        half = self.direction + self.direction.new_tensor([0.0, 0.0, 1.0])
        half = (half / half.norm(dim=1, keepdim=True))[:, :, None, None]
        facing = (normals * half).sum(1, keepdim=True).clamp(min=0)
        strength = gloss * (self.sheen * self.strength)[:, None, None, None]
        yaw = normals[:, 2:] * half[:, :1] - normals[:, :1] * half[:, 2:]
        pitch = normals[:, 2:] * half[:, 1:2] - normals[:, 1:2] * half[:, 2:]
        slope = strength * power * facing ** (power - 1)
        return torch.cat([strength * facing**power, slope * yaw, slope * pitch], 1)


def draw_light(draws: Draws, difficulty: Difficulty) -> Light:
    """Draw the light of a batch of clips."""
    drift = draws.within(difficulty.light_drift)
    flickers = draws.chance(draws.within(difficulty.rhythmic_chance))
    in_band = flickers * draws.within(difficulty.light_in_band)
    sideways, height = draws.uniform(-0.75, 0.75), draws.uniform(-0.75, -0.05)
    direction = torch.stack([sideways, height, torch.full_like(height, 0.85)], 1)
    color_drift = draws.within(difficulty.color_drift)
    strength = draws.uniform(0.35, 0.75)
    warmth = draws.uniform(-0.05, 0.14)

    def tilt() -> Sinusoids:
        return join(
            band_noise(draws, _DRIFT_HZ, 0.5 * drift, 4),
            band_noise(draws, _PULSE_BAND_HZ, 0.4 * in_band, 2),
        )

    def color_course() -> Sinusoids:
        return join(
            band_noise(draws, (0.02, 0.25), color_drift, 4),
            band_noise(draws, _PULSE_BAND_HZ, 0.25 * in_band, 2),
        )

    return Light(
        uniform=1.05 - strength,
        direction=direction / direction.norm(dim=1, keepdim=True),
        strength=strength,
        sheen=draws.uniform(0.01, 0.08),
        intensity=join(band_noise(draws, _DRIFT_HZ, drift, 5), band_noise(draws, _PULSE_BAND_HZ, in_band, 3)),
        tilt_x=tilt(),
        tilt_y=tilt(),
        nearness=draws.uniform(-0.3, 0.3, 2),
        color=torch.stack([1 + warmth, torch.ones_like(warmth), 1 - warmth], 1),
        color_change=(color_course(), color_course(), color_course()),
    )
