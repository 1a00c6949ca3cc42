"""A scene: everything about a person in a room that does not change with time, as maps on a pixel grid.

What changes with time is, at each pixel, a sum of a few maps with a course in time each (light falls on
normals, blood arrives early or late, eyes close). So a clip is a few matrix products, a warp and the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from rfacenet.simulation.apparel import (
    draw_room,
    paint_back_hair,
    paint_front_hair,
    paint_glasses,
    paint_scarf,
    paint_torso,
)
from rfacenet.simulation.draws import Draws
from rfacenet.simulation.face import (
    Textures,
    draw_textures,
    head_distance,
    paint_closed_eyes,
    paint_head,
    paint_open_mouth,
    relief,
)
from rfacenet.simulation.identity import Identity
from rfacenet.simulation.painting import Painting, Plane, shrink, smooth_step

# Blood reaches the parts of a face up to some tens of milliseconds apart.
PULSE_DELAYS_S = (0.0, 0.025, 0.05)


@dataclass(frozen=True, slots=True)
class View:
    """The part of the plane that a picture shows.

    Attributes:
        center: Face coordinates of the middle of the picture, ``(B, 2)``, x then y.
        half_size: Face units from the middle to the right and to the lower edge, ``(B, 2)``.
    """

    center: Tensor
    half_size: Tensor

    def plane(self, size_px: tuple[int, int]) -> Plane:
        """Face coordinates of the centres of the pixels of a picture of ``size_px`` (height, width)."""
        height, width = size_px
        device = self.center.device
        x = (torch.arange(width, device=device) + 0.5) * 2 / width - 1
        y = (torch.arange(height, device=device) + 0.5) * 2 / height - 1
        center, half = self.center[:, :, None, None], self.half_size[:, :, None, None]
        return Plane(
            x=(center[:, 0] + half[:, 0] * x).expand(-1, height, -1),
            y=(center[:, 1] + half[:, 1] * y[:, None]).expand(-1, -1, width),
            pixel=(half[:, 0] * 2 / width).maximum(half[:, 1] * 2 / height),
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """The maps of a batch of scenes, each ``(B, channels, H, W)``.

    Attributes:
        view: What the picture shows.
        cover: Where the person covers the room, 1 channel.
        reflectance: Person at rest, and what closing the eyes and opening the mouth add to it, 9 channels.
        normals: x, y, z of the surface normals, 3 channels.
        gloss: Strength of the specular reflection, 1 channel.
        pulse: Local strength of the pulse at each of ``PULSE_DELAYS_S``, mean strength of skin about 1.
        depth: How far the head's surface stands out towards the camera, for turning it, 1 channel.
        hold: How far a part goes along with the head: 1 on the head, little at the shoulders, 1 channel.
        jaw: How far a part goes along with the chin when the mouth opens, 1 channel.
        room: Reflectance of the background, 3 channels.
        face: Share of visible facial skin, 1 channel.
    """

    view: View
    cover: Tensor
    reflectance: Tensor
    normals: Tensor
    gloss: Tensor
    pulse: Tensor
    depth: Tensor
    hold: Tensor
    jaw: Tensor
    room: Tensor
    face: Tensor


def build_scene(
    draws: Draws,
    person: Identity,
    textures_of: Draws,
    view: View,
    size_px: tuple[int, int],
    supersampling: int,
) -> Scene:
    """Paint a batch of scenes.

    Args:
        draws: Random numbers of the clips: room, distribution of the pulse.
        person: Who is in them.
        textures_of: Random numbers of the identities, for their skin and hair.
        view: What the picture shows.
        size_px: Height and width.
        supersampling: Painted this many times larger, then averaged.
    """
    large = (size_px[0] * supersampling, size_px[1] * supersampling)
    plane = view.plane(large)
    textures = draw_textures(textures_of, large)
    room = draw_room(draws, plane)
    rest, reflectance, cover = _paint_person(person, plane, textures, room)
    face = rest.skin * plane.fill(head_distance(person, plane))
    depth, hold, jaw = _displacements(person, plane)
    maps = {
        "cover": cover[:, None],
        "reflectance": reflectance,
        "normals": _normals(person, plane, cover),
        "gloss": rest.gloss[:, None],
        "pulse": _pulse_maps(draws, plane, rest.skin, face),
        "depth": depth[:, None],
        "hold": hold[:, None],
        "jaw": jaw[:, None],
        "room": room,
        "face": face[:, None],
    }
    return Scene(view=view, **{name: shrink(layer, supersampling) for name, layer in maps.items()})


def _paint_person(
    person: Identity, plane: Plane, textures: Textures, room: Tensor
) -> tuple[Painting, Tensor, Tensor]:
    """Paint a person: at rest, all three expressions' reflectance ``(B, 9, H, W)``, and the cover."""
    # Painted on the room, so that no foreign colour shines through soft edges.
    rest = Painting(room, plane)
    covers = [
        paint_back_hair(person, plane, textures, rest),
        paint_torso(person, plane, rest),
        paint_head(person, plane, textures, rest),
        paint_front_hair(person, plane, textures, rest),
        paint_scarf(person, plane, textures, rest),
    ]
    closed, talking = rest.copy(), rest.copy()
    paint_closed_eyes(person, plane, closed)
    paint_open_mouth(person, plane, textures, talking)
    for painting in (rest, closed, talking):
        paint_glasses(person, plane, painting)
    reflectance = torch.cat([rest.color, closed.color - rest.color, talking.color - rest.color], 1)
    return rest, reflectance, torch.stack(covers).amax(0)


def _normals(person: Identity, plane: Plane, cover: Tensor) -> Tensor:
    """Normals of the face's relief, of a barrel for the torso."""
    height = relief(person, plane)
    step_x, step_y = plane.x[:, :, 1:2] - plane.x[:, :, 0:1], plane.y[:, 1:2] - plane.y[:, 0:1]
    slope_y, slope_x = torch.gradient(height, dim=(1, 2))
    slope_x, slope_y = slope_x / step_x, slope_y / step_y
    torso = smooth_step(plane.y, 0.85, 1.2)
    slope_x = torch.lerp(slope_x, -0.35 * plane.x, torso)
    slope_y = torch.lerp(slope_y, torch.full_like(slope_y, 0.25), torso)
    normal = torch.stack([-slope_x, -slope_y, torch.ones_like(slope_x)], 1)
    return F.normalize(normal, dim=1)


def _displacements(person: Identity, plane: Plane) -> tuple[Tensor, Tensor, Tensor]:
    radius = (plane.x / 0.85) ** 2 + (plane.y / 1.25) ** 2
    nose = 0.16 * plane.blob(0.0, person.nose_length - 0.05, 0.10, 0.14)
    depth = 0.62 * (1.0 - radius).clamp(min=0) ** 0.75 + nose
    hold = 1 - 0.85 * smooth_step(plane.y, 0.85, 1.8)
    chin = smooth_step(plane.y, person.mouth_y, person.chin - 0.05)
    jaw = (
        chin
        * (1 - smooth_step(plane.y, person.chin, person.chin + 0.3))
        * plane.blob(0.0, person.chin, 0.4, 5.0)
    )
    return depth, hold, jaw


def _pulse_maps(draws: Draws, plane: Plane, skin: Tensor, face: Tensor) -> Tensor:
    """Strength of the pulse at each delay: forehead and cheeks pulsate most, and no two skins alike."""
    size = (plane.x.shape[1], plane.x.shape[2])
    fold = plane.mirrored()
    rich = 0.35 * plane.blob(0.0, -0.42, 0.3, 0.14) + 0.35 * fold.blob(0.35, 0.28, 0.15, 0.14)
    uneven = (0.8 + rich + 0.25 * draws.smooth_noise(size, (6, 6))).clamp(0.1, 2.0) * skin
    mean = (uneven * face).sum((1, 2)) / face.sum((1, 2)).clamp(min=1e-6)
    strength = uneven / mean[:, None, None]
    spread = draws.uniform(0.0, PULSE_DELAYS_S[-1])[:, None, None]
    delay = spread * torch.sigmoid(1.2 * (plane.y - 0.3) + 0.8 * draws.smooth_noise(size, (4, 4)))
    taps = torch.tensor(PULSE_DELAYS_S, device=skin.device)[None, :, None, None]
    nearness = (1 - (delay[:, None] - taps).abs() / PULSE_DELAYS_S[1]).clamp(min=0)
    return nearness * strength[:, None]
