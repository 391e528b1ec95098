"""Questions written beforehand for a docs folder, like the index at the back of a book.

A docs folder may hold `questions.jsonl`, in the format of evaluation cases: questions with the
sentences that answer them, and questions that the documents come near to without answering. A new
question resembles a written one far more than it resembles the sentence that answers it, so its
neighbours tell where the answer stands, and whether there is one: a small model could tell neither
from the sentences alone (DECISIONS.md). Many of them also adapt the embedder's space to the folder
(`adaptation`). Expanding documents by questions is Nogueira et al. 2019 (doc2query); these were
written by hand, so that those without an answer could be written too.
A folder without the file is searched without its help.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from chatbot import marks, vocabulary
from chatbot.adaptation import Bools, Map, Rows, Texts, adapt, kept_adaptation
from chatbot.caches import kept_arrays
from chatbot.embedding import DIMENSIONS, Embedder, Vectors
from chatbot.index import Index
from chatbot.language import fold
from chatbot.marks import Marks
from chatbot.question_file import FILE_NAME, Problem, WrittenQuestion, read_written_questions
from chatbot.question_vectors import question_vectors
from chatbot.vocabulary import Terms, Vocabulary, WeightedTexts, source_key, stems_of, with_pairs

NEAREST = 60
"""Neighbours that are asked whether they are answered."""
WORDS = 0.1
"""Weight of shared words beside the cosine of the vectors, which blur names and numbers: 0, 0.05,
0.1 and 0.2 find a gold sentence of llama-dev among the first five by .621, .632, .663 and .684."""
FAR = 0.85
"""Similarity of questions that have nothing in common but being questions, as embedded."""
MIN_VOTERS = 200
"""Fewer written questions lead to sentences, but are too few to adapt the vectors to, and have too
few neighbours for a share to mean much: a folder with three of them, two unanswered, would refuse
everything."""
KNOWN_FROM = 3
"""Questions that must have a word or a pair of words for a vector of it to be learned."""
_SHARPNESS = 30.0
"""How fast a neighbour's word loses weight with distance: 0.023 of cosine less halves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenQuestions:
    """The questions of a folder tied to the sentences of an index. Row i of all fields is one."""

    texts: tuple[str, ...]
    vectors: Vectors
    """Shape (questions, 384), unit length, embedded as questions."""
    answered: Bools
    """Whether the documents answer it, shape (questions,)."""
    votes: Bools
    """Whether it counts among the neighbours of others, shape (questions,)."""
    documents: frozenset[str]
    """Documents that questions were written for."""
    rows: Rows
    """Rows in the index of these documents' sentences."""
    ties: tuple[Rows, Rows]
    """Of each pair of a question and a sentence that answers it: the question's row, and which of
    `rows` the sentence is."""
    corrections: Rows
    """Row in the index of the sentence that contradicts what the question takes for granted, -1
    where there is none, shape (questions,)."""
    stems: WeightedTexts
    """Their stems, each question's of unit length."""
    marks: Marks
    """Their numbers and what they ask for."""
    adapted: Adapted | None
    """None where there are too few questions."""

    @property
    def tell_refusals(self) -> bool:
        """There are enough of them, with and without an answer, to say what is not answered."""
        return _enough(self.votes, self.answered)

    def nearest(self, text: str, question: Vectors) -> Neighbours:
        """Compare a question and its vector, shape (384,), with all of them."""
        if not self.texts:
            return NO_NEIGHBOURS
        stems = stems_of(text)
        shared = WORDS * self._shared_words(stems)
        plain = self.vectors @ question + shared
        said = np.zeros(len(self.rows), dtype=np.float32)
        similarity, far = plain, FAR
        if self.adapted is not None:
            mapped = self.adapted.map_question(question, with_pairs(text, stems))
            similarity, far = self.adapted.questions @ mapped + shared, 0.0
            said = np.maximum(said, self.adapted.sentences @ mapped)
        asked = np.zeros(len(self.rows), dtype=np.float32)
        likeness = (similarity - far) / (1 + WORDS - far)
        np.maximum.at(asked, self.ties[1], likeness[self.ties[0]])
        unlike = self.marks.distance(text)
        alike = plain - unlike
        closest = int(alike.argmax())
        similarity = similarity - unlike
        voters = np.flatnonzero(self.votes)
        near = voters[np.argsort(-similarity[voters], kind="stable")[:NEAREST]]
        weight = np.exp(_SHARPNESS * (similarity[near] - similarity[near].max(initial=0.0)))
        yes, no = near[self.answered[near]], near[~self.answered[near]]
        share = weight / max(1e-9, weight.sum())
        return Neighbours(
            rows=self.rows,
            asked=asked,
            said=said,
            answered=float((share * self.answered[near]).sum()),
            correction=_most_said(self.corrections[near], share),
            near=max(0.0, float(likeness.max())),
            closest=float(plain.max()),
            same=_same(float(alike[closest]), bool(self.answered[closest])),
            margin=float(similarity[yes].max(initial=far) - similarity[no].max(initial=far)),
        )

    def alike(self, first: int, second: int) -> float:
        """Likeness of two sentences of the index in the adapted space, 0 where nothing is known."""
        if self.adapted is None:
            return 0.0
        places = np.searchsorted(self.rows, (first, second))
        if (places >= len(self.rows)).any() or (self.rows[places] != (first, second)).any():
            return 0.0
        one, other = self.adapted.sentences[places]
        return max(0.0, float(one @ other))

    def _shared_words(self, stems: Terms) -> Vectors:
        """Cosine of the weighted stems; words of the other language count by the dictionary."""
        query = self.stems.vocabulary.rows([stems])
        shared: Vectors = (self.stems.rows @ query.T).toarray().ravel()
        return shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """Questions and sentences in the space that was adapted to them."""

    vocabulary: Vocabulary
    question_map: Map
    questions: Vectors
    """Shape (questions, 384)."""
    sentences: Vectors
    """Those of WrittenQuestions.rows, shape (sentences, 384)."""

    def map_question(self, question: Vectors, terms: Terms) -> Vectors:
        """A question's vector, shape (384,), with its stems and pairs of words, in that space."""
        words = self.vocabulary.rows([terms])
        mapped: Vectors = self.question_map(Texts(vectors=question[None], words=words))[0]
        return mapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """What the written questions nearest to a new one say."""

    rows: Rows
    """Sentences of the index that something is known of."""
    asked: Vectors
    """Likeness of the closest question that each answers, 0 (none) to 1 (the same question)."""
    said: Vectors
    """Likeness of each to the question itself in the adapted space, 0…1."""
    answered: float
    """Share of the nearest questions that are answered, weighted by closeness, 0…1."""
    correction: tuple[int, float] | None
    """Row in the index of the sentence that contradicts most of the nearest questions of those that
    take something wrong for granted, and their share of all, weighted by closeness."""
    near: float
    """Likeness of the nearest one, 0…1."""
    closest: float
    """Similarity of the nearest one as embedded."""
    same: float
    """1 when the nearest one is nearly this very question and answered, -1 when it is not answered,
    0 when none is that near, with steps between."""
    margin: float
    """How much closer the nearest answered one is than the nearest unanswered one."""


def _most_said(corrections: Rows, share: Vectors) -> tuple[int, float] | None:
    """The correction with the largest share among neighbours."""
    said: Counter[int] = Counter()
    for row, part in zip(corrections.tolist(), share.tolist(), strict=True):
        if row >= 0:
            said[row] += part
    return said.most_common(1)[0] if said else None


def _same(closest: float, answered: bool) -> float:
    """See Neighbours.same; the same words in the same order have a similarity of 1 + WORDS."""
    likeness = min(1.0, max(0.0, (closest - 1.03) / 0.05))
    return likeness if answered else -likeness


def _enough(votes: Bools, answered: Bools) -> bool:
    return bool(votes.sum() >= MIN_VOTERS and (votes & ~answered).any() and answered.any())


_NO_ROWS = np.zeros(0, dtype=np.int64)
NO_QUESTIONS = WrittenQuestions(
    texts=(),
    vectors=np.zeros((0, DIMENSIONS), dtype=np.float32),
    answered=np.zeros(0, dtype=np.bool_),
    votes=np.zeros(0, dtype=np.bool_),
    documents=frozenset(),
    rows=_NO_ROWS,
    ties=(_NO_ROWS, _NO_ROWS),
    corrections=_NO_ROWS,
    stems=WeightedTexts.of([]),
    marks=Marks.of([]),
    adapted=None,
)
NO_NEIGHBOURS = Neighbours(
    rows=_NO_ROWS,
    asked=np.zeros(0, dtype=np.float32),
    said=np.zeros(0, dtype=np.float32),
    answered=0.5,
    correction=None,
    near=0.0,
    closest=0.0,
    margin=0.0,
    same=0.0,
)


def open_written_questions(
    folder: Path,
    index: Index,
    embedder: Embedder,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[WrittenQuestions, list[Problem]]:
    """Read the folder's questions, embed those not embedded before, tie them to the index.

    Lines that are broken, and quotes that no sentence of the index holds any more, are left out;
    the former are reported. What was embedded and fitted is kept in the index's folder.
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
    vectors = question_vectors(texts, embedder, folder, index.folder / "questions.npz", progress)
    about = {question.about for question, _ in tied if question.about}
    covered = frozenset({doc for q, _ in tied for doc, _ in q.evidence} | about)
    rows_said = known.rows_of(covered)
    place = {row: number for number, row in enumerate(rows_said.tolist())}
    answers = [sorted(place[row] for row in rows) for _, rows in tied]
    answered = np.array([bool(rows) for rows in answers])
    votes = np.array([not question.plain for question, _ in tied])
    stems_of_texts = cache(lambda: [stems_of(text) for text in texts])  # takes seconds
    worded = _key("\n".join(texts), source_key(vocabulary.SOURCES))
    stems = kept_arrays(
        index.folder / "stems.npz",
        worded,
        lambda: WeightedTexts.of([(own, ()) for own, _ in stems_of_texts()]).arrays(),
    )
    told_apart = kept_arrays(
        index.folder / "marks.npz",
        _key("\n".join(texts), source_key(marks.SOURCES)),
        lambda: Marks.of(texts).arrays(),
    )
    adapted = None
    if _enough(votes, answered):
        key = _key(repr([(q.text, q.evidence, q.plain) for q, _ in tied]), embedder.identity)
        told = partial(progress, f"{FILE_NAME}, adapting") if progress else None
        pairs = kept_arrays(
            index.folder / "terms.npz",
            worded,
            lambda: WeightedTexts.of(
                list(map(with_pairs, texts, stems_of_texts())), KNOWN_FROM
            ).arrays(),
        )
        terms = WeightedTexts.of_arrays(pairs)
        said = [stems_of(index.sentence(row)[1].text) for row in rows_said.tolist()]
        questions = Texts(vectors=vectors, words=terms.rows)
        sentences = Texts(
            vectors=index.sentence_vectors[rows_said], words=terms.vocabulary.rows(said)
        )
        adaptation = kept_adaptation(
            index.folder / "adaptation.npz",
            f"{key} {source_key(vocabulary.SOURCES)}",
            len(terms.vocabulary.columns),
            lambda: adapt(questions, sentences, answers, votes, told),
        )
        adapted = Adapted(
            vocabulary=terms.vocabulary,
            question_map=adaptation.question,
            questions=adaptation.question(questions),
            sentences=adaptation.sentence(sentences),
        )
    corrections = [known.holding(*q.correction) if q.correction else [] for q, _ in tied]
    return WrittenQuestions(
        texts=texts,
        vectors=vectors,
        answered=answered,
        votes=votes,
        documents=covered,
        rows=rows_said,
        ties=(
            np.repeat(np.arange(len(answers)), [len(rows) for rows in answers]),
            np.array([row for rows in answers for row in rows], dtype=np.int64),
        ),
        corrections=np.array([rows[0] if rows else -1 for rows in corrections]),
        stems=WeightedTexts.of_arrays(stems),
        marks=Marks.of_arrays(told_apart),
        adapted=adapted,
    ), problems


class _Sentences:
    """The sentences of an index by document, as quotes are compared."""

    def __init__(self, index: Index) -> None:
        self._of: dict[str, list[tuple[int, str]]] = {}
        self._held: dict[tuple[str, str], list[int]] = {}
        for row, passage in enumerate(index.passages):
            first = int(index.first_sentence[row])
            self._of.setdefault(passage.doc, []).extend(
                (first + number, _plain(sentence.text))
                for number, sentence in enumerate(passage.sentences)
            )

    def rows_of(self, docs: Collection[str]) -> Rows:
        """Rows of all sentences of documents, ascending."""
        return np.array(
            sorted(row for doc in docs for row, _ in self._of.get(doc, ())), dtype=np.int64
        )

    def holding(self, doc: str, quote: str) -> list[int]:
        """Rows of the sentences that hold a quote, or that a longer quote is made of."""
        if (doc, quote) not in self._held:  # many questions share one answer
            wanted = _plain(quote)
            self._held[doc, quote] = [
                row
                for row, text in self._of.get(doc, ())
                if wanted in text or (text in wanted and len(text) * 2 > len(wanted))
            ]
        return self._held[doc, quote]


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[*_`]", "", fold(text)).split())


def _key(text: str, identity: str) -> str:
    return hashlib.sha256(f"{identity}\0{text}".encode()).hexdigest()[:32]
