from pathlib import Path

import pytest
import torch

from rfacenet.errors import SettingsError
from rfacenet.models import RFaceNet, build, list_models
from rfacenet.models.autohr import DEFAULT_CELL
from rfacenet.models.registry import describe, full_settings
from tester import SMALL, random_pixels, small_model


def test_builds_what_it_lists() -> None:
    assert list_models() == sorted(SMALL)
    network = build("rfacenet", n_identities=4, width=8, identity_width=4)
    assert isinstance(network, RFaceNet)
    assert network.config.n_identities == 4


@pytest.mark.parametrize("name", list_models())
def test_description_rebuilds_the_network(name: str) -> None:
    described_name, config = describe(build(name, **SMALL[name]))
    assert described_name == name
    assert describe(build(name, **config)) == (name, config)


def test_refuses_unknown_names_and_settings() -> None:
    with pytest.raises(SettingsError, match="did you mean 'physnet'"):
        build("physnets")
    with pytest.raises(SettingsError, match=f"there are {', '.join(list_models())}"):
        build("xyzzy")
    with pytest.raises(SettingsError, match="'physnet' has no setting 'depth'; there are width"):
        build("physnet", depth=3)
    with pytest.raises(SettingsError, match="did you mean 'use_tcu'"):
        build("rfacenet", use_tcus=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": "four"}, "rfacenet's width must be a whole number, not 'four'"),
        ({"use_tcu": 1}, "rfacenet's use_tcu must be true or false, not 1"),
        ({"fusion_stage": 4}, "rfacenet's fusion_stage must be 1, 2, 3 or null, not 4"),
    ],
)
def test_refuses_values_of_another_type(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build("rfacenet", **settings)


@pytest.mark.parametrize("name", list_models())
def test_every_model_exports_from_pixels_to_its_answer(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = small_model(name).eval()
    pixels = random_pixels(model.input_spec, batch=1)
    torch.export.save(torch.export.export(model, (pixels,)), tmp_path / "model.pt2")
    answer = torch.export.load(tmp_path / "model.pt2").module()(pixels)
    torch.testing.assert_close(answer, model(pixels), atol=1e-6, rtol=1e-4)


def test_full_settings_name_the_defaults() -> None:
    assert full_settings("autohr", width=4) == {"width": 4, "cell": DEFAULT_CELL}
    with pytest.raises(SettingsError, match="did you mean 'width'"):
        full_settings("autohr", widht=4)
