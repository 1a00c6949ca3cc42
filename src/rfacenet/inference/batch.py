"""Many videos over many processes: one bad video never stops the rest."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from rfacenet.errors import RfacenetError, VideoError
from rfacenet.inference.estimator import estimate, unreadable
from rfacenet.inference.sampling import Progress
from rfacenet.inference.settings import EstimateSettings
from rfacenet.types import Estimate


def try_estimate(path: Path, settings: EstimateSettings, progress: Progress | None = None) -> Estimate:
    """:func:`estimate`, with a video that fails as an estimate that says so instead of an error."""
    try:
        return estimate(path, settings, progress=progress)
    except RfacenetError as error:
        return unreadable(path, settings.method_name, error)
    except Exception as error:  # a fault of ours must not cost the other videos of a batch
        logging.getLogger(__name__).debug("'%s' failed", path, exc_info=True)
        fault = RfacenetError(f"'{path}' met a fault in rfacenet ({error!r}); please report it.")
        return unreadable(path, settings.method_name, fault)


def estimate_many(
    paths: Sequence[Path], settings: EstimateSettings, *, n_processes: int | None = None
) -> Iterator[tuple[int, Estimate]]:
    """Estimates of many videos, as they get ready.

    Args:
        paths: The videos.
        settings: The same for all.
        n_processes: How many at a time; one for each core that this process may use where left out.

    Yields:
        Index of the video in ``paths`` and its estimate, in the order of completion; every video once. A
        video that takes its process down (out of memory, a crash in the decoder) is reported as such.
    """
    workers = n_processes or _usable_cores()
    unfinished = list(range(len(paths)))
    while unfinished:
        for index, result in _in_pool(paths, list(unfinished), settings, workers):
            unfinished.remove(index)
            yield index, result
        # A dead worker takes the whole pool with it, and nobody knows which video it was: one of the first,
        # since they are begun in order. Each of those gets a process to itself; the one that dies again is
        # it.
        suspects, unfinished = unfinished[: workers + 1], unfinished[workers + 1 :]
        for index in suspects:
            alone = list(_in_pool(paths, [index], settings, 1))
            fatal = VideoError(f"'{paths[index]}' took its process down; it may be too large or broken.")
            yield alone[0] if alone else (index, unreadable(paths[index], settings.method_name, fatal))


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # containers often allow fewer than the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_pool(
    paths: Sequence[Path], indices: Sequence[int], settings: EstimateSettings, n_processes: int
) -> Iterator[tuple[int, Estimate]]:
    """Estimates from one pool; ends early, without an error, when a worker dies."""
    # Spawned, not forked: a fork of a process in which torch has threads can hang.
    workers = min(n_processes, len(indices))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        with _interrupts_ignored():
            futures = {pool.submit(try_estimate, paths[index], settings): index for index in indices}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            return
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """While workers are started: they inherit it, so that Ctrl-C is answered by this process alone."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set it
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _one_thread() -> None:
    """Many single-threaded workers use the cores better than many that fight for them."""
    import torch

    torch.set_num_threads(1)
