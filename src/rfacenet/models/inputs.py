"""What a network takes in: pixels of which size and rate, normalised in which way.

Normalisation is part of the model and its settings travel with the weights, so that weights cannot meet
pixels prepared in another way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast, get_args

import torch
from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.stmap import CHANNELS, MapForm, SpatioTemporalMap
from rfacenet.types import N_REGIONS, RegionSet

PixelNormalisation = Literal["diff_normalized", "standardized", "scaled", "raw"]
Normalisation = PixelNormalisation | MapForm
LabelForm = Literal["wave", "difference", "rate"]
NORMALISATIONS: tuple[str, ...] = (*get_args(PixelNormalisation), *get_args(MapForm))


@dataclass(frozen=True)  # no slots: jsonargparse reads a default through vars()
class InputSpec:
    """The input that a network was trained on.

    Attributes:
        frames: Frames of a clip.
        height: Height of a face crop, pixels; of a spatio-temporal map, its regions.
        width: Width of a face crop, pixels; of a spatio-temporal map, 1.
        fs_hz: Frame rate of a clip, Hz.
        normalisation: How pixels become the network's input.
        label_form: What the network puts out: the pulse wave; or its frame-to-frame difference, which has to
            be summed up to give the wave; or the heart rate alone.
        appearance: Whether three more channels show what the frames look like, standardised.
        regions: Of what regions a spatio-temporal map is made; then a pixel is the mean colour of one of
            them, and normalising makes the map. None for face crops.

    Raises:
        SettingsError: A number is not positive or a name is unknown.
    """

    frames: int
    height: int
    width: int
    fs_hz: float
    normalisation: Normalisation
    label_form: LabelForm
    appearance: bool = False
    regions: RegionSet | None = None

    @property
    def channels(self) -> int:
        """Channels of a clip once it is normalised."""
        return CHANNELS.get(self.normalisation, 6 if self.appearance else 3)

    @property
    def rows(self) -> int:
        """Height of a clip once it is normalised: a map may have more rows than regions."""
        return 2**self.height - 1 if self.normalisation == "map_rgb_yuv" else self.height

    def __post_init__(self) -> None:
        for name in ("frames", "height", "width", "fs_hz"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"An input's {name} must be above 0, not {getattr(self, name)}.")
        for name, names in (("normalisation", NORMALISATIONS), ("label_form", get_args(LabelForm))):
            if getattr(self, name) not in names:
                raise SettingsError(
                    f"An input's {name} must be one of {', '.join(names)}, not {getattr(self, name)!r}."
                )
        if (self.regions is None) == (self.normalisation in CHANNELS):
            raise SettingsError(
                f"An input's normalisation {self.normalisation!r} does not go with regions {self.regions!r}; "
                f"{', '.join(CHANNELS)} are for regions, the others for face crops."
            )
        if self.regions is not None and (self.height, self.width) != (N_REGIONS[self.regions], 1):
            raise SettingsError(
                f"A map of {self.regions!r} takes height {N_REGIONS[self.regions]} and width 1, "
                f"not {self.height} and {self.width}."
            )


# Sec. 4.2 gives the shapes; the rest of the first is rPPG-Toolbox's PhysNet setting, "the same
# hyperparameters as PhysNet". Differs: the rate and label of the second are not given; 30 Hz is VIPL-HR's
# most common rate, and a label that was only upsampled is a wave.
CROSS_DATASET_INPUT = InputSpec(128, 72, 72, 30.0, "diff_normalized", "difference")
VIPL_HR_INPUT = InputSpec(64, 128, 128, 30.0, "diff_normalized", "wave")


def normaliser(spec: InputSpec) -> nn.Module:
    """The module that normalises pixels as ``spec`` says."""
    if spec.normalisation in CHANNELS:
        return SpatioTemporalMap(cast(MapForm, spec.normalisation), spec.fs_hz)
    modules = {"diff_normalized": DiffNormalized, "standardized": Standardized, "scaled": Scaled, "raw": Raw}
    normalise = modules[spec.normalisation]()
    return WithAppearance(normalise) if spec.appearance else normalise


class DiffNormalized(nn.Module):
    """Relative change from frame to frame, over its standard deviation: "temporally normalized frames".

    d[t] = (f[t+1] − f[t]) / (f[t+1] + f[t]), divided by the deviation of the whole clip. The last frame has
    no next one and is zero, as is a clip in which nothing changes.

    Source: Sec. 3 and Fig. 2 name it; formula, Chen & McDuff, "DeepPhys", ECCV 2018, Sec. 3.2.
    Differs: the deviation is the clip's, not the whole video's, as a clip is all that live use has.
    """

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels ``(B, 3, T, H, W)``, 0 to 255, of any dtype, to float32 of the same shape."""
        before, after = pixels[:, :, :-1].float(), pixels[:, :, 1:].float()
        change = (after - before) / (after + before + 1e-7)  # two black pixels: no change
        deviation = change.std((1, 2, 3, 4), correction=0, keepdim=True)
        return nn.functional.pad(change / deviation.clamp_min(1e-7), (0, 0, 0, 0, 0, 1))


class Standardized(nn.Module):
    """Pixels less their clip's mean, over its standard deviation; a clip of one colour is zero."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels ``(B, 3, T, H, W)`` of any dtype to float32 of the same shape."""
        pixels = pixels.float()
        deviation, mean = torch.std_mean(pixels, (1, 2, 3, 4), correction=0, keepdim=True)
        return (pixels - mean) / deviation.clamp_min(1e-7)


class Scaled(nn.Module):
    """Pixels from −1 to nearly 1, whatever the clip.

    Source: Yu et al., "PhysFormer", CVPR 2022, as its authors' code has it: (x − 127.5) / 128.
    """

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels ``(B, 3, T, H, W)`` of any dtype to float32 of the same shape."""
        return (pixels.float() - 127.5) / 128


class Raw(nn.Module):
    """Pixels as they are, for a network that does its own normalisation."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels ``(B, 3, T, H, W)`` of any dtype to float32, still 0 to 255."""
        return pixels.float()


class WithAppearance(nn.Module):
    """Normalised pixels, and behind them what the frames look like.

    Source: Chen & McDuff, "DeepPhys", ECCV 2018, Sec. 3.2 and 3.3 (motion and appearance).
    """

    def __init__(self, normalise: nn.Module) -> None:
        super().__init__()
        self.normalise = normalise
        self.appearance = Standardized()

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels ``(B, 3, T, H, W)`` of any dtype to float32 ``(B, 6, T, H, W)``."""
        return torch.cat([self.normalise(pixels), self.appearance(pixels)], 1)


class PulseModel(nn.Module):
    """A network with the input it was made for: pixels in, pulse wave out, or the heart rate alone.

    Attributes:
        network: PhysNet, rFaceNet or another; training calls it on ``normalise(pixels)`` for all its outputs.
        input_spec: What ``pixels`` must be.
    """

    def __init__(self, network: nn.Module, input_spec: InputSpec) -> None:
        super().__init__()
        self.network = network
        self.input_spec = input_spec
        self.normalise = normaliser(input_spec)

    def forward(self, pixels: Tensor) -> Tensor:
        """Pulse wave of each clip, or its heart rate.

        Args:
            pixels: RGB, 0 to 255, ``(B, 3, T, H, W)``, at the specification's size and rate; T is free.

        Returns:
            ``(B, T)`` at the frame rate, in the specification's ``label_form``; where that is ``rate``, heart
            rates ``(B,)`` in beats per minute.

        Raises:
            SettingsError: Height or width are not the specification's, or the network cannot take T frames.
        """
        expected = (self.input_spec.height, self.input_spec.width)
        if tuple(pixels.shape[-2:]) != expected:
            raise SettingsError(
                f"These weights were made for face crops of {expected[0]}×{expected[1]} pixels, "
                f"not {pixels.shape[-2]}×{pixels.shape[-1]}."
            )
        output = self.network(self.normalise(pixels))
        return rate_bpm_of(output, self.input_spec.fs_hz) if self.gives_rate else bvp_of(output)

    @property
    def gives_rate(self) -> bool:
        """Whether the network gives heart rates and no wave."""
        return self.input_spec.label_form == "rate"


def bvp_of(output: Any) -> Tensor:
    """The pulse wave ``(B, T)`` in a network's output."""
    bvp: Tensor = output if isinstance(output, Tensor) else output.bvp
    return bvp


def rate_bpm_of(output: Any, fs_hz: float | Tensor) -> Tensor:
    """The heart rate ``(B,)``, beats per minute, in the output of a network that gives rates.

    Args:
        output: Its ``beats_per_frame`` is ``(B, K)``, one for each of K parts of the clip.
        fs_hz: Frame rate, one or ``(B,)``.
    """
    beats_per_frame: Tensor = output.beats_per_frame
    return 60 * fs_hz * beats_per_frame.mean(1)


class RateOutput(NamedTuple):
    """What a network without a wave gives.

    Attributes:
        beats_per_frame: Heart rate of each of K parts of each clip, ``(B, K)``.
    """

    beats_per_frame: Tensor
