"""The networks against the same layers in NumPy, in the layout in which the weights are stored."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view

from rfacenet.errors import WeightsError
from rfacenet.faces import networks


def stored(name: str) -> list[np.ndarray]:
    folder = Path(importlib.util.find_spec("mtcnn").origin).parent / "assets" / "weights"
    return [array.astype(np.float64) for array in joblib.load(folder / name)]


def conv(x, weights):
    kernel, bias = weights.pop(0), weights.pop(0)
    windows = sliding_window_view(x, kernel.shape[:2], axis=(1, 2))  # n, h, w, c, kh, kw
    return np.einsum("nhwcij,ijco->nhwo", windows, kernel, optimize=True) + bias


def prelu(x, weights):
    return np.where(x > 0, x, x * weights.pop(0).reshape(-1))


def pool(x, size, padded):
    if padded:  # so that the last, incomplete window counts too
        ends = [-(n - size) % 2 for n in x.shape[1:3]]
        x = np.pad(x, ((0, 0), (0, ends[0]), (0, ends[1]), (0, 0)), constant_values=-np.inf)
    return sliding_window_view(x, (size, size), axis=(1, 2))[:, ::2, ::2].max(axis=(-2, -1))


def dense(x, weights):
    return x @ weights.pop(0) + weights.pop(0)


def face_probability(scores):
    return 1 / (1 + np.exp(scores[..., 0] - scores[..., 1]))


def pictures(n, height, width):
    return np.random.default_rng(7).uniform(-1, 1, (n, height, width, 3))


def as_tensor(x):
    return torch.from_numpy(x.transpose(0, 3, 1, 2)).float()


@pytest.mark.parametrize("size", [(12, 12), (31, 24)])
def test_pnet_matches_numpy(size):
    x = pictures(1, *size)
    probability, offsets = networks.load_networks()[0](as_tensor(x))
    weights = stored("pnet.lz4")
    x = pool(prelu(conv(x, weights), weights), 2, padded=True)
    x = prelu(conv(x, weights), weights)
    x = prelu(conv(x, weights), weights)
    np.testing.assert_allclose(offsets.numpy().transpose(0, 2, 3, 1), conv(x, weights), atol=1e-5)
    np.testing.assert_allclose(probability, face_probability(conv(x, weights)), atol=1e-5)


def test_rnet_matches_numpy():
    x = pictures(3, 24, 24)
    probability, offsets = networks.load_networks()[1](as_tensor(x))
    weights = stored("rnet.lz4")
    x = pool(prelu(conv(x, weights), weights), 3, padded=True)
    x = pool(prelu(conv(x, weights), weights), 3, padded=False)
    x = prelu(conv(x, weights), weights)
    x = prelu(dense(x.transpose(0, 2, 1, 3).reshape(3, -1), weights), weights)
    np.testing.assert_allclose(offsets, dense(x, weights), atol=1e-5)
    np.testing.assert_allclose(probability, face_probability(dense(x, weights)), atol=1e-5)


def test_onet_matches_numpy():
    x = pictures(3, 48, 48)
    probability, offsets, landmarks = networks.load_networks()[2](as_tensor(x))
    weights = stored("onet.lz4")
    x = pool(prelu(conv(x, weights), weights), 3, padded=True)
    x = pool(prelu(conv(x, weights), weights), 3, padded=False)
    x = pool(prelu(conv(x, weights), weights), 2, padded=True)
    x = prelu(conv(x, weights), weights)
    x = prelu(dense(x.transpose(0, 2, 1, 3).reshape(3, -1), weights), weights)
    np.testing.assert_allclose(offsets, dense(x, weights), atol=1e-5)
    np.testing.assert_allclose(landmarks, dense(x, weights), atol=1e-5)
    np.testing.assert_allclose(probability, face_probability(dense(x, weights)), atol=1e-5)


def test_loading_leaves_the_random_state_alone():
    before = torch.get_rng_state()
    networks.load_networks()
    assert torch.equal(before, torch.get_rng_state())


def test_missing_package_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install mtcnn"):
        networks.load_networks()


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x04]\x94."])  # the last one is an empty list
def test_damaged_weights_are_a_clear_error(monkeypatch, tmp_path, content):
    (tmp_path / "pnet.lz4").write_bytes(content)
    monkeypatch.setattr(networks, "_weights_folder", lambda: tmp_path)
    with pytest.raises(WeightsError, match=r"pnet\.lz4"):
        networks.load_networks()


def test_the_package_mtcnn_is_never_imported():
    code = "import sys, rfacenet.faces.mtcnn as m; m.Mtcnn(); assert 'mtcnn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
