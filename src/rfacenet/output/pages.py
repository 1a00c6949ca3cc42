"""What all pictures with words (SVG) share: the page, its style in light and dark, the scale of colours."""

from __future__ import annotations

import base64
from html import escape

import numpy as np

from rfacenet.types import Float64Array, Uint8Array
from rfacenet.video import encode_png

COLOURS = np.array([(14, 8, 46), (84, 22, 118), (178, 46, 98), (240, 122, 44), (255, 232, 118)], np.float64)
"""From least to most, at equal steps; each is lighter than the one before, in grey as well."""

MARGIN, BAR = 28, 220
"""Left and right of what is on a page, and the length of the scale of colours, in a picture's own units."""

STYLE = """
svg { --ink: #1c2430; --muted: #5c6776; --page: #fff; --rule: #e1e5ea;
  font: 14px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
@media (prefers-color-scheme: dark) { svg { --ink: #e8ebf0; --muted: #9aa5b4; --page: #11151b;
  --rule: #2c3541; } }
.page { fill: var(--page); stroke: var(--rule); } text { fill: var(--ink); }
.title { font-size: 20px; font-weight: 650; } .name { font-size: 15px; font-weight: 600; }
.muted { fill: var(--muted); }
"""

PAGE_END = "</svg>\n"


def page_start(size: tuple[int, int], title: str, about: str, style: str) -> list[str]:
    """The beginning of a document that needs nothing else: a page with a title and a line below it.

    Args:
        size: Width and height.
        title: What it shows, as plain text.
        about: What to know about it, as plain text.
        style: More style than all pages have.
    """
    width, height = size
    title, about = escape(title), escape(about)
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">',
        f"<title>{title}</title><style>{STYLE}{style.lstrip()}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="12"/>',
        f'<text class="title" x="{MARGIN}" y="44">{title}</text>',
        f'<text class="muted" x="{MARGIN}" y="70">{about}</text>',
    ]


def embedded(
    picture: Uint8Array, corner: tuple[float, float], size: tuple[float, float], attributes: str = ""
) -> str:
    """A picture ``(H, W, 3)`` at a place and size in the document, which it becomes a part of."""
    data = base64.b64encode(encode_png(picture)).decode()
    return (
        f'<image x="{corner[0]:g}" y="{corner[1]:g}" width="{size[0]:g}" height="{size[1]:g}" {attributes}'
        f'href="data:image/png;base64,{data}"/>'
    )


def on_scale(place: Float64Array) -> Float64Array:
    """The colours at places on the scale, 0 to 1: ``(...)`` to ``(..., 3)`` RGB, 0 to 255."""
    steps = np.linspace(0, 1, len(COLOURS))
    return np.stack([np.interp(place, steps, channel) for channel in COLOURS.T], axis=-1)


def colour_bar(middle_x: float, y: float, words: tuple[str, str]) -> list[str]:
    """The scale of colours, with what its two ends mean beside them."""
    stops = "".join(
        f'<stop offset="{k / (len(COLOURS) - 1):g}" stop-color="rgb({r:.0f},{g:.0f},{b:.0f})"/>'
        for k, (r, g, b) in enumerate(COLOURS)
    )
    left, right = middle_x - BAR / 2, middle_x + BAR / 2
    label = f'<text class="muted" y="{y + 11:g}"'
    return [
        f'<defs><linearGradient id="heat">{stops}</linearGradient></defs>',
        f'<rect x="{left:g}" y="{y:g}" width="{BAR}" height="12" rx="3" fill="url(#heat)"/>',
        f'{label} x="{left - 10:g}" text-anchor="end">{escape(words[0])}</text>',
        f'{label} x="{right + 10:g}">{escape(words[1])}</text>',
    ]


def shortened(name: str, most: int = 48) -> str:
    """A long name without its middle."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-most // 2 + 1 :]}"
