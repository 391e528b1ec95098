"""Events that date a question: "before LlamaCon" is before the day that the documents give it.

Pure: the sentences that speak of the event are found by whoever asks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date

from chatbot.dates import find_dates
from chatbot.grounding import Name
from chatbot.language import fold, words
from chatbot.questions import Question, Relation

# Only words that compare two times: "at LlamaCon" says where, and asks for nothing older.
_MARKS: tuple[tuple[Relation, str], ...] = (
    ("before", "before|prior to|until|ahead of|up to|avant|jusqu'a"),
    ("after", "after|since|following|apres|depuis"),
    ("on", "at the time of|as of|au moment de|a l'epoque de|lors de"),
)
_ARTICLE = r"(?:the\s+|la\s+|le\s+|les\s+)?(?:l')?"
_FEWEST = 2
"""Sentences that must give an event's day; one may have it in passing."""


def event_of(question: Question) -> tuple[Name, Relation] | None:
    """The name that an undated question compares its time with, and how; None if there is none."""
    if question.as_of is not None:
        return None
    for name in question.names:
        before = fold(question.text[: name.start])[-30:]
        for relation, marks in _MARKS:
            if re.search(rf"\b(?:{marks})\s+{_ARTICLE}$", before):
                return name, relation
    return None


def day_of(name: Name, sentences: Sequence[str]) -> date | None:
    """The day that most of the dated sentences with that name give it; None if they differ.

    Args:
        name: of the event.
        sentences: what the documents say of it, in any order.
    """
    wanted = set(name.parts)
    days = Counter(
        span.first
        for sentence in sentences
        if wanted <= set(words(sentence))
        for span in find_dates(sentence)
        if span.first == span.last
    )
    for day, count in days.most_common(1):
        if count >= _FEWEST and count * 2 > days.total():
            return day
    return None
