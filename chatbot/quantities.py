"""One quantity at several times: which statement holds for the question, and the other values.

Asked for a day, sentences that speak of later days stand behind those that do not. Without a day in
the question the newest statement wins, but only over statements of the same quantity; with one, the
newest that was known on that day. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from chatbot.figures import Figure, find_figures
from chatbot.grounding import find_dates
from chatbot.language import ALL_STOP_WORDS, stem, words
from chatbot.questions import Question
from chatbot.records import Evidence, OtherValue

MIN_SCORE = 0.01
"""A statement takes part when its score is at least this share of the best one's: the older values
of a quantity score low, for they do not answer, and below it come figures of other things."""
LATER = 0.2
"""What a sentence keeps of its score that speaks of days after the one that is asked about."""
MAX_RATIO = 4.0
"""Two values further apart than this are hardly the same quantity at two times."""
_GENERIC = frozenset({
    "many", "much", "number", "amount", "time", "times", "total", "count", "big", "large", "meta",
    "llama", "ai", "model", "models", "fois", "combien", "nombre", "montant", "figure", "value",
    "plan", "planned", "plans",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A sentence that gives the asked quantity, its value and the day for which it holds."""

    evidence: Evidence
    figure: Figure
    day: date


def prefer_current(
    question: Question, evidence: Sequence[Evidence]
) -> tuple[list[Evidence], tuple[OtherValue, ...]]:
    """Move the statement that holds for the question to the front; list the other values.

    Returns:
        The evidence in its new order, and the values that other statements of the same quantity
        give, oldest first; none when the question asks for no quantity.
    """
    ordered = _known_by_then(question, evidence)
    statements = _statements(question, ordered)
    if len(statements) < 2:
        return ordered, ()
    eligible = [item for item in statements if _allowed(question, item.day)] or statements
    newest = max(eligible, key=lambda item: (item.day, item.evidence.score))
    # Of the sentences that give this value, the one that answers best, not the last to repeat it.
    current = max(
        (item for item in eligible if item.figure.same_value(newest.figure)),
        key=lambda item: (
            item.day == _own_day(item.evidence),
            round(item.evidence.score, 2),
            item.day,
        ),
    )
    best = ordered[0].score
    rest = [item for item in ordered if item is not current.evidence]
    same = {id(item.evidence) for item in statements if item is not current}
    # Other values of the quantity are listed beside the answer, not quoted within it.
    kept = [item for item in rest if id(item) not in same]
    lead = replace(current.evidence, score=max(best, current.evidence.score))
    return [lead, *kept], _others(current, statements)


def _known_by_then(question: Question, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Evidence with what was said after the asked day, or month, further behind."""
    asked = question.as_of
    if asked is None or question.relation != "on" or (asked.last - asked.first).days > 31:
        return list(evidence)
    known = [
        item if (day := _day(item)) is None or _allowed(question, day)
        else replace(item, score=item.score * LATER)
        for item in evidence
    ]  # fmt: skip
    return sorted(known, key=lambda item: -item.score)


def _statements(question: Question, evidence: Sequence[Evidence]) -> list[Statement]:
    """The sentences that state what the best one states, each with its value and day."""
    if question.wants != "figure" or not evidence:
        return []
    day_words = _day_words(question)
    measured = {
        stem(word, "en")
        for word in question.words
        if word not in _GENERIC | day_words | _named(question) and not word[0].isdigit()
    }
    versions = question.versions - day_words
    # Behemoth's parameters are not Maverick's: a name that the best sentences hold is demanded.
    names = {stem(name, "en") for name in _named(question) - _GENERIC - day_words}
    names -= _absent(names, evidence)
    if not measured:
        return []
    floor = evidence[0].score * MIN_SCORE
    statements: list[Statement] = []
    for item in evidence:
        if item.score < floor:
            break
        day = _day(item)
        held = {stem(word, "en") for word in words(item.sentence.text)}
        heading = words(f"{item.passage.title} {item.passage.section}")
        around = held | {stem(word, "en") for word in heading if word not in ALL_STOP_WORDS}
        if (
            day is None
            or not measured & held
            or not measured | names <= around | _absent(measured, evidence)
        ):
            continue
        if not versions <= set(words(item.sentence.text)) | set(heading):
            continue
        figure = _asked_figure(question, item.sentence.text, measured)
        if figure is None:
            continue
        if statements and not _comparable(figure, statements[0].figure):
            continue
        statements.append(Statement(evidence=item, figure=figure, day=day))
    return statements


def _day_words(question: Question) -> set[str]:
    """The words of the day, or month, of a question: when it is asked for, and not of what.

    A year or a quarter is what the spending was in, so a statement must name it.
    """
    day = question.as_of
    if day is None or (day.last - day.first).days > 31:
        return set()
    return set(words(question.text[day.start : day.end]))


def _named(question: Question) -> set[str]:
    return {part for name in question.names for part in name.parts}


def _absent(measured: set[str], evidence: Sequence[Evidence]) -> set[str]:
    """Asked words that not even the best evidence has: they must not be demanded of the others."""
    held = {
        stem(word, "en")
        for item in evidence[:3]
        for word in words(f"{item.passage.title} {item.passage.section} {item.sentence.text}")
    }
    return measured - held


def _asked_figure(question: Question, text: str, measured: set[str]) -> Figure | None:
    """The figure of a sentence that stands nearest to what is measured."""
    asked = find_figures(question.text)
    candidates = [
        figure
        for figure in find_figures(text)
        if not any(figure.same_value(other) for other in asked)
        and (not question.unit or figure.unit == question.unit or not figure.unit)
    ]
    if not candidates:
        return None
    positions = [
        match.start()
        for word in {match[0] for match in re.finditer(r"\w+", text)}
        if {stem(part, "en") for part in words(word)} & measured
        and (match := re.search(rf"\b{re.escape(word)}\b", text))
    ]
    anchor = positions or [0]
    return min(
        candidates,
        key=lambda figure: (
            figure.high < 1_000 and figure.unit == "",
            min(abs(figure.start - position) for position in anchor),
        ),
    )


def _comparable(figure: Figure, other: Figure) -> bool:
    if figure.unit != other.unit and figure.unit and other.unit:
        return False
    low, high = sorted((abs(figure.high) or 1e-9, abs(other.high) or 1e-9))
    return high / low <= MAX_RATIO


def _day(item: Evidence) -> date | None:
    """The day for which a sentence speaks: the last day it names, else its document's."""
    published = item.passage.published
    spans = [
        span
        for span in find_dates(item.sentence.text)
        if published is None or span.first <= published
    ]
    known = item.passage.as_of or published
    exact = [span.last for span in spans if (span.last - span.first).days <= 31]
    if not exact:
        return known
    # "Early December" ends on the 11th, but nobody wrote of it after the document's own day.
    return min(max(exact), known) if known else max(exact)


def _own_day(item: Evidence) -> date | None:
    """The exact day that a sentence itself names; None when it leaves that to its document."""
    exact = [span.last for span in find_dates(item.sentence.text) if span.first == span.last]
    return max(exact) if exact else None


def _allowed(question: Question, day: date) -> bool:
    if question.as_of is None:
        return True
    if question.relation == "after":
        return day >= question.as_of.first
    if question.relation == "before":
        return day < question.as_of.first
    # What was spent in a year is known after it; the statement must name the year (`_statements`).
    return day <= question.as_of.last or (question.as_of.last - question.as_of.first).days > 31


def _others(current: Statement, statements: Sequence[Statement]) -> tuple[OtherValue, ...]:
    listed: list[Statement] = []
    for item in sorted(statements, key=lambda statement: statement.day):
        known = [current, *listed]
        if any(item.figure.same_value(other.figure) for other in known):
            continue
        listed.append(item)
    return tuple(
        OtherValue(
            as_of=item.day,
            value=item.evidence.sentence.text[item.figure.start : item.figure.end],
            doc=item.evidence.passage.doc,
            start=item.evidence.sentence.start,
            end=item.evidence.sentence.end,
            text=item.evidence.sentence.text,
        )
        for item in listed
    )
