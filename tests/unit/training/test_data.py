from dataclasses import replace

import pytest
import torch

from rfacenet.errors import SettingsError
from rfacenet.simulation import Difficulty
from rfacenet.training import SimulationConfig, TrainConfig
from rfacenet.training.data import (
    ClipBatch,
    Share,
    SimulatedClips,
    ValidationBatches,
    check_people,
    difficulty_at,
    open_source,
)

CPU = torch.device("cpu")


@pytest.fixture
def source(tiny: TrainConfig) -> SimulatedClips:
    return SimulatedClips(tiny.simulation, tiny.input, tiny.seed)


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


def test_people_are_classes_in_training_and_nobody_in_validation(source: SimulatedClips) -> None:
    source.people = range(100, 106)
    classes = torch.cat([source.train_batch(4, index, CPU).identity for index in range(5)])
    assert classes.min() >= 0
    assert classes.max() < 6
    assert (source.validation_batch("easy", 2, 0, CPU).identity == -1).all()


@pytest.mark.parametrize("validation", [(5, 10), (0, 6), (2, 3)])
def test_people_validated_on_must_be_new(tiny: TrainConfig, validation: tuple[int, int]) -> None:
    simulation = SimulationConfig(identities=(0, 6), validation_identities=validation)
    with pytest.raises(SettingsError, match="are trained on too"):
        check_people(open_source(replace(tiny, simulation=simulation)))


def test_a_missing_data_set_is_named(tiny: TrainConfig) -> None:
    with pytest.raises(SettingsError, match="stores/ubfc"):
        open_source(replace(tiny, data="stores/ubfc"))


def test_many_processes_share_the_clips_of_one(source: SimulatedClips) -> None:
    whole = source.train_batch(4, 2, CPU)
    parts = [source.train_batch(2, Share(2, rank, 2).index(2), CPU) for rank in (0, 1)]
    assert torch.equal(whole.identity, ClipBatch(*map(torch.cat, zip(*parts, strict=True))).identity)


def test_validation_goes_through_every_set(source: SimulatedClips) -> None:
    items = [ValidationBatches(source, Share(1, rank, 2), CPU) for rank in (0, 1)]
    assert [item[0] for item in map(items[0].__getitem__, range(len(items[0])))] == ["easy"] * 2 + [
        "hard"
    ] * 2
    with pytest.raises(SettingsError, match="6 would work"):
        ValidationBatches(source, Share(6, 0, 1), CPU)


def test_difficulties_lie_on_a_scale() -> None:
    easy, standard, hard = map(Difficulty.named, ("easy", "standard", "hard"))
    assert [difficulty_at(place) for place in (0, 1, 2)] == [easy, standard, hard]
    assert difficulty_at(0.5).noise == pytest.approx((0.6, 2.25))
