"""From nothing to the paper's second table, as the README walks through it, killed on the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RFACENET = [sys.executable, "-m", "rfacenet.cli.main"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
SMALL = (
    *("--steps", "4", "--round_steps", "2", "--batch_size", "2", "--accelerator", "cpu"),
    *("--input.frames", "64", "--input.height", "16", "--input.width", "16"),
    *("--networks.rfacenet.width", "8", "--networks.rfacenet.identity_width", "8"),
    *("--networks.physnet.width", "8", "--networks.deepphys.filters", "4"),
    *("--networks.tscan.filters", "4", "--networks.tscan.frame_depth", "8"),
    *("--networks.efficientphys.filters", "4", "--networks.efficientphys.frame_depth", "8"),
)
pytestmark = pytest.mark.slow


def rfacenet(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RFACENET, *arguments], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


def test_table_2_from_simulated_data_sets(tmp_path: Path) -> None:
    for layout, seconds in (("pure", "5"), ("ubfc-rppg", "8")):
        size = ("--subjects", "2", "--duration-s", seconds, "--size", "160x120")
        made = rfacenet("simulate", "--layout", layout, "--out", layout, *size, cwd=tmp_path)
        assert made.returncode == 0, made.stderr

    roots = ("--pure", "pure", "--ubfc-rppg", "ubfc-rppg", "--out", "results")
    command = ("benchmark", "figures", *roots, "--", *SMALL)
    runs = tmp_path / "results" / "runs"

    def trained() -> list[Path]:
        return sorted(runs.glob("pure-to-ubfc-rppg-physnet-seed-0-*/card.md"))

    process = subprocess.Popen(
        [*RFACENET, *command], cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 240
    while not trained():
        assert process.poll() is None and time.monotonic() < end, "the first network was not trained"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "results" / "table2.md").exists()
    (first,) = trained()
    done_at = first.stat().st_mtime

    done = rfacenet(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert trained() == [first] and first.stat().st_mtime == done_at
    table = (tmp_path / "results" / "table2.md").read_text()
    assert "on simulated data sets" in table
    assert table.count("| rFaceNet | 2 of 2 |") + table.count("| rFaceNet | 12 of 12 |") == 2
    assert "3.74 ± 1.52" in table  # the paper's, on PURE
    written = {path.name for path in (tmp_path / "results").iterdir() if path.is_file()}
    figures = ("fig1-attention", "fig3-learning", "fig4a-signals", "fig4b-bland-altman", "fig4c-scatter")
    trials = ("pure-to-ubfc-rppg", "ubfc-rppg-to-pure")
    endings = {f"{trial}-{name}.{kind}" for trial in trials for name in figures for kind in ("png", "pdf")}
    assert written == endings | {"table2.md", "table2.csv", "table2.tex", "table2.html"}


def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = rfacenet("prepare", "pure", "empty", "--out", "stores", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "does not look like PURE: expected SS-TT/" in done.stderr
    done = rfacenet("benchmark", "table1", "--out", "results", cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        "rfacenet: This table needs VIPL-HR; give its folder by --vipl-hr.",
    )
    done = rfacenet("benchmark", "table1", "--pure", "empty", "--out", "results", cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        "rfacenet: 'table1' has no use for pure; leave its folder out.",
    )
