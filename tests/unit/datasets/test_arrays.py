from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from rfacenet.datasets.arrays import FrameStream, open_array
from rfacenet.errors import DatasetError, VideoError
from rfacenet.types import Frame


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 0.2, 1.0, np.nan]), [0, 51, 255, 0]),
        (np.array([0, 51.4, 300.0, -3.0]), [0, 51, 255, 0]),
        (np.array([0, 51, 255, 7], np.uint8), [0, 51, 255, 7]),
        (np.array([0, 1, 1, 0], np.int16), [0, 1, 1, 0]),
    ],
)
def test_values_become_eight_bits(values, expected, tmp_path) -> None:
    savemat(tmp_path / "v.mat", {"v": np.broadcast_to(values[:, None, None, None], (4, 8, 16, 3))})
    with open_array(tmp_path / "v.mat", "v", fps=10) as stream:
        frames = list(stream)
    assert [frame.rgb[3, 3, 1] for frame in frames] == expected
    assert [frame.t_s for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3])
    with open_array(tmp_path / "v.mat", "v", 8, fps=10) as stream:
        assert (stream.width_px, stream.height_px) == (8, 4)
        assert [int(frame.rgb[1, 1, 1]) for frame in stream] == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("shape", [(4, 8, 8), (4, 8, 8, 4), (0, 8, 8, 3)])
def test_what_is_no_video_is_refused(shape, tmp_path) -> None:
    savemat(tmp_path / "v.mat", {"v": np.zeros(shape)})
    with pytest.raises(DatasetError, match=r"'v' in '.*' is \(.*\) float64, not frames \(T, H, W, 3\)"):
        open_array(tmp_path / "v.mat", "v", fps=10)


def test_lost_frames_are_counted_and_the_source_is_closed() -> None:
    closed = []

    def frames():
        try:
            yield None
            for number in range(1, 4):
                yield Frame(number / 10, np.zeros((2, 4, 3), np.uint8))
                yield None
        finally:
            closed.append(True)

    with FrameStream(Path("x"), frames(), None) as stream:
        assert [frame.t_s for frame in stream] == [0.1, 0.2, 0.3]
        assert stream.damaged_frames == 4
    with FrameStream(Path("x"), frames(), None):
        pass
    assert closed == [True, True]
    with pytest.raises(VideoError, match="has no frame that can be decoded"):
        FrameStream(Path("x"), (None for _ in range(3)), None)
