"""``rfacenet benchmark``: the paper's tables, from data sets on disk to pages."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from rfacenet.cli.command import ANSWERED, Commands, add_command, positive_count
from rfacenet.errors import SettingsError

NAME = "benchmark"
DATASETS = ("pure", "ubfc-rppg", "vipl-hr")
TABLES = ("table1", "table2", "table3")
FIGURES = "figures"

EPILOG = """What is done already is not done again: a run that was stopped goes on when the same command
is given again. Flags of 'rfacenet train' after '--' change the published setting.

examples:
  rfacenet simulate --layout pure --subjects 8 --out pure-simulated
  rfacenet simulate --layout ubfc-rppg --subjects 8 --out ubfc-simulated
  rfacenet benchmark table2 --pure pure-simulated --ubfc-rppg ubfc-simulated --out results \\
      -- --epochs 2 --networks.rfacenet.width 16 --networks.physnet.width 16
  rfacenet benchmark table2 --pure /data/PURE --ubfc-rppg /data/UBFC --out real --seeds 3"""


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, NAME, _run, "The paper's tables, by one command each.", EPILOG)
    option = parser.add_argument
    option(
        "table",
        choices=(*TABLES, FIGURES),
        help="1: VIPL-HR, 2: PURE and UBFC-rPPG, 3: parts of rFaceNet; figures: table 2, and what it shows",
    )
    for name in DATASETS:
        option(f"--{name}", type=Path, metavar="ROOT", help=f"folder of {name}")
    option("--out", type=Path, required=True, metavar="FOLDER", help="stores, runs, scores and tables")
    option(
        "--seeds", type=positive_count, default=1, metavar="N", help="trainings of each network (default: 1)"
    )
    option(
        "--reading",
        default="interpolated",
        metavar="NAME",
        help="interpolated (default), or toolbox-2023, the published tables' arithmetic",
    )


def parted(arguments: list[str]) -> tuple[list[str], list[str]]:
    """A benchmark's own arguments, and those for ``rfacenet train`` behind ``--``.

    argparse would take the latter for unknown ones, as it gives positional arguments their share early.
    """
    if arguments[:1] != [NAME] or "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _run(options: argparse.Namespace) -> int:
    try:
        from rfacenet.evaluation.running import BenchmarkSettings, prepare_all, run_trial
        from rfacenet.evaluation.writing import write_tables
    except ModuleNotFoundError as error:
        raise SettingsError(f"Benchmarks need {error.name}: pip install 'rfacenet[train]'.") from error
    from rfacenet.evaluation.trials import TRIALS

    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    for room in ("training", "evaluation"):
        logging.getLogger(f"rfacenet.{room}").setLevel(logging.INFO)
    settings = BenchmarkSettings(options.out, options.seeds, options.reading, tuple(options.flags))
    roots = {
        name: root for name in DATASETS if (root := getattr(options, name.replace("-", "_"))) is not None
    }
    with_figures = options.table == FIGURES
    table = "table2" if with_figures else options.table
    if with_figures:
        from rfacenet.evaluation.drawing import draw_figures
        from rfacenet.evaluation.figures import load_pyplot

        load_pyplot()  # if it is missing, that is told before the work
    preparations = prepare_all(TRIALS[table], roots, settings)
    results = [run_trial(trial, preparations, settings) for trial in TRIALS[table]]
    write_tables(table, results, settings)
    figures = []
    if with_figures:
        figures = [path for result in results for path in draw_figures(result, options.out)]
    for path in [*figures, *write_tables(table, results, settings, figures)]:
        print(path)
    return ANSWERED
