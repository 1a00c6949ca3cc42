"""The command as people use it, from arguments to exit code, on every kind of video that they have."""

import csv
import json
import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

import rfacenet
from rfacenet.cli.main import main
from rfacenet.types import Frame, Variability
from rfacenet.video import encode_png
from videos import write_video


def run(*arguments):
    return main(["estimate", *map(str, arguments)])


def run_json(capsys, *arguments):
    code = run(*arguments, "--json", "-")
    return code, json.loads(capsys.readouterr().out)


def test_a_video_is_answered_for_people(person_video, capsys):
    assert run(person_video) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{person_video}: 8")
    assert " bpm (quality " in out


def test_json_has_what_the_readme_says(person_video, capsys):
    code, result = run_json(capsys, person_video)
    assert code == 0
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    example = json.loads(re.search(r"```json\n(.*?)```", readme, re.DOTALL)[1])
    assert list(result) == list(example)
    assert list(result["windows"][0]) == list(example["windows"][0])
    assert list(result["bvp"]) == list(example["bvp"])
    assert list(example["variability"]) == [field.name for field in fields(Variability)]
    assert result["heart_rate_bpm"] == pytest.approx(84, abs=1.5)
    assert (result["method"], result["reason"]) == ("rfacenet.simulated", None)
    assert result["fs_hz"] == pytest.approx(30, abs=0.1)
    assert result["duration_s"] == pytest.approx(9.97, abs=0.1)
    assert result["face_share"] == 1
    assert len(result["bvp"]["t_s"]) == len(result["bvp"]["value"]) == pytest.approx(300, abs=2)


def test_all_outputs_at_once_and_python_gives_the_same(person_video, tmp_path):
    files = {name: tmp_path / f"out.{name}" for name in ("json", "csv", "html")}
    options = ("--method", "chrom", "--window-s", "5", "--json", files["json"], "--csv", files["csv"])
    assert run(person_video, *options, "--report", files["html"]) == 0
    rate = json.loads(files["json"].read_text())["heart_rate_bpm"]
    assert rfacenet.estimate(person_video, method="chrom").heart_rate_bpm == pytest.approx(rate, abs=0.01)
    assert float(next(csv.DictReader(files["csv"].open()))["heart_rate_bpm"]) == rate
    assert f"{rate:.1f}" in files["html"].read_text()


def test_a_folder_of_good_and_bad_videos_is_done_to_the_end(person, person_video, tmp_path, capsys):
    folder = tmp_path / "Aufnahmen von Zoë 測試"
    folder.mkdir()
    data = person_video.read_bytes()
    (folder / "a gut.mp4").write_bytes(data)
    (folder / "b text.mp4").write_text("this is no video\n" * 100)
    (folder / "c empty.mp4").write_bytes(b"")
    (folder / "d cut off.mp4").write_bytes(data[: len(data) // 2])
    write_video(folder / "e one second.mp4", person[:30])
    write_sound(folder / "f sound.mp4")
    write_video(folder / "g wall.mp4", [replace(f, rgb=np.full_like(f.rgb, 90)) for f in person])
    code, results = run_json(capsys, folder, tmp_path / "missing.mp4")
    assert code == 1
    assert len(results) == 8
    assert results[0]["heart_rate_bpm"] == pytest.approx(84, abs=1.5)
    expected = [
        "is not a video|is a text file",
        r"is empty \(0 bytes\)",
        "is not a video that can be read, or its end is missing",
        r"lasts 0\.97 s; at least 4\.0 s",
        "only sound",
        "No face was found",
        "There is no file or folder",
    ]
    for result, reason in zip(results[1:], expected, strict=True):
        assert result["heart_rate_bpm"] is None
        assert re.search(reason, result["reason"]), result["reason"]


def write_sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 8000
        for packet in (*stream.encode(sound), *stream.encode(None)):
            container.mux(packet)


class TestOddVideos:
    """Still a face with a pulse of 84 bpm, but not as one would wish."""

    def check(self, capsys, path, *options, within_bpm=2.0):
        code, result = run_json(capsys, path, *options)
        assert code == 0, result["reason"]
        assert result["heart_rate_bpm"] == pytest.approx(84, abs=within_bpm)
        return result

    def test_face_for_half_of_the_time(self, person, tmp_path, capsys):
        away = [replace(f, rgb=np.full_like(f.rgb, 90)) if f.t_s > 5.5 else f for f in person]
        result = self.check(capsys, write_video(tmp_path / "v.mp4", away), within_bpm=4)
        assert 0.4 < result["face_share"] < 0.65
        assert "rest is left out" in result["notes"][0]
        assert result["bvp"]["value"][-1] is None

    def test_two_faces(self, person, tmp_path, capsys):
        def both(frame):
            small = frame.rgb[::2, ::2]
            beside = np.zeros((len(frame.rgb), small.shape[1], 3), np.uint8)
            beside[: len(small)] = small
            return replace(frame, rgb=np.hstack([frame.rgb, beside]))

        path = write_video(tmp_path / "v.mp4", [both(f) for f in person])
        self.check(capsys, path)
        self.check(capsys, path, "--face", "right", within_bpm=6)  # a quarter of the pixels

    def test_ten_bits_odd_size(self, person, tmp_path, capsys):
        odd = [replace(f, rgb=np.ascontiguousarray(f.rgb[:-1, :-1])) for f in person]
        self.check(
            capsys, write_video(tmp_path / "v.mkv", odd, codec="libx265", pix_fmt="yuv420p10le", crf=12)
        )

    def test_grey_scale_is_refused_by_colour_methods_and_done_by_green(self, person, tmp_path, capsys):
        grey = [replace(f, rgb=np.repeat(f.rgb[..., 1:2], 3, axis=2)) for f in person]
        path = write_video(tmp_path / "v.mp4", grey, pix_fmt="gray")
        code, result = run_json(capsys, path)
        assert code == 1
        assert "grey-scale" in result["reason"]
        self.check(capsys, path, "--method", "green")

    def test_slow_and_fast_cameras(self, person, tmp_path, capsys):
        slow = self.check(capsys, write_video(tmp_path / "slow.mp4", person[::6]), within_bpm=3)
        assert slow["fs_hz"] == pytest.approx(5, abs=0.1)
        assert "show as a slower one" in slow["notes"][0]
        fast = []
        for before, after in pairwise(person[:160]):  # 240 frames a second: eight for each
            step = (after.t_s - before.t_s) / 8
            fast += [replace(before, t_s=before.t_s + k * step) for k in range(8)]
        assert self.check(capsys, write_video(tmp_path / "fast.mp4", fast), within_bpm=4)["fs_hz"] > 200

    def test_uneven_frame_times(self, person, tmp_path, capsys):
        kept = np.flatnonzero(np.random.default_rng(0).random(len(person)) < 0.8)
        self.check(capsys, write_video(tmp_path / "v.mp4", [person[i] for i in kept]))

    def test_large_frames(self, person, tmp_path, capsys):
        large = [replace(f, rgb=f.rgb.repeat(12, axis=0).repeat(12, axis=1)) for f in person[:150:3]]
        result = self.check(
            capsys, write_video(tmp_path / "v.mp4", large, codec="mjpeg", full_range=True), within_bpm=5
        )
        assert result["fs_hz"] == pytest.approx(10, abs=0.1)

    def test_images_with_times_in_their_names(self, person, tmp_path, capsys):
        for frame in person:
            name = f"Image{1392643993642815000 + round(frame.t_s * 1e9)}.png"
            (tmp_path / name).write_bytes(encode_png(frame.rgb))
        assert self.check(capsys, tmp_path)["fs_hz"] == pytest.approx(30, abs=0.1)

    def test_skin_without_a_face(self, person, tmp_path, capsys):
        patch = [Frame(f.t_s, np.ascontiguousarray(f.rgb[80:112, 110:146])) for f in person]
        path = write_video(tmp_path / "v.mp4", patch, crf=5)
        self.check(capsys, path, "--region", "frame", within_bpm=3)
        self.check(capsys, path, "--region", "2,2,30,28", within_bpm=3)


def test_wrong_use_is_exit_code_2(person_video, capsys):
    assert run(person_video, "--method", "poss") == 2
    assert "did you mean 'pos'" in capsys.readouterr().err
    assert run(person_video, "--window-s", "1") == 2
    assert run(person_video, "--json", person_video) == 2
    assert person_video.stat().st_size > 10_000
    assert run(person_video, "--json", "same.out", "--csv", "same.out") == 2
    for wrong in (
        ["--processes", "0"],
        ["--window-s", "nan"],
        ["--region", "left"],
        ["--region", "0,0,-5,5"],
        ["--face", "oldest"],
        ["--nonsense"],
    ):
        with pytest.raises(SystemExit) as stop:
            run(person_video, *wrong)
        assert stop.value.code == 2


@pytest.mark.parametrize("name", ["nowhere/out.json", "."])
def test_an_output_that_cannot_be_written_is_said_before_the_work(name, person_video, tmp_path, capsys):
    assert run(person_video, "--json", tmp_path / name) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "name a file" in captured.err or "create it first" in captured.err


def test_a_region_outside_the_picture_is_named(person_video, capsys):
    assert run(person_video, "--region", "5000,0,10,10") == 1
    assert "5000,0,10,10 lies outside the 256 × 192 picture" in capsys.readouterr().out


def test_a_photo_has_no_pulse(person, tmp_path, capsys):
    photo = [replace(f, rgb=person[0].rgb) for f in person]
    assert run(write_video(tmp_path / "v.mp4", photo)) == 1  # the codec goes on refining it
    frozen = write_video(tmp_path / "v.mkv", photo[:150], codec="ffv1", pix_fmt="bgr0")
    assert run(frozen, "--region", "frame") == 1
    assert "picture does not change" in capsys.readouterr().out


def test_a_name_that_is_no_text_is_written_all_the_same(person_video, tmp_path):
    odd = os.path.join(os.fsencode(tmp_path), b"odd\xff.mp4")  # noqa: PTH118 (bytes)
    Path(os.fsdecode(odd)).write_bytes(person_video.read_bytes())
    assert run(os.fsdecode(odd), "--json", tmp_path / "out.json") == 0
    assert json.loads((tmp_path / "out.json").read_text())["heart_rate_bpm"] is not None


def test_a_link_stays_a_link_and_a_pipe_a_pipe(person_video, tmp_path):
    (tmp_path / "real.json").write_text("")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    assert run(person_video, "--json", tmp_path / "link.json", "--csv", "/dev/null") == 0
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())
    assert Path("/dev/null").is_char_device()


def test_a_reader_that_has_seen_enough_is_no_error(person_video):
    command = f"{sys.executable} -m rfacenet.cli.main estimate {person_video} --json - | head -c 10"
    done = subprocess.run(command, shell=True, check=False, capture_output=True, text=True)
    assert done.stderr == ""


def test_models_lists_every_method(capsys):
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert all(
        name in out
        for name in ("green", "ica", "chrom", "lgi", "pbv", "pos", "omit", "samc", "Wang et al. 2017")
    )
    (of_rhythmnet,) = (line for line in out.splitlines() if line.startswith("rhythmnet"))
    assert all(words in of_rhythmnet for words in ("25 blocks", "rate", "12.5 s", "Niu et al. 2020"))


def test_importing_and_helping_load_no_torch():
    script = (
        "import sys, rfacenet, rfacenet.cli.main; sys.exit('torch' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, env=os.environ).returncode == 0


def test_simulate_writes_a_data_set(tmp_path, capsys):
    out = str(tmp_path / "set")
    small = ["--duration-s", "4", "--size", "48x48"]
    assert main(["simulate", "--layout", "ubfc-rppg", "--subjects", "2", "--out", out, *small]) == 0
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [
        "SIMULATED.txt",
        "subject1",
        "subject2",
    ]
    assert "UBFC-rPPG, 2 simulated people" in capsys.readouterr().out
    assert main(["simulate", "--layout", "ubfc-rpg", "--out", str(tmp_path / "other")]) == 2
    assert "There is no data set 'ubfc-rpg'; did you mean 'ubfc-rppg'?" in capsys.readouterr().err
    assert main(["simulate", "--layout", "pure", "--out", str(tmp_path / "other"), "--crf", "20"]) == 2
    assert "--crf is for a single video" in capsys.readouterr().err


def test_simulate_writes_a_recording_that_is_answered(tmp_path, capsys):
    out = tmp_path / "p.mp4"
    options = ["--duration-s", "6", "--size", "256x192", "--heart-rate-bpm", "66", "--difficulty", "easy"]
    assert main(["simulate", str(out), *options]) == 0
    assert json.loads(out.with_suffix(".json").read_text())["heart_rate_bpm"] == pytest.approx(66)
    assert out.with_suffix(".csv").read_text().startswith("t_s,bvp\n")
    capsys.readouterr()
    code, result = run_json(capsys, out)
    assert code == 0
    assert result["heart_rate_bpm"] == pytest.approx(66, abs=3)
    assert main(["simulate", str(tmp_path / "p.txt")]) == 1
