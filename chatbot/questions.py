"""Reading a question: its words, names, figures, the type of answer it wants, its day. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal

from chatbot.dates import DateSpan, find_dates
from chatbot.grounding import Name, find_names
from chatbot.language import content_words, detect, fold, stem
from chatbot.records import Language

MAX_CHARACTERS = 2_000
"""What is read of a question; the rest of a longer one is dropped and said so nowhere else."""

Wants = Literal["figure", "date", "person", "other"]
Relation = Literal["on", "before", "after"]

_WANTS: tuple[tuple[Wants, re.Pattern[str]], ...] = (
    (
        "date",
        re.compile(
            r"\b(when|what (?:day|date|year|month)|which (?:day|date|year|month)|on what|"
            r"since when|how recent|release date|quand|"
            r"quel(?:le)? (?:jour|date|annee|mois)|depuis quand|en quelle annee|a quelle date)\b"
        ),
    ),
    (
        "figure",
        re.compile(
            r"\b(how (?:many|much|big|large|long|old|fast|high|often|far|expensive)|what (?:share|"
            r"percentage|proportion|fraction|number|amount|size|score|price|cost|rank)|combien|"
            r"quel(?:le)? (?:part|pourcentage|proportion|nombre|montant|taille|score|prix|cout|"
            r"rang)|size of|number of|amount of|count of|how\s+\w+\s+is)\b"
        ),
    ),
    ("person", re.compile(r"\b(who|whom|whose|which (?:person|judge|author)|qui|a qui|de qui)\b")),
)
# Beginnings of words, or whole words where the beginning is that of others: "Google", "partner".
_UNIT_WORDS = {
    "dollar": r"dollar|usd|money|spend|cost|price|budget|depens|couts?\b|prix|invest|capex|revenue|"
              r"income|profit|revenu|benefice",
    "percent": r"percent|share|proportion|pourcentage|parts?\b|rates?\b",
    "gigabyte": r"memory|gb\b|ram\b|disk|memoire|file size|go\b",
}  # fmt: skip


_ASKING = (
    r"who|whom|whose|what|which|when|where|why|how|qui|que|quoi|quel\w*|quand|où|pourquoi|comment|"
    r"combien|lequel|laquelle|lesquel\w*"
)
_BEFORE_ASKING = (
    r"by|in|on|from|at|for|to|with|of|since|until|did|does|do|is|was|were|are|has|have|can|"
    r"à|de|en|par|pour|sur|avec|depuis|dans|sous|jusqu'à"
)
# "..., and how long", "... et depuis quand": where a second question begins.
_NEXT_PART = re.compile(
    rf"(?:\s*[,;]\s*|\s+)(?:and|but|then|et|mais|puis)\s+"
    rf"(?=(?:(?:{_BEFORE_ASKING})\s+)?(?:{_ASKING})\b)",
    re.IGNORECASE,
)
# "Which came first, the licence or the model?", "Entre Scout et Maverick, lequel ..."
_EITHER = re.compile(
    r"(?P<asked>.+?)\s*[,:]\s*(?P<one>[^,:]+?),?\s+(?:or|ou)\s+(?P<other>[^,:?]+?)\s*\?*",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r"(?:between|entre)\s+(?P<one>[^,:]+?)\s+(?:and|et)\s+(?P<other>[^,:]+?)\s*,\s*(?P<asked>.+)",
    re.IGNORECASE,
)
_OR = re.compile(r",?\s+(?:or|ou)\s+(?:the\s+|l[ea]s?\s+|l['’])?", re.IGNORECASE)
# "... higher or lower than Scout": what stands behind is compared with what stands before.
_THAN = re.compile(
    r"(?:(?P<alone>.+?)(?:\s+or\s+\w+)?\s+than"
    r"|(?P<seul>.*\b(?:plus|moins|davantage|supérieure?s?|inférieure?s?|meilleure?s?)\b.*?)"
    r"(?:\s+ou\s+\w+)?\s+qu(?:e\s|'|’))\s*(?P<other>[^,?]+?)\s*\?*",
    re.IGNORECASE,
)
_OPPOSITE = re.compile(r"[a-z]+")
_CARRIED = re.compile(r"\s*\([^()]*\)$")
_FEWEST_WORDS = 3
"""Fewer words are no question of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A standalone question as the program reads it."""

    text: str
    language: Language
    words: tuple[str, ...]
    """Folded content words, in order, without repeats."""
    stems: frozenset[str]
    """Stems of the words in both languages."""
    names: tuple[Name, ...]
    versions: frozenset[str]
    """Version-like words: "3.1", "405b", "4"."""
    wants: Wants
    unit: str
    """Unit that a wanted figure should have; empty when any will do."""
    as_of: DateSpan | None
    """The days that the question is about; None when it names none."""
    relation: Relation
    """How the answer's day lies to `as_of`."""


def normalise(text: str) -> str:
    """A question as one line of printable characters, composed, cut to what is read of it."""
    composed = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    printable = "".join(
        c if c.isprintable() else " " for c in composed if unicodedata.category(c) != "Cf"
    )
    return " ".join(printable.split())[:MAX_CHARACTERS]


def read_question(text: str, *, today: date, language: Language | None = None) -> Question:
    """Read a standalone question.

    Args:
        text: normalised.
        today: day from which "last year" and dates without a year are counted.
        language: known from the conversation; found from the text when not given.
    """
    folded = fold(text)
    found = tuple(dict.fromkeys(content_words(text)))
    span, relation = _constraint(text, folded, today)
    return Question(
        text=text,
        language=language or detect(text),
        words=found,
        stems=frozenset(stem(word, lang) for word in found for lang in ("en", "fr")),
        names=tuple(find_names(text)),
        versions=frozenset(word for word in found if word[0].isdigit() or word[-1:].isdigit()),
        wants=wanted(folded),
        unit=_unit(folded),
        as_of=span,
        relation=relation,
    )


def wanted(folded: str) -> Wants:
    """The kind of thing that a folded question asks for."""
    return next((kind for kind, pattern in _WANTS if pattern.search(folded)), "other")


def parts(question: Question) -> list[str]:
    """The questions that are asked in one, each standing alone; none if it is only one.

    A part without a name of its own gets those of the whole: it says "it" of one of them.
    """
    asked = _CARRIED.sub("", question.text)  # what a follow-up took over
    found = [part.strip(" ,;?") for part in _NEXT_PART.split(asked)]
    found = [part for part in found if len(part.split()) >= _FEWEST_WORDS]
    if len(found) < 2:
        return _compared(asked, question.names)
    names = dict.fromkeys(question.text[name.start : name.end] for name in question.names)
    return [part if find_names(part) else carry(part, " ".join(names)) for part in found]


def _compared(asked: str, names: Sequence[Name]) -> list[str]:
    """What is asked of each of two things that are compared; nothing if none are."""
    if between := _BETWEEN.fullmatch(asked):
        return [f"{between[side]}, {between['asked']}" for side in ("one", "other")]
    for first, second in pairwise(names):
        if _OR.fullmatch(asked[first.end : second.start]):
            return [
                asked[: first.end] + asked[second.end :],
                asked[: first.start] + asked[second.start :],
            ]
    if than := _THAN.fullmatch(asked):
        alone, other = f"{than['alone'] or than['seul']}?", than["other"]
        if len(other.split()) >= _FEWEST_WORDS:
            return [alone, f"{other}?"]
        if names and names[0].end < len(alone) and names[-1].start >= than.start("other"):
            return [alone, alone[: names[0].start] + other + alone[names[0].end :]]
    either = _EITHER.fullmatch(asked)
    if either and not _OPPOSITE.fullmatch(either["other"]):
        return [f"{either['asked']}, {either[side]}?" for side in ("one", "other")]
    return []


def carry(question: str, words: str) -> str:
    """A question with words of an earlier one behind it, so that it stands alone."""
    return f"{question.rstrip()} ({words})" if words else question


def _unit(folded: str) -> str:
    for unit, marks in _UNIT_WORDS.items():
        if re.search(rf"\b(?:{marks})", folded):
            return unit
    return ""


def _constraint(text: str, folded: str, today: date) -> tuple[DateSpan | None, Relation]:
    """The day or interval that a question asks about, and whether before, after or on it."""
    spans = find_dates(text, reference=today)
    if not spans:
        if re.search(r"\b(last year|l'an dernier|l'annee derniere)\b", folded):
            year = today.year - 1
            return DateSpan(date(year, 1, 1), date(year, 12, 31), 0, 0), "on"
        if re.search(r"\b(this year|cette annee)\b", folded):
            return DateSpan(date(today.year, 1, 1), date(today.year, 12, 31), 0, 0), "on"
        return None, "on"
    span = spans[0]
    before = fold(text[: span.start])[-24:]
    if re.search(r"\b(before|prior to|avant|until|jusqu'a|up to)\s+(?:the\s+|le\s+|l')?$", before):
        return span, "before"
    if re.search(r"\b(after|since|apres|depuis|a partir de|from)\s+(?:the\s+|le\s+|l')?$", before):
        return span, "after"
    return span, "on"
