"""``rfacenet stmap`` as people use it."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from rfacenet.cli.main import main
from videos import write_video

SVG = "{http://www.w3.org/2000/svg}"


def run(*arguments):
    return main(["stmap", *map(str, arguments)])


def words(picture):
    return ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]


def test_a_picture_is_written_here(person_video, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(person_video) == 0
    assert f"{person_video}: 8" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["person-stmap.svg"]
    picture = ElementTree.parse("person-stmap.svg")
    assert len(list(picture.iter(f"{SVG}image"))) == 1 + 3  # the face, and the channels
    assert len(list(picture.iter(f"{SVG}polygon"))) == 15
    found = words(picture)
    assert {"forehead 1", "cheeks 4–11", "time from the start of the video (s)", "0", "10"} <= set(found)
    (rate,) = (float(word.removesuffix(" bpm")) for word in found if word.endswith(" bpm"))
    assert rate == pytest.approx(84, abs=2)
    assert f"one beat, {60 / rate:.2f} s" in found


@pytest.mark.parametrize(("regions", "shape"), [("blocks", (3, 25, 60)), ("areas", (6, 63, 60))])
def test_the_map_as_numbers_and_as_pictures(regions, shape, person_video, tmp_path, capsys):
    arguments = person_video, "--regions", regions, "--start-s", "1.99", "--duration-s", "2"
    assert run(*arguments, "--out", tmp_path / "map.npy") == 0
    values = np.load(tmp_path / "map.npy")
    assert (values.shape, values.dtype) == (shape, np.float32)
    out = capsys.readouterr().out
    assert "no heart rate, 2.0 to 4.0 s" in out
    assert "at least 4.0 s are needed" in out
    assert run(*arguments, "--out", tmp_path / "map.png") == 0
    assert f"a row is {240 // shape[1]} pixels high, a frame 20 wide" in capsys.readouterr().out
    assert run(*arguments, "--out", tmp_path / "map.svg") == 0
    assert len(list(ElementTree.parse(tmp_path / "map.svg").iter(f"{SVG}image"))) == 1 + shape[0]


def test_what_is_left_out_is_said(person, tmp_path, capsys):
    # Two seconds without a picture: whatever is on either side belongs to two stretches.
    frames = [frame for frame in person if not 2 <= frame.t_s < 4]
    gap = write_video(tmp_path / "gap.mp4", frames)
    assert run(gap, "--out", tmp_path / "gap.svg") == 0
    out = capsys.readouterr().out
    assert re.search(r"this is the longest unbroken stretch with the face; 4\.\d s are left out", out)
    about = words(ElementTree.parse(tmp_path / "gap.svg"))[1]
    assert re.fullmatch(
        r"4\.\d to 10\.0 s, the longest stretch with the face \(4\.\d s are left out\)", about
    )


def test_what_cannot_be_done_says_why(person, person_video, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    size = person_video.stat().st_size
    for code, arguments, message in (
        (2, [person_video, "--start-s", "99"], "start earlier"),
        (2, [person_video, "--duration-s", "1"], "choose 2 to 60 s"),
        (2, [person_video, "--out", "map.npy", "--start-s", "-1"], "choose 0 or more"),
        (1, [person_video, "--out", person_video], "end it in .svg, .png, .npy"),
        (1, [person_video, "--out", "nowhere/map.svg"], "create it first"),
    ):
        assert run(*arguments) == code
        assert message in capsys.readouterr().err
    assert person_video.stat().st_size == size
    wall = write_video(tmp_path / "wall.mp4", [replace(f, rgb=np.full_like(f.rgb, 90)) for f in person[:90]])
    short = write_video(tmp_path / "short.mp4", person[:40])
    for path, message in (
        (wall, "no map. No face that looks towards the camera was found in 3.0 s"),
        (short, "no map. The video lasts 1.30 s; a map takes at least 2 s."),
        (tmp_path / "missing.mp4", "no map. "),
    ):
        assert run(path) == 1
        assert f"{path}: {message}" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["short.mp4", "wall.mp4"]
