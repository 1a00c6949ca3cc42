import numpy as np
import pytest
from scipy.io import savemat

from rfacenet.datasets.mmpd import MMPD
from rfacenet.errors import DatasetError


def test_frames_and_pulse_are_variables(tmp_path, recordings_of) -> None:
    levels = np.array([0, 51, 102, 255])
    video = np.broadcast_to(levels[:, None, None, None] / 255, (4, 6, 8, 3)).astype(np.float32)
    (tmp_path / "subject7").mkdir()
    savemat(
        tmp_path / "subject7" / "p7_13.mat",
        {"video": video, "GT_ppg": np.array([[0.5, -1.0, 2.0]]), "light": "LED-low"},
    )
    (recording,) = recordings_of(MMPD).values()
    assert (recording.name, recording.subject) == ("p7_13", "p7")
    assert recording.conditions == {"experiment": "13"}
    with recording.open_video(None) as stream:
        assert (stream.width_px, stream.height_px) == (8, 6)
        assert stream.expected_duration_s == pytest.approx(0.1)
        frames = list(stream)
    assert [frame.t_s for frame in frames] == pytest.approx(np.arange(4) / 30)
    assert [frame.rgb[0, 0, 0] for frame in frames] == levels.tolist()
    pulse = recording.read_reference().pulse
    assert pulse.t_s == pytest.approx(np.arange(3) / 30)
    assert pulse.value == pytest.approx([0.5, -1, 2])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"video": np.zeros((2, 4, 4, 3))}, "has no 'GT_ppg'; there is video"),
        ({"GT_ppg": np.zeros((1, 0))}, "The pulse in '.*' is empty"),
        ({"GT_ppg": np.zeros((2, 3))}, r"'GT_ppg' in '.*' is \(2, 3\) float64, not a row of numbers"),
        (None, "is no MATLAB file, or a damaged one"),
    ],
)
def test_labels_that_cannot_be_used_say_why(content, message, tmp_path, recordings_of) -> None:
    (tmp_path / "subject1").mkdir()
    path = tmp_path / "subject1" / "p1_0.mat"
    path.write_bytes(b"cut off") if content is None else savemat(path, content)
    with pytest.raises(DatasetError, match=message):
        recordings_of(MMPD)["p1_0"].read_reference()
