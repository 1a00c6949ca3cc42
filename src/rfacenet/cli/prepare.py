"""``rfacenet prepare``: a data set's faces, cut out once for all that is trained and tested on them."""

from __future__ import annotations

import argparse
from pathlib import Path

from rfacenet.cli.command import (
    ANSWERED,
    UNANSWERED,
    Commands,
    add_command,
    count,
    given,
    positive,
    positive_count,
    progress_bar,
)
from rfacenet.cli.workers import add_worker_options, chosen_executor

EPILOG = """Every recording is accounted for in report.csv in the store. A run that was stopped goes
on when the same command is given again; other settings make another store.

examples:
  rfacenet simulate --layout pure --subjects 4 --out pure-simulated
  rfacenet prepare pure pure-simulated --out prepared
  rfacenet prepare vipl-hr /data/VIPL-HR --out prepared --height 128 --width 128"""

_SHOWN = 10


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "prepare", _run, "Cut the faces out of a data set's videos.", EPILOG)
    option = parser.add_argument
    option("dataset", metavar="DATASET", help="its name, such as pure; '?' lists all")
    option("root", type=Path, metavar="ROOT", help="its folder")
    option("--out", type=Path, required=True, metavar="FOLDER", help="folder of stores")
    option("--height", type=positive_count, metavar="PX", help="height of the crops (default: 72)")
    option("--width", type=positive_count, metavar="PX", help="width of the crops (default: 72)")
    option("--enlarge", type=positive, metavar="X", help="factor on the face box (default: 1.5)")
    add_worker_options(parser)


def _run(options: argparse.Namespace) -> int:
    from rfacenet.datasets import get_dataset
    from rfacenet.datasets.preparing import prepare
    from rfacenet.datasets.store import CropSettings

    dataset = get_dataset(options.dataset)
    crops = CropSettings(**given(options, "height", "width", "enlarge"))
    with progress_bar("recordings") as bar, chosen_executor(options) as executor:
        report = prepare(dataset, options.root, options.out, crops, executor=executor, progress=count(bar))
    for outcome in report.left_out[:_SHOWN]:
        print(f"{outcome.name}: not prepared. {outcome.reason}")
    if len(report.left_out) > _SHOWN:
        print(f"... and {len(report.left_out) - _SHOWN} more; see {report.store / 'report.csv'}")
    print(f"{report.store}: {len(report.prepared)} of {len(report.outcomes)} recordings prepared")
    return UNANSWERED if report.left_out else ANSWERED
