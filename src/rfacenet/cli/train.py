"""``rfacenet train``: a network's weights, from nothing or from where a run was stopped."""

from __future__ import annotations

import argparse
import logging
import sys

from rfacenet.cli.command import ANSWERED, INTERRUPTED, UNANSWERED, Commands
from rfacenet.errors import SettingsError


def add(commands: Commands) -> None:
    """Add the command to the parser.

    Its flags are the fields of ``TrainConfig``, which jsonargparse reads; so argparse gets no flag prefix
    here and hands over all that follows, ``--help`` included.
    """
    parser = commands.add_parser(
        "train",
        help="Train a network, or continue a run that was stopped.",
        add_help=False,
        prefix_chars="\0",
    )
    parser.add_argument("arguments", nargs="*")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        from tqdm.contrib.logging import logging_redirect_tqdm

        from rfacenet.training import TrainingError, parse, train
    except ModuleNotFoundError as error:
        raise SettingsError(f"Training needs {error.name}: pip install 'rfacenet[train]'.") from error

    config, out = parse(options.arguments)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("rfacenet.training").setLevel(logging.INFO)
    try:
        with logging_redirect_tqdm():  # lines above the progress bar, not behind it
            weights = train(config, out)
    except TrainingError as error:
        print(f"rfacenet: {error}", file=sys.stderr)
        return UNANSWERED
    except KeyboardInterrupt:
        print("rfacenet: stopped; the same command goes on with the run.", file=sys.stderr)
        return INTERRUPTED
    print(weights)
    return ANSWERED
