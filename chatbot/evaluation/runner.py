"""Cases to saved rows, one at a time, over the same path as every other question.

A run is a folder: run.json is written first ("finished": false) and completed last;
answers.jsonl gets one line as each case ends. A run that was stopped, by Ctrl-C or by a
power cut, goes on where it was. Knows nothing of metrics.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

from chatbot.errors import ChatbotError, DatasetError
from chatbot.evaluation.datasets import Case, Dataset
from chatbot.evaluation.machine import machine, peak_memory_bytes, source_state, versions
from chatbot.records import Answer, Turn

RUN_FORMAT = 1
RUN_FILE = "run.json"
ROWS_FILE = "answers.jsonl"
_IDENTITY = ("dataset.sha256", "documents", "chatbot", "config")
"""What a resumed run must share with its beginning. The machine and the limit may change."""
_UNIMPORTANT = ("config.host", "config.port")


class Asker(Protocol):
    """What the runner needs of a chatbot."""

    def answer(
        self, question: str, history: Sequence[Turn] = (), *, as_of: date | None = None
    ) -> Answer:
        """Answer one question."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """Identity of the index, the model and the libraries."""
        ...


Progress = Callable[[int, int], None]
"""Called with cases done and cases in all, after each case."""


def run(
    asker: Asker,
    dataset: Dataset,
    directory: Path,
    *,
    config: Mapping[str, Any],
    documents: Mapping[str, str] | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Ask every case and save a row for each.

    Args:
        asker: the chatbot.
        dataset: the cases.
        directory: folder of the run; made if need be.
        config: the settings, as JSON.
        documents: sha256 of each document that is asked.
        resume: go on with the run in `directory`; begins one where there is none.
        progress: told after each case.

    Returns:
        The content of run.json.

    Raises:
        DatasetError: the folder holds a run and `resume` is off, or that run had other settings.
    """
    directory.mkdir(parents=True, exist_ok=True)
    info = _describe_run(asker, dataset, config, documents)
    done: set[str] = set()
    if check_new(directory, resume=resume):
        info = _resumed(read_run(directory), info)
        done = {row["case"]["id"] for row in _repaired_rows(directory)}
    _write_json(directory / RUN_FILE, info)
    cases = [case for case in dataset.cases if case.id not in done]
    skipped = len(dataset.cases) - len(cases)
    with (directory / ROWS_FILE).open("a", encoding="utf-8") as file:
        for count, case in enumerate(cases, start=skipped + 1):
            row = ask_case(asker, case)
            # One write and a flush: a killed process leaves at most one broken last line.
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            if progress is not None:
                progress(count, len(dataset.cases))
        os.fsync(file.fileno())
    info |= {"finished": True, "finished_at": _now()}
    _write_json(directory / RUN_FILE, info)
    return info


def check_new(directory: Path, *, resume: bool) -> bool:
    """True if the folder holds a run already.

    Raises:
        DatasetError: it does, and `resume` is off.
    """
    held = (directory / RUN_FILE).exists() or (directory / ROWS_FILE).exists()
    if held and not resume:
        raise DatasetError(
            f"{directory} already holds a run.", "Give another --out, or go on with --resume."
        )
    return held


def ask_case(asker: Asker, case: Case) -> dict[str, Any]:
    """Ask one case; a failure is a row as well, with its error."""
    started = time.perf_counter()
    row: dict[str, Any] = {"case": dict(case.data), "error": None}
    try:
        answer = asker.answer(case.question, case.history, as_of=case.as_of)
        row |= answer.to_json()
    except Exception as error:  # whatever a case raises is its row; Ctrl-C is no Exception
        row["error"] = str(error) if isinstance(error, ChatbotError) else repr(error)
    row["wall_seconds"] = time.perf_counter() - started
    row["peak_memory_bytes"] = peak_memory_bytes()
    return row


def read_run(directory: Path) -> dict[str, Any]:
    """The content of a folder's run.json.

    Raises:
        DatasetError: there is none, or it is broken.
    """
    path = directory / RUN_FILE
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(
            f"{directory} holds no run.", "Make one with chatbot eval run."
        ) from None
    except ValueError as error:
        raise DatasetError(f"{path} is broken: {error}.", "Run again into a new folder.") from None
    if not isinstance(info, dict) or info.get("format") != RUN_FORMAT:
        raise DatasetError(f"{path} is of another version.", "Run again into a new folder.")
    return info


def find_runs(folder: Path) -> list[dict[str, Any]]:
    """What is known of each run below a folder: directory, set, model, cases, rows, state."""
    found = []
    for path in sorted(folder.rglob(RUN_FILE)):
        try:
            info = read_run(path.parent)
            rows = sum(1 for _ in _lines(path.parent))
        except DatasetError:  # a run.json of something else
            continue
        found.append(
            {
                "directory": str(path.parent),
                "dataset": info["dataset"]["name"],
                "model": info["chatbot"].get("model"),
                "cases": info["dataset"]["cases"],
                "rows": rows,
                "finished": info["finished"],
                "started_at": info["started_at"],
            }
        )
    return found


def read_rows(directory: Path) -> list[dict[str, Any]]:
    """The rows of a run, in the order they were asked; a broken last line is left out.

    Raises:
        DatasetError: there are none, or another line is broken.
    """
    rows = [row for row, _ in _lines(directory)]
    if not rows:
        raise DatasetError(f"{directory} holds no answers.", "Make some with chatbot eval run.")
    return rows


def _lines(directory: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Rows with the number of bytes up to the end of each."""
    path = directory / ROWS_FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    end = 0
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        try:
            if not line.endswith(b"\n"):
                raise ValueError("no line end")
            row = json.loads(line)
        except ValueError as error:
            if end + len(line) == len(content):
                return
            raise DatasetError(
                f"{path} line {number} is broken: {error}.", "Run again into a new folder."
            ) from None
        end += len(line)
        yield row, end


def _repaired_rows(directory: Path) -> list[dict[str, Any]]:
    """The rows of a stopped run, after cutting off a line that was not written to its end."""
    rows, end = [], 0
    for row, reached in _lines(directory):
        rows.append(row)
        end = reached
    path = directory / ROWS_FILE
    if path.exists() and path.stat().st_size > end:
        os.truncate(path, end)
    return rows


def _describe_run(
    asker: Asker,
    dataset: Dataset,
    config: Mapping[str, Any],
    documents: Mapping[str, str] | None,
) -> dict[str, Any]:
    info = {
        "format": RUN_FORMAT,
        "finished": False,
        "started_at": _now(),
        "finished_at": None,
        "resumed_at": [],
        **source_state(),
        "versions": versions(),
        "machine": machine(),
        "dataset": {
            "name": dataset.name,
            "path": str(dataset.path),
            "sha256": dataset.sha256,
            "cases": len(dataset.cases),
            "bad_lines": [[bad.number, bad.problem] for bad in dataset.bad_lines],
            "header": dict(dataset.header),
        },
        "documents": _documents_identity(documents or {}),
        "chatbot": dict(asker.describe()),
        "config": dict(config),
    }
    # Through JSON and back, so that it compares equal with what is read from a file.
    plain: dict[str, Any] = json.loads(json.dumps(info, default=str))
    return plain


def _documents_identity(documents: Mapping[str, str]) -> dict[str, Any]:
    """Count, and one checksum over names and contents."""
    listed = "\n".join(f"{doc}\0{digest}" for doc, digest in sorted(documents.items()))
    return {"count": len(documents), "sha256": hashlib.sha256(listed.encode()).hexdigest()}


def _resumed(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """run.json of a run that goes on.

    Raises:
        DatasetError: the settings differ; names them.
    """
    old, new = flat(before), flat(now)
    differing = [
        name
        for name in sorted(old.keys() | new.keys())
        if name.startswith(_IDENTITY)
        and name not in _UNIMPORTANT
        and old.get(name) != new.get(name)
    ]
    if differing:
        changes = "; ".join(f"{name} was {old.get(name)}, is {new.get(name)}" for name in differing)
        raise DatasetError(
            f"The run had other settings: {changes}.",
            "Set them back, or run again into a new folder.",
        )
    dataset = before["dataset"] | {"cases": now["dataset"]["cases"]}
    times = {"resumed_at": [*before["resumed_at"], _now()], "finished_at": None}
    return before | times | {"finished": False, "dataset": dataset}


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted names."""
    found: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, Mapping):
            found |= flat(item, f"{prefix}{name}.")
        else:
            found[prefix + name] = item
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write aside, then rename: run.json is never half a file."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    part.replace(path)
