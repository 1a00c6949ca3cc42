"""Many videos over many processes: one bad video never stops the rest."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from rfacenet.errors import RfacenetError, VideoError
from rfacenet.inference.estimator import estimate, unreadable
from rfacenet.inference.sampling import Progress
from rfacenet.inference.settings import EstimateSettings
from rfacenet.processes import interrupts_ignored, process_pool, usable_cores
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
    workers = n_processes or usable_cores()
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


def _in_pool(
    paths: Sequence[Path], indices: Sequence[int], settings: EstimateSettings, n_processes: int
) -> Iterator[tuple[int, Estimate]]:
    """Estimates from one pool; ends early, without an error, when a worker dies."""
    with process_pool(min(n_processes, len(indices))) as pool:
        with interrupts_ignored():
            futures = {pool.submit(try_estimate, paths[index], settings): index for index in indices}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            return
        finally:
            pool.shutdown(cancel_futures=True)
