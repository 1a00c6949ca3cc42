import numpy as np
import pytest
import scipy.signal
import torch
from torch import nn

from rfacenet.models import fuse_batch_norms
from rfacenet.models.temporal_difference import TemporalDifferenceConv3d


@pytest.mark.parametrize("theta", [0.0, 0.2, 0.7, 1.0])
def test_matches_the_published_formula(theta: float) -> None:
    """conv(x) less θ times x convolved, 1×1×1, with the sum of the kernel's first and last time slice."""
    torch.manual_seed(0)
    layer = TemporalDifferenceConv3d(2, 3, theta)
    features = torch.randn(1, 2, 5, 4, 6)
    kernel = layer.weight.detach().numpy()
    expected = np.zeros((3, 5, 4, 6))
    for i in range(3):
        for j, volume in enumerate(features[0].numpy()):
            expected[i] += scipy.signal.correlate(volume, kernel[i, j], mode="same")
            expected[i] -= theta * (kernel[i, j, 0].sum() + kernel[i, j, 2].sum()) * volume
    np.testing.assert_allclose(layer(features)[0].detach(), expected, atol=1e-5)


def test_with_theta_one_neighbours_count_by_their_difference_alone() -> None:
    layer = TemporalDifferenceConv3d(1, 1, theta=1.0)
    with torch.no_grad():
        layer.weight[:, :, 1] = 0
    still = torch.full((1, 1, 5, 5, 5), 7.0)
    torch.testing.assert_close(layer(still)[..., 1:-1, 1:-1, 1:-1], torch.zeros(1, 1, 3, 3, 3))


def test_the_batch_norm_after_it_is_fused() -> None:
    torch.manual_seed(0)
    pair = nn.Sequential(TemporalDifferenceConv3d(2, 4, 0.7), nn.BatchNorm3d(4))
    features = torch.randn(2, 2, 6, 5, 5)
    nn.init.normal_(pair[1].weight)
    nn.init.normal_(pair[1].bias)
    pair(features)
    fused = fuse_batch_norms(pair.eval())
    assert isinstance(fused[1], nn.Identity)
    torch.testing.assert_close(fused(features), pair(features))
