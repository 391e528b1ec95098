"""The words of texts as sparse rows: stems, their translations and, of questions, pairs of words.

What is asked of a thing often stands in words that carry no meaning by themselves ("how long",
"who did", "by what"), which stems leave out; pairs of neighbouring words keep them.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from chatbot.caches import Arrays
from chatbot.language import words
from chatbot.lexicon import question_stems, translated_stems

Terms = tuple[Collection[str], Collection[str]]
"""A text's own terms, and those that stand beside them: its stems in the other language."""
_START = "^"
SOURCES = ("vocabulary.py", "language.py", "lexicon.py", "lexicon.tsv")
"""What says which words a text has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Terms with their columns and weights by rarity, ln((texts + 1) / (having it + 0.5))."""

    columns: Mapping[str, tuple[int, float]]
    """Column and weight of each term."""

    @classmethod
    def of(cls, texts: Sequence[Terms], least: int = 1) -> Vocabulary:
        """The texts' own terms that stand in at least that many of them."""
        having = Counter(term for own, _ in texts for term in set(own))
        kept = sorted(term for term, count in having.items() if count >= least)
        weights = (math.log((len(texts) + 1) / (having[term] + 0.5)) for term in kept)
        return cls(columns=dict(zip(kept, enumerate(weights), strict=True)))

    def rows(self, texts: Sequence[Terms]) -> csr_matrix:
        """Weights of each text's known terms, shape (texts, terms); its own have unit length."""
        columns: list[int] = []
        weights: list[float] = []
        starts = [0]
        for own, beside in texts:
            known = [self.columns[term] for term in sorted(set(own)) if term in self.columns]
            length = math.sqrt(sum(weight**2 for _, weight in known)) or 1.0
            known += [self.columns[term] for term in sorted(set(beside)) if term in self.columns]
            columns += [column for column, _ in known]
            weights += [weight / length for _, weight in known]
            starts.append(len(columns))
        shape = (len(texts), len(self.columns))
        return csr_matrix((weights, columns, starts), shape, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedTexts:
    """Texts as rows of weighted terms, with the vocabulary that was counted in them."""

    vocabulary: Vocabulary
    rows: csr_matrix
    """Shape (texts, terms)."""

    @classmethod
    def of(cls, texts: Sequence[Terms], least: int = 1) -> WeightedTexts:
        """Texts with the terms that stand in at least that many of them."""
        vocabulary = Vocabulary.of(texts, least)
        return cls(vocabulary=vocabulary, rows=vocabulary.rows(texts))

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> WeightedTexts:
        """What `arrays` was made of."""
        columns = enumerate(arrays["weights"].tolist())
        vocabulary = Vocabulary(columns=dict(zip(arrays["terms"].tolist(), columns, strict=True)))
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        shape = (len(arrays["indptr"]) - 1, len(vocabulary.columns))
        return cls(vocabulary=vocabulary, rows=csr_matrix(parts, shape))

    def arrays(self) -> Arrays:
        """All of it, for keeping it in a file."""
        return {
            "terms": np.array(list(self.vocabulary.columns), dtype=np.str_),
            "weights": np.array([weight for _, weight in self.vocabulary.columns.values()]),
            "data": self.rows.data,
            "indices": self.rows.indices,
            "indptr": self.rows.indptr,
        }


@cache
def source_key(files: tuple[str, ...]) -> str:
    """Changes with the code that says what is counted in a text."""
    here = Path(__file__).parent
    return hashlib.sha256(b"".join((here / name).read_bytes() for name in files)).hexdigest()


def stems_of(text: str) -> Terms:
    """The stems of a text and their translations."""
    return question_stems(text), translated_stems(text)


def with_pairs(text: str, stems: Terms) -> Terms:
    """A text's stems and the pairs of its neighbouring words, the first of which begins it."""
    own, beside = stems
    pairs = [f"{first} {second}" for first, second in pairwise((_START, *words(text)))]
    return [*own, *pairs], beside
