"""Runs: rows as they come, errors as rows, stopping and going on, and what a run costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from test_evaluation_fakes import FakeChatbot, make_answer, make_case

from chatbot.errors import DatasetError, StorageError
from chatbot.evaluation.datasets import Case, Dataset, parse_case
from chatbot.evaluation.runner import find_runs, read_rows, read_run, run
from chatbot.evaluation.scoring import score_rows

CONFIG = {"passages": 8, "port": 7860}
DOCUMENTS = {"a.md": "11", "b.md": "22"}


def dataset(cases: int, sha256: str = "s1", **more: Any) -> Dataset:
    made = tuple(parse_case(make_case(number, **more)) for number in range(cases))
    return Dataset(name="set", path=Path("set.jsonl"), sha256=sha256, cases=made)


def answers(count: int) -> list[Any]:
    return [make_answer(f"{number + 100} billion") for number in range(count)]


def go(fake: FakeChatbot, cases: Dataset, directory: Path, **more: Any) -> dict[str, Any]:
    return run(fake, cases, directory, config=CONFIG, documents=DOCUMENTS, **more)


def test_a_run_saves_a_row_for_each_case(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    cases = dataset(
        3, as_of="2025-04-30", history=[{"role": "user", "content": "Hello"}], note="kept"
    )
    fake = FakeChatbot(answers(3))
    info = go(fake, cases, tmp_path, progress=lambda *counts: told.append(counts))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert [str(asked[2]) for asked in fake.asked] == ["2025-04-30"] * 3
    assert fake.asked[0][1][0].content == "Hello"
    rows = read_rows(tmp_path)
    assert [row["case"]["id"] for row in rows] == [case.id for case in cases.cases]
    assert rows[0]["case"]["note"] == "kept"
    assert rows[0]["error"] is None
    assert rows[0]["answer"] == "100 billion"
    assert rows[0]["peak_memory_bytes"] > 0
    assert info == read_run(tmp_path)
    assert info["finished"] is True
    assert info["dataset"]["sha256"] == "s1"
    assert info["chatbot"]["model_sha256"] == "aa"
    assert info["chatbot"]["template_sha256"] == "bb"
    assert info["documents"]["count"] == 2
    assert {"commit", "dirty", "versions", "machine", "config"} <= info.keys()


def test_a_case_that_fails_is_a_row_with_its_error(tmp_path: Path) -> None:
    queue = [
        make_answer("100 billion"),
        StorageError("The index is gone.", "Build it."),
        ValueError("x"),
    ]
    go(FakeChatbot(queue), dataset(3), tmp_path)
    errors = [row["error"] for row in read_rows(tmp_path)]
    assert errors == [None, "The index is gone. Build it.", "ValueError('x')"]
    scores = score_rows(read_rows(tmp_path))
    assert (scores["cases"], scores["errors"]) == (3, 2)


def test_a_folder_with_a_run_is_not_overwritten(tmp_path: Path) -> None:
    go(FakeChatbot(answers(1)), dataset(1), tmp_path)
    with pytest.raises(DatasetError, match="already holds a run"):
        go(FakeChatbot(answers(1)), dataset(1), tmp_path)


def test_stopping_by_hand_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    queue = answers(5)
    queue[2] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        go(FakeChatbot(queue), dataset(5), tmp_path)
    assert len(read_rows(tmp_path)) == 2
    assert read_run(tmp_path)["finished"] is False
    fake = FakeChatbot(answers(5)[2:])
    info = go(fake, dataset(5), tmp_path, resume=True)
    assert len(fake.asked) == 3
    assert info["finished"] is True
    assert len(info["resumed_at"]) == 1
    assert [row["answer"] for row in read_rows(tmp_path)] == [a.answer for a in answers(5)]


def test_resuming_begins_where_there_is_nothing_and_extends_a_limit(tmp_path: Path) -> None:
    go(FakeChatbot(answers(2)), dataset(2), tmp_path, resume=True)
    info = go(FakeChatbot(answers(4)[2:]), dataset(4), tmp_path, resume=True)
    assert info["dataset"]["cases"] == 4
    assert len(read_rows(tmp_path)) == 4


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sha256": "s2"}, "dataset.sha256"),
        ({"model_sha256": "zz"}, "chatbot.model_sha256"),
        ({"index": "f2"}, "chatbot.index"),
        ({"passages": 9}, "config.passages"),
        ({"a.md": "99"}, "documents.sha256"),
    ],
)
def test_resuming_with_other_settings_is_refused(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    go(FakeChatbot(answers(1)), dataset(1), tmp_path)
    fake = FakeChatbot([])
    fake.description |= {k: v for k, v in change.items() if k in fake.description}
    config = CONFIG | {k: v for k, v in change.items() if k in CONFIG}
    docs = DOCUMENTS | {k: v for k, v in change.items() if k in DOCUMENTS}
    with pytest.raises(DatasetError, match="other settings") as caught:
        run(fake, dataset(2, sha256=change.get("sha256", "s1")), tmp_path, config=config,
            documents=docs, resume=True)  # fmt: skip
    assert named in caught.value.message
    assert len(read_rows(tmp_path)) == 1


def test_the_port_of_the_page_is_no_other_setting(tmp_path: Path) -> None:
    go(FakeChatbot(answers(1)), dataset(1), tmp_path)
    run(FakeChatbot([]), dataset(1), tmp_path, config=CONFIG | {"port": 1}, documents=DOCUMENTS,
        resume=True)  # fmt: skip


def test_a_half_written_last_line_is_cut_off_and_asked_again(tmp_path: Path) -> None:
    go(FakeChatbot(answers(3)), dataset(3), tmp_path)
    path = tmp_path / "answers.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    assert len(read_rows(tmp_path)) == 2
    fake = FakeChatbot([make_answer("102 billion")])
    go(fake, dataset(3), tmp_path, resume=True)
    assert [row["answer"] for row in read_rows(tmp_path)] == [a.answer for a in answers(3)]


def test_a_broken_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    go(FakeChatbot(answers(3)), dataset(3), tmp_path)
    path = tmp_path / "answers.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], lines[1][:50], lines[2], b""]))
    with pytest.raises(DatasetError, match="line 2"):
        read_rows(tmp_path)
    (tmp_path / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(DatasetError, match="is broken"):
        read_run(tmp_path)


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_evaluation_runner import go, dataset, answers
from test_evaluation_fakes import FakeChatbot
go(FakeChatbot(answers(40), seconds=0.03), dataset(40), Path({directory!r}))
"""


def test_kill_9_and_resume_gives_the_scores_of_an_uninterrupted_run(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    go(FakeChatbot(answers(40)), dataset(40), whole)
    script = KILLED.format(tests=str(Path(__file__).parent), directory=str(killed))
    process = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 60
    path = killed / "answers.jsonl"
    while not (path.exists() and path.read_bytes().count(b"\n") >= 7):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert read_run(killed)["finished"] is False
    done = len(read_rows(killed))
    assert 7 <= done < 40
    fake = FakeChatbot(answers(40)[done:])
    go(fake, dataset(40), killed, resume=True)
    assert len(fake.asked) == 40 - done
    assert read_run(killed)["finished"] is True
    first, second = score_rows(read_rows(whole)), score_rows(read_rows(killed))
    # The two processes held different amounts of memory.
    del first["metrics"]["peak_memory"], second["metrics"]["peak_memory"]
    for scores in (first, second):
        for values in scores["slices"].values():
            for part in values.values():
                del part["metrics"]["peak_memory"]
    assert first == second


def test_the_runner_costs_at_most_two_milliseconds_a_case(tmp_path: Path) -> None:
    # 2 % of the fastest answer there is: a quote after some 100 ms.
    cases, fake = dataset(300), FakeChatbot(answers(300))
    started = time.perf_counter()
    go(fake, cases, tmp_path)
    assert (time.perf_counter() - started) / 300 < 0.002


def test_runs_below_a_folder_are_found(tmp_path: Path) -> None:
    go(FakeChatbot(answers(2)), dataset(2), tmp_path / "one" / "deep")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.json").write_text("[]", encoding="utf-8")
    (found,) = find_runs(tmp_path)
    assert found["directory"] == str(tmp_path / "one" / "deep")
    assert (found["rows"], found["cases"], found["finished"]) == (2, 2, True)
    assert find_runs(tmp_path / "nothing") == []


# ---- with the real chatbot ----------------------------------------------------------------------

REAL_CASES = [
    {"id": "scout", "question": "How many parameters does Llama 4 Scout hold?", "answerable": True,
     "answers": ["109 billion"], "must_include": [["109 billion", "109B"]], "category": "fact",
     "evidence": [{"doc": "llama-4-models.md",
                   "quote": "Scout holds 109 billion parameters spread over 16 experts."}]},
    {"id": "football", "question": "Who won the football world cup of 2022?", "answerable": False,
     "answers": [], "category": "out of scope"},
]  # fmt: skip


@pytest.mark.model
def test_the_real_chatbot_runs_resumes_and_compares(tmp_path: Path) -> None:
    from chatbot.chatbot import Chatbot
    from chatbot.config import PROJECT_ROOT, load_config
    from chatbot.evaluation.compare import compare_runs

    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("llama-4-models.md", "llama-timeline-2025-2026.md", "llama-and-the-eu.md"):
        (docs / name).write_bytes((PROJECT_ROOT / "docs" / name).read_bytes())
    cases = tuple(Case(id=str(c["id"]), question=str(c["question"]), history=(), as_of=None, data=c)
                  for c in REAL_CASES)  # fmt: skip
    real = Dataset(name="real", path=Path("real"), sha256="r", cases=cases, docs_dir=docs)
    config = load_config(docs_dir=docs, storage_dir=tmp_path / "storage")
    with Chatbot.open(config) as chatbot:
        settings: dict[str, Any] = {
            "config": config.model_dump(mode="json"), "documents": chatbot.index.files,
        }  # fmt: skip
        started = time.perf_counter()
        for case in cases:
            chatbot.answer(case.question)
        plain = time.perf_counter() - started
        run(chatbot, real, tmp_path / "a", **settings)
        run(chatbot, real.first(1), tmp_path / "b", **settings)
        run(chatbot, real, tmp_path / "b", resume=True, **settings)
        rows = read_rows(tmp_path / "a")
        assert all(row["error"] is None for row in rows)
        # Whole questions differ by more than the overhead, so what the runner adds is timed apart.
        overhead = [row["wall_seconds"] - row["seconds"]["total"] for row in rows]
        assert sum(overhead) < 0.02 * plain + 0.005
    scores = score_rows(rows)
    assert scores["metrics"]["unsupported_items"]["mean"] in (None, 0)
    result = compare_runs(tmp_path / "a", tmp_path / "b")
    assert not result.flips
    assert not result.regressions
    assert json.loads((tmp_path / "a" / "run.json").read_text())["chatbot"]["model_sha256"]
