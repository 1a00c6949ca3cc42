import sys

import h5py
import numpy as np
import pytest

from rfacenet.datasets.cohface import COHFACE
from rfacenet.errors import DatasetError


def write_labels(path, **variables) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, value in variables.items():
            file[name] = value


def test_pulse_and_frames_have_their_own_rates(tmp_path, tiny_video, recordings_of, times_of) -> None:
    (tmp_path / "protocols" / "all").mkdir(parents=True)
    tiny_video(tmp_path / "12" / "2" / "data.avi", 4, 20)
    write_labels(tmp_path / "12" / "2" / "data.hdf5", pulse=[1.5, 2.5, -4.0], respiration=[0.0, 1.0, 2.0])
    (recording,) = recordings_of(COHFACE).values()
    assert (recording.name, recording.subject, recording.conditions) == ("12/2", "12", {"light": "daylight"})
    assert times_of(recording) == pytest.approx([0, 0.05, 0.1, 0.15])
    pulse = recording.read_reference().pulse
    assert pulse.t_s == pytest.approx(np.arange(3) / 256)
    assert pulse.value == pytest.approx([1.5, 2.5, -4])


def test_labels_that_cannot_be_used_say_why(tmp_path, tiny_video, recordings_of, monkeypatch) -> None:
    for session in "0123":
        tiny_video(tmp_path / "1" / session / "data.avi", 2, 20)
    write_labels(tmp_path / "1" / "0" / "data.hdf5", pulse=np.zeros(0))
    write_labels(tmp_path / "1" / "1" / "data.hdf5", respiration=[1.0])
    (tmp_path / "1" / "2" / "data.hdf5").write_bytes(b"nothing of the kind")
    found = recordings_of(COHFACE)
    for name, message in (
        ("1/0", "The pulse in '.*' is empty"),
        ("1/1", "has no 'pulse'; there is respiration"),
        ("1/2", "is no HDF5 file, or a damaged one"),
        ("1/3", r"There is no '.*data.hdf5', which should hold 'pulse'"),
    ):
        with pytest.raises(DatasetError, match=message):
            found[name].read_reference()
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DatasetError, match=r"needs h5py: pip install 'rfacenet\[datasets\]'"):
        found["1/0"].read_reference()
