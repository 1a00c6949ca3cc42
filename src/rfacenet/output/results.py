"""Estimates as JSON and CSV. The README documents the fields."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from rfacenet.types import Estimate, Float64Array

CSV_COLUMNS = ("video", "method", "span", "start_s", "end_s", "heart_rate_bpm", "quality", "reason")


def as_dict(estimate: Estimate) -> dict[str, Any]:
    """An estimate as plain numbers, strings and lists; what is unknown is None."""
    return {
        "video": estimate.video,
        "method": estimate.method,
        "heart_rate_bpm": _rounded(estimate.heart_rate_bpm, 2),
        "quality": _rounded(estimate.quality, 3),
        "reason": estimate.reason,
        "duration_s": _rounded(estimate.duration_s, 3),
        "fs_hz": _rounded(estimate.fs_hz, 4),
        "face_share": _rounded(estimate.face_share, 4),
        "damaged_frames": estimate.damaged_frames,
        "notes": list(estimate.notes),
        "beats_s": [_rounded(t_s, 3) for t_s in estimate.beats_s],
        "variability": None
        if estimate.variability is None
        else {name: _rounded(value, 1) for name, value in asdict(estimate.variability).items()},
        "windows": [
            {
                "start_s": _rounded(window.start_s, 3),
                "end_s": _rounded(window.end_s, 3),
                "heart_rate_bpm": _rounded(window.heart_rate_bpm, 2),
                "quality": _rounded(window.quality, 3),
            }
            for window in estimate.windows
        ],
        "bvp": {"t_s": _list(estimate.bvp.t_s), "value": _list(estimate.bvp.value)},
    }


def as_json(estimates: Sequence[Estimate]) -> str:
    """One estimate as an object, several as a list of them."""
    content = [as_dict(estimate) for estimate in estimates]
    return (
        json.dumps(content[0] if len(content) == 1 else content, ensure_ascii=False, allow_nan=False) + "\n"
    )


def as_csv(estimates: Sequence[Estimate]) -> str:
    """One row for each whole video, followed by one for each of its windows."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for estimate in estimates:
        content = as_dict(estimate)
        whole = {"start_s": 0.0, "end_s": content["duration_s"], **content}
        writer.writerow([whole[c] if c != "span" else "video" for c in CSV_COLUMNS])
        for window in content["windows"]:
            row = {"video": content["video"], "method": content["method"], "span": "window", **window}
            writer.writerow([row.get(column) for column in CSV_COLUMNS])
    return text.getvalue()


def _rounded(value: float | None, digits: int) -> float | None:
    if value is None or isinstance(value, int):
        return value
    return round(float(value), digits)


def _list(values: Float64Array) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 4) for value in values]
