"""What supports what: figures, dates and names of a sentence against the sentences it cites.

A sentence is supported when each of its figures, dates and names stands in one of the source
sentences, none has changed places with another, negation agrees, and enough of its remaining
words are the source's. Deterministic, no model. Knows nothing of retrieval or prompts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chatbot.dates import DateSpan, find_dates
from chatbot.figures import Figure, find_figures
from chatbot.language import ALL_STOP_WORDS, fold, stem, words

MIN_CONTENT = 0.7
"""Share of a drafted sentence's content words that its sources must hold. Below 0.6 the drafts of
the default model that were wrong without a wrong figure began to pass."""

_CAPITALISED = r"[A-ZÀ-ÞŒ](?:[\w&-]|[’'](?!s\b)(?=\w))*(?:\.\d+)*"
_VERSION = r"\d+(?:\.\d+)?[A-Za-z]?\b(?![.,]\d|[ \u00a0]?%)"
_LINK = r"(?:of|de|du|des|v\.)(?=[ \u00a0][A-ZÀ-ÞŒ])"
_NAME = re.compile(rf"(?<!\w){_CAPITALISED}(?:[ \u00a0](?:{_CAPITALISED}|{_VERSION}|{_LINK}))*")
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|without|cannot|nobody|nothing|denied|refus\w+|fail\w*|"
    r"ne|n'|pas|aucune?s?|jamais|sans|ni|rien)\b|n't\b"
)
_CALENDAR = frozenset(
    fold(word)
    for word in [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
        "lundi",
        "mardi",
        "mercredi",
        "jeudi",
        "vendredi",
        "samedi",
        "dimanche",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A capitalised name as folded words: "Mark Zuckerberg" → ("mark", "zuckerberg")."""

    parts: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What a check found."""

    supported: bool
    reason: str
    """Empty when supported; else what is missing, in words a user can read."""
    content: float
    """Share of the content words that the sources hold, 0…1."""


def find_names(text: str) -> list[Name]:
    """Capitalised names, versions included ("Llama 3.1"); common words that open a sentence not."""
    names = []
    undated = text
    for span in find_dates(text):
        undated = undated[: span.start] + "_" * (span.end - span.start) + undated[span.end :]
    for match in _NAME.finditer(undated):
        parts = words(match[0])
        start = match.start()
        opens = not text[:start].strip(" «“\"'(-") or text[:start].rstrip(" «“\"'(")[-1:] in ".!?:"
        while parts and (parts[0] in ALL_STOP_WORDS or parts[0] in _CALENDAR):
            parts, opens = parts[1:], False
        while parts and (parts[-1] in ALL_STOP_WORDS or parts[-1] in _CALENDAR):
            parts = parts[:-1]
        if not parts or (opens and len(parts) == 1 and match[0][1:].islower()):
            continue
        if all(part.isdigit() for part in parts):
            continue
        names.append(Name(parts=tuple(parts), start=start, end=match.end()))
    return names


def unsupported_items(sentence: str, sources: Sequence[str], *, context: str = "") -> list[str]:
    """Figures, dates and names of a sentence that none of the source sentences holds, verbatim.

    Args:
        sentence: what is claimed.
        sources: the cited source sentences.
        context: text around them, for full names ("Mark Zuckerberg") that a source shortens.
    """
    figures = [figure for source in sources for figure in find_figures(source)]
    dates = [span for source in sources for span in find_dates(source)]
    missing = [
        sentence[figure.start : figure.end]
        for figure in find_figures(sentence)
        if not any(figure.stands_in(other) for other in figures)
    ]
    missing += [
        sentence[span.start : span.end]
        for span in find_dates(sentence)
        if not any(span.contains(other) for other in dates)
    ]
    source_words = [words(source) for source in sources]
    context_words = words(context)
    missing += [
        sentence[name.start : name.end]
        for name in find_names(sentence)
        if not any(_name_stands_in(name, found, context_words) for found in source_words)
    ]
    return missing


def check(sentence: str, sources: Sequence[str], *, context: str = "") -> Support:
    """Whether a drafted sentence says only what the source sentences say.

    Args:
        sentence: the draft.
        sources: source sentences, verbatim.
        context: text around them, for full names that a source shortens.
    """
    content = content_overlap(sentence, sources)
    missing = unsupported_items(sentence, sources, context=context)
    if missing:
        return Support(
            supported=False, reason=f"not in the cited text: {', '.join(missing)}", content=content
        )
    if _negations(sentence) != any(_negations(source) for source in _closest(sentence, sources)):
        return Support(supported=False, reason="negation differs", content=content)
    if _order_differs(sentence, sources):
        return Support(
            supported=False, reason="figures or names have changed places", content=content
        )
    if content < MIN_CONTENT:
        return Support(
            supported=False,
            reason=f"only {content:.0%} of its words are the source's",
            content=content,
        )
    return Support(supported=True, reason="", content=content)


def content_overlap(sentence: str, sources: Sequence[str]) -> float:
    """Share of the sentence's content stems that stand in the sources; 1 for none."""
    wanted = {_root(word) for word in words(sentence) if word not in ALL_STOP_WORDS}
    held = {_root(word) for source in sources for word in words(source)}
    return len(wanted & held) / len(wanted) if wanted else 1.0


def _root(word: str) -> str:
    """One stem for both languages, so that a French draft meets a French source either way."""
    return stem(stem(word, "en"), "fr")


def _closest(sentence: str, sources: Sequence[str]) -> list[str]:
    return sorted(sources, key=lambda source: -content_overlap(sentence, [source]))[:1]


def _negations(text: str) -> bool:
    return bool(_NEGATION.search(fold(text)))


def _name_stands_in(name: Name, source: Sequence[str], context: Sequence[str]) -> bool:
    """All words of a name are in the source; with a version in it, as one run.

    A full name stands in a source that has only its last part, if the context holds the whole.
    """
    if any(any(c.isdigit() for c in part) for part in name.parts):
        return _runs_in(name.parts, source)
    if all(part in source for part in name.parts):
        return True
    return len(name.parts) > 1 and name.parts[-1] in source and _runs_in(name.parts, context)


def _runs_in(parts: Sequence[str], sequence: Sequence[str]) -> bool:
    length = len(parts)
    return any(
        tuple(sequence[i : i + length]) == tuple(parts) for i in range(len(sequence) - length + 1)
    )


def _order_differs(sentence: str, sources: Sequence[str]) -> bool:
    """Two figures, or a figure and a name, are tied otherwise than in the source.

    Only where the source has several of both can they be mixed up: then the figures must come
    in the source's order, and each must follow the name that it follows there.
    """
    source = _closest(sentence, sources)
    if not source:
        return False
    drafted, held = _items(sentence), _items(source[0])
    if len({f for _, f in held if f}) < 2 or not any(figure for _, figure in drafted):
        return False
    order = [figure for _, figure in held]
    position = 0
    for _, figure in drafted:
        if figure in order:
            if figure not in order[position:]:
                return True
            position = order.index(figure, position)
    subjects: dict[str, set[str]] = {}
    for name, figure in held:
        subjects.setdefault(figure, set()).add(name)
    names = {name for name, _ in held}
    if len(names) < 2:
        return False
    return any(
        name in names and figure in subjects and name not in subjects[figure]
        for name, figure in drafted
    )


def _items(text: str) -> list[tuple[str, str]]:
    """(last name before it, figure) of each figure, as comparable strings."""
    names = find_names(text)
    pairs = []
    for figure in find_figures(text):
        before = [name for name in names if name.end <= figure.start]
        subject = " ".join(before[-1].parts) if before else ""
        pairs.append((subject, f"{figure.low}-{figure.high}"))
    return pairs


__all__ = [
    "DateSpan",
    "Figure",
    "Name",
    "Support",
    "check",
    "content_overlap",
    "find_dates",
    "find_figures",
    "find_names",
    "unsupported_items",
]
