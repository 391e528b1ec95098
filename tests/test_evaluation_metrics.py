"""Metrics against reference implementations and against what is plain to the eye."""

from __future__ import annotations

import collections
import math
import re
import string
from typing import Any

import numpy as np
import pytest
from test_evaluation_fakes import (
    GOLD,
    make_answer,
    make_case,
    make_passage,
    make_row,
    simulated_rows,
)

from chatbot.errors import UsageError
from chatbot.evaluation import metrics, setwide
from chatbot.evaluation.catalogue import METRICS, row_scores
from chatbot.evaluation.scoring import failed_limits, parse_limits, score_rows
from chatbot.evaluation.text import contains, coverage, value_words

# ---- the published logic of the SQuAD 2.0 script, written anew ---------------------------------


def squad_normalise(text: str) -> str:
    text = text.lower()
    text = "".join(ch for ch in text if ch not in set(string.punctuation))
    text = re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text)
    return " ".join(text.split())


def squad_tokens(text: str) -> list[str]:
    return squad_normalise(text).split() if text else []


def squad_reference(golds: list[str], prediction: str) -> tuple[float, float]:
    golds = [gold for gold in golds if squad_normalise(gold)] or [""]
    exact = max(int(squad_normalise(gold) == squad_normalise(prediction)) for gold in golds)
    best = 0.0
    for gold in golds:
        gold_tokens, said = squad_tokens(gold), squad_tokens(prediction)
        same = sum((collections.Counter(gold_tokens) & collections.Counter(said)).values())
        if not gold_tokens or not said:
            f1 = float(gold_tokens == said)
        elif same == 0:
            f1 = 0.0
        else:
            precision, recall = same / len(said), same / len(gold_tokens)
            f1 = 2 * precision * recall / (precision + recall)
        best = max(best, f1)
    return float(exact), best


WORDS = ["The", "a", "an", "Llama", "109", "3.1", "billion", "parameters,", "U.S.", "l'Europe", "—"]


def random_text(rng: np.random.Generator) -> str:
    return " ".join(rng.choice(WORDS, rng.integers(0, 7)))


def test_squad_metrics_equal_the_published_logic() -> None:
    rng = np.random.default_rng(0)
    for _ in range(500):
        answerable = bool(rng.random() < 0.7)
        drawn = [random_text(rng) for _ in range(rng.integers(1, 4))]
        golds = [gold for gold in drawn if squad_normalise(gold)]
        abstained = bool(rng.random() < 0.3)
        text = random_text(rng)
        case = make_case(answerable=answerable, answers=golds if answerable else [])
        row = make_row(case, make_answer(text, abstained=abstained))
        if answerable and not golds:
            assert metrics.squad_exact_match(row) is None
            continue
        exact, f1 = squad_reference(golds if answerable else [], "" if abstained else text)
        assert metrics.squad_exact_match(row) == pytest.approx(exact, abs=1e-6)
        assert metrics.squad_f1(row) == pytest.approx(f1, abs=1e-6)


def test_chrf_equals_sacrebleu() -> None:
    from sacrebleu.metrics import CHRF

    rng = np.random.default_rng(1)
    for _ in range(50):
        said, golds = "Scout " + random_text(rng), ["Llama " + random_text(rng) for _ in range(2)]
        row = make_row(make_case(answers=golds), make_answer(said))
        expected = CHRF(word_order=0).sentence_score(said, golds).score / 100
        assert metrics.chrf(row) == pytest.approx(expected, abs=1e-6)


def reference_ranking(gold: set[str], found: list[str]) -> dict[str, float]:
    gains = [1 / math.log2(rank + 2) for rank, item in enumerate(found[:10]) if item in gold]
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(10, len(gold))))
    ranks = [rank for rank, item in enumerate(found, start=1) if item in gold]
    return {
        "ndcg@10": sum(gains) / ideal,
        "recall@5": len(gold & set(found[:5])) / len(gold),
        "mrr": 1 / ranks[0] if ranks else 0.0,
        "hit@5": float(bool(gold & set(found[:5]))),
    }


def test_document_retrieval_equals_ir_measures_and_the_formulas() -> None:
    import ir_measures

    rng = np.random.default_rng(2)
    rows, golds, runs = [], [], []
    for number in range(40):
        docs = [f"d{n}" for n in rng.permutation(20)[: rng.integers(0, 12)]]
        gold = [f"d{n}" for n in rng.permutation(20)[: rng.integers(1, 5)]]
        case = make_case(number, evidence=[{"doc": doc, "quote": ""} for doc in gold])
        # Each document comes twice; the second passage must change nothing.
        found = [make_passage(doc, text) for doc in docs for text in ("one", "two")]
        rows.append(make_row(case, make_answer(passages=found)))
        golds.append(gold)
        runs.append(docs)
    scores = metrics.retrieval(rows)
    qrels = [ir_measures.Qrel(str(i), d, 1) for i, gold in enumerate(golds) for d in gold]
    run = [
        ir_measures.ScoredDoc(str(i), d, 100.0 - rank)
        for i, docs in enumerate(runs)
        for rank, d in enumerate(docs)
    ]
    for name, measure in (
        ("ndcg@10", ir_measures.nDCG @ 10), ("recall@5", ir_measures.R @ 5),
        ("mrr", ir_measures.RR), ("hit@5", ir_measures.Success @ 5),
    ):  # fmt: skip
        reference = {m.query_id: m.value for m in ir_measures.iter_calc([measure], qrels, run)}
        for index in range(len(rows)):
            value = scores[f"doc_{name}"][index]
            assert value == pytest.approx(reference[str(index)], abs=1e-6)
            expected = reference_ranking(set(golds[index]), runs[index])[name]
            assert value == pytest.approx(expected, abs=1e-6)


def test_quote_retrieval_equals_ir_measures_on_the_first_place_of_each_quote() -> None:
    import ir_measures

    rng = np.random.default_rng(3)
    texts = [
        f"Number {n} of the sentences says that model {n} came in {1900 + n}." for n in range(30)
    ]
    rows, qrels, run = [], [], []
    for number in range(40):
        gold = rng.permutation(30)[: rng.integers(1, 5)]
        case = make_case(number, evidence=[{"doc": "a.md", "quote": texts[n]} for n in gold])
        found = [rng.permutation(30)[:2] for _ in range(rng.integers(0, 9))]
        passages = [make_passage("a.md", " ".join(texts[n] for n in held)) for held in found]
        rows.append(make_row(case, make_answer(passages=passages)))
        qrels += [ir_measures.Qrel(str(number), f"quote {n}", 1) for n in gold]
        # A passage is the quotes that no earlier one held, in the case's order, or else noise.
        order: list[str] = []
        for rank, held in enumerate(found):
            new = [f"quote {n}" for n in gold if n in held and f"quote {n}" not in order]
            order += new or [f"noise {rank}"]
        run += [ir_measures.ScoredDoc(str(number), d, 100.0 - r) for r, d in enumerate(order)]
    scores = metrics.retrieval(rows)
    for name, measure in (
        ("ndcg@10", ir_measures.nDCG @ 10), ("recall@5", ir_measures.R @ 5),
        ("mrr", ir_measures.RR), ("hit@5", ir_measures.Success @ 5),
    ):  # fmt: skip
        reference = {m.query_id: m.value for m in ir_measures.iter_calc([measure], qrels, run)}
        values = scores[f"quote_{name}"]
        assert values == pytest.approx([reference[str(i)] for i in range(40)], abs=1e-6)
        mean = score_rows(rows)["metrics"][f"quote_{name}"]["mean"]
        assert mean == pytest.approx(sum(reference.values()) / 40, abs=1e-6)


def test_the_figures_of_a_run_equal_the_published_ones() -> None:
    """As SQuAD 2's script, sacrebleu's chrF and ir-measures give them for all rows together."""
    import ir_measures
    from sacrebleu.metrics import CHRF

    rows = simulated_rows(80, 5)
    entries = score_rows(rows)["metrics"]
    squad = [
        squad_reference(
            row["case"]["answers"] if row["case"]["answerable"] else [],
            "" if row["abstained"] else row["answer"],
        )
        for row in rows
    ]
    assert entries["exact_match"]["mean"] == pytest.approx(np.mean([e for e, _ in squad]), abs=1e-6)
    assert entries["squad_f1"]["mean"] == pytest.approx(np.mean([f for _, f in squad]), abs=1e-6)
    answered = [row for row in rows if row["case"]["answers"] and not row["abstained"]]
    chrf = [
        CHRF().sentence_score(row["answer"], row["case"]["answers"]).score / 100 for row in answered
    ]
    assert entries["chrf"]["mean"] == pytest.approx(np.mean(chrf), abs=1e-6)
    assert entries["chrf"]["scored"] == len(answered)
    gold = [row for row in rows if row["case"]["answerable"]]
    qrels = [
        ir_measures.Qrel(r["case"]["id"], e["doc"], 1) for r in gold for e in r["case"]["evidence"]
    ]
    run = [
        ir_measures.ScoredDoc(row["case"]["id"], passage["doc"], -float(rank))
        for row in gold
        for rank, passage in enumerate(row["passages"])
    ]
    measures = {"ndcg@10": ir_measures.nDCG @ 10, "mrr": ir_measures.RR}
    reference = ir_measures.calc_aggregate(measures.values(), qrels, run)
    for name, measure in measures.items():
        assert entries[f"doc_{name}"]["mean"] == pytest.approx(reference[measure], abs=1e-6)


def test_quote_retrieval_counts_each_quote_once() -> None:
    case = make_case(evidence=[
        {"doc": "a.md", "quote": "Scout holds 109 billion parameters spread over 16 experts."},
        {"doc": "b.md", "quote": "Maverick holds 400 billion over 128 experts in all."},
    ])  # fmt: skip
    first = "Before it. Scout holds 109 billion parameters spread over 16 experts. After it."
    found = [
        make_passage("z.md", first),  # the right words in another document
        make_passage("a.md", first),
        make_passage("a.md", "Scout holds 109 billion parameters spread over 16 experts."),
    ]
    scores = metrics.retrieval([make_row(case, make_answer(passages=found))])
    assert scores["quote_recall@5"] == [0.5]
    assert scores["quote_mrr"] == [0.5]


def test_nothing_found_is_zero_and_nothing_to_find_is_unscored() -> None:
    assert metrics.retrieval([make_row()])["doc_ndcg@10"] == [0.0]
    bare = make_row(make_case(evidence=[]))
    assert metrics.retrieval([bare])["doc_ndcg@10"] == [None]
    # An empty quote stands for the document: there is no quote to find.
    whole = make_row(make_case(evidence=[{"doc": "a.md", "quote": ""}]))
    assert metrics.retrieval([whole])["quote_mrr"] == [None]


# ---- text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "part", "held"),
    [
        ("There were 13 of them", "3", False),
        ("Llama 3.1 came", "3", False),
        ("Llama 3 came, then 4.", "3", True),
        ("It cost US$65 billion", "$65 billion", True),
        ("600\u202f000 téléchargements", "600,000 TELECHARGEMENTS", True),
        ("600,000 users", "600 000", True),
        ("1\u00a0200\u00a0000 users", "1,200,000", True),
        ("in 2024 600 models", "2024600", False),
        ("l\u2019\u00e9t\u00e9 2025", "l'ete 2025", True),
        ("mid\u2011March", "mid-march", True),
        ("tokens", "token", False),
        ("33% more", "33 %", False),
        ("anything", "", False),
    ],
)
def test_contains_at_word_borders(text: str, part: str, held: bool) -> None:
    assert contains(text, part) is held


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("on 5 April 2025", "on April 5, 2025"),
        ("1,2 milliard", "1.2 billion"),
        ("six models", "6 models"),
        ("33 per cent", "33%"),
        ("1 200 000 users", "1,200,000 users"),
        ("the 5 million", "5,000,000"),
        ("65 millions", "65 million"),
    ],
)
def test_equal_values_have_equal_words(one: str, other: str) -> None:
    assert value_words(one) == value_words(other)


def test_coverage_takes_parts_and_wholes() -> None:
    assert coverage(GOLD, f"Before. {GOLD} After.") == 1
    assert coverage(GOLD, "Scout holds 109 billion parameters") == 1
    assert coverage(GOLD, "Something else entirely stands in this text here.") == 0
    assert coverage("16 experts", "It has 16 experts.") == 1
    assert coverage("", "text") == 0


# ---- answers, citations, abstention ------------------------------------------------------------


def test_correct_wants_every_group_and_nothing_forbidden() -> None:
    case = make_case(must_include=[["109 billion", "109B"], ["16"]], must_not_include=["400"])
    assert metrics.correct(make_row(case, make_answer("109B, 16 experts"))) == 1
    assert metrics.correct(make_row(case, make_answer("109B, 160 experts"))) == 0
    assert metrics.correct(make_row(case, make_answer("109B, 16 experts, not 400"))) == 0
    assert metrics.correct(make_row(case, make_answer("109B, 16", abstained=True))) == 0


def test_correct_without_groups_takes_short_references_only() -> None:
    short = make_case(must_include=[], answers=["109 billion", "109B"])
    assert metrics.correct(make_row(short, make_answer("It has 109B."))) == 1
    prose = make_case(must_include=[], answers=["word " * 11])
    assert metrics.correct(make_row(prose)) is None
    assert metrics.right(make_row(make_case(must_include=[], answers=[]))) is None


def test_right_and_the_two_abstention_rates() -> None:
    no = make_case(answerable=False, answers=[], must_include=[], evidence=[])
    refused, answered = make_answer(abstained=True), make_answer("100 billion")
    assert metrics.right(make_row(no, refused)) == 1
    assert metrics.right(make_row(no, answered)) == 0
    assert metrics.answered_unanswerable(make_row(no, answered)) == 1
    assert metrics.answered_unanswerable(make_row(make_case(), answered)) is None
    assert metrics.abstained_answerable(make_row(make_case(), refused)) == 1
    assert metrics.abstained_answerable(make_row(no, refused)) is None
    unsaid = make_row(make_case(answerable=None), answered)
    assert metrics.right(unsaid) is None
    assert metrics.token_f1(unsaid) is None


def test_citations_are_judged_by_gold_quotes() -> None:
    gold = f"Model 0: {GOLD}"
    answer = make_answer(cited=[("doc-0.md", gold), ("doc-1.md", gold)])
    row = make_row(make_case(), answer)
    assert metrics.citation_precision(row) == 0.5
    assert metrics.citation_recall(row) == 1
    assert metrics.citation_recall(make_row(make_case(), make_answer())) == 0
    assert metrics.citation_precision(make_row(make_case(), make_answer())) is None
    assert metrics.citation_recall(make_row(make_case(), make_answer(abstained=True))) is None
    assert metrics.uncited_sentences(row) == 0
    assert metrics.uncited_sentences(make_row(make_case(), make_answer())) == 1
    # A number that no citation has is no citation.
    invented = row | {"sentences": [{"text": "So it is.", "citations": [7]}]}
    assert metrics.uncited_sentences(invented) == 1


def test_evidence_is_cited_when_one_of_the_places_that_say_it_is() -> None:
    places = [{"doc": f"doc-{n}.md", "quote": f"Model {n}: {GOLD}"} for n in range(3)]
    one = make_answer(cited=[(places[2]["doc"], places[2]["quote"])])
    single = make_row(make_case(evidence=places), one)
    assert metrics.evidence_cited(single) == 1
    assert metrics.citation_recall(single) == pytest.approx(1 / 3)
    assert metrics.evidence_cited(make_row(make_case(evidence=places), make_answer())) == 0
    elsewhere = make_answer(cited=[("doc-9.md", places[0]["quote"])])
    assert metrics.evidence_cited(make_row(make_case(evidence=places), elsewhere)) == 0
    assert metrics.evidence_cited(make_row(make_case(), make_answer(abstained=True))) is None
    assert metrics.evidence_cited(make_row(make_case(evidence=[]))) is None


def test_each_of_several_asked_facts_needs_a_cited_quote_that_holds_it() -> None:
    evidence = [
        {"doc": "a.md", "quote": "Scout holds 109 billion parameters over 16 experts."},
        {"doc": "b.md", "quote": "Scout has 109B of them, says the card of that day."},
        {"doc": "c.md", "quote": "Maverick holds 400 billion over 128 experts in all."},
    ]
    # No quote says "yes": that is concluded, and costs nothing.
    facts = [["109 billion", "109B"], ["400 billion"], ["yes"]]
    case = make_case(must_include=facts, evidence=evidence)
    cited = [(gold["doc"], gold["quote"]) for gold in evidence]
    assert metrics.evidence_cited(make_row(case, make_answer(cited=cited[1:]))) == 1
    assert metrics.evidence_cited(make_row(case, make_answer(cited=cited[:2]))) == 0.5
    whole = make_case(must_include=facts, evidence=[{"doc": "a.md", "quote": ""}])
    assert metrics.evidence_cited(make_row(whole, make_answer(cited=cited[:1]))) == 1


def test_unsupported_figures_are_counted() -> None:
    said = "It has 109 billion parameters."
    row = make_row(make_case(), make_answer(said, cited=[("doc-0.md", GOLD)]))
    assert metrics.unsupported_items(row) == 0
    swapped = make_answer("It has 400 billion parameters.", cited=[("doc-0.md", GOLD)])
    assert metrics.unsupported_items(make_row(make_case(), swapped)) == 1
    assert metrics.unsupported_items(make_row(make_case(), make_answer(abstained=True))) is None


def test_an_error_scores_in_error_alone() -> None:
    row = {"case": make_case(), "error": "boom", "wall_seconds": 0.1}
    scores = row_scores([row])
    assert scores.pop("error") == [1.0]
    assert all(column == [None] for column in scores.values())
    assert score_rows([row])["metrics"]["error"]["mean"] == 1


def test_auroc_equals_the_pairwise_definition() -> None:
    rows = simulated_rows(60, 3)
    yes = [r["probability"] for r in rows if r["case"]["answerable"]]
    no = [r["probability"] for r in rows if not r["case"]["answerable"]]
    pairs = [(a > b) + 0.5 * (a == b) for a in yes for b in no]
    assert setwide.auroc(setwide.judge(rows)) == pytest.approx(np.mean(pairs), abs=1e-9)
    assert setwide.auroc(setwide.judge(rows[1:2])) is None


def test_calibration_error_by_hand() -> None:
    def row(stated: float, answerable: bool) -> dict[str, Any]:
        return make_row(make_case(answerable=answerable), make_answer(probability=stated))

    rows = [row(0.95, True), row(0.95, False), row(0.05, False), row(1.0, True)]
    # The bin 0.9…1: stated 2.9 / 3, observed 2 / 3, three of four cases; the bin 0…0.1: 0.05.
    expected = 0.75 * (2.9 / 3 - 2 / 3) + 0.25 * 0.05
    assert setwide.calibration_error(setwide.judge(rows)) == pytest.approx(expected)


def test_what_is_kept_of_a_draft_by_hand() -> None:
    quote = {"number": 1, "doc": "d.md", "start": 0, "end": 9, "text": "A quote."}
    row = make_row(make_case(), make_answer()) | {
        "tokens": {"prompt": 300, "answer": 40},
        "citations": [quote],
        "sentences": [
            {"text": "The model's own words.", "citations": [1]},
            {"text": "A quote.", "citations": [1]},
        ],
        "dropped": [{"text": "Wrong.", "reason": "not cited"}] * 2,
    }
    assert metrics.draft_kept(row) == pytest.approx(1 / 3)
    silent = row | {"tokens": {"prompt": 0, "answer": 0}, "dropped": []}
    assert metrics.draft_kept(silent) is None
    assert metrics.draft_kept(row | {"error": "gone"}) is None


def test_what_a_model_wrote_is_compared_with_the_evidence_though_it_was_dropped() -> None:
    gold = {"doc": "d.md", "quote": "The mill was built in 1874 by a widow."}
    row = make_row(make_case(evidence=[gold]), make_answer()) | {
        "tokens": {"prompt": 300, "answer": 40},
        "citations": [{"number": 1, "doc": "d.md", "start": 0, "end": 9, "text": "A quote."}],
        "sentences": [{"text": "A quote.", "citations": [1]}],
    }

    def written(text: str) -> dict[str, Any]:
        return row | {"dropped": [{"text": text, "reason": "1847 is not in its source"}]}

    near, far = written("The mill was built in 1847 by a widow."), written("You answer questions.")
    close, distant = metrics.draft_chrf(near), metrics.draft_chrf(far)
    assert close is not None
    assert distant is not None
    assert close > 0.7 > 0.3 > distant
    assert metrics.draft_chrf(written(gold["quote"])) == pytest.approx(1)
    assert metrics.draft_chrf(near | {"tokens": {"prompt": 0, "answer": 0}}) is None
    assert metrics.draft_chrf(near | {"case": make_case(evidence=[])}) is None


def test_risk_coverage_by_hand() -> None:
    def row(stated: float, right: bool, abstained: bool = False) -> dict[str, Any]:
        text = "100 billion" if right else "200 billion"
        return make_row(make_case(), make_answer(text, probability=stated, abstained=abstained))

    judged = setwide.judge([row(0.5, False), row(0.9, True), row(0.7, True), row(0.2, True, True)])
    assert setwide.risk_coverage(judged) == [(0.25, 0.0), (0.5, 0.0), (0.75, pytest.approx(1 / 3))]
    assert setwide.risk_coverage_area(judged) == pytest.approx(1 / 9)


def test_a_missing_probability_is_unscored_unless_nothing_was_found() -> None:
    unknown = make_row(make_case(), make_answer(probability=None))
    assert metrics.confidence(unknown) is None
    assert metrics.confidence(unknown | {"reason": "no_passages"}) == 0


def test_cost_is_unscored_where_the_model_was_not_called() -> None:
    row = make_row(make_case(), make_answer(abstained=True))
    assert metrics.first_token_seconds(row) is None
    assert metrics.tokens_per_second(row) is None
    assert metrics.prompt_tokens(row) is None
    called = make_row()
    assert metrics.tokens_per_second(called) == pytest.approx(39 / 0.4)
    assert metrics.prompt_tokens(called) == 300


# ---- scores of a run ----------------------------------------------------------------------------


def test_scores_count_what_is_scored_and_what_is_not() -> None:
    rows = simulated_rows(40, 0)
    scores = score_rows(rows)
    assert set(scores["metrics"]) == set(METRICS)
    for entry in scores["metrics"].values():
        assert entry["scored"] + entry["unscored"] == 40
        assert (entry["mean"] is None) == (entry["scored"] == 0)
    right = scores["metrics"]["right"]
    assert right["low"] <= right["mean"] <= right["high"]
    parts = scores["slices"]["language"]
    assert sum(part["cases"] for part in parts.values()) == 40
    assert scores == score_rows(rows), "the same seed gives the same figures"


def test_limits_know_which_way_is_better() -> None:
    scores = score_rows(simulated_rows(40, 0))
    assert failed_limits(scores, {"right": 0.0, "answered_unanswerable": 1.0}) == []
    failures = failed_limits(scores, {"right": 1.01, "answered_unanswerable": -0.1})
    assert [text.split()[0] for text in failures] == ["right", "answered_unanswerable"]
    assert "could not be scored" in failed_limits(scores, {"peak_memory": 1.0})[0]
    with pytest.raises(UsageError, match="no metric"):
        parse_limits(["nonsense=1"])
    with pytest.raises(UsageError, match="no limit"):
        parse_limits(["right"])
    assert parse_limits(["right=0.7"]) == {"right": 0.7}
