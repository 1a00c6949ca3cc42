"""What a picture shows: a face as croppers take it, a person before a webcam; and one within the other."""

from __future__ import annotations

import torch

from rfacenet.simulation.draws import Bounds, Draws
from rfacenet.simulation.scene import View
from rfacenet.types import FaceBox

# Where MTCNN's box lies on a simulated face, in face units.
_BOX_CENTER = (0.0, 0.185)
_BOX_HALF_SIZE = (0.62, 0.85)

BOX_ASPECT = _BOX_HALF_SIZE[0] / _BOX_HALF_SIZE[1]
"""Width of that box over its height."""

WEBCAM_HALF_HEIGHT: Bounds = (1.8, 2.15)
"""An arm's length away, in face units: hairline to chin takes 40 to 50 % of the height."""


def face_box(enlarge: float = 1.0) -> View:
    """A detected face box, enlarged about its centre; a batch of one."""
    return View(torch.tensor([_BOX_CENTER]), enlarge * torch.tensor([_BOX_HALF_SIZE]))


def draw_crop(draws: Draws) -> View:
    """About an enlarged face box: its size, place and aspect vary as detectors and croppers do."""
    center = torch.tensor(_BOX_CENTER, device=draws.device) + draws.uniform(-0.12, 0.12, 2)
    box = torch.tensor(_BOX_HALF_SIZE, device=draws.device)
    squareness = draws.uniform(0.0, 1.0)[:, None]
    shape = torch.lerp(box.expand(len(draws), -1), box.max().expand(len(draws), 2), squareness)
    return View(center=center, half_size=shape * draws.uniform(1.3, 1.7)[:, None])


def draw_webcam_view(draws: Draws, aspect: float, half_height: Bounds = WEBCAM_HALF_HEIGHT) -> View:
    """A person who sits before a webcam, in frames whose width is ``aspect`` times their height."""
    half = draws.within(half_height)
    center = torch.stack([draws.uniform(-0.25, 0.25), draws.uniform(0.25, 0.45)], 1)
    return View(center=center, half_size=torch.stack([half * aspect, half], 1))


def box_within(part: View, whole: View, size_px: tuple[int, int]) -> FaceBox:
    """Where ``part`` lies in a picture of ``whole``, of (height, width) ``size_px``; each a batch of one."""
    per_unit = torch.tensor([[size_px[1], size_px[0]]]) / (2 * whole.half_size)
    corner = (part.center - part.half_size - whole.center + whole.half_size) * per_unit
    return FaceBox(*torch.cat([corner, 2 * part.half_size * per_unit], 1)[0].tolist())
