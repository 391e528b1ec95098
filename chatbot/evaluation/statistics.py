"""Intervals and paired tests, all seeded: the same rows give the same figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES = 2_000
"""Of the bootstrap: the ends of an interval then wander by about a hundredth of its width."""
PERMUTATIONS = 9_999
SET_RESAMPLES = 500
"""For statistics that are no means and must be computed anew each time."""

Indices = NDArray[np.intp]
Statistic = Callable[[Indices], float | None]


def bootstrap_mean(values: Sequence[float], *, seed: int) -> tuple[float, float] | None:
    """95 % percentile bootstrap interval of a mean (Efron and Tibshirani 1993).

    None for fewer than two values.
    """
    if len(values) < 2:
        return None
    array = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    # In blocks, so that thousands of cases do not take gigabytes.
    block = max(1, 2_000_000 // len(array))
    means: list[NDArray[np.float64]] = []
    for start in range(0, RESAMPLES, block):
        count = min(block, RESAMPLES - start)
        means.append(array[rng.integers(0, len(array), (count, len(array)))].mean(axis=1))
    return _interval(np.concatenate(means))


def bootstrap(statistic: Statistic, cases: int, *, seed: int) -> tuple[float, float] | None:
    """95 % percentile bootstrap interval of any statistic of a resample of case numbers.

    Resamples on which the statistic is None are left out; None if half of them are.
    """
    rng = np.random.default_rng(seed)
    draws = (statistic(rng.integers(0, cases, cases)) for _ in range(SET_RESAMPLES))
    values = [value for value in draws if value is not None]
    return _interval(np.array(values)) if len(values) > SET_RESAMPLES / 2 else None


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p of McNemar's test: cases right in A only and in B only are as likely.

    The binomial test on the discordant pairs (McNemar 1947); 1 where there are none.
    """
    from scipy.stats import binomtest

    discordant = only_a + only_b
    return float(binomtest(only_b, discordant).pvalue) if discordant else 1.0


def paired_interval(only_a: int, only_b: int, cases: int) -> tuple[float, float]:
    """95 % interval of the share right in B minus that in A, on the same cases.

    Wald's with half a case added to each cell of the table (Agresti and Min 2005): unlike a
    bootstrap it has a width where no case differs.
    """
    total = cases + 2
    change = (only_b - only_a) / total
    spread = 1.96 * math.sqrt((only_a + only_b + 1) / total - change**2) / math.sqrt(total)
    return max(-1.0, change - spread), min(1.0, change + spread)


def paired_permutation(differences: Sequence[float], *, seed: int) -> float:
    """Two-sided p that paired differences have mean 0, by flipping their signs (Fisher 1935)."""
    from scipy.stats import permutation_test

    # A difference of 0 is the same with either sign.
    moved = np.array([value for value in differences if value != 0])
    if not len(moved):
        return 1.0

    def mean(sample: NDArray[np.float64], axis: int) -> Any:
        return sample.mean(axis=axis)

    if len(moved) == 1:  # scipy wants two; both sign flips are as far from 0
        return 1.0
    result = permutation_test(
        (moved,),
        mean,
        permutation_type="samples",
        n_resamples=PERMUTATIONS,
        batch=max(1, 2_000_000 // len(moved)),
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def paired_swap(
    difference: Callable[[NDArray[np.bool_]], float | None], cases: int, *, seed: int
) -> float | None:
    """Two-sided p of a difference of two statistics, by swapping the runs case by case.

    Args:
        difference: of the statistic where the cases marked True are swapped.
        cases: how many pairs there are.
        seed: of the swaps.
    """
    observed = difference(np.zeros(cases, dtype=bool))
    if observed is None:
        return None
    rng = np.random.default_rng(seed)
    draws = [difference(rng.random(cases) < 0.5) for _ in range(SET_RESAMPLES)]
    values = [abs(value) for value in draws if value is not None]
    # The observed order is one of the permutations, so p is never 0 (Phipson and Smyth 2010).
    return (sum(value >= abs(observed) - 1e-12 for value in values) + 1) / (len(values) + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number, in the order given (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for position, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - position) * p_values[index]))
        adjusted[int(index)] = highest
    return adjusted
