"""What a picture shows: a face as croppers take it, a person before a webcam; and one within the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from rfacenet.simulation.draws import Bounds, Draws
from rfacenet.simulation.identity import draw_identity, identity_draws
from rfacenet.simulation.scene import View
from rfacenet.types import FaceBox

# Where MTCNN's box lies on a simulated face, in face units.
_BOX_CENTER = (0.0, 0.185)
_BOX_HALF_SIZE = (0.62, 0.85)


@dataclass(frozen=True, slots=True)
class Template:
    """A face that stands for every face, in a unit of its own, and the picture that is taken of it.

    Attributes:
        landmarks: ``(5, 2)`` eyes, nose, corners of the mouth.
        center: Centre of the picture.
        half_size: Half its width and height.
    """

    landmarks: Sequence[Sequence[float]]
    center: tuple[float, float]
    half_size: tuple[float, float]


BOX_ASPECT = _BOX_HALF_SIZE[0] / _BOX_HALF_SIZE[1]
"""Width of that box over its height."""

WEBCAM_HALF_HEIGHT: Bounds = (1.8, 2.15)
"""An arm's length away, in face units: hairline to chin takes 40 to 50 % of the height."""


def face_box(enlarge: float = 1.0) -> View:
    """A detected face box, enlarged about its centre; a batch of one."""
    return View(torch.tensor([_BOX_CENTER]), enlarge * torch.tensor([_BOX_HALF_SIZE]))


Framing = Callable[[Draws, Sequence[int]], View]
"""What is shown of the people with these numbers."""


def draw_crop(draws: Draws, numbers: Sequence[int] = ()) -> View:
    """About an enlarged face box: its size, place and aspect vary as detectors and croppers do."""
    center = torch.tensor(_BOX_CENTER, device=draws.device) + draws.uniform(-0.12, 0.12, 2)
    box = torch.tensor(_BOX_HALF_SIZE, device=draws.device)
    squareness = draws.uniform(0.0, 1.0)[:, None]
    shape = torch.lerp(box.expand(len(draws), -1), box.max().expand(len(draws), 2), squareness)
    return View(center=center, half_size=shape * draws.uniform(1.3, 1.7)[:, None])


def draw_aligned(draws: Draws, numbers: Sequence[int], template: Template) -> View:
    """About what a template shows once it is laid onto a face's landmarks, by least squares."""
    person = draw_identity(identity_draws(numbers, draws.device), numbers)
    zero = torch.zeros_like(person.chin)
    landmarks = [
        *((-person.eye_distance, zero), (person.eye_distance, zero), (zero, person.nose_length)),
        *((-person.mouth_width, person.mouth_y), (person.mouth_width, person.mouth_y)),
    ]
    face = torch.stack([torch.cat([x, y], 2)[:, 0] for x, y in landmarks], 1)
    laid, center, half_size = (
        torch.tensor(part, device=draws.device, dtype=torch.float32)
        for part in (template.landmarks, template.center, template.half_size)
    )
    centered = laid - laid.mean(0)
    scale = (centered * face).sum((1, 2))[:, None] / centered.square().sum()
    scale = scale * draws.uniform(0.95, 1.05)[:, None]  # detected landmarks err by a few percent
    origin = face.mean(1) - scale * laid.mean(0)
    return View(center=origin + scale * (center + draws.uniform(-0.06, 0.06, 2)), half_size=scale * half_size)


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
