"""Small clips, made by the room's own writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rfacenet.types import Uint8Array
from rfacenet.video import VideoWriter, encode_png


def solid_frame(
    width_px: int = 64, height_px: int = 48, rgb: tuple[int, int, int] = (200, 120, 90)
) -> Uint8Array:
    return np.full((height_px, width_px, 3), rgb, dtype=np.uint8)


@pytest.fixture
def solid() -> Callable[..., Uint8Array]:
    """One frame of one colour, skin by default: ``solid(width_px, height_px, rgb)``."""
    return solid_frame


@pytest.fixture
def noise() -> Uint8Array:
    """Frames that hardly compress, so that a file of them has bytes to damage."""
    return np.random.default_rng(7).integers(0, 256, (40, 48, 64, 3), dtype=np.uint8)


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file: ``clip(name, frames, fps or times_s, **settings of the writer)``."""

    def write(
        name: str,
        frames: Sequence[Uint8Array] | Uint8Array,
        fps: float | Fraction = 30,
        times_s: Sequence[float] | None = None,
        **settings: Any,
    ) -> Path:
        path = tmp_path / name
        height_px, width_px, _ = frames[0].shape
        with VideoWriter(path, width_px, height_px, None if times_s else fps, **settings) as video:
            for frame, t_s in zip(frames, times_s or [None] * len(frames), strict=True):
                video.write(frame, t_s)
        return path

    return write


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder of PNG files of the given names; the n-th is filled with the level n."""

    def write(names: Sequence[str], folder: str = "images") -> Path:
        root = tmp_path / folder
        root.mkdir(parents=True, exist_ok=True)
        for level, name in enumerate(names):
            (root / name).write_bytes(encode_png(solid_frame(rgb=(level, level, level))))
        return root

    return write
