"""Faces painted from soft ellipses: no real person's picture belongs in a repository."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Each part in order of painting: centre and half axes (x, y) in face heights from the face's centre, colour.
_PARTS = (
    ((0.00, -0.12), (0.45, 0.52), (60, 40, 30)),  # hair
    ((0.00, 0.42), (0.20, 0.28), (190, 140, 115)),  # neck
    ((0.00, 0.00), (0.36, 0.48), (224, 172, 145)),  # face
    ((-0.19, 0.12), (0.10, 0.08), (230, 165, 142)),  # cheeks
    ((0.19, 0.12), (0.10, 0.08), (230, 165, 142)),
    ((-0.155, -0.05), (0.095, 0.050), (185, 130, 108)),  # eye sockets
    ((0.155, -0.05), (0.095, 0.050), (185, 130, 108)),
    ((-0.155, -0.045), (0.070, 0.026), (240, 236, 232)),  # eyes
    ((0.155, -0.045), (0.070, 0.026), (240, 236, 232)),
    ((-0.155, -0.045), (0.028, 0.028), (45, 30, 25)),  # pupils
    ((0.155, -0.045), (0.028, 0.028), (45, 30, 25)),
    ((-0.160, -0.125), (0.100, 0.018), (70, 48, 36)),  # brows
    ((0.160, -0.125), (0.100, 0.018), (70, 48, 36)),
    ((0.00, 0.05), (0.030, 0.110), (236, 188, 162)),  # bridge of the nose
    ((0.00, 0.135), (0.070, 0.035), (205, 150, 124)),  # its tip
    ((-0.032, 0.150), (0.018, 0.012), (120, 75, 60)),  # nostrils
    ((0.032, 0.150), (0.018, 0.012), (120, 75, 60)),
    ((0.00, 0.265), (0.120, 0.034), (178, 88, 84)),  # lips
    ((0.00, 0.262), (0.115, 0.007), (95, 45, 42)),  # between them
    ((0.00, 0.320), (0.090, 0.014), (196, 144, 120)),  # shade under them
)


def draw_face(picture: NDArray[np.uint8], center_px: tuple[float, float], height_px: float) -> None:
    """Paint a face of this height, chin to hairline, into a picture ``(H, W, 3)``."""
    canvas = picture.astype(np.float64)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
    u, v = (x - center_px[0]) / height_px, (y - center_px[1]) / height_px
    for (part_u, part_v), (half_u, half_v), color in _PARTS:
        radius = np.hypot((u - part_u) / half_u, (v - part_v) / half_v)
        softness = max(0.006, 0.7 / height_px) / min(half_u, half_v)
        cover = np.clip((1 - radius) / softness + 0.5, 0, 1)[..., None]
        light = (1 - 0.25 * np.clip(u / 0.36, -1, 1) ** 2 - 0.05 * u)[..., None]  # round, lit from the left
        canvas += cover * (np.array(color) * light - canvas)
    picture[:] = np.clip(canvas + 0.5, 0, 255)


def empty_room(height_px: int = 240, width_px: int = 320) -> NDArray[np.uint8]:
    """A wall with a shade across it, ``(H, W, 3)``."""
    shade = np.linspace(120, 170, width_px)[None, :, None] * np.array([0.9, 0.95, 1.0])
    return np.broadcast_to(shade, (height_px, width_px, 3)).astype(np.uint8)
