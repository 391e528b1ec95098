"""Which sentences are quoted: enough, not too much, nothing twice."""

from __future__ import annotations

from datetime import date

from chatbot.questions import Question, read_question
from chatbot.quotes import choose_quotes
from chatbot.records import Evidence, Passage, Sentence

TEXTS = (
    "Judge Mara Quill closed the mill.",
    "In her view the river had become too dirty for wheat.",
    "The mill ground wheat until 1963.",
    "Until 1963 the mill ground wheat.",
    "A museum opened there in 1971 with forty machines on three floors.",
    "Visitors pay five euros.",
)


def made(scores: dict[int, float]) -> list[Evidence]:
    sentences, start = [], 0
    for text in TEXTS:
        sentences.append(Sentence(text=text, start=start, end=start + len(text)))
        start += len(text) + 1
    passage = Passage(
        id="mill-0", doc="mill.txt", title="The mill", section="", published=date(2024, 1, 1),
        as_of=None, lang="en", start=0, end=start - 1, text=" ".join(TEXTS),
        sentences=tuple(sentences),
    )  # fmt: skip
    found = [
        Evidence(sentence=sentences[row], passage=passage, score=score, row=row)
        for row, score in scores.items()
    ]
    return sorted(found, key=lambda item: -item.score)


def read(text: str) -> Question:
    return read_question(text, today=date(2026, 1, 1))


def rows(
    question: str, scores: dict[int, float], words: int = 60, needed: tuple[int, ...] = ()
) -> list[int]:
    evidence = made(scores)
    parts = [item for item in evidence if item.row in needed]
    return [q.row for q in choose_quotes(read(question), evidence, words, lambda *_: 0.0, parts)]


def test_further_quotes_must_be_nearly_as_good() -> None:
    assert rows("When did the mill stop?", {2: 0.9, 4: 0.5, 5: 0.05}) == [2, 4]


def test_what_a_part_of_the_question_needs_comes_next_however_low_it_is() -> None:
    scores = {2: 0.9, 4: 0.5, 5: 0.05}
    assert rows("When did it stop, and what do visitors pay?", scores, needed=(5,)) == [2, 5, 4]


def test_nothing_is_said_twice() -> None:
    assert rows("When did the mill stop?", {2: 0.9, 3: 0.89, 4: 0.8}) == [2, 4]
    evidence = made({2: 0.9, 4: 0.8, 5: 0.7})
    alike = lambda first, second: float({first, second} == {2, 4})  # noqa: E731
    chosen = choose_quotes(read("When did the mill stop?"), evidence, 60, alike)
    assert [item.row for item in chosen] == [2, 5]


def test_at_most_three_and_within_the_words() -> None:
    scores = {0: 0.9, 2: 0.9, 4: 0.9, 5: 0.9}
    assert len(rows("What of the mill?", scores)) == 3
    assert rows("What of the mill?", {4: 0.9, 2: 0.8, 5: 0.7}, words=16) == [4, 5]
    assert rows("What of the mill?", {4: 0.9}, words=3) == [4]


def test_who_is_meant_by_a_pronoun_is_quoted_when_asked() -> None:
    assert rows("Who thought the river too dirty?", {1: 0.9}) == [0, 1]
    assert rows("Why was it closed?", {1: 0.9}) == [1]
    assert rows("Who thought the river too dirty?", {1: 0.9}, words=12) == [1]
