"""How clips are changed in training, and what is then true of them: only where a network's paper says so."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rfacenet.models.registry import describe
from rfacenet.models.stmap import stretched
from rfacenet.training.target import Target

Augmentation = Callable[[Tensor, Target], tuple[Tensor, Target]]
"""A batch's normalised clips and its target to others of the same shape, by torch's random numbers."""

RATES_BPM = (45.0, 150.0)
"""Between which heart rates should be spread."""

SPEEDS = (0.67, 1.5)
"""How far balancing slows a map down and speeds it up."""


def balanced(clip: Tensor, target: Target) -> tuple[Tensor, Target]:
    """Maps ``(B, C, T, rows, 1)`` at speeds at which heart rates are spread more evenly.

    Each map's new rate is drawn from ``RATES_BPM``, all equally likely, and the map comes as near to it as
    ``SPEEDS`` allow. The target's ``speed`` then says how many times as fast it is.

    Source: Niu et al., "Robust Remote Heart Rate Estimation from Face Utilizing Spatial-temporal Attention",
        FG 2019: resampled in time by 0.67 to 1.5 to balance heart rates.
    Differs: how speeds are chosen is not known. A slower map is a part of the given one; a faster one, which
        needs more frames than there are, goes on mirrored in time at its ends.
    """
    rate_bpm = target.rate_bpm
    share, place = torch.rand(2, len(rate_bpm), device=clip.device)
    low, high = RATES_BPM
    speed = ((low + share * (high - low)) / rate_bpm).clamp(*SPEEDS)
    return at_speed(clip, speed, place), target._replace(speed=speed)


def at_speed(clip: Tensor, speed: Tensor, place: Tensor) -> Tensor:
    """Maps ``(B, C, T, rows, 1)`` read at ``speed`` times their own, ``(B,)``, and stretched anew.

    Args:
        clip: The maps.
        speed: At most 2, where mirrored ends are no longer enough.
        place: Where the frames that are read lie among those that could be, or the given frames among those
            that are read: from 0, as early as can be, to 1, ``(B,)``.
    """
    last = clip.shape[2] - 1
    t = torch.arange(last + 1, device=clip.device) * speed[:, None] + (place * (1 - speed) * last)[:, None]
    t = last - (last - t.abs()).abs()  # mirrored before the first frame and behind the last
    before = t.floor().clamp(0, last - 1)
    part = (t - before)[:, None, :, None, None].to(clip.dtype)
    index = before.long()[:, None, :, None, None].expand(clip.shape)
    return stretched(torch.lerp(clip.gather(2, index), clip.gather(2, index + 1), part))


def _unchanged(clip: Tensor, target: Target) -> tuple[Tensor, Target]:
    return clip, target


_AUGMENTATIONS: dict[str, Augmentation] = {"stattention": balanced}


def augmentation_of(network: nn.Module) -> Augmentation:
    """How a network's clips are changed in training."""
    return _AUGMENTATIONS.get(describe(network)[0], _unchanged)
