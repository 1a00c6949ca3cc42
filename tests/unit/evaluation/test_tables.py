"""A whole table on stores written by hand: what is done, what is not done again, and what is printed."""

from dataclasses import replace
from pathlib import Path

import pytest

from rfacenet.datasets.preparing import Outcome, PreparationReport
from rfacenet.datasets.store import CropSettings, StoreDescription, create_store, open_store
from rfacenet.errors import SettingsError
from rfacenet.evaluation import running
from rfacenet.evaluation.running import BenchmarkSettings, check_fold, parted, run_trial
from rfacenet.evaluation.tables import as_csv, as_latex, as_markdown, as_page, as_table
from rfacenet.evaluation.trials import TRIALS
from stores import add_recording

SMALL = (
    *("--steps", "2", "--round_steps", "1", "--batch_size", "2"),
    *("--input.frames", "32", "--input.height", "16", "--input.width", "16", "--accelerator", "cpu"),
    *("--networks.rfacenet.width", "8", "--networks.rfacenet.identity_width", "8"),
    *("--networks.physnet.width", "8"),
)
TO_UBFC = TRIALS["table2"][0]
RATES_BPM = (60.0, 75.0, 90.0)


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of cutting faces out of videos, write three people who pulse at known rates."""

    def write(dataset, root, out, crops: CropSettings) -> PreparationReport:
        description = StoreDescription(dataset.name, dataset.title, str(root), True, crops)
        store = out / description.key
        if not store.exists():
            create_store(store, description)
            for number, rate_bpm in enumerate(RATES_BPM):
                add_recording(store, f"s{number}", f"s{number}", rate_bpm, seconds=10.0, size_px=16)
        _, recordings = open_store(store)
        outcomes = (*(Outcome(one.name) for one in recordings), Outcome("s9", "There is no pulse."))
        return PreparationReport(store, outcomes)

    monkeypatch.setattr(running, "prepare", write)


def test_a_table_is_made_once_and_says_where_it_comes_from(
    prepared: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = BenchmarkSettings(tmp_path, seeds=2, flags=SMALL)
    roots = {"pure": tmp_path, "ubfc-rppg": tmp_path}
    result = run_trial(TO_UBFC, roots, settings)
    green = next(row for row in result.rows if row.name == "GREEN")
    for one, rate_bpm in zip(green.runs[0], RATES_BPM, strict=True):
        assert one.score.predicted_bpm == pytest.approx(rate_bpm, abs=0.3)
    assert [len(row.runs) for row in result.rows] == [1] * 7 + [2, 2]

    def never(*_: object) -> None:
        raise AssertionError("done already")

    monkeypatch.setattr(running, "train", lambda config, out: out / "best.safetensors")
    monkeypatch.setattr(running, "score_method", never)
    assert run_trial(TO_UBFC, roots, settings).rows == result.rows

    table = as_table(result, settings)
    cells = {row[0]: dict(zip(table.heads, row, strict=True)) for row in table.rows}
    assert cells["GREEN"]["tested"] == "3 of 3"
    assert cells["GREEN"]["MAE, bpm"].startswith("0.")
    assert cells["TS-CAN"]["MAE, bpm"] == "–"
    first_paper = [row[3] for row in table.rows]
    assert first_paper[-2:] == ["1.05 ± 0.35", "–"]  # rFaceNet's, and OMIT's that the paper does not have
    page, text, numbers = as_page("Table 2", [table], True), as_markdown([table]), as_csv([result], settings)
    assert "nobody in these data sets exists" in page
    assert "nobody in these data sets exists" in text
    assert "pure: 3 of 4 recordings prepared; 1 could not be, see report.csv." in text
    assert numbers.splitlines()[0].endswith("paper,simulated")
    assert all(line.endswith("True") for line in numbers.splitlines()[1:])
    assert r"1.05 $\pm$ 0.35" in as_latex([table])


def test_folds_hold_everybody_once_and_share_nobody(prepared: None, tmp_path: Path) -> None:
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
    result = run_trial(intra, {"pure": tmp_path}, BenchmarkSettings(tmp_path, flags=SMALL))
    assert sorted(one.name for one in result.rows[0].runs[0]) == ["s0", "s1", "s2"]


def test_a_data_set_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs PURE; give its folder by --pure"):
        run_trial(TO_UBFC, {}, BenchmarkSettings(tmp_path))
    with pytest.raises(SettingsError, match="There is no reading 'coarse'; there are interpolated, toolbox"):
        BenchmarkSettings(tmp_path, reading="coarse")
