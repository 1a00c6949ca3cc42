"""A stand-in for estimating that takes its process down for some videos."""

import os

from rfacenet.errors import VideoError
from rfacenet.inference.estimator import unreadable


def estimate_or_die(path, settings):
    """What ``try_estimate`` would answer, or the end of the process."""
    if path.name.startswith("die"):
        os._exit(1)
    return unreadable(path, settings.method_name, VideoError("fine"))
