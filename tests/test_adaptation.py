"""The maps bring questions to their answers; the slope is the loss's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from chatbot import adaptation
from chatbot.adaptation import Adaptation, adapt, kept_adaptation

Floats = NDArray[np.float64]


def unit(vectors: Floats) -> Floats:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def made(count: int, sentences: int, seed: int = 0) -> tuple[Floats, Floats, list[list[int]]]:
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
    return unit(asked).astype(np.float32), said.astype(np.float32), answers


def found(adapted: Adaptation, asked: Floats, said: Floats, answers: list[list[int]]) -> float:
    """Share of the answered questions whose closest sentence answers them."""
    closest = (adapted.questions(asked) @ adapted.sentences(said).T).argmax(axis=1)
    pairs = [(c, a) for c, a in zip(closest, answers, strict=True) if a]
    return float(np.mean([c in a for c, a in pairs]))


def test_questions_that_were_not_seen_come_closest_to_their_answers() -> None:
    asked, said, answers = made(1400, 60)
    seen, new = slice(0, 1200), slice(1200, 1400)
    votes = np.ones(1200, dtype=bool)
    identity = Adaptation(question=np.eye(384), sentence=np.eye(384))  # type: ignore[arg-type]
    adapted = adapt(asked[seen], said, answers[seen], votes)
    assert found(identity, asked[new], said, answers[new]) < 0.2
    assert found(adapted, asked[new], said, answers[new]) > 0.9


@pytest.mark.parametrize("count", [2, 9, 300])
def test_few_questions_can_be_fitted_too(count: int) -> None:
    asked, said, answers = made(count, 12)
    adapted = adapt(asked, said, answers, np.ones(count, dtype=bool))
    assert np.isfinite(adapted.question).all()
    assert np.isfinite(adapted.sentence).all()


def test_the_unanswered_ones_come_together() -> None:
    asked, said, answers = made(1400, 60)
    votes = np.ones(1200, dtype=bool)
    adapted = adapt(asked[:1200], said, answers[:1200], votes)
    answered = np.array([bool(rows) for rows in answers])
    likeness = adapted.questions(asked[1200:]) @ adapted.questions(asked[:1200]).T
    closest = np.argsort(-likeness, axis=1)[:, :10]
    share = answered[:1200][closest].mean(axis=1)
    assert share[answered[1200:]].mean() > share[~answered[1200:]].mean() + 0.5


def test_the_slope_is_that_of_the_loss() -> None:
    asked, said, answers = made(40, 12)
    votes = np.arange(40) % 3 > 0
    gold = np.zeros((40, 12), dtype=bool)
    for row, rows in enumerate(answers):
        gold[row, rows] = True
    answered = gold.any(axis=1)
    batch, others = np.arange(10), np.arange(10, 40)
    written = adaptation._Written(asked, said, gold, answered, votes)
    random = np.random.default_rng(1)
    maps = np.stack([np.eye(384)] * 2) + random.normal(size=(2, 384, 384)) * 0.01

    def loss(maps: Floats) -> float:
        q, o = unit(asked[batch] @ maps[0]), unit(asked[others] @ maps[0])
        s = unit(said @ maps[1])

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
        return pull(q @ s.T / adaptation.TEMPERATURE, gold[batch]) + pull(near, alike) + float(vote)

    slope = adaptation._slope(maps, written, batch, others)
    for seed in range(4):
        way = np.random.default_rng(seed).normal(size=maps.shape) * 1e-6
        rise = (loss(maps + way) - loss(maps - way)) / 2
        assert float((slope * way).sum()) == pytest.approx(rise, rel=2e-3, abs=1e-9)


def test_maps_are_kept_for_the_same_questions_only(tmp_path: Path) -> None:
    file = tmp_path / "adaptation.npz"
    fitted: list[int] = []

    def fit() -> Adaptation:
        fitted.append(1)
        maps = np.full((2, 384, 384), len(fitted), dtype=np.float32)
        return Adaptation(question=maps[0], sentence=maps[1])

    assert kept_adaptation(file, "a", fit).question[0, 0] == 1
    assert kept_adaptation(file, "a", fit).sentence[0, 0] == 1
    assert kept_adaptation(file, "b", fit).question[0, 0] == 2
    file.write_bytes(b"damaged")
    assert kept_adaptation(file, "b", fit).question[0, 0] == 3
    assert kept_adaptation(tmp_path / "no such folder" / "x.npz", "b", fit).question[0, 0] == 4
    assert len(fitted) == 4
