"""The command line: its contracts, and one clear line for whatever is wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chatbot import documents

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


def run(*words: str, storage: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chatbot", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=240,
        check=False,
        env={**os.environ, "CHATBOT_STORAGE_DIR": str(storage), **environment},
    )


def complaint(done: subprocess.CompletedProcess[str], code: int) -> str:
    """What a failed command says: never a traceback, one line of error and one of remedy."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert lines
    assert lines[0].startswith("Error:")
    assert len(lines) == 2, done.stderr
    assert done.stdout == ""
    return done.stderr


@pytest.mark.model
def test_the_download_count_is_answered_dated_and_cited(seeded_storage: Path) -> None:
    done = run("ask", "How many times has Llama been downloaded?", "--json", storage=seeded_storage)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert "1.2 billion" in answer["answer"]
    assert answer["as_of"] == "2025-04-29"
    assert answer["abstained"] is False
    assert answer["status"] in ("answered", "quoted")
    numbers = {citation["number"] for citation in answer["citations"]}
    assert all(sentence["citations"] for sentence in answer["sentences"])
    assert {n for sentence in answer["sentences"] for n in sentence["citations"]} == numbers
    for citation in answer["citations"]:
        text = documents.read(
            documents.SourceFile(
                doc=citation["doc"], path=ROOT / "docs" / citation["doc"], sha256=""
            )
        ).text
        assert text[citation["start"] : citation["end"]] == citation["text"]
        shown = run("documents", "show", citation["doc"], storage=seeded_storage)
        assert shown.stdout[citation["start"] : citation["end"]] == citation["text"]
    assert {"650 million", "1 billion"} <= {value["value"] for value in answer["other_values"]}
    for key in ("id", "question", "query", "language", "reason", "passages", "model", "seconds"):
        assert key in answer
    assert set(answer["seconds"]) == {"understand", "retrieve", "first_token", "total"}
    assert set(answer["tokens"]) == {"prompt", "answer"}


@pytest.mark.model
def test_the_capital_of_australia_is_not_answered(seeded_storage: Path) -> None:
    done = run("ask", "What is the capital of Australia?", "--json", storage=seeded_storage)
    answer = json.loads(done.stdout)
    assert answer["abstained"] is True
    assert answer["status"] == "abstained"
    assert answer["answer"] == "The documents do not say."
    assert answer["citations"] == []
    assert answer["tokens"] == {"prompt": 0, "answer": 0}


@pytest.mark.model
def test_a_follow_up_with_its_history(seeded_storage: Path, tmp_path: Path) -> None:
    history = tmp_path / "history.json"
    history.write_text(
        json.dumps(
            [
                {"role": "user", "content": "How many parameters does Llama 4 Scout have?"},
                {"role": "assistant", "content": "17 billion active of 109 billion in total."},
            ]
        )
    )
    done = run("ask", "And Maverick?", "--history", str(history), "--json", storage=seeded_storage)
    answer = json.loads(done.stdout)
    assert answer["question"] == "And Maverick?"
    assert "parameters" in answer["query"]
    assert "Maverick" in answer["query"]
    assert "400 billion" in answer["answer"] or "400\u00a0milliards" in answer["answer"]


def test_text_and_json_of_ingest_and_ask_on_a_folder_of_ones_own(
    docs: Path, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    none = {"CHATBOT_CHAT_MODEL": "none"}
    done = run("ingest", "--docs", str(docs), "--json", storage=storage)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["added"] == ["harbour.md", "mill.txt", "pont.txt"]
    again = json.loads(run("ingest", "--docs", str(docs), "--json", storage=storage).stdout)
    assert again["unchanged"] == report["added"]
    assert again["embedded"] == 0
    text = run("ask", "When was the mill built?", "--docs", str(docs), storage=storage, **none)
    assert text.returncode == 0, text.stderr
    assert "The mill was built in 1847 by Jeanne Morel. [1]" in text.stdout
    assert "mill.txt" in text.stdout
    french = run(
        "ask", "Combien a coûté le pont ?", "--docs", str(docs), "--json", storage=storage, **none
    )
    answer = json.loads(french.stdout)
    assert "3,4 millions" in answer["answer"]
    assert answer["language"] == "fr"
    assert answer["citations"][0]["published"] is None


def test_a_file_that_cannot_be_read_fails_the_ingest_and_is_named(
    docs: Path, tmp_path: Path
) -> None:
    (docs / "torn.docx").write_bytes(b"PK\x03\x04 torn")
    done = run("ingest", "--docs", str(docs), storage=tmp_path / "storage")
    assert done.returncode == 1
    assert "torn.docx" in done.stdout
    assert "3 added" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("question", ["", "   ", "?!"])
def test_an_empty_question(question: str, docs: Path, tmp_path: Path) -> None:
    done = run("ask", question, "--docs", str(docs), storage=tmp_path / "storage")
    assert "empty" in complaint(done, 2)


def test_a_missing_folder(tmp_path: Path) -> None:
    done = run("ask", "What?", "--docs", str(tmp_path / "none"), storage=tmp_path / "storage")
    assert "--docs" in complaint(done, 2)


def test_a_folder_with_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    done = run("ingest", "--docs", str(tmp_path), storage=tmp_path / "storage")
    assert "no readable document" in complaint(done, 1)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Not found</html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"GGUF\x03\x00\x00\x00" + bytes(20), "cut off"),
        (b"GGUF\x09\x00\x00\x00" + bytes(4000), "version 9"),
        (b"GGUF\x03\x00\x00\x00" + bytes(4000), "cannot load"),
        (b"something else entirely" * 100, "not a GGUF file"),
    ],
)
def test_a_missing_or_broken_model(
    content: bytes | None, cause: str, docs: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model.gguf"
    if content is not None:
        model.write_bytes(content)
    storage = tmp_path / "storage"
    done = run("ask", "Which mill?", "--docs", str(docs), "--model", str(model), storage=storage)
    assert cause in complaint(done, 1)


def test_an_unknown_model_name_lists_the_known_ones(docs: Path, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    done = run("ask", "Which mill?", "--docs", str(docs), "--model", "gpt-9", storage=storage)
    assert "smollm2-135m" in complaint(done, 2)


def test_without_its_default_model_it_answers_by_quoting(docs: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "e5-small-q4.bin").symlink_to(ROOT / "models" / "e5-small-q4.bin")
    done = run(
        "ask", "Who built the mill?", "--docs", str(docs), "--json",
        storage=tmp_path / "storage", CHATBOT_MODELS_DIR=str(models),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "chatbot models pull smollm2-135m" in done.stderr
    answer = json.loads(done.stdout)
    assert answer["status"] == "quoted"
    assert "Jeanne Morel" in answer["answer"]


def test_without_the_embedder_the_remedy_is_named(docs: Path, tmp_path: Path) -> None:
    done = run(
        "ask", "Who?", "--docs", str(docs),
        storage=tmp_path / "storage", CHATBOT_MODELS_DIR=str(tmp_path),
    )  # fmt: skip
    assert "chatbot models pull multilingual-e5-small" in complaint(done, 1)


def test_a_port_in_use(docs: Path, tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        done = run("serve", "--docs", str(docs), "--port", port, storage=tmp_path / "storage")
    assert port in complaint(done, 1)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--as-of", "31 April"), "YYYY-MM-DD"),
        (("--history", "nowhere.json"), "does not exist"),
    ],
)
def test_bad_flags_of_ask(words: tuple[str, str], part: str, docs: Path, tmp_path: Path) -> None:
    done = run("ask", "Which mill?", "--docs", str(docs), *words, storage=tmp_path / "storage")
    assert part in complaint(done, 2) or "--as-of 2025-04-29" in done.stderr


def test_a_bad_setting_is_named(docs: Path, tmp_path: Path) -> None:
    done = run(
        "ask", "Which mill?", "--docs", str(docs), storage=tmp_path / "s", CHATBOT_PASSAGES="many"
    )
    assert "CHATBOT_PASSAGES" in complaint(done, 2)


@pytest.mark.model
def test_a_conversation_in_the_terminal(seeded_storage: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chatbot", "chat"],
        input="How many times has Llama been downloaded?\n/sources\n/new\n/what\n\n/quit\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
        env={**os.environ, "CHATBOT_STORAGE_DIR": str(seeded_storage)},
    )
    assert done.returncode == 0, done.stderr
    assert "1.2 billion" in done.stdout
    assert "Commands:" in done.stdout
    assert "Traceback" not in done.stderr
