"""Entry point. Rooms are imported inside the commands, so that ``--help`` answers at once."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from rfacenet import __version__
from rfacenet.cli import (
    benchmark,
    estimate,
    explain,
    import_weights,
    live,
    models,
    prepare,
    serve,
    simulate,
    stmap,
    train,
)
from rfacenet.cli.command import INTERRUPTED, UNANSWERED, WRONG_USE
from rfacenet.errors import OutputError, RfacenetError, WorkerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names need not fit the terminal's encoding
            stream.reconfigure(errors="backslashreplace")
    own, flags = benchmark.parted(list(sys.argv[1:] if arguments is None else arguments))
    options = parser().parse_args(own)
    options.flags = flags
    try:
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read our output has seen enough, as in "| head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNANSWERED
    except (OutputError, WorkerError) as error:
        print(f"rfacenet: {error}", file=sys.stderr)
        return UNANSWERED
    except RfacenetError as error:
        print(f"rfacenet: {error}", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        print("rfacenet: stopped.", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """The parser with all commands."""
    top = argparse.ArgumentParser(
        prog="rfacenet",
        description="Heart rate from face video (remote photoplethysmography). Not a medical device.",
        epilog="'rfacenet COMMAND --help' explains a command.",
    )
    top.add_argument("--version", action="version", version=f"rfacenet {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for command in (
        benchmark,
        estimate,
        explain,
        import_weights,
        live,
        models,
        prepare,
        serve,
        simulate,
        stmap,
        train,
    ):
        command.add(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
