"""``rfacenet models``: what there is to choose from."""

from __future__ import annotations

import argparse

from rfacenet.cli.command import ANSWERED, Commands, add_command, print_table


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "Every method, with its kind, input and source; networks without weights come last."
    add_command(commands, "models", _run, summary, "example:\n  rfacenet models")


def _run(options: argparse.Namespace) -> int:
    from rfacenet.inference.catalogue import find_weights, get_method, list_methods
    from rfacenet.models import list_models
    from rfacenet.models.registry import recreation_note

    rows = [("method", "kind", "input", "source")]
    rows += [(m.name, m.kind, m.input.summary, m.source) for m in map(get_method, list_methods())]
    for name in list_models():
        if find_weights(name) is None:
            source = f"No weights yet; see 'rfacenet train --help'.{recreation_note(name)}"
            rows.append((name, "neural", "–", source))
    print_table(rows)
    return ANSWERED
