"""Training steps of several phases, on Dual-GAN, the network that has them."""

from dataclasses import replace
from math import log
from pathlib import Path

import pytest
import torch

from rfacenet.errors import SettingsError
from rfacenet.losses import negative_pearson
from rfacenet.models import InputSpec, build
from rfacenet.training import LossConfig, OptimiserConfig, TrainConfig, train
from rfacenet.training.alternating import only_learning, phases_of
from rfacenet.training.batch import ClipBatch
from rfacenet.training.module import TrainingModule, build_model
from rfacenet.training.objectives import objective_of
from rfacenet.training.run import _fit
from rfacenet.training.simulated import SimulatedClips
from rfacenet.training.target import Target
from tester import SMALL, MapTester
from training_runs import Kill, assert_same_run, rows

PARTS = ("estimator", "pulse_generator", "noise_generator", "discriminator")


class Maps(SimulatedClips):
    """Mean colours of regions with a pulse in them, in the place of faces."""

    def __init__(self, config: TrainConfig, kill_at: int = -1) -> None:
        super().__init__(config.simulation, config.input, config.seed)
        self.spec = config.input
        self.kill_at = kill_at

    def train_batch(self, batch_size: int, index: int, device: torch.device) -> ClipBatch:
        if index == self.kill_at:
            raise Kill
        return self._draw(batch_size, index)

    def validation_batch(self, name: str, batch_size: int, index: int, device: torch.device) -> ClipBatch:
        return self._draw(batch_size, 10**6 + index)

    def _draw(self, batch_size: int, seed: int) -> ClipBatch:
        generator = torch.Generator().manual_seed(seed)
        rate_hz = 1 + torch.rand(batch_size, 1, generator=generator)
        wave = torch.sin(2 * torch.pi * rate_hz * torch.arange(self.spec.frames) / 30)
        noise = torch.randn(batch_size, 3, self.spec.frames, self.spec.height, 1, generator=generator)
        colours = 120 + wave[:, None, :, None, None] + 0.3 * noise
        people = torch.zeros(batch_size, dtype=torch.long)
        return ClipBatch(colours, wave, torch.full((batch_size,), 30.0), people)


@pytest.fixture
def config(tiny: TrainConfig) -> TrainConfig:
    return replace(
        tiny,
        network="dualgan",
        networks={"dualgan": SMALL["dualgan"]},
        input=InputSpec(64, 25, 1, 30.0, "map_yuv", "wave", regions="blocks"),
        optimiser=OptimiserConfig(learning_rate=3e-3, warmup=0.2, clip_norm=1.0, average_decay=0.8),
    )


def lesson() -> tuple[torch.Tensor, Target]:
    wave = torch.sin(torch.arange(64) * 0.3 + torch.tensor([[0.0], [1.0]]))
    return MapTester.draw(2, 3, 64, 25, 1), Target(wave, torch.full((2,), 30.0), torch.zeros(2).long(), False)


@pytest.mark.parametrize(
    ("number", "moved"),
    [(0, PARTS[:1]), (1, PARTS[1:2]), (2, (PARTS[0], PARTS[2])), (3, PARTS[3:])],
)
def test_each_phase_moves_its_parts_alone(number: int, moved: tuple[str, ...]) -> None:
    network = build("dualgan", **SMALL["dualgan"])
    phase = phases_of(network, objective_of(network, LossConfig()))[number]
    with only_learning(network, phase.learners):
        phase.learn(*lesson())[0].total.backward()
    assert all(parameter.requires_grad for parameter in network.parameters())
    for name, parameter in network.named_parameters():
        # Only the estimator's first phase reads a rate.
        teaches = name.startswith(moved) and not (
            number and name.startswith(("estimator.rate", "estimator.readout"))
        )
        assert (parameter.grad is not None) == teaches, name


def test_losses_of_a_discriminator_that_knows_nothing() -> None:
    network = build("dualgan", **SMALL["dualgan"])
    torch.nn.init.zeros_(network.discriminator.readout.weight)
    torch.nn.init.zeros_(network.discriminator.readout.bias)
    estimate, show, deceive, tell_apart = phases_of(network, objective_of(network, LossConfig()))
    assert deceive.learn(*lesson())[0].total.item() == pytest.approx(2 * log(2))  # two kinds of forgeries
    assert tell_apart.learn(*lesson())[0].total.item() == pytest.approx(2 * log(2))  # real ones, and those
    clip, target = lesson()
    loss, output = estimate.learn(clip, target)
    assert loss.parts["bvp"].item() == pytest.approx(negative_pearson(output.bvp, target.bvp).item())
    assert loss.total.item() == pytest.approx(sum(part.item() for part in loss.parts.values()))
    assert 0 < show.learn(clip, target)[0].total.item() < 2


def test_made_maps_leave_no_trace_in_the_estimator() -> None:
    network = build("dualgan", **SMALL["dualgan"])
    show = phases_of(network, objective_of(network, LossConfig()))[1]
    norms = [m for m in network.estimator.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    before = [norm.running_mean.clone() for norm in norms]
    show.learn(*lesson())
    assert all(torch.equal(norm.running_mean, mean) for norm, mean in zip(norms, before, strict=True))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "finished"


@pytest.fixture
def run(finished: Path, config: TrainConfig) -> Path:
    train(config, finished, Maps(config))
    return finished


def test_a_step_is_one_batch_whatever_its_phases(run: Path) -> None:
    table = rows(run)
    assert [row["step"] for row in table] == [5, 10, 15, 20]
    assert table[0].keys() >= {"loss", "bvp", "rate", "beats", "cycle", "deceive", "tell_apart", "mae_bpm"}
    for row in table:
        phases = ("bvp", "rate", "beats", "cycle", "deceive", "tell_apart")
        assert row["loss"] == pytest.approx(sum(row[name] for name in phases), rel=1e-4)
    assert table[1]["learning_rate"] > 50 * table[3]["learning_rate"]  # one cycle over 20 steps, not over 5
    state = torch.load(run / "last.ckpt", weights_only=True)
    assert state["global_step"] == 20
    steps = {name: set() for name in PARTS}
    for i, (name, _) in enumerate(build("dualgan", **SMALL["dualgan"]).named_parameters()):
        steps[name.partition(".")[0]].add(int(state["optimizer_states"][0]["state"][i]["step"]))
    assert steps == {
        "estimator": {20, 40},  # its rate in one phase, the rest in two
        "pulse_generator": {20},
        "noise_generator": {20},
        "discriminator": {20},
    }


def test_the_run_teaches(run: Path) -> None:
    table = rows(run)
    assert table[-1]["bvp"] < 0.9 * table[0]["bvp"]


@pytest.mark.parametrize("kill_at", [3, 12])
def test_a_killed_run_goes_on_to_the_same_result(
    run: Path, config: TrainConfig, tmp_path: Path, kill_at: int
) -> None:
    with pytest.raises(Kill):
        train(config, tmp_path / "killed", Maps(config, kill_at))
    train(config, tmp_path / "killed", Maps(config))
    assert_same_run(tmp_path / "killed", run)


def test_each_phase_s_gradient_is_clipped(config: TrainConfig, tmp_path: Path) -> None:
    norms: list[float] = []

    class Watch(TrainingModule):
        def configure_gradient_clipping(self, *arguments: object, **settings: object) -> None:
            super().configure_gradient_clipping(*arguments, **settings)
            gradients = [p.grad.norm() for p in self.model.parameters() if p.grad is not None]
            norms.append(torch.stack(gradients).norm().item())

    config = replace(config, optimiser=replace(config.optimiser, clip_norm=1e-4), steps=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rfacenet.training.run.TrainingModule", Watch)
        train(config, tmp_path / "run", Maps(config))
    assert norms == pytest.approx([1e-4] * 8, rel=2e-2)


def test_many_processes_are_refused(config: TrainConfig, tmp_path: Path) -> None:
    class Trainer:
        world_size = 2

    trained = TrainingModule(build_model(config, 1), config, 20)
    with pytest.raises(SettingsError, match=r"dualgan learns in phases .* one would work"):
        _fit(Trainer(), trained, None, None)
