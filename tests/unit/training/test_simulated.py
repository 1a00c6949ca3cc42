import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rfacenet.errors import SettingsError
from rfacenet.simulation import ClipSimulator, Difficulty
from rfacenet.simulation.draws import seed_of
from rfacenet.training import TrainConfig, train
from rfacenet.training.config import SourceName, ValidationName
from rfacenet.training.data import check_people
from rfacenet.training.simulated import SimulatedClips, difficulty_at
from videos import write_video

CPU = torch.device("cpu")


def mixed(
    tiny: TrainConfig,
    sources: dict[SourceName, float],
    sets: tuple[ValidationName, ...] = ("easy",),
    footage: Path | None = None,
) -> TrainConfig:
    path = None if footage is None else str(footage)
    simulation = replace(tiny.simulation, sources=sources, validation_sets=sets, footage=path)
    return replace(tiny, simulation=simulation)


def opened(config: TrainConfig) -> SimulatedClips:
    return SimulatedClips(config.simulation, config.input, config.seed)


def test_batches_are_those_of_their_number(source: SimulatedClips) -> None:
    first, again, next_one = (source.train_batch(2, index, CPU) for index in (3, 3, 4))
    assert first.frames.shape == (2, 3, 32, 16, 16)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.frames, next_one.frames)


def test_seeds_change_training_but_not_validation(source: SimulatedClips, tiny: TrainConfig) -> None:
    other = SimulatedClips(tiny.simulation, tiny.input, seed=1)
    assert not torch.equal(source.train_batch(2, 0, CPU).bvp, other.train_batch(2, 0, CPU).bvp)
    mine, theirs = (s.validation_batch("hard", 2, 0, CPU) for s in (source, other))
    assert torch.equal(mine.frames, theirs.frames)


def test_people_are_classes_in_training_and_nobody_in_validation(tiny: TrainConfig) -> None:
    source = opened(replace(tiny, simulation=replace(tiny.simulation, identities=(100, 106))))
    classes = torch.cat([source.train_batch(4, index, CPU).identity for index in range(5)])
    assert classes.min() >= 0
    assert classes.max() < 6
    assert (source.validation_batch("easy", 2, 0, CPU).identity == -1).all()


def test_difficulties_lie_on_a_scale() -> None:
    easy, standard, hard = map(Difficulty.named, ("easy", "standard", "hard"))
    assert [difficulty_at(place) for place in (0, 1, 2)] == [easy, standard, hard]
    assert difficulty_at(0.5).noise == pytest.approx((0.6, 2.25))


def test_by_default_all_clips_are_the_simulators(source: SimulatedClips, tiny: TrainConfig) -> None:
    place = random.Random(seed_of("difficulty", 0, 5)).uniform(0.0, 0.5)
    simulator = ClipSimulator(
        n_frames=32,
        size_px=(16, 16),
        difficulty=replace(difficulty_at(place), frame_rates_hz=(25.0, 30.0)),
        identities=range(6),
        seed=seed_of("train", 0),
    )
    batch, drawn = source.train_batch(2, 5, CPU), simulator.batch(2, 5)
    assert torch.equal(batch.frames, drawn.frames)
    assert torch.equal(batch.bvp, drawn.bvp)
    assert torch.equal(batch.identity, drawn.identity)


def test_sources_are_drawn_in_their_shares_and_by_number_alone(tiny: TrainConfig) -> None:
    one = opened(mixed(tiny, {"drawn": 3, "encoded": 1}))
    other = opened(mixed(tiny, {"encoded": 0.5, "drawn": 1.5}))
    chosen = [one._source_of(index) for index in range(400)]
    assert chosen == [other._source_of(index) for index in range(400)]
    assert 70 < Counter(chosen)["encoded"] < 130


def test_videos_are_people_too_and_some_are_held_back(tiny: TrainConfig, footage: Path) -> None:
    source = opened(mixed(tiny, {"drawn": 1, "injected": 2}, ("easy", "injected"), footage))
    assert source.people == [*range(6), str(footage / "a.mp4"), str(footage / "b.mp4")]
    assert source.validation_people[-1] == str(footage / "c.mp4")
    check_people(source)
    index = next(index for index in range(20) if source._source_of(index) == "injected")
    assert set(source.train_batch(8, index, CPU).identity.tolist()) == {6, 7}
    assert (source.validation_batch("injected", 2, 0, CPU).identity == -1).all()


def test_nobody_is_a_class_who_is_never_shown(tiny: TrainConfig, footage: Path) -> None:
    assert len(opened(mixed(tiny, {"injected": 1}, footage=footage)).people) == 3


@pytest.mark.parametrize("kind", ["encoded", "injected"])
def test_every_source_trains_a_network(
    kind: SourceName, tiny: TrainConfig, footage: Path, tmp_path: Path
) -> None:
    config = replace(mixed(tiny, {kind: 1}, (kind,), footage), batch_size=2, steps=2, round_steps=2)
    train(config, tmp_path / "run")
    assert f"| {kind} |" in (tmp_path / "run" / "card.md").read_text()
    assert (kind == "injected") == ("real people" in (tmp_path / "run" / "card.md").read_text())


def test_one_video_cannot_be_both_trained_and_validated_on(tiny: TrainConfig, footage: Path) -> None:
    config = mixed(tiny, {"injected": 1}, ("injected",), footage / "a.mp4")
    with pytest.raises(SettingsError, match=r"a\.mp4' is one video.*add another"):
        opened(config)


def test_footage_that_cannot_be_used_is_named(
    tiny: TrainConfig, footage: Path, tmp_path: Path, person: list
) -> None:
    config = mixed(tiny, {"injected": 1}, footage=tmp_path)
    with pytest.raises(SettingsError, match=r"simulation\.footage .* no video"):
        opened(config)
    blank = [replace(frame, rgb=torch.full((48, 64, 3), 90, dtype=torch.uint8).numpy()) for frame in person]
    write_video(tmp_path / "blank.mp4", blank[:40])
    with pytest.raises(SettingsError, match=r"1 of 1 videos .*blank\.mp4' shows no face"):
        opened(config)
    long = replace(config, input=replace(tiny.input, frames=64))
    with pytest.raises(SettingsError, match=r"3 of 3 videos .*a\.mp4' shows no face for 2\.1 s on end"):
        opened(replace(long, simulation=replace(long.simulation, footage=str(footage))))


def test_drawn_clips_need_no_pyav() -> None:
    code = """
import sys; sys.modules["av"] = None
from rfacenet.training import SimulationConfig, TrainConfig
from rfacenet.training.data import open_source
open_source(TrainConfig())
try: open_source(TrainConfig(simulation=SimulationConfig(sources={"encoded": 1})))
except Exception as error: sys.exit(str(error))
"""
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "need PyAV: 'pip install av' would help" in failed.stderr
    assert "Traceback" not in failed.stderr
