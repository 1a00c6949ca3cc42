from __future__ import annotations

import pytest

from rfacenet.errors import VideoError
from rfacenet.video import find_videos


@pytest.fixture
def tree(tmp_path, image_folder):
    for name in ("b/vid.avi", "a/vid.AVI", "a/notes.txt", "a/._vid.avi", "a/thumbnail_1.png", "c/photo1.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    image_folder(["1.png", "2.png"], folder="pure/01-01")
    return tmp_path


def test_folder_is_searched_with_all_below(tree) -> None:
    assert find_videos(tree) == [tree / "a/vid.AVI", tree / "b/vid.avi", tree / "pure/01-01"]


def test_folder_of_images_is_one_video(tree) -> None:
    assert find_videos(tree / "pure/01-01") == [tree / "pure/01-01"]


def test_a_file_is_taken_whatever_its_ending(tree) -> None:
    assert find_videos(tree / "a/notes.txt") == [tree / "a/notes.txt"]


def test_pattern(tree) -> None:
    assert find_videos(f"{tree}/*/*.avi") == [tree / "b/vid.avi"]
    assert find_videos(f"{tree}/[ap]*") == [tree / "a/vid.AVI", tree / "pure/01-01"]
    assert find_videos(f"{tree}/**/*.AVI") == [tree / "a/vid.AVI"]


@pytest.mark.parametrize("name", ["none", "c", "*.mkv"])
def test_nothing_there(tree, name) -> None:
    with pytest.raises(VideoError) as caught:
        find_videos(tree / name)
    assert str(tree / name) in str(caught.value)
    assert name == "none" or ".mp4" in str(caught.value)
