"""Identities: who is in the picture. A number stands for the same person everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rfacenet.errors import SettingsError
from rfacenet.simulation.draws import Bounds, Draws, seed_of
from rfacenet.simulation.skin import SKIN_TYPES, draw_skin_color, linear_from_lab

# L*, a*, b* of hair from black to blond, red and grey.
_HAIR_LAB = torch.tensor(
    [
        [12.0, 1.0, 2.0],
        [18.0, 4.0, 6.0],
        [28.0, 7.0, 11.0],
        [40.0, 9.0, 18.0],
        [60.0, 8.0, 26.0],
        [40.0, 20.0, 26.0],
        [62.0, 0.0, 3.0],
    ]
)
_DARK_HAIR = 3  # rows of the table that go with any skin; the rest go with light skin
_GREY_HAIR = 6
_DARK_SKIN = 5  # types from here on
_IRIS_LAB = torch.tensor([[16.0, 6.0, 9.0], [28.0, 10.0, 18.0], [38.0, -4.0, 14.0], [45.0, -4.0, -14.0]])


@dataclass(frozen=True, slots=True)
class Identity:
    """A batch of people. Lengths in face units, geometry ``(B, 1, 1)``, colours ``(B, 3, 1, 1)`` linear sRGB.

    The origin lies between the eyes, x to the right and y downwards; the chin is near y = 1.
    Switches (``beard``, ``glasses`` and so on) are 0, 1 or an opacity between them.
    """

    skin_type: Tensor  # (B,), 1 to 6
    skin: Tensor
    hair: Tensor
    iris: Tensor
    shirt: Tensor
    scarf_color: Tensor
    glasses_color: Tensor
    cheek_width: Tensor
    jaw_width: Tensor
    chin: Tensor
    eye_distance: Tensor
    eye_width: Tensor
    eye_opening: Tensor
    eye_tilt: Tensor
    brow_height: Tensor
    brow_arch: Tensor
    brow_thickness: Tensor
    nose_length: Tensor
    nose_width: Tensor
    nose_height: Tensor
    mouth_y: Tensor
    mouth_width: Tensor
    lip_fullness: Tensor
    smile: Tensor
    lip_red: Tensor
    hairline: Tensor
    hair_volume: Tensor
    hair_length: Tensor
    fringe: Tensor
    bald: Tensor
    scarf: Tensor
    beard: Tensor
    moustache: Tensor
    glasses: Tensor
    freckles: Tensor
    age: Tensor  # 0 young to 1 old: wrinkles, grey hair
    neck_width: Tensor
    shoulder_slope: Tensor
    neckline: Tensor


def identity_draws(numbers: Sequence[int], device: torch.device | str = "cpu") -> Draws:
    """The random numbers that belong to the identities ``numbers``."""
    return Draws([seed_of("identity", int(number)) for number in numbers], device)


def skin_type_of(number: int) -> int:
    """Fitzpatrick type 1 to 6 of an identity: types take turns, so that any range is balanced."""
    return SKIN_TYPES[number % len(SKIN_TYPES)]


class Cast:
    """People to choose from.

    Args:
        numbers: Who they are.

    Raises:
        SettingsError: There is nobody.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        if len(numbers) == 0:
            raise SettingsError("a simulator needs at least one identity")
        dark = [number for number in numbers if skin_type_of(number) >= _DARK_SKIN]
        light = [number for number in numbers if skin_type_of(number) < _DARK_SKIN]
        self._dark = torch.tensor(dark or light)
        self._light = torch.tensor(light or dark)

    def choose(self, draws: Draws, dark_skin: Bounds) -> Tensor:
        """One person per sample, ``(B,)``, types V and VI at the share ``dark_skin`` if there are others."""
        dark = draws.chance(draws.within(dark_skin))
        return torch.where(dark > 0, draws.choice(self._dark), draws.choice(self._light))


def draw_identity(draws: Draws, numbers: Sequence[int]) -> Identity:
    """Draw the people with the given numbers."""
    skin_type = torch.tensor([skin_type_of(int(number)) for number in numbers], device=draws.device)
    age = draws.uniform(0.0, 1.0)
    long_haired = draws.chance(0.45)
    bald = draws.chance(0.12) * (1 - long_haired)
    scarf = draws.chance(0.07)
    bearded = draws.chance(0.45) * (1 - long_haired) * (1 - scarf)

    def length(low: float, high: float) -> Tensor:
        # The mean of two uniform numbers: faces crowd about the middle, extremes are rare.
        return (draws.uniform(low, high) + draws.uniform(low, high))[:, None, None] / 2

    def switch(value: Tensor) -> Tensor:
        return value[:, None, None]

    def color(value: Tensor) -> Tensor:
        return value[:, :, None, None]

    return Identity(
        skin_type=skin_type,
        skin=color(draw_skin_color(draws, skin_type)),
        hair=color(_draw_hair_color(draws, skin_type, age)),
        iris=color(_draw_iris_color(draws, skin_type)),
        shirt=color(_draw_fabric(draws)),
        scarf_color=color(_draw_fabric(draws)),
        glasses_color=color(
            linear_from_lab(draws.choice(torch.tensor([[8.0, 0, 0], [25, 12, 14], [45, 0, 4]])))
        ),
        cheek_width=length(0.60, 0.72),
        jaw_width=length(0.42, 0.60),
        chin=length(0.94, 1.10),
        eye_distance=length(0.25, 0.32),
        eye_width=length(0.120, 0.155),
        eye_opening=length(0.040, 0.068),
        eye_tilt=length(-0.02, 0.12),
        brow_height=length(-0.245, -0.165),
        brow_arch=length(0.01, 0.075),
        brow_thickness=length(0.016, 0.036) + 0.008 * switch(1 - long_haired),
        nose_length=length(0.34, 0.45),
        nose_width=length(0.13, 0.19),
        nose_height=length(0.7, 1.3),
        mouth_y=length(0.60, 0.68),
        mouth_width=length(0.20, 0.28),
        lip_fullness=length(0.045, 0.085),
        smile=length(-0.005, 0.045),
        lip_red=length(0.15, 0.45) + 0.35 * switch(long_haired * draws.chance(0.4)),
        hairline=length(-0.78, -0.58),
        hair_volume=length(0.04, 0.14) + 0.05 * switch(long_haired),
        hair_length=switch(torch.where(long_haired > 0, draws.uniform(0.6, 1.7), draws.uniform(-0.15, 0.1))),
        fringe=switch(long_haired * draws.chance(0.3)),
        bald=switch(bald),
        scarf=switch(scarf),
        beard=switch(bearded * draws.uniform(0.15, 1.0)),
        moustache=switch(bearded * draws.uniform(0.1, 1.0)),
        glasses=switch(draws.chance(0.25)),
        freckles=switch(draws.chance(0.3) * draws.uniform(0.2, 1.0) * (skin_type <= 3)),
        age=switch(age),
        neck_width=length(0.34, 0.44),
        shoulder_slope=length(0.18, 0.34),
        neckline=length(0.15, 0.45),
    )


def _draw_hair_color(draws: Draws, skin_type: Tensor, age: Tensor) -> Tensor:
    colors = torch.where(skin_type <= 3, _GREY_HAIR, _DARK_HAIR)
    row = (draws.uniform(0.0, 1.0) * colors).long()
    row = torch.where((age > 0.75) & (draws.uniform(0.0, 1.0) < 0.6), _GREY_HAIR, row)
    return linear_from_lab(_HAIR_LAB.to(draws.device)[row])


def _draw_iris_color(draws: Draws, skin_type: Tensor) -> Tensor:
    colors = torch.where(skin_type <= 3, len(_IRIS_LAB), 2)
    return linear_from_lab(_IRIS_LAB.to(draws.device)[(draws.uniform(0.0, 1.0) * colors).long()])


def _draw_fabric(draws: Draws) -> Tensor:
    lightness = draws.uniform(15.0, 76.0)
    return linear_from_lab(
        torch.stack([lightness, 18 * draws.normal().clamp(-2, 2), 18 * draws.normal().clamp(-2, 2)], 1)
    )
