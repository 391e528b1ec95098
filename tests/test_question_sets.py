"""The shipped question sets keep their rules, and are too hard for keywords alone."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import question_set_check as check

from chatbot import documents
from chatbot.config import Config
from chatbot.evaluation.datasets import Dataset, find_set, load_dataset
from chatbot.language import content_words, stem
from chatbot.lexicon import keyword_query, question_stems
from chatbot.records import Language, Passage
from chatbot.retrieval import KeywordIndex

DOCS = Path(__file__).resolve().parent.parent / "docs"
SPLITS = ("dev", "test")
HARD_ENOUGH = 0.6
"""Above this share of top passages with the evidence, keyword search would nearly do."""

Query = Callable[[str], list[str]]


@cache
def dataset(split: str) -> Dataset:
    return load_dataset(find_set(f"llama-{split}"))


def cases(split: str) -> list[check.Case]:
    return [case.data for case in dataset(split).cases]


def both() -> list[check.Case]:
    return [case for split in SPLITS for case in cases(split)]


def articles(split: str) -> list[str]:
    return list(dataset(split).header["articles"])


@cache
def extracted() -> dict[str, documents.Extracted]:
    files, skipped = documents.scan(DOCS)
    assert not skipped
    return {file.doc: documents.read(file) for file in files}


def languages() -> dict[str, str]:
    return {doc: found.lang for doc, found in extracted().items()}


# ---- the sets as a whole ----------------------------------------------------------------------


def test_there_are_enough_cases_and_near_misses() -> None:
    assert len(both()) >= 400
    assert sum(case["category"] == "near_miss" for case in both()) >= 70


@pytest.mark.parametrize("split", SPLITS)
def test_the_header_counts_what_is_there(split: str) -> None:
    assert check.header_problems(dataset(split).header, cases(split)) == []
    assert [case["id"] for case in cases(split)] == sorted(case["id"] for case in cases(split))


@pytest.mark.parametrize("split", SPLITS)
def test_every_kind_is_there(split: str) -> None:
    assert set(check.KINDS) == {case["category"] for case in cases(split)}


def test_no_id_or_question_occurs_twice_over_both_sets() -> None:
    assert check.repeated(both()) == []


def test_the_two_splits_share_no_article_and_leave_none_out() -> None:
    dev, test = set(articles("dev")), set(articles("test"))
    assert not dev & test
    assert dev | test == set(extracted())
    assert len(extracted()) == 31


@pytest.mark.parametrize("split", SPLITS)
def test_every_article_is_asked_about_five_times(split: str) -> None:
    counts = check.times_asked(cases(split), articles(split))
    assert {doc: count for doc, count in counts.items() if count < 5} == {}


@pytest.mark.parametrize("split", SPLITS)
def test_half_of_the_single_facts_are_paraphrased(split: str) -> None:
    assert check.paraphrased_share(cases(split)) >= 0.5


# ---- each case --------------------------------------------------------------------------------


def test_every_case_has_the_fields_of_its_kind() -> None:
    assert check.shape_problems(both()) == []


def test_every_quote_stands_in_its_document_and_in_the_text_read_from_it() -> None:
    files = {doc: (DOCS / doc).read_text(encoding="utf-8") for doc in extracted()}
    assert check.missing_quotes(both(), files) == []
    texts = {doc: found.text for doc, found in extracted().items()}
    assert check.missing_quotes(both(), texts) == []


def test_every_group_is_in_the_quotes_and_lets_the_reference_answer_pass() -> None:
    assert check.unsupported_groups(both()) == []
    assert check.refused_answers(both()) == []
    assert check.forbidden_in_evidence(both()) == []


def test_no_question_holds_its_own_answer() -> None:
    assert check.given_away(both()) == []


@pytest.mark.parametrize("split", SPLITS)
def test_the_first_evidence_is_of_the_split_and_of_the_language(split: str) -> None:
    assert check.foreign_evidence(cases(split), articles(split), languages()) == []


# ---- how hard the sets are --------------------------------------------------------------------


@cache
def passages() -> tuple[Passage, ...]:
    size = Config.model_fields["passage_characters"].default
    return tuple(
        passage
        for text in extracted().values()
        for passage in documents.passages(text, max_characters=size)
    )


@cache
def keyword_index() -> KeywordIndex:
    def stems(passage: Passage) -> list[str]:
        language: Language = "fr" if passage.lang == "fr" else "en"
        text = f"{passage.title} {passage.section} {passage.text}"
        return [stem(word, language) for word in content_words(text)]

    return KeywordIndex([stems(passage) for passage in passages()])


def found_by_keywords(case: check.Case, query: Query) -> bool:
    """True if the passage that BM25 alone puts first holds an evidence quote."""
    asked = " ".join([*(turn["content"] for turn in case.get("history", [])), case["question"]])
    top = passages()[int(np.argmax(keyword_index().scores(query(asked))))]
    return check.holds_evidence(case, top.doc, top.text)


@pytest.mark.parametrize("query", [question_stems, keyword_query], ids=["words", "translated"])
def test_keywords_alone_do_not_find_the_evidence(query: Query) -> None:
    lines = []
    for split in SPLITS:
        found: Counter[str] = Counter()
        asked: Counter[str] = Counter()
        for case in cases(split):
            if case["answerable"]:
                kind = case["category"]
                if kind == "single_fact":
                    kind += ", paraphrased" if case["paraphrased"] else ", plain"
                hit = found_by_keywords(case, query)
                for name in ("all", kind):
                    asked[name] += 1
                    found[name] += hit
        lines += [
            f"{split} {name}: {found[name]} of {asked[name]} = {found[name] / asked[name]:.1%}"
            for name in ["all", *sorted(asked.keys() - {"all"})]
        ]
        assert found["all"] / asked["all"] < HARD_ENOUGH
    # Read with `pytest -s`; DECISIONS.md repeats the figures.
    sys.stdout.write(f"\nBM25 top passage holds an evidence quote ({query.__name__}):\n")
    sys.stdout.write("".join(f"  {line}\n" for line in lines))


# ---- the checks can fail ----------------------------------------------------------------------

TEXTS = {"bridge.md": "The bridge was opened in 1847.", "mill.md": "Le moulin date de 1901."}
SOUND: dict[str, Any] = {
    "id": "case-1",
    "question": "When did the bridge open?",
    "answerable": True,
    "answers": ["In 1847."],
    "must_include": [["1847", "MDCCCXLVII"]],
    "evidence": [{"doc": "bridge.md", "quote": "The bridge was opened in 1847."}],
    "language": "en",
    "category": "single_fact",
    "paraphrased": False,
}
UNANSWERABLE: dict[str, Any] = {
    "id": "case-2",
    "question": "Who designed the bridge?",
    "answerable": False,
    "answers": [],
    "evidence": [],
    "language": "en",
    "category": "near_miss",
}


def findings(case: dict[str, Any]) -> list[str]:
    """What the checks of single cases say about one case."""
    return [
        *check.shape_problems([case]),
        *check.missing_quotes([case], TEXTS),
        *check.unsupported_groups([case]),
        *check.refused_answers([case]),
        *check.forbidden_in_evidence([case]),
        *check.given_away([case]),
        *check.foreign_evidence([case], {"bridge.md"}, {"bridge.md": "en", "mill.md": "fr"}),
    ]


def test_a_sound_case_passes() -> None:
    assert findings(SOUND) == []
    assert findings(UNANSWERABLE) == []


@pytest.mark.parametrize(
    ("base", "fault", "finding"),
    [
        (SOUND, {"category": "riddle", "paraphrased": None}, "unknown kind riddle"),
        (SOUND, {"language": "de"}, "unknown language"),
        (SOUND, {"category": "fr_to_en", "paraphrased": None}, "language against its kind"),
        (SOUND, {"category": "near_miss", "paraphrased": None}, "answerable against its kind"),
        (SOUND, {"must_include": []}, "answerable without"),
        (SOUND, {"paraphrased": None}, "paraphrased must be said"),
        (SOUND, {"category": "follow_up", "paraphrased": None}, "follow-up without history"),
        (SOUND, {"category": "multi_document", "paraphrased": None}, "two articles needed"),
        (SOUND, {"evidence": [{"doc": "bridge.md", "quote": "opened in 1848"}]}, "not in bridge"),
        (SOUND, {"evidence": [{"doc": "mill.md", "quote": "opened in 1847"}]}, "not in mill"),
        (SOUND, {"evidence": [{"doc": "bridge.md", "quote": "The bridge"}]}, "no quote holds"),
        (SOUND, {"must_include": [["184"]]}, "no quote holds"),
        (SOUND, {"answers": ["In the forties."]}, "own answer fails"),
        (SOUND, {"must_not_include": ["in 1847"]}, "stands in its evidence"),
        (SOUND, {"question": "Did the bridge open in 1847?"}, "is in the question"),
        (
            SOUND,
            {"history": [{"role": "user", "content": "Is MDCCCXLVII on the bridge a year?"}]},
            "is in the question",
        ),
        (
            SOUND,
            {"evidence": [{"doc": "mill.md", "quote": "Le moulin date de 1901."}]},
            "another split",
        ),
        (SOUND, {"category": "en_to_fr", "paraphrased": None}, "is not in fr"),
        (SOUND, {"category": "en_to_fr", "paraphrased": None}, "answers in English"),
        (UNANSWERABLE, {"category": "list"}, "not answerable against its kind"),
        (UNANSWERABLE, {"evidence": SOUND["evidence"]}, "unanswerable with evidence"),
        (UNANSWERABLE, {"must_include": [["1847"]]}, "unanswerable with evidence"),
        (UNANSWERABLE, {"answers": ["A mason."]}, "unanswerable with an answer"),
        (UNANSWERABLE, {"category": "false_premise"}, "false premise without"),
        (
            UNANSWERABLE,
            {
                "category": "false_premise",
                "answers": ["It did not."],
                "correction": {"doc": "bridge.md", "quote": "The bridge fell."},
            },
            "not in bridge",
        ),
    ],
)
def test_a_planted_fault_is_found(
    base: dict[str, Any], fault: dict[str, Any], finding: str
) -> None:
    assert any(finding in found for found in findings(base | fault)), findings(base | fault)


def test_faults_of_a_whole_set_are_found() -> None:
    pair = [SOUND, UNANSWERABLE]
    header = {
        "cases": 2,
        "answerable": 1,
        "kinds": {"single_fact": 1, "near_miss": 1},
        "languages": {"en": 2},
    }
    assert check.header_problems(header, pair) == []
    for name, wrong in [("cases", 3), ("answerable", 2), ("kinds", {}), ("languages", {"fr": 2})]:
        assert len(check.header_problems(header | {name: wrong}, pair)) == 1
    assert check.repeated(pair) == []
    assert check.repeated([SOUND, UNANSWERABLE | {"id": "case-1"}]) == ["id case-1 twice"]
    assert (
        len(check.repeated([SOUND, SOUND | {"id": "x", "question": "WHEN did the  bridge open?"}]))
        == 1
    )
    assert check.times_asked(pair, ["bridge.md", "mill.md"]) == {"bridge.md": 1, "mill.md": 0}
    assert check.paraphrased_share([SOUND, SOUND | {"paraphrased": True}, UNANSWERABLE]) == 0.5


def test_a_passage_must_hold_the_quote_and_be_of_its_document() -> None:
    assert check.holds_evidence(SOUND, "bridge.md", "Stone. The bridge was opened in 1847.")
    assert not check.holds_evidence(SOUND, "mill.md", "The bridge was opened in 1847.")
    assert not check.holds_evidence(SOUND, "bridge.md", "The bridge was opened")
