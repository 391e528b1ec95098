"""Two linear maps that bring questions to the sentences that answer them.

An embedder that was trained on everything tells topics apart and blurs what is asked of one. The
questions written for a docs folder show which differences matter there: the maps, one of questions
and one of sentences, are fitted so that a question comes closest to the sentences that answer it
(InfoNCE, van den Oord et al. 2018), to other questions with the same answer, and, by the vote of
its neighbours, to its like among the answered or the unanswered ones. The embedder stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from chatbot.embedding import DIMENSIONS, Vectors

EPOCHS = 8
BATCH = 512
COMPARED = 2048
"""Other questions that each batch is compared with."""
TEMPERATURE = 0.05
RATE = 0.002
"""Step of Adam (Kingma and Ba 2015), with its usual decays."""
_DECAYS = (0.9, 0.999)
_SEED = 0

Bools = NDArray[np.bool_]
Rows = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptation:
    """Maps of unit vectors to unit vectors."""

    question: Vectors
    """Shape (384, 384)."""
    sentence: Vectors
    """Shape (384, 384)."""

    def questions(self, vectors: Vectors) -> Vectors:
        """Mapped question vectors, shape (count, 384), unit length."""
        return _unit(vectors @ self.question)[0]

    def sentences(self, vectors: Vectors) -> Vectors:
        """Mapped sentence vectors, shape (count, 384), unit length."""
        return _unit(vectors @ self.sentence)[0]


def kept_adaptation(file: Path, key: str, fit: Callable[[], Adaptation]) -> Adaptation:
    """The adaptation of that key in a file, or a new one, which is then kept there.

    The key names the questions and what answers them. Documents that change meanwhile leave the
    maps as they are: these hold what is asked, and the sentences are mapped anew each time.
    """
    key = f"{key} {EPOCHS} {BATCH} {COMPARED} {TEMPERATURE} {RATE} {_SEED}"
    try:
        with np.load(file, allow_pickle=False) as held:
            maps = held["maps"].astype(np.float32)
            if str(held["key"]) == key and maps.shape == (2, DIMENSIONS, DIMENSIONS):
                return Adaptation(question=maps[0], sentence=maps[1])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):  # not there, or damaged
        pass
    made = fit()
    write_arrays(file, key=np.array(key), maps=np.stack([made.question, made.sentence]))
    return made


def write_arrays(file: Path, **arrays: NDArray[Any]) -> None:
    """Write a cache aside and put it in place; a full disk only costs the next start time."""
    aside = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as opened:
            np.savez(opened, **arrays)  # type: ignore[arg-type]
        os.replace(aside, file)
    except OSError:
        aside.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Written:
    """What the maps are fitted to."""

    questions: Vectors
    sentences: Vectors
    gold: Bools
    """Whether a sentence answers a question, shape (questions, sentences)."""
    answered: Bools
    votes: Bools


def adapt(
    questions: Vectors,
    sentences: Vectors,
    answers: Sequence[Sequence[int]],
    votes: Bools,
    progress: Callable[[int, int], None] | None = None,
) -> Adaptation:
    """Fit the maps; the same input gives the same maps on one machine.

    Args:
        questions: shape (questions, 384), unit length.
        sentences: shape (sentences, 384), unit length.
        answers: rows of the sentences that answer each question; none if it is unanswered.
        votes: whether a question counts as a neighbour of others, shape (questions,).
        progress: told the epochs done, and of how many.
    """
    random = np.random.default_rng(_SEED)
    gold = np.zeros((len(questions), len(sentences)), dtype=np.bool_)
    for row, rows in enumerate(answers):
        gold[row, list(rows)] = True
    answered = np.array([bool(rows) for rows in answers])
    written = _Written(questions, sentences, gold, answered, votes)
    maps = np.stack([np.eye(DIMENSIONS, dtype=np.float32)] * 2)
    first, second = np.zeros_like(maps), np.zeros_like(maps)
    size = max(1, min(BATCH, len(questions) // 4))  # of few questions, most are to compare with
    step = 0
    for epoch in range(EPOCHS):
        if progress:
            progress(epoch, EPOCHS)
        order = random.permutation(len(questions))
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            rest = np.delete(order, slice(start, start + size))
            others = random.choice(rest, min(COMPARED, len(rest)), replace=False)
            slope = _slope(maps, written, batch, others)
            step += 1
            first += (1 - _DECAYS[0]) * (slope - first)
            second += (1 - _DECAYS[1]) * (slope**2 - second)
            spread = np.sqrt(second / (1 - _DECAYS[1] ** step)) + 1e-8
            maps -= RATE * first / (1 - _DECAYS[0] ** step) / spread
    return Adaptation(question=maps[0], sentence=maps[1])


def _slope(maps: Floats, written: _Written, batch: Rows, others: Rows) -> Floats:
    """Derivative of the loss of a batch by both maps, shape (2, 384, 384)."""
    asked, asked_length = _unit(written.questions[batch] @ maps[0])
    near, near_length = _unit(written.questions[others] @ maps[0])
    said, said_length = _unit(written.sentences @ maps[1])
    gold = written.gold[batch].astype(np.float32)

    likeness = asked @ near.T / TEMPERATURE
    to_said = _pull(asked @ said.T / TEMPERATURE, gold) / TEMPERATURE
    to_near = _pull(likeness, np.sign(gold @ written.gold[others].T))
    voting = written.votes[others]
    to_near[:, voting] += _vote(
        likeness[:, voting], written.answered[batch], written.answered[others][voting]
    )
    to_near /= TEMPERATURE

    by_asked = _through_unit(to_said @ said + to_near @ near, asked, asked_length)
    by_near = _through_unit(to_near.T @ asked, near, near_length)
    by_said = _through_unit(to_said.T @ asked, said, said_length)
    by_question = written.questions[batch].T @ by_asked + written.questions[others].T @ by_near
    return np.stack([by_question, written.sentences.T @ by_said])


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
