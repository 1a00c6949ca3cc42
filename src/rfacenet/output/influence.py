"""What a network looks at, drawn over the face: a picture with words (SVG) and a video."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

import numpy as np

from rfacenet.inference.explanation import Explanation
from rfacenet.output.pages import MARGIN, PAGE_END, colour_bar, embedded, on_scale, page_start, shortened
from rfacenet.types import Float64Array, Uint8Array
from rfacenet.video import VideoWriter

FACE = 0.65
"""How far the face shades the colours: where it is black, they lose this share of their light. They are not
mixed with its grey, which would leave none of the scale's colours in the picture."""

SCALE_PX = 32
"""Side at which the largest value of enlarged maps is looked for: it is as smooth at any size."""

GAP_PX = 8
"""Between the panels of the video."""

PANEL, GAP, TOP = 300, 18, 122
"""Of the picture, in its own units."""

STYLE = """
.face { fill: none; stroke: #fff; stroke-opacity: 0.8; stroke-width: 1.5; stroke-dasharray: 5 4; }
"""


def as_svg(explanation: Explanation, video: str) -> str:
    """The picture: the face, and over it each map of influence, as a mean over the explained stretch.

    The colours show how the influence is distributed; they have one scale in all panels.

    Args:
        explanation: What to show.
        video: The video's name.

    Returns:
        An SVG document that needs nothing else, in light or dark as the viewer is.
    """
    face = explanation.face(len(explanation.shown) // 2)
    heats = [_enlarged(m.distribution[None], face.shape[:2])[0] for m in explanation.maps]
    most = max(float(heat.max()) for heat in heats)
    side = explanation.face_side
    # The dashed box can be told apart from the picture's edge only where there is something around it.
    panels = [("Face", face, "dashed: the face as it was found" if side < 1 else "")]
    for influence, heat in zip(explanation.maps, heats, strict=True):
        share = f"{influence.share_inside(side):.0%} of the influence is inside the face"
        panels.append((influence.name.capitalize(), _heated(face, heat, most), share if side < 1 else ""))
    width = 2 * MARGIN + len(panels) * PANEL + (len(panels) - 1) * GAP
    height = TOP + PANEL + 84
    start_s, end_s = explanation.start_s, explanation.start_s + explanation.duration_s
    title = f"{shortened(video)}: where the pulse comes from"
    about = (
        f"{explanation.heart_rate_bpm:.1f} bpm (quality {explanation.quality:.2f}), {explanation.method}, "
        f"{start_s:.1f} to {end_s:.1f} s"
    )
    parts = page_start((width, height), title, about, STYLE)
    for k, (name, picture, caption) in enumerate(panels):
        parts += _panel(MARGIN + k * (PANEL + GAP), name, picture, caption, side)
    words = "no influence on the pulse", "most influence"
    parts += [*colour_bar(width / 2, TOP + PANEL + 56, words), PAGE_END]
    return "\n".join(parts)


def video_frames(explanation: Explanation) -> Iterator[Uint8Array]:
    """The frames of the video: the face and, beside it, each map of influence as it changes.

    The panels stand in the picture's order. The scale of the colours is the same throughout.

    Yields:
        ``(H, W, 3) uint8``, at ``explanation.fs_hz``.
    """
    heats = [
        m.over_time / m.mean.sum() if m.mean.any() else np.zeros_like(m.over_time) for m in explanation.maps
    ]
    # As they will be drawn; and a single moment of much influence should not leave all others dark.
    peaks = [_enlarged(heat, (SCALE_PX, SCALE_PX)).max(axis=(1, 2)) for heat in heats]
    most = float(np.percentile(peaks, 95))
    for k in range(len(explanation.shown)):
        face = explanation.face(k)
        gap = np.full((face.shape[0], GAP_PX, 3), 255, np.uint8)
        row = [face]
        for heat in heats:
            row += [gap, _heated(face, _enlarged(heat[k : k + 1], face.shape[:2])[0], most)]
        yield np.hstack(row)


def open_video_writer(explanation: Explanation, path: Path) -> VideoWriter:
    """A writer for :func:`video_frames`.

    Raises:
        OutputError: The file cannot be made.
    """
    height, width = explanation.pictures.shape[1:3]
    n_maps = len(explanation.maps)
    return VideoWriter(path, width + n_maps * (GAP_PX + width), height, fps=explanation.fs_hz)


def _heated(face: Uint8Array, heat: Float64Array, most: float) -> Uint8Array:
    """A face in grey under the colours of a map of the same size; ``most`` has the last colour."""
    grey = np.sqrt(face @ np.array([0.299, 0.587, 0.114]) / 255)  # dark skin would hide the colours
    place = np.clip(heat / most, 0, 1) if most > 0 else np.zeros_like(heat)
    heated: Uint8Array = (on_scale(place) * (1 - FACE + FACE * grey[..., None]) + 0.5).astype(np.uint8)
    return heated


def _enlarged(maps: Float64Array, size_px: tuple[int, ...]) -> Float64Array:
    """Maps ``(N, h, w)`` at ``(N, H, W)``, smooth and nowhere beyond their own values.

    Differs: Gaussian weights, where Grad-CAM's figures are enlarged bilinearly: a map of 4×4 cells would
    show the cells' corners as creases.
    """
    rows, columns = (_weights(cells, px) for cells, px in zip(maps.shape[1:], size_px, strict=True))
    enlarged: Float64Array = rows @ maps @ columns.T
    return enlarged


def _weights(n_cells: int, n_px: int) -> Float64Array:
    """What each cell of an axis counts in each pixel of it, ``(n_px, n_cells)``; rows add up to 1."""
    distance = (np.arange(n_px) + 0.5)[:, None] * n_cells / n_px - (np.arange(n_cells) + 0.5)
    weights = np.exp(-2 * distance**2)
    normalised: Float64Array = weights / weights.sum(axis=1, keepdims=True)
    return normalised


def _panel(x: int, name: str, picture: Uint8Array, caption: str, side: float) -> list[str]:
    parts = [
        f'<text class="name" x="{x}" y="{TOP - 12}">{escape(name)}</text>',
        embedded(picture, (x, TOP), (PANEL, PANEL)),
        f'<text class="muted" x="{x}" y="{TOP + PANEL + 22}">{escape(caption)}</text>',
    ]
    if side < 1:
        box, corner = PANEL * side, PANEL * (1 - side) / 2
        parts.append(
            f'<rect class="face" x="{x + corner:.1f}" y="{TOP + corner:.1f}" width="{box:.1f}" '
            f'height="{box:.1f}" rx="6"/>'
        )
    return parts
