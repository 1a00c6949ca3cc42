"""Drawing with smooth shapes on a grid of face coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class Plane:
    """Where each pixel lies.

    Attributes:
        x: Face coordinate to the right, ``(B, H, W)``.
        y: Face coordinate downwards, ``(B, H, W)``.
        pixel: Size of a pixel in face units, ``(B, 1, 1)``; edges are about that soft.
    """

    x: Tensor
    y: Tensor
    pixel: Tensor

    def fill(self, distance: Tensor, softness: float = 0.0) -> Tensor:
        """Coverage 0 to 1 of a shape given by its signed distance (positive inside), in face units."""
        return torch.sigmoid(distance * 3 / (self.pixel + softness))

    def line(self, distance: Tensor, width: Tensor | float, softness: float = 0.0) -> Tensor:
        """Coverage 0 to 1 of a line of the given half width about ``distance`` = 0.

        A line thinner than a pixel fades instead of growing as wide as one.
        """
        half = torch.as_tensor(width, device=self.x.device)
        spread = half + 0.5 * self.pixel + softness
        return torch.exp(-0.7 * (distance / spread) ** 2) * (half + softness) / spread

    def blob(
        self, x: Tensor | float, y: Tensor | float, width: Tensor | float, height: Tensor | float
    ) -> Tensor:
        """A soft round spot of height 1 with the given standard deviations."""
        return torch.exp(-0.5 * (((self.x - x) / width) ** 2 + ((self.y - y) / height) ** 2))

    def mirrored(self) -> Plane:
        """The plane folded along its y axis: what is drawn once appears on both sides."""
        return Plane(self.x.abs(), self.y, self.pixel)


def ellipse(
    plane: Plane,
    x: Tensor | float,
    y: Tensor | float,
    width: Tensor | float,
    height: Tensor | float,
    power: float = 2.0,
) -> Tensor:
    """About the signed distance to an ellipse (``power`` 2) or a rounder-cornered box (more)."""
    across = ((plane.x - x) / width).abs().clamp(min=1e-4)
    down = ((plane.y - y) / height).abs().clamp(min=1e-4)
    radius = (across**power + down**power) ** (1 / power)
    size = torch.minimum(torch.as_tensor(width), torch.as_tensor(height)).to(plane.x)
    return (1 - radius) * size


def smooth_step(value: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """0 below ``low``, 1 above ``high``, a smooth slope between them."""
    unit = ((value - low) / (high - low)).clamp(0, 1)
    return unit * unit * (3 - 2 * unit)


class Painting:
    """Reflectance in the making: shapes are laid over each other, the last one on top.

    Attributes:
        color: Linear reflectance, ``(B, 3, H, W)``.
        skin: How much of each pixel is living skin, ``(B, H, W)``.
        gloss: Strength of the specular reflection, ``(B, H, W)``.
    """

    def __init__(self, color: Tensor, plane: Plane) -> None:
        self.plane = plane
        self.color = color.expand(-1, -1, *plane.x.shape[1:])
        self.skin = torch.zeros_like(plane.x)
        self.gloss = torch.zeros_like(plane.x)

    def copy(self) -> Painting:
        """The same painting, to go on with in another way."""
        twin = Painting(self.color, self.plane)
        twin.skin, twin.gloss = self.skin, self.gloss
        return twin

    def lay(self, cover: Tensor, color: Tensor, *, skin: float = 0.0, gloss: float = 0.0) -> None:
        """Cover a part (``cover`` 0 to 1) with ``color``."""
        self.color = torch.lerp(self.color, color.expand_as(self.color), cover[:, None])
        self.skin = self.skin + cover * (skin - self.skin)
        self.gloss = self.gloss + cover * (gloss - self.gloss)

    def tint(self, strength: Tensor, rgb: tuple[float, float, float]) -> None:
        """Multiply the colour by ``rgb`` where ``strength`` is 1, leave it where 0."""
        factor = self.color.new_tensor(rgb)[None, :, None, None]
        self.color = self.color * (1 + strength[:, None] * (factor - 1))

    def shade(self, strength: Tensor) -> None:
        """Darken by the share ``strength``."""
        self.color = self.color * (1 - strength)[:, None]


def shrink(maps: Tensor, factor: int) -> Tensor:
    """Average maps ``(B, C, H, W)`` over squares of ``factor`` pixels."""
    return maps if factor == 1 else F.avg_pool2d(maps, factor)
