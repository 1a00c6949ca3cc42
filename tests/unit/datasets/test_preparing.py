"""Preparing a small simulated data set: what is kept, what is left out, and what breaks it."""

import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rfacenet.datasets import DATASETS, preparing
from rfacenet.datasets.preparing import prepare
from rfacenet.datasets.recording import Recording, Reference, at_rate
from rfacenet.datasets.simulated import SimulatedSize, simulate_dataset
from rfacenet.datasets.store import CropSettings, only_writer, open_store, stored_notes
from rfacenet.errors import DatasetError, OutputError, WorkerError
from rfacenet.faces import Mtcnn, sample_faces, track_face

UBFC = DATASETS["ubfc-rppg"]
CROPS = CropSettings(24, 20)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "ubfc"
    simulate_dataset(UBFC, folder, SimulatedSize(3, 5.0, 160, 120), seed=1)
    (folder / "subject2" / "ground_truth.txt").unlink()
    (folder / "subject3" / "vid.avi").unlink()
    return folder


@pytest.fixture(scope="module")
def prepared(root: Path, tmp_path_factory: pytest.TempPathFactory) -> preparing.PreparationReport:
    return prepare(UBFC, root, tmp_path_factory.mktemp("stores"), CROPS)


def test_every_recording_is_accounted_for(prepared: preparing.PreparationReport) -> None:
    reasons = {outcome.name: outcome.reason for outcome in prepared.outcomes}
    assert reasons["subject1"] is None
    assert "There is no" in reasons["subject2"] and "ground_truth.txt" in reasons["subject2"]
    assert "There is no file" in reasons["subject3"] and "vid.avi" in reasons["subject3"]
    rows = (prepared.store / "report.csv").read_text().splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [
        ["subject1", "True"],
        ["subject2", "False"],
        ["subject3", "False"],
    ]


def test_the_store_holds_what_the_video_shows(root: Path, prepared: preparing.PreparationReport) -> None:
    description, (stored,) = open_store(prepared.store)
    assert (description.dataset, description.simulated) == ("ubfc-rppg", True)
    recording = UBFC.recordings(root)[0]
    with recording.open_video(None) as video:
        samples = list(sample_faces(track_face(video, Mtcnn()), 1.5, (24, 20)))
    np.testing.assert_array_equal(stored.crops, np.stack([sample.crop for sample in samples]))
    np.testing.assert_array_equal(stored.t_s, [sample.frame.t_s for sample in samples])
    np.testing.assert_array_equal(stored.colours, np.stack([sample.colour for sample in samples]))
    reference = recording.read_reference()
    np.testing.assert_array_equal(stored.reference.pulse.value, reference.pulse.value)
    np.testing.assert_array_equal(stored.reference.heart_rate_bpm.t_s, reference.heart_rate_bpm.t_s)


def test_what_is_prepared_stays_and_what_is_missing_is_tried_again(
    root: Path, prepared: preparing.PreparationReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def note(recording: Recording, *_: object) -> preparing.Outcome:
        tried.append(recording.name)
        return preparing.Outcome(recording.name, "no")

    monkeypatch.setattr(preparing, "prepare_recording", note)
    with ThreadPoolExecutor(1) as pool:
        report = prepare(UBFC, root, prepared.store.parent, CROPS, executor=pool)
    assert sorted(tried) == ["subject2", "subject3"]
    assert report.store == prepared.store
    other = preparing.StoreDescription.of(UBFC, root, replace(CROPS, enlarge=1.2))
    assert other.key != prepared.store.name


def test_what_was_made_from_other_files_is_made_anew(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(root / "subject1", copy / "subject1")
    shutil.copytree(root / "subject1", copy / "subject4")
    first = prepare(UBFC, copy, tmp_path / "stores", CROPS)
    labels = copy / "subject1" / "ground_truth.txt"
    labels.write_text("\n".join(f"{line} {line.split()[-1]}" for line in labels.read_text().splitlines()))
    shutil.rmtree(copy / "subject4")
    (first.store / ".subject9.123.part").mkdir()  # of a killed run
    (first.store / "subject1" / "recording.json").unlink()  # as if it was copied in part
    again = prepare(UBFC, copy, tmp_path / "stores", CROPS)
    assert again.store == first.store
    assert sorted(path.name for path in again.store.iterdir() if path.is_dir()) == ["subject1"]
    _, (stored,) = open_store(again.store)
    assert stored.fingerprint == UBFC.recordings(copy)[0].fingerprint


def test_two_runs_never_prepare_the_same_store_at_once(
    root: Path, prepared: preparing.PreparationReport
) -> None:
    with only_writer(prepared.store), pytest.raises(DatasetError, match="is being prepared by another run"):
        prepare(UBFC, root, prepared.store.parent, CROPS)


def _die(*_: object) -> Reference:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_a_worker_that_dies_is_an_error_and_never_fewer_clips(root: Path, tmp_path: Path) -> None:
    first = UBFC.recordings(root)[0]
    deadly = replace(first, name="deadly", read_reference=_die)
    dataset = replace(UBFC, find=partial(_given, [first, deadly]))
    with pytest.raises(WorkerError, match=r"died, .*; \d of 2 are done"):
        prepare(dataset, root, tmp_path, CROPS)
    assert not list(tmp_path.glob("*/report.csv"))


def _given(recordings: list[Recording], _: Path) -> list[Recording]:
    return recordings


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_nothing_half_written(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing.RecordingWriter, "add", _full)
    with ThreadPoolExecutor(1) as pool, pytest.raises(OutputError, match="No space left on device"):
        prepare(UBFC, root, tmp_path, CROPS, executor=pool)
    (store,) = tmp_path.iterdir()
    assert stored_notes(store, UBFC.recordings(root)[0]) is None
    assert not list(store.glob(".subject*"))


@pytest.mark.parametrize(
    ("seconds", "message"), [(0.5, "The labels cover 0.5 s of"), (4.5, None)], ids=["short", "enough"]
)
def test_labels_shorter_than_the_video(
    root: Path, tmp_path: Path, seconds: float, message: str | None
) -> None:
    def labels() -> Reference:
        return Reference(at_rate(np.sin(np.arange(round(60 * seconds) + 1)), 60.0, "The pulse"))

    dataset = replace(UBFC, find=partial(_given, [replace(UBFC.recordings(root)[0], read_reference=labels)]))
    with ThreadPoolExecutor(1) as pool:
        (outcome,) = prepare(dataset, root, tmp_path, CROPS, executor=pool).outcomes
    if message is None:
        assert outcome.reason is None
        with ThreadPoolExecutor(1) as pool:
            (again,) = prepare(dataset, root, tmp_path, CROPS, executor=pool).outcomes
        assert again.notes == outcome.notes  # what was noted once is not forgotten
        assert "The labels cover 4.5 s of" in outcome.notes[0]
    else:
        assert outcome.reason is not None and outcome.reason.startswith(message)


def test_a_store_that_is_damaged_or_none_says_so(
    prepared: preparing.PreparationReport, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match="is no prepared store"):
        open_store(tmp_path)
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(DatasetError, match="is damaged"):
        open_store(tmp_path)
    (tmp_path / "store.json").write_bytes((prepared.store / "store.json").read_bytes())
    with pytest.raises(DatasetError, match="holds no recording"):
        open_store(tmp_path)
    (tmp_path / "subject1").mkdir()
    (tmp_path / "subject1" / "recording.json").write_text("{}")
    with pytest.raises(DatasetError, match="subject1' in the store is damaged"):
        open_store(tmp_path)
