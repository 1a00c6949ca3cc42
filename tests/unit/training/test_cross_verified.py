import numpy as np
import pytest
import scipy.stats
import torch

from rfacenet.models import CVDOutput, build
from rfacenet.training import LossConfig
from rfacenet.training.objectives import objective_of
from rfacenet.training.target import Target
from tester import SMALL


def test_all_terms_have_their_published_weights() -> None:
    """Against NumPy: correlations by ``pearsonr``, powers by a sum over each rate from 40 to 150 bpm."""
    generator = np.random.default_rng(0)
    t_s = np.arange(300) / 30
    rates_bpm = np.array([72.0, 96.0])
    true = np.sin(2 * np.pi * rates_bpm[:, None] / 60 * t_s)
    found = true + generator.standard_normal((2, 300))
    beats, pseudo_beats = np.array([[11.0], [17.0]]), np.array([[12.5], [15.0]])  # of 12 and 16
    maps = generator.standard_normal((2, 2, 6, 8, 8))
    features = generator.standard_normal((4, 2, 4, 2, 2))

    tones = np.exp(-2j * np.pi * np.arange(40, 151)[:, None] / 60 * t_s)
    powers = np.abs((found - found.mean(1, keepdims=True)) @ tones.T) ** 2
    shares = powers / powers.sum(1, keepdims=True)
    pearson = np.mean([scipy.stats.pearsonr(a, b).statistic for a, b in zip(found, true, strict=True)])
    expected = (
        0.02 * (1 - pearson)
        - np.log([shares[0, 72 - 40], shares[1, 96 - 40]]).mean()
        + 1.0  # beats: 1 and 1
        + 0.75  # of pseudo maps: 0.5 and 1
        + 2.5e-6 * np.abs(maps[0] - maps[1]).sum() / 2
        + 5e-6 * (np.abs(features[0] - features[1]).sum() + np.abs(features[2] - features[3]).sum()) / 2
    )

    values = (found, beats / 300, maps[0], maps[1], *features, pseudo_beats / 300)
    output = CVDOutput(*(torch.from_numpy(value).float() for value in values))
    target = Target(torch.tensor(true).float(), torch.full((2,), 30.0), torch.tensor([0, 1]), False)
    loss = objective_of(build("cvd", **SMALL["cvd"]), LossConfig())(output, target)
    assert loss.total.item() == pytest.approx(expected, rel=1e-3)
    assert loss.parts["pulse"].item() == pytest.approx(np.abs(features[0] - features[1]).sum() / 2, rel=1e-4)
