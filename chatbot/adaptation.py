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
        return _mapped(self.turn, self.words, texts)[0]


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
    written = _Written(questions, sentences, gold, answered, votes)
    turns = np.stack([np.eye(DIMENSIONS, dtype=np.float32)] * 2)
    added = np.zeros((2, terms, DIMENSIONS), dtype=np.float32)
    steps = [_Adam(turns, RATES[0]), _Adam(added, RATES[1])]
    size = max(1, min(BATCH, count // 4))  # of few questions, most are to compare with
    for epoch in range(EPOCHS):
        if progress:
            progress(epoch, EPOCHS)
        order = random.permutation(count)
        for start in range(0, count, size):
            batch = order[start : start + size]
            rest = np.delete(order, slice(start, start + size))
            others = random.choice(rest, min(COMPARED, len(rest)), replace=False)
            slopes = _slopes(turns, added, written, batch, others)
            for step, slope in zip(steps, slopes, strict=True):
                step(slope)
    return _adaptation(turns, added)


def _adaptation(turns: Vectors, added: Vectors) -> Adaptation:
    question, sentence = (
        Map(turn=turn, words=words) for turn, words in zip(turns, added, strict=True)
    )
    return Adaptation(question=question, sentence=sentence)


class _Adam:
    """Steps of Adam that change values in place."""

    def __init__(self, values: Floats, rate: float) -> None:
        self._values, self._rate, self._steps = values, rate, 0
        self._first, self._second = np.zeros_like(values), np.zeros_like(values)

    def __call__(self, slope: Floats) -> None:
        self._steps += 1
        for moment, decay, seen in (
            (self._first, _DECAYS[0], slope),
            (self._second, _DECAYS[1], slope**2),
        ):
            moment *= decay
            moment += (1 - decay) * seen
        first = self._first / (1 - _DECAYS[0] ** self._steps)
        spread = np.sqrt(self._second / (1 - _DECAYS[1] ** self._steps)) + 1e-8
        self._values -= self._rate * first / spread


def _slopes(
    turns: Floats, added: Floats, written: _Written, batch: Rows, others: Rows
) -> tuple[Floats, Floats]:
    """Derivatives of the loss of a batch by both turns, (2, 384, 384), and both words'."""
    questions, compared = written.questions[batch], written.questions[others]
    asked, asked_length = _mapped(turns[0], added[0], questions)
    near, near_length = _mapped(turns[0], added[0], compared)
    said, said_length = _mapped(turns[1], added[1], written.sentences)
    gold = written.gold[batch].astype(np.float32)

    likeness = asked @ near.T / TEMPERATURE
    to_said = _pull(asked @ said.T / SENTENCE_TEMPERATURE, gold) / SENTENCE_TEMPERATURE
    to_near = _pull(likeness, np.sign(gold @ written.gold[others].T))
    voting = written.votes[others]
    to_near[:, voting] += VOTE * _vote(
        likeness[:, voting], written.answered[batch], written.answered[others][voting]
    )
    to_near /= TEMPERATURE

    by_asked = _through_unit(to_said @ said + to_near @ near, asked, asked_length)
    by_near = _through_unit(to_near.T @ asked, near, near_length)
    by_said = _through_unit(to_said.T @ asked, said, said_length)
    sentences = written.sentences
    return (
        np.stack(
            [
                questions.vectors.T @ by_asked + compared.vectors.T @ by_near,
                sentences.vectors.T @ by_said,
            ]
        ),
        np.stack(
            [
                questions.words.T @ by_asked + compared.words.T @ by_near,
                sentences.words.T @ by_said,
            ]
        ),
    )


def _mapped(turn: Floats, words: Floats, texts: Texts) -> tuple[Floats, Floats]:
    """Mapped texts of unit length, and what their lengths were."""
    return _unit(texts.vectors @ turn + texts.words @ words)


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
