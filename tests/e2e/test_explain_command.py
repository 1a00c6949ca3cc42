"""``rfacenet explain`` as people use it."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from rfacenet.cli.main import main
from rfacenet.video import open_video
from videos import write_video

IMAGE = "{http://www.w3.org/2000/svg}image"
TEXT = "{http://www.w3.org/2000/svg}text"


def run(*arguments):
    return main(["explain", *map(str, arguments)])


def test_a_picture_and_a_video_are_written_here(person_video, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(person_video, "--duration-s", "5") == 0
    out = capsys.readouterr().out
    assert f"{person_video}: 8" in out
    assert "before fusion" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "person-explained.mp4",
        "person-explained.svg",
    ]
    picture = ElementTree.parse("person-explained.svg")
    panels = list(picture.iter(IMAGE))
    assert len(panels) == 3
    assert all(panel.get("href").startswith("data:image/png;base64,") for panel in panels)
    words = [text.text for text in picture.iter(TEXT)]
    assert {"Face", "Before fusion", "After fusion", "most influence"} <= set(words)
    with open_video("person-explained.mp4") as video:
        frames = list(video)
    assert len(frames) == pytest.approx(150, abs=2)
    assert frames[0].rgb.shape == (324, 3 * 324 + 2 * 8, 3)
    assert frames[-1].t_s == pytest.approx(5, abs=0.1)


def test_a_network_without_fusion_has_one_map(person_video, tmp_path, capsys):
    files = "--picture", tmp_path / "p.svg", "--video", tmp_path / "p.mkv"
    assert run(person_video, "--method", "physnet", "--duration-s", "5", "--min-quality", "0", *files) == 0
    assert "before fusion" not in capsys.readouterr().out
    assert len(list(ElementTree.parse(tmp_path / "p.svg").iter(IMAGE))) == 2


def test_what_cannot_be_done_says_why(person, person_video, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    size = person_video.stat().st_size
    for code, arguments, message in (
        (2, [person_video, "--method", "chrom"], "choose rfacenet, physnet, or a weights file"),
        (2, [person_video, "--method", "tscan"], "TSCAN has no map that could be shown"),
        (2, [person_video, "--method", "facenet"], "There is no method 'facenet'"),
        (2, [person_video, "--video", person_video], "is the input"),
        (1, [person_video, "--picture", "face.png"], "end it in .svg"),
        (1, [person_video, "--picture", "nowhere/face.svg"], "create it first"),
    ):
        assert run(*arguments) == code
        assert message in capsys.readouterr().err
    assert person_video.stat().st_size == size
    wall = write_video(tmp_path / "wall.mp4", [replace(f, rgb=np.full_like(f.rgb, 90)) for f in person])
    assert run(wall) == 1
    assert "nothing to explain. No face was found" in capsys.readouterr().out
    assert run(tmp_path / "missing.mp4") == 1
    assert "missing.mp4: nothing to explain. " in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["wall.mp4"]
