"""What a person is told whose settings cannot work: which, why, and what would."""

from pathlib import Path

import pytest

from rfacenet.errors import SettingsError
from rfacenet.models import list_models
from rfacenet.training import parse
from rfacenet.training.parsing import _CONFIGS


def complaint(*arguments: str) -> str:
    with pytest.raises(SettingsError) as caught:
        parse(["--out", "x", *arguments])
    message = str(caught.value)
    assert "\n" not in message
    assert message[-1] in ".?"
    return message


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--steps four", "steps must be a whole number or null, not 'four'."),
        ("--seed 1.5", "seed must be a whole number, not '1.5'."),
        ("--tensorboard maybe", "tensorboard must be true or false, not 'maybe'."),
        ("--precision 8", "precision must be 32-true, bf16-mixed or 16-mixed, not '8'."),
        ("--loss.terms bvp", "loss.terms must be a list of bvp, hr or identity, not 'bvp'."),
        ("--steps", "--steps needs a value: a whole number or null."),
        ("--stepps 3", "There is no flag '--stepps'; did you mean '--steps'?"),
        ("--step 3", "There is no flag '--step'; did you mean '--steps'?"),
        ("--max-minutes=3", "There is no flag '--max-minutes'; did you mean '--max_minutes'?"),
        (
            "--learning_rate 1",
            "There is no flag '--learning_rate'; did you mean '--optimiser.learning_rate'?",
        ),
        ("--print_config=all", "--print_config takes nothing, or =comments, =skip_default or =skip_null."),
        ("face.mp4", "'face.mp4' follows no flag; 'rfacenet train --help' lists them."),
        ("--networks.physnte.width 8", "networks: no network is called 'physnte'; did you mean 'physnet'?"),
    ],
)
def test_flags(flags: str, message: str) -> None:
    assert complaint(*flags.split()) == message


@pytest.mark.parametrize("value", ["nope.yaml", "{frames:"])
def test_a_group_takes_a_file(value: str) -> None:
    message = complaint("--optimiser", value)
    assert message.startswith(f"--optimiser: '{value}' is no file of settings; single ones are --optimiser.")


def test_a_flag_like_no_other_is_told_its_neighbours() -> None:
    message = complaint("--optimiser.momentum", "0.9")
    assert message.startswith("There is no flag '--optimiser.momentum'; there are --optimiser.name, ")


def test_the_run_folder_is_asked_for() -> None:
    with pytest.raises(SettingsError, match="such as --out runs/mine"):
        parse(["--steps", "3"])


def test_published_settings_are_listed() -> None:
    message = complaint("--config", "nope")
    published = ", ".join(sorted(path.stem for path in _CONFIGS.glob("*.yaml")))
    assert f"'nope' is neither a file nor one of {published}." in message


def test_a_flag_changes_one_setting_of_a_network() -> None:
    flags = ["--networks.rfacenet.fusion_stage", "1", "--networks.physnet.width=8"]
    config, _ = parse(["--config", "simulated-cpu", *flags, "--out", "x"])
    published, _ = parse(["--config", "simulated-cpu", "--out", "x"])
    assert config.networks["rfacenet"] == {**published.networks["rfacenet"], "fusion_stage": 1}
    assert config.networks["physnet"] == {"width": 8}
    assert "did you mean 'physnet'?" in complaint("--networks.physnett.width", "8")
    assert "--networks.physnet.width needs a value" in complaint("--networks.physnet.width")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepps: 3", "sets 'stepps', which is unknown; did you mean 'steps'?"),
        ("optimizer: {learning_rate: 1}", "sets 'optimizer', which is unknown; did you mean 'optimiser'?"),
        ("optimiser: {rate: 1}", "'optimiser.rate', which is unknown; there are optimiser.name, "),
        ("input: {widht: 3}", "sets 'input.widht', which is unknown; did you mean 'input.width'?"),
        ("input: 3", "input must hold settings of its own, of frames, height, width, "),
        ("input: {frames: x}", "input.frames must be a whole number, not 'x'."),
        ("steps: [1", "is no valid YAML near line 1."),
        ("- steps", "must hold settings such as 'steps: 1000'."),
        ("", "must hold settings such as 'steps: 1000'."),
    ],
)
def test_files(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    told = complaint("--config", str(file))
    assert message in told
    assert "mine.yaml" in told or "must be" in told


def test_a_folder_is_no_file_of_settings(tmp_path: Path) -> None:
    assert "Is a directory" in complaint(f"--config={tmp_path}")


def test_help_is_for_people(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as left:
        parse(["--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: rfacenet train --out FOLDER [--config NAME] [--SETTING VALUE ...]\n")
    assert "(default: 4)" in text
    assert f"one of {', '.join(list_models())}." in " ".join(text.split())
    assert "\n  rfacenet train --config simulated-cpu --out runs/mine\n" in text
    for mess in ("``", "Literal", "tuple", "None", "required", "--input CONFIG"):
        assert mess not in text
