"""Search with questions that no one planned for, and indexes of unusual size."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from chatbot.chatbot import Chatbot
from chatbot.config import Config, load_config
from chatbot.embedding import Embedder
from chatbot.errors import UsageError
from chatbot.index import open_index
from chatbot.retrieval import Searcher

LONG = "How many downloads does Llama have, counted by Meta itself, as far as anyone knows? "


@pytest.mark.parametrize(
    "question",
    [
        "the",
        "de la",
        "كم مرة تم تنزيل لاما؟",
        "Llama 有多少次下载？",
        "🦙🦙🦙 a",
        "a" * 5_000,
        "SELECT * FROM passages; --",
        "What happened on 31 February 2025?",
        "Que s'est-il passé le 30 février 2025 ?",
        "What was the figure as of 2025-13-45?",
        "\u202edownloads\u202c \x00\x07?",
    ],
)
def test_odd_questions_get_an_answer_or_a_plain_refusal(quoting: Chatbot, question: str) -> None:
    answer = quoting.answer(question)
    assert answer.status in ("quoted", "abstained")
    assert answer.answer
    for citation in answer.citations:
        text = quoting.document(citation.doc).text
        assert text[citation.start : citation.end] == citation.text


@pytest.mark.parametrize("question", ["🦙🦙🦙", "?!", " \n\t", ""])
def test_a_question_without_a_letter_is_refused_in_one_line(
    quoting: Chatbot, question: str
) -> None:
    with pytest.raises(UsageError) as refused:
        quoting.answer(question)
    assert "\n" not in refused.value.message
    assert "chatbot ask" in (refused.value.remedy or "")


def test_a_question_of_100_000_characters_is_answered_soon(quoting: Chatbot) -> None:
    started = time.perf_counter()
    answer = quoting.answer((LONG * 1_300)[:100_000])
    assert time.perf_counter() - started < 20
    assert answer.status in ("quoted", "abstained")


def test_a_day_that_does_not_exist_is_no_constraint(quoting: Chatbot) -> None:
    plain = quoting.answer("How many times had Llama been downloaded?")
    odd = quoting.answer("How many times had Llama been downloaded on 31 February 2025?")
    assert plain.status == "quoted"
    assert odd.as_of != plain.as_of or odd.status == plain.status


def test_an_index_of_one_passage(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "one.txt").write_text("The lamp\n\nThe lamp of the pier was lit in 1903.\n")
    config = load_config(docs_dir=docs, storage_dir=tmp_path / "storage", chat_model="none")
    with Chatbot.open(config) as chatbot:
        assert len(chatbot.index.passages) == 1
        answer = chatbot.answer("When was the lamp of the pier lit?")
        assert "1903" in answer.answer
        assert chatbot.answer("Who won the football cup in Brazil?").status == "abstained"


def test_scores_of_every_passage_and_sentence_are_numbers(
    small_config: Config, embedder: Embedder
) -> None:
    index, _ = open_index(small_config, embedder)
    searcher = Searcher(index, embedder)
    for query in ("the", "xyzzy", "Jeanne Morel 1847"):
        hits = searcher.search(query)
        assert hits.fused.shape == (len(index.passages),)
        assert hits.sentence_similarity.shape == (int(index.first_sentence[-1]),)
        assert all(np.isfinite(scores).all() for scores in (hits.fused, hits.sentence_similarity))
    unknown = searcher.search("xyzzy")
    assert not unknown.keyword.any(), "a word that no passage has counts for none"
    assert all(scored.keyword is None for _, scored in searcher.best(unknown, 3))
    assert searcher.search("Jeanne Morel 1847").keyword.max() > 0


@pytest.mark.parametrize(
    ("question", "doc"),
    [
        ("Combien de navires le port a-t-il vus passer en 2023 ?", "harbour.md"),
        ("How long is the bridge, in metres?", "pont.txt"),
    ],
)
def test_the_language_of_a_question_does_not_choose_the_document(
    small_config: Config, embedder: Embedder, question: str, doc: str
) -> None:
    index, _ = open_index(small_config, embedder)
    searcher = Searcher(index, embedder)
    (_, best), *_ = searcher.best(searcher.search(question), 1)
    assert best.passage.doc == doc
