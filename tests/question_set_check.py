"""Pure checks for the question sets: what a case may hold, and what it must.

Nothing here reads a file. Every function takes cases and returns findings that name them, so that
the tests can run it on the real sets and, as a control, on planted faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from chatbot.evaluation.text import contains
from chatbot.language import fold

Case = Mapping[str, Any]

KINDS = (
    "single_fact", "who_said", "list", "multi_document", "dated", "comparison", "yes_no", "french",
    "fr_to_en", "en_to_fr", "follow_up", "near_miss", "false_premise", "out_of_scope",
    "adversarial",
)  # fmt: skip
LANGUAGE_OF = {"french": "fr", "fr_to_en": "fr", "en_to_fr": "en"}
"""Kinds that fix the language of the question."""
DOCUMENT_LANGUAGE_OF = {"french": "fr", "fr_to_en": "en", "en_to_fr": "fr"}
"""Kinds that fix the language of the article that comes first in the evidence."""
NEVER_ANSWERABLE = {"near_miss", "false_premise", "out_of_scope"}


def header_problems(header: Mapping[str, Any], cases: Sequence[Case]) -> list[str]:
    """Where the header counts otherwise than the cases themselves."""
    counted: dict[str, Any] = {
        "cases": len(cases),
        "answerable": sum(case["answerable"] for case in cases),
        "kinds": dict(Counter(case["category"] for case in cases)),
        "languages": dict(Counter(case["language"] for case in cases)),
    }
    return [
        f"{name}: the header says {header.get(name)}, counted {value}"
        for name, value in counted.items()
        if header.get(name) != value
    ]


def repeated(cases: Sequence[Case]) -> list[str]:
    """Ids and question texts, case and accents aside, that occur more than once."""
    ids = Counter(case["id"] for case in cases)
    questions = Counter(" ".join(fold(case["question"]).split()) for case in cases)
    return [f"id {name} twice" for name, count in ids.items() if count > 1] + [
        f"question twice: {text}" for text, count in questions.items() if count > 1
    ]


def shape_problems(cases: Iterable[Case]) -> list[str]:
    """Unknown kinds, fields that a kind must or must not have, and lone or missing histories."""
    found = []
    for case in cases:
        kind, answerable = case["category"], case["answerable"]
        rules = {
            f"unknown kind {kind}": kind not in KINDS,
            "unknown language": case.get("language") not in ("en", "fr"),
            "language against its kind": LANGUAGE_OF.get(kind, case.get("language"))
            != case.get("language"),
            "answerable against its kind": answerable and kind in NEVER_ANSWERABLE,
            "not answerable against its kind": not answerable
            and kind not in NEVER_ANSWERABLE | {"adversarial"},
            "answerable without answer, evidence or must_include": answerable
            and not all(case.get(name) for name in ("answers", "evidence", "must_include")),
            "unanswerable with evidence, must_include or must_not_include": not answerable
            and any(case.get(name) for name in ("evidence", "must_include", "must_not_include")),
            "unanswerable with an answer": not answerable
            and kind != "false_premise"
            and bool(case["answers"]),
            "false premise without answer and correction": kind == "false_premise"
            and not (case["answers"] and case.get("correction")),
            "follow-up without history": kind == "follow_up" and not case.get("history"),
            "paraphrased must be said of single facts only": isinstance(
                case.get("paraphrased"), bool
            )
            != (kind == "single_fact"),
            "two articles needed": kind == "multi_document"
            and len({gold["doc"] for gold in case["evidence"]}) < 2,
        }
        found += [f"{case['id']}: {rule}" for rule, broken in rules.items() if broken]
    return found


def missing_quotes(cases: Iterable[Case], texts: Mapping[str, str]) -> list[str]:
    """Quotes, of corrections too, that do not stand verbatim in their document."""
    return [
        f"{case['id']}: not in {gold['doc']}: {gold['quote']}"
        for case in cases
        for gold in [*case.get("evidence", []), *filter(None, [case.get("correction")])]
        if not gold["quote"].strip() or gold["quote"] not in texts.get(gold["doc"], "")
    ]


def unsupported_groups(cases: Iterable[Case]) -> list[str]:
    """must_include groups of which no alternative stands in the case's quotes."""
    found = []
    for case in cases:
        quotes = "\n".join(gold["quote"] for gold in case.get("evidence", []))
        found += [
            f"{case['id']}: no quote holds any of {group}"
            for group in case.get("must_include", [])
            if not any(contains(quotes, alternative) for alternative in group)
        ]
    return found


def refused_answers(cases: Iterable[Case]) -> list[str]:
    """Reference answers that the case's own must_include or must_not_include would refuse."""
    found = []
    for case in cases:
        for answer in case["answers"] if case["answerable"] else []:
            missing = [
                group
                for group in case["must_include"]
                if not any(contains(answer, alternative) for alternative in group)
            ]
            wrong = [part for part in case.get("must_not_include", []) if contains(answer, part)]
            found += [f"{case['id']}: own answer fails {part}" for part in [*missing, *wrong]]
    return found


def forbidden_in_evidence(cases: Iterable[Case]) -> list[str]:
    """must_not_include parts that an answer which quotes the evidence would hold."""
    return [
        f"{case['id']}: {part!r} stands in its evidence"
        for case in cases
        for part in case.get("must_not_include", [])
        if any(contains(gold["quote"], part) for gold in case["evidence"])
    ]


def given_away(cases: Iterable[Case]) -> list[str]:
    """must_include alternatives that the question, or the user's turns before it, already hold."""
    found = []
    for case in cases:
        turns = [turn["content"] for turn in case.get("history", []) if turn["role"] == "user"]
        asked = "\n".join([*turns, case["question"]])
        found += [
            f"{case['id']}: {alternative!r} is in the question"
            for group in case.get("must_include", [])
            for alternative in group
            if contains(asked, alternative)
        ]
    return found


def foreign_evidence(
    cases: Iterable[Case], articles: Collection[str], languages: Mapping[str, str]
) -> list[str]:
    """First evidence, or corrections, from another split or in another language than the kind's."""
    found = []
    for case in cases:
        gold = case["evidence"][0] if case.get("evidence") else case.get("correction")
        if gold is None:
            continue
        wanted = DOCUMENT_LANGUAGE_OF.get(case["category"])
        if gold["doc"] not in articles:
            found.append(f"{case['id']}: {gold['doc']} belongs to another split")
        if wanted is not None and languages.get(gold["doc"]) != wanted:
            found.append(f"{case['id']}: {gold['doc']} is not in {wanted}")
        if wanted == "fr" and case["language"] == "en":
            found += [
                f"{case['id']}: {other['doc']} answers in English"
                for other in case["evidence"]
                if languages.get(other["doc"]) != "fr"
            ]
    return found


def times_asked(cases: Iterable[Case], articles: Iterable[str]) -> dict[str, int]:
    """How many answerable cases of a split have evidence in each of the split's articles."""
    counts = dict.fromkeys(articles, 0)
    for case in cases:
        for doc in {gold["doc"] for gold in case.get("evidence", [])} & counts.keys():
            counts[doc] += 1
    return counts


def paraphrased_share(cases: Iterable[Case]) -> float:
    """Share of the single facts that are asked in other words than the article's, 0…1."""
    marks = [bool(case["paraphrased"]) for case in cases if case["category"] == "single_fact"]
    return sum(marks) / len(marks)


def holds_evidence(case: Case, doc: str, text: str) -> bool:
    """True if a passage of a document holds one of the case's quotes whole."""
    return any(gold["doc"] == doc and gold["quote"] in text for gold in case["evidence"])
