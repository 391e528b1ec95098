"""A small chart of a quantity over time, as inline SVG. Pure."""

from __future__ import annotations

from datetime import date
from html import escape
from math import log

from chatbot.figures import Figure, find_figures
from chatbot.records import Answer, Language
from chatbot.web.words import day_words, say

LEAST_DATES = 3
WIDTH, HEIGHT = 560, 150
_SIDE, _TOP, _BOTTOM = 12, 34, 26

Values = dict[date, tuple[float, str]]


def timeline(answer: Answer, language: Language) -> str:
    """The values of an answer's quantity by day; empty below three dates that can be drawn."""
    values = _values(answer)
    if len(values) < LEAST_DATES:
        return ""
    days = sorted(values)
    span = (days[-1] - days[0]).days
    most = max(size for size, _ in values.values()) or 1.0
    marks, path, spoken = [], [], []
    for place, day in enumerate(days):
        size, text = values[day]
        x = _SIDE + (day - days[0]).days / span * (WIDTH - 2 * _SIDE)
        # From zero: a chart that starts higher makes every rise look steep.
        y = HEIGHT - _BOTTOM - size / most * (HEIGHT - _TOP - _BOTTOM)
        anchor = "start" if place == 0 else "end" if place == len(days) - 1 else "middle"
        written = day_words(day, language)
        path.append(f"{x:.1f},{y:.1f}")
        spoken.append(f"{written}: {text}")
        marks.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(spoken[-1])}</title></circle>'
            f'<text x="{x:.1f}" y="{y - 10:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
        )
        if place in (0, len(days) - 1):
            marks.append(
                f'<text class="day" x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">'
                f"{escape(written)}</text>"
            )
    label = escape(f"{say(language, 'timeline')}. {'; '.join(spoken)}")
    base = HEIGHT - _BOTTOM
    return (
        f'<svg class="timeline" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f'<line x1="{_SIDE}" x2="{WIDTH - _SIDE}" y1="{base}" y2="{base}"></line>'
        f'<polyline points="{" ".join(path)}"></polyline>{"".join(marks)}</svg>'
    )


def _values(answer: Answer) -> Values:
    """The answer's own value and the others by day; on one day the first that is named."""
    values: Values = {}
    figures: list[Figure] = []
    for other in answer.other_values:
        found = find_figures(other.value, lang=answer.language)
        if other.as_of and found:
            figures.append(found[0])
            values.setdefault(other.as_of, (_middle(found[0]), other.value))
    if figures and answer.as_of and answer.citations:
        text = answer.citations[0].text
        own = [figure for figure in find_figures(text) if figure.unit == figures[-1].unit]
        if own:
            wanted = max(_middle(figures[-1]), 1e-9)
            nearest = min(own, key=lambda figure: abs(log(max(_middle(figure), 1e-9) / wanted)))
            # The answer's day is its own, whatever another document says of it.
            values[answer.as_of] = (_middle(nearest), text[nearest.start : nearest.end])
    return values


def _middle(figure: Figure) -> float:
    return (figure.low + figure.high) / 2
