"""Skin: reflectance over the six Fitzpatrick types, and how strongly it pulsates.

Source: colour by the individual typology angle, ITA = atan((L* - 50) / b*), with bounds near those of Chardon
et al., "Skin colour typology and suntanning pathways", 1991, and Del Bino and Bernerd, "Variations in skin
colour and the biological consequences of ultraviolet radiation exposure", 2013.
Differs: one class of ITA stands for each Fitzpatrick type, though the two scales agree only roughly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rfacenet.simulation.draws import Draws

SKIN_TYPES = (1, 2, 3, 4, 5, 6)

# For types I to VI: lowest and highest ITA in degrees, then typical b* and a* (CIELAB, D65).
_TYPES = torch.tensor(
    [
        [55.0, 64.0, 15.0, 11.0],
        [43.0, 55.0, 17.0, 12.0],
        [28.0, 43.0, 18.5, 12.5],
        [10.0, 28.0, 20.5, 13.5],
        [-25.0, 10.0, 20.0, 13.5],
        [-52.0, -28.0, 15.0, 11.0],
    ]
)
# Melanin takes light before it reaches blood: the relative pulsation of types I to VI.
_MELANIN_FACTOR = torch.tensor([1.0, 1.0, 0.92, 0.8, 0.62, 0.45])

# Source: de Haan and van Leest, "Improved motion robustness of remote-PPG by using the blood volume pulse
# signature", 2014: relative pulsatility of R, G, B under white light.
_PULSATILITY = torch.tensor([0.33, 0.77, 0.53])

_LAB_WHITE = torch.tensor([0.9505, 1.0, 1.089])
_XYZ_TO_RGB = torch.tensor([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])


def linear_from_lab(lab: Tensor) -> Tensor:
    """CIELAB (D65) ``(..., 3)`` to linear sRGB ``(..., 3)``, clipped to reflectances from 0.005 to 0.95."""
    lightness = (lab[..., 0] + 16) / 116
    parts = torch.stack([lightness + lab[..., 1] / 500, lightness, lightness - lab[..., 2] / 200], -1)
    xyz = torch.where(parts > 6 / 29, parts**3, (parts - 4 / 29) * 3 * (6 / 29) ** 2)
    rgb = (xyz * _LAB_WHITE.to(lab)) @ _XYZ_TO_RGB.to(lab).T
    return rgb.clamp(0.005, 0.95)


def draw_skin_color(draws: Draws, skin_type: Tensor) -> Tensor:
    """Diffuse reflectance ``(B, 3)``, linear sRGB, for Fitzpatrick types ``(B,)`` from 1 to 6."""
    low, high, yellow, red = _TYPES.to(draws.device)[skin_type - 1].unbind(1)
    angle = torch.deg2rad(draws.uniform(low, high))
    b_star = yellow + 1.5 * draws.normal().clamp(-2, 2)
    a_star = red + 1.2 * draws.normal().clamp(-2, 2)
    return linear_from_lab(torch.stack([50 + b_star * angle.tan(), a_star, b_star], 1))


def melanin_factor(skin_type: Tensor) -> Tensor:
    """How strongly skin of each type ``(B,)`` pulsates, relative to light skin, ``(B,)``."""
    return _MELANIN_FACTOR.to(skin_type.device)[skin_type - 1]


def draw_pulsatility(draws: Draws) -> Tensor:
    """Pulsatility of R, G and B relative to G, ``(B, 3)``, 15 % spread: light and skin differ."""
    spread = torch.exp(0.15 * draws.normal(3).clamp(-2, 2))
    pulsatility = _PULSATILITY.to(draws.device) * spread
    return pulsatility / pulsatility[:, 1:2]
