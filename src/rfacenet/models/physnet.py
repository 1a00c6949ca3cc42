"""PhysNet: the 3D convolutional network that rFaceNet takes its pulse branch from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.needs import InputNeeds

# Two pools halve time and two transposed convolutions double it again; four pools halve height and width, and
# something must be left.
PHYSNET_NEEDS = InputNeeds(frames_multiple=4, min_side_px=16)


@dataclass(frozen=True, slots=True)
class PhysNetConfig:
    """What can be changed about PhysNet.

    Attributes:
        width: Channels of every layer but the first two, which have a quarter and a half of it. 64 is the
            published network (768,577 parameters); less makes a network for small machines.

    Raises:
        SettingsError: ``width`` is not a positive multiple of 4.
    """

    width: int = 64

    def __post_init__(self) -> None:
        if self.width < 4 or self.width % 4:
            raise SettingsError(
                f"PhysNet's width must be a positive multiple of 4, not {self.width}; 64 would work."
            )


class PhysNet(nn.Module):
    """Face clip to pulse wave, in three stages and a predictor.

    ``stages`` give the feature maps that the rFaceNet paper calls M1, M2 and M3; ``predict`` turns M3 into
    the pulse wave. The number of frames is free, because no layer is tied to it.

    Source: Yu, Li, Zhao, "Remote Photoplethysmograph Signal Measurement from Facial Videos Using
        Spatio-Temporal Networks", BMVC 2019, encoder-decoder variant; stages as in rFaceNet, Fig. 5.
    Differs: the last pool is a mean over height and width, not an adaptive pool to ``(frames, 1, 1)``: equal
        where frames are a multiple of 4, which is required here, and exportable to ONNX.
    """

    Config: ClassVar = PhysNetConfig
    needs = PHYSNET_NEEDS

    def __init__(self, config: PhysNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or PhysNetConfig()
        width = self.config.width
        stem = width // 4
        self.stages = nn.ModuleList(
            [
                nn.Sequential(
                    _convolve(3, stem, (1, 5, 5)),
                    nn.MaxPool3d((1, 2, 2)),
                    _convolve(stem, width // 2),
                    _convolve(width // 2, width),
                ),
                nn.Sequential(nn.MaxPool3d(2), _convolve(width, width), _convolve(width, width)),
                nn.Sequential(nn.MaxPool3d(2), _convolve(width, width), _convolve(width, width)),
            ]
        )
        self.decoder = nn.Sequential(
            nn.MaxPool3d((1, 2, 2)),
            _convolve(width, width),
            _convolve(width, width),
            _double_frames(width),
            _double_frames(width),
        )
        self.readout = nn.Conv3d(width, 1, 1)

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
        for stage in self.stages:
            clip = stage(clip)
        return self.predict(clip)

    def predict(self, m3: Tensor) -> Tensor:
        """The BVP predictor: third-stage map ``(B, width, T/4, H/8, W/8)`` to pulse wave ``(B, T)``."""
        features: Tensor = self.decoder(m3)
        wave: Tensor = self.readout(features.mean((3, 4), keepdim=True))
        return wave.flatten(1)


def _convolve(channels_in: int, channels_out: int, kernel: tuple[int, int, int] = (3, 3, 3)) -> nn.Sequential:
    """Convolution that keeps T, H and W, then batch norm and ReLU."""
    depth, height, width = kernel
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, kernel, padding=(depth // 2, height // 2, width // 2)),
        nn.BatchNorm3d(channels_out),
        nn.ReLU(inplace=True),
    )


def _double_frames(channels: int) -> nn.Sequential:
    """Transposed convolution that doubles T alone, then batch norm and ELU."""
    return nn.Sequential(
        nn.ConvTranspose3d(channels, channels, (4, 1, 1), stride=(2, 1, 1), padding=(1, 0, 0)),
        nn.BatchNorm3d(channels),
        nn.ELU(),
    )
