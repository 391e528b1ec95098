"""Plots as inline SVG, without a library: axes, a line or bars or points, and labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT = 420, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 12, 40
_TICKS = 5


class _Frame:
    """Data coordinates to pixels, and the axes around them."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        # An empty range is widened, or every point would fall on a division by zero.
        self.x = x if x[1] > x[0] else (x[0] - 0.5, x[0] + 0.5)
        self.y = y if y[1] > y[0] else (y[0] - 0.5, y[0] + 0.5)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return (
            round(_LEFT + across * (WIDTH - _LEFT - _RIGHT), 1),
            round(HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM), 1),
        )

    def draw(self, body: str, *, x_label: str, y_label: str, title: str) -> str:
        """The whole SVG: `body` inside axes with ticks."""
        parts = []
        for value in _ticks(*self.x):
            px, py = self.at(value, self.y[0])
            parts.append(f'<text x="{px}" y="{py + 15}" text-anchor="middle">{value:.3g}</text>')
        for value in _ticks(*self.y):
            px, py = self.at(self.x[0], value)
            parts.append(f'<text x="{px - 6}" y="{py + 4}" text-anchor="end">{value:.3g}</text>')
            parts.append(f'<path class="grid" d="M{px} {py}H{WIDTH - _RIGHT}"/>')
        middle = (_LEFT + WIDTH - _RIGHT) / 2
        parts.append(
            f'<text x="{middle}" y="{HEIGHT - 5}" text-anchor="middle">{escape(x_label)}</text>'
        )
        parts.append(
            f'<text transform="translate(12 {HEIGHT / 2 - 10}) rotate(-90)" '
            f'text-anchor="middle">{escape(y_label)}</text>'
        )
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
            f"<title>{escape(title)}</title>{''.join(parts)}{body}</svg>"
        )


def _ticks(low: float, high: float) -> list[float]:
    """At most six round values within a range."""
    power = 10 ** math.floor(math.log10((high - low) / _TICKS))
    step = next(power * n for n in (1, 2, 5, 10) if (high - low) / (power * n) <= _TICKS)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [step * n for n in range(first, last + 1)]


def line(points: Sequence[tuple[float, float]], *, x_label: str, y_label: str, title: str) -> str:
    """A line through points in both ranges 0…1."""
    frame = _Frame((0, 1), (0, 1))
    path = " ".join(f"{x},{y}" for x, y in (frame.at(*point) for point in points))
    body = f'<polyline class="line" points="{path}"/>'
    return frame.draw(body, x_label=x_label, y_label=y_label, title=title)


def diagonal(
    points: Sequence[tuple[float, float, float]], *, x_label: str, y_label: str, title: str
) -> str:
    """Points (x, y, cases) in 0…1 against the diagonal; the area of a point is its cases."""
    frame = _Frame((0, 1), (0, 1))
    (x1, y1), (x2, y2) = frame.at(0, 0), frame.at(1, 1)
    body = f'<path class="ideal" d="M{x1} {y1}L{x2} {y2}"/>'
    most = max((cases for _, _, cases in points), default=1)
    for x, y, cases in points:
        px, py = frame.at(x, y)
        radius = 3 + 9 * (cases / most) ** 0.5
        body += (
            f'<circle class="dot" cx="{px}" cy="{py}" r="{radius:.1f}">'
            f"<title>stated {x:.2f}, observed {y:.2f}, {cases:.0f} cases</title></circle>"
        )
    return frame.draw(body, x_label=x_label, y_label=y_label, title=title)


def histogram(values: Sequence[float], *, x_label: str, title: str, bins: int = 24) -> str:
    """Counts of values in bins of equal width."""
    counts, edges = np.histogram(values, bins=bins)
    frame = _Frame((float(edges[0]), float(edges[-1])), (0, float(counts.max()) or 1))
    body = ""
    for count, left, right in zip(counts, edges, edges[1:], strict=False):
        (x1, y1), (x2, y2) = frame.at(float(left), float(count)), frame.at(float(right), 0)
        body += (
            f'<rect class="bar" x="{x1}" y="{y1}" width="{max(0.5, x2 - x1 - 1):.1f}" '
            f'height="{y2 - y1:.1f}"><title>{left:.3g}…{right:.3g}: {count}</title></rect>'
        )
    return frame.draw(body, x_label=x_label, y_label="cases", title=title)


def scatter(
    points: Sequence[tuple[str, float, float, float, float]],
    *,
    x_label: str,
    y_label: str,
    title: str,
) -> str:
    """Named points (name, x, y, low, high) with the interval of y; y is a share."""
    most = max((x for _, x, _, _, _ in points), default=1.0)
    frame = _Frame((0, most * 1.15 or 1), (0, 1))
    body = ""
    for name, x, y, low, high in points:
        (px, py), (_, bottom), (_, top) = frame.at(x, y), frame.at(x, low), frame.at(x, high)
        # A label on the right half is written to the left, so that it stays inside.
        left = px > WIDTH / 2
        body += (
            f'<path class="line" d="M{px} {bottom}V{top}"/>'
            f'<circle class="dot" cx="{px}" cy="{py}" r="4"/>'
            f'<text x="{px - 8 if left else px + 8}" y="{py + 4}" '
            f'text-anchor="{"end" if left else "start"}">{escape(name)}</text>'
        )
    return frame.draw(body, x_label=x_label, y_label=y_label, title=title)
