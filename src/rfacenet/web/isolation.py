"""A process of its own for what a stranger's bytes could break: with limits, killed when it runs away.

What it answers is read as bytes, never unpickled: even a decoder that a crafted video has taken over cannot
make this process run anything.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context, parent_process, reduction
from multiprocessing.connection import Connection
from typing import Any

from rfacenet.processes import interrupts_ignored

MAX_ANSWER_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What the process may use, where the system can hold it to that (memory: Linux).

    Attributes:
        memory_mb: Memory beyond what the libraries themselves take, megabytes.
        cpu_s: Time of one core, seconds; None where the process stays for as long as the service.
        file_mb: Size of any file that it writes, megabytes.
    """

    memory_mb: float
    cpu_s: float | None = None
    file_mb: float = 4000.0


class IsolatedProcess:
    """A running process with limits.

    Must be made in the main thread where Ctrl-C shall not reach it.

    Args:
        work: ``"module:function"``, imported and run there alone, as ``function(connection, *arguments)``.
        arguments: Further arguments.
        limits: What it may use.
    """

    def __init__(self, work: str, arguments: tuple[Any, ...], limits: ProcessLimits) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_begin, args=(theirs, work, arguments, limits), daemon=True)
        with interrupts_ignored():
            self._process.start()
        theirs.close()

    def send(self, message: bytes) -> bool:
        """Give it something; False if it is gone."""
        try:
            self._connection.send_bytes(message)
        except (OSError, ValueError):
            return False
        return True

    def receive(self, timeout_s: float) -> bytes | None:
        """What it says next; None if that takes longer.

        Raises:
            EOFError: It is gone.
        """
        try:
            if not self._connection.poll(timeout_s):
                return None
            return self._connection.recv_bytes(MAX_ANSWER_BYTES)
        except OSError as error:  # broken off, or an answer without end
            raise EOFError from error

    def kill(self) -> None:
        """End it, whatever it does; whoever waits in :meth:`receive` learns that it is gone."""
        self._process.kill()
        self._process.join(5)


def _begin(connection: Connection, work: str, arguments: tuple[Any, ...], limits: ProcessLimits) -> None:
    """Where the process starts: limits first, then the work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    module, _, function = work.partition(":")
    run: Callable[..., None] = getattr(import_module(module), function)
    _limit(limits)
    with contextlib.suppress(BrokenPipeError, EOFError):
        run(connection, *arguments)


def _end_with_parent() -> None:
    """End when the service ends, even if that was killed and could clean nothing up."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _limit(limits: ProcessLimits) -> None:
    """Set what the system enforces from here on."""
    if sys.platform == "win32":
        return
    import resource

    os.nice(5)  # cameras come first
    memory = int(limits.memory_mb * 1e6)
    amounts = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: int(limits.file_mb * 1e6),
        resource.RLIMIT_DATA: memory + _data_bytes(),
    }
    if limits.cpu_s is not None:
        amounts[resource.RLIMIT_CPU] = int(limits.cpu_s) + 1
    for kind, amount in amounts.items():
        _, most = resource.getrlimit(kind)
        allowed = amount if most == resource.RLIM_INFINITY else min(amount, most)
        resource.setrlimit(kind, (allowed, allowed))


def _data_bytes() -> int:
    """Memory of one's own that is mapped already; libraries map more than they use."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123 (no file on disk)
            return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class LentFile:
    """An open file that a process is started with.

    It travels with the start itself. A bare ``DupFd``, made earlier, would be fetched over a socket from a
    thread of this process that unpickles what it is sent.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _as_it_is, (reduction.DupFd(self._descriptor),)


def _as_it_is(file: Any) -> Any:
    return file
