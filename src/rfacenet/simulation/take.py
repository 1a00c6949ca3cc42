"""One take: a person in a room, moving under a light before a camera; rendered at any times.

Source: W. Wang, A. C. den Brinker, S. Stuijk, G. de Haan, "Algorithmic principles of remote PPG", IEEE TBME
64(7), 2017, Eqs. 1 to 6: C(t) = I(t) · (v_s(t) + v_d(t)) + v_n(t). The light's intensity I multiplies a part
v_s that mirrors and has no pulse, and a part v_d that went through skin and has; v_n is the camera's noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from rfacenet.simulation.camera import Camera, draw_camera
from rfacenet.simulation.difficulty import Difficulty
from rfacenet.simulation.draws import Draws
from rfacenet.simulation.identity import draw_identity
from rfacenet.simulation.lighting import Light, draw_light
from rfacenet.simulation.motion import Motion, Pose, draw_motion
from rfacenet.simulation.pulse import Pulse, draw_pulse
from rfacenet.simulation.scene import PULSE_DELAYS_S, Scene, View, build_scene
from rfacenet.simulation.skin import draw_pulsatility, melanin_factor

_NECK_Y = 1.2  # the head rolls about this height


@dataclass(frozen=True, slots=True)
class Take:
    """A batch of takes.

    Attributes:
        scene: What does not change.
        pulse: The blood-volume wave.
        pulsation: Relative pulsation of the reflectance of R, G and B, standard deviation, ``(B, 3)``.
        motion: How the head moves.
        light: How the light changes.
        camera: How it is filmed.
        skin_type: Fitzpatrick types, 1 to 6, ``(B,)``.
    """

    scene: Scene
    pulse: Pulse
    pulsation: Tensor
    motion: Motion
    light: Light
    camera: Camera
    skin_type: Tensor

    def render(self, t_s: Tensor, noise: torch.Generator | None) -> Tensor:
        """Grey levels ``(B, T, 3, H, W)``, float, not yet rounded, at times ``(B, T)``; no noise if None."""
        pose = self.motion.at(t_s)
        light = self._light(t_s, pose)
        light *= (self.light.color_at(t_s) * self._gain()[:, None, None])[:, :, :, None, None]
        return self.camera.grey_levels(light, noise)

    def _light(self, t_s: Tensor, pose: Pose) -> Tensor:
        """Light that reaches the camera, ``(B, T, 3, H, W)``."""
        person = self._person(t_s, pose)
        cover = self.scene.cover[:, None].expand(-1, t_s.shape[1], -1, -1, -1)
        warped = _warp(torch.cat([person, cover], 2), self._grid(pose))
        room_light = _mix(self._position_maps(), self.light.on_room(t_s))
        room = self.scene.room[:, None] * room_light
        return torch.addcmul(warped[:, :, :3], 1 - warped[:, :, 3:], room)

    def _person(self, t_s: Tensor, pose: Pose) -> Tensor:
        """Light from the person at rest, times cover, ``(B, T, 3, H, W)``."""
        scene = self.scene
        still = torch.ones_like(pose.blink)
        expressions = torch.stack([still, pose.blink, pose.jaw], 2)
        reflectance = _mix(scene.reflectance.reshape(-1, 3, 3, *scene.reflectance.shape[2:]), expressions)
        shade = _mix(self._light_maps(), self.light.on_person(t_s, pose)).clamp_(min=0)
        turning = torch.stack([still, pose.yaw, pose.pitch], 2)
        sheen_maps = self.light.sheen_maps(scene.normals, scene.gloss) * scene.cover
        sheen = _mix(sheen_maps, turning).clamp_(min=0)
        # More blood takes more light: the reflectance falls as the wave rises.
        blood = _mix(scene.pulse, self._wave_taps(t_s)).mul_(shade)
        diffuse = shade - self.pulsation[:, None, :, None, None] * blood
        return diffuse.mul_(reflectance).add_(sheen)

    def _wave_taps(self, t_s: Tensor) -> Tensor:
        return torch.stack([self.pulse.at(t_s - delay) for delay in PULSE_DELAYS_S], 2)

    def _position_maps(self) -> Tensor:
        plane = self.scene.view.plane((self.scene.cover.shape[2], self.scene.cover.shape[3]))
        return torch.stack([torch.ones_like(plane.x), plane.x, plane.y], 1)

    def _light_maps(self) -> Tensor:
        position = self._position_maps()
        return torch.cat([position[:, :1], self.scene.normals, position[:, 1:]], 1) * self.scene.cover

    def _gain(self) -> Tensor:
        """The camera's gain for the face at rest, ``(B,)``."""
        scene = self.scene
        toward = (self.light.strength[:, None] * self.light.direction)[:, :, None, None]
        shade = self.light.uniform[:, None, None] + (scene.normals * toward).sum(1)
        level = scene.reflectance[:, :3].mean(1) * shade
        face = scene.face[:, 0]
        return self.camera.gain((level * face).sum((1, 2)) / face.sum((1, 2)).clamp(min=1e-6))

    def _grid(self, pose: Pose) -> Tensor:
        """Where each pixel of each frame comes from, ``(B, T, H, W, 2)`` in ``grid_sample``'s coordinates.

        First order in the movement: displacements are weighted sums of maps.
        """
        scene = self.scene
        position = self._position_maps()
        x, y = position[:, 1:2], position[:, 2:3]
        hold = scene.hold
        across = torch.cat([hold, hold * x, hold * (_NECK_Y - y), scene.depth], 1)
        down = torch.cat([hold, hold * y, hold * x, scene.depth, scene.jaw], 1)
        moved_x = _mix(across, torch.stack([pose.x, pose.zoom, pose.roll, pose.yaw], 2))
        moved_y = _mix(down, torch.stack([pose.y, pose.zoom, pose.roll, pose.pitch, 0.06 * pose.jaw], 2))
        moved = torch.stack([moved_x[:, :, 0], moved_y[:, :, 0]], 4)
        here = position[:, None, 1:].permute(0, 1, 3, 4, 2)
        center, half_size = (part[:, None, None, None] for part in (scene.view.center, scene.view.half_size))
        return (here - center - moved) / half_size


def _mix(maps: Tensor, courses: Tensor) -> Tensor:
    """Sum maps ``(B, K, H, W)`` or ``(B, K, C, H, W)`` with weights ``(B, T, K)``.

    Returns:
        ``(B, T, C, H, W)``, with one channel if the maps have none.
    """
    layered = maps if maps.ndim == 5 else maps[:, :, None]
    mixed = torch.bmm(courses, layered.flatten(2))
    return mixed.reshape(*courses.shape[:2], *layered.shape[2:])


def _warp(frames: Tensor, grid: Tensor) -> Tensor:
    warped = F.grid_sample(
        frames.flatten(0, 1), grid.flatten(0, 1), padding_mode="border", align_corners=False
    )
    return warped.reshape(*frames.shape)


Subject = Literal["person", "photo", "mannequin"]
"""Neither a photo that is moved about nor a mannequin has a pulse; the mannequin blinks and talks."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a caller fixes about a batch of takes.

    Attributes:
        numbers: Which identities.
        heart_rate_bpm: ``(B,)``.
        duration_s: Time over which that mean rate holds, ``(B,)``.
        view: What the picture shows.
        size_px: Height and width.
        subject: Who or what the camera is held on.
    """

    numbers: tuple[int, ...]
    heart_rate_bpm: Tensor
    duration_s: Tensor
    view: View
    size_px: tuple[int, int]
    subject: Subject = "person"

    @property
    def has_pulse(self) -> bool:
        """Whether skin pulsates."""
        return self.subject == "person"


def draw_take(
    draws: Draws, identity_draws: Draws, setting: Setting, difficulty: Difficulty, supersampling: int = 1
) -> Take:
    """Draw everything that a batch of takes needs."""
    person = draw_identity(identity_draws, setting.numbers)
    pulse = draw_pulse(
        draws, setting.heart_rate_bpm, setting.duration_s, draws.within(difficulty.variability)
    )
    strength = draws.log_within(difficulty.pulsation) * melanin_factor(person.skin_type)
    return Take(
        scene=build_scene(draws, person, identity_draws, setting.view, setting.size_px, supersampling),
        pulse=pulse,
        pulsation=float(setting.has_pulse) * strength[:, None] * draw_pulsatility(draws),
        motion=draw_motion(draws, difficulty, alive=setting.subject != "photo"),
        light=draw_light(draws, difficulty),
        camera=draw_camera(draws, difficulty),
        skin_type=person.skin_type,
    )
