import numpy as np
import pytest
from scipy.io import savemat

from rfacenet.datasets.physdrive import PHYSDRIVE
from rfacenet.errors import DatasetError, VideoError
from rfacenet.video import encode_png


def write_labels(folder, n_values: int) -> None:
    (folder / "Label").mkdir(parents=True)
    savemat(folder / "Label" / "BVP.mat", {"BVP": np.arange(n_values)[None] * 0.5})


def test_images_or_videos_with_a_value_a_frame(tmp_path, tiny_video, recordings_of, times_of) -> None:
    images = tmp_path / "AFH1" / "A1" / "Align"
    images.mkdir(parents=True)
    for number in range(20):
        (images / f"{number:05}.png").write_bytes(encode_png(np.full((4, 4, 3), 9, np.uint8)))
    tiny_video(tmp_path / "BMW2" / "BT" / "RGB.mp4", 20, 25)
    tiny_video(tmp_path / "CMZ1" / "C2" / "Video" / "RGB.mp4", 20, 25)
    for name in ("AFH1/A1", "BMW2/BT"):
        write_labels(tmp_path / name, 19)
    (tmp_path / "processed" / "A1" / "Label").mkdir(parents=True)
    found = recordings_of(PHYSDRIVE)
    assert list(found) == ["AFH1/A1", "BMW2/BT", "CMZ1/C2"]
    assert found["BMW2/BT"].subject == "BMW2"
    assert found["BMW2/BT"].conditions == {
        "car": "B segment",
        "sex": "male",
        "light": "midnight",
        "road": "flat, congested",
        "situation": "talking",
    }
    for name, fps in (("AFH1/A1", 30), ("BMW2/BT", 25)):
        assert times_of(found[name]) == pytest.approx(np.arange(20) / fps)
        pulse = found[name].read_reference().pulse
        assert pulse.t_s == pytest.approx(np.arange(19) / fps)
        assert pulse.value == pytest.approx(np.arange(19) * 0.5)
    assert len(times_of(found["CMZ1/C2"])) == 20
    with pytest.raises(DatasetError, match=r"There is no '.*BVP.mat'"):
        found["CMZ1/C2"].read_reference()


def test_labels_of_another_rate_are_refused(tmp_path, tiny_video, recordings_of) -> None:
    tiny_video(tmp_path / "AFH1" / "AS" / "RGB.mp4", 30, 30)
    write_labels(tmp_path / "AFH1" / "AS", 100)
    write_labels(tmp_path / "AFH1" / "AT", 4)
    found = recordings_of(PHYSDRIVE)
    with pytest.raises(DatasetError, match=r"BVP.mat' has 100 values for 30 frames, not one for each"):
        found["AFH1/AS"].read_reference()
    assert len(found["AFH1/AT"].read_reference().pulse.value) == 4
    with pytest.raises(VideoError, match="Align"):
        found["AFH1/AT"].open_video(None)
