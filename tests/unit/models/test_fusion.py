import pytest
from torch import nn

from rfacenet.errors import SettingsError
from rfacenet.models import PhysNet, PhysNetConfig, RFaceNet, RFaceNetConfig, fuse_batch_norms


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d) for module in network.modules())


def test_no_norm_behind_a_convolution_is_left() -> None:
    physnet = PhysNet(PhysNetConfig(width=8)).eval()
    rfacenet = RFaceNet(RFaceNetConfig(3, width=8, identity_width=4)).eval()
    assert norms(fuse_batch_norms(physnet)) == 0
    assert norms(fuse_batch_norms(rfacenet)) == 1  # the one in front of the identity branch
    assert norms(physnet) == 11  # the original is left alone


def test_a_network_in_training_is_refused() -> None:
    with pytest.raises(SettingsError, match="eval"):
        fuse_batch_norms(PhysNet(PhysNetConfig(width=8)))
