"""Heart rate from face video (remote photoplethysmography).

>>> import rfacenet
>>> rfacenet.estimate("face.mp4").heart_rate_bpm  # doctest: +SKIP
52.7
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rfacenet.errors import RfacenetError
from rfacenet.types import Estimate, Frame, LiveEstimate

if TYPE_CHECKING:
    from rfacenet.inference.estimator import estimate as estimate
    from rfacenet.inference.live import LiveEstimator as LiveEstimator
    from rfacenet.inference.live_feed import LiveFeed as LiveFeed

__all__ = ["Estimate", "Frame", "LiveEstimate", "LiveEstimator", "LiveFeed", "RfacenetError", "estimate"]
__version__ = "0.1.0"


_HOMES = {
    "estimate": "rfacenet.inference.estimator",
    "LiveEstimator": "rfacenet.inference.live",
    "LiveFeed": "rfacenet.inference.live_feed",
}


def __getattr__(name: str) -> Any:
    # On first use: the estimator needs torch, which takes a second that an importing program may not want.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rfacenet' has no attribute '{name}'")
