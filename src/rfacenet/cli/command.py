"""What all commands share: exit codes, help with an example, progress bars."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

ANSWERED, UNANSWERED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: every input answered; some could not be; wrong use; stopped by the user."""

PROGRESS_DELAY_S = 2.0
"""Work that ends sooner shows no progress bar."""

Commands = Any
"""What ``add_subparsers`` returns; argparse keeps its type private."""


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], summary: str, epilog: str
) -> argparse.ArgumentParser:
    """A sub-command that runs ``run`` and whose help ends with an example."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The options of these names that were given; the others keep the library's defaults."""
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def positive(text: str) -> float:
    """An argument that must be a number above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
    return value


def positive_count(text: str) -> int:
    """An argument that must be a whole number above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number above 0")
    return int(text)


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows of cells, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def progress_bar(unit: str, total: int | None = None) -> Any:
    """A bar on standard error, for people only: not where that is a file."""
    from tqdm import tqdm

    return tqdm(
        total=total,
        unit=f" {unit}",
        delay=PROGRESS_DELAY_S,
        disable=not sys.stderr.isatty(),
        leave=False,
        dynamic_ncols=True,
    )


def follow(bar: Any) -> Callable[[float, float | None], None]:
    """A progress callback that moves a bar along the seconds of a video."""

    def show(t_s: float, duration_s: float | None) -> None:
        if int(t_s) > bar.n:
            bar.total = None if duration_s is None else max(round(duration_s), int(t_s))
            bar.update(int(t_s) - bar.n)

    return show


def count(bar: Any) -> Callable[[int, int], None]:
    """A progress callback that moves a bar to how many of a number of things are done."""

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return show
