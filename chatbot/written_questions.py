"""Questions written beforehand for a docs folder, like the index at the back of a book.

A docs folder may hold `questions.jsonl`, in the format of evaluation cases: questions with the
sentences that answer them, and questions that the documents come near to without answering. A new
question resembles a written one far more than it resembles the sentence that answers it, so its
neighbours tell where the answer stands, and whether there is one: a small model could tell neither
from the sentences alone (DECISIONS.md). Expanding documents by questions is Nogueira et al. 2019
(doc2query); these were written by hand, so that those without an answer could be written too.
A folder without the file is searched without its help.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from chatbot.embedding import DIMENSIONS, Embedder, Vectors
from chatbot.index import Index, unit_rows
from chatbot.language import fold
from chatbot.lexicon import question_stems, translated_stems

FILE_NAME = "questions.jsonl"
NEAREST = 30
"""Neighbours that are asked whether they are answered. 3, 8, 15 and 30 tell the near misses of
llama-dev from its answerable questions with an AUROC of .863, .888, .894 and .908."""
WORDS = 0.1
"""Weight of shared words beside the cosine of the vectors, which blur names and numbers: 0, 0.05,
0.1 and 0.2 find a gold sentence of llama-dev among the first five by .621, .632, .663 and .684."""
FAR = 0.85
"""Similarity of questions that have nothing in common but being questions."""
MIN_VOTERS = 200
"""Fewer written questions lead to sentences, but have too few neighbours for a share to mean much:
a folder with three of them, two unanswered, would refuse everything."""
_SLICE = 64
_SHARPNESS = 20.0
"""How fast a neighbour's word loses weight with distance: 0.035 of cosine less halves it."""

Problem = tuple[str, str]
"""(file, what is wrong with it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenQuestion:
    """One question with what answers it; without evidence it is one that nothing answers."""

    text: str
    evidence: tuple[tuple[str, str], ...]
    """(document, quote) of each sentence that answers."""
    about: str | None
    """Document that comes near to an unanswered question."""
    plain: bool
    """A plain question that many ask: it leads to its answer and decides for its like, but does
    not vote, because nobody writes as many plain questions that have no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenQuestions:
    """The questions of a folder tied to the sentences of an index. Row i of all fields is one."""

    texts: tuple[str, ...]
    vectors: Vectors
    """Shape (questions, 384), unit length, embedded as questions."""
    answered: NDArray[np.bool_]
    """Whether the documents answer it, shape (questions,)."""
    votes: NDArray[np.bool_]
    """Whether it counts among the neighbours of others, shape (questions,)."""
    sentences: tuple[frozenset[int], ...]
    """Rows of the index's sentences that answer it."""
    documents: frozenset[str]
    """Documents that questions were written for."""

    words: csr_matrix
    """Stems weighted by rarity, unit length, shape (questions, stems)."""
    stems: Mapping[str, tuple[int, float]]
    """Column and weight of each stem."""

    @property
    def tell_refusals(self) -> bool:
        """There are enough of them, with and without an answer, to say what is not answered."""
        return bool(self.votes.sum() >= MIN_VOTERS and (self.votes & ~self.answered).any())

    def nearest(self, text: str, question: Vectors) -> Neighbours:
        """Compare a question and its vector, shape (384,), with all of them."""
        if not self.texts:
            return Neighbours(similarity={}, answered=0.5, closest=0.0, margin=0.0, same=0.0)
        similarity = self.vectors @ question + WORDS * self._shared_words(text)
        by_sentence: dict[int, float] = {}
        for row in np.argsort(similarity):  # the closest is written last
            if self.answered[row]:
                by_sentence.update(dict.fromkeys(self.sentences[row], float(similarity[row])))
        closest = int(similarity.argmax())
        voters = np.flatnonzero(self.votes)
        near = voters[np.argsort(-similarity[voters], kind="stable")[:NEAREST]]
        weight = np.exp(_SHARPNESS * (similarity[near] - similarity[near].max(initial=0.0)))
        yes, no = near[self.answered[near]], near[~self.answered[near]]
        return Neighbours(
            similarity=by_sentence,
            answered=float((weight * self.answered[near]).sum() / max(1e-9, weight.sum())),
            closest=float(similarity[closest]),
            same=_same(float(similarity[closest]), bool(self.answered[closest])),
            margin=float(similarity[yes].max(initial=FAR) - similarity[no].max(initial=FAR)),
        )

    def _shared_words(self, text: str) -> Vectors:
        """Cosine of the weighted stems; words of the other language count by the dictionary."""
        own = [self.stems[stem] for stem in set(question_stems(text)) if stem in self.stems]
        other = [self.stems[stem] for stem in translated_stems(text) if stem in self.stems]
        length = math.sqrt(sum(weight**2 for _, weight in own)) or 1.0
        query = np.zeros(self.words.shape[1], dtype=np.float32)
        for column, weight in own + other:
            query[column] = weight / length
        shared: Vectors = self.words @ query
        return shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """What the written questions nearest to a new one say."""

    similarity: Mapping[int, float]
    """Cosine of the closest question that a sentence answers, by the sentence's row."""
    answered: float
    """Share of the nearest questions that are answered, weighted by closeness, 0…1."""
    closest: float
    """Similarity of the nearest one."""
    same: float
    """1 when the nearest one is nearly this very question and answered, -1 when it is not answered,
    0 when none is that near, with steps between."""
    margin: float
    """How much closer the nearest answered one is than the nearest unanswered one."""


def _same(closest: float, answered: bool) -> float:
    """See Neighbours.same; the same words in the same order have a similarity of 1 + WORDS."""
    likeness = min(1.0, max(0.0, (closest - 1.03) / 0.05))
    return likeness if answered else -likeness


NO_QUESTIONS = WrittenQuestions(
    texts=(),
    vectors=np.zeros((0, DIMENSIONS), dtype=np.float32),
    answered=np.zeros(0, dtype=np.bool_),
    votes=np.zeros(0, dtype=np.bool_),
    sentences=(),
    documents=frozenset(),
    words=csr_matrix((0, 0), dtype=np.float32),
    stems={},
)


def open_written_questions(
    folder: Path,
    index: Index,
    embedder: Embedder,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[WrittenQuestions, list[Problem]]:
    """Read the folder's questions, embed those not embedded before, tie them to the index.

    Lines that are broken, and quotes that no sentence of the index holds any more, are left out;
    the former are reported.
    """
    written, problems = read_written_questions(folder / FILE_NAME)
    known = _Sentences(index)
    tied: list[tuple[WrittenQuestion, frozenset[int]]] = []
    for question in written:
        rows = frozenset(
            row for doc, quote in question.evidence for row in known.holding(doc, quote)
        )
        # An answer that is gone, or a near miss of a document that is gone, says nothing.
        if rows or (not question.evidence and (question.about or "") in index.files):
            tied.append((question, rows))
    if not tied:
        return NO_QUESTIONS, problems
    texts = tuple(question.text for question, _ in tied)
    about = {question.about for question, _ in tied if question.about}
    words, stems = _weighted_words(texts)
    return WrittenQuestions(
        texts=texts,
        words=words,
        stems=stems,
        vectors=_embedded(texts, embedder, index.folder / "questions.npz", progress),
        answered=np.array([bool(rows) for _, rows in tied]),
        votes=np.array([not question.plain for question, _ in tied]),
        sentences=tuple(rows for _, rows in tied),
        documents=frozenset({doc for q, _ in tied for doc, _ in q.evidence} | about),
    ), problems


def read_written_questions(path: Path) -> tuple[list[WrittenQuestion], list[Problem]]:
    """The questions of a file, each text once, and what is wrong with its other lines."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [(path.name, f"cannot be read: {error.strerror}")]
    questions: dict[str, WrittenQuestion] = {}
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            question = _question(json.loads(line.decode("utf-8-sig")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problems.append((path.name, f"line {number} is left out: {_short(error)}"))
            continue
        questions.setdefault(question.text, question)
    return list(questions.values()), problems


def _question(data: Any) -> WrittenQuestion:
    text, evidence = data["question"].strip(), data.get("evidence") or []
    if not text:
        raise ValueError("the question is empty")
    if bool(data["answerable"]) != bool(evidence):
        raise ValueError("an answerable question has evidence, the others have none")
    return WrittenQuestion(
        text=text,
        evidence=tuple((item["doc"], item["quote"]) for item in evidence),
        about=data.get("about"),
        plain=data.get("kind") == "plain",
    )


def _short(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


class _Sentences:
    """The sentences of an index by document, as quotes are compared."""

    def __init__(self, index: Index) -> None:
        self._of: dict[str, list[tuple[int, str]]] = {}
        for row, passage in enumerate(index.passages):
            first = int(index.first_sentence[row])
            self._of.setdefault(passage.doc, []).extend(
                (first + number, _plain(sentence.text))
                for number, sentence in enumerate(passage.sentences)
            )

    def holding(self, doc: str, quote: str) -> list[int]:
        """Rows of the sentences that hold a quote, or that a longer quote is made of."""
        wanted = _plain(quote)
        return [
            row
            for row, text in self._of.get(doc, ())
            if wanted in text or (text in wanted and len(text) * 2 > len(wanted))
        ]


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[*_`]", "", fold(text)).split())


def _weighted_words(texts: Sequence[str]) -> tuple[csr_matrix, dict[str, tuple[int, float]]]:
    """Stems of each text weighted by rarity, ln((texts + 1) / (having it + 0.5)), unit length."""
    held = [sorted(set(question_stems(text))) for text in texts]
    having = Counter(stem for stems in held for stem in stems)
    weighted = {
        stem: (column, math.log((len(texts) + 1) / (count + 0.5)))
        for column, (stem, count) in enumerate(sorted(having.items()))
    }
    columns = [weighted[stem][0] for stems in held for stem in stems]
    weights = [weighted[stem][1] for stems in held for stem in stems]
    starts = np.cumsum([0, *(len(stems) for stems in held)])
    matrix = csr_matrix((weights, columns, starts), (len(texts), len(weighted)), dtype=np.float32)
    return unit_rows(matrix), weighted


def _embedded(
    texts: Sequence[str],
    embedder: Embedder,
    cache: Path,
    progress: Callable[[str, int, int], None] | None,
) -> Vectors:
    """Vectors of the questions; what the cache holds of them is not embedded again."""
    keys = [_key(text, embedder.identity) for text in texts]
    known = _cached(cache)
    missing = [text for text, key in zip(texts, keys, strict=True) if key not in known]
    for first in range(0, len(missing), _SLICE):
        if progress:
            progress(FILE_NAME, first, len(missing))
        some = missing[first : first + _SLICE]
        known |= {
            _key(text, embedder.identity): vector
            for text, vector in zip(some, embedder.questions(some), strict=True)
        }
    if progress and missing:
        progress(FILE_NAME, len(missing), len(missing))
    vectors = np.stack([known[key] for key in keys])
    if missing:
        _store(cache, keys, vectors)
    return vectors


def _key(text: str, identity: str) -> str:
    return hashlib.sha256(f"{identity}\0{text}".encode()).hexdigest()[:32]


def _cached(cache: Path) -> dict[str, Vectors]:
    try:
        with np.load(cache, allow_pickle=False) as held:
            vectors = held["vectors"].astype(np.float32)
            keys = [str(key) for key in held["keys"]]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):  # not there, or damaged
        return {}
    if vectors.shape != (len(keys), DIMENSIONS) or not np.isfinite(vectors).all():
        return {}
    return dict(zip(keys, vectors, strict=True))


def _store(cache: Path, keys: Sequence[str], vectors: Vectors) -> None:
    """Write the cache aside and put it in place; a full disk only costs the next start time."""
    aside = cache.with_name(f"{cache.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as file:
            np.savez(file, keys=np.array(keys), vectors=vectors)
        os.replace(aside, cache)
    except OSError:
        aside.unlink(missing_ok=True)
