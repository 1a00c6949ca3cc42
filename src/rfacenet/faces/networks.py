"""The three networks of MTCNN, and their published weights.

Source: K. Zhang, Z. Zhang, Z. Li, Y. Qiao, "Joint Face Detection and Alignment using Multi-task Cascaded
Convolutional Networks", IEEE Signal Processing Letters 23 (2016), arXiv 1604.02878, Fig. 2.

All take ``(N, 3, H, W) float32`` RGB, scaled to about -1 to 1, and give the probability of a face first, then
the offsets of its box: left, top, right, bottom, in units of the input window's width and height.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TypeVar

import joblib
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rfacenet.errors import WeightsError

Net = TypeVar("Net", bound=nn.Module)


class PNet(nn.Module):
    """Proposal network: every 12 x 12 window of a picture, at a stride of 2 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 10, 3), nn.PReLU(10), nn.MaxPool2d(2, 2, ceil_mode=True),
            nn.Conv2d(10, 16, 3), nn.PReLU(16),
            nn.Conv2d(16, 32, 3), nn.PReLU(32),
        )  # fmt: skip
        self.offsets = nn.Conv2d(32, 4, 1)
        self.scores = nn.Conv2d(32, 2, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Face probability ``(N, h, w)`` and box offsets ``(N, 4, h, w)`` of every window."""
        features = self.features(pictures)
        return self.scores(features).softmax(dim=1)[:, 1], self.offsets(features)


class RNet(nn.Module):
    """Refinement network: 24 x 24 candidates."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 28, 3), nn.PReLU(28), nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(28, 48, 3), nn.PReLU(48), nn.MaxPool2d(3, 2),
            nn.Conv2d(48, 64, 2), nn.PReLU(64),
            _FlattenColumnsFirst(), nn.Linear(3 * 3 * 64, 128), nn.PReLU(128),
        )  # fmt: skip
        self.offsets = nn.Linear(128, 4)
        self.scores = nn.Linear(128, 2)

    def forward(self, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Face probability ``(N,)`` and box offsets ``(N, 4)``."""
        features = self.features(candidates)
        return self.scores(features).softmax(dim=1)[:, 1], self.offsets(features)


class ONet(nn.Module):
    """Output network: 48 x 48 candidates, with five facial landmarks."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 3), nn.PReLU(32), nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(32, 64, 3), nn.PReLU(64), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 64, 3), nn.PReLU(64), nn.MaxPool2d(2, 2, ceil_mode=True),
            nn.Conv2d(64, 128, 2), nn.PReLU(128),
            _FlattenColumnsFirst(), nn.Linear(3 * 3 * 128, 256), nn.PReLU(256),
        )  # fmt: skip
        self.offsets = nn.Linear(256, 4)
        self.landmarks = nn.Linear(256, 10)
        self.scores = nn.Linear(256, 2)

    def forward(self, candidates: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Face probability ``(N,)``, box offsets ``(N, 4)`` and landmarks ``(N, 10)``.

        The landmarks are five x, then five y, from 0 to 1 across the window: left eye, right eye, nose, left
        and right corner of the mouth, as the viewer sees them.
        """
        features = self.features(candidates)
        return self.scores(features).softmax(dim=1)[:, 1], self.offsets(features), self.landmarks(features)


class _FlattenColumnsFirst(nn.Module):
    """Flatten in the order (width, height, channel) in which the published weights are stored."""

    def forward(self, features: Tensor) -> Tensor:
        """``(N, C, H, W)`` to ``(N, W * H * C)``."""
        return features.permute(0, 3, 2, 1).flatten(1)


def load_networks() -> tuple[PNet, RNet, ONet]:
    """The three networks with the weights that the installed package ``mtcnn`` carries, ready for use.

    Raises:
        WeightsError: The package or one of its weight files is missing, or holds something else.
    """
    folder = _weights_folder()
    # On "meta" nothing is allocated or drawn, so the user's random state stays untouched.
    with torch.device("meta"):
        pnet, rnet, onet = PNet(), RNet(), ONet()
    return (
        _with_weights(pnet, folder / "pnet.lz4"),
        _with_weights(rnet, folder / "rnet.lz4"),
        _with_weights(onet, folder / "onet.lz4"),
    )


def _weights_folder() -> Path:
    """Where the package ``mtcnn`` keeps its weights; not imported for it, as that asks for TensorFlow."""
    spec = importlib.util.find_spec("mtcnn")
    if spec is None or spec.origin is None:
        raise WeightsError("The face detector's weights are missing: install them by pip install mtcnn.")
    return Path(spec.origin).parent / "assets" / "weights"


def _with_weights(net: Net, path: Path) -> Net:
    """``net`` with the weights of a file, which lists them in the order in which the layers are defined."""
    names = list(net.state_dict())
    try:
        # joblib unpickles, and a pickle can run code: this one comes with an installed package, which could
        # run code anyway, and never from the user.
        arrays = joblib.load(path)
        state = {name: _to_torch(array) for name, array in zip(names, arrays, strict=True)}
        net.load_state_dict(state, assign=True)
    except Exception as error:  # whatever a damaged pickle raises
        raise WeightsError(f"The face detector's weights {path} cannot be read: reinstall mtcnn.") from error
    return net.requires_grad_(False).eval()


def _to_torch(array: NDArray[np.float32]) -> Tensor:
    """A Keras weight in PyTorch's layout: kernels (H, W, in, out), dense (in, out), others are vectors."""
    axes = {4: (3, 2, 0, 1), 2: (1, 0)}.get(array.ndim)
    return torch.from_numpy(np.ascontiguousarray(array.transpose(axes) if axes else array.reshape(-1)))
