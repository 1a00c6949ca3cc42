"""``rfacenet import-weights`` as people use it, up to a heart rate from the weights."""

import hashlib
import json
import os

import torch

from rfacenet.cli.main import main
from rfacenet.models import build, read_card


def run(*arguments):
    return main(["import-weights", *map(str, arguments)])


def write_theirs(path):
    """A small PhysNet with random weights, as another project's training loop would leave it."""
    torch.manual_seed(0)
    tensors = build("physnet", width=8).state_dict()
    torch.save({"epoch": 9, "state_dict": {f"module.net_{name}": t for name, t in tensors.items()}}, path)
    return path


def test_imported_weights_read_a_video(person_video, tmp_path, capsys):
    theirs, mine = write_theirs(tmp_path / "theirs.pth"), tmp_path / "mine.safetensors"
    options = "--network", "physnet", "--setting", "width=8", "--height", "36", "--width", "36"
    assert run(theirs, *options, "--label-form", "wave", "--out", mine) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0].startswith("in the file")
    assert lines[1].split() == ["module.net_stages.0.0.0", "stages.0.0.0", "2×3×1×5×5", "shape"]
    assert "takes 128 frames of 36×36 pixels at 30 Hz, diff_normalized; gives the wave" in out
    assert f"rfacenet estimate VIDEO --method {mine}" in out
    card = read_card(mine)
    assert card.licence == "unknown; see where the file came from"
    assert "theirs.pth" in card.provenance
    assert hashlib.sha256(theirs.read_bytes()).hexdigest() in card.provenance
    assert (card.config, card.input_spec.height, card.input_spec.label_form) == ({"width": 8}, 36, "wave")

    command = ["estimate", str(person_video), "--method", str(mine), "--min-quality", "0", "--json", "-"]
    assert main(command) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["method"], len(result["bvp"]["value"])) == ("mine", 300)
    assert 30 < result["heart_rate_bpm"] < 252


def test_the_default_input_is_the_published_one(tmp_path, capsys):
    theirs, mine = tmp_path / "theirs.pth", tmp_path / "mine.safetensors"
    torch.save(build("physnet").state_dict(), theirs)
    assert run(theirs, "--network", "physnet", "--out", mine, "--licence", "CC BY 4.0") == 0
    out = capsys.readouterr().out
    assert "physnet, 768,577 parameters, licence CC BY 4.0" in out
    assert "takes 128 frames of 72×72 pixels at 30 Hz, diff_normalized; gives the difference" in out
    assert "All 23 layers have the network's own names." in out
    assert read_card(mine).licence == "CC BY 4.0"


class Code:
    def __reduce__(self):
        return os.system, ("echo this ran",)


def test_what_cannot_be_done_says_why(tmp_path, capsys):
    theirs, mine = write_theirs(tmp_path / "theirs.pth"), tmp_path / "mine.safetensors"
    bad = tmp_path / "bad.pth"
    torch.save(Code(), bad)
    physnet = "--network", "physnet"
    for code, arguments, message in (
        (2, [theirs, "--network", "physnett", "--out", mine], "did you mean 'physnet'"),
        (2, [theirs, *physnet, "--setting", "wide=8", "--out", mine], "no setting 'wide'; there are width"),
        (2, [theirs, *physnet, "--out", mine], "does not fit physnet: there is no place for"),
        (2, [theirs, *physnet, "--frames", "127", "--out", mine], "would work"),
        (2, [theirs, *physnet, "--normalisation", "none", "--out", mine], "must be one of diff_normalized"),
        (2, [tmp_path / "gone.pth", *physnet, "--out", mine], "there is no such file"),
        (2, [bad, *physnet, "--out", mine], "holds code (posix.system), and nothing of it was run"),
        (2, [mine, *physnet, "--out", mine], "is the input"),
        (1, [theirs, *physnet, "--out", tmp_path / "mine.pth"], "end it in .safetensors"),
        (1, [theirs, *physnet, "--out", tmp_path / "no" / "mine.safetensors"], "create it first"),
    ):
        assert run(*arguments) == code, message
        captured = capsys.readouterr()
        assert message in captured.err
        assert captured.out == ""
    assert not mine.exists()
