"""Which of the sentences that answer are quoted, and in what order. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

from chatbot.grounding import content_overlap
from chatbot.language import fold
from chatbot.questions import Question
from chatbot.records import Evidence

MOST = 3
FURTHER = 0.1
"""Share of the best sentence's score that a further one must have to be quoted too."""
SAME = 0.8
"""Sentences that are more alike than this answer the same questions."""
_SOMEBODY = re.compile(r"\b(?:he|she|his|her|him|il|elle|lui|son|sa|ses)\b")


def choose_quotes(
    question: Question,
    evidence: Sequence[Evidence],
    most_words: int,
    alike: Callable[[int, int], float],
    needed: Sequence[Evidence] = (),
) -> list[Evidence]:
    """The sentences that are quoted, best first: at most three, within a number of words.

    Each must say something else than those before it, and be nearly as good as the first, unless
    it is needed.

    Args:
        question: as read.
        evidence: best first, not empty.
        most_words: of all quotes together; the best one is quoted whatever its length.
        alike: how much two sentences, by their rows in the index, say the same, 0…1.
        needed: sentences that each answer a part of the question.
    """
    best = evidence[0]
    chosen = _with_whom(question, best, most_words)
    required = {item.row for item in needed}
    for item in chain(needed, evidence[1:]):
        if len(chosen) == MOST:
            break
        if item.row not in required and item.score < best.score * FURTHER:
            continue
        if _length([*chosen, item]) > most_words or any(_same(item, o, alike) for o in chosen):
            continue
        chosen.append(item)
    return chosen


def _with_whom(question: Question, item: Evidence, most_words: int) -> list[Evidence]:
    """The quote behind the sentence before it, where that says who "he" is and this is asked."""
    place = item.passage.sentences.index(item.sentence)
    if question.wants != "person" or not place or not _SOMEBODY.search(fold(item.sentence.text)):
        return [item]
    before = replace(item, sentence=item.passage.sentences[place - 1], row=item.row - 1)
    both = [before, item]
    return both if _length(both) <= most_words else [item]


def _same(item: Evidence, other: Evidence, alike: Callable[[int, int], float]) -> bool:
    return (
        content_overlap(item.sentence.text, [other.sentence.text]) > 0.8
        or alike(item.row, other.row) > SAME
    )


def _length(quotes: Sequence[Evidence]) -> int:
    return sum(len(item.sentence.text.split()) for item in quotes)
