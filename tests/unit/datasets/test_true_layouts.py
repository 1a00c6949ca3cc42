"""Each data set as its authors lay it out: written by hand, or by the simulator and read back."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rfacenet.datasets import DATASETS, is_simulated
from rfacenet.datasets.layout import Dataset
from rfacenet.datasets.recording import time_series
from rfacenet.datasets.simulated import SimulatedSize, simulate_dataset
from rfacenet.errors import DatasetError, OutputError
from rfacenet.video import VideoWriter, encode_png

SIMULATED = [dataset for dataset in DATASETS.values() if dataset.simulation]
PICTURE = np.full((16, 16, 3), 128, np.uint8)


def write_video(path: Path, n_frames: int, fps: float) -> None:
    with VideoWriter(path, 16, 16, fps=fps, codec="mjpeg", pix_fmt="yuvj420p") as writer:
        for _ in range(n_frames):
            writer.write(PICTURE)


@pytest.mark.parametrize("dataset", SIMULATED, ids=lambda dataset: dataset.name)
def test_what_is_simulated_is_found_again(dataset: Dataset, tmp_path: Path) -> None:
    simulate_dataset(dataset, tmp_path / "set", SimulatedSize(2, 4.0, 48, 48))
    assert is_simulated(tmp_path / "set")
    found = dataset.recordings(tmp_path / "set")
    assert len({recording.name for recording in found}) == len(found)
    assert len({recording.subject for recording in found}) == 2
    recording = found[-1]
    with recording.open_video(None) as video:
        t_s = [frame.t_s for frame in video]
        assert video.damaged_frames == 0
    pulse = recording.read_reference().pulse
    assert pulse is not None
    # Both begin together and end together, whatever rates they have; VIPL-HR's labels end up to 1 s early.
    assert pulse.t_s[0] == pytest.approx(t_s[0], abs=0.05)
    early_s = 1.0 if dataset.name == "vipl-hr" else 0.0
    assert -0.05 < t_s[-1] - pulse.t_s[-1] < early_s + 0.05


def test_simulated_sets_are_as_uneven_as_real_ones(tmp_path: Path) -> None:
    simulate_dataset(DATASETS["vipl-hr"], tmp_path / "set", SimulatedSize(2, 4.0, 16, 16))
    found = DATASETS["vipl-hr"].recordings(tmp_path / "set")
    lengths_s = []
    for recording in found:
        with recording.open_video(None) as video:
            lengths_s.append([frame.t_s for frame in video][-1])
    assert 0.2 < np.ptp(lengths_s) < 0.85
    assert [one.name for one in found if one.read_reference().pulse is None] == ["p2/v2/source1"]
    assert all(one.read_reference().heart_rate_bpm is not None for one in found)


def test_simulating_never_writes_over_anything(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(OutputError, match="is not empty"):
        simulate_dataset(DATASETS["pure"], tmp_path, SimulatedSize(1))


def test_half_a_simulated_set_never_passes_for_a_whole_one(tmp_path: Path) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    pure = DATASETS["pure"]
    stopped = replace(pure, simulation=replace(pure.simulation, write=stop))
    with pytest.raises(KeyboardInterrupt):
        simulate_dataset(stopped, tmp_path / "set", SimulatedSize(1, 4.0, 16, 16))
    assert not any(tmp_path.iterdir())
    (tmp_path / "set" / ".unfinished" / "01-01").mkdir(parents=True)  # of a killed one
    simulate_dataset(pure, tmp_path / "set", SimulatedSize(1, 1.0, 16, 16))
    assert {path.name for path in (tmp_path / "set").iterdir()} == {
        "SIMULATED.txt",
        *(f"01-{task:02}" for task in range(1, 7)),
    }


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_a_wrong_folder_says_what_was_expected_and_found(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"There is no folder '.*nowhere'"):
        dataset.recordings(tmp_path / "nowhere")
    (tmp_path / "holiday").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DatasetError) as error:
        dataset.recordings(tmp_path)
    assert dataset.layout in str(error.value)
    assert "found holiday/, notes.txt" in str(error.value)


def test_pure_goes_by_the_clocks(tmp_path: Path) -> None:
    start_ns = 1_392_643_993_642_815_000
    frames = tmp_path / "01-02" / "01-02"
    frames.mkdir(parents=True)
    for time_ns in (0, 33_000_000, 80_000_000):
        (frames / f"Image{start_ns + time_ns}.png").write_bytes(encode_png(PICTURE))
    package = [
        {"Timestamp": start_ns + time_ns, "Value": {"waveform": wave, "pulseRate": 61}}
        for time_ns, wave in ((-10_000_000, 40), (6_000_000, 50), (22_000_000, 60))
    ]
    labels = {"/FullPackage": package, "/Image": [{"Timestamp": start_ns}]}
    (tmp_path / "01-02" / "01-02.json").write_text(json.dumps(labels))
    (recording,) = DATASETS["pure"].recordings(tmp_path)
    assert (recording.name, recording.subject, recording.conditions) == ("01-02", "01", {"task": "talking"})
    with recording.open_video(None) as video:
        np.testing.assert_allclose([frame.t_s for frame in video], [0, 0.033, 0.080])
    reference = recording.read_reference()
    np.testing.assert_allclose(reference.pulse.t_s, [-0.010, 0.006, 0.022], atol=1e-6)
    np.testing.assert_allclose(reference.pulse.value, [40, 50, 60])
    np.testing.assert_allclose(reference.heart_rate_bpm.value, 61)


def test_ubfc_rppg_has_two_parts(tmp_path: Path) -> None:
    old, new = tmp_path / "DATASET_1" / "5-gt", tmp_path / "DATASET_2" / "subject10"
    for folder in (old, new):
        folder.mkdir(parents=True)
        write_video(folder / "vid.avi", 4, 25.0)
    (old / "gtdump.xmp").write_text("0,67,98,31\n16,67,98,33\n32,68,98,38\n")
    (new / "ground_truth.txt").write_text(" 1.0e-01 2.0e-01 3.0e-01\n 60 60 61\n 1.000 1.050 1.090\n")
    first, second = DATASETS["ubfc-rppg"].recordings(tmp_path)
    np.testing.assert_allclose(first.read_reference().pulse.t_s, [0, 0.016, 0.032])
    np.testing.assert_allclose(first.read_reference().pulse.value, [31, 33, 38])
    np.testing.assert_allclose(second.read_reference().heart_rate_bpm.value, [60, 60, 61])
    with first.open_video(None) as video:
        np.testing.assert_allclose([frame.t_s for frame in video], [0, 0.04, 0.08, 0.12])
    # The labels' times are the frames'; a frame more than there are times has none.
    with second.open_video(None) as video:
        np.testing.assert_allclose([frame.t_s for frame in video], [0, 0.05, 0.09])
        assert video.damaged_frames == 1


def test_vipl_hr_does_without_what_some_folders_lack(tmp_path: Path) -> None:
    for name in ("p2/v1/source1", "p10/v3/source4", "p10/v9/source2"):
        (tmp_path / name).mkdir(parents=True)
        write_video(tmp_path / name / "video.avi", 3, 25.0)
    timed, untimed = tmp_path / "p2/v1/source1", tmp_path / "p10/v3/source4"
    (timed / "time.txt").write_text("0\n41\n95\n")
    (timed / "wave.csv").write_text("Wave\n30\n34\n39\n")
    (untimed / "gt_HR.csv").write_text("HR\n71\n72\n")
    found = DATASETS["vipl-hr"].recordings(tmp_path)
    assert [recording.name for recording in found] == ["p2/v1/source1", "p10/v3/source4", "p10/v9/source2"]
    assert found[1].conditions["camera"] == "near-infrared"
    for recording, t_s in zip(found, ([0, 0.041, 0.095], [0, 0.04, 0.08], [0, 0.04, 0.08]), strict=True):
        with recording.open_video(None) as video:
            np.testing.assert_allclose([frame.t_s for frame in video], t_s)
    np.testing.assert_allclose(found[0].read_reference().pulse.t_s, [0, 1 / 60, 2 / 60])
    assert found[0].read_reference().heart_rate_bpm is None
    np.testing.assert_allclose(found[1].read_reference().heart_rate_bpm.t_s, [0, 1])
    with pytest.raises(DatasetError, match=r"neither wave.csv nor gt_HR.csv"):
        found[2].read_reference()


def test_a_lost_first_frame_shifts_no_other(tmp_path: Path) -> None:
    frames = tmp_path / "01-01" / "01-01"
    frames.mkdir(parents=True)
    for time_ns in (0, 33_000_000, 80_000_000):
        (frames / f"Image{1_392_643_993_642_815_000 + time_ns}.png").write_bytes(encode_png(PICTURE))
    next(iter(sorted(frames.iterdir()))).write_bytes(b"")
    (recording,) = DATASETS["pure"].recordings(tmp_path)
    with recording.open_video(None) as video:
        np.testing.assert_allclose([frame.t_s for frame in video], [0.033, 0.080])

    folder = tmp_path / "ubfc" / "subject1"
    folder.mkdir(parents=True)
    write_video(folder / "vid.avi", 4, 25.0)
    content = (folder / "vid.avi").read_bytes()
    start, end = content.index(b"\xff\xd8"), content.index(b"\xff\xd9")  # the first JPEG
    (folder / "vid.avi").write_bytes(content[:start] + b"\0" * (end - start) + content[end:])
    (folder / "ground_truth.txt").write_text("1 2 3 4\n60 60 60 60\n0 0.05 0.09 0.14\n")
    (recording,) = DATASETS["ubfc-rppg"].recordings(folder.parent)
    with recording.open_video(None) as video:
        np.testing.assert_allclose([frame.t_s for frame in video], [0.05, 0.09, 0.14])


def test_nothing_is_made_up_where_nothing_was_measured() -> None:
    t_s = np.concatenate([np.arange(0, 10, 1 / 60), np.arange(20, 30, 1 / 60)])
    pulse = time_series(t_s, np.sin(t_s), "The pulse")
    known = ~np.isnan(pulse.at(np.array([-0.1, 5.0, 9.98, 15.0, 20.0, 29.0, 31.0])))
    assert known.tolist() == [False, True, True, False, True, True, False]
    rate = time_series(np.array([0.0, 1.0, 2.0, 9.0]), np.full(4, 60.0), "The rate")
    assert (~np.isnan(rate.at(np.array([1.5, 5.0, 9.0])))).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("", "is empty"),
        ("1 2 3\n60 60 60\n", r"has 2 line\(s\) of numbers instead of 3"),
        ("1 2 x\n60 60 60\n0 1 2\n", "has 'x' where numbers should be"),
        ("1 2\n60 60\n0 1 2\n", "has 2 values but 3 times"),
        ("1\n60\n0\n", "is empty: 1 sample"),
        ("1 2 3 4\n60 60 60 60\n0 0 0 1\n", "is in disorder: 2 of its 4 samples"),
    ],
)
def test_labels_that_cannot_be_used_say_why(labels: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "subject1").mkdir()
    (tmp_path / "subject1" / "ground_truth.txt").write_text(labels)
    (recording,) = DATASETS["ubfc-rppg"].recordings(tmp_path)
    with pytest.raises(DatasetError, match=message):
        recording.read_reference()
