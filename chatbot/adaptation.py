"""Two maps that bring questions to the sentences that answer them.

An embedder that was trained on everything tells topics apart and blurs what is asked of one, and
its one vector blurs names and numbers. The questions written for a docs folder show which
differences matter there: the maps, one of questions and one of sentences, turn the vector of a text
and add a vector for each of its words. They are fitted so that a question comes closest to the
sentences that answer it (InfoNCE, van den Oord et al. 2018), to other questions with the same
answer, and, by the vote of its neighbours, to its like among the answered or the unanswered ones.
The embedder stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from chatbot.caches import read_arrays, write_arrays
from chatbot.embedding import DIMENSIONS, Vectors

EPOCHS = 8
BATCH = 512
COMPARED = 2048
"""Other questions that each batch is compared with."""
TEMPERATURE, SENTENCE_TEMPERATURE = 0.05, 0.1
"""Of the likeness to questions and to sentences."""
VOTE = 3.0
"""Weight of the neighbours' vote beside the likeness."""
RATES = (0.0005, 0.0002)
"""Steps of Adam (Kingma and Ba 2015) for the turning and for the words, with its usual decays. They
are what keeps the maps from learning the questions by heart; see DECISIONS.md."""
_DECAYS = (0.9, 0.999)
_SEED = 0
_ROWS_AT_ONCE = 64

Bools = NDArray[np.bool_]
Rows = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Texts as the maps take them. Row i of both is one."""

    vectors: Vectors
    """Shape (count, 384), unit length."""
    words: csr_matrix
    """Weights of their words, shape (count, words)."""

    def __getitem__(self, rows: Rows) -> Texts:
        return Texts(vectors=self.vectors[rows], words=self.words[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """A map of texts to vectors of unit length."""

    turn: Vectors
    """Shape (384, 384)."""
    words: Vectors
    """What each word adds, shape (words, 384)."""

    def __call__(self, texts: Texts) -> Vectors:
        """Mapped texts, shape (count, 384), unit length."""
        return _mapped(self, texts)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptation:
    """The maps of questions and of sentences into one space."""

    question: Map
    sentence: Map


def kept_adaptation(file: Path, key: str, words: int, fit: Callable[[], Adaptation]) -> Adaptation:
    """The adaptation of that key in a file, or a new one, which is then kept there.

    The key names the questions and what answers them. Documents that change meanwhile leave the
    maps as they are: these hold what is asked, and the sentences are mapped anew each time.

    Args:
        file: what it is kept in.
        key: names what it is fitted to.
        words: how many the vocabulary has.
        fit: makes a new one.
    """
    settings = (EPOCHS, BATCH, COMPARED, TEMPERATURE, SENTENCE_TEMPERATURE, VOTE, RATES, _SEED)
    key = f"{key} {settings}"
    held = read_arrays(file, key)
    if held is not None:
        turns, added = held["turns"], held["words"]
        if turns.shape == (2, DIMENSIONS, DIMENSIONS) and added.shape == (2, words, DIMENSIONS):
            return _adaptation(turns, added.astype(np.float32))
    made = fit()
    maps = (made.question, made.sentence)
    turns = np.stack([one.turn for one in maps])
    added = np.stack([one.words for one in maps]).astype(np.float16)
    write_arrays(file, key, turns=turns, words=added)
    return _adaptation(turns, added.astype(np.float32))  # as it will be read the next time


@dataclass(frozen=True, slots=True)
class _Written:
    """What the maps are fitted to."""

    questions: Texts
    sentences: Texts
    gold: Bools
    """Whether a sentence answers a question, shape (questions, sentences)."""
    answered: Bools
    votes: Bools


def adapt(
    questions: Texts,
    sentences: Texts,
    answers: Sequence[Sequence[int]],
    votes: Bools,
    progress: Callable[[int, int], None] | None = None,
) -> Adaptation:
    """Fit the maps; the same input gives the same maps on one machine.

    Args:
        questions: the written ones.
        sentences: all of the documents that they are written for, with the same words.
        answers: rows of the sentences that answer each question; none if it is unanswered.
        votes: whether a question counts as a neighbour of others, shape (questions,).
        progress: told the epochs done, and of how many.
    """
    random = np.random.default_rng(_SEED)
    count, terms = questions.words.shape
    gold = np.zeros((count, len(sentences.vectors)), dtype=np.bool_)
    for row, rows in enumerate(answers):
        gold[row, list(rows)] = True
    answered = np.array([bool(rows) for rows in answers])
    # Sentences have no pairs of words: half of the vectors would stay what they are.
    said = np.unique(sentences.words.indices)
    sentences = Texts(vectors=sentences.vectors, words=sentences.words[:, said])
    written = _Written(questions, sentences, gold, answered, votes)
    maps = Adaptation(question=_identity(terms), sentence=_identity(len(said)))
    steps = [
        _Adam(values, rate)
        for one in (maps.question, maps.sentence)
        for values, rate in zip((one.turn, one.words), RATES, strict=True)
    ]
    size = max(1, min(BATCH, count // 4))  # of few questions, most are to compare with
    for epoch in range(EPOCHS):
        if progress:
            progress(epoch, EPOCHS)
        order = random.permutation(count)
        for start in range(0, count, size):
            batch = order[start : start + size]
            rest = np.delete(order, slice(start, start + size))
            others = random.choice(rest, min(COMPARED, len(rest)), replace=False)
            slopes = _slopes(maps, written, batch, others)
            for step, slope in zip(steps, slopes, strict=True):
                step(slope)
    words = np.zeros((terms, DIMENSIONS), dtype=np.float32)
    words[said] = maps.sentence.words
    return Adaptation(question=maps.question, sentence=Map(turn=maps.sentence.turn, words=words))


def _identity(words: int) -> Map:
    return Map(
        turn=np.eye(DIMENSIONS, dtype=np.float32),
        words=np.zeros((words, DIMENSIONS), dtype=np.float32),
    )


def _adaptation(turns: Vectors, added: Vectors) -> Adaptation:
    question, sentence = (
        Map(turn=turn, words=words) for turn, words in zip(turns, added, strict=True)
    )
    return Adaptation(question=question, sentence=sentence)


class _Adam:
    """Steps of Adam that change values, shape (rows, columns), in place."""

    def __init__(self, values: Floats, rate: float) -> None:
        self._values, self._rate, self._steps = values, rate, 0
        self._first, self._second = np.zeros_like(values), np.zeros_like(values)
        self._free = np.empty_like(values[:_ROWS_AT_ONCE])

    def __call__(self, slope: Floats) -> None:
        self._steps += 1
        first_left, second_left = (1 - decay**self._steps for decay in _DECAYS)
        rate = self._rate * math.sqrt(second_left) / first_left
        least = 1e-8 * math.sqrt(second_left)
        # Some rows at a time, without new arrays: whole ones do not fit into the processor's cache,
        # and reading them eleven times a step took more than all the rest.
        for start in range(0, len(slope), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            some, free = slope[rows], self._free[: len(slope) - start]
            first, second = self._first[rows], self._second[rows]
            first *= _DECAYS[0]
            first += np.multiply(some, 1 - _DECAYS[0], out=free)
            second *= _DECAYS[1]
            np.multiply(some, some, out=free)
            free *= 1 - _DECAYS[1]
            second += free
            np.sqrt(second, out=free)
            free += least
            np.divide(first, free, out=free)
            free *= rate
            self._values[rows] -= free


def _slopes(
    maps: Adaptation, written: _Written, batch: Rows, others: Rows
) -> tuple[Floats, Floats, Floats, Floats]:
    """Derivatives of the loss of a batch: by the turn and the words of questions and sentences."""
    questions, sentences = written.questions[np.concatenate([batch, others])], written.sentences
    mapped, lengths = _mapped(maps.question, questions)
    asked, near = np.split(mapped, [len(batch)])
    said, said_lengths = _mapped(maps.sentence, sentences)
    gold = written.gold[batch].astype(np.float32)

    likeness = asked @ near.T / TEMPERATURE
    to_said = _pull(asked @ said.T / SENTENCE_TEMPERATURE, gold) / SENTENCE_TEMPERATURE
    to_near = _pull(likeness, np.sign(gold @ written.gold[others].T))
    voting = written.votes[others]
    to_near[:, voting] += VOTE * _vote(
        likeness[:, voting], written.answered[batch], written.answered[others][voting]
    )
    to_near /= TEMPERATURE

    to_mapped = np.concatenate([to_said @ said + to_near @ near, to_near.T @ asked])
    by_questions = _through_unit(to_mapped, mapped, lengths)
    by_said = _through_unit(to_said.T @ asked, said, said_lengths)
    return (
        questions.vectors.T @ by_questions,
        questions.words.T @ by_questions,
        sentences.vectors.T @ by_said,
        sentences.words.T @ by_said,
    )


def _mapped(by: Map, texts: Texts) -> tuple[Floats, Floats]:
    """Mapped texts of unit length, and what their lengths were."""
    return _unit(texts.vectors @ by.turn + texts.words @ by.words)


def _pull(scores: Floats, wanted: Floats) -> Floats:
    """Slope of the cross-entropy between a softmax of scores and the wanted columns of a row.

    Rows of which no column is wanted count nothing.
    """
    counts = wanted.sum(axis=1, keepdims=True)
    rows = counts > 0
    slope: Floats = _softmax(scores) - wanted / np.maximum(1, counts)
    slope *= rows / np.float32(max(1, rows.sum()))
    return slope


def _vote(scores: Floats, answered: Bools, voters: Bools) -> Floats:
    """Slope of the cross-entropy between whether a row is answered and what its neighbours say."""
    if not scores.size:
        return scores
    weights = _softmax(scores)
    said = np.clip(weights @ voters.astype(np.float32), 1e-4, 1 - 1e-4)[:, None]
    wrong: Floats = np.where(answered[:, None], -1 / said, 1 / (1 - said)) / len(scores)
    return wrong * weights * (voters[None] - said)


def _softmax(scores: Floats) -> Floats:
    powers: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def _unit(vectors: Floats) -> tuple[Floats, Floats]:
    """Vectors of unit length, and what their lengths were."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    return vectors / lengths, lengths


def _through_unit(slope: Floats, unit: Floats, lengths: Floats) -> Floats:
    """A slope by unit vectors as one by the vectors that they were made of."""
    along: Floats = (slope * unit).sum(axis=1, keepdims=True)
    return (slope - unit * along) / lengths
