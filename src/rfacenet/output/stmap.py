"""A video's spatio-temporal map, drawn: a picture with words (SVG), and the map alone (PNG)."""

from __future__ import annotations

import io
import math
from html import escape
from itertools import accumulate

import numpy as np

from rfacenet.faces.regions import PARTS, centers, outlines, oval
from rfacenet.inference.stmap import VideoMap
from rfacenet.models.stmap import RANGE
from rfacenet.output.charts import nice_ticks
from rfacenet.output.pages import MARGIN, PAGE_END, colour_bar, embedded, on_scale, page_start, shortened
from rfacenet.types import N_REGIONS, Float32Array, RegionSet, Uint8Array
from rfacenet.video import encode_png

ABOUT_CHANNELS = {
    "R": "red",
    "G": "green, which blood takes up most of",
    "B": "blue",
    "Y": "brightness",
    "U": "blue, less the brightness",
    "V": "red, less the brightness",
    "POS": "the pulse, told from light and movement by its colour",
}
"""What the channels are, for people."""

LOOK_AT = {"triangles": ("POS", "brighter"), "blocks": ("Y", "darker"), "areas": ("G", "darker")}
"""The channel that shows the pulse best, and what more blood is there."""

PART_COLOURS = ("#e8a020", "#4fb0ea", "#1fb08a", "#d777b0", "#e2662f", "#8a86ea")
"""Of the face's parts; told apart by people who see few colours, on light, dark and skin."""

FACE_WIDTH, FACE_HEIGHT = 240, 320
WIDTH, TOP, LABELS, STRIP = 992, 122, 92, 7
PANEL_HEIGHT, PANEL_GAP = {"triangles": 150, "blocks": 150, "areas": 126}, 34
"""Of the picture, in its own units."""

PNG_WIDTH_PX, PNG_PANEL_PX, PNG_GAP_PX = 1200, 240, 8
"""What the map alone is enlarged to, as nearly as whole numbers do, and what lies between its channels."""

STYLE = """
.rate { font-size: 34px; font-weight: 650; } .small { font-size: 11.5px; }
.axis { stroke: var(--muted); } .beat { fill: none; stroke: var(--ink); stroke-width: 1.5; }
.region { stroke: #fff; stroke-opacity: 0.85; stroke-width: 1; fill-opacity: 0.26; }
.oval { fill: none; stroke: #fff; stroke-opacity: 0.85; stroke-width: 1.25; }
.number { font-size: 10px; font-weight: 650; fill: #fff; stroke: #000; stroke-opacity: 0.65;
  stroke-width: 2.5; paint-order: stroke; text-anchor: middle; }
.pixels { image-rendering: pixelated; }
"""


def as_svg(shown: VideoMap, video: str) -> str:
    """The picture: the face with its regions, and beside it a panel for each channel of the map.

    Args:
        shown: The map.
        video: The video's name.

    Returns:
        An SVG document that needs nothing else, in light or dark as the viewer is.
    """
    height = PANEL_HEIGHT[shown.regions]
    tops = [TOP + k * (height + PANEL_GAP) for k in range(len(shown.channels))]
    bottom = tops[-1] + height
    left = MARGIN + FACE_WIDTH + 28 + LABELS
    about = f"{shown.start_s:.1f} to {shown.end_s:.1f} s"
    if shown.is_part:
        about += f", the longest stretch with the face ({shown.left_out_s:.1f} s are left out)"
    title = f"{shortened(video)}: the pulse over time and face"
    parts = page_start((WIDTH, bottom + 106), title, about, STYLE)
    parts += [*_face(shown), *_words(shown)]
    for name, values, top in zip(shown.channels, shown.values, tops, strict=True):
        parts += _panel(shown.regions, name, values, (left, top), (WIDTH - MARGIN - left, height))
    parts += _time_axis(shown, left, bottom)
    if shown.heart_rate_bpm is not None:
        look = tops[shown.channels.index(LOOK_AT[shown.regions][0])]
        parts += _one_beat(shown, shown.heart_rate_bpm, left, look - 12)
    words = "lowest of its row", "highest of its row"
    parts += [*colour_bar((left + WIDTH - MARGIN) / 2, bottom + 68, words), PAGE_END]
    return "\n".join(parts)


def as_png(shown: VideoMap) -> bytes:
    """The map alone, in grey levels: channels below each other, a white line of 8 pixels between them.

    Each value is a rectangle of :func:`png_scale` pixels, so that every one can be read off again.
    """
    down, across = png_scale(shown)
    levels = (shown.values + 0.5).astype(np.uint8).repeat(down, axis=1).repeat(across, axis=2)
    gap = np.full((PNG_GAP_PX, levels.shape[2]), 255, np.uint8)
    rows = [part for channel in levels for part in (channel, gap)][:-1]
    return encode_png(np.vstack(rows)[..., None].repeat(3, axis=2))


def as_npy(shown: VideoMap) -> bytes:
    """The map as numbers, ``(C, rows, T) float32``, in NumPy's format."""
    file = io.BytesIO()
    np.save(file, shown.values)
    return file.getvalue()


def png_scale(shown: VideoMap) -> tuple[int, int]:
    """How many pixels high a row is in :func:`as_png`, and how many wide a frame."""
    _, n_rows, n_frames = shown.values.shape
    return max(1, PNG_PANEL_PX // n_rows), max(1, PNG_WIDTH_PX // n_frames)


def _colours_of_regions(regions: RegionSet) -> list[str]:
    """The colour of the part that each region belongs to."""
    counts = (count for _, count in PARTS[regions])
    return [colour for colour, count in zip(PART_COLOURS, counts, strict=False) for _ in range(count)]


def _face(shown: VideoMap) -> list[str]:
    """The face, and on it the regions with their numbers."""
    size = np.array((FACE_WIDTH, FACE_HEIGHT))
    corner = np.array((MARGIN, TOP))
    (x, y), (half_width, half_height) = (corner + size * oval()[0]), size * oval()[1]
    ellipse = f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{half_width:.1f}" ry="{half_height:.1f}"'
    colours = _colours_of_regions(shown.regions)
    parts = [
        f'<text class="name" x="{MARGIN}" y="{TOP - 12}">Face, and its {len(colours)} regions</text>',
        f'<defs><clipPath id="oval">{ellipse}/></clipPath></defs>',
        embedded(shown.face, (MARGIN, TOP), (FACE_WIDTH, FACE_HEIGHT)),
        '<g clip-path="url(#oval)">',
    ]
    for outline, colour in zip(outlines(shown.regions), colours, strict=True):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corner + size * outline)
        parts.append(f'<polygon class="region" fill="{colour}" points="{points}"/>')
    parts += ["</g>", f'{ellipse} class="oval"/>']
    for k, (x, y) in enumerate(corner + size * centers(shown.regions), 1):
        parts.append(f'<text class="number" x="{x:.1f}" y="{y + 3.5:.1f}">{k}</text>')
    return parts


def _words(shown: VideoMap) -> list[str]:
    """Below the face: the heart rate, and what to look for."""
    y = TOP + FACE_HEIGHT + 48
    parts = []
    if shown.heart_rate_bpm is None:
        lines = ["No heart rate: POS reads none", "that could be trusted off this face."]
    else:
        parts.append(f'<text class="rate" x="{MARGIN}" y="{y}">{shown.heart_rate_bpm:.1f} bpm</text>')
        lines = ["as POS reads it off the face,", f"quality {shown.quality:.2f}"]
        y += 24
    look, more_blood = LOOK_AT[shown.regions]
    lines += ["", f"Look for vertical stripes in the {look}", "panel: one a heartbeat. There,"]
    lines += [f"more blood is {more_blood}."]
    if shown.regions == "areas":
        lines += [
            "",
            "Rows are all 63 combinations of",
            "the six regions; the colours beside",
            "them say which.",
        ]
    for line in lines:
        if line:
            parts.append(f'<text class="muted" x="{MARGIN}" y="{y}">{escape(line)}</text>')
        y += 20 if line else 10
    return parts


def _panel(
    regions: RegionSet,
    name: str,
    values: Float32Array,
    corner: tuple[float, float],
    size: tuple[float, float],
) -> list[str]:
    """One channel ``(rows, T)``, and what its rows are."""
    left, top = corner
    colours: Uint8Array = (on_scale(values.astype(np.float64) / RANGE) + 0.5).astype(np.uint8)
    # Rows are enlarged by a whole number: so they stay sharp where columns are so many that they blend.
    colours = colours.repeat(math.ceil(size[1] / len(values)), axis=0)
    sharp = 'class="pixels" ' if values.shape[1] <= size[0] else ""
    about = f'<tspan class="muted small" dx="8" font-weight="400">{ABOUT_CHANNELS[name]}</tspan>'
    return [
        f'<text class="name" x="{left}" y="{top - 9:g}">{name}{about}</text>',
        *_rows(regions, left, top, size[1] / len(values)),
        embedded(colours, corner, size, f'preserveAspectRatio="none" {sharp}'),
    ]


def _rows(regions: RegionSet, left: float, top: float, row_height: float) -> list[str]:
    """Beside a panel: which part of the face a row is, in words and colours."""
    if regions == "areas":
        return _combined_rows(left, top, row_height)
    parts = []
    x = left - STRIP - 3
    counts = [count for _, count in PARTS[regions]]
    for (name, count), last, colour in zip(PARTS[regions], accumulate(counts), PART_COLOURS, strict=False):
        first = last - count
        y, height = top + first * row_height, count * row_height
        numbers = f"{last}" if count == 1 else f"{first + 1}–{last}"
        parts += [
            f'<rect x="{x:g}" y="{y + 0.5:.1f}" width="{STRIP}" height="{height - 1:.1f}" fill="{colour}"/>',
            f'<text class="muted small" x="{x - 7:g}" y="{y + height / 2 + 4:.1f}" text-anchor="end">'
            f"{name} {numbers}</text>",
        ]
    return parts


def _combined_rows(left: float, top: float, row_height: float) -> list[str]:
    """The same where rows are combinations of regions: row r has region k if bit k of r is 1."""
    n = N_REGIONS["areas"]
    parts = []
    for k, colour in enumerate(PART_COLOURS):
        x = left - 3 - (n - k) * (STRIP + 2) + 2
        for first in range(2**k, 2**n, 2 ** (k + 1)):
            y, height = top + (first - 1) * row_height, 2**k * row_height
            parts.append(f'<rect x="{x:g}" y="{y:g}" width="{STRIP}" height="{height:g}" fill="{colour}"/>')
    x = left - 3 - n * (STRIP + 2) - 4
    for row in (1, 2 ** (n - 1), 2**n - 1):
        y = top + (row - 0.5) * row_height + 4
        parts.append(f'<text class="muted small" x="{x:g}" y="{y:g}" text-anchor="end">{row}</text>')
    return parts


def _time_axis(shown: VideoMap, left: float, bottom: float) -> list[str]:
    right = WIDTH - MARGIN
    parts = []
    for t_s in nice_ticks(shown.start_s, shown.end_s, about=12):
        x = left + (t_s - shown.start_s) / shown.duration_s * (right - left)
        parts += [
            f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom + 2:g}" y2="{bottom + 7:g}"/>',
            f'<text class="muted small" x="{x:.1f}" y="{bottom + 21:g}" text-anchor="middle">{t_s:g}</text>',
        ]
    middle = (left + right) / 2
    parts.append(
        f'<text class="muted small" x="{middle:g}" y="{bottom + 40:g}" text-anchor="middle">'
        "time from the start of the video (s)</text>"
    )
    return parts


def _one_beat(shown: VideoMap, rate_bpm: float, left: float, y: float) -> list[str]:
    """How far apart the stripes should be, above a panel at its right end."""
    right = WIDTH - MARGIN
    beat_s = 60 / rate_bpm
    start = right - beat_s / shown.duration_s * (right - left)
    return [
        f'<path class="beat" d="M{start:.1f} {y - 4:g}v8M{start:.1f} {y:g}H{right}M{right} {y - 4:g}v8"/>',
        f'<text class="small" x="{start - 8:.1f}" y="{y + 4:g}" text-anchor="end">'
        f"one beat, {beat_s:.2f} s</text>",
    ]
