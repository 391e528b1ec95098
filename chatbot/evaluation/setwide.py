"""Statistics of a whole set that are no means over its rows, on arrays, so that they resample fast.

How well the stated probability tells what can be answered, and what trusting it would cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chatbot.evaluation.metrics import Row, Score, confidence, right

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

CALIBRATION_BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What statistics of a whole set are computed from; one entry a row, NaN where unknown."""

    stated: Floats
    """`confidence`, 0…1."""
    answerable: Floats
    """1 or 0."""
    right: Floats
    """`right`, 0…1."""
    given: NDArray[np.bool_]
    """An answer was given: no abstention, no error."""
    memory: Floats
    """Most memory held up to the end of the case, in bytes."""

    def take(self, chosen: NDArray[np.intp]) -> Judged:
        """The rows of these numbers, repeated where a number is."""
        return Judged(
            stated=self.stated[chosen],
            answerable=self.answerable[chosen],
            right=self.right[chosen],
            given=self.given[chosen],
            memory=self.memory[chosen],
        )

    def swapped(self, other: Judged, mask: NDArray[np.bool_]) -> Judged:
        """These rows, with the other's where the mask is True."""
        return Judged(
            stated=np.where(mask, other.stated, self.stated),
            answerable=self.answerable,
            right=np.where(mask, other.right, self.right),
            given=np.where(mask, other.given, self.given),
            memory=np.where(mask, other.memory, self.memory),
        )


def judge(rows: Sequence[Row]) -> Judged:
    """Rows as arrays, so that resampling costs no text work."""

    def column(values: Iterable[Score | bool]) -> Floats:
        return np.array([np.nan if value is None else value for value in values], dtype=float)

    return Judged(
        stated=column(confidence(row) for row in rows),
        answerable=column(row["case"]["answerable"] for row in rows),
        right=column(right(row) for row in rows),
        given=np.array([row.get("error") is None and not row["abstained"] for row in rows], bool),
        memory=column(row.get("peak_memory_bytes") or None for row in rows),
    )


def auroc(judged: Judged) -> Score:
    """Area under the ROC curve of `confidence` for answerable against unanswerable, 0…1."""
    return roc_area(*_labelled(judged))


def roc_area(stated: Floats, labels: Bools) -> Score:
    """Area under the ROC curve of values for true against false labels, 0…1; None without either.

    The Mann-Whitney statistic with ties as halves (Hanley and McNeil 1982).
    """
    from scipy.stats import rankdata

    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    ranks = float(rankdata(stated)[labels].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def calibration_error(judged: Judged) -> Score:
    """Expected calibration error of `confidence`, ten bins of equal width (Naeini et al. 2015)."""
    return calibration_gap(*_labelled(judged))


def calibration_gap(stated: Floats, labels: Bools) -> Score:
    """The same of probabilities and what they were stated of; None without any."""
    bins = _bins(stated, labels)
    total = sum(item["cases"] for item in bins)
    if not total:
        return None
    gaps = [item["cases"] * abs(item["stated"] - item["observed"]) for item in bins]
    return float(sum(gaps)) / total


def reliability(judged: Judged) -> list[dict[str, float]]:
    """Non-empty bins of `confidence`: mean stated probability, share answerable, cases."""
    return _bins(*_labelled(judged))


def _bins(stated: Floats, labels: Bools) -> list[dict[str, float]]:
    bins = np.minimum((stated * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    cases = np.bincount(bins, minlength=CALIBRATION_BINS)
    sums = np.bincount(bins, stated, CALIBRATION_BINS), np.bincount(bins, labels, CALIBRATION_BINS)
    return [
        {
            "stated": float(sums[0][index] / cases[index]),
            "observed": float(sums[1][index] / cases[index]),
            "cases": int(cases[index]),
        }
        for index in np.flatnonzero(cases)
    ]


def _labelled(judged: Judged) -> tuple[Floats, Bools]:
    known = ~np.isnan(judged.stated) & ~np.isnan(judged.answerable)
    return judged.stated[known], judged.answerable[known] == 1


def risk_coverage(judged: Judged) -> list[tuple[float, float]]:
    """(coverage, risk) if only the surest answers were given, one point an answered case.

    Coverage counts all cases; risk is 1 - mean `right` of the answers given. What was abstained
    from has no answer to judge, so the curve ends where the program itself stopped answering
    (Geifman and El-Yaniv 2017). Equal confidence keeps file order.
    """
    known = judged.given & ~np.isnan(judged.stated) & ~np.isnan(judged.right)
    surest_first = np.argsort(-judged.stated[known], kind="stable")
    counts = np.arange(1, len(surest_first) + 1)
    risks = np.cumsum(1 - judged.right[known][surest_first]) / counts
    return list(zip((counts / max(1, len(known))).tolist(), risks.tolist(), strict=True))


def risk_coverage_area(judged: Judged) -> Score:
    """Mean risk along `risk_coverage`, 0…1."""
    points = risk_coverage(judged)
    return float(np.mean([risk for _, risk in points])) if points else None


def peak_memory(judged: Judged) -> Score:
    """Most memory that the process held after any case, in bytes."""
    return None if np.isnan(judged.memory).all() else float(np.nanmax(judged.memory))
