"""Painting what is around a face: hair, glasses, head scarf, neck, shirt and the room behind.

The numbers are proportions in face units (see ``Identity``), set by eye.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rfacenet.simulation.draws import Draws
from rfacenet.simulation.face import Textures, head_distance
from rfacenet.simulation.identity import Identity
from rfacenet.simulation.painting import Painting, Plane, ellipse, smooth_step
from rfacenet.simulation.skin import linear_from_lab


def paint_torso(person: Identity, plane: Plane, painting: Painting) -> Tensor:
    """Paint neck and shirt; returns what they cover, ``(B, H, W)``."""
    fold = plane.mirrored()
    flare = 0.55 * smooth_step(plane.y, 1.05, 1.75) ** 2
    neck = plane.fill(torch.minimum(person.neck_width + flare - fold.x, plane.y - 0.3))
    painting.lay(neck, person.skin * 0.88, skin=0.6, gloss=0.4)
    painting.shade(neck * 0.55 * (1 - smooth_step(plane.y, 0.98, 1.42)))
    painting.shade(neck * 0.35 * smooth_step(fold.x, person.neck_width - 0.2, person.neck_width))
    top = (
        1.36
        + person.shoulder_slope * (fold.x - 0.35).clamp(min=0) ** 0.9
        + 2.2 * (fold.x - 1.45).clamp(min=0) ** 2
    )
    collar = person.neckline * (1 - (fold.x / 0.42) ** 2).clamp(min=0)
    shirt = plane.fill(plane.y - top - collar)
    painting.lay(shirt, person.shirt, gloss=0.05)
    painting.shade(shirt * 0.30 * plane.line(plane.y - top - collar, 0.03, 0.02))
    painting.shade(shirt * 0.25 * smooth_step(fold.x, 0.7, 1.6))
    return torch.maximum(neck, shirt)


def _hair_outline(person: Identity, plane: Plane, textures: Textures) -> Tensor:
    volume = person.hair_volume
    cap = ellipse(plane, 0.0, -0.30, person.cheek_width + 0.03 + 0.7 * volume, 0.78 + volume, 2.3)
    falls = smooth_step(person.hair_length, 0.2, 0.6)
    width = (
        person.cheek_width + (0.035 + 0.6 * volume) * (0.4 + 0.6 * falls) + 0.05 * falls * plane.y.clamp(0, 1)
    )
    # Ends of hair are uneven, and shorter on the outside.
    ends = person.hair_length + falls * (0.05 * textures.strands - 0.5 * (plane.x.abs() - 0.45).clamp(min=0))
    sides = torch.minimum(width - plane.x.abs(), torch.minimum(ends - plane.y, plane.y + 0.3))
    return torch.maximum(cap.minimum(0.15 - plane.y + 0.25 * falls), sides)


def paint_back_hair(person: Identity, plane: Plane, textures: Textures, painting: Painting) -> Tensor:
    """Paint the hair or scarf that hangs behind neck and face; returns what it covers."""
    present = (1 - person.bald) * (1 - person.scarf)
    cover = plane.fill(_hair_outline(person, plane, textures)) * present
    painting.lay(cover, _hair_color(person, textures) * 0.55)
    return cover


def paint_front_hair(person: Identity, plane: Plane, textures: Textures, painting: Painting) -> Tensor:
    """Paint the hair that frames the face; returns what it covers."""
    line = person.hairline + 0.03 * textures.coarse + 0.012 * textures.strands
    brow = ellipse(plane, 0.0, 0.15, person.cheek_width * 0.955, 0.15 - line, 2.5)
    column = torch.minimum(
        person.cheek_width * (0.97 - 0.10 * plane.y.clamp(0, 1)) - plane.x.abs(), plane.y - 0.15
    )
    bare = torch.maximum(brow, column)
    cover = plane.fill(torch.minimum(_hair_outline(person, plane, textures), -bare), 0.015)
    sweep = -0.30 - 0.18 * smooth_step(plane.x, -0.4, 0.5) + 0.02 * textures.strands
    fringe = plane.fill(torch.minimum(sweep - plane.y, brow + 0.06), 0.02) * person.fringe
    cover = torch.maximum(cover, fringe) * (1 - person.bald) * (1 - person.scarf)
    near = plane.line(bare, 0.035, 0.02) * (1 - smooth_step(plane.y, -0.3, 0.1))
    painting.shade(0.35 * near * (1 - person.bald) * painting.skin)
    color = _hair_color(person, textures)
    sheen = 1 + 0.5 * plane.blob(0.05, -0.92, 0.5, 0.10) - 0.35 * smooth_step(plane.x.abs(), 0.45, 0.8)
    painting.lay(cover, color * sheen[:, None], gloss=0.25)
    return cover


def _hair_color(person: Identity, textures: Textures) -> Tensor:
    return person.hair * (1 + 0.28 * textures.strands + 0.08 * textures.coarse).clamp(0.35, 2.0)[:, None]


def paint_scarf(person: Identity, plane: Plane, textures: Textures, painting: Painting) -> Tensor:
    """Paint a head scarf; returns what it covers."""
    opening = ellipse(plane, 0.0, 0.2, person.cheek_width * 0.96, 0.2 - person.hairline + 0.02, 2.4)
    bare = torch.minimum(opening, head_distance(person, plane) - 0.01)
    head = ellipse(plane, 0.0, -0.12, person.cheek_width + 0.13, 1.04, 2.2)
    drape = torch.minimum(person.cheek_width + 0.06 + 0.25 * plane.y.clamp(0, 2) - plane.x.abs(), plane.y)
    outline = torch.maximum(head, torch.minimum(drape, 1.75 - 0.4 * plane.x.abs() - plane.y))
    cover = plane.fill(torch.minimum(outline, -bare)) * person.scarf
    folds = 1 + 0.10 * textures.coarse + 0.10 * torch.sin(14 * ellipse(plane, 0.2, -0.3, 0.6, 0.9))
    painting.shade(0.35 * plane.line(bare, 0.04, 0.02) * person.scarf * painting.skin)
    painting.lay(cover, person.scarf_color * folds[:, None])
    return cover


def paint_glasses(person: Identity, plane: Plane, painting: Painting) -> None:
    """Paint glasses: rims, bridge, temples, and a reflection on the lenses."""
    fold = plane.mirrored()
    lens = ellipse(fold, person.eye_distance + 0.015, 0.015, 0.205, 0.145, 2.8)
    rim = plane.line(lens, 0.012, 0.003)
    bridge = plane.line(plane.y + 0.025 - 0.05 * (1 - (plane.x / 0.1) ** 2).clamp(min=0), 0.011) * (
        fold.x < 0.09
    )
    temple = plane.line(plane.y + 0.03, 0.013) * plane.fill(
        torch.minimum(fold.x - person.eye_distance - 0.205, person.cheek_width + 0.02 - fold.x)
    )
    frame = torch.maximum(torch.maximum(rim, bridge), temple).clamp(max=1) * person.glasses
    painting.shade(0.18 * person.glasses * plane.line(lens + 0.02, 0.02, 0.012))
    glint = plane.line(plane.x * 0.8 + plane.y - 0.12, 0.03) + plane.line(
        plane.x * 0.8 + plane.y + 0.32, 0.03
    )
    painting.lay(0.02 * person.glasses * plane.fill(lens) * (1 + glint), torch.ones_like(person.skin))
    painting.lay(frame, person.glasses_color, gloss=1.0)


def draw_room(draws: Draws, plane: Plane) -> Tensor:
    """Draw a background ``(B, 3, H, W)``: a wall with stains, and some blurred things in front of it."""
    size = (plane.x.shape[1], plane.x.shape[2])
    wall = linear_from_lab(
        torch.stack(
            [draws.uniform(30.0, 82.0), 5 * draws.normal().clamp(-2, 2), 8 * draws.normal().clamp(-2, 2)], 1
        )
    )[:, :, None, None]
    color = (
        wall
        * (1 + 0.05 * draws.smooth_noise(size, (4, 4)) + 0.015 * draws.smooth_noise(size, (50, 50)))[:, None]
    )
    for _ in range(4):
        x, y, width, height = (
            draws.uniform(low, high)[:, None, None]
            for low, high in ((-2.6, 2.6), (-1.8, 1.8), (0.15, 0.8), (0.15, 0.9))
        )
        thing = linear_from_lab(
            torch.stack([draws.uniform(12.0, 80.0), 14 * draws.normal(), 16 * draws.normal()], 1)
        )[:, :, None, None]
        cover = plane.fill(ellipse(plane, x, y, width, height, 6.0), 0.12) * draws.chance(0.7)[:, None, None]
        color = torch.lerp(color, thing.expand_as(color), cover[:, None])
    return color
