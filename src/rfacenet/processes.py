"""Processes that share the work, one a core."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context


def usable_cores() -> int:
    """Cores that this process may use; containers often allow fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def process_pool(n_processes: int) -> ProcessPoolExecutor:
    """Processes whose torch has one thread: many such use the cores better than many that fight for them."""
    # Spawned, not forked: a fork of a process in which torch has threads can hang.
    n_processes = min(n_processes, 61)  # more is an error on Windows
    return ProcessPoolExecutor(n_processes, mp_context=get_context("spawn"), initializer=_one_thread)


@contextmanager
def interrupts_ignored() -> Iterator[None]:
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
    import torch

    torch.set_num_threads(1)
