"""The maps bring questions to their answers; the slope is the loss's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from chatbot import adaptation
from chatbot.adaptation import Adaptation, Map, Texts, adapt, kept_adaptation

Floats = NDArray[np.float64]


def unit(vectors: Floats) -> Floats:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def texts(vectors: Floats, words: Floats | None = None) -> Texts:
    """Texts of these vectors, without words unless some are given."""
    held = np.zeros((len(vectors), 1)) if words is None else words
    return Texts(vectors=unit(vectors).astype(np.float32), words=csr_matrix(held, dtype=np.float32))


def identity(words: int = 1) -> Map:
    return Map(turn=np.eye(384, dtype=np.float32), words=np.zeros((words, 384), dtype=np.float32))


def made(count: int, sentences: int, seed: int = 0) -> tuple[Texts, Texts, list[list[int]]]:
    """Questions that lie near their sentence but for a turn that all of them share.

    Every fifth is unanswered: it lies near a sentence too, and is shifted in one direction.
    """
    random = np.random.default_rng(seed)
    said = unit(random.normal(size=(sentences, 384)))
    turn = np.linalg.qr(random.normal(size=(384, 384)))[0]
    shift = random.normal(size=384)
    shift /= np.linalg.norm(shift)
    rows = random.integers(0, sentences, count)
    asked = said[rows] @ turn + random.normal(size=(count, 384)) * 0.02
    answers = [[int(row)] for row in rows]
    for number in range(0, count, 5):
        asked[number] += shift
        answers[number] = []
    return texts(asked), texts(said), answers


def found(adapted: Adaptation, asked: Texts, said: Texts, answers: list[list[int]]) -> float:
    """Share of the answered questions whose closest sentence answers them."""
    closest = (adapted.question(asked) @ adapted.sentence(said).T).argmax(axis=1)
    pairs = [(c, a) for c, a in zip(closest, answers, strict=True) if a]
    return float(np.mean([c in a for c, a in pairs]))


def test_questions_that_were_not_seen_come_closest_to_their_answers() -> None:
    asked, said, answers = made(1400, 60)
    seen, new = np.arange(1200), np.arange(1200, 1400)
    votes = np.ones(1200, dtype=bool)
    adapted = adapt(asked[seen], said, answers[:1200], votes)
    as_embedded = Adaptation(question=identity(), sentence=identity())
    assert found(as_embedded, asked[new], said, answers[1200:]) < 0.2
    assert found(adapted, asked[new], said, answers[1200:]) > 0.8


def test_words_lead_where_vectors_tell_nothing() -> None:
    random = np.random.default_rng(0)
    rows = random.integers(0, 30, 900)
    # Sentence n is answered by whoever says word n, beside another; all vectors are the same.
    words = np.eye(30)[rows] + 0.5 * np.eye(30)[random.integers(0, 30, 900)]
    asked, said = texts(np.ones((900, 384)), words), texts(np.ones((30, 384)), np.eye(30))
    answers = [[int(row)] for row in rows]
    adapted = adapt(asked[np.arange(800)], said, answers[:800], np.ones(800, dtype=bool))
    new = np.arange(800, 900)
    as_embedded = Adaptation(question=identity(30), sentence=identity(30))
    assert found(as_embedded, asked[new], said, answers[800:]) < 0.2
    assert found(adapted, asked[new], said, answers[800:]) > 0.8


@pytest.mark.parametrize("count", [2, 9, 300])
def test_few_questions_can_be_fitted_too(count: int) -> None:
    asked, said, answers = made(count, 12)
    adapted = adapt(asked, said, answers, np.ones(count, dtype=bool))
    assert np.isfinite(adapted.question(asked)).all()
    assert np.isfinite(adapted.sentence(said)).all()


def test_the_unanswered_ones_come_together() -> None:
    asked, said, answers = made(1400, 60)
    votes = np.ones(1200, dtype=bool)
    seen, new = asked[np.arange(1200)], asked[np.arange(1200, 1400)]
    adapted = adapt(seen, said, answers[:1200], votes)
    answered = np.array([bool(rows) for rows in answers])
    likeness = adapted.question(new) @ adapted.question(seen).T
    closest = np.argsort(-likeness, axis=1)[:, :10]
    share = answered[:1200][closest].mean(axis=1)
    assert share[answered[1200:]].mean() > share[~answered[1200:]].mean() + 0.5


def test_the_slopes_are_those_of_the_loss() -> None:
    random = np.random.default_rng(1)
    asked, said, answers = made(40, 12)
    words = random.random((52, 7)) * (random.random((52, 7)) > 0.5)
    asked, said = texts(asked.vectors, words[:40]), texts(said.vectors, words[40:])
    votes = np.arange(40) % 3 > 0
    gold = np.zeros((40, 12), dtype=bool)
    for row, rows in enumerate(answers):
        gold[row, rows] = True
    answered = gold.any(axis=1)
    batch, others = np.arange(10), np.arange(10, 40)
    written = adaptation._Written(asked, said, gold, answered, votes)
    turns = np.stack([np.eye(384)] * 2) + random.normal(size=(2, 384, 384)) * 0.01
    added = random.normal(size=(2, 7, 384)) * 0.05
    maps = [Map(turn=turn, words=words) for turn, words in zip(turns, added, strict=True)]

    def loss(turns: Floats, added: Floats) -> float:
        q, o, s = (
            unit(some.vectors @ turns[side] + some.words @ added[side])
            for some, side in ((asked[batch], 0), (asked[others], 0), (said, 1))
        )

        def pull(scores: Floats, wanted: NDArray[np.bool_]) -> float:
            logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
            rows = wanted.any(axis=1)
            return float(-np.mean([logs[r][wanted[r]].mean() for r in np.flatnonzero(rows)]))

        near = q @ o.T / adaptation.TEMPERATURE
        alike = (gold[batch].astype(int) @ gold[others].astype(int).T) > 0
        powers = np.exp(near[:, votes[others]])
        share = (powers / powers.sum(axis=1, keepdims=True)) @ answered[others][votes[others]]
        share = np.clip(share, 1e-4, 1 - 1e-4)
        vote = -np.mean(np.where(answered[batch], np.log(share), np.log(1 - share)))
        to_said = pull(q @ s.T / adaptation.SENTENCE_TEMPERATURE, gold[batch])
        return to_said + pull(near, alike) + adaptation.VOTE * float(vote)

    slopes = adaptation._slopes(
        Adaptation(question=maps[0], sentence=maps[1]), written, batch, others
    )
    by_turns, by_words = np.stack(slopes[::2]), np.stack(slopes[1::2])
    for seed in range(4):
        way = np.random.default_rng(seed)
        turn, word = way.normal(size=turns.shape) * 1e-6, way.normal(size=added.shape) * 1e-6
        rise = (loss(turns + turn, added + word) - loss(turns - turn, added - word)) / 2
        expected = float((by_turns * turn).sum() + (by_words * word).sum())
        assert expected == pytest.approx(rise, rel=2e-3, abs=1e-9)


def test_kept_maps_are_those_that_were_used_at_first(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    turn, words = random.normal(size=(384, 384)), random.normal(size=(5, 384))
    one = Map(turn=turn.astype(np.float32), words=words.astype(np.float32))
    first, second = (
        kept_adaptation(tmp_path / "a.npz", "a", 5, lambda: Adaptation(question=one, sentence=one))
        for _ in range(2)
    )
    assert (first.question.words == second.question.words).all()
    assert (first.sentence.turn == second.sentence.turn).all()


def test_maps_are_kept_for_the_same_questions_only(tmp_path: Path) -> None:
    file = tmp_path / "adaptation.npz"
    fitted: list[int] = []

    def fit() -> Adaptation:
        fitted.append(1)
        value = np.float32(len(fitted))
        one = Map(turn=np.full((384, 384), value), words=np.full((5, 384), value / 8))
        return Adaptation(question=one, sentence=one)

    def kept(key: str, file: Path = file, words: int = 5) -> float:
        adapted = kept_adaptation(file, key, words, fit)
        assert adapted.sentence.words[0, 0] == adapted.question.turn[0, 0] / 8
        return float(adapted.question.turn[0, 0])

    assert kept("a") == 1
    assert kept("a") == 1
    assert kept("b") == 2
    assert kept("b", words=4) == 3  # a file of another vocabulary is not used
    file.write_bytes(b"damaged")
    assert kept("b") == 4
    assert kept("b", tmp_path / "no such folder" / "x.npz") == 5
    assert len(fitted) == 5
