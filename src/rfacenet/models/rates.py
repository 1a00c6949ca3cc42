"""What networks share that read a heart rate off a spatio-temporal map."""

from __future__ import annotations

from torch import Tensor, nn

from rfacenet.models.stmap import RANGE

UNIT_FRAMES = 300
"""Heads count beats in so many frames, the family's clip."""

PRIOR_BEATS = 12.5
"""What a fresh head answers, in that unit: 75 beats a minute at 30 frames a second."""


class RateHead(nn.Linear):
    """Features ``(..., features)`` to beats per frame ``(...)``.

    Differs: a fresh head answers near 75 beats per minute at 30 Hz (its bias is set to that), and from there
        learns what is faster and what slower; from 0, most of a first epoch would go into the mean.
    """

    def __init__(self, features: int) -> None:
        super().__init__(features, 1)
        nn.init.constant_(self.bias, PRIOR_BEATS)

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        return super().forward(features).squeeze(-1) / UNIT_FRAMES


def centred(picture: Tensor) -> Tensor:
    """A map's values, 0 to 255, to −1 to 1."""
    return picture / (RANGE / 2) - 1
