"""What tells questions apart that are worded alike: the numbers in them, and what they ask for.

"How many tokens does Llama 2 know?" and the same of Llama 3 differ by one sign, and so do "which
day" and "which year": vectors hardly see it, and whether there is an answer depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from chatbot.caches import Arrays
from chatbot.dates import MONTHS
from chatbot.embedding import Vectors
from chatbot.language import fold, words
from chatbot.questions import Wants, wanted
from chatbot.vocabulary import WeightedTexts

OTHER_KIND = 0.1
"""How much farther a question is that asks for another kind of thing."""
OTHER_NUMBERS, MORE_NUMBERS = 0.1, 0.05
"""How much farther one is whose numbers differ, and one that only has more or fewer of them."""
SOURCES = ("marks.py", "questions.py", "dates.py", "language.py", "vocabulary.py")
"""What says which marks a text has."""
_QUARTER = re.compile(
    r"\b(?:(first|premier)|(second|deuxieme)|(third|troisieme)|(fourth|last|quatrieme|dernier))"
    r"\s+(?:quarter|trimestre)\b"
)
_FRENCH_QUARTER = re.compile(r"^t([1-4])$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The marks of questions. Row i of both is one."""

    numbers: WeightedTexts
    """Those that each question has."""
    kinds: NDArray[np.int8]
    """What each asks for, by its place in Wants, shape (questions,)."""

    @classmethod
    def of(cls, texts: Sequence[str]) -> Marks:
        """Read questions."""
        return cls(
            numbers=WeightedTexts.of([(numbers_of(text), ()) for text in texts]),
            kinds=np.array([_kind(text) for text in texts], dtype=np.int8),
        )

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> Marks:
        """What `arrays` was made of."""
        return cls(numbers=WeightedTexts.of_arrays(arrays), kinds=arrays["kinds"])

    def arrays(self) -> Arrays:
        """All of it, for keeping it in a file."""
        return {**self.numbers.arrays(), "kinds": self.kinds}

    def distance(self, text: str) -> Vectors:
        """What makes each question unlike a new one beyond its words, shape (questions,)."""
        asked = numbers_of(text)
        held = self.numbers.rows.sign()  # which ones, not how rare they are
        shared = (held @ self.numbers.vocabulary.rows([(asked, ())]).sign().T).toarray().ravel()
        lacks = len(asked) > shared
        more = np.diff(held.indptr) > shared
        distance: Vectors = OTHER_KIND * (self.kinds != _kind(text)).astype(np.float32)
        distance += np.where(lacks & more, OTHER_NUMBERS, MORE_NUMBERS * (lacks | more))
        return distance


def numbers_of(text: str) -> frozenset[str]:
    """Words with a digit in them ("3.1", "405b"), quarters and months of a text."""
    folded = fold(text)
    found = {
        _FRENCH_QUARTER.sub(r"q\1", word) for word in words(text) if any(c.isdigit() for c in word)
    }
    months = [word for word in words(folded) if word in MONTHS]
    if not re.search(r".\bMay\b", text):
        months = [word for word in months if word != "may"]  # the verb
    found |= {f"month {MONTHS[word]}" for word in months}
    found |= {f"q{match.lastindex}" for match in _QUARTER.finditer(folded)}
    return frozenset(found)


def _kind(text: str) -> int:
    return get_args(Wants).index(wanted(fold(text)))
