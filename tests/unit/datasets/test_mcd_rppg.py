import numpy as np
import pytest

from rfacenet.datasets.mcd_rppg import MCD_RPPG
from rfacenet.errors import DatasetError

NAME = "1020_FullHDwebcam_before"
TIMES = ("14:18:09.956232", "14:18:09.990232", "14:18:10", "14:18:10.056232")
META = "".join(f"{number} 2023-11-13 {time}\n" for number, time in enumerate(TIMES, 1))
T_S = [0, 0.034, 0.043768, 0.1]


def write(root, folder: str, content: str, name: str = NAME) -> None:
    (root / folder).mkdir(exist_ok=True)
    (root / folder / f"{name}.txt").write_text(content)


def test_frames_and_pulse_go_by_the_clock(tmp_path, tiny_video, recordings_of, times_of) -> None:
    tiny_video(tmp_path / "video" / f"{NAME}.avi", 4, 30)
    write(tmp_path, "meta", META)
    # The second column is the distance to the sample, no time.
    write(tmp_path, "ppg_sync", "100 0.004\n140 0.001\n90 0.0\n80 0.003\n")
    (recording,) = recordings_of(MCD_RPPG).values()
    assert (recording.name, recording.subject) == (NAME, "1020")
    assert recording.conditions == {"camera": "FullHDwebcam", "state": "rest"}
    assert times_of(recording) == pytest.approx(T_S)
    pulse = recording.read_reference().pulse
    assert pulse.t_s == pytest.approx(T_S)
    assert pulse.value == pytest.approx([100, 140, 90, 80])


def test_without_a_clock_the_videos_rate_holds(tmp_path, tiny_video, recordings_of, times_of) -> None:
    tiny_video(tmp_path / "video" / f"{NAME}.avi", 4, 24)
    write(tmp_path, "ppg_sync", "100\n140\n90\n")
    recording = recordings_of(MCD_RPPG)[NAME]
    assert times_of(recording) == pytest.approx(np.arange(4) / 24)
    assert recording.read_reference().pulse.t_s == pytest.approx(np.arange(3) / 24)


@pytest.mark.parametrize(
    ("pulse", "meta", "message"),
    [
        (None, META, r"There is no '.*ppg_sync.*'"),
        ("1 0\n2 0\n", META, "has 2 values but 4 times"),
        ("1 2 3\n4 5 6\n", META, "has 3 columns in row 1; 2 are known"),
        ("1\n2\n", "1 noon\n", "has '1 noon' where a number and a time should be"),
        ("1\n2\n", None, "has no times, and no video to tell them"),
    ],
)
def test_labels_that_cannot_be_used_say_why(pulse, meta, message, tmp_path, recordings_of) -> None:
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / f"{NAME}.avi").touch()
    for folder, content in (("ppg_sync", pulse), ("meta", meta)):
        if content is not None:
            write(tmp_path, folder, content)
    with pytest.raises(DatasetError, match=message):
        recordings_of(MCD_RPPG)[NAME].read_reference()


def test_a_pulse_without_video_is_listed(tmp_path, recordings_of) -> None:
    write(tmp_path, "ppg_sync", "1\n", "9_USBVideo_after")
    write(tmp_path, "ppg_sync", "1\n", "readme")
    (recording,) = recordings_of(MCD_RPPG).values()
    assert recording.conditions == {"camera": "USBVideo", "state": "after sport"}
