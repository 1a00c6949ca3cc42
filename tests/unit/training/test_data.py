from dataclasses import replace

import pytest
import torch

from rfacenet.errors import DatasetError, SettingsError
from rfacenet.training import SimulationConfig, TrainConfig
from rfacenet.training.batch import ClipBatch
from rfacenet.training.data import Share, ValidationBatches, check_people, open_source
from rfacenet.training.simulated import SimulatedClips

CPU = torch.device("cpu")


@pytest.mark.parametrize("validation", [(5, 10), (0, 6), (2, 3)])
def test_people_validated_on_must_be_new(tiny: TrainConfig, validation: tuple[int, int]) -> None:
    simulation = SimulationConfig(identities=(0, 6), validation_identities=validation)
    with pytest.raises(SettingsError, match="are trained on too"):
        check_people(open_source(replace(tiny, simulation=simulation)))


def test_a_missing_data_set_is_named(tiny: TrainConfig) -> None:
    with pytest.raises(DatasetError, match="stores/ubfc"):
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
    with pytest.raises(SettingsError, match="6 or more would work"):
        ValidationBatches(source, Share(3, 0, 2), CPU)
    assert len(ValidationBatches(source, Share(6, 0, 1), CPU)) == 2
