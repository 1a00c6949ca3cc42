import h5py
import numpy as np
import pytest

from rfacenet.datasets.scamps import SCAMPS
from rfacenet.errors import DatasetError


def write_matlab_7_3(path, variables) -> None:
    """Write arrays as MATLAB does: HDF5 with the axes the other way round, behind a header of its own."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            file[name] = value.T
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def test_matlab_7_3_has_its_axes_reversed(tmp_path, recordings_of) -> None:
    video = np.zeros((3, 4, 6, 3))  # as MATLAB shows it: time, height, width, colour
    video[1, 0, 5] = (1.0, 0.6, 0.2)
    (tmp_path / "Val").mkdir()
    for path in (tmp_path / "Val" / "P000002.mat", tmp_path / "P000002.mat"):
        write_matlab_7_3(path, {"Xsub": video, "d_ppg": np.array([[0.1, 0.2, 0.3]])})
    found = recordings_of(SCAMPS)
    assert sorted(found) == ["P000002", "Val/P000002"]
    recording = found["Val/P000002"]
    assert (recording.subject, recording.conditions) == ("Val/P000002", {"part": "Val"})
    with recording.open_video(None) as stream:
        frames = list(stream)
    assert [frame.t_s for frame in frames] == pytest.approx(np.arange(3) / 30)
    assert frames[1].rgb.shape == (4, 6, 3)
    assert frames[1].rgb[0, 5].tolist() == [255, 153, 51]
    assert np.count_nonzero([frame.rgb for frame in frames]) == 3
    pulse = recording.read_reference().pulse
    assert pulse.t_s == pytest.approx(np.arange(3) / 30)
    assert pulse.value == pytest.approx([0.1, 0.2, 0.3])
    (tmp_path / "P000003.mat").write_bytes((tmp_path / "P000002.mat").read_bytes()[:900])
    write_matlab_7_3(tmp_path / "P000004.mat", {"Xsub": video})
    found = recordings_of(SCAMPS)
    with pytest.raises(DatasetError, match="is no HDF5 file, or a damaged one"):
        found["P000003"].read_reference()
    with pytest.raises(DatasetError, match="has no 'd_ppg'; there is Xsub"):
        found["P000004"].read_reference()
