"""PhysFormer++: PhysFormer with a slow and a fast pathway, made anew from what is known of it.

Source: Yu et al., "PhysFormer++: Facial Video-based Physiological Measurement with SlowFast Temporal
    Difference Transformer", IJCV 2023 (arXiv 2302.03548).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from rfacenet.models.physformer import (
    TUBE_FRAMES,
    PhysFormerConfig,
    TransformerBlock,
    convolutional_stem,
    double_frames,
)

STAGES = 3


@dataclass(frozen=True, slots=True)
class PhysFormerPlusPlusConfig(PhysFormerConfig):
    """What can be changed about PhysFormer++: the slow pathway is PhysFormer's, the fast one half as wide.

    Attributes:
        dim: Channels of a slow token, a multiple of 8; a fast one has half of them.
        blocks: Transformer blocks of each pathway, a multiple of its three stages.
        heads: Attention heads of the slow pathway, an even number; the fast one has half of them.
        feed_forward: Channels inside a slow block's feed-forward network; half of them in a fast one.
        theta: As in PhysFormer.
        sharpness: As in PhysFormer.
        dropout: As in PhysFormer.
        patch: As in PhysFormer, for both pathways.

    Raises:
        SettingsError: A value cannot work.
    """

    def __post_init__(self) -> None:
        PhysFormerConfig.__post_init__(self)
        self.check("heads", self.heads % 2 == 0, "even", 4)
        self.check(
            "dim", self.dim % 8 == 0, f"a multiple of 8 and of its {self.heads} heads", 24 * self.heads
        )
        self.check("blocks", self.blocks % STAGES == 0, f"a multiple of {STAGES}", 12)
        self.check("feed_forward", self.feed_forward % 2 == 0, "even", 144)

    @property
    def fast(self) -> PhysFormerConfig:
        """The fast pathway's settings."""
        return PhysFormerConfig(
            self.dim // 2,
            self.blocks,
            self.heads // 2,
            self.feed_forward // 2,
            self.theta,
            self.sharpness,
            self.dropout,
            self.patch,
        )


class PhysFormerPlusPlusOutput(NamedTuple):
    """What one forward pass gives.

    Attributes:
        bvp: Pulse wave, ``(B, T)``.
        periodicity: How much a time step of the slow pathway looks at each other one in its last block,
            ``(B, T/4, T/4)``; rows sum to one. Training asks of it to follow the beats.
    """

    bvp: Tensor
    periodicity: Tensor


class PhysFormerPlusPlus(nn.Module):
    """Face clip to pulse wave, by a slow pathway with many channels and a fast one with twice the tokens.

    Source: the module's. Known of it, from its abstract: two pathways after SlowFast, temporal difference
        transformers with periodic attention and with cross-attention, PhysFormer's losses.
    Differs: a re-creation; no code is public, and the text was not to be had. Ours are: tubes of four frames
        (slow, as PhysFormer's) and of two, with half of the channels, heads and feed-forward (fast); three
        stages of four blocks; a lateral connection between stages, from fast to slow; in the last two stages
        fast tokens that look at their own pathway and at the slow one in one attention map; both pathways
        side by side at the head; periodic attention as a loss on one map (``PeriodicCurriculumObjective``).
        These are 10,272,817 parameters. The paper is remembered, unchecked, to give 9.8 million, and 7.03
        million for PhysFormer, whose code has 0.35 million more.
    """

    Config: ClassVar = PhysFormerPlusPlusConfig
    recreation: ClassVar[bool] = True

    def __init__(self, config: PhysFormerPlusPlusConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PhysFormerPlusPlusConfig()
        self.needs = config.needs
        slow_dim, fast_dim = config.dim, config.fast.dim
        self.stem = convolutional_stem(slow_dim)
        slow_tube = (TUBE_FRAMES, config.patch, config.patch)
        fast_tube = (TUBE_FRAMES // 2, config.patch, config.patch)
        self.tokenise_slow = nn.Conv3d(slow_dim, slow_dim, slow_tube, stride=slow_tube)
        self.tokenise_fast = nn.Conv3d(slow_dim, fast_dim, fast_tube, stride=fast_tube)
        self.stages = nn.ModuleList(_Stage(config, meet=number > 0) for number in range(STAGES))
        self.double_slow = double_frames(slow_dim, slow_dim)
        joint_dim = slow_dim + fast_dim
        self.head = double_frames(joint_dim, joint_dim // 2)
        self.readout = nn.Conv1d(joint_dim // 2, 1, 1)

    def forward(self, clip: Tensor) -> PhysFormerPlusPlusOutput:
        """Pulse wave of each clip, and which time steps resemble each other.

        Args:
            clip: Normalised frames, ``(B, 3, T, H, W)``.

        Raises:
            SettingsError: The network cannot take a clip of this shape; the message names one that it can.
        """
        self.needs.check(clip)
        features = self.stem(clip)
        slow = self.tokenise_slow(features).movedim(1, -1)
        fast = self.tokenise_fast(features).movedim(1, -1)
        for stage in self.stages:
            slow, fast, attention = stage(slow, fast)
        joint = torch.cat([self.double_slow(slow.movedim(-1, 1)), fast.movedim(-1, 1)], 1)
        wave: Tensor = self.readout(self.head(joint).mean((3, 4)))
        return PhysFormerPlusPlusOutput(wave.flatten(1), _over_time(attention, slow.shape[1]))


class _Stage(nn.Module):
    """Blocks of both pathways side by side.

    Args:
        config: The network's.
        meet: Whether the fast pathway joins the slow one first, and its blocks look at the slow one too.
    """

    def __init__(self, config: PhysFormerPlusPlusConfig, meet: bool) -> None:
        super().__init__()
        each = range(config.blocks // STAGES)
        context_dim = config.dim if meet else None
        self.slow = nn.ModuleList(TransformerBlock(config) for _ in each)
        self.fast = nn.ModuleList(TransformerBlock(config.fast, context_dim) for _ in each)
        self.lateral = _lateral(config.fast.dim, config.dim) if meet else None

    def forward(self, slow: Tensor, fast: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens of both pathways after the stage, and the attention map of the last slow block."""
        if self.lateral is not None:
            slow = slow + self.lateral(fast.movedim(-1, 1)).movedim(1, -1)
        for slow_block, fast_block in zip(self.slow, self.fast, strict=True):
            slow, attention = slow_block(slow)
            fast, _ = fast_block(fast, None if self.lateral is None else slow)
        return slow, fast, attention


def _lateral(fast_dim: int, slow_dim: int) -> nn.Sequential:
    """Fast features to the shape of the slow ones: half the time steps, twice the channels."""
    return nn.Sequential(
        nn.Conv3d(fast_dim, slow_dim, (3, 1, 1), stride=(2, 1, 1), padding=(1, 0, 0)),
        nn.BatchNorm3d(slow_dim),
        nn.ELU(),
    )


def _over_time(attention: Tensor, steps: int) -> Tensor:
    """Attention map ``(B, heads, N, N)`` to the attention between time steps, ``(B, steps, steps)``."""
    each = attention.shape[2] // steps
    by_step = attention.reshape(len(attention), -1, steps, each, steps, each)
    return by_step.mean((1, 3)).sum(3)
