"""ResNet-18's convolutional trunk, for images with any number of channels.

Written here because torchvision cannot be relied on to import beside a CPU build of torch.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

Depth = Literal["layer1", "layer2", "layer3", "layer4"]


class ResNet18(nn.Module):
    """Image ``(B, channels_in, H, W)`` to feature map ``(B, channels_out, ⌈H/stride⌉, ⌈W/stride⌉)``.

    Args:
        channels_in: Channels of an image.
        depth: The last layer.
        width: Channels of the first layer.
        average: Whether the stem pools means, and not greatest values.

    Attributes:
        channels_out: Channels of the feature map: ``width``, doubled by every layer after the first.
        stride: Image pixels to one step of the feature map: 32 for ``layer4``, 16 for ``layer3``.

    Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, Table 1.
    """

    def __init__(
        self, channels_in: int = 3, depth: Depth = "layer4", width: int = 64, average: bool = False
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels_in, width, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            (nn.AvgPool2d if average else nn.MaxPool2d)(3, stride=2, padding=1),
        )
        self.layers = nn.Sequential(_ResidualBlock(width, width), _ResidualBlock(width, width))
        self.channels_out, self.stride = width, 4
        for _ in range(int(depth[-1]) - 1):
            self.layers.append(_ResidualBlock(self.channels_out, 2 * self.channels_out, stride=2))
            self.layers.append(_ResidualBlock(2 * self.channels_out, 2 * self.channels_out))
            self.channels_out, self.stride = 2 * self.channels_out, 2 * self.stride

    def forward(self, image: Tensor) -> Tensor:
        """Feature map of each image; see the class for the shapes."""
        features: Tensor = self.layers(self.stem(image))
        return features

    def each_layer(self, image: Tensor) -> list[Tensor]:
        """Feature map of each image after every layer."""
        maps = [self.stem(image)]
        for number in range(0, len(self.layers), 2):
            maps.append(self.layers[number : number + 2](maps[-1]))
        return maps[1:]


class _ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut = nn.Sequential()  # the input itself, unless its shape has to change
        if stride != 1 or channels_in != channels_out:
            self.shortcut.append(nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels_out))

    def forward(self, features: Tensor) -> Tensor:
        return nn.functional.relu(self.residual(features) + self.shortcut(features))
