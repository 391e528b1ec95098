"""Files of questions to cases. A case is checked when it is read; broken lines are named.

The format is JSON lines: {"id", "question", "history"?, "answerable", "answers", "must_include"?,
"must_not_include"?, "evidence"?, "language"?, "category"?, "as_of"?}; fields that are not listed
are kept. A first line {"header": {…}} describes the set and is no case.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from chatbot.errors import DatasetError
from chatbot.records import Turn

SETS_DIR = Path(__file__).parent / "sets"
"""The sets that ship with the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question, what a good answer holds, and where that stands."""

    id: str
    question: str
    history: tuple[Turn, ...]
    as_of: date | None
    data: Mapping[str, Any]
    """The whole case object as it was read: what the metrics work on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that is no case, and why."""

    number: int
    """1-based; 0 where the source has no lines."""
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """The cases of one set, in file order."""

    name: str
    path: Path
    sha256: str
    """Of the bytes that the cases were read from."""
    cases: tuple[Case, ...]
    header: Mapping[str, Any] = field(default_factory=dict)
    bad_lines: tuple[BadLine, ...] = ()
    docs_dir: Path | None = None
    """Folder of the set's own documents; None where the user's documents are asked."""

    def first(self, limit: int | None) -> Dataset:
        """The same set with at most `limit` cases."""
        return self if limit is None else replace(self, cases=self.cases[:limit])


def shipped_sets() -> dict[str, Path]:
    """Names and files of the sets that ship with the program."""
    return {path.stem: path for path in sorted(SETS_DIR.glob("*.jsonl"))}


def find_set(name: str) -> Path:
    """The path of a set, by the name of a shipped one or by its own path.

    Raises:
        DatasetError: there is neither.
    """
    shipped = shipped_sets()
    if name in shipped:
        return shipped[name]
    path = Path(name)
    if not path.exists():
        known = ", ".join(shipped) or "none"
        raise DatasetError(
            f"There is no evaluation set {name}.", f"Give a path or a shipped set: {known}."
        )
    return path


def load_dataset(path: Path, *, skip_bad: bool = False) -> Dataset:
    """Read a set in our own format.

    Args:
        path: a JSON-lines file.
        skip_bad: leave broken lines out and report them in `bad_lines`.

    Raises:
        DatasetError: the file cannot be read, holds no case, or has broken lines.
    """
    content = read_bytes(path)
    header: Mapping[str, Any] = {}
    cases: list[Case] = []
    bad: list[BadLine] = []
    seen: set[str] = set()
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            data = json.loads(line.decode("utf-8-sig"))
            if number == 1 and isinstance(data, dict) and isinstance(data.get("header"), dict):
                header = data["header"]
                continue
            case = parse_case(data)
            if case.id in seen:
                raise ValueError(f"the id {case.id!r} was used before")
        except ValueError as error:  # bad JSON and bad UTF-8 are ValueErrors too
            bad.append(BadLine(number=number, problem=str(error)))
        else:
            seen.add(case.id)
            cases.append(case)
    return checked(
        Dataset(
            name=path.stem,
            path=path,
            sha256=hashlib.sha256(content).hexdigest(),
            cases=tuple(cases),
            header=header,
            bad_lines=tuple(bad),
        ),
        skip_bad=skip_bad,
    )


def checked(dataset: Dataset, *, skip_bad: bool) -> Dataset:
    """The same set, if it may be run.

    Raises:
        DatasetError: it has broken lines that are not to be skipped, or no case.
    """
    if dataset.bad_lines and not skip_bad:
        lines = "; ".join(f"line {bad.number}: {bad.problem}" for bad in dataset.bad_lines[:5])
        more = len(dataset.bad_lines) - 5
        raise DatasetError(
            f"{dataset.path} has {len(dataset.bad_lines)} broken lines: {lines}"
            + (f"; and {more} more." if more > 0 else "."),
            "Mend them, or leave them out with --skip-bad.",
        )
    if not dataset.cases:
        raise DatasetError(f"{dataset.path} holds no case.", "Give a file with one case a line.")
    return dataset


def missing_quotes(
    cases: Iterable[Case], text_of: Callable[[str], str | None]
) -> list[tuple[str, str]]:
    """(case id, document) of gold quotes that a document does not hold, spaces aside.

    Args:
        cases: with their evidence.
        text_of: the extracted text of a document, None if there is no such document.
    """
    texts: dict[str, str] = {}
    missing = []
    for case in cases:
        for gold in case.data.get("evidence", []):
            doc = gold["doc"]
            if doc not in texts:
                texts[doc] = " ".join((text_of(doc) or "").split())
            if not texts[doc] or " ".join(gold["quote"].split()) not in texts[doc]:
                missing.append((case.id, doc))
    return missing


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None


def parse_case(data: Any) -> Case:
    """Check a case object and read it.

    Raises:
        ValueError: a field is missing or of another kind; says which.
    """
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")
    for name in ("id", "question"):
        if not isinstance(data.get(name), str) or not data[name].strip():
            raise ValueError(f"{name!r} must be text")
    # None is for public sets that do not say; it leaves the case out of the abstention metrics.
    if "answerable" not in data or not isinstance(data["answerable"], bool | None):
        raise ValueError("'answerable' must be true or false")
    _check_texts(data, "answers", required=True)
    _check_texts(data, "must_not_include")
    groups = data.get("must_include", [])
    if not isinstance(groups, list) or not all(group and _is_texts(group) for group in groups):
        raise ValueError("'must_include' must be a list of lists of texts, none empty")
    evidence = data.get("evidence", [])
    if not isinstance(evidence, list) or not all(_is_evidence(item) for item in evidence):
        raise ValueError('\'evidence\' must be a list of {"doc", "quote"}')
    for name in ("language", "category"):
        if not isinstance(data.get(name), str | None):
            raise ValueError(f"{name!r} must be text")
    return Case(
        id=data["id"],
        question=data["question"],
        history=tuple(_turns(data.get("history") or [])),
        as_of=_day(data.get("as_of")),
        data=data,
    )


def _check_texts(data: Mapping[str, Any], name: str, *, required: bool = False) -> None:
    if (required or name in data) and not _is_texts(data.get(name)):
        raise ValueError(f"{name!r} must be a list of texts")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_evidence(item: Any) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(k), str) for k in ("doc", "quote"))


def _turns(history: Any) -> Iterable[Turn]:
    if not isinstance(history, list):
        raise ValueError("'history' must be a list of messages")
    for message in history:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            raise ValueError("a message of 'history' must have a 'content'")
        if message.get("role") not in ("user", "assistant"):
            raise ValueError("the 'role' of a message must be user or assistant")
        yield Turn(role=message["role"], content=message["content"])


def _day(value: Any) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"'as_of' must be a date like 2025-04-30, not {value!r}") from None
