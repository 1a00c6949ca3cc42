import numpy as np
import pytest

from rfacenet.datasets.own_folder import OWN_FOLDER
from rfacenet.errors import DatasetError
from rfacenet.video import encode_png


def test_videos_and_image_folders_with_tables_beside_them(
    tmp_path, tiny_video, recordings_of, times_of
) -> None:
    tiny_video(tmp_path / "anna" / "day1" / "rest.mkv", 3, 25)
    (tmp_path / "anna" / "day1" / "rest.csv").write_text("t_s,bvp,heart_rate_bpm\n0.01,5,60\n0.05,7,61\n")
    tiny_video(tmp_path / "ben.mp4", 2, 25)
    images = tmp_path / "anna" / "2024.01.02"  # not a file's ending
    images.mkdir()
    for ms in (1704200000000, 1704200000040, 1704200000090):
        (images / f"{ms}.png").write_bytes(encode_png(np.zeros((4, 4, 3), np.uint8)))
    (tmp_path / "anna" / "2024.01.02.csv").write_text("bvp,t_s\n5,0\n7,0.5\n")
    found = recordings_of(OWN_FOLDER)
    subjects = {name: recording.subject for name, recording in found.items()}
    assert subjects == {"anna/2024.01.02": "anna", "anna/day1/rest.mkv": "anna", "ben.mp4": "ben"}
    reference = found["anna/day1/rest.mkv"].read_reference()
    assert reference.pulse.t_s == pytest.approx([0.01, 0.05])
    assert reference.pulse.value == pytest.approx([5, 7])
    assert reference.heart_rate_bpm.value == pytest.approx([60, 61])
    assert times_of(found["anna/day1/rest.mkv"]) == pytest.approx([0, 0.04, 0.08], abs=0.001)
    reference = found["anna/2024.01.02"].read_reference()
    assert reference.pulse.t_s == pytest.approx([0, 0.5])
    assert reference.heart_rate_bpm is None
    assert times_of(found["anna/2024.01.02"]) == pytest.approx([0, 0.04, 0.09])
    with pytest.raises(DatasetError, match=r"There is no '.*ben.csv' with the columns t_s and bvp"):
        found["ben.mp4"].read_reference()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("t_s,bvp\n", "The pulse in '.*' is empty"),
        ("time,bvp\n0,1\n", "has no column 't_s'; there are time, bvp"),
        ("t_s,bvp\n0,1\n1,\n", r"has '' where numbers should be \(line 3\)"),
        ("t_s,bvp\n0,1\n0,2\n0,3\n1,4\n", "is in disorder: 2 of its 4 samples"),
    ],
)
def test_labels_that_cannot_be_used_say_why(labels, message, tmp_path, recordings_of) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.csv").write_text(labels)
    with pytest.raises(DatasetError, match=message):
        recordings_of(OWN_FOLDER)["a.mp4"].read_reference()
