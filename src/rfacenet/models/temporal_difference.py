"""The temporal difference convolution, which AutoHR and PhysFormer are built on."""

from __future__ import annotations

from torch import Tensor, nn


class TemporalDifferenceConv3d(nn.Conv3d):
    """3×3×3 convolution that sees, to a share θ, how the neighbouring frames differ from the middle one.

    conv(x) − θ · x ∗ s, where s, 1×1×1, is the sum of the kernel's first and last time slice: θ = 0 is a
    plain convolution, and with θ = 1 both neighbours count by their difference to the middle frame alone.

    Args:
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        theta: Share of the difference, 0 to 1.

    Source: Yu et al., "AutoHR", IEEE SPL 2020, and "PhysFormer", CVPR 2022.
    Differs: s is taken off the kernel's middle, so that one convolution does the work of two; equal, and a
        batch norm after it can be fused.
    """

    def __init__(self, channels_in: int, channels_out: int, theta: float) -> None:
        super().__init__(channels_in, channels_out, 3, padding=1, bias=False)
        self.theta = theta

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(B, channels_in, T, H, W)`` to ``(B, channels_out, T, H, W)``."""
        ends = self.weight[:, :, ::2].sum((2, 3, 4), keepdim=True)
        kernel = self.weight - self.theta * nn.functional.pad(ends, [1] * 6)
        return nn.functional.conv3d(features, kernel, self.bias, padding=1)
