"""What networks share that read a heart rate off a spatio-temporal map."""

from __future__ import annotations

from torch import Tensor, nn

from rfacenet.models.stmap import RANGE

UNIT_FRAMES = 300
"""Heads count beats in so many frames, the family's clip."""

PRIOR_BEATS, SPREAD_BEATS = 12.0, 3.0
"""A usual number of beats in these and how far from it most are: 72 and 18 beats per minute at 30 Hz."""


class RateHead(nn.Linear):
    """Features ``(..., features)`` to beats per frame ``(...)``.

    Differs: a fresh head answers near 72 beats per minute at 30 Hz, and from there learns what is faster and
        what slower; from 0, most of a first epoch would go into the mean. What it learns is how far a rate is
        from that, as in half precision a rate itself would be off by 0.3 bpm.
    """

    def __init__(self, features: int) -> None:
        super().__init__(features, 1)

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        deviation = super().forward(features).squeeze(-1).float()
        return (PRIOR_BEATS + SPREAD_BEATS * deviation) / UNIT_FRAMES


def centred(picture: Tensor) -> Tensor:
    """A map's values, 0 to 255, to −1 to 1."""
    return picture / (RANGE / 2) - 1
