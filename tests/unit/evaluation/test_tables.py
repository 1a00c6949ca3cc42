"""A whole table on stores written by hand: what is done, what is not done again, and what is printed."""

from dataclasses import replace
from pathlib import Path

import pytest

from rfacenet.datasets.preparing import Outcome, PreparationReport
from rfacenet.datasets.store import CropSettings, StoreDescription, create_store, open_store
from rfacenet.errors import SettingsError
from rfacenet.evaluation import running
from rfacenet.evaluation.running import (
    BenchmarkSettings,
    TrialResult,
    _checked_configs,
    check_fold,
    parted,
    prepare_all,
    run_trial,
)
from rfacenet.evaluation.tables import as_csv, as_latex, as_markdown, as_page, as_table
from rfacenet.evaluation.trials import TRIALS, NetworkRow, Split
from rfacenet.training import train
from stores import add_recording

SMALL = (
    *("--steps", "2", "--round_steps", "1", "--batch_size", "2"),
    *("--input.frames", "32", "--input.height", "16", "--input.width", "16", "--accelerator", "cpu"),
    *("--networks.rfacenet.width", "8", "--networks.rfacenet.identity_width", "8"),
    *("--networks.physnet.width", "8"),
)
TO_UBFC = TRIALS["table2"][0]
RATES_BPM = (60.0, 75.0, 90.0)


def prepared(folder: Path, name: str, title: str) -> PreparationReport:
    """As if faces had been cut out of videos: three people who pulse at known rates, and one without."""
    description = StoreDescription(name, title, "/data", True, CropSettings(16, 16))
    store = folder / name
    create_store(store, description)
    for number, rate_bpm in enumerate(RATES_BPM):
        add_recording(store, f"s{number}", f"s{number}", rate_bpm, seconds=10.0, size_px=16)
    _, recordings = open_store(store)
    outcomes = (*(Outcome(one.name) for one in recordings), Outcome("s9", "There is no pulse."))
    return PreparationReport(store, outcomes)


@pytest.fixture
def stores(tmp_path: Path) -> dict[str, PreparationReport]:
    return {
        "pure": prepared(tmp_path, "pure", "PURE"),
        "ubfc-rppg": prepared(tmp_path, "ubfc-rppg", "UBFC-rPPG"),
    }


def test_a_table_is_made_once_and_says_where_it_comes_from(
    stores: dict[str, PreparationReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = BenchmarkSettings(tmp_path, seeds=2, flags=SMALL)
    networks = {row: TO_UBFC.networks[row] for row in ("PhysNet", "DeepPhys", "rFaceNet")}
    trial = replace(
        TO_UBFC,
        methods={**TO_UBFC.methods, "SAMC": "samc"},
        networks={**networks, "I3D": NetworkRow("i3d", {"width": 2})},
    )
    result = run_trial(trial, stores, settings)
    for row in result.rows:
        if row.name in ("GREEN", "SAMC"):
            for one, rate_bpm in zip(row.runs[0], RATES_BPM, strict=True):
                assert one.score.predicted_bpm == pytest.approx(rate_bpm, abs=0.3)
    assert [len(row.runs) for row in result.rows] == [1] * 8 + [2] * 4

    def never(*_: object) -> None:
        raise AssertionError("done already")

    monkeypatch.setattr(running, "train", lambda config, out: out / "best.safetensors")
    monkeypatch.setattr(running, "score_method", never)
    assert run_trial(trial, stores, settings).rows == result.rows

    table = as_table(result, settings)
    cells = {row[0]: dict(zip(table.heads, row, strict=True)) for row in table.rows}
    assert cells["GREEN"]["tested"] == "3 of 3"
    assert cells["GREEN"]["MAE, bpm"].startswith("0.")
    assert cells["TS-CAN"]["MAE, bpm"] == "–"
    first_paper = [row[3] for row in table.rows]
    # rFaceNet's, and OMIT's, SAMC's and I3D's, which the paper's table does not have.
    assert first_paper[-4:] == ["1.05 ± 0.35", "–", "–", "–"]
    page, text, numbers = as_page("Table 2", [table]), as_markdown([table]), as_csv([result], settings)
    for form in (page, text, as_latex([table])):
        assert "Simulated: nobody in PURE and UBFC-rPPG exists." in form
    assert "pure: 3 of 4 recordings prepared; 1 could not be, see report.csv." in text
    trained_how = "2 steps, batches of 2, seeds 0 to 1, changed by"
    assert f"PhysNet, rFaceNet, I3D: setting 'cross-dataset', {trained_how}" in text
    assert f"DeepPhys: setting 'deepphys', {trained_how}" in text
    assert "Re-creations, as not all of their papers is known: SAMC, I3D." in text
    assert numbers.splitlines()[0].endswith("paper,simulated")
    assert all(line.endswith("True") for line in numbers.splitlines()[1:])
    assert r"1.05 $\pm$ 0.35" in as_latex([table])


def test_what_has_changed_is_not_taken_for_what_it_was(
    stores: dict[str, PreparationReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classical = replace(TO_UBFC, methods={"GREEN": "green"}, networks={})
    settings = BenchmarkSettings(tmp_path, flags=SMALL)
    run_trial(classical, stores, settings)
    add_recording(stores["ubfc-rppg"].store, "s1", "s1", 100.0, seconds=10.0, size_px=16)
    again = run_trial(classical, stores, settings)
    assert again.rows[0].runs[0][1].score.predicted_bpm == pytest.approx(100, abs=0.3)
    (kept,) = (tmp_path / "scores").iterdir()
    kept.write_text("{")
    assert run_trial(classical, stores, settings).rows == again.rows

    trained: list[Path] = []

    def note(config, out: Path) -> Path:
        trained.append(out)
        return train(config, out)

    monkeypatch.setattr(running, "train", note)
    learned = replace(TO_UBFC, methods={}, networks={"PhysNet": TO_UBFC.networks["PhysNet"]})
    run_trial(learned, stores, settings)
    add_recording(stores["pure"].store, "s1", "s1", 100.0, seconds=10.0, size_px=16)
    run_trial(learned, stores, settings)
    assert trained[0] != trained[1]


def test_folds_hold_everybody_once_and_share_nobody(
    stores: dict[str, PreparationReport], tmp_path: Path
) -> None:
    people = [f"p{number}" for number in range(1, 12)]
    folds = parted(people, 5)
    assert sorted(person for fold in folds for person in fold) == sorted(people)
    assert {len(fold) for fold in folds} == {2, 3}
    with pytest.raises(SettingsError, match="11 people cannot be parted into 12 folds"):
        parted(people, 12)
    with pytest.raises(SettingsError, match="'p2' would be both trained and tested on"):
        check_fold(["p1"], ["p2"], ["p2", "p3"])

    intra = replace(TO_UBFC, name="intra", train_on="pure", folds=3, methods={})
    intra = replace(intra, test_on="pure", networks={"PhysNet": TO_UBFC.networks["PhysNet"]})
    result = run_trial(intra, stores, BenchmarkSettings(tmp_path, flags=SMALL))
    assert sorted(one.name for one in result.rows[0].runs[0]) == ["s0", "s1", "s2"]

    with pytest.raises(SettingsError, match="choose fewer folds"):  # before anything is tested
        run_trial(replace(intra, folds=5, methods=TO_UBFC.methods), stores, BenchmarkSettings(tmp_path / "x"))
    assert not (tmp_path / "x").exists()

    settings = BenchmarkSettings(tmp_path, flags=SMALL)
    alone = run_trial(replace(intra, folds=None), stores, settings)  # one person at a time: three folds too
    assert alone.rows == result.rows
    by_hand = replace(intra, split=Split(("s2",), ("s0",), ("s1",)))
    parts = [replace(intra, title="PURE", folds=n).heading for n in (3, None)]
    assert parts == ["PURE, 3-fold", "PURE, one left out at a time"]
    assert replace(by_hand, title="PURE").heading == "PURE, parted by hand"
    assert replace(TO_UBFC, title="PURE").heading == "PURE"
    (tested,) = run_trial(by_hand, stores, settings).rows[0].runs[0]
    assert tested.name == "s1"
    with pytest.raises(SettingsError, match="'s0' would be both trained and tested on"):
        run_trial(replace(intra, split=Split(("s2",), ("s0",), ("s0",))), stores, settings)
    with pytest.raises(SettingsError, match="Nobody prepared is called 's7'"):
        run_trial(replace(intra, split=Split(("s2",), ("s0",), ("s7",))), stores, settings)


def test_a_data_set_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs PURE; give its folder by --pure"):
        prepare_all([TO_UBFC], {}, BenchmarkSettings(tmp_path))
    with pytest.raises(SettingsError, match="--seed is the benchmark's own to set"):
        BenchmarkSettings(tmp_path, flags=("--epochs", "2", "--seed", "5"))
    with pytest.raises(SettingsError, match="There is no reading 'coarse'; there are interpolated, toolbox"):
        BenchmarkSettings(tmp_path, reading="coarse")


def test_the_size_of_pictures_changes_no_map(tmp_path: Path) -> None:
    flags = ("--input.height", "36", "--epochs", "2", "--input.width=36")
    (trial,) = TRIALS["table1"]
    settings = BenchmarkSettings(tmp_path, flags=flags)
    configs = _checked_configs(trial, settings)
    assert {config.epochs for config in configs.values()} == {2}
    sizes = {row: (config.input.height, config.input.width) for row, config in configs.items()}
    maps = {"RhythmNet": 25, "ST-Attention": 25, "Dual-GAN": 25, "NAS-HR": 15, "CVD": 6}
    assert sizes == {row: (maps[row], 1) if row in maps else (36, 36) for row in sizes}
    result = TrialResult(trial, (), {}, {}, (), configs)
    (of_cvd,) = (note for note in as_table(result, settings).notes if note.startswith("CVD: "))
    assert of_cvd.endswith("changed by --epochs 2.")


def test_a_flag_that_one_network_cannot_take_is_told_before_the_work(tmp_path: Path) -> None:
    settings = BenchmarkSettings(tmp_path, flags=("--input.frames", "128"))
    with pytest.raises(SettingsError, match=r"^TS-CAN: .*; 120 frames of 72×72 would work"):
        prepare_all([TO_UBFC], {}, settings)
