"""Intervals and tests: against exact answers, on runs of the same thing, on planted regressions."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_evaluation_fakes import (
    FakeChatbot,
    corrupted,
    make_answer,
    make_case,
    make_row,
    simulated_rows,
)

from chatbot.errors import DatasetError
from chatbot.evaluation.compare import Difference, compare_rows, compare_runs
from chatbot.evaluation.datasets import Dataset, parse_case
from chatbot.evaluation.runner import run
from chatbot.evaluation.statistics import (
    bootstrap,
    bootstrap_mean,
    holm,
    mcnemar,
    paired_permutation,
    paired_swap,
)

CASES = 200


def test_mcnemar_is_the_exact_binomial_test() -> None:
    assert mcnemar(0, 0) == 1
    assert mcnemar(0, 10) == pytest.approx(2 / 2**10)
    assert mcnemar(10, 0) == pytest.approx(2 / 2**10)
    assert mcnemar(3, 9) == pytest.approx(2 * (1 + 12 + 66 + 220) / 2**12)


def test_permutation_equals_the_enumeration_of_all_signs() -> None:
    moves = [0.3, -0.1, 0.5, 0.0, 0.2, 0.45, -0.05]
    signs = product((1, -1), repeat=len(moves))
    sums = [abs(np.dot(flips, moves)) for flips in signs]
    exact = np.mean([total >= abs(sum(moves)) - 1e-12 for total in sums])
    assert paired_permutation(moves, seed=0) == pytest.approx(exact)
    assert paired_permutation([0.0, 0.0], seed=0) == 1
    assert paired_permutation([0.0, 0.4], seed=0) == 1
    many = list(np.random.default_rng(0).normal(0.4, 1, 100))
    assert paired_permutation(many, seed=0) < 0.01
    assert paired_permutation(many, seed=0) == paired_permutation(many, seed=0)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_bootstrap_intervals_cover_the_truth() -> None:
    held = 0
    for seed in range(200):
        sample = np.random.default_rng(seed).normal(5, 2, 60)
        low, high = bootstrap_mean(list(sample), seed=seed) or (0, 0)
        held += low <= 5 <= high
    assert 180 <= held <= 198, "about 95 % of 200"
    assert bootstrap_mean([1.0], seed=0) is None


def test_bootstrap_of_a_statistic_agrees_with_that_of_the_mean() -> None:
    values = np.random.default_rng(0).normal(0, 1, 80)
    general = bootstrap(lambda chosen: float(values[chosen].mean()), 80, seed=0)
    assert general == pytest.approx(bootstrap_mean(list(values), seed=0), abs=0.05)
    assert bootstrap(lambda chosen: None, 10, seed=0) is None


def test_swaps_of_equal_runs_are_not_surprising() -> None:
    a, b = np.random.default_rng(0).normal(0, 1, (2, 100))

    def difference(mask: Any, shift: float = 0.0) -> float:
        x, y = a, b + shift
        return float(np.where(mask, x, y).mean() - np.where(mask, y, x).mean())

    assert (paired_swap(difference, 100, seed=0) or 0) > 0.05
    assert (paired_swap(lambda mask: difference(mask, 1.0), 100, seed=0) or 1) < 0.01


def gate(differences: list[Difference]) -> dict[str, str]:
    return {d.metric.name: d.verdict for d in differences if d.metric.gate}


@pytest.mark.slow
def test_a_against_a_raises_at_most_one_false_alarm_in_twenty() -> None:
    alarms = 0
    for seed in range(20):
        first, second = simulated_rows(CASES, seed), simulated_rows(CASES, seed + 100)
        verdicts = gate(compare_rows(first, second, seed=seed))
        alarms += any(verdict != "no difference" for verdict in verdicts.values())
    assert alarms <= 1


def test_the_same_rows_differ_in_nothing() -> None:
    rows = simulated_rows(60, 0)
    for item in compare_rows(rows, rows):
        assert item.difference == 0
        assert item.verdict == "no difference"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("planted", "caught"),
    [
        ("retriever off", "quote_recall@5"),
        ("worse quantization", "right"),
        ("5 % of answers corrupted", "unsupported_items"),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_planted_regressions_are_caught(planted: str, caught: str, seed: int) -> None:
    before = simulated_rows(CASES, seed)
    after = {
        "retriever off": lambda: simulated_rows(CASES, seed, retriever=False),
        "worse quantization": lambda: simulated_rows(CASES, seed, skill=0.85),
        "5 % of answers corrupted": lambda: corrupted(before, 0.05, seed),
    }[planted]()
    verdicts = gate(compare_rows(before, after))
    assert verdicts[caught] == "worse"
    assert "better" not in verdicts.values()
    back = gate(compare_rows(after, before))
    assert back[caught] == "better"


def save(directory: Path, texts: list[str], *, sha256: str = "s1", errors: int = 0) -> Path:
    cases = tuple(parse_case(make_case(number)) for number in range(len(texts)))
    dataset = Dataset(name="set", path=Path("set.jsonl"), sha256=sha256, cases=cases)
    queue: list[Any] = [make_answer(text) for text in texts]
    queue[:errors] = [ValueError("no")] * errors
    run(FakeChatbot(queue), dataset, directory, config={"passages": 8})
    return directory


def test_runs_are_paired_by_case_and_flips_are_listed(tmp_path: Path) -> None:
    good = [f"{number + 100} billion" for number in range(12)]
    first = save(tmp_path / "a", good[:10])
    second = save(tmp_path / "b", ["no idea", *good[1:]])
    result = compare_runs(first, second)
    assert (result.pairs, result.unpaired) == (10, 2)
    assert [before["case"]["id"] for before, _ in result.flips] == ["case-0000"]
    right = next(item for item in result.differences if item.metric.name == "right")
    assert (right.wins, right.losses, right.test) == (0, 1, "McNemar")
    assert not result.regressions


def test_errors_count_as_a_regression(tmp_path: Path) -> None:
    good = [f"{number + 100} billion" for number in range(20)]
    result = compare_runs(save(tmp_path / "a", good), save(tmp_path / "b", good, errors=9))
    assert [item.metric.name for item in result.regressions] == ["error"]
    assert len(result.flips) == 9


def test_different_datasets_are_refused(tmp_path: Path) -> None:
    first = save(tmp_path / "a", ["x"])
    second = save(tmp_path / "b", ["x"], sha256="s2")
    with pytest.raises(DatasetError, match="different datasets"):
        compare_runs(first, second)
    with pytest.raises(DatasetError, match="holds no run"):
        compare_runs(first, tmp_path / "nothing")


def test_a_metric_that_hardly_moved_costs_the_others_nothing() -> None:
    before = [make_row(make_case(n), make_answer(f"{n + 100} billion")) for n in range(60)]
    after = [
        make_row(make_case(n), make_answer("nothing" if n < 7 else f"{n + 100} billion"))
        for n in range(60)
    ]
    right = next(d for d in compare_rows(before, after) if d.metric.name == "right")
    # Of the gate only right, token_f1 and unsupported figures can move here.
    assert right.p_adjusted is not None
    assert right.p is not None
    assert right.p_adjusted <= 3 * right.p
