"""Painting a head: outline, features, and the relief that gives it light and shade.

The numbers are proportions in face units (see ``Identity``), set by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from rfacenet.simulation.draws import Draws
from rfacenet.simulation.identity import Identity
from rfacenet.simulation.painting import Painting, Plane, ellipse, smooth_step

_CROWN = -1.06


@dataclass(frozen=True, slots=True)
class Textures:
    """Smooth noise maps ``(B, H, W)`` that make a person's surface uneven."""

    coarse: Tensor
    fine: Tensor
    strands: Tensor
    spots: Tensor


def draw_textures(draws: Draws, size_px: tuple[int, int]) -> Textures:
    """Draw the textures of a batch of people at ``size_px`` (height, width)."""
    return Textures(
        coarse=draws.smooth_noise(size_px, (7, 7)),
        fine=draws.smooth_noise(size_px, (60, 60)),
        strands=draws.smooth_noise(size_px, (9, 90)),
        spots=draws.smooth_noise(size_px, (110, 110)),
    )


def head_distance(person: Identity, plane: Plane) -> Tensor:
    """About the signed distance to the outline of the face: a skull and a jaw, smoothly joined."""
    skull = ellipse(plane, 0.0, -0.28, person.cheek_width, 0.80, 2.2)
    width = person.cheek_width + (person.jaw_width - person.cheek_width) * smooth_step(plane.y, -0.1, 0.95)
    jaw = ellipse(plane, 0.0, 0.12, width * 1.06, person.chin - 0.12, 2.35)
    sharpness = 24.0
    return torch.logaddexp(skull * sharpness, jaw * sharpness) / sharpness - 0.02


def relief(person: Identity, plane: Plane) -> Tensor:
    """Height of the face towards the camera, ``(B, H, W)``, in face units."""
    fold = plane.mirrored()
    radius = (plane.x / 0.80) ** 2 + ((plane.y - 0.0) / 1.22) ** 2
    # Softly levelled off outside of the head, so that no edge shows on the hair around it.
    dome = 0.62 * (F.softplus((1.0 - radius) * 4) / 4 + 0.01).sqrt()
    tip = person.nose_length - 0.05
    ridge_width = 0.045 + 0.05 * smooth_step(plane.y, -0.1, 0.35)
    along = smooth_step(plane.y, -0.22, 0.34) * (1 - smooth_step(plane.y, tip - 0.02, tip + 0.16))
    ridge = 0.12 * along * torch.exp(-0.5 * (plane.x / ridge_width) ** 2)
    tip_ball = 0.05 * plane.blob(0.0, tip, 0.075, 0.075)
    wings = 0.045 * fold.blob(person.nose_width * 0.68, tip + 0.03, 0.05, 0.055)
    sockets = -0.055 * fold.blob(person.eye_distance, 0.0, 0.13, 0.075)
    lids = 0.03 * fold.blob(person.eye_distance, 0.0, 0.09, 0.045)
    brow = 0.03 * fold.blob(person.eye_distance, person.brow_height + 0.02, 0.2, 0.06)
    cheeks = 0.035 * fold.blob(0.36, 0.26, 0.15, 0.16)
    lips = 0.035 * plane.blob(0.0, person.mouth_y, person.mouth_width * 0.7, 0.085)
    crease = -0.03 * plane.blob(0.0, person.mouth_y + 0.14, 0.16, 0.035)
    chin = 0.045 * plane.blob(0.0, person.chin - 0.14, 0.15, 0.09)
    bumps = sockets + lids + brow + cheeks + lips + crease + chin
    return dome + person.nose_height * (ridge + tip_ball + wings) + bumps


def paint_head(person: Identity, plane: Plane, textures: Textures, painting: Painting) -> Tensor:
    """Paint ears, face and features, eyes open, mouth closed; returns what they cover, ``(B, H, W)``."""
    ears = _paint_ears(person, plane, painting)
    face = plane.fill(head_distance(person, plane))
    painting.lay(face, person.skin, skin=1.0, gloss=1.0)
    _paint_complexion(person, plane, textures, painting, face)
    _paint_wrinkles(person, plane, painting)
    _paint_nose(person, plane, painting)
    _paint_mouth(person, plane, textures, painting)
    _paint_beard(person, plane, textures, painting, face)
    _paint_eyes(person, plane, painting)
    _paint_brows(person, plane, textures, painting)
    return torch.maximum(ears, face)


def _paint_ears(person: Identity, plane: Plane, painting: Painting) -> Tensor:
    fold = plane.mirrored()
    cover = plane.fill(ellipse(fold, person.cheek_width + 0.015, 0.10, 0.085, 0.20))
    painting.lay(cover, person.skin * 0.9, skin=0.7, gloss=0.4)
    painting.shade(0.35 * fold.blob(person.cheek_width + 0.03, 0.10, 0.025, 0.09) * cover)
    return cover


def _paint_complexion(
    person: Identity, plane: Plane, textures: Textures, painting: Painting, face: Tensor
) -> None:
    fold = plane.mirrored()
    flush = 0.9 * fold.blob(0.36, 0.28, 0.14, 0.12) + 0.8 * plane.blob(
        0.0, person.nose_length - 0.04, 0.09, 0.08
    )
    painting.tint(face * flush.clamp(max=1), (1.02, 0.86, 0.87))
    painting.tint(face * (0.5 + 0.25 * textures.coarse).clamp(0, 1), (1.0, 0.94, 0.93))
    painting.tint(face * (0.5 + 0.2 * textures.fine).clamp(0, 1), (0.95, 0.94, 0.93))
    under_eyes = fold.blob(person.eye_distance, 0.105, 0.10, 0.03)
    painting.tint(face * under_eyes * (0.4 + 0.6 * person.age), (0.85, 0.78, 0.82))
    nearby = fold.blob(0.25, 0.2, 0.22, 0.14)
    spots = smooth_step(textures.spots, 0.9, 1.6) * person.freckles * nearby
    painting.tint(face * spots, (0.72, 0.55, 0.45))
    # Less of the sky is seen from the temples, beside the nose, in the sockets.
    painting.shade(face * 0.24 * fold.blob(person.eye_distance - 0.03, -0.02, 0.15, 0.075))
    painting.shade(face * 0.30 * smooth_step(fold.x, person.cheek_width - 0.22, person.cheek_width + 0.02))


def _paint_wrinkles(person: Identity, plane: Plane, painting: Painting) -> None:
    fold = plane.mirrored()
    smile = fold.x - person.nose_width - 0.02 - 0.24 * (fold.y - 0.36).clamp(min=-0.1)
    extent = smooth_step(fold.y, 0.32, 0.42) * (1 - smooth_step(fold.y, 0.55, 0.70))
    painting.shade((0.03 + 0.17 * person.age) * extent * plane.line(smile, 0.012, 0.018))
    lines = torch.sin((plane.y + 0.06 * plane.x**2) * 55).clamp(min=0) ** 4
    forehead = plane.blob(0.0, -0.44, 0.26, 0.10)
    painting.shade(0.22 * (person.age - 0.35).clamp(min=0) * forehead * lines)
    feet = torch.sin(torch.atan2(fold.y, fold.x - person.eye_distance - 0.05) * 11).clamp(min=0) ** 3
    corner = fold.blob(person.eye_distance + person.eye_width + 0.06, 0.01, 0.05, 0.06)
    painting.shade(0.3 * (person.age - 0.4).clamp(min=0) * feet * corner)


def _paint_nose(person: Identity, plane: Plane, painting: Painting) -> None:
    fold = plane.mirrored()
    tip, width = person.nose_length, person.nose_width
    painting.shade(0.18 * plane.blob(0.0, tip + 0.06, width * 0.62, 0.03))
    nostril = ellipse(fold, width * 0.46, tip + 0.022, width * 0.25, 0.020)
    painting.lay(0.7 * plane.fill(nostril, 0.015), person.skin * 0.15, skin=0.2)
    wing = ellipse(fold, width * 0.68, tip - 0.015, width * 0.34, 0.062)
    outside = smooth_step(fold.x, width * 0.7, width * 0.9)
    painting.shade(0.28 * outside * plane.line(wing, 0.011, 0.010))
    side = fold.x - 0.055 - 0.08 * smooth_step(plane.y, 0.0, tip)
    painting.shade(0.10 * plane.line(side, 0.03, 0.01) * smooth_step(plane.y, -0.15, 0.0) * (plane.y < tip))


def _lips(person: Identity, plane: Plane, opening: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Heights of a mouth's four curves: upper and lower edge of the upper lip, then of the lower lip."""
    across = (plane.x / person.mouth_width).clamp(-1.2, 1.2)
    arch = (1 - across**2).clamp(min=0)
    bow = 1 - 0.30 * torch.exp(-0.5 * (across / 0.16) ** 2)
    middle = person.mouth_y - person.smile * across**2
    top = middle - person.lip_fullness * arch**0.8 * bow
    upper = middle + 0.008 * torch.exp(-0.5 * (across / 0.2) ** 2)
    lower = middle + opening * arch**0.6
    bottom = lower + 1.25 * person.lip_fullness * arch**0.7
    return top, upper, lower, bottom


def _paint_mouth(
    person: Identity, plane: Plane, textures: Textures, painting: Painting, opening: float = 0.0
) -> None:
    top, upper, lower, bottom = _lips(person, plane, opening)
    inside_x = person.mouth_width - plane.x.abs()
    red = (
        1
        - person.lip_red[:, None]
        * torch.tensor([0.12, 0.85, 0.72], device=plane.x.device)[None, :, None, None]
    )
    lip_color = person.skin * red * (0.86 + 0.04 * textures.fine[:, None])
    lips = plane.fill(torch.minimum(torch.minimum(plane.y - top, bottom - plane.y), inside_x), 0.012)
    painting.shade(
        0.22 * plane.blob(0.0, person.mouth_y + opening + 1.25 * person.lip_fullness + 0.035, 0.11, 0.022)
    )
    painting.lay(lips, lip_color, skin=0.9, gloss=1.2)
    painting.shade(0.22 * lips * smooth_step(upper - plane.y, -0.01, 0.03))
    if opening > 0:
        gap = plane.fill(torch.minimum(torch.minimum(plane.y - upper, lower - plane.y), inside_x), 0.006)
        painting.lay(
            gap, person.skin * 0 + torch.tensor([0.05, 0.012, 0.012], device=plane.x.device)[:, None, None]
        )
        teeth = plane.fill(torch.minimum(upper + 0.032 - plane.y, inside_x - 0.07), 0.008)
        painting.lay(0.85 * gap * teeth, torch.full_like(person.skin, 0.55))
    seam = plane.line(plane.y - upper, 0.009, 0.003) * plane.fill(inside_x + 0.01, 0.02)
    painting.lay((0.75 * seam).clamp(max=1), person.skin * 0.10 * red)


def _paint_beard(
    person: Identity, plane: Plane, textures: Textures, painting: Painting, face: Tensor
) -> None:
    fold = plane.mirrored()
    top, _, _, bottom = _lips(person, plane, 0.0)
    mouth = plane.fill(torch.minimum(plane.y - top, bottom - plane.y), 0.02) * plane.fill(
        person.mouth_width - fold.x, 0.02
    )
    line = 0.78 - 1.3 * (fold.x - 0.18).clamp(min=0) - 0.06 * textures.coarse
    jaw = smooth_step(plane.y, line, line + 0.16)
    lip = plane.fill(ellipse(fold, 0.10, person.mouth_y - 0.095, person.mouth_width * 0.85, 0.055), 0.03)
    grain = (0.8 + 0.3 * textures.fine).clamp(0, 1)
    cover = torch.maximum(person.beard * jaw, person.moustache * lip) * grain * face * (1 - mouth)
    painting.lay(0.92 * cover, person.hair * (1 + 0.2 * textures.strands[:, None]).clamp(0.4, 1.6))


def _lids(person: Identity, fold: Plane) -> tuple[Tensor, Tensor, Tensor]:
    """Place across the eye (-1 inner, 1 outer corner) and the heights of the upper and the lower lid."""
    across = (fold.x - person.eye_distance) / person.eye_width
    arch = (1 - across**2).clamp(min=0)
    tilt = -person.eye_tilt * (fold.x - person.eye_distance)
    upper = tilt - 1.1 * person.eye_opening * arch**0.75 * (1 - 0.12 * across)
    lower = tilt + 0.75 * person.eye_opening * arch * (1 + 0.12 * across)
    return across, upper, lower


def _paint_eyes(person: Identity, plane: Plane, painting: Painting) -> None:
    fold = plane.mirrored()
    across, upper, lower = _lids(person, fold)
    width = plane.fill((1 - across.abs()) * person.eye_width, 0.004)
    opening = plane.fill(torch.minimum(fold.y - upper, lower - fold.y), 0.004) * width
    white = torch.tensor([0.56, 0.52, 0.49], device=plane.x.device)[None, :, None, None].expand_as(
        person.skin
    )
    painting.lay(opening, white, gloss=0.6)
    painting.shade(0.45 * opening * smooth_step(upper + 0.045 - fold.y, 0.0, 0.045))
    iris = ellipse(fold, person.eye_distance, -0.008, 0.058, 0.058)
    painting.lay(opening * plane.fill(iris), person.iris * 0.9)
    painting.shade(0.6 * opening * plane.line(iris, 0.006))
    painting.lay(opening * plane.fill(iris - 0.034), person.iris * 0.06)
    # The catch light is a reflection of the lamp: on the same side of both eyes, so it is not mirrored.
    sparkle = plane.blob(person.eye_distance + 0.018, -0.026, 0.009, 0.009) + plane.blob(
        -person.eye_distance + 0.018, -0.026, 0.009, 0.009
    )
    painting.lay(0.85 * opening * sparkle, torch.ones_like(person.skin))
    lashes = plane.line(fold.y - upper, 0.010, 0.002) * width
    painting.lay((0.9 * lashes).clamp(max=1), person.hair * 0.25)
    painting.shade(0.22 * plane.line(fold.y - lower - 0.006, 0.007, 0.003) * width)
    crease = plane.line(fold.y - upper + 0.042, 0.009, 0.006) * plane.fill(
        (0.95 - across.abs()) * person.eye_width, 0.02
    )
    painting.shade(0.30 * crease)


def _paint_brows(person: Identity, plane: Plane, textures: Textures, painting: Painting) -> None:
    fold = plane.mirrored()
    across = (fold.x - person.eye_distance - 0.015) / (person.eye_width * 1.32)
    middle = person.brow_height - person.brow_arch * (0.6 - 0.6 * (across - 0.1) ** 2) + 0.012 * across
    thickness = person.brow_thickness * (1 - 0.55 * smooth_step(across, 0.0, 1.1))
    ends = smooth_step(across, -1.1, -0.8) * (1 - smooth_step(across, 0.85, 1.15))
    cover = plane.line(fold.y - middle, thickness, 0.006) * ends * (0.9 + 0.12 * textures.fine).clamp(0, 1)
    painting.lay((0.88 * cover).clamp(0, 1), person.hair * 0.7)


def paint_closed_eyes(person: Identity, plane: Plane, painting: Painting) -> None:
    """Paint lids over the eyes."""
    fold = plane.mirrored()
    across, upper, lower = _lids(person, fold)
    width = plane.fill((1 - across.abs()) * person.eye_width, 0.01)
    eye = plane.fill(torch.minimum(fold.y - upper + 0.012, lower + 0.006 - fold.y), 0.006) * width
    painting.lay(eye, person.skin * 0.80, skin=0.5)
    lashes = plane.line(fold.y - lower + 0.006, 0.010, 0.003) * width
    painting.lay((0.85 * lashes).clamp(max=1), person.hair * 0.35)


def paint_open_mouth(person: Identity, plane: Plane, textures: Textures, painting: Painting) -> None:
    """Paint the mouth as it is in the middle of a syllable."""
    _paint_mouth(person, plane, textures, painting, opening=0.085)
