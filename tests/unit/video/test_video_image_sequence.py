from __future__ import annotations

import numpy as np
import pytest

from rfacenet.errors import VideoError
from rfacenet.video import ImageSequence, open_video


def times_of(video) -> list[float]:
    with video:
        return [frame.t_s for frame in video]


@pytest.mark.parametrize("unit", ["000000", "000", ""])
def test_times_in_names(image_folder, unit) -> None:
    """PURE names are nanoseconds; microseconds and milliseconds are told by their digits."""
    folder = image_folder([f"Image{ms}{unit}.png" for ms in (1392643993642, 1392643993675, 1392643993709)])
    video = open_video(folder)
    assert isinstance(video, ImageSequence)
    assert video.expected_duration_s == pytest.approx(0.067)
    assert times_of(video) == pytest.approx([0, 0.033, 0.067])


def test_counters_need_a_frame_rate(image_folder) -> None:
    folder = image_folder(["frame_0001.png", "frame_0002.png"])
    with pytest.raises(VideoError, match="fps"):
        open_video(folder)
    assert times_of(open_video(folder, fps=20)) == pytest.approx([0, 0.05])


def test_a_missing_image_leaves_its_time_empty(image_folder) -> None:
    folder = image_folder([f"f{i}.png" for i in (10, 12, 14, 20, 22)])
    assert times_of(open_video(folder, fps=29.97)) == pytest.approx(
        np.array([0, 1, 2, 5, 6]) / 29.97, rel=1e-4
    )


def test_counters_are_sorted_as_numbers(image_folder) -> None:
    folder = image_folder([f"f{i}.png" for i in range(12)])
    with open_video(folder, fps=30) as video:
        assert [int(frame.rgb[0, 0, 0]) for frame in video] == list(range(12))


def test_images_without_number_are_passed_over(image_folder) -> None:
    folder = image_folder(["cover.png", "1.png", "2.png"])
    assert len(times_of(open_video(folder, fps=30))) == 2


def test_images_are_shrunk(image_folder) -> None:
    with open_video(image_folder(["1.png", "2.png"]), fps=30, max_side_px=32) as video:
        assert next(iter(video)).rgb.shape == (24, 32, 3)


def test_damaged_images_are_counted_and_leave_a_gap(image_folder) -> None:
    # Many sound ones after the damage: decoding threads lose what they hold only at the very end.
    folder = image_folder([f"{i:04}.png" for i in range(100)])
    (folder / "0002.png").write_bytes(b"damaged")
    (folder / "0004.png").write_bytes(b"")
    with open_video(folder, fps=10) as video:
        times_s = [frame.t_s for frame in video]
    assert times_s[:4] == pytest.approx([0, 0.1, 0.3, 0.5])
    assert len(times_s) == 98
    assert video.damaged_frames == 2


@pytest.mark.parametrize("ending", [".jpg", ".bmp"])
def test_content_decides_not_the_ending(image_folder, ending) -> None:
    folder = image_folder([f"{i}{ending}" for i in range(3)])
    assert len(times_of(open_video(folder, fps=10))) == 3


def test_folder_without_images(tmp_path) -> None:
    with pytest.raises(VideoError, match="no numbered images") as caught:
        open_video(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_folder_of_images_that_are_none(tmp_path) -> None:
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_text("no image")
    with pytest.raises(VideoError, match="PNG, JPEG or BMP"):
        open_video(tmp_path, fps=30)
