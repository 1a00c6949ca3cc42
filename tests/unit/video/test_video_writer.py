from __future__ import annotations

import numpy as np
import pytest

from rfacenet.errors import OutputError
from rfacenet.video import VideoWriter, encode_png, open_video


def test_lossless_is_exact(clip, noise) -> None:
    with open_video(clip("a.mkv", noise, codec="ffv1", pix_fmt="bgr0")) as video:
        for frame, written in zip(video, noise, strict=True):
            np.testing.assert_array_equal(frame.rgb, written)


def test_odd_sizes_are_padded_by_the_edge(clip, solid) -> None:
    frame = solid(63, 47)
    with open_video(clip("a.mp4", [frame] * 2)) as video:
        assert (video.width_px, video.height_px) == (64, 48)
        assert np.abs(next(iter(video)).rgb.astype(int) - frame[0, 0]).max() <= 3


def test_nothing_appears_before_the_end_and_nothing_else_remains(tmp_path, solid) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, 64, 48, 30) as video:
        video.write(solid())
        assert not path.exists()
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file(tmp_path, solid) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(KeyError), VideoWriter(path, 64, 48, 30) as video:
        video.write(solid())
        raise KeyError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_frames_no_file(tmp_path) -> None:
    with pytest.raises(OutputError, match="no frames"), VideoWriter(tmp_path / "a.mp4", 64, 48, 30):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "settings"),
    [("none/a.mp4", {}), ("a.unknown", {}), ("a.mp4", {"codec": "nonsense"})],
)
def test_what_cannot_be_written(tmp_path, name, settings) -> None:
    with pytest.raises(OutputError, match=name):
        VideoWriter(tmp_path / name, 64, 48, 30, **settings)
    assert not list(tmp_path.iterdir())


def test_wrong_frames_are_refused(tmp_path, solid) -> None:
    with VideoWriter(tmp_path / "a.mp4", 64, 48, 30) as video:
        video.write(solid())
        with pytest.raises(ValueError, match="this video's are"):
            video.write(solid(32, 48))
        with pytest.raises(ValueError, match="t_s"):
            video.write(solid(), 0.1)


def test_png_is_lossless_even_from_a_view(tmp_path, noise) -> None:
    turned = np.rot90(noise[0])
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes(encode_png(turned))
    with open_video(tmp_path, fps=1) as video:
        np.testing.assert_array_equal(next(iter(video)).rgb, turned)
