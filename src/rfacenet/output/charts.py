"""Small line charts as inline SVG, coloured by the page's style sheet so that they follow light and dark."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

import numpy as np

from rfacenet.types import Float64Array

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 40


def nice_ticks(low: float, high: float, about: int = 6) -> list[float]:
    """About that many round numbers between two numbers."""
    rough = (high - low) / about
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    first = np.ceil(low / step - 1e-9)
    return [float(round(k * step, 10)) + 0.0 for k in np.arange(first, high / step + 1e-9)]


@dataclass
class Chart:
    """A chart over given ranges; marks are added, then :meth:`svg` draws it.

    Attributes:
        title: What a screen reader says.
        x_label: Axis label with unit.
        y_label: Axis label with unit.
        x_range: Lowest and highest value.
        y_range: Lowest and highest value.
        y_ticks: Whether the vertical axis has numbers; a wave of arbitrary unit has none.
    """

    title: str
    x_label: str
    y_label: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    y_ticks: bool = True
    _marks: list[str] = field(default_factory=list)

    def line(self, x: Float64Array, y: Float64Array, css: str = "line") -> None:
        """A line through the points, broken where ``y`` is NaN."""
        for run in np.split(np.arange(len(y)), np.flatnonzero(np.isnan(y))):
            kept = run[~np.isnan(y[run])]
            if len(kept) > 1:
                points = " ".join(f"{self._x(x[i]):.1f},{self._y(y[i]):.1f}" for i in kept)
                self._marks.append(f'<polyline class="{css}" points="{points}"/>')

    def dot(self, x: float, y: float, opacity: float = 1.0, tip: str = "") -> None:
        """A dot with a text that shows when it is pointed at."""
        self._marks.append(
            f'<circle class="dot" cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="3.5" '
            f'fill-opacity="{opacity:.2f}"><title>{escape(tip)}</title></circle>'
        )

    def marker(self, x: float, label: str) -> None:
        """A vertical line with a label at its top, on the side that has room."""
        at = self._x(x)
        left = at > WIDTH * 0.7
        self._marks.append(
            f'<line class="marker" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
            f'<text class="marker-label" x="{at + (-8 if left else 8):.1f}" y="{TOP + 12}" '
            f'text-anchor="{"end" if left else "start"}">{escape(label)}</text>'
        )

    def span(self, start: float, end: float, label: str) -> None:
        """A shaded stretch along the horizontal axis."""
        x0, x1 = self._x(start), self._x(end)
        self._marks.insert(
            0,
            f'<rect class="span" x="{x0:.1f}" width="{max(x1 - x0, 1):.1f}" y="{TOP}" '
            f'height="{HEIGHT - TOP - BOTTOM}"><title>{escape(label)}</title></rect>',
        )

    def svg(self) -> str:
        """The chart as an ``<svg>`` element."""
        bottom = HEIGHT - BOTTOM
        parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}">']
        for value in nice_ticks(*self.x_range, about=8):
            at = self._x(value)
            parts.append(
                f'<text class="tick" x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>'
            )
        if self.y_ticks:
            for value in nice_ticks(*self.y_range, about=4):
                at = self._y(value)
                parts.append(
                    f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
                    f'<text class="tick" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>'
                )
        middle = (TOP + bottom) / 2
        parts += [
            f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>',
            *self._marks,
            f'<text class="label" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" '
            f'text-anchor="middle">{escape(self.x_label)}</text>',
            f'<text class="label" transform="translate(13 {middle}) rotate(-90)" '
            f'text-anchor="middle">{escape(self.y_label)}</text>',
            "</svg>",
        ]
        return "".join(parts)

    def _x(self, value: float) -> float:
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        low, high = self.y_range
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
