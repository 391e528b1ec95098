"""Questions written for a docs folder: what they find, what they refuse, and bad files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chatbot.chatbot import Chatbot
from chatbot.config import Config
from chatbot.embedding import Embedder
from chatbot.index import open_index
from chatbot.question_file import FILE_NAME, read_written_questions
from chatbot.question_vectors import SHIPPED_NAME, question_vectors, ship_vectors
from chatbot.records import Answer
from chatbot.written_questions import open_written_questions

ROOT = Path(__file__).resolve().parent.parent
BUILDER = "Jeanne Morel"
QUESTIONS: list[dict[str, Any]] = [
    {
        "question": "Which woman put it up, and in what year?",
        "answerable": True,
        "evidence": [
            {"doc": "mill.txt", "quote": "The mill was built in 1847 by Jeanne Morel."},
        ],
    },
    {
        "question": "How much did building the mill cost?",
        "answerable": False,
        "evidence": [],
        "about": "mill.txt",
    },
    {
        "question": "How many workers did the mill employ?",
        "answerable": False,
        "evidence": [],
        "about": "mill.txt",
    },
]


def write(docs: Path, rows: list[dict[str, Any]], *more: str) -> None:
    lines = [json.dumps(row) for row in rows]
    (docs / FILE_NAME).write_text("\n".join([*lines, *more]) + "\n", encoding="utf-8")


def test_a_neighbour_leads_to_the_sentence(small_config: Config, embedder: Embedder) -> None:
    write(small_config.docs_dir, QUESTIONS)
    index, _ = open_index(small_config, embedder)
    written, problems = open_written_questions(small_config.docs_dir, index, embedder)
    assert problems == []
    sentences = [s.text for passage in index.passages for s in passage.sentences]
    text = "What woman put it up, and in which year?"
    near = written.nearest(text, embedder.questions([text])[0])
    row = int(near.rows[near.asked.argmax()])
    assert BUILDER in sentences[row]
    assert near.margin > 0


def test_neighbours_without_an_answer_say_so(small_config: Config, embedder: Embedder) -> None:
    write(small_config.docs_dir, QUESTIONS)
    index, _ = open_index(small_config, embedder)
    written, _ = open_written_questions(small_config.docs_dir, index, embedder)
    for text in ("What did the mill cost to build?", "How many workers were employed by the mill?"):
        near = written.nearest(text, embedder.questions([text])[0])
        assert near.margin < 0, text
    cost = written.nearest("x", embedder.questions(["What did the mill cost to build?"])[0])
    who = written.nearest("x", embedder.questions(["Which woman put it up?"])[0])
    assert cost.answered < who.answered


def test_a_near_miss_of_the_corpus_is_refused_because_of_them(
    quoting: Chatbot, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same question, words of the documents and all, is answered once nothing is written."""
    question = "What does a LlamaCon ticket cost?"
    assert quoting.answer(question).status == "abstained"
    from chatbot.retrieval import Searcher

    monkeypatch.setattr(quoting, "_searcher", Searcher(quoting.index, embedder))
    assert quoting.answer(question).status == "quoted"


def test_questions_whose_answer_is_gone_say_nothing(
    small_config: Config, embedder: Embedder
) -> None:
    write(small_config.docs_dir, QUESTIONS)
    (small_config.docs_dir / "mill.txt").write_text("The old mill\n\nNobody knows who built it.\n")
    index, _ = open_index(small_config, embedder)
    written, _ = open_written_questions(small_config.docs_dir, index, embedder)
    assert QUESTIONS[0]["question"] not in written.texts
    (small_config.docs_dir / "mill.txt").unlink()
    index, _ = open_index(small_config, embedder)
    written, _ = open_written_questions(small_config.docs_dir, index, embedder)
    assert written.texts == ()


def test_each_is_embedded_once(
    small_config: Config, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(small_config.docs_dir, QUESTIONS[:2])
    index, _ = open_index(small_config, embedder)
    first, _ = open_written_questions(small_config.docs_dir, index, embedder)
    asked: list[str] = []
    embed = embedder.questions
    monkeypatch.setattr(embedder, "questions", lambda texts: asked.extend(texts) or embed(texts))
    write(small_config.docs_dir, QUESTIONS)
    second, _ = open_written_questions(small_config.docs_dir, index, embedder)
    assert asked == [QUESTIONS[2]["question"]]
    assert np.array_equal(first.vectors, second.vectors[:2])
    cache = index.folder / "questions.npz"
    cache.write_bytes(cache.read_bytes()[:100])
    third, _ = open_written_questions(small_config.docs_dir, index, embedder)
    assert len(asked) == 4
    assert np.allclose(second.vectors, third.vectors, atol=1e-6)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{broken", "line 4"),
        ('{"question": "", "answerable": false}', "empty"),
        ('{"question": "Who?", "answerable": true}', "evidence"),
        ('{"answerable": false}', "'question' is missing"),
        ("[1, 2]", "line 4"),
        ('{"question": "Who?", "answerable": true, "evidence": [{"doc": "a.md"}]}', "'quote'"),
    ],
)
def test_a_broken_line_is_named_and_left_out(small_config: Config, line: str, reason: str) -> None:
    write(small_config.docs_dir, QUESTIONS, line)
    with Chatbot.open(small_config) as chatbot:
        named = [why for name, why in chatbot.report.failed if name == FILE_NAME]
        assert len(named) == 1
        assert "line 4" in named[0]
        assert reason in named[0]
        assert BUILDER in chatbot.answer("Who built the mill?").answer


def test_the_corpus_questions_are_whole_and_held_out_ones_are_not_among_them() -> None:
    """Every line is read, every quote stands in its document, no evaluation question is there."""
    written, problems = read_written_questions(ROOT / "docs" / FILE_NAME)
    assert problems == []
    assert len(written) > 3000

    def plain(text: str) -> str:
        return "".join(c for c in text.casefold() if c.isalnum())

    texts = {path.name: plain(path.read_text("utf-8")) for path in (ROOT / "docs").glob("*.md")}
    for question in written:
        assert question.about is None or question.about in texts
        for doc, quote in question.evidence:
            assert plain(quote) in texts[doc], (doc, quote)
    own = {plain(question.text) for question in written}
    for name in ("llama-dev", "llama-test"):
        lines = (ROOT / f"chatbot/evaluation/sets/{name}.jsonl").read_text("utf-8").splitlines()
        for case in map(json.loads, lines[1:]):
            assert plain(case["question"]) not in own


@pytest.mark.parametrize(
    ("question", "said", "language"),
    [
        ("Why did Meta buy Scale AI outright instead of a minority share?", "49", "en"),
        (
            "Pourquoi la licence de Llama 2 interdisait-elle l'usage commercial ?",
            "commercial",
            "fr",
        ),
    ],
)
def test_a_false_premise_is_named_with_what_the_documents_say(
    quoting: Chatbot, question: str, said: str, language: str
) -> None:
    answer = quoting.answer(question)
    assert (answer.status, answer.reason) == ("abstained", "false_premise")
    assert answer.language == language
    lead, correction = answer.sentences
    assert lead.citations == ()
    assert said in correction.text
    (citation,) = answer.citations
    assert correction.citations == (citation.number,)
    text = quoting.document(citation.doc).text
    assert text[citation.start : citation.end] == citation.text == correction.text


def test_corrections_of_other_documents_are_not_said(quoting: Chatbot) -> None:
    question = "Why did Meta buy Scale AI outright instead of a minority share?"
    for event in quoting.ask(question, documents=["glossary.md"]):
        last = event
    assert isinstance(last, Answer)
    assert last.abstained
    assert last.reason != "false_premise"
    assert last.citations == ()


def test_the_space_is_adapted_only_to_many_questions(
    quoting: Chatbot, small_config: Config, embedder: Embedder
) -> None:
    """Sentences that answer the same come together, whatever their language."""
    write(small_config.docs_dir, QUESTIONS)
    index, _ = open_index(small_config, embedder)
    few, _ = open_written_questions(small_config.docs_dir, index, embedder)
    assert few.adapted is None
    assert few.alike(0, 1) == 0.0
    written = quoting._searcher.written
    assert written.adapted is not None
    rows = {s.text: i for i, s in enumerate(s for p in quoting.index.passages for s in p.sentences)}
    english = "Behemoth was still unreleased on 31 July 2025."
    row = rows[english]
    others = sorted(rows.values(), key=lambda other: -written.alike(row, other))
    assert others[0] == row
    near = [text for text, place in rows.items() if place in others[1:6]]
    assert sum("Behemoth" in text for text in near) >= 3


def test_the_space_is_adapted_anew_when_an_answer_is_mended(
    small_config: Config, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatbot import written_questions
    from chatbot.adaptation import adapt

    fitted: list[int] = []
    monkeypatch.setattr(written_questions, "MIN_VOTERS", 3)
    monkeypatch.setattr(
        written_questions, "adapt", lambda *given: (fitted.append(1), adapt(*given))[1]
    )
    index, _ = open_index(small_config, embedder)
    for rows, times in ((QUESTIONS, 1), (QUESTIONS, 1), (mended(), 2), (mended(), 2)):
        write(small_config.docs_dir, rows)
        open_written_questions(small_config.docs_dir, index, embedder)
        assert len(fitted) == times


def test_the_words_are_found_once(
    small_config: Config, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatbot import written_questions

    monkeypatch.setattr(written_questions, "MIN_VOTERS", 10**6)  # no sentence is looked at
    write(small_config.docs_dir, QUESTIONS)
    index, _ = open_index(small_config, embedder)
    new, _ = open_written_questions(small_config.docs_dir, index, embedder)
    monkeypatch.setattr(written_questions, "stems_of", None)  # not called again
    kept, _ = open_written_questions(small_config.docs_dir, index, embedder)
    assert (new.stems.rows != kept.stems.rows).nnz == 0
    assert new.stems.vocabulary == kept.stems.vocabulary
    assert kept.stems.rows.shape == (len(QUESTIONS), len(kept.stems.vocabulary.columns))


def mended() -> list[dict[str, Any]]:
    """The same questions, of which another has an answer."""
    quote = {"doc": "mill.txt", "quote": "It ground wheat until 1963 and is a museum today."}
    answered = {"question": QUESTIONS[2]["question"], "answerable": True, "evidence": [quote]}
    return [*QUESTIONS[:2], answered]


def test_shipped_vectors_are_taken_and_only_they(
    small_config: Config, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs, texts = small_config.docs_dir, [row["question"] for row in QUESTIONS]
    shipped = embedder.questions(texts[:2])
    ship_vectors(docs, texts[:2], shipped, embedder)
    write(docs, QUESTIONS)
    index, _ = open_index(small_config, embedder)
    asked: list[str] = []
    embed = embedder.questions
    monkeypatch.setattr(embedder, "questions", lambda texts: asked.extend(texts) or embed(texts))
    written, _ = open_written_questions(docs, index, embedder)
    assert asked == [texts[2]]
    assert (written.vectors[:2] * shipped).sum(axis=1).min() > 0.9999
    again, _ = open_written_questions(docs, index, embedder)
    assert np.array_equal(written.vectors, again.vectors)
    assert asked == [texts[2]]
    # A damaged file, or one of another embedder, costs time and nothing else.
    (docs / SHIPPED_NAME).write_bytes(b"PK\x03\x04 not an archive")
    open_written_questions(docs, index, embedder)
    assert asked == [texts[2], *texts[:2]]  # the third is kept beside the index


def test_nobody_waits_for_the_vectors_of_the_corpus(
    embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/questions.npz knows every question of docs/questions.jsonl, and knows it well."""
    written, _ = read_written_questions(ROOT / "docs" / FILE_NAME)
    texts = [question.text for question in written]
    some = embedder.questions(texts[::2000])
    monkeypatch.setattr(embedder, "questions", None)
    known = question_vectors(texts, embedder, ROOT / "docs", tmp_path / "cache")
    assert (known[::2000] * some).sum(axis=1).min() > 0.999
