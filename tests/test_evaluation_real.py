"""Real runs: killed and gone on with, compared with themselves, and with planted regressions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from chatbot.chatbot import Chatbot
from chatbot.cli_eval import eval_app
from chatbot.evaluation.catalogue import METRICS
from chatbot.evaluation.compare import compare_rows
from chatbot.evaluation.datasets import find_set, load_dataset
from chatbot.evaluation.runner import ROWS_FILE, read_rows, read_run, run
from chatbot.retrieval import Hits, Searcher

pytestmark = [pytest.mark.slow, pytest.mark.model]

Rows = list[dict[str, Any]]
DEV = load_dataset(find_set("llama-dev"))
NOISE = 0.1
"""Share of the answers that come out otherwise from one run to the next, for A/A."""


def ask_all(chatbot: Chatbot, directory: Path) -> Path:
    run(chatbot, DEV, directory, config=chatbot.config.model_dump(mode="json"))
    return directory


@pytest.fixture(scope="module")
def good(quoting: Chatbot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quotes-only run over the development questions."""
    return ask_all(quoting, tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def blind(quoting: Chatbot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a retriever that finds passages by chance."""
    rng = np.random.default_rng(0)
    sighted = Searcher.search

    def search(self: Searcher, query: str) -> Hits:
        hits = sighted(self, query)
        order = rng.permutation(len(hits.fused))
        return replace(hits, fused=hits.fused[order])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Searcher, "search", search)
        return ask_all(quoting, tmp_path_factory.mktemp("blind"))


def corrupted(rows: Rows, seed: int) -> Rows:
    """The rows with 5 % of the given answers put under another question."""
    given = [index for index, row in enumerate(rows) if not row["abstained"]]
    chosen = np.random.default_rng(seed).choice(given, round(0.05 * len(given)), replace=False)
    changed = list(rows)
    for index, other in zip(chosen, np.roll(chosen, 1), strict=True):
        text = rows[other]["sentences"][0]["text"]
        first, *rest = rows[index]["sentences"]
        sentences = [first | {"text": text}, *rest]
        answer = " ".join(sentence["text"] for sentence in sentences)
        changed[index] = rows[index] | {"sentences": sentences, "answer": answer}
    return changed


def saved(directory: Path, source: Path, rows: Rows) -> Path:
    """A folder of a run with these rows and the run.json of another."""
    directory.mkdir()
    (directory / "run.json").write_bytes((source / "run.json").read_bytes())
    lines = (json.dumps(row) + "\n" for row in rows)
    (directory / ROWS_FILE).write_text("".join(lines), encoding="utf-8")
    return directory


def compare(first: Path, second: Path) -> tuple[int, str]:
    words = ["compare", str(first), str(second), "--fail-on-regression"]
    result = CliRunner().invoke(eval_app, words)
    return result.exit_code, result.output


def test_a_run_is_no_worse_than_itself(good: Path, tmp_path: Path) -> None:
    assert all(row["error"] is None for row in read_rows(good))
    code, text = compare(good, saved(tmp_path / "same", good, read_rows(good)))
    assert code == 0, text


def test_runs_that_differ_by_chance_raise_at_most_one_false_alarm_in_twenty(
    good: Path, blind: Path
) -> None:
    """Quotes do not vary from run to run, so chance takes some rows from the other run."""
    pairs = list(zip(read_rows(good), read_rows(blind), strict=True))[::2]

    def drawn(seed: int) -> Rows:
        unlucky = np.random.default_rng(seed).random(len(pairs)) < NOISE
        return [pair[int(bad)] for pair, bad in zip(pairs, unlucky, strict=True)]

    alarms = 0
    for seed in range(20):
        found = compare_rows(drawn(seed), drawn(seed + 100), seed=seed)
        alarms += any(d.metric.gate and d.verdict != "no difference" for d in found)
    assert alarms <= 1


def test_a_blind_retriever_is_caught(good: Path, blind: Path) -> None:
    code, text = compare(good, blind)
    assert code == 1
    caught = text.split("Worse beyond chance:")[1]
    assert "quote_recall@5" in caught
    assert "right" in caught


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_five_percent_of_corrupted_answers_are_caught(
    good: Path, tmp_path: Path, seed: int
) -> None:
    bad = saved(tmp_path / "bad", good, corrupted(read_rows(good), seed))
    code, text = compare(good, bad)
    assert code == 1
    assert "unsupported_items" in text.split("Worse beyond chance:")[1]


# ---- killed -------------------------------------------------------------------------------------


def stable(directory: Path) -> tuple[Rows, dict[str, Any]]:
    """Rows and scores without what no two runs share: names, seconds and bytes."""
    volatile = ("id", "seconds", "wall_seconds", "peak_memory_bytes")
    rows = [{k: v for k, v in row.items() if k not in volatile} for row in read_rows(directory)]
    scores = json.loads((directory / "scores.json").read_text(encoding="utf-8"))
    kept = {name: entry for name, entry in scores["metrics"].items()
            if METRICS[name].group != "cost" or name == "prompt_tokens"}  # fmt: skip
    return rows, kept


@pytest.mark.parametrize(("model", "cases", "after"), [("none", 60, 10), ("smollm2-135m", 6, 2)])
def test_killed_and_gone_on_with_gives_the_scores_of_an_uninterrupted_run(
    model: str, cases: int, after: int, tmp_path: Path, seeded_storage: Path
) -> None:
    questions = tmp_path / "set.jsonl"
    # Without the header, and in English, so that the model is asked each.
    chosen = [c for c in DEV.cases if c.data["answerable"] and c.data["language"] == "en"]
    lines = (json.dumps(case.data) + "\n" for case in chosen[:cases])
    questions.write_text("".join(lines), encoding="utf-8")

    def command(out: Path, *more: str) -> subprocess.Popen[bytes]:
        words = ["eval", "run", str(questions), "--out", str(out), "--model", model]
        words += ["--storage", str(seeded_storage), *more]
        environment = os.environ | {"CHATBOT_ANSWER_TOKENS": "32", "CHATBOT_WRITING": "leading"}
        return subprocess.Popen(
            [sys.executable, "-m", "chatbot", *words], env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert command(whole).wait(timeout=250) == 0
    process = command(killed)
    rows = killed / ROWS_FILE
    deadline = time.monotonic() + 200
    while not (rows.exists() and rows.read_bytes().count(b"\n") >= after):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert read_run(killed)["finished"] is False
    assert after <= len(read_rows(killed)) < cases
    assert command(killed, "--resume").wait(timeout=250) == 0
    assert len(read_run(killed)["resumed_at"]) == 1
    assert stable(killed) == stable(whole)
    if model != "none":
        assert any(row["model"] for row in read_rows(whole)), "the model was asked"
