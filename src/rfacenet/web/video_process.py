"""What runs in the process that measures one uploaded video."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from rfacenet.errors import RfacenetError, VideoError
from rfacenet.inference.estimator import estimate, unreadable
from rfacenet.inference.settings import EstimateSettings
from rfacenet.output.report import as_html
from rfacenet.output.results import as_csv, as_dict
from rfacenet.types import Estimate
from rfacenet.video import only_formats
from rfacenet.web.containers import FORMATS

PROGRESS_S = 0.25
"""Time between two words about the progress."""


def measure(connection: Connection, descriptor: Any, label: str, method: str) -> None:
    """Measure a video and send, as JSON, how far it is and in the end what came out.

    Args:
        connection: Where to send it.
        descriptor: The open file that the video lies in, as a ``DupFd``; it has no name.
        label: What to call it.
        method: Name of the method.
    """
    torch.set_num_threads(1)
    settings = EstimateSettings(method=method)
    path = Path(f"/dev/fd/{descriptor.detach()}")
    said_s = 0.0

    def progress(t_s: float, duration_s: float | None) -> None:
        nonlocal said_s
        if time.monotonic() - said_s < PROGRESS_S:
            return
        said_s = time.monotonic()
        share = min(t_s / duration_s, 1.0) if duration_s else None
        connection.send_bytes(json.dumps({"progress": share}).encode())

    try:
        with only_formats(*FORMATS):
            result = estimate(path, settings, progress=progress)
    except RfacenetError as error:
        result = unreadable(path, settings.method_name, error)
    except (BrokenPipeError, EOFError):
        raise
    except Exception as error:  # torch says that memory is short in a way of its own
        result = unreadable(path, settings.method_name, _fault(error))
    connection.send_bytes(json.dumps(answer(labelled(result, path, label), settings)).encode())


def answer(result: Estimate, settings: EstimateSettings) -> dict[str, object]:
    """The same that the command line writes: result, table and page."""
    return {"result": as_dict(result), "csv": as_csv([result]), "report": as_html([result], settings)}


def labelled(result: Estimate, path: Path, label: str) -> Estimate:
    """The estimate with the video called by its label, also in what is said about it."""
    reason = None if result.reason is None else result.reason.replace(str(path), label)
    return replace(result, video=label, reason=reason)


def _fault(error: Exception) -> RfacenetError:
    if isinstance(error, MemoryError) or "allocate" in str(error):
        return VideoError("The video needs more memory than it may take; make its picture smaller.")
    return RfacenetError(f"The video met a fault in rfacenet ({error!r}); please report it.")
