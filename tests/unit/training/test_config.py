from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rfacenet.errors import SettingsError
from rfacenet.models import CROSS_DATASET_INPUT, VIPL_HR_INPUT, list_models
from rfacenet.models.needs import needs_of
from rfacenet.training import TrainConfig, parse
from rfacenet.training.config import OptimiserConfig
from rfacenet.training.data import open_source
from rfacenet.training.module import build_model
from tester import list_face_models, list_map_models


def parse_yaml(tmp_path: Path, text: str, *flags: str) -> TrainConfig:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    return parse(["--config", str(file), "--out", "x", *flags])[0]


def test_defaults_are_the_cross_dataset_setting() -> None:
    config, out = parse(["--config", "cross-dataset", "--out", "runs/x"])
    assert config == TrainConfig()
    assert out == Path("runs/x")
    assert config.input == CROSS_DATASET_INPUT
    assert (config.batch_size, config.epochs, config.optimiser.learning_rate) == (4, 30, 9e-3)


def test_vipl_hr_setting() -> None:
    config, _ = parse(["--config", "vipl-hr", "--out", "x"])
    assert config.input == VIPL_HR_INPUT
    assert (config.batch_size, config.optimiser.learning_rate, config.optimiser.weight_decay) == (
        16,
        1e-5,
        5e-5,
    )


@pytest.mark.parametrize("network", ["rfacenet", "physnet"])
@pytest.mark.parametrize("setting", ["cross-dataset", "vipl-hr", "simulated-gpu", "simulated-cpu"])
def test_every_published_setting_can_be_built(setting: str, network: str) -> None:
    config, _ = parse(["--config", setting, "--network", network, "--out", "x"])
    people = open_source(config).people
    model = build_model(config, len(people))
    assert replace(model.input_spec, appearance=False) == config.input
    assert getattr(model.network.config, "n_identities", len(people)) == len(people)


@pytest.mark.parametrize("network", list_face_models())
@pytest.mark.parametrize("setting", ["simulated-gpu", "simulated-cpu"])
def test_every_network_of_faces_can_be_trained_on_the_simulator(setting: str, network: str) -> None:
    config, _ = parse(["--config", setting, "--network", network, "--out", "x"])
    model = build_model(config, 100)
    assert model.input_spec == needs_of(model.network).applied_to(config.input)
    assert model.input_spec.frames == 128


@pytest.mark.parametrize("network", list_map_models())
@pytest.mark.parametrize("setting", ["simulated-maps-gpu", "simulated-maps-cpu"])
def test_every_network_of_maps_can_be_trained_on_the_simulator(setting: str, network: str) -> None:
    config, _ = parse(["--config", setting, "--network", network, "--out", "x"])
    model = build_model(config, 100).eval()
    batch = open_source(config).train_batch(1, 0, torch.device("cpu"))
    answer = model(batch.frames)
    assert answer.shape == ((1,) if model.gives_rate else batch.bvp.shape)
    assert batch.bvp.shape[1] >= 288  # ten seconds, or what of it the network takes


@pytest.mark.parametrize("network", ["deepphys", "efficientphys", "tscan"])
def test_networks_of_rppg_toolbox_are_trained_as_there(network: str) -> None:
    config, _ = parse(["--config", network, "--out", "x"])
    assert (config.network, config.batch_size, config.epochs) == (network, 4, 30)
    assert config.optimiser == OptimiserConfig("adamw", learning_rate=9e-3, weight_decay=0.0)
    spec = build_model(config, 1).input_spec
    assert replace(spec, appearance=False) == config.input
    assert (spec.frames, spec.height, spec.width, spec.label_form) == (180, 72, 72, "difference")


def test_a_network_of_segments_can_be_trained_on_clips_of_128_frames() -> None:
    flags = ["--network", "tscan", "--networks.tscan.frame_depth", "8", "--out", "x"]
    config, _ = parse(["--config", "simulated-cpu", *flags])
    model = build_model(config, 1)
    assert (model.network.config.height_px, model.network.config.width_px) == (36, 36)
    assert model.input_spec == replace(config.input, appearance=True, label_form="difference")


@pytest.mark.parametrize(
    "network",
    [
        "autohr",
        "cvd",
        "dualgan",
        "i3d",
        "nashr",
        "physformer",
        "physformerpp",
        "rhythmnet",
        "stattention",
    ],
)
def test_every_compared_network_has_its_published_setting(network: str) -> None:
    config, _ = parse(["--config", network, "--out", "x"])
    assert config.network == network
    assert build_model(config, 1).input_spec == config.input


@pytest.mark.parametrize("use_tcu", [False, True])
@pytest.mark.parametrize("stage", [None, 1, 2, 3])
def test_every_row_of_table_3_can_be_built(use_tcu: bool, stage: int | None) -> None:
    config = replace(
        TrainConfig(), networks={"rfacenet": {"use_tcu": use_tcu, "fusion_stage": stage, "width": 8}}
    )
    model = build_model(config, 7)
    assert (model.network.identity_classifier is not None) == use_tcu


def test_flags_overrule_the_file(tmp_path: Path) -> None:
    config = parse_yaml(tmp_path, "optimiser: {learning_rate: 1}\n", "--optimiser.learning_rate", "2")
    assert config.optimiser.learning_rate == 2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("stepps: 3", "stepps"),
        ("optimiser: {momentum: 0.9}", "momentum"),
        ("input: {colour: rgb}", "colour"),
        ("optimiser: {learning_rate: fast}", "learning_rate"),
        ("steps: 1.5", "steps"),
        ("precision: 8-bit", "precision"),
        ("[1", "config"),
        ("input: {frames: -3}", "frames must be above 0, not -3"),
        ("batch_size: 0", "batch_size must be at least 1, not 0"),
        ("optimiser: {warmup: 1.0}", "warmup"),
        ("simulation: {difficulty: [1, 3]}", "difficulty"),
        ("simulation: {identities: [5, 5]}", "identities"),
        ("simulation: {frame_rates_hz: [30, 20]}", "frame_rates_hz"),
        ("simulation: {sources: {filmed: 1}}", "filmed.*there are drawn, encoded, injected"),
        ("simulation: {sources: {drawn: 0}}", "one above 0"),
        ("simulation: {sources: {injected: 1}}", "simulation.footage must name"),
        ("simulation: {validation_sets: [easy, brutal]}", "validation_sets.*brutal"),
        ("threads: 0", "threads"),
    ],
)
def test_what_cannot_work_is_named_in_one_line(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named) as caught:
        parse_yaml(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_unknown_flags_and_missing_files_are_named() -> None:
    with pytest.raises(SettingsError, match="--stepps"):
        parse(["--out", "x", "--stepps", "3"])
    with pytest.raises(SettingsError, match=r"nowhere\.yaml"):
        parse(["--out", "x", "--config", "nowhere.yaml"])
    with pytest.raises(SettingsError, match="out"):
        parse([])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input: {frames: 30}", "28 frames of 72×72 would work"),
        ("input: {width: 8}", "128 frames of 72×16 would work"),
        ("network: resnet50", f"there are {', '.join(list_models())}"),
        ("networks: {rfacenet: {depth: 3}}", "depth"),
        ("{network: tscan, input: {height: 36, width: 36}}", "120 frames of 36×36 would work"),
        ("{network: deepphys, input: {height: 8}}", "height_px must be at least 10, not 8; 10 would work"),
    ],
)
def test_networks_that_cannot_be_built_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build_model(parse_yaml(tmp_path, text), 10)
