"""Fit the model that tells whether documents without written questions answer a question.

    make fit BENCH=path/to/sets

What a similarity means differs from folder to folder, so each set of questions (the public ones
that hold unanswerable questions, and llama-dev searched without what was written for it, with
public questions from elsewhere) has an intercept of its own while it is fitted, and the weights are
what tells answerable from unanswerable *within* the sets. The intercept that is stored lets at
most REFUSED of llama-dev's answerable questions be refused. Written with --write only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from evidence import FOLDS, WRITTEN, Floats, elsewhere, examples, out_of_fold, store
from scipy.optimize import minimize

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))
from public_sets import QUESTIONS, PublicSet

from chatbot.chatbot import THRESHOLD
from chatbot.config import load_config
from chatbot.embedding import Embedder
from chatbot.evaluation.datasets import find_set, load_dataset
from chatbot.evaluation.setwide import roc_area
from chatbot.evidence import LogisticModel, answerable_features
from chatbot.index import open_index
from chatbot.retrieval import Searcher

FEATURES = ("passage_anywhere", "sentence_score", "wants_figure")
REFUSED = 0.08
"""As much as is asked for where questions are written."""
PENALTY = 3.0
OWN = "llama-dev"


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions of one set."""

    features: Floats
    """Shape (questions, FEATURES)."""
    answerable: np.ndarray
    elsewhere: np.ndarray
    """Asked of documents about something else altogether."""

    def some(self, chosen: np.ndarray) -> Asked:
        """Some of the questions, by a mask."""
        return Asked(self.features[chosen], self.answerable[chosen], self.elsewhere[chosen])


def gathered(found: Sequence[tuple[Mapping[str, float], bool, bool]]) -> Asked:
    """Features, whether it is answerable and whether it is from elsewhere, of each question."""
    return Asked(
        np.array([[features[name] for name in FEATURES] for features, *_ in found]),
        np.array([answerable for _, answerable, _ in found]),
        np.array([foreign for *_, foreign in found]),
    )


def own_questions(embedder: Embedder, bench: Path) -> Asked:
    """llama-dev and questions from elsewhere, searched without written questions."""
    config = load_config(chat_model="none")
    index, _ = open_index(config, embedder)
    searcher = Searcher(index, embedder)
    cases = load_dataset(find_set("llama-dev")).cases
    own = examples(
        searcher, config.passages, [c for c in cases if c.data.get("category") != "false_premise"]
    )
    names = [name for name in sorted(own[0].evidence[0].features) if name not in WRITTEN]
    ranked = out_of_fold(own, names)
    foreign = examples(searcher, config.passages, elsewhere(bench))
    return gathered(
        [
            (answerable_features(e.question, e.evidence, searcher, e.hits), e.answerable, other)
            for some, other in ((ranked, False), (foreign, True))
            for e in some
            if e.evidence
        ]
    )


def fit_within(sets: Sequence[Asked]) -> Floats:
    """Weights of a ridge logistic regression in which each set has its own intercept.

    A set counts by the root of its size, so that the largest does not decide alone.
    """
    x = np.concatenate([one.features for one in sets])
    y = np.concatenate([one.answerable for one in sets]).astype(float)
    sizes = [len(one.features) for one in sets]
    which = np.repeat(np.arange(len(sets)), sizes)
    counts = np.repeat([(np.mean(sizes) / size) ** 0.5 for size in sizes], sizes)
    spread = x.std(0) + 1e-6
    z = (x - x.mean(0)) / spread
    width = x.shape[1]

    def loss(t: Floats) -> tuple[float, Floats]:
        p = 1 / (1 + np.exp(-(z @ t[:width] + t[width:][which])))
        value = -(counts * (y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12))).sum()
        wrong = counts * (p - y)
        slope = z.T @ wrong + 2 * PENALTY * t[:width]
        return (
            float(value + PENALTY * (t[:width] ** 2).sum()),
            np.r_[slope, np.bincount(which, wrong, len(sets))],
        )

    t = minimize(loss, np.zeros(width + len(sets)), jac=True, method="L-BFGS-B").x
    return t[:width] / spread


def held_out(sets: Mapping[str, Asked], without: str | None = None) -> dict[str, Floats]:
    """Scores of every question by weights that have not seen it, nor the set `without`."""
    generator = np.random.RandomState(1)
    folds = {name: generator.randint(FOLDS, size=len(one.features)) for name, one in sets.items()}
    scores = {name: np.zeros(len(one.features)) for name, one in sets.items()}
    for number in range(FOLDS):
        seen = [one.some(folds[name] != number) for name, one in sets.items() if name != without]
        weights = fit_within(seen)
        for name, one in sets.items():
            chosen = folds[name] == number
            scores[name][chosen] = one.features[chosen] @ weights
    return scores


def area(scores: Floats, answerable: np.ndarray) -> float:
    """Area under the curve, to three places."""
    return round(roc_area(scores, answerable) or 0.0, 3)


def main() -> None:
    """Fit, report and, if asked, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bench", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--write", action="store_true", help="write into chatbot/fitted/")
    arguments = parser.parse_args()
    embedder = Embedder(load_config().models_dir)
    sets = {OWN: own_questions(embedder, arguments.bench)}
    for name in QUESTIONS:
        public = PublicSet(arguments.bench / name, PublicSet.WORK, embedder)
        found = [(o.features, o.answerable, False) for o in public.asked() if o.features]
        sets[Path(name).stem] = gathered(found)
    scores = held_out(sets)
    own = sets[OWN]
    strangers = own.answerable | own.elsewhere
    report = {
        **{name: area(scores[name], one.answerable) for name, one in sets.items() if name != OWN},
        "elsewhere": area(scores[OWN][strangers], own.answerable[strangers]),
    }
    left_out = {
        name: area(held_out(sets, name)[name], one.answerable)
        for name, one in sets.items()
        if name != OWN
    }
    print(f"AUROC, held out {report}\n  with the set itself left out {left_out}")
    lowest = float(np.quantile(scores[OWN][own.answerable], REFUSED))
    for name, one in sets.items():
        refused = scores[name] < lowest
        print(
            f"  {name}: refuses {refused[one.answerable].mean():.3f} of what is answered,"
            f" {refused[~one.answerable].mean():.3f} of what is not"
        )
    weights = fit_within(list(sets.values()))
    model = LogisticModel(
        intercept=float(np.log(THRESHOLD / (1 - THRESHOLD)) - lowest),
        weights=dict(zip(FEATURES, map(float, weights), strict=True)),
    )
    print({name: round(weight, 2) for name, weight in model.weights.items()})
    if arguments.write:
        about = {"auroc": report, "auroc_set_left_out": left_out, "own_refused": REFUSED}
        store("scope_plain", model, {"fitted_on": "llama-dev and public sets", **about})


if __name__ == "__main__":
    main()
