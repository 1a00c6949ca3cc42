"""``rfacenet models``: what there is to choose from."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rfacenet.cli.command import ANSWERED, Commands, add_command, print_table

if TYPE_CHECKING:
    from rfacenet.methods import Method

EPILOG = """'sees' is what of the face a method reads: its mean colour, a crop, or the mean colours of
some regions; 'from' how many seconds of it a rate takes.

example:
  rfacenet models"""

FS_HZ = 30.0


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "Every method: what it sees, what it gives, its paper, and what networks were trained on."
    add_command(commands, "models", _run, summary, EPILOG)


def _run(options: argparse.Namespace) -> int:
    from rfacenet.inference.catalogue import find_weights, get_method, list_methods
    from rfacenet.models import list_models

    methods = [get_method(name) for name in list_methods()]
    classical = [method for method in methods if method.kind == "classical"]
    networks = [method for method in methods if method.kind == "neural"]
    head = ("sees", "gives", "from", "paper")
    rows = [("CLASSICAL", *head), *map(_row, classical), ("NETWORKS", *head), *map(_row, networks)]
    print_table(rows)
    print("\n* A re-creation: not all of its paper is known.")
    print("\nWhat the networks were trained on (their cards say more):")
    trainings: dict[str, list[str]] = {}
    for method in networks:
        trainings.setdefault(method.training or "", []).append(method.name.partition(".")[0])
    for training, names in trainings.items():
        print(f"  {', '.join(names)}:\n    {training}")
    if without := [name for name in list_models() if find_weights(name) is None]:
        print(f"\nWithout weights yet, see 'rfacenet train --help': {', '.join(without)}")
    return ANSWERED


def _row(method: Method) -> tuple[str, ...]:
    from rfacenet.inference.reading import least_length

    star = " *" if method.recreation else ""
    return (
        method.name,
        method.input.summary,
        "rate" if method.gives_rate else "wave",
        f"{least_length(method, FS_HZ) / FS_HZ:g} s",
        method.source + star,
    )
