"""Text as the metrics see it: normal forms of words, figures and dates, and what contains what."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable

from chatbot.dates import find_dates
from chatbot.figures import find_figures
from chatbot.language import fold, words

_PUNCTUATION = frozenset(string.punctuation)
_ARTICLES = frozenset(
    ["a", "an", "the", "le", "la", "les", "l", "un", "une", "des", "du", "de", "d"]
)
_DIGIT_GROUPS = re.compile(r"(?<![\d.,])\d{1,3}(?:[ ,]\d{3})+(?!\d)")
_DASHES = re.compile("[\u2010-\u2014\u2212]")
_QUOTES = re.compile("[\u201c\u201d\u00ab\u00bb]")
_NGRAM = 4


def squad_normalised(text: str) -> str:
    """Lower case, no punctuation, no English articles, single spaces.

    The normal form of the SQuAD evaluation script (Rajpurkar et al. 2016, 2018).
    """
    bare = "".join(letter for letter in text.lower() if letter not in _PUNCTUATION)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def folded(text: str) -> str:
    """Case, accents, dashes, quotes, kinds of space and digit grouping made equal.

    "1 200 000" and "1,200,000" both become "1200000".
    """
    plain = _DASHES.sub("-", _QUOTES.sub('"', fold(text)))
    plain = " ".join(plain.split())
    return _DIGIT_GROUPS.sub(lambda match: re.sub(r"[ ,]", "", match[0]), plain)


def value_words(text: str) -> list[str]:
    """Words with days and figures in one form, without articles of either language.

    "5 April 2025" and "April 5, 2025" give "20250405"; "1,2 milliard" and "1.2 billion" give
    "1200000000"; "six" gives "6"; "per cent" and "%" give "percent".
    """
    text = folded(text)
    values = [(d.start, d.end, f"{d.first:%Y%m%d}") for d in find_dates(text) if d.first == d.last]
    for figure in find_figures(text):
        ends = dict.fromkeys((figure.low, figure.high))
        written = " ".join(
            f"{value:.0f}" if value == round(value) else f"{value:g}" for value in ends
        )
        values.append((figure.start, figure.end, f"{written} {figure.unit or ''}"))
    pieces, reached = [], 0
    for start, end, value in sorted(values):
        if start >= reached:
            pieces += [text[reached:start], f" {value} "]
            reached = end
    tokens = words("".join([*pieces, text[reached:]]))
    return [token for token in tokens if token not in _ARTICLES]


def overlap_f1(prediction: list[str], gold: list[str]) -> float:
    """Harmonic mean of word precision and recall, 0…1, as SQuAD counts it.

    Where either side has no words: 1 if both have none, otherwise 0.
    """
    if not prediction or not gold:
        return float(prediction == gold)
    shared = sum((Counter(prediction) & Counter(gold)).values())
    if shared == 0:
        return 0.0
    precision, recall = shared / len(prediction), shared / len(gold)
    return 2 * precision * recall / (precision + recall)


def contains(text: str, part: str) -> bool:
    """True if `part` stands in `text` between word borders, both folded.

    "3" is neither in "13" nor in "3.1"; "$65" is in "US$65".
    """
    wanted = folded(part)
    if not wanted:
        return False
    before = r"(?<!\w)(?<!\d[.,])" if wanted[0].isalnum() else ""
    after = r"(?!\w)(?![.,]\d)" if wanted[-1].isalnum() else ""
    return re.search(before + re.escape(wanted) + after, folded(text)) is not None


def coverage(quote: str, text: str) -> float:
    """Share of the quote's runs of four words that stand in `text`, 0…1.

    A shorter quote is one run. 1 also where `text` is a piece of the quote, of at least four
    words: a citation of half a gold sentence cites it.
    """
    wanted, given = words(quote), words(text)
    length = min(_NGRAM, len(wanted), len(given))
    if length == 0 or len(given) < min(_NGRAM, len(wanted)):
        return 0.0
    held = set(_runs(given, length))
    runs = list(_runs(wanted, length))
    if set(runs) >= held:
        return 1.0
    return sum(run in held for run in runs) / len(runs)


def _runs(tokens: list[str], length: int) -> Iterable[tuple[str, ...]]:
    return (tuple(tokens[i : i + length]) for i in range(len(tokens) - length + 1))
