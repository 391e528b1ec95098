"""Saved rows to one object of scores: means, intervals, slices and curves. Pure and repeatable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chatbot.errors import UsageError
from chatbot.evaluation import setwide
from chatbot.evaluation.catalogue import METRICS, SET_FUNCTIONS, row_scores
from chatbot.evaluation.metrics import Row, Score
from chatbot.evaluation.setwide import Judged
from chatbot.evaluation.statistics import bootstrap, bootstrap_mean

SCORES_FORMAT = 1
_PERCENTILES = ("evidence_seconds", "first_token_seconds", "total_seconds", "prompt_tokens")


def score_rows(rows: Sequence[Row], *, seed: int = 0) -> dict[str, Any]:
    """Score rows: the object of scores.json.

    Args:
        rows: of answers.jsonl.
        seed: of the bootstrap.

    Returns:
        "metrics": {name: {"mean", "low", "high", "scored", "unscored"}}; "slices": the same by
        category and by language; "percentiles": {name: {"p50", "p95"}}; "reliability" and
        "risk_coverage": the points of the plots; "cases" and "errors": counts.
    """
    scores = row_scores(rows)
    judged = setwide.judge(rows)
    return {
        "format": SCORES_FORMAT,
        "seed": seed,
        "cases": len(rows),
        "errors": sum(row.get("error") is not None for row in rows),
        "metrics": _table(judged, scores, seed=seed, intervals=True),
        "slices": {
            name: {
                value: {
                    "cases": len(chosen),
                    "metrics": _table(
                        judged.take(np.array(chosen)),
                        {metric: [column[i] for i in chosen] for metric, column in scores.items()},
                        seed=seed,
                        intervals=False,
                    ),
                }
                for value, chosen in _slices(rows, name).items()
            }
            for name in ("category", "language")
        },
        "percentiles": {
            name: {"p50": float(np.quantile(known, 0.5)), "p95": float(np.quantile(known, 0.95))}
            for name in _PERCENTILES
            if (known := [value for value in scores[name] if value is not None])
        },
        "reliability": setwide.reliability(judged),
        "risk_coverage": setwide.risk_coverage(judged),
    }


def _table(
    judged: Judged, scores: Mapping[str, Sequence[Score]], *, seed: int, intervals: bool
) -> dict[str, dict[str, float | int | None]]:
    cases = len(judged.given)
    table: dict[str, dict[str, float | int | None]] = {}
    for name in METRICS:
        if name in scores:
            known = [value for value in scores[name] if value is not None]
            mean, scored = (float(np.mean(known)) if known else None), len(known)
            interval = bootstrap_mean(known, seed=seed)
        else:
            mean = SET_FUNCTIONS[name](judged)
            scored = cases if mean is not None else 0
            interval = _set_interval(name, judged, seed=seed) if intervals and scored else None
        low, high = interval or (None, None)
        table[name] = {
            "mean": mean,
            "low": low,
            "high": high,
            "scored": scored,
            "unscored": cases - scored,
        }
    return table


def _set_interval(name: str, judged: Judged, *, seed: int) -> tuple[float, float] | None:
    if METRICS[name].group == "cost":  # a maximum has no such interval
        return None
    statistic = SET_FUNCTIONS[name]
    return bootstrap(lambda chosen: statistic(judged.take(chosen)), len(judged.given), seed=seed)


def _slices(rows: Sequence[Row], name: str) -> dict[str, list[int]]:
    """Row numbers by the value of a case's field; cases without it are in no slice."""
    slices: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        value = row["case"].get(name)
        if value is None and name == "language":
            value = row.get("language")
        if value is not None:
            slices.setdefault(str(value), []).append(index)
    return dict(sorted(slices.items()))


def parse_limits(texts: Sequence[str]) -> dict[str, float]:
    """Read "metric=value" limits.

    Raises:
        UsageError: a text has another form, or there is no such metric.
    """
    limits = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in METRICS:
            raise UsageError(f"There is no metric {name}.", f"Known: {', '.join(METRICS)}.")
        try:
            limits[name] = float(value)
        except ValueError:
            raise UsageError(f"{text} is no limit.", "Write it like right=0.7.") from None
    return limits


def failed_limits(scores: Mapping[str, Any], limits: Mapping[str, float]) -> list[str]:
    """What is worse than its limit, in words: below it, or above it where lower is better.

    A metric that could not be scored fails its limit: a release must not pass unmeasured.
    """
    failures = []
    for name, limit in limits.items():
        mean = scores["metrics"][name]["mean"]
        if mean is None:
            failures.append(f"{name} could not be scored; its limit is {limit:g}")
        elif METRICS[name].better == "higher" and mean < limit:
            failures.append(f"{name} is {mean:.4g}, below {limit:g}")
        elif METRICS[name].better == "lower" and mean > limit:
            failures.append(f"{name} is {mean:.4g}, above {limit:g}")
    return failures
