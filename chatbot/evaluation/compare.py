"""Two runs of the same questions: paired by case, tested, with the cases that flipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from chatbot.errors import DatasetError
from chatbot.evaluation import metrics, setwide
from chatbot.evaluation.catalogue import METRICS, SET_FUNCTIONS, row_scores
from chatbot.evaluation.metrics import Metric, Row, Score
from chatbot.evaluation.runner import flat, read_rows, read_run
from chatbot.evaluation.setwide import Judged
from chatbot.evaluation.statistics import (
    bootstrap,
    bootstrap_mean,
    holm,
    mcnemar,
    paired_permutation,
    paired_swap,
)

SIGNIFICANCE = 0.05
_SETTINGS = ("chatbot", "config", "documents", "commit", "dirty", "versions", "machine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One metric in two runs, over the cases that are scored in both."""

    metric: Metric
    a: float
    b: float
    difference: float
    """b - a."""
    low: float | None
    high: float | None
    """95 % bootstrap interval of the difference."""
    pairs: int
    wins: int
    """Cases that are better in b."""
    losses: int
    test: Literal["McNemar", "permutation", "none"]
    p: float | None
    p_adjusted: float | None
    """p after Holm, within the metrics of the gate or within the others; None if not tested."""

    @property
    def verdict(self) -> Literal["better", "worse", "no difference"]:
        """What the adjusted p allows to say of b."""
        if self.p_adjusted is None or self.p_adjusted >= SIGNIFICANCE or self.difference == 0:
            return "no difference"
        rose = self.difference > 0
        return "better" if rose == (self.metric.better == "higher") else "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs compared."""

    a: Mapping[str, Any]
    b: Mapping[str, Any]
    """run.json of each."""
    settings: tuple[tuple[str, Any, Any], ...]
    """Settings that differ: name, value in a, value in b."""
    differences: tuple[Difference, ...]
    flips: tuple[tuple[Row, Row], ...]
    """Rows of the cases whose `right` changed, losses first."""
    pairs: int
    unpaired: int
    """Cases that only one of the runs holds."""

    @property
    def regressions(self) -> tuple[Difference, ...]:
        """Metrics of the gate that got worse beyond chance."""
        found = (item for item in self.differences if item.metric.gate)
        return tuple(item for item in found if item.verdict == "worse")


def compare_runs(first: Path, second: Path, *, seed: int = 0) -> Comparison:
    """Compare two folders of runs; `first` is the baseline.

    Raises:
        DatasetError: a folder holds no run, or they asked different datasets.
    """
    a, b = read_run(first), read_run(second)
    if a["dataset"]["sha256"] != b["dataset"]["sha256"]:
        raise DatasetError(
            f"The runs asked different datasets: {a['dataset']['name']} "
            f"({a['dataset']['sha256'][:12]}) and {b['dataset']['name']} "
            f"({b['dataset']['sha256'][:12]}).",
            "Run one of them again on the other's dataset.",
        )
    rows_a = {row["case"]["id"]: row for row in read_rows(first)}
    rows_b = {row["case"]["id"]: row for row in read_rows(second)}
    shared = [name for name in rows_a if name in rows_b]
    if not shared:
        raise DatasetError("The runs share no case.", "Run both with the same --limit.")
    paired_a, paired_b = [rows_a[name] for name in shared], [rows_b[name] for name in shared]
    flat_a, flat_b = flat(a), flat(b)
    return Comparison(
        a=a,
        b=b,
        settings=tuple(
            (name, flat_a.get(name), flat_b.get(name))
            for name in sorted(flat_a.keys() | flat_b.keys())
            if name.split(".")[0] in _SETTINGS and flat_a.get(name) != flat_b.get(name)
        ),
        differences=tuple(compare_rows(paired_a, paired_b, seed=seed)),
        flips=tuple(_flips(paired_a, paired_b)),
        pairs=len(shared),
        unpaired=len(rows_a) + len(rows_b) - 2 * len(shared),
    )


def compare_rows(
    rows_a: Sequence[Row], rows_b: Sequence[Row], *, seed: int = 0
) -> list[Difference]:
    """Test every metric on rows of the same cases in the same order.

    Right-or-wrong metrics by McNemar, other means by a sign-flip permutation test, statistics of
    the whole set by swapping the runs case by case. p is adjusted after Holm within the gate and
    within the others, so that metrics which merely describe do not weaken the gate. A metric that
    moved in so few cases that no p below 5 % was possible counts for nothing (Tarone 1990).
    """
    scores_a, scores_b = row_scores(rows_a), row_scores(rows_b)
    judged_a, judged_b = setwide.judge(rows_a), setwide.judge(rows_b)
    found: list[dict[str, Any]] = []
    for name, metric in METRICS.items():
        entry = (
            _of_set(name, judged_a, judged_b, seed)
            if name in SET_FUNCTIONS
            else _of_rows(metric, scores_a[name], scores_b[name], seed)
        )
        if entry is not None:
            found.append(entry | {"metric": metric, "p_adjusted": None})
    for gate in (True, False):
        family = []
        for item in found:
            if item["metric"].gate is gate and item["p"] is not None:
                item["p_adjusted"] = 1.0
                if _can_be_significant(item):
                    family.append(item)
        for item, adjusted in zip(family, holm([i["p"] for i in family]), strict=True):
            item["p_adjusted"] = adjusted
    return [Difference(**item) for item in found]


def _can_be_significant(item: Mapping[str, Any]) -> bool:
    """Both paired tests flip signs of the cases that moved: their least p is 2 / 2^moved."""
    if item["metric"].name in SET_FUNCTIONS:
        return True
    return bool(2.0 ** (1 - item["wins"] - item["losses"]) < SIGNIFICANCE)


def _of_rows(
    metric: Metric, a: Sequence[Score], b: Sequence[Score], seed: int
) -> dict[str, Any] | None:
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    if not pairs:
        return None
    moves = [y - x for x, y in pairs]
    rose, fell = sum(move > 0 for move in moves), sum(move < 0 for move in moves)
    binary = all(value in (0, 1) for pair in pairs for value in pair)
    low, high = bootstrap_mean(moves, seed=seed) or (None, None)
    return {
        "a": float(np.mean([x for x, _ in pairs])),
        "b": float(np.mean([y for _, y in pairs])),
        "difference": float(np.mean(moves)),
        "low": low,
        "high": high,
        "pairs": len(pairs),
        "wins": rose if metric.better == "higher" else fell,
        "losses": fell if metric.better == "higher" else rose,
        "test": "McNemar" if binary else "permutation",
        "p": mcnemar(fell, rose) if binary else paired_permutation(moves, seed=seed),
    }


def _of_set(name: str, a: Judged, b: Judged, seed: int) -> dict[str, Any] | None:
    statistic = SET_FUNCTIONS[name]

    def change(x: Judged, y: Judged) -> float | None:
        before, after = statistic(x), statistic(y)
        return None if before is None or after is None else after - before

    before, after = statistic(a), statistic(b)
    if before is None or after is None:
        return None
    cases = len(a.given)
    tested = METRICS[name].group != "cost"
    interval = (
        bootstrap(lambda chosen: change(a.take(chosen), b.take(chosen)), cases, seed=seed)
        if tested
        else None
    )
    p = (
        paired_swap(lambda mask: change(a.swapped(b, mask), b.swapped(a, mask)), cases, seed=seed)
        if tested
        else None
    )
    low, high = interval or (None, None)
    return {
        "a": before,
        "b": after,
        "difference": after - before,
        "low": low,
        "high": high,
        "pairs": cases,
        "wins": 0,
        "losses": 0,
        "test": "none" if p is None else "permutation",
        "p": p,
    }


def _flips(rows_a: Sequence[Row], rows_b: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Pairs whose `right` changed, or that failed in one run only; losses first."""
    changed = []
    for row_a, row_b in zip(rows_a, rows_b, strict=True):
        before, after = metrics.right(row_a), metrics.right(row_b)
        failed = metrics.error(row_a), metrics.error(row_b)
        if before != after or failed[0] != failed[1]:
            gain = (after or 0) - (before or 0)
            changed.append((gain, row_a, row_b))
    return [(row_a, row_b) for _, row_a, row_b in sorted(changed, key=lambda item: item[0])]
