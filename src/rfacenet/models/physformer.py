"""PhysFormer: a video transformer whose attention is led by differences in time.

Source: Yu et al., "PhysFormer: Facial Video-based Physiological Measurement with Temporal Difference
    Transformer", CVPR 2022 (arXiv 2111.12082); layers and numbers as in its authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.needs import InputNeeds
from rfacenet.models.temporal_difference import TemporalDifferenceConv3d

STEM_STRIDE_PX = 8  # three pools halve height and width
TUBE_FRAMES = 4


@dataclass(frozen=True, slots=True)
class PhysFormerConfig:
    """What can be changed about PhysFormer; the defaults are the published network (7,380,865 parameters).

    Attributes:
        dim: Channels of a token. The stem's layers have a quarter, a half and the whole of it.
        blocks: Transformer blocks.
        heads: Attention heads, which share the channels out among them.
        feed_forward: Channels inside a block's feed-forward network.
        theta: Share of the temporal difference in queries and keys, 0 to 1.
        sharpness: What attention's logits are divided by: less makes it sharper.
        dropout: Share of attention weights, and of what a block adds, that training leaves out.
        patch: Side of the patch that makes a token, on the stem's map, which has an eighth of the clip's
            height and width: a clip's sides must be a multiple of 8 · ``patch`` pixels, and up to 7 pixels
            more are left out. 128×128 works with 4 (4×4 tokens every four frames), 2 and 1; 72×72 with 3
            (3×3) and 1 (9×9); 36×36 with 4 (one token), 2 (2×2) and 1 (4×4); 16×16 with 2 (one token) and 1
            (2×2).

    Raises:
        SettingsError: A value cannot work.
    """

    dim: int = 96
    blocks: int = 12
    heads: int = 4
    feed_forward: int = 144
    theta: float = 0.7
    sharpness: float = 2.0
    dropout: float = 0.1
    patch: int = 4

    def __post_init__(self) -> None:
        dim, heads = self.dim, max(self.heads, 1)
        self.check("heads", self.heads >= 1, "at least 1", 4)
        self.check(
            "dim",
            dim >= 4 and dim % 4 == 0 and dim % heads == 0,
            f"a positive multiple of 4 and of its {heads} heads",
            24 * heads,
        )
        self.check("blocks", self.blocks >= 1, "at least 1", 12)
        self.check("feed_forward", self.feed_forward >= 1, "at least 1", 144)
        self.check("theta", 0 <= self.theta <= 1, "0 to 1", 0.7)
        self.check("sharpness", self.sharpness > 0, "above 0", 2)
        self.check("dropout", 0 <= self.dropout < 1, "0 or more and below 1", 0.1)
        self.check("patch", self.patch >= 1, "at least 1", 4)

    def check(self, name: str, fits: bool, needed: str, working: float) -> None:
        """Refuse a field's value unless it ``fits``, and say what it must be and one that would work."""
        if not fits:
            raise SettingsError(
                f"{name} must be {needed}, not {getattr(self, name):g}; {working:g} would work."
            )

    @property
    def needs(self) -> InputNeeds:
        """What the network asks of its input."""
        return InputNeeds(
            frames_multiple=TUBE_FRAMES, min_side_px=STEM_STRIDE_PX * self.patch, spare_px=STEM_STRIDE_PX
        )


class PhysFormer(nn.Module):
    """Face clip to pulse wave: convolutional stem, tube tokens, transformer blocks, temporal upsampling.

    The number of frames is free: tokens have no positional embedding, as the convolutions inside the blocks
    see which are neighbours.

    Source: the module's. Differs: sides other than 128 are taken too, and ``patch`` can suit them.
    """

    Config: ClassVar = PhysFormerConfig

    def __init__(self, config: PhysFormerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PhysFormerConfig()
        self.needs = config.needs
        self.stem = convolutional_stem(config.dim)
        tube = (TUBE_FRAMES, config.patch, config.patch)
        self.tokenise = nn.Conv3d(config.dim, config.dim, tube, stride=tube)
        self.blocks = nn.ModuleList(TransformerBlock(config) for _ in range(config.blocks))
        self.head = nn.Sequential(
            double_frames(config.dim, config.dim), double_frames(config.dim, config.dim // 2)
        )
        self.readout = nn.Conv1d(config.dim // 2, 1, 1)

    def forward(self, clip: Tensor) -> Tensor:
        """Pulse wave of each clip.

        Args:
            clip: Normalised frames, ``(B, 3, T, H, W)``.

        Returns:
            Pulse wave ``(B, T)``, no unit.

        Raises:
            SettingsError: The network cannot take a clip of this shape; the message names one that it can.
        """
        self.needs.check(clip)
        tokens = self.tokenise(self.stem(clip)).movedim(1, -1)
        for block in self.blocks:
            tokens, _ = block(tokens)
        features: Tensor = self.head(tokens.movedim(-1, 1))
        wave: Tensor = self.readout(features.mean((3, 4)))
        return wave.flatten(1)


class TransformerBlock(nn.Module):
    """Attention, then a spatio-temporal feed-forward network, each beside a shortcut.

    Tokens are ``(B, T, H, W, dim)``; the context that they may look at besides themselves, from another
    pathway, is ``(B, T', H', W', context_dim)``.

    Source: the module's, initial weights included.
    """

    def __init__(self, config: PhysFormerConfig, context_dim: int | None = None) -> None:
        super().__init__()
        dim, hidden = config.dim, config.feed_forward
        self.attention_norm = nn.LayerNorm(dim, eps=1e-6)
        self.attention = TemporalDifferenceAttention(config, context_dim)
        self.projection = nn.Linear(dim, dim)
        self.feed_forward_norm = nn.LayerNorm(dim, eps=1e-6)
        self.feed_forward = nn.Sequential(
            nn.Conv3d(dim, hidden, 1, bias=False),
            nn.BatchNorm3d(hidden),
            nn.ELU(),
            nn.Conv3d(hidden, hidden, 3, padding=1, groups=hidden, bias=False),
            nn.BatchNorm3d(hidden),
            nn.ELU(),
            nn.Conv3d(hidden, dim, 1, bias=False),
            nn.BatchNorm3d(dim),
        )
        self.dropout = nn.Dropout(config.dropout)
        nn.init.xavier_uniform_(self.projection.weight)
        nn.init.normal_(self.projection.bias, std=1e-6)

    def forward(self, tokens: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The tokens after the block, and its attention map, ``(B, heads, N, N')``."""
        attended, attention = self.attention(self.attention_norm(tokens), context)
        tokens = tokens + self.dropout(self.projection(attended))
        refined = self.feed_forward(self.feed_forward_norm(tokens).movedim(-1, 1))
        return tokens + self.dropout(refined.movedim(1, -1)), attention


class TemporalDifferenceAttention(nn.Module):
    """Attention in which temporal difference convolutions make the queries and keys.

    Shapes as in ``TransformerBlock``; N tokens are in the order of time, height, width.

    Source: the module's (TD-MHSA); the context is ours, for the cross-attention of PhysFormer++.
    """

    def __init__(self, config: PhysFormerConfig, context_dim: int | None = None) -> None:
        super().__init__()
        dim, theta = config.dim, config.theta
        self.heads = config.heads
        self.sharpness = config.sharpness
        self.query = _difference(dim, dim, theta)
        self.key = _difference(dim, dim, theta)
        self.value = nn.Conv3d(dim, dim, 1, bias=False)
        if context_dim is not None:
            self.context_norm = nn.LayerNorm(context_dim, eps=1e-6)
            self.context_key = _difference(context_dim, dim, theta)
            self.context_value = nn.Conv3d(context_dim, dim, 1, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What each token gathers, ``(B, T, H, W, dim)``, and the map, rows of which sum to one."""
        volume = tokens.movedim(-1, 1)
        query, key, value = (self._split(make(volume)) for make in (self.query, self.key, self.value))
        if context is not None:
            volume = self.context_norm(context).movedim(-1, 1)
            key = torch.cat([key, self._split(self.context_key(volume))], 2)
            value = torch.cat([value, self._split(self.context_value(volume))], 2)
        attention = attention_map(query, key, self.sharpness)
        gathered: Tensor = self.dropout(attention) @ value
        return gathered.transpose(1, 2).reshape(tokens.shape), attention

    def _split(self, volume: Tensor) -> Tensor:
        """Volume ``(B, dim, T, H, W)`` to the heads' tokens ``(B, heads, N, dim / heads)``."""
        batch, dim = volume.shape[:2]
        return volume.reshape(batch, self.heads, dim // self.heads, -1).transpose(2, 3)


def attention_map(query: Tensor, key: Tensor, sharpness: float) -> Tensor:
    """How much each query ``(..., N, d)`` takes of each key ``(..., N', d)``: ``(..., N, N')``.

    Source: the module's. ``sharpness``, its τ, stands where other transformers have the root of d.
    """
    return torch.softmax(query @ key.transpose(-2, -1) / sharpness, -1)


def convolutional_stem(dim: int) -> nn.Sequential:
    """Clip ``(B, 3, T, H, W)`` to features ``(B, dim, T, ⌊H/8⌋, ⌊W/8⌋)``."""
    layers: list[nn.Module] = []
    for convolution in (
        nn.Conv3d(3, dim // 4, (1, 5, 5), padding=(0, 2, 2)),
        nn.Conv3d(dim // 4, dim // 2, 3, padding=1),
        nn.Conv3d(dim // 2, dim, 3, padding=1),
    ):
        norm = nn.BatchNorm3d(convolution.out_channels)
        layers += [convolution, norm, nn.ReLU(inplace=True), nn.MaxPool3d((1, 2, 2))]
    return nn.Sequential(*layers)


def double_frames(channels_in: int, channels_out: int) -> nn.Sequential:
    """Each frame twice, then a convolution over time, batch norm and ELU."""
    return nn.Sequential(
        nn.Upsample(scale_factor=(2, 1, 1)),
        nn.Conv3d(channels_in, channels_out, (3, 1, 1), padding=(1, 0, 0)),
        nn.BatchNorm3d(channels_out),
        nn.ELU(),
    )


def _difference(channels_in: int, channels_out: int, theta: float) -> nn.Sequential:
    """Temporal difference convolution, then batch norm."""
    return nn.Sequential(
        TemporalDifferenceConv3d(channels_in, channels_out, theta), nn.BatchNorm3d(channels_out)
    )
