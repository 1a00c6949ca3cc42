"""``rfacenet benchmark``: the paper's tables, from data sets on disk to pages."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rfacenet.cli.command import ANSWERED, Commands, add_command, count, positive_count, progress_bar
from rfacenet.cli.workers import add_worker_options, chosen_executor
from rfacenet.errors import SettingsError

if TYPE_CHECKING:
    from rfacenet.evaluation.trials import Split, Trial

NAME = "benchmark"
DATASETS = ("pure", "ubfc-rppg", "vipl-hr")
TABLES = ("table1", "table2", "table3")
FIGURES, INTRA = "figures", "intra"

EPILOG = """What is done already is not done again: a run that was stopped goes on when the same command
is given again. Flags of 'rfacenet train' after '--' change the published setting; --input.height
and --input.width that of networks on pixels alone, as the others see maps of regions.

examples:
  rfacenet simulate --layout pure --subjects 8 --out pure-simulated
  rfacenet simulate --layout ubfc-rppg --subjects 8 --out ubfc-simulated
  rfacenet simulate --layout vipl-hr --subjects 4 --out vipl-hr-simulated
  rfacenet benchmark table2 --pure pure-simulated --ubfc-rppg ubfc-simulated --out results \\
      -- --epochs 3 --input.height 36 --input.width 36
  rfacenet benchmark table1 --vipl-hr vipl-hr-simulated --folds 2 --out results \\
      -- --epochs 3 --input.height 36 --input.width 36
  rfacenet benchmark table2 --pure /data/PURE --ubfc-rppg /data/UBFC --out real --seeds 3
  rfacenet benchmark intra --data mmpd /data/MMPD --folds subjects --out mmpd

A file for --split is YAML with lists of people: train, validate and test."""


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, NAME, _run, "The paper's tables, by one command each.", EPILOG)
    option = parser.add_argument
    option(
        "table",
        choices=(*TABLES, FIGURES, INTRA),
        help="1: VIPL-HR, 2: PURE and UBFC-rPPG, 3: parts of rFaceNet; figures: table 2, and what it shows; "
        "intra: any data set (--data) against itself",
    )
    for name in DATASETS:
        option(f"--{name}", type=Path, metavar="ROOT", help=f"folder of {name}")
    option("--data", nargs=2, metavar=("NAME", "ROOT"), help="a data set and its folder, for intra")
    option(
        "--folds", metavar="N", help="for table1 and intra: 5 (default), ..., or 'subjects': leave one out"
    )
    option("--split", type=Path, metavar="FILE", help="for table1 and intra: people parted by hand")
    option("--all-scenarios", action="store_true", help="for table1: with head motion (v2 and v9) too")
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
    add_worker_options(parser)


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
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("rfacenet.training").setLevel(logging.INFO)
    settings = BenchmarkSettings(options.out, options.seeds, options.reading, tuple(options.flags))
    roots = {
        name: root for name in DATASETS if (root := getattr(options, name.replace("-", "_"))) is not None
    }
    if options.data is not None:
        roots[options.data[0]] = Path(options.data[1])
    trials = _trials(options)
    used = {name for trial in trials for name in (trial.train_on, trial.test_on)}
    if superfluous := sorted(set(roots) - used):
        raise SettingsError(f"'{options.table}' has no use for {superfluous[0]}; leave its folder out.")
    with_figures = options.table == FIGURES
    table = "table2" if with_figures else options.table
    if with_figures:
        from rfacenet.evaluation.drawing import draw_figures
        from rfacenet.evaluation.figures import load_pyplot

        load_pyplot()  # if it is missing, that is told before the work
    with _Steps() as steps:
        with chosen_executor(options) as executor:
            preparations = prepare_all(trials, roots, settings, executor=executor, progress=steps.show)
        results = [run_trial(trial, preparations, settings, progress=steps.show) for trial in trials]
    write_tables(table, results, settings)  # before the figures, so that a failure of theirs costs no table
    figures = []
    if with_figures:
        figures = [path for result in results for path in draw_figures(result, options.out)]
    for path in [*figures, *write_tables(table, results, settings, figures)]:
        print(path)
    return ANSWERED


class _Steps:
    """A line for each step of a benchmark on standard error, and a progress bar below while it lasts."""

    def __init__(self) -> None:
        self._what = ""
        self._bar: Any = None

    def show(self, what: str, done: int, total: int) -> None:
        """Say what is being done, if it is something new, and how far it is."""
        if what != self._what:
            self.close()
            self._what = what
            print(what, file=sys.stderr)
            self._bar = progress_bar("recordings", total) if total else None
        if self._bar is not None:
            count(self._bar)(done, total)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _trials(options: argparse.Namespace) -> list[Trial]:
    """The parts of the table that was asked for, with its people parted as was asked for.

    Raises:
        SettingsError: An option does not go with the table, or has a value that cannot work.
    """
    from rfacenet.datasets import get_dataset
    from rfacenet.evaluation.trials import TRIALS, intra

    if (options.table == INTRA) != (options.data is not None):
        raise SettingsError("'intra' and --data NAME ROOT go together, and with no other table.")
    if options.table == INTRA:
        dataset = get_dataset(options.data[0])
        trials = [intra(dataset.name, dataset.title)]
    else:
        trials = list(TRIALS["table2" if options.table == FIGURES else options.table])
    if any(trial.train_on != trial.test_on for trial in trials) and (options.folds or options.split):
        raise SettingsError(f"{options.table} tests on another data set; leave --folds and --split out.")
    if options.folds is not None:
        trials = [replace(trial, folds=_folds(options.folds)) for trial in trials]
    if options.split is not None:
        trials = [replace(trial, split=_read_split(options.split), folds=1) for trial in trials]
    if options.all_scenarios:
        trials = [
            replace(trial, without={k: v for k, v in trial.without.items() if k != "scenario"})
            for trial in trials
        ]
    return trials


def _folds(text: str) -> int | None:
    if text == "subjects":
        return None
    if not text.isdecimal() or int(text) < 2:
        raise SettingsError(f"'{text}' is no number of folds; give 2 or more, or 'subjects'.")
    return int(text)


def _read_split(path: Path) -> Split:
    """People by hand, from a YAML file."""
    import yaml  # type: ignore[import-untyped]

    from rfacenet.evaluation.trials import Split

    parts = [field.name for field in fields(Split)]
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"'{path}' cannot be read as YAML: {error}.") from error
    if not isinstance(content, dict) or sorted(content) != sorted(parts):
        raise SettingsError(f"'{path}' must hold three lists of people: {', '.join(parts)}.")
    if any(not isinstance(people, list) or not people for people in content.values()):
        raise SettingsError(f"'{path}': {', '.join(parts)} must each list at least one person.")
    return Split(**{part: tuple(map(str, content[part])) for part in parts})
