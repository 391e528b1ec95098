"""Fit the models of chatbot/fitted/ on development questions, and say how well they do.

    make fit                        # own development questions only
    make fit BENCH=path/to/sets     # and public questions as ones from elsewhere, as shipped

Logistic models: which sentence is evidence (and `_plain`, for documents without written questions),
whether the documents speak of a question at all, and if so whether they answer it; plain.py fits
the one that tells it without written questions. Figures are cross-validated by question, the later
stages on scores of an evidence model that has not seen it. Written with --write only.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from chatbot.chatbot import Chatbot
from chatbot.config import load_config
from chatbot.conversation import standalone
from chatbot.evaluation.datasets import Case, find_set, load_dataset, parse_case
from chatbot.evaluation.setwide import calibration_gap, roc_area
from chatbot.evidence import IN_SCOPE, LogisticModel, answerable_features, find_evidence
from chatbot.language import fold
from chatbot.questions import Question, normalise, read_question
from chatbot.records import Evidence
from chatbot.retrieval import Hits, Searcher

FITTED = Path(__file__).resolve().parents[2] / "chatbot" / "fitted"
FOLDS = 5
BY_HAND = {"same_language": 0.4, "written_same": 3.0}
"""Weights that are not fitted: see DECISIONS.md."""
WRITTEN = ("written", "written_behind", "adapted", "adapted_behind")
SCOPE = (
    "meaning",
    "meaning_anywhere",
    "latent_anywhere",
    "passage_meaning",
    "coverage",
    "unknown_words",
    "written_closest",
)
ANSWERED = ("written_answered", "written_margin", "written_near", "written_same")
ELSEWHERE = (("squad2_dev_half", 120), ("piaf_fr", 60), ("clapnq_dev", 60))
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """One question with its candidates and which of them are gold."""

    case: Case
    question: Question
    hits: Hits
    evidence: tuple[Evidence, ...]
    gold: tuple[bool, ...]

    @property
    def answerable(self) -> bool:
        """The documents answer it."""
        return bool(self.case.data["answerable"])

    @property
    def category(self) -> str:
        """The case's kind; empty if it has none."""
        return str(self.case.data.get("category") or "")


def plain(text: str) -> str:
    """Folded, without marks, as quotes are compared."""
    return " ".join(fold(text).replace("*", "").replace("`", "").split())


def is_gold(item: Evidence, case: Case) -> bool:
    """The sentence is one of the case's quotes, holds one, or is nearly one."""
    said = plain(item.sentence.text)
    for gold in case.data.get("evidence") or []:
        quote = plain(gold["quote"])
        shared = len(set(quote.split()) & set(said.split())) / max(1, len(set(quote.split())))
        if gold["doc"] == item.passage.doc and (
            quote in said or (said in quote and len(said) > 15) or shared > 0.85
        ):
            return True
    return False


def examples(searcher: Searcher, passages: int, cases: Sequence[Case]) -> list[Example]:
    """Search for each case as the program does."""
    examined = []
    for case in cases:
        text = standalone(normalise(case.question), case.history)
        question = read_question(text, today=date.today())
        hits = searcher.search(text)
        found = searcher.best(hits, passages)
        evidence = find_evidence(question, searcher, hits, found)
        gold = tuple(is_gold(item, case) for item in evidence)
        examined.append(Example(case, question, hits, tuple(evidence), gold))
    return examined


def fit(rows: Sequence[Mapping[str, float]], labels: Sequence[bool], names: Sequence[str],
        penalty: float = 1.0) -> LogisticModel:  # fmt: skip
    """Ridge logistic regression on standardised features; weights are given for raw ones."""
    x = np.array([[row[name] for name in names] for row in rows])
    y = np.array(labels, dtype=float)
    mean, spread = x.mean(0), x.std(0) + 1e-6
    z = (x - mean) / spread

    def loss(t: Floats) -> tuple[float, Floats]:
        p = 1 / (1 + np.exp(-(z @ t[1:] + t[0])))
        value = -(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12)).sum()
        slope = np.r_[(p - y).sum(), z.T @ (p - y) + 2 * penalty * t[1:]]
        return float(value + penalty * (t[1:] ** 2).sum()), slope

    t = minimize(loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B").x
    weights = t[1:] / spread
    return LogisticModel(
        intercept=float(t[0] - (weights * mean).sum()),
        weights=dict(zip(names, map(float, weights), strict=True)),
    )


def by_hand(model: LogisticModel) -> LogisticModel:
    """The model with the weights that are set by hand."""
    ours = {name: weight for name, weight in BY_HAND.items() if name in model.weights}
    return replace(model, weights={**model.weights, **ours})


def rescored(example: Example, model: LogisticModel) -> Example:
    """The example as another evidence model ranks it."""
    scored = [
        (replace(item, score=model.probability(item.features)), gold)
        for item, gold in zip(example.evidence, example.gold, strict=True)
    ]
    scored.sort(key=lambda pair: -pair[0].score)
    return replace(example, evidence=tuple(s for s, _ in scored), gold=tuple(g for _, g in scored))


def fit_evidence(some: Sequence[Example], names: Sequence[str]) -> LogisticModel:
    """Fit on the candidates of answerable questions."""
    rows = [
        (item.features, gold)
        for example in some
        if example.answerable
        for item, gold in zip(example.evidence, example.gold, strict=True)
    ]
    return by_hand(fit([row for row, _ in rows], [gold for _, gold in rows], names))


def out_of_fold(all_examples: Sequence[Example], names: Sequence[str]) -> list[Example]:
    """Every example as ranked by a model that has not seen it."""
    order = list(range(len(all_examples)))
    random.Random(0).shuffle(order)
    ranked: dict[int, Example] = {}
    for fold_number in range(FOLDS):
        held = set(order[fold_number::FOLDS])
        model = fit_evidence([e for i, e in enumerate(all_examples) if i not in held], names)
        ranked |= {i: rescored(all_examples[i], model) for i in held}
    return [ranked[i] for i in range(len(all_examples))]


def store(name: str, model: LogisticModel, about: Mapping[str, object]) -> None:
    """Write a model into the package."""
    weights = {key: round(value, 4) for key, value in model.weights.items()}
    data = {**about, "intercept": round(model.intercept, 4), "weights": weights}
    (FITTED / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def elsewhere(folder: Path | None) -> list[Case]:
    """Public questions that the documents do not answer."""
    cases = []
    for name, count in ELSEWHERE if folder else ():
        held = sorted((folder or Path()).glob(f"{name}/*.jsonl"))
        path = next(path for path in held if "paragraphs" not in path.name)
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for row in random.Random(1).sample(rows, count):
            asked = {"id": row["id"], "question": row["question"], "answerable": False}
            cases.append(parse_case({**asked, "answers": [], "category": "elsewhere"}))
    return cases


def main() -> None:
    """Fit, report and, if asked, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bench", type=Path, help="folder of the public sets")
    parser.add_argument("--write", action="store_true", help="write into chatbot/fitted/")
    parser.add_argument("--passages", type=int, default=load_config().passages)
    arguments = parser.parse_args()
    with Chatbot.open(load_config(chat_model="none", passages=arguments.passages)) as bot:
        cases = load_dataset(find_set("llama-dev")).cases
        searcher, most = bot._searcher, bot.config.passages
        own = examples(
            searcher, most, [c for c in cases if c.data.get("category") != "false_premise"]
        )
        foreign = examples(searcher, most, elsewhere(arguments.bench))
        names = sorted(own[0].evidence[0].features)
        fitted: dict[str, tuple[LogisticModel, dict[str, object]]] = {}
        for suffix, leave_out in (("", ()), ("_plain", WRITTEN)):
            used = [name for name in names if name not in leave_out]
            ranked = out_of_fold(own, used)
            asked = [e for e in ranked if e.answerable]
            recall = {
                k: round(float(np.mean([any(e.gold[:k]) for e in asked])), 3) for k in (1, 3, 5, 99)
            }
            print(f"evidence{suffix}: gold among the first k {recall}")
            model = fit_evidence(own, used)
            fitted[f"evidence{suffix}"] = model, {"gold_among_first": recall}
            if not suffix:
                judged = [
                    e for e in [*ranked, *(rescored(e, model) for e in foreign)] if e.evidence
                ]
        rows = [answerable_features(e.question, e.evidence, searcher, e.hits) for e in judged]
        labels = np.array([e.answerable for e in judged])
        kinds = np.array([e.category for e in judged])
        inside = labels | (kinds == "near_miss")
        order = np.random.RandomState(1).permutation(len(rows))
        probabilities: dict[str, Floats] = {}
        for name, members, target, features in (
            ("scope", np.ones(len(rows), dtype=bool), inside, SCOPE),
            ("answerable", inside, labels, ANSWERED),
        ):
            column = np.zeros(len(rows))
            for held in np.array_split(order, FOLDS):
                rest = [i for i in order if i not in set(held) and members[i]]
                some = [rows[i] for i in rest]
                partial = by_hand(fit(some, [bool(target[i]) for i in rest], features))
                column[held] = [partial.probability(rows[i]) for i in held]
            chosen = np.flatnonzero(members)
            some = [rows[i] for i in chosen]
            final = by_hand(fit(some, [bool(target[i]) for i in chosen], features))
            probabilities[name] = column
            fitted[name] = final, {"cases": len(chosen)}
            print(name, {n: round(w, 2) for n, w in final.weights.items()})
        both = np.minimum(1, probabilities["scope"] / IN_SCOPE) * probabilities["answerable"]
        report = {
            kind: round(area, 3)
            for kind in ("near_miss", "out_of_scope", "elsewhere")
            for among in [labels | (kinds == kind)]
            if (area := roc_area(both[among], labels[among])) is not None
        }
        own_only = kinds != "elsewhere"
        error = calibration_gap(both[own_only], labels[own_only])
        print(f"AUROC {report}, calibration error on own questions {error:.3f}")
        fitted["answerable"][1].update(auroc=report)
        for threshold in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
            refused = {
                kind: round(float((both[(kinds == kind) & ~labels] < threshold).mean()), 2)
                for kind in report
            }
            print(f"  {threshold}: refuses {(both[labels] < threshold).mean():.3f}", refused)
        for name, (model, about) in fitted.items():
            if arguments.write:
                where = "llama-dev, five-fold cross-validated by question"
                store(name, model, {"fitted_on": where, "elsewhere": len(foreign), **about})


if __name__ == "__main__":
    main()
