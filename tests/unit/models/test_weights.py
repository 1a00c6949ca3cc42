import errno
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from rfacenet.errors import OutputError, SettingsError, WeightsError
from rfacenet.models import (
    InputSpec,
    PhysNet,
    PhysNetConfig,
    PulseModel,
    fuse_batch_norms,
    load_model,
    read_card,
    save_model,
    weights,
)
from rfacenet.models.weights import WeightsCard

SPEC = InputSpec(8, 16, 16, 29.97, "diff_normalized", "difference")


@pytest.fixture
def model() -> PulseModel:
    torch.manual_seed(0)
    return PulseModel(PhysNet(PhysNetConfig(width=8)), SPEC).eval()


@pytest.fixture
def path(tmp_path: Path, model: PulseModel) -> Path:
    file = tmp_path / "pulse.safetensors"
    save_model(file, model, licence="MIT", provenance="unit test")
    return file


def test_card_tells_all_that_was_saved(path: Path) -> None:
    card = read_card(path)
    assert (card.architecture, card.config, card.input_spec) == ("physnet", {"width": 8}, SPEC)
    assert (card.licence, card.provenance) == ("MIT", "unit test")


def test_loaded_model_is_equal_and_ready(path: Path, model: PulseModel) -> None:
    loaded = load_model(path, architecture="physnet")
    pixels = torch.randint(0, 256, (1, 3, 8, 16, 16), dtype=torch.uint8)
    assert torch.equal(loaded(pixels), model(pixels))
    assert not loaded.training
    assert all(parameter.requires_grad for parameter in loaded.parameters())  # and can be trained on


def test_same_model_gives_the_same_file(path: Path, model: PulseModel) -> None:
    before = path.read_bytes()
    save_model(path, model, licence="MIT", provenance="unit test")
    assert path.read_bytes() == before


def test_half_precision_halves_the_file_but_not_the_range(tmp_path: Path) -> None:
    model = PulseModel(PhysNet(PhysNetConfig(width=32)), replace(SPEC, normalisation="raw")).eval()
    model.network.stages[0][0][1].running_var.fill_(1e6)  # beyond 16 bits
    full, half = tmp_path / "full", tmp_path / "half"
    save_model(full, model, licence="MIT", provenance="")
    save_model(half, model, licence="MIT", provenance="", half_precision=True)
    assert half.stat().st_size < 0.6 * full.stat().st_size
    pixels = torch.randint(0, 256, (1, 3, 8, 16, 16), dtype=torch.uint8)
    torch.testing.assert_close(load_model(half)(pixels), model(pixels), rtol=1e-2, atol=1e-3)
    assert next(load_model(half).parameters()).dtype == torch.float32


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.999])
def test_a_cut_off_file_is_refused(path: Path, kept: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(WeightsError, match=r"pulse\.safetensors cannot be read: .*cut off"):
        load_model(path)


@pytest.mark.parametrize("position", [-1, -5000])
def test_an_altered_tensor_is_refused(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"pulse\.safetensors were altered"):
        load_model(path)


def test_an_altered_card_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"29.97", b"59.97"))
    with pytest.raises(WeightsError, match="altered"):
        load_model(path)


def test_a_file_from_before_a_setting_existed_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_appearance(card: WeightsCard) -> dict[str, Any]:
        fields = asdict(card)
        del fields["input_spec"]["appearance"]
        return fields

    model = load_model(path)
    monkeypatch.setattr(weights, "asdict", without_appearance)
    save_model(path, model, licence="MIT", provenance="an older version")
    assert not load_model(path).input_spec.appearance


def test_weights_of_another_model_are_refused(path: Path) -> None:
    with pytest.raises(WeightsError, match="holds weights of 'physnet', not of 'rfacenet'"):
        load_model(path, architecture="rfacenet")


@pytest.mark.parametrize(
    "wrong", [{"architecture": "resnet50"}, {"config": {"width": 16}}, {"config": {"depth": 1}}]
)
def test_a_card_that_does_not_fit_its_tensors_is_refused(
    path: Path, wrong: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rfacenet.models.weights._checksum", lambda *_: "")
    card = {**asdict(read_card(path)), **wrong}
    save_file(load_file(path), path, {"rfacenet": json.dumps({"card": card, "sha256": ""})})
    with pytest.raises(WeightsError, match=r"pulse\.safetensors do not fit"):
        load_model(path)


def test_files_of_other_programs_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(2)}, other)
    with pytest.raises(WeightsError, match=r"other\.safetensors is not a weights file"):
        load_model(other)
    with pytest.raises(WeightsError, match=r"absent\.safetensors cannot be read: there is no such file"):
        load_model(tmp_path / "absent.safetensors")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_model(tmp_path)


def test_a_full_disk_leaves_the_old_file(
    path: Path, model: PulseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        save_model(path, model, licence="none", provenance="another")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path: Path, model: PulseModel) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        save_model(tmp_path / "nowhere" / "x.safetensors", model, licence="MIT", provenance="")


def test_a_network_that_cannot_be_rebuilt_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Identity"):
        save_model(tmp_path / "x", PulseModel(nn.Identity(), SPEC), licence="MIT", provenance="")


def test_a_fused_network_is_not_saved(tmp_path: Path, model: PulseModel) -> None:
    fused = PulseModel(fuse_batch_norms(model.network), SPEC)
    with pytest.raises(SettingsError, match="fused"):
        save_model(tmp_path / "x", fused, licence="MIT", provenance="")
