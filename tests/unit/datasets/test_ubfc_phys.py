import numpy as np
import pytest

from rfacenet.datasets.ubfc_phys import UBFC_PHYS
from rfacenet.errors import DatasetError, VideoError


def test_pulse_and_frames_have_their_own_rates(tmp_path, tiny_video, recordings_of, times_of) -> None:
    tiny_video(tmp_path / "s10" / "vid_s10_T2.avi", 7, 35)
    (tmp_path / "s10" / "bvp_s10_T2.csv").write_text("-3.5\n10.25\n0\n4\n")
    (tmp_path / "s10" / "eda_s10_T2.csv").write_text("0.1\n")
    recording = recordings_of(UBFC_PHYS)["s10_T2"]
    assert (recording.subject, recording.conditions) == ("s10", {"task": "speech"})
    assert times_of(recording) == pytest.approx(np.arange(7) / 35)
    pulse = recording.read_reference().pulse
    assert pulse.t_s == pytest.approx(np.arange(4) / 64)
    assert pulse.value == pytest.approx([-3.5, 10.25, 0, 4])
    # The labels end before the video; what is behind their end is not made up.
    assert np.isnan(pulse.at(np.array(times_of(recording)))).tolist() == [False, False] + [True] * 5


def test_half_a_recording_is_listed(tmp_path, tiny_video, recordings_of) -> None:
    tiny_video(tmp_path / "s1" / "vid_s1_T1.avi", 2, 35)
    (tmp_path / "s1" / "bvp_s1_T3.csv").write_text("")
    found = recordings_of(UBFC_PHYS)
    assert list(found) == ["s1_T1", "s1_T3"]
    with pytest.raises(DatasetError, match=r"There is no '.*bvp_s1_T1.csv'"):
        found["s1_T1"].read_reference()
    with pytest.raises(DatasetError, match=r"'.*bvp_s1_T3.csv' is empty"):
        found["s1_T3"].read_reference()
    with pytest.raises(VideoError, match=r"vid_s1_T3.avi"):
        found["s1_T3"].open_video(None)
