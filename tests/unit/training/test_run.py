import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from rfacenet.errors import OutputError, SettingsError, WeightsError
from rfacenet.models import load_model, read_card
from rfacenet.training import OptimiserConfig, TrainConfig, TrainingError, train
from rfacenet.training.batch import ClipBatch
from rfacenet.training.callbacks import Stopwatch
from rfacenet.training.folder import Length
from rfacenet.training.module import TrainingModule, build_model
from rfacenet.training.simulated import SimulatedClips
from training_runs import Kill, assert_same_run, rows


class Faulty(SimulatedClips):
    """Clips that are all well up to a certain batch."""

    def __init__(self, config: TrainConfig, kill_at: int = -1, spoil_at: int = -1) -> None:
        super().__init__(config.simulation, config.input, config.seed)
        self.kill_at, self.spoil_at = kill_at, spoil_at

    def train_batch(self, batch_size: int, index: int, device: torch.device) -> ClipBatch:
        if index == self.kill_at:
            raise Kill
        batch = super().train_batch(batch_size, index, device)
        return batch._replace(bvp=batch.bvp * torch.nan) if index == self.spoil_at else batch


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "finished"


@pytest.fixture
def run(finished: Path, tiny: TrainConfig) -> Path:
    """A finished run of ``tiny``, trained once for all tests."""
    train(tiny, finished)
    return finished


def test_twenty_steps_lower_the_loss(run: Path) -> None:
    losses = [row["loss"] for row in rows(run)]
    assert losses[-1] < losses[0] - 0.3


def test_the_run_folder_is_complete(run: Path, tiny: TrainConfig) -> None:
    names = {"best.safetensors", "card.md", "config.yaml", "last.ckpt", "metrics.csv", "run.json"}
    assert {path.name for path in run.iterdir()} == names
    assert yaml.safe_load((run / "config.yaml").read_text())["seed"] == tiny.seed
    record = json.loads((run / "run.json").read_text())
    assert record["length"] == {"rounds": 4, "round_steps": 5}
    session = record["sessions"][0]
    assert session["versions"]["torch"] == torch.__version__
    assert session["commit"]
    card = (run / "card.md").read_text()
    for told in (
        "20 steps of 4 clips",
        "Precision: 32-true",
        session["machine"],
        "simulated faces only",
        "Licence: MIT",
        "| hard |",
    ):
        assert told in card


def test_curves_show_what_figure_3_does(run: Path) -> None:
    table = rows(run)
    assert [row["step"] for row in table] == [5, 10, 15, 20]
    curves = {"loss", "mae_bpm", "id_acc", "sigma_bvp", "sigma_hr", "sigma_identity", "alpha", "beta"}
    assert table[0].keys() >= curves | {
        "learning_rate",
        "val_easy_mae_bpm",
        "val_hard_mae_bpm",
        "val_pearson",
    }


def test_the_weights_load_and_answer_as_they_did(run: Path, tiny: TrainConfig) -> None:
    model = load_model(run / "best.safetensors", "rfacenet")
    assert model.input_spec == tiny.input
    assert "simulated faces only: 20 steps" in read_card(run / "best.safetensors").provenance
    best = max(rows(run), key=lambda row: row["val_pearson"])
    module = TrainingModule(model, replace(tiny, optimiser=OptimiserConfig()), 20).eval()
    logged: dict[str, list[torch.Tensor]] = {}
    module.log_dict = lambda values, **_: [logged.setdefault(k, []).append(v) for k, v in values.items()]
    source = SimulatedClips(tiny.simulation, tiny.input, tiny.seed)
    with torch.no_grad():
        module.validation_step(("hard", source.validation_batch("hard", 4, 0, torch.device("cpu"))), 0)
    assert logged["val_hard_pearson"][0].item() == pytest.approx(best["val_hard_pearson"], abs=1e-5)


def test_a_finished_run_is_left_alone(run: Path, tiny: TrainConfig) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.iterdir()}
    assert train(tiny, run) == run / "best.safetensors"
    assert {path: path.stat().st_mtime_ns for path in run.iterdir()} == before


@pytest.mark.parametrize("kill_at", [3, 12])
def test_a_killed_run_goes_on_to_the_same_result(
    run: Path, tiny: TrainConfig, tmp_path: Path, kill_at: int
) -> None:
    with pytest.raises(Kill):
        train(tiny, tmp_path / "killed", Faulty(tiny, kill_at=kill_at))
    train(tiny, tmp_path / "killed")
    assert_same_run(tmp_path / "killed", run)
    assert len(json.loads((tmp_path / "killed" / "run.json").read_text())["sessions"]) == 2


def test_so_does_one_that_draws_random_numbers(noise_fed: TrainConfig, tmp_path: Path) -> None:
    train(noise_fed, tmp_path / "whole")
    with pytest.raises(Kill):
        train(noise_fed, tmp_path / "killed", Faulty(noise_fed, kill_at=7))
    train(noise_fed, tmp_path / "killed")
    assert_same_run(tmp_path / "killed", tmp_path / "whole")


def test_workers_change_nothing(run: Path, tiny: TrainConfig, tmp_path: Path) -> None:
    train(replace(tiny, workers=2), tmp_path / "run")
    assert_same_run(tmp_path / "run", run)


def test_a_folder_of_another_run_is_refused(run: Path, tiny: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"other settings \(optimiser.learning_rate, seed\)"):
        train(replace(tiny, seed=3, optimiser=replace(tiny.optimiser, learning_rate=1.0)), run)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SettingsError, match="holds no run"):
        train(tiny, tmp_path)


def test_a_loss_that_is_no_number_stops_the_run(tiny: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"at step 7 \(bvp"):
        train(tiny, tmp_path / "run", Faulty(tiny, spoil_at=7))
    assert rows(tmp_path / "run")[-1]["step"] == 5
    load_model(tmp_path / "run" / "best.safetensors")


def test_a_full_disk_leaves_the_last_checkpoint(
    run: Path, tiny: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    n_saved = 0

    def fsync(_: int) -> None:
        nonlocal n_saved
        n_saved += (out / "last.ckpt").exists()
        if n_saved > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(OutputError, match="cannot be written"):
            train(tiny, out)
    assert not [path for path in out.iterdir() if path.name.endswith(".part")]
    train(tiny, out)
    assert_same_run(out, run)


def test_a_time_limit_shortens_the_run_once_for_all(
    tiny: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(step_s: float) -> None:
        def look(watch: Stopwatch, *_: object) -> None:
            watch.step_s, watch.validation_s = step_s, 2.5

        monkeypatch.setattr(Stopwatch, "on_validation_end", look)

    config = replace(tiny, network="physnet", steps=10**6, max_minutes=1)
    for step_s, kill_at in ((0.5, 32), (0.1, 36)):  # a faster machine goes on, with the length as it was
        measure(step_s)
        with pytest.raises(Kill):
            train(config, tmp_path / "run", Faulty(config, kill_at=kill_at))
        length = json.loads((tmp_path / "run" / "run.json").read_text())["length"]
        assert length == {"rounds": 10, "round_steps": 5}  # 0.9 of 60 s, 5 s each
    with pytest.raises(SettingsError, match=r"max_minutes: .* would work"):
        train(replace(config, max_minutes=0.01), tmp_path / "none")


def test_physnet_and_differences_and_mixed_precision(tiny: TrainConfig, tmp_path: Path) -> None:
    spec = replace(tiny.input, label_form="difference")
    config = replace(tiny, network="physnet", input=spec, precision="bf16-mixed", steps=5)
    assert load_model(train(config, tmp_path / "run"), "physnet").input_spec == spec
    assert "id_acc" not in rows(tmp_path / "run")[0]


def test_people_validated_on_must_be_new_whatever_the_source(tiny: TrainConfig, tmp_path: Path) -> None:
    source = SimulatedClips(tiny.simulation, tiny.input, tiny.seed)
    source.validation_people = source.people
    with pytest.raises(SettingsError, match="6 of the people to validate on are trained on too"):
        train(tiny, tmp_path / "run", source)


def test_a_run_goes_on_with_the_same_people_only(tiny: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(Kill):
        train(tiny, tmp_path / "run", Faulty(tiny, kill_at=12))
    others = Faulty(tiny)
    others.people = [*others.people, "new.mp4"]
    with pytest.raises(SettingsError, match="begun with other people"):
        train(tiny, tmp_path / "run", others)


def test_ten_steps_are_enough_to_try(tiny: TrainConfig, tmp_path: Path) -> None:
    train(replace(tiny, optimiser=replace(tiny.optimiser, warmup=0.1), steps=10), tmp_path / "run")


def test_a_damaged_checkpoint_is_named(tiny: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(Kill):
        train(tiny, tmp_path, Faulty(tiny, kill_at=7))
    checkpoint = tmp_path / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(WeightsError, match=r"last\.ckpt is cut off or damaged"):
        train(tiny, tmp_path)


def test_sigmas_have_no_weight_decay(tiny: TrainConfig) -> None:
    config = replace(tiny, optimiser=OptimiserConfig(weight_decay=0.1, average_decay=0.9))
    module = TrainingModule(build_model(config, 6), config, 20)
    groups = module.configure_optimizers()["optimizer"].param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert [len(group["params"]) for group in groups] == [len(list(module.model.parameters())), 3]


def test_a_run_is_whole_rounds() -> None:
    assert Length.of_steps(1000, 250) == Length(4, 250)
    assert Length.of_steps(1100, 250).steps == 1000
    assert Length.of_steps(20, 250) == Length(1, 20)


def test_clipping_spares_the_sigmas(tiny: TrainConfig, tmp_path: Path) -> None:
    norms: list[tuple[float, float]] = []

    class Watch(TrainingModule):
        def on_before_zero_grad(self, optimizer: torch.optim.Optimizer) -> None:
            norms.append(
                tuple(
                    float(
                        torch.stack([p.grad.norm() for p in module.parameters() if p.grad is not None]).norm()
                    )
                    for module in (self.model, self.objective)
                )
                if any(p.grad is not None for p in self.parameters())
                else (0.0, 0.0)
            )

    config = replace(tiny, optimiser=replace(tiny.optimiser, clip_norm=1e-4), steps=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rfacenet.training.run.TrainingModule", Watch)
        train(config, tmp_path / "run")
    of_network, of_sigmas = norms[-1]
    assert of_network == pytest.approx(1e-4, rel=1e-2)
    assert of_sigmas > 1e-2
