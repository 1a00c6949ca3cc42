"""What runs a command's work, where the user chooses it: processes of this machine, or a cluster."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from rfacenet.cli.command import positive_count
from rfacenet.errors import SettingsError, WorkerError


def add_worker_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags that :func:`chosen_executor` reads."""
    option = parser.add_argument
    option(
        "--processes",
        type=positive_count,
        metavar="N",
        help="how many videos are worked on at a time (default: one a core)",
    )
    option("--cluster", metavar="ADDRESS", help="a Dask scheduler, whose workers see the same folders")


@contextmanager
def chosen_executor(options: argparse.Namespace) -> Iterator[Executor | None]:
    """What the work runs on; None if the user has not chosen it.

    Raises:
        SettingsError: Two were chosen, Dask is missing, or no scheduler answers.
        WorkerError: A worker of the cluster died.
    """
    if options.cluster is None:
        if options.processes is None:
            yield None
            return
        from rfacenet.processes import process_pool

        with process_pool(options.processes) as pool:
            yield pool
        return
    if options.processes is not None:
        raise SettingsError("--processes is for this machine; a cluster has its own workers: leave it out.")
    try:
        from distributed import Client, KilledWorker
    except ModuleNotFoundError as error:
        raise SettingsError("--cluster needs Dask: pip install 'rfacenet[cluster]'.") from error
    try:
        client = Client(options.cluster, timeout="10s")
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"No Dask scheduler answers at '{options.cluster}'; check the address."
        ) from error
    with client, client.get_executor() as pool:
        try:
            yield pool
        except KilledWorker as error:
            raise WorkerError(
                "A worker of the cluster died, perhaps for lack of memory; what was done before is kept, "
                "and the same command goes on."
            ) from error
