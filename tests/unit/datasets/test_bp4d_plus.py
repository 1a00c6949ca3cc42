import zipfile
from fractions import Fraction

import numpy as np
import pytest
from av.codec.context import CodecContext
from av.video.frame import VideoFrame

from rfacenet.datasets.bp4d_plus import BP4D_PLUS
from rfacenet.errors import DatasetError, VideoError


def jpeg(level: int) -> bytes:
    encoder = CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 32, 16, "yuvj420p", Fraction(1)
    picture = VideoFrame.from_ndarray(np.full((16, 32, 3), level, np.uint8), format="rgb24")
    converted = picture.reformat(format="yuvj420p", dst_color_range="JPEG")
    return b"".join(bytes(packet) for step in (converted, None) for packet in encoder.encode(step))


@pytest.fixture
def archive(tmp_path):
    (tmp_path / "2D+3D").mkdir()
    with zipfile.ZipFile(tmp_path / "2D+3D" / "F001.zip", "w") as file:
        # Out of order, among other things, the third frame missing, the fifth damaged.
        for number in (10, 2, 1, 4):
            file.writestr(f"F001/T1/{number:04}.jpg", jpeg(20 * number))
        file.writestr("F001/T1/0005.jpg", b"\xff\xd8 cut off")
        file.writestr("F001/T1/0001.obj", "v 0 0 0")
        file.writestr("__MACOSX/F001/T1/._0002.jpg", b"no picture")
        file.writestr("F001/T10/0001.jpg", jpeg(250))
    return tmp_path


def test_frames_come_out_of_the_archive(archive, recordings_of) -> None:
    found = recordings_of(BP4D_PLUS)
    assert list(found) == [f"F001/T{number}" for number in range(1, 11)]
    recording = found["F001/T1"]
    assert (recording.subject, recording.conditions) == ("F001", {"task": "T1", "sex": "female"})
    with recording.open_video(None) as stream:
        assert (stream.width_px, stream.height_px) == (32, 16)
        assert stream.expected_duration_s == pytest.approx(9 / 25)
        frames = list(stream)
        assert stream.damaged_frames == 1
    assert [frame.t_s for frame in frames] == pytest.approx(np.array([0, 1, 3, 9]) / 25)
    assert [frame.rgb.mean() for frame in frames] == pytest.approx([20, 40, 80, 200], abs=2)
    with recording.open_video(16) as stream:
        assert next(iter(stream)).rgb.shape == (8, 16, 3)


def test_pressure_and_rate_go_by_their_rate(archive, recordings_of) -> None:
    signals = archive / "Physiology" / "F001" / "T1"
    signals.mkdir(parents=True)
    (signals / "BP_mmHg.txt").write_text("80.5\n81\n90.25\n")
    reference = recordings_of(BP4D_PLUS)["F001/T1"].read_reference()
    assert reference.pulse.t_s == pytest.approx([0, 0.001, 0.002])
    assert reference.pulse.value == pytest.approx([80.5, 81, 90.25])
    assert reference.heart_rate_bpm is None
    (signals / "Pulse Rate_BPM.txt").write_text("71\n71\n72\n")
    reference = recordings_of(BP4D_PLUS)["F001/T1"].read_reference()
    assert reference.heart_rate_bpm.value == pytest.approx([71, 71, 72])


def test_what_is_not_there_is_listed_and_says_so(archive, recordings_of) -> None:
    for name in ("F001/T11", "M002/T3"):
        (archive / "Physiology" / name).mkdir(parents=True)
    (archive / "2D+3D" / "M003.zip").write_bytes(b"no archive")
    found = recordings_of(BP4D_PLUS)
    assert len(found) == 10 + 1 + 1 + 10
    for name, message in (
        ("F001/T11", "has no frames of task T11"),
        ("F001/T2", "has no frames of task T2"),
        ("M002/T3", r"There is no '.*M002.zip'"),
        ("M003/T1", "is no archive, or a damaged one"),
    ):
        with pytest.raises(VideoError, match=message):
            found[name].open_video(None)
        with pytest.raises(DatasetError, match=r"There is no '.*BP_mmHg.txt'"):
            found[name].read_reference()
