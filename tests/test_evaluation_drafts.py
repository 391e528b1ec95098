"""Drafts of cases: evidence first, marked as drafts, near misses that no sentence answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_evaluation_fakes import make_answer

from chatbot.config import PROJECT_ROOT
from chatbot.errors import DatasetError
from chatbot.evaluation.datasets import load_dataset, missing_quotes
from chatbot.evaluation.drafts import GAP, draft_cases, feedback_cases, is_usable, write_drafts
from chatbot.language import words
from chatbot.records import Language
from chatbot.web import exports
from chatbot.web.conversations import Rating

DOCS = PROJECT_ROOT / "docs"
NAMES = ("llama-4-models.md", "fr-llama-4-en-bref.md", "llama-history-2023-2024.md")


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    for name in NAMES:
        (folder / name).write_bytes((DOCS / name).read_bytes())
    return folder


def test_drafts_are_cases_whose_evidence_stands_in_the_documents(
    docs: Path, tmp_path: Path
) -> None:
    from chatbot import documents

    cases = draft_cases(docs, per_document=4, seed=0)
    write_drafts(tmp_path / "new" / "drafts.jsonl", cases)
    loaded = load_dataset(tmp_path / "new" / "drafts.jsonl")
    assert loaded.header["draft"] is True
    assert len(loaded.cases) == len(cases)
    texts = {file.doc: documents.read(file).text for file in documents.scan(docs)[0]}
    assert not missing_quotes(loaded.cases, texts.get)
    assert all(case["draft"] and case["review"] for case in cases)
    answerable = [case for case in cases if case["answerable"]]
    assert {case["evidence"][0]["doc"] for case in answerable} == set(NAMES)
    for case in answerable:
        (answer,), (gold,) = case["answers"], case["evidence"]
        assert answer in gold["quote"]
        assert GAP in case["question"]


def test_near_misses_swap_a_name_or_a_year_that_no_sentence_holds_with_the_rest(docs: Path) -> None:
    cases = draft_cases(docs, per_document=6, seed=1)
    misses = [case for case in cases if not case["answerable"]]
    assert len(misses) >= 3
    by_id = {case["id"]: case for case in cases}
    for miss in misses:
        old, new = miss["swapped"]
        original = by_id[miss["id"].removesuffix("-near-miss")]
        assert new in miss["question"]
        assert old in original["question"]
        changed = zip(miss["question"].split(), original["question"].split(), strict=False)
        assert any(one != other for one, other in changed)
        assert not set(words(new)) <= set(words(original["evidence"][0]["quote"]))
        assert miss["answers"] == []


def test_the_same_seed_drafts_the_same(docs: Path) -> None:
    assert draft_cases(docs, per_document=2, seed=3) == draft_cases(docs, per_document=2, seed=3)
    assert draft_cases(docs, per_document=2, seed=3) != draft_cases(docs, per_document=2, seed=4)


def test_a_model_words_the_question_where_it_can(docs: Path) -> None:
    def writer(sentence: str, answer: str, lang: Language) -> str | None:
        return "How much is it, then?" if lang == "en" else None

    cases = [c for c in draft_cases(docs, per_document=2, seed=0, writer=writer) if c["answerable"]]
    assert {(case["language"], case["made_by"]) for case in cases} == {
        ("en", "model"),
        ("fr", "rules"),
    }


def test_a_question_of_a_small_model_must_be_about_the_sentence() -> None:
    sentence = "Scout holds 109 billion parameters spread over 16 experts."
    assert is_usable("How many parameters does Scout have?", sentence, "109 billion")
    assert not is_usable("What is the answer to this question?", sentence, "109 billion")
    assert not is_usable("Has Scout 109 billion parameters?", sentence, "109 billion")
    assert not is_usable(sentence, sentence, "16")


def test_answers_marked_as_bad_on_the_page_become_drafts(tmp_path: Path) -> None:
    earlier = make_answer("It has 7B.", question="How big is Llama 2?")
    ratings = [
        Rating(answer=make_answer("In 2023.", question="And since when?"), verdict="bad",
               reason="too old", earlier=(earlier,)),
        Rating(answer=make_answer("It is.", question="Fine?"), verdict="good", reason="",
               earlier=()),
    ]  # fmt: skip
    path = tmp_path / "feedback.jsonl"
    rows = [exports.case(rating) | {"id": f"feedback-{n}"} for n, rating in enumerate(ratings)]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (draft,) = feedback_cases(path)
    assert (draft["draft"], draft["answerable"], draft["answers"]) == (True, None, [])
    assert draft["reason"] == "too old"
    write_drafts(tmp_path / "drafts.jsonl", [draft])
    (loaded,) = load_dataset(tmp_path / "drafts.jsonl").cases
    assert loaded.question == "And since when?"
    assert [turn.content for turn in loaded.history] == ["How big is Llama 2?", "It has 7B."]
    path.write_text('{"verdict": "bad"}\n', encoding="utf-8")
    with pytest.raises(DatasetError, match="line 1"):
        feedback_cases(path)
