"""rFaceNet: a pulse network told by an identity network where the face's contours are.

Source: "rFaceNet", arXiv 2403.09034, Sec. 3 and Fig. 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.physnet import PHYSNET_NEEDS, PhysNet, PhysNetConfig
from rfacenet.models.resnet import Depth, ResNet18


@dataclass(frozen=True, slots=True)
class RFaceNetConfig:
    """What can be changed about rFaceNet; the defaults are the full network of the cross-dataset tables.

    ``use_tcu`` and ``fusion_stage`` are the two columns of Table 3, and every pair of them is one of its
    rows: ``(False, None)`` is the plain pulse network, ``(False, n)`` the CTFC fed with random noise,
    ``(True, None)`` two branches that do not meet, ``(True, n)`` the whole network fused at stage n.

    Attributes:
        n_identities: Subjects in the training set, one class each; 0 leaves the identity classifier out.
        use_tcu: Whether there is an identity branch behind a Temporal Compressor Unit.
        fusion_stage: Stage of the pulse branch whose output (M1, M2 or M3) is fused; None fuses nowhere.
        tcu_frames: Frames that the TCU leaves.
        tcu_upsample: Factor by which the TCU enlarges height and width; 2 for 72×72 clips (Sec. 4.2), 1 for
            128×128 ones.
        appearance: Whether the identity branch sees what the frames look like instead of how they change;
            clips then have three more channels (``InputSpec.appearance``).
        normalise_tcu: Whether the identity branch normalises the TCU's output before its first convolution.
        gentle_start: Whether the CTFC starts close to passing the pulse branch through.
        identity_depth: ResNet-18 layer whose output is the identity map.
        identity_width: Channels of ResNet-18's first layer; 64 is the published network.
        width: Channels of PhysNet; 64 is the published network.

    Raises:
        SettingsError: A value cannot work, or the identity branch would have nothing to learn from.

    Source: Sec. 3 and 4.5, Table 3.
    Differs: Fig. 2's extractor is not named in the text; ResNet-18 to its last layer is chosen, as the map is
        then coarser than M3 and needs the up-sampling that Sec. 3.3 describes. ``appearance``,
        ``normalise_tcu`` and ``gentle_start`` are not the paper's; ``literal`` is without them.
    """

    n_identities: int = 0
    use_tcu: bool = True
    fusion_stage: Literal[1, 2, 3] | None = 3
    tcu_frames: int = 1
    tcu_upsample: int = 2
    appearance: bool = False
    normalise_tcu: bool = True
    gentle_start: bool = True
    identity_depth: Depth = "layer4"
    identity_width: int = 64
    width: int = 64

    def __post_init__(self) -> None:
        if self.fusion_stage not in (None, 1, 2, 3):
            raise SettingsError(f"fusion_stage must be 1, 2, 3 or None, not {self.fusion_stage!r}.")
        if self.identity_depth not in ("layer1", "layer2", "layer3", "layer4"):
            raise SettingsError(f"identity_depth must be 'layer1' to 'layer4', not {self.identity_depth!r}.")
        for name in ("tcu_frames", "tcu_upsample", "identity_width"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if self.n_identities < 0:
            raise SettingsError(f"n_identities must be 0 or more, not {self.n_identities}.")
        if self.use_tcu and self.fusion_stage is None and self.n_identities == 0:
            raise SettingsError("A TCU without fusion needs n_identities, or nothing would train its branch.")

    @classmethod
    def literal(cls, n_identities: int, **changes: Any) -> RFaceNetConfig:
        """The paper to the letter, without the additions that are ours."""
        return replace(cls(n_identities, normalise_tcu=False, gentle_start=False), **changes)


class RFaceNetOutput(NamedTuple):
    """What one forward pass gives.

    Attributes:
        bvp: Pulse wave, ``(B, T)``.
        identity_logits: Class scores ``(B, n_identities)``, or None without a classifier. For training and
            for Fig. 3; a new subject has no class.
        alpha: Weight of the identity map in the fusion, or None without fusion.
        beta: Weight of the pulse map in the fusion, or None without fusion.
    """

    bvp: Tensor
    identity_logits: Tensor | None
    alpha: Tensor | None
    beta: Tensor | None


class TemporalCompressorUnit(nn.Module):
    """TCU: averages a clip over time into one image, or a few, at full resolution.

    Args:
        frames: Frames that are left, t'.
        upsample: Factor by which height and width are enlarged, bilinearly.

    Source: Sec. 3.2; enlargement, Sec. 4.2.
    Differs: written as means of slices, which equal the paper's 3D adaptive average pooling and, unlike it,
        export to ONNX. t' is not given; 1 follows from "avg-identity feature map" (Sec. 3.3).
    """

    def __init__(self, frames: int = 1, upsample: int = 1) -> None:
        super().__init__()
        self.frames = frames
        self.upsample = upsample

    def forward(self, clip: Tensor) -> Tensor:
        """Clip ``(B, C, T, H, W)`` to image ``(B, C·frames, H·upsample, W·upsample)``.

        Raises:
            SettingsError: The clip is shorter than ``frames``.
        """
        length = clip.shape[2]
        if length < self.frames:
            raise SettingsError(
                f"A clip of {length} frames cannot be compressed to {self.frames}; {self.frames} would work."
            )
        # Adaptive pooling's bins: they overlap by one frame where `frames` does not divide the length.
        means = [
            clip[:, :, i * length // self.frames : -(-(i + 1) * length // self.frames)].mean(2)
            for i in range(self.frames)
        ]
        image = torch.stack(means, 2).flatten(1, 2)
        if self.upsample == 1:
            return image
        return nn.functional.interpolate(image, scale_factor=float(self.upsample), mode="bilinear")


class IdentityExtractor(nn.Module):
    """The 2D feature extractor: compressed frames to identity map FM_i.

    Source: Sec. 3.1, Fig. 2.
    Differs: batch norm in front (``normalise``). Temporally normalised frames are differences, and the mean
        of differences telescopes to last frame minus first: some fifty times weaker than one frame, and
        little of a face (``RFaceNetConfig.appearance`` brings it back).
    """

    def __init__(
        self, channels_in: int, depth: Depth = "layer4", width: int = 64, normalise: bool = True
    ) -> None:
        super().__init__()
        # The default eps of 1e-5 is near the variance of a calm clip's mean difference, and would damp it.
        self.normalise = nn.BatchNorm2d(channels_in, eps=1e-8) if normalise else nn.Identity()
        self.trunk = ResNet18(channels_in, depth, width)

    def forward(self, image: Tensor) -> Tensor:
        """Image ``(B, channels_in, H, W)`` to identity map ``(B, C, ⌈H/32⌉, ⌈W/32⌉)`` at ``layer4``."""
        features: Tensor = self.trunk(self.normalise(image))
        return features


class IdentityClassifier(nn.Module):
    """Identity map to the scores of the training subjects.

    Source: Sec. 3.1. Differs: its shape is not given; a mean over the map and one linear layer.
    """

    def __init__(self, channels: int, n_identities: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, n_identities)

    def forward(self, identity_map: Tensor) -> Tensor:
        """Map ``(B, C, h, w)`` to logits ``(B, n_identities)``."""
        logits: Tensor = self.linear(identity_map.mean((2, 3)))
        return logits


class NoiseMap(nn.Module):
    """Random noise in the shape of an identity map, for the row of Table 3 with the CTFC alone.

    Source: Sec. 4.5. Differs: the paper gives no distribution; standard normal, drawn anew at every training
        step. In evaluation it is the same draw every time, so that a clip always has the same answer.
    """

    def __init__(self, channels: int, stride: int, upsample: int = 1) -> None:
        super().__init__()
        self.channels = channels
        self.stride = stride
        self.upsample = upsample

    def forward(self, clip: Tensor) -> Tensor:
        """Clip ``(B, 3, T, H, W)`` to noise ``(B, channels, ⌈H·upsample/stride⌉, ⌈W·upsample/stride⌉)``."""
        batch, _, _, height, width = clip.shape
        size = (self.channels, *(math.ceil(side * self.upsample / self.stride) for side in (height, width)))
        if self.training:
            return torch.randn(batch, *size, device=clip.device, dtype=clip.dtype)
        # From NumPy: a constant in an exported network, which would go on drawing from a torch generator.
        noise = np.random.default_rng(0).standard_normal((1, *size), np.float32)
        return torch.tensor(noise).to(clip).expand(batch, *size)


class CrossTaskFeatureCombiner(nn.Module):
    """CTFC: Fu = α·FM_i + β·FM_r, the identity map repeated along time (Eq. 1) and added (Eq. 2).

    The identity map is constant in time, so it brings no pulse of its own: it shifts each position before the
    ReLUs that follow, and so opens or closes it.

    Args:
        identity_channels: Channels of the identity map.
        rppg_channels: Channels of the pulse branch's map.
        gentle_start: Start with α = 0.1 and the pulse map's convolution as the identity.

    Source: Sec. 3.3, Eq. 1 and 2.
    Differs: each map's 1×1×1 convolution acts before the up-sampling and the repetition, which it
        commutes with; the result is the same for a fraction of the work. α and β are learned; their start is
        not given: 1 and 1 without ``gentle_start``. With it an untrained identity branch does not drown the
        pulse, the instability that Sec. 4.5 reports of early fusion.
    """

    def __init__(self, identity_channels: int, rppg_channels: int, gentle_start: bool = True) -> None:
        super().__init__()
        self.identity_convolution = nn.Conv2d(identity_channels, rppg_channels, 1)
        self.rppg_convolution = nn.Conv3d(rppg_channels, rppg_channels, 1)
        self.alpha = nn.Parameter(torch.tensor(0.1 if gentle_start else 1.0))
        self.beta = nn.Parameter(torch.tensor(1.0))
        if gentle_start:
            nn.init.dirac_(self.rppg_convolution.weight)
            nn.init.zeros_(self.rppg_convolution.bias)  # type: ignore[arg-type]  # it has a bias

    def forward(self, identity_map: Tensor, rppg_map: Tensor) -> Tensor:
        """Maps ``(B, C_i, h, w)`` and ``(B, C_r, T, H, W)`` to the fusion map ``(B, C_r, T, H, W)``."""
        identity = nn.functional.interpolate(
            self.identity_convolution(identity_map), size=rppg_map.shape[3:], mode="bilinear"
        )
        rppg: Tensor = self.rppg_convolution(rppg_map)
        return self.alpha * identity.unsqueeze(2) + self.beta * rppg


class RFaceNet(nn.Module):
    """Face clip to pulse wave and identity.

    Source: Sec. 3.1, Fig. 2. The pulse branch is PhysNet: Fig. 5's M1, M2 and M3 have its stages' shapes, and
        Sec. 4.2 trains with its settings.
    """

    Config: ClassVar = RFaceNetConfig

    def __init__(self, config: RFaceNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RFaceNetConfig()
        self.needs = replace(PHYSNET_NEEDS, appearance=config.appearance)
        self.pulse_branch = PhysNet(PhysNetConfig(config.width))
        extractor = IdentityExtractor(
            3 * config.tcu_frames, config.identity_depth, config.identity_width, config.normalise_tcu
        )
        channels, stride = extractor.trunk.channels_out, extractor.trunk.stride

        self.identity_branch: nn.Module | None = None
        self.identity_classifier: nn.Module | None = None
        self.combiner: CrossTaskFeatureCombiner | None = None
        if config.use_tcu:
            compressor = TemporalCompressorUnit(config.tcu_frames, config.tcu_upsample)
            self.identity_branch = nn.Sequential(compressor, extractor)
            if config.n_identities:
                self.identity_classifier = IdentityClassifier(channels, config.n_identities)
        elif config.fusion_stage:
            self.identity_branch = NoiseMap(channels, stride, config.tcu_upsample)
        if config.fusion_stage:
            self.combiner = CrossTaskFeatureCombiner(channels, config.width, config.gentle_start)

    def forward(self, clip: Tensor) -> RFaceNetOutput:
        """Pulse wave of each clip, and whose face it is.

        Args:
            clip: Normalised frames, ``(B, 3, T, H, W)``; ``(B, 6, T, H, W)`` with ``appearance``.

        Raises:
            SettingsError: The network cannot take a clip of this shape; the message names one that it can.
        """
        self.needs.check(clip)
        identity_map = None if self.identity_branch is None else self.identity_branch(clip[:, -3:])
        rppg_map = clip[:, :3]
        for number, stage in enumerate(self.pulse_branch.stages, start=1):
            rppg_map = stage(rppg_map)
            if self.combiner is not None and number == self.config.fusion_stage:
                rppg_map = self.combiner(identity_map, rppg_map)
        return RFaceNetOutput(
            bvp=self.pulse_branch.predict(rppg_map),
            identity_logits=None
            if self.identity_classifier is None
            else self.identity_classifier(identity_map),
            alpha=None if self.combiner is None else self.combiner.alpha,
            beta=None if self.combiner is None else self.combiner.beta,
        )
