"""``rfacenet live`` with a file for a camera, from arguments to exit code."""

import json
import os
import pty
import re
import subprocess
import sys

import pytest

from rfacenet.cli import live as command
from rfacenet.cli.main import main
from rfacenet.errors import VideoError
from rfacenet.video import in_real_time


def run(*arguments):
    return main(["live", *map(str, arguments)])


def test_a_file_played_fast_gives_its_rate(person_video, tmp_path, capsys):
    file = tmp_path / "rate.json"
    assert run("--file", person_video, "--speed", 2, "--method", "pos", "--json", file) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert all(re.match(r"\d+\.\d s: ", line) for line in lines)
    assert any("more second" in line for line in lines)
    assert last.startswith(f"{person_video}: 8")
    result = json.loads(file.read_text())
    assert result["heart_rate_bpm"] == pytest.approx(84, abs=3)
    assert result["bvp"]["value"]


def test_json_on_standard_output_comes_alone_and_ends_in_time(person_video, capsys):
    options = ("--duration-s", 6, "--speed", 3, "--method", "pos", "--min-quality", 0)
    assert run("--file", person_video, *options, "--json", "-") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["duration_s"] == pytest.approx(6, abs=0.1)


def test_a_terminal_sees_one_line_that_is_redrawn(person_video):
    leader, follower = pty.openpty()
    options = ["--file", str(person_video), "--speed", "3", "--method", "pos"]
    process = subprocess.Popen(
        [sys.executable, "-m", "rfacenet.cli.main", "live", *options],
        stdout=follower,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"},
    )
    os.close(follower)
    seen = b""
    try:
        while chunk := os.read(leader, 4096):
            seen += chunk
    except OSError:  # the other end was closed
        pass
    os.close(leader)
    assert process.wait(60) == 0
    states = seen.decode().split("\r")
    assert sum("\x1b[K" in state for state in states) >= 5
    assert any(re.search(r"[▁▂▃▄▅▆▇█]{20}.* bpm \(quality", state) for state in states)
    assert seen.decode().rstrip().splitlines()[-1].startswith(str(person_video))


def test_ctrl_c_ends_with_the_result_so_far(person_video, capsys, monkeypatch):
    def stopped(frames, feed, *_):
        for frame in frames:
            if frame.t_s > 8:
                raise KeyboardInterrupt
            feed.put(frame)

    monkeypatch.setattr(command, "_follow", stopped)
    assert run("--file", person_video, "--speed", 3, "--method", "pos", "--json", "-") == 130
    shown = capsys.readouterr()
    assert json.loads(shown.out)["heart_rate_bpm"] == pytest.approx(84, abs=3)
    assert "stopped" in shown.err


def test_wrong_use_is_named(person_video, capsys):
    assert run("--camera", "/dev/video99") == 2
    assert "There is no camera '/dev/video99'" in capsys.readouterr().err
    assert run("--camera", "0", "--speed", 2) == 2
    assert "--speed is for files" in capsys.readouterr().err
    assert run("--file", person_video, "--json", person_video) == 2
    assert run("--file", "gone.mp4") == 2
    with pytest.raises(SystemExit):
        run("--camera", "0", "--file", person_video)


def test_help_ends_with_examples(capsys):
    with pytest.raises(SystemExit):
        run("--help")
    assert "rfacenet live --file face.mp4 --speed 4" in capsys.readouterr().out


def test_what_came_before_the_camera_went_is_kept(person_video, capsys, monkeypatch):
    def unplugged(frames, _speed):
        yield from in_real_time(frames, 2)
        raise VideoError("The camera was unplugged.")

    monkeypatch.setattr("rfacenet.video.in_real_time", unplugged)
    assert run("--file", person_video, "--method", "pos") == 2
    said = capsys.readouterr()
    assert "83." in said.out or "84." in said.out
    assert "The camera was unplugged." in said.err
