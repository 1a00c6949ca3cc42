import pytest

from rfacenet.errors import SettingsError
from rfacenet.models import RFaceNet, build, list_models
from rfacenet.models.registry import describe


def test_builds_what_it_lists() -> None:
    assert list_models() == ["physnet", "rfacenet"]
    network = build("rfacenet", n_identities=4, width=8, identity_width=4)
    assert isinstance(network, RFaceNet)
    assert network.config.n_identities == 4


@pytest.mark.parametrize("name", list_models())
def test_description_rebuilds_the_network(name: str) -> None:
    described_name, config = describe(build(name, width=8))
    assert described_name == name
    assert describe(build(name, **config)) == (name, config)


def test_refuses_unknown_names_and_settings() -> None:
    with pytest.raises(SettingsError, match="there are physnet, rfacenet"):
        build("physnets")
    with pytest.raises(SettingsError, match="depth"):
        build("physnet", depth=3)
