"""Metrics: pure functions over saved rows, so that one can be mended without generating again.

A row is an object of answers.jsonl: what the answer's `to_json` gives, with "case" and "error".
A score is a number, or None where it does not apply or cannot be known: never 0 in its place.
A case that failed scores in `error` and in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from chatbot import grounding
from chatbot.evaluation.text import (
    contains,
    coverage,
    overlap_f1,
    squad_normalised,
    value_words,
)

Row = Mapping[str, Any]
Score = float | None
Group = Literal["overall", "retrieval", "answer", "citation", "abstention", "cost"]

COVERED = 0.5
"""Share of a gold quote's four-word runs that a passage or citation must hold to count as it.

Half: passages end between sentences, so a quote of two sentences may be cut in the middle.
"""
LONGEST_FACT_WORDS = 10
"""Reference answers of more words are prose; that an answer contains one says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric's name and meaning. Its value is a mean over rows unless it is in SET_METRICS."""

    name: str
    group: Group
    better: Literal["higher", "lower"]
    gate: bool = False
    """Belongs to the family that `--fail-on-regression` tests."""
    unit: str = "share"
    meaning: str
    """One line for the report, with the source of the method."""


# ---- answers ---------------------------------------------------------------------------------


def error(row: Row) -> Score:
    """1 if the case failed with an error, else 0."""
    return float(row.get("error") is not None)


def correct(row: Row) -> Score:
    """Answerable cases: 1 if every group of must_include has an alternative in the answer.

    Without must_include, one short reference answer must be contained. Whatever must_not_include
    names makes it 0, and so does an abstention. None if the case says nothing to look for.
    """
    case = row["case"]
    if row.get("error") is not None or not case["answerable"]:
        return None
    groups = case.get("must_include") or _short(case["answers"])
    if not groups:
        return None
    text = row["answer"]
    if row["abstained"] or any(contains(text, part) for part in case.get("must_not_include", [])):
        return 0.0
    return float(all(any(contains(text, part) for part in group) for group in groups))


def _short(answers: Sequence[str]) -> list[list[str]]:
    short = [answer for answer in answers if 0 < len(answer.split()) <= LONGEST_FACT_WORDS]
    return [short] if short else []


def right(row: Row) -> Score:
    """`correct` for answerable cases, abstention for the others: the share of right reactions."""
    if row.get("error") is None and row["case"]["answerable"] is False:
        return float(row["abstained"])
    return correct(row)


def squad_exact_match(row: Row) -> Score:
    """SQuAD 2.0 exact match (Rajpurkar et al. 2018): an abstention is the empty answer."""
    golds = _golds(row)
    if golds is None:
        return None
    prediction = squad_normalised(_prediction(row))
    return max(float(prediction == squad_normalised(gold)) for gold in golds)


def squad_f1(row: Row) -> Score:
    """SQuAD 2.0 word F1 (Rajpurkar et al. 2018), best of the reference answers."""
    golds = _golds(row)
    if golds is None:
        return None
    prediction = squad_normalised(_prediction(row)).split()
    return max(overlap_f1(prediction, squad_normalised(gold).split()) for gold in golds)


def token_f1(row: Row) -> Score:
    """Word F1 with days, figures and number words in one form (`text.value_words`)."""
    golds = _golds(row)
    if golds is None:
        return None
    prediction = value_words(_prediction(row))
    return max(overlap_f1(prediction, value_words(gold)) for gold in golds)


def chrf(row: Row) -> Score:
    """Character n-gram F-score, 0…1 (Popović 2015; sacrebleu's chrF2), answered cases only."""
    answers = row["case"]["answers"]
    if row.get("error") is not None or not answers or row["abstained"]:
        return None
    return _chrf(row["answer"], answers)


def _chrf(text: str, references: Sequence[str]) -> float:
    from sacrebleu import sentence_chrf

    return float(sentence_chrf(text, list(references)).score) / 100


def _prediction(row: Row) -> str:
    return "" if row["abstained"] else str(row["answer"])


def _golds(row: Row) -> list[str] | None:
    """Reference answers as the SQuAD 2.0 script takes them; None if the case has none."""
    case = row["case"]
    if row.get("error") is not None or case["answerable"] is None:
        return None
    if case["answerable"] is False:
        return [""]
    return [gold for gold in case["answers"] if squad_normalised(gold)] or None


# ---- citations -------------------------------------------------------------------------------


def citation_precision(row: Row) -> Score:
    """Share of an answer's citations that hold gold evidence (after Gao et al. 2023, ALCE).

    Gold quotes take the place of ALCE's entailment model. None without citations or evidence.
    """
    evidence = _evidence(row)
    if not evidence or not row["citations"]:
        return None
    return float(np.mean([any(_holds(c, gold) for gold in evidence) for c in row["citations"]]))


def citation_recall(row: Row) -> Score:
    """Share of the gold quotes that an answer cites; None for an abstention or no evidence.

    Reads low where gold quotes say the same in several places: `evidence_cited` does not.
    """
    evidence = _evidence(row)
    if not evidence or row["abstained"]:
        return None
    return float(np.mean([any(_holds(c, gold) for c in row["citations"]) for gold in evidence]))


def evidence_cited(row: Row) -> Score:
    """Share of the asked facts of which an answer cites gold evidence; None as above.

    A case that asks one fact lists the places that say it: citing any one of them is 1. A case
    with several must_include groups asks several facts: each that stands in a gold quote needs a
    cited gold quote that holds it.
    """
    evidence = _evidence(row)
    if not evidence or row["abstained"]:
        return None
    cited = [gold for gold in evidence if any(_holds(c, gold) for c in row["citations"])]
    groups = row["case"].get("must_include") or []
    facts = [group for group in groups if _says(evidence, group)] if len(groups) > 1 else []
    if not facts:
        return float(bool(cited))
    return float(np.mean([_says(cited, group) for group in facts]))


def _says(quotes: Sequence[Mapping[str, str]], group: Sequence[str]) -> bool:
    return any(contains(gold["quote"], part) for gold in quotes for part in group)


def uncited_sentences(row: Row) -> Score:
    """Share of an answer's sentences without a citation that exists; None for an abstention."""
    if row.get("error") is not None or row["abstained"] or not row["sentences"]:
        return None
    numbers = {citation["number"] for citation in row["citations"]}
    return float(np.mean([not numbers & set(item["citations"]) for item in row["sentences"]]))


def unsupported_items(row: Row) -> Score:
    """Figures, dates and names of the answer that are not in the text its sentences cite; count."""
    if row.get("error") is not None or row["abstained"] or not row["sentences"]:
        return None
    texts = {citation["number"]: citation["text"] for citation in row["citations"]}
    missing = 0
    for sentence in row["sentences"]:
        cited = [texts[number] for number in sentence["citations"] if number in texts]
        missing += len(grounding.unsupported_items(sentence["text"], cited))
    return float(missing)


def draft_kept(row: Row) -> Score:
    """Share of the sentences that the model wrote that passed the check; None if it wrote none.

    The check and the quotes keep a worse model's words from the reader: it shows here first.
    """
    kept, dropped = _drafted(row)
    return len(kept) / (len(kept) + len(dropped)) if kept or dropped else None


def draft_chrf(row: Row) -> Score:
    """chrF2 of all that the model wrote, kept or dropped, against the gold evidence, 0…1.

    Of a model whose sentences are hardly ever kept, `draft_kept` shows nothing; this still tells
    how near it came. None if nothing was dropped, because what is kept is the answer and judged as
    such, or if the case has no evidence.
    """
    kept, dropped = _drafted(row)
    quotes = [gold["quote"] for gold in _evidence(row) if gold["quote"]]
    if not any(dropped) or not quotes:
        return None
    return _chrf(" ".join([*kept, *dropped]), quotes)


def _drafted(row: Row) -> tuple[list[str], list[str]]:
    """Sentences that the model wrote: those that stand in the answer, and those dropped."""
    if row.get("error") is not None or not row["tokens"]["answer"]:
        return [], []
    cited = {citation["text"] for citation in row["citations"]}
    kept = [item["text"] for item in row["sentences"] if item["text"] not in cited]
    return kept, [item["text"] for item in row.get("dropped") or []]


def _evidence(row: Row) -> list[Mapping[str, str]]:
    return [] if row.get("error") is not None else row["case"].get("evidence") or []


def _holds(found: Mapping[str, Any], gold: Mapping[str, str]) -> bool:
    """A passage or citation holds a gold quote; an empty quote stands for its whole document."""
    if found["doc"] != gold["doc"]:
        return False
    return not gold["quote"] or coverage(gold["quote"], found["text"]) >= COVERED


# ---- abstention ------------------------------------------------------------------------------


def answered_unanswerable(row: Row) -> Score:
    """Unanswerable cases: 1 if answered all the same (false acceptance)."""
    if row.get("error") is not None or row["case"]["answerable"] is not False:
        return None
    return float(not row["abstained"])


def abstained_answerable(row: Row) -> Score:
    """Answerable cases: 1 if not answered (false rejection)."""
    if row.get("error") is not None or not row["case"]["answerable"]:
        return None
    return float(row["abstained"])


def confidence(row: Row) -> Score:
    """The stated probability that the documents answer; 0 where no passage was found at all."""
    if row.get("error") is not None:
        return None
    if row.get("probability") is None:
        return 0.0 if row.get("reason") == "no_passages" else None
    return float(row["probability"])


# ---- retrieval -------------------------------------------------------------------------------


def retrieval(rows: Sequence[Row]) -> dict[str, list[Score]]:
    """nDCG@10, recall@5, reciprocal rank and hit@5 of each row, computed by ir-measures.

    On documents: each document once, at its best passage. On gold quotes: a passage stands for
    the quotes that it is the first to hold, so recall counts quotes and a second passage with
    the same quote earns nothing. Rows without gold evidence are None, as are failed ones.
    """
    from ir_measures import RR, R, Success, nDCG, pytrec_eval

    names = {nDCG @ 10: "ndcg@10", R @ 5: "recall@5", RR: "mrr", Success @ 5: "hit@5"}
    scores: dict[str, list[Score]] = {}
    for level in ("doc", "quote"):
        qrels: dict[str, dict[str, int]] = {}
        run: dict[str, dict[str, float]] = {}
        for number, row in enumerate(rows):
            gold, found = _ranking(row, level)
            if gold:
                qrels[str(number)] = dict.fromkeys(gold, 1)
                # Ranks as scores: what the retriever scored equal must keep its order.
                run[str(number)] = {item: -float(rank) for rank, item in enumerate(found)}
        for name in names.values():
            column = scores.setdefault(f"{level}_{name}", [None] * len(rows))
            for key in qrels:
                column[int(key)] = 0.0
        for value in pytrec_eval.iter_calc(list(names), qrels, run) if qrels else ():
            scores[f"{level}_{names[value.measure]}"][int(value.query_id)] = float(value.value)
    return scores


def _ranking(row: Row, level: str) -> tuple[list[str], list[str]]:
    """Ids of the gold items, and of the found ones in order."""
    evidence = _evidence(row)
    if level == "quote":
        evidence = [gold for gold in evidence if gold["quote"]]
    if not evidence:
        return [], []
    if level == "doc":
        found = dict.fromkeys(passage["doc"] for passage in row["passages"])
        return list(dict.fromkeys(gold["doc"] for gold in evidence)), list(found)
    waiting = dict(enumerate(evidence))
    order: list[str] = []
    for rank, passage in enumerate(row["passages"]):
        held = [index for index, gold in waiting.items() if _holds(passage, gold)]
        order += [f"quote {index}" for index in held] or [f"passage {rank}"]
        waiting = {index: gold for index, gold in waiting.items() if index not in held}
    return [f"quote {index}" for index in range(len(evidence))], order


# ---- cost ------------------------------------------------------------------------------------


def evidence_seconds(row: Row) -> Score:
    """Seconds from the question to the found evidence, which is shown before the model writes."""
    return None if row.get("error") is not None else row["seconds"]["retrieve"]


def first_token_seconds(row: Row) -> Score:
    """Seconds from the question to the model's first token; None if it was not called."""
    return None if row.get("error") is not None else row["seconds"]["first_token"]


def total_seconds(row: Row) -> Score:
    """Seconds from the question to the complete answer."""
    return None if row.get("error") is not None else row["seconds"]["total"]


def tokens_per_second(row: Row) -> Score:
    """Drafted tokens after the first, by the seconds after the first; None below two tokens."""
    first = first_token_seconds(row)
    if first is None or row["tokens"]["answer"] < 2 or row["seconds"]["total"] <= first:
        return None
    return float((row["tokens"]["answer"] - 1) / (row["seconds"]["total"] - first))


def prompt_tokens(row: Row) -> Score:
    """Tokens of the prompt by the model's own tokenizer; None if it was not called."""
    return float(row["tokens"]["prompt"]) or None if row.get("error") is None else None
