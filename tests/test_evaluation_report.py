"""Reports: complete, harmless, loading nothing, the same bytes again; and the command line."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from test_evaluation_fakes import (
    FakeChatbot,
    corrupted,
    make_answer,
    make_case,
    make_row,
    simulated_rows,
)
from typer.testing import CliRunner

from chatbot import cli_eval
from chatbot.cli_eval import eval_app
from chatbot.errors import ChatbotError, DatasetError, UsageError
from chatbot.evaluation.compare import compare_runs
from chatbot.evaluation.datasets import Dataset, parse_case
from chatbot.evaluation.report import html_comparison, html_matrix, junit, write_reports
from chatbot.evaluation.runner import read_rows, read_run, run
from chatbot.evaluation.scoring import score_rows

EVIL = "</script><script>alert(1)</script><img src=https://example.org/x.png onerror=alert(1)>"
LOADING = {"src", "href", "srcset", "action", "poster", "data", "background", "xlink:href"}


class Loads(HTMLParser):
    """Collects tags, and whatever a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [f"{tag} {name}={value}" for name, value in attrs if name in LOADING]
        self.found += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]


def assert_harmless(page: str) -> Loads:
    parser = Loads()
    parser.feed(page)
    assert not parser.found
    assert not {"link", "iframe", "object", "embed", "base", "img"} & set(parser.tags)
    assert parser.tags.count("script") <= 1
    for style in re.findall(r"<style>(.*?)</style>", page, re.DOTALL):
        assert "url(" not in style
        assert "@import" not in style
    for script in re.findall(r"<script>(.*?)</script>", page, re.DOTALL):
        assert "http" not in script
        assert "fetch" not in script
    return parser


def save_run(directory: Path, rows: list[dict[str, Any]]) -> Path:
    """A folder of a run with these rows."""
    cases = tuple(parse_case(row["case"]) for row in rows)
    dataset = Dataset(name="simulated", path=Path("s.jsonl"), sha256="s1", cases=cases)
    run(FakeChatbot([make_answer() for _ in rows]), dataset, directory, config={})
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (directory / "answers.jsonl").write_text(lines, encoding="utf-8")
    return directory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = simulated_rows(30, 0)
    evil = make_answer(EVIL, question=EVIL, cited=[("doc-1.md", EVIL)])
    rows.append(make_row(make_case(99, question=EVIL, category=EVIL), evil))
    rows.append(
        {"case": make_case(100), "error": f"It broke. {EVIL} \x00\x1b", "wall_seconds": 0.1}
    )
    rows.append(make_row(make_case(101, must_include=[], answers=[])))
    rows[3]["dropped"] = [{"text": "Dropped sentence.", "reason": "not in the cited text: 7B"}]
    return save_run(tmp_path / "run", rows)


def reports(folder: Path) -> dict[str, str]:
    rows = read_rows(folder)
    written = write_reports(folder, read_run(folder), rows, score_rows(rows), {"right": 0.99})
    return {path.name: path.read_text(encoding="utf-8") for path in written}


def test_the_page_holds_every_case_and_loads_nothing(folder: Path) -> None:
    page = reports(folder)["report.html"]
    parser = assert_harmless(page)
    assert page.count('<details class="case"') == 33
    assert parser.tags.count("svg") == 3
    assert "Dropped sentence." in page
    assert "not in the cited text: 7B" in page
    assert "holds 101 billion parameters spread" in page, "gold and citations are shown"
    assert "nan" not in re.sub(r"[a-z]nan|nan[a-z]", "", page.lower())


def test_reports_are_the_same_bytes_again(folder: Path) -> None:
    assert reports(folder) == reports(folder)


def test_scores_json_is_strict_json(folder: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    scores = json.loads(reports(folder)["scores.json"], parse_constant=refuse)
    assert scores["cases"] == 33
    assert scores["errors"] == 1


def test_junit_is_valid_and_counts_right(folder: Path) -> None:
    root = ElementTree.fromstring(reports(folder)["junit.xml"])
    assert root.tag == "testsuites"
    limits, cases = root.findall("testsuite")
    assert (limits.get("tests"), limits.get("failures")) == ("1", "1")
    for suite in (limits, cases):
        tests = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(tests)
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors", "")) == len(suite.findall("testcase/error"))
        assert int(suite.get("skipped", "")) == len(suite.findall("testcase/skipped"))
        assert all(float(test.get("time", "")) >= 0 and test.get("classname") for test in tests)
    assert len(cases.findall("testcase")) == 33
    assert cases.get("errors") == "1"
    assert cases.get("skipped") == "1"


def test_junit_survives_what_xml_forbids() -> None:
    row = make_row(make_case(id="\x00\ud800é"), make_answer("\x0b\ufffe wrong"))
    rows = [row]
    ElementTree.fromstring(junit({"dataset": {"name": "\x01"}}, rows, score_rows(rows), {}))


def test_markdown_has_a_row_for_each_metric(folder: Path) -> None:
    text = reports(folder)["report.md"]
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    assert all(f"| {name} |" in text for name in scores["metrics"])


def test_the_comparison_page_shows_flips_and_loads_nothing(tmp_path: Path) -> None:
    rows = simulated_rows(120, 0)
    worse = simulated_rows(120, 0, skill=0.7)
    first, second = save_run(tmp_path / "a", rows), save_run(tmp_path / "b", worse)
    result = compare_runs(first, second)
    page = html_comparison(result, ("a", EVIL))
    assert_harmless(page)
    assert "Worse beyond chance" in page
    assert page.count('<details class="case"') == len(result.flips) > 5


def test_the_matrix_page_loads_nothing() -> None:
    scores = [(name, score_rows(simulated_rows(40, seed))) for seed, name in enumerate(("x", EVIL))]
    page = html_matrix("set", scores)
    assert_harmless(page)
    assert page.count('class="dot"') == 2


def test_a_run_of_nothing_but_errors_still_reports(tmp_path: Path) -> None:
    rows = [{"case": make_case(n), "error": "boom", "wall_seconds": 0.1} for n in range(3)]
    page = reports(save_run(tmp_path / "run", rows))["report.html"]
    assert_harmless(page)
    assert page.count("boom") == 3


# ---- command line -------------------------------------------------------------------------------


def call(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(eval_app, [str(word) for word in words])
    if isinstance(result.exception, ChatbotError):
        raise result.exception
    return result.exit_code, result.output


def test_score_again_and_fail_below_a_limit(folder: Path) -> None:
    code, text = call("score", folder)
    assert code == 0
    assert "unsupported_items" in text
    assert (folder / "report.html").exists()
    assert call("score", folder, "--fail-under", "right=0.1")[0] == 0
    code, text = call("score", folder, "--fail-under", "right=0.99")
    assert code == 1
    assert "below 0.99" in text
    with pytest.raises(UsageError):
        call("score", folder, "--fail-under", "wrong=1")
    with pytest.raises(DatasetError, match="holds no run"):
        call("score", folder.parent)


def test_compare_fails_on_a_regression_alone(tmp_path: Path) -> None:
    rows = simulated_rows(120, 0)
    good = save_run(tmp_path / "good", rows)
    bad = save_run(tmp_path / "bad", corrupted(rows, 0.2, 0))
    assert call("compare", good, good, "--fail-on-regression")[0] == 0
    assert call("compare", good, bad)[0] == 0
    code, text = call("compare", good, bad, "--fail-on-regression")
    assert code == 1
    assert "Worse beyond chance" in text
    assert call("compare", bad, good, "--fail-on-regression")[0] == 0, "better is no regression"
    assert (bad / "compare.html").exists()


def test_list_names_sets_and_runs(folder: Path) -> None:
    code, text = call("list", folder.parent, "--json")
    assert code == 0
    listed = json.loads(text)
    assert [item["directory"] for item in listed["runs"]] == [str(folder)]
    assert call("list", folder.parent)[0] == 0


class OpenedFake(FakeChatbot):
    """The fake where the command line expects an opened chatbot."""

    model = model_problem = None
    index = SimpleNamespace(files={"doc-1.md": "11"})

    def __enter__(self) -> OpenedFake:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def document(self, doc: str) -> Any:
        raise UsageError("There is none.")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[OpenedFake]:
    """Chatbot.open gives the next of these."""
    queue: list[OpenedFake] = []

    class Opener:
        @staticmethod
        def open(config: object, progress: object = None) -> OpenedFake:
            return queue.pop(0)

    monkeypatch.setattr("chatbot.chatbot.Chatbot", Opener)
    return queue


def write_set(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_run_asks_scores_and_goes_on_after_a_stop(tmp_path: Path, opened: list[OpenedFake]) -> None:
    path = write_set(tmp_path / "set.jsonl", *(make_case(n) for n in range(4)))
    out = tmp_path / "out"
    good = [make_answer(f"{n + 100} billion") for n in range(4)]
    opened.append(OpenedFake([good[0], KeyboardInterrupt()]))
    code, text = call("run", path, "--out", out)
    assert code == 130
    assert "--resume" in text
    with pytest.raises(DatasetError, match="already holds a run"):
        call("run", path, "--out", out)
    opened.append(OpenedFake(good[1:3]))
    assert call("run", path, "--out", out, "--resume", "--limit", 3)[0] == 0
    opened.append(OpenedFake(good[3:]))
    code, text = call("run", path, "--out", out, "--resume", "--fail-under", "right=1")
    assert code == 0
    names = {item.name for item in out.iterdir()}
    assert names == {
        "run.json",
        "answers.jsonl",
        "scores.json",
        "report.html",
        "report.md",
        "junit.xml",
    }
    assert "gold quotes are not in the documents" in text


def test_run_stops_at_broken_lines_until_told_to_skip(
    tmp_path: Path, opened: list[OpenedFake]
) -> None:
    path = write_set(tmp_path / "set.jsonl", make_case(1), "{")
    with pytest.raises(DatasetError, match="line 2"):
        call("run", path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    opened.append(OpenedFake([make_answer("101 billion")]))
    code, text = call("run", path, "--out", tmp_path / "out", "--skip-bad")
    assert code == 0
    assert "line 2" in text
    assert read_run(tmp_path / "out")["dataset"]["bad_lines"][0][0] == 2


def test_run_fails_below_a_limit_and_when_every_case_failed(
    tmp_path: Path, opened: list[OpenedFake]
) -> None:
    path = write_set(tmp_path / "set.jsonl", make_case(1))
    opened.append(OpenedFake([make_answer("wrong")]))
    assert call("run", path, "--out", tmp_path / "a", "--fail-under", "right=0.5")[0] == 1
    opened.append(OpenedFake([ValueError("broken")]))
    with pytest.raises(DatasetError, match="Every case failed"):
        call("run", path, "--out", tmp_path / "b")


def test_a_public_set_runs_on_its_own_documents_and_leaves_none(
    tmp_path: Path, opened: list[OpenedFake], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {
        "id": 0,
        "query": "When?",
        "answer": ["1 May"],
        "positive": ["On 1 May."],
        "negative": [],
    }
    path = write_set(tmp_path / "en.json", row)
    opened.append(OpenedFake([make_answer("On 1 May.")]))
    asked: list[Any] = []
    original = cli_eval._run
    monkeypatch.setattr(
        cli_eval, "_run", lambda d, *a, **k: (asked.append(d), original(d, *a, **k))
    )
    assert call("run", path, "--out", tmp_path / "out")[0] == 0
    assert asked[0].docs_dir == tmp_path / "out" / "temporary" / "docs"
    assert not (tmp_path / "out" / "temporary").exists()


def test_matrix_makes_one_table_of_several_runs(tmp_path: Path, opened: list[OpenedFake]) -> None:
    path = write_set(tmp_path / "set.jsonl", *(make_case(n) for n in range(3)))
    for good in (3, 1):
        texts = [f"{n + 100} billion" if n < good else "?" for n in range(3)]
        opened.append(OpenedFake([make_answer(text) for text in texts]))
    code, text = call("matrix", path, "--out", tmp_path / "m", "--models", "none,/x/big.gguf")
    assert code == 0
    assert "big.gguf" in text
    data = json.loads((tmp_path / "m" / "matrix.json").read_text(encoding="utf-8"))
    assert [item["scores"]["metrics"]["right"]["mean"] for item in data] == [
        1,
        pytest.approx(1 / 3),
    ]
    assert_harmless((tmp_path / "m" / "matrix.html").read_text(encoding="utf-8"))
