"""Rows and a chatbot made to order, for the tests of the evaluation, and tests of these."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest

from chatbot.records import (
    Answer,
    AnswerSentence,
    Citation,
    Passage,
    ScoredPassage,
    Seconds,
    Sentence,
    Tokens,
    Turn,
)

GOLD = "Scout holds 109 billion parameters spread over 16 experts in all."


def make_case(number: int = 0, **more: Any) -> dict[str, Any]:
    """An answerable case whose gold quote stands in doc-<number>.md."""
    return {
        "id": f"case-{number:04d}",
        "question": f"How many parameters has model {number}?",
        "answerable": True,
        "answers": [f"{number + 100} billion"],
        "must_include": [[f"{number + 100} billion"]],
        "evidence": [{"doc": f"doc-{number}.md", "quote": f"Model {number}: {GOLD}"}],
        "language": "en" if number % 3 else "fr",
        "category": "fact" if number % 2 else "list",
    } | more


def make_passage(doc: str, text: str, relevance: float = 0.5) -> ScoredPassage:
    """A found passage of one sentence."""
    passage = Passage(
        id=f"{doc}-{hash(text)}", doc=doc, title=doc, section="", published=None, as_of=None,
        lang="en", start=0, end=len(text), text=text,
        sentences=(Sentence(text=text, start=0, end=len(text)),),
    )  # fmt: skip
    return ScoredPassage(passage=passage, similarity=0.5, keyword=None, relevance=relevance)


def make_answer(
    text: str = "It has 100 billion.",
    *,
    question: str = "?",
    cited: Sequence[tuple[str, str]] = (),
    passages: Sequence[ScoredPassage] = (),
    probability: float | None = 0.9,
    abstained: bool = False,
    seconds: float = 0.5,
) -> Answer:
    """An answer of one sentence that cites (document, text) pairs."""
    citations = tuple(
        Citation(number=n, doc=doc, title=doc, published=None, as_of=date(2025, 4, 5), start=0,
                 end=len(quote), text=quote)
        for n, (doc, quote) in enumerate(cited, start=1)
    )  # fmt: skip
    return Answer(
        id="x", question=question, query=question, language="en",
        status="abstained" if abstained else "answered",
        reason="not_answered" if abstained else None,
        answer=text,
        sentences=(AnswerSentence(text=text, citations=tuple(c.number for c in citations)),),
        citations=citations, as_of=None, other_values=(), passages=tuple(passages), dropped=(),
        probability=probability, model=None if abstained else "fake",
        seconds=Seconds(understand=0.0, retrieve=0.01, first_token=None if abstained else 0.1,
                        total=seconds),
        tokens=Tokens(prompt=0 if abstained else 300, answer=0 if abstained else 40),
    )  # fmt: skip


def make_row(case: Mapping[str, Any] | None = None, answer: Answer | None = None) -> dict[str, Any]:
    """A row as the runner saves it."""
    row: dict[str, Any] = {"case": dict(case or make_case()), "error": None}
    return row | (answer or make_answer()).to_json() | {"wall_seconds": 0.5}


class FakeChatbot:
    """Answers from a queue, in order; an exception in the queue is raised; raises when dry."""

    def __init__(self, queue: Sequence[Answer | BaseException], *, seconds: float = 0.0) -> None:
        self.queue = list(queue)
        self.seconds = seconds
        self.asked: list[tuple[str, tuple[Turn, ...], date | None]] = []
        self.description: dict[str, Any] = {
            "index": "f1", "model": "fake", "model_sha256": "aa", "template_sha256": "bb",
        }  # fmt: skip

    def answer(
        self, question: str, history: Sequence[Turn] = (), *, as_of: date | None = None
    ) -> Answer:
        """Take the next answer."""
        self.asked.append((question, tuple(history), as_of))
        if not self.queue:
            raise AssertionError(f"nobody told the fake what to answer to {question!r}")
        time.sleep(self.seconds)
        reply = self.queue.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return reply

    def describe(self) -> Mapping[str, Any]:
        """What the test set."""
        return self.description


def simulated_rows(
    cases: int, seed: int, *, retriever: bool = True, skill: float = 1.0
) -> list[dict[str, Any]]:
    """A run of a chatbot that is unsure: the same cases, other luck with each seed.

    Args:
        cases: how many; a quarter are not answerable.
        seed: of the luck; how hard a case is does not depend on it.
        retriever: off = the gold passage is never found.
        skill: factor on the chance of a right answer.
    """
    hard = np.random.default_rng(1)
    luck = np.random.default_rng(1000 + seed)
    rows = []
    for number in range(cases):
        # Always the same draws, so that two runs of one seed differ by what was planted alone.
        throw, place, shake = luck.random(), int(luck.integers(0, 3)), luck.normal(0, 0.15)
        seconds = float(luck.gamma(4, 0.1))
        chance, answerable = float(hard.beta(3, 1)), number % 4 != 0
        case = make_case(number)
        if not answerable:
            case |= {"answerable": False, "answers": [], "must_include": [], "evidence": []}
        right = bool(throw < chance * skill) and (retriever or not answerable)
        quote = f"Model {number} holds {number + 100} billion parameters spread over 16 experts."
        wrong = f"Model {number} once held {number + 7000} billion parameters, as was said early."
        if answerable:
            case["evidence"] = [{"doc": f"doc-{number}.md", "quote": quote}]
        noise = [make_passage(f"doc-{number + n}.md", f"Nothing {n} of use.") for n in (1, 2, 3)]
        passages = list(noise)
        if retriever:
            passages.insert(place, make_passage(f"doc-{number}.md", quote))
        abstained = not answerable and right
        figure = number + 100 if right else number + 7000
        stated = (0.7 if right and answerable else 0.4) + shake
        answer = make_answer(
            f"The model has {figure} billion parameters.",
            cited=[] if abstained else [(f"doc-{number}.md", quote if right else wrong)],
            passages=passages, probability=float(np.clip(stated, 0, 1)),
            abstained=abstained, seconds=seconds,
        )  # fmt: skip
        rows.append(make_row(case, answer))
    return rows


def corrupted(rows: Sequence[dict[str, Any]], share: float, seed: int) -> list[dict[str, Any]]:
    """The rows with another figure in exactly this share of the answers that were given."""
    given = [index for index, row in enumerate(rows) if not row["abstained"]]
    count = round(share * len(given))
    chosen = set(np.random.default_rng(seed).choice(given, count, replace=False).tolist())
    changed = []
    for index, row in enumerate(rows):
        if index in chosen:
            text = f"The model has {index + 9000} billion parameters."
            row = row | {"answer": text, "sentences": [row["sentences"][0] | {"text": text}]}
        changed.append(row)
    return changed


def test_the_fake_raises_when_dry() -> None:
    fake = FakeChatbot([make_answer("One.")])
    assert fake.answer("first").answer == "One."
    with pytest.raises(AssertionError, match="second"):
        fake.answer("second")
