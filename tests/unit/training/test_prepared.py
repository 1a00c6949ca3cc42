"""Clips of a store that is written by hand, so that every pixel and every label is known."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rfacenet.datasets.store import CropSettings, StoreDescription, create_store
from rfacenet.errors import DatasetError, SettingsError
from rfacenet.faces import part_of
from rfacenet.models import InputSpec
from rfacenet.training import TrainConfig, train
from rfacenet.training.config import PreparedConfig
from rfacenet.training.data import check_people
from rfacenet.training.prepared import PreparedClips
from stores import FILMED_HZ, add_recording, grey_level, pulse_at

CPU = torch.device("cpu")
SPEC = InputSpec(32, 16, 16, 30.0, "diff_normalized", "wave")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    create_store(tmp_path, StoreDescription("pure", "PURE", "/data", True, CropSettings(32, 32)))
    for subject in ("1", "2", "3", "10"):
        add_recording(tmp_path, f"{subject}-01", subject, task="steady")
    add_recording(tmp_path, "1-02", "1", task="talking")
    return tmp_path


def opened(store: Path, spec: InputSpec = SPEC, seed: int = 0, **choices: object) -> PreparedClips:
    return PreparedClips(store, PreparedConfig(**choices), spec, seed)


def test_a_clip_is_what_was_filmed_and_measured_at_its_times(store: Path) -> None:
    clips = opened(store)
    batch = clips.validation_batch("held_out", 2, 0, CPU)
    assert batch.frames.shape == (2, 3, 32, 16, 16)
    t_s = np.arange(64).reshape(2, 32) / SPEC.fs_hz
    # Grey levels were rounded before they were interpolated, and after.
    np.testing.assert_allclose(batch.frames.float().mean((1, 3, 4)), grey_level(t_s), atol=1.01)
    expected = np.interp(t_s, np.arange(-10, 240) / 60, pulse_at(np.arange(-10, 240) / 60))
    expected = (expected - expected.mean(1, keepdims=True)) / expected.std(1, ddof=1, keepdims=True)
    np.testing.assert_allclose(batch.bvp, expected, atol=1e-5)
    assert (batch.identity == -1).all()


def test_an_epoch_shows_every_clip_once_and_the_next_in_another_order(store: Path) -> None:
    clips = opened(store)
    assert clips.epoch_clips == 4 * (119 // 32)

    def seen(source: PreparedClips, epoch: int) -> list[tuple[int, float]]:
        places = range(epoch * clips.epoch_clips, (epoch + 1) * clips.epoch_clips)
        batches = [source.train_batch(1, place, CPU) for place in places]
        return [(int(batch.identity), float(batch.bvp[0, 0])) for batch in batches]

    first, second = seen(clips, 0), seen(clips, 1)
    assert Counter(first) == Counter(second)
    assert first != second
    assert first == seen(opened(store), 0)
    assert first != seen(opened(store, seed=1), 0)


@pytest.mark.parametrize(
    ("choices", "trained", "validated"),
    [
        ({}, ["1", "2", "3"], ["10"]),
        ({"train_share": 0.5}, ["1", "2"], ["3", "10"]),
        ({"validation_people": ("2",)}, ["1", "3", "10"], ["2"]),
        ({"people": ("10",)}, ["10"], ["1", "2", "3"]),
    ],
)
def test_people_are_parted_in_the_order_of_their_names(
    store: Path, choices: dict[str, object], trained: list[str], validated: list[str]
) -> None:
    clips = opened(store, **choices)
    assert (clips.people, clips.validation_people) == (trained, validated)
    check_people(clips)


def test_whoever_is_trained_on_is_never_validated_on(store: Path) -> None:
    with pytest.raises(SettingsError, match=r"1 of the people to validate on are trained on too \(2…\)"):
        check_people(opened(store, people=("1", "2"), validation_people=("2",)))


def test_recordings_can_be_left_out_by_what_is_known_of_them(store: Path) -> None:
    assert opened(store, without={"task": ("talking",)}).epoch_clips == 3 * 3


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"people": ("7",)}, "Nobody in '.*' is called '7'; there are 1, 2, 3, 10"),
        ({"people": ("1", "2", "3", "10")}, "leave 4 to train on and 0 to validate on"),
        ({"spec": replace(SPEC, height=64)}, "prepare the data set with --height 64 --width 16"),
        ({"spec": replace(SPEC, frames=400)}, "has no clip of 13.3 s with a pulse wave to train on"),
    ],
)
def test_what_cannot_be_trained_on_says_why(store: Path, choices: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        opened(store, **choices)


def test_a_run_learns_from_a_store(store: Path, tiny: TrainConfig, tmp_path: Path) -> None:
    config = replace(tiny, data=str(store), input=SPEC, batch_size=2, steps=2, round_steps=1)
    train(config, tmp_path / "run")
    card = (tmp_path / "run" / "card.md").read_text()
    assert "trained on PURE, simulated" in card
    assert "held_out" in card
    with pytest.raises(DatasetError, match="is no prepared store"):
        train(replace(config, data=str(tmp_path / "nowhere")), tmp_path / "other")


def test_a_clip_of_regions_is_their_colours_at_its_times(store: Path) -> None:
    spec = InputSpec(32, 6, 1, FILMED_HZ, "map_rgb_yuv", "wave", regions="areas")
    batch = opened(store, spec).validation_batch("held_out", 2, 0, CPU)
    assert batch.frames.shape == (2, 3, 32, 6, 1)
    t_s = np.arange(64).reshape(2, 32) / FILMED_HZ
    first = part_of("areas").start
    for region in range(6):
        green = 100 - pulse_at(t_s) + first + region
        np.testing.assert_allclose(batch.frames[:, 1, :, region, 0], green, atol=1e-3)
