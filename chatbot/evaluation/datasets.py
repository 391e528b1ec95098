"""Files of questions to cases. A case is checked when it is read; broken lines are named.

The format is JSON lines: {"id", "question", "history"?, "answerable", "answers", "must_include"?,
"must_not_include"?, "evidence"?, "language"?, "category"?, "as_of"?}; fields that are not listed
are kept. A first line {"header": {…}} describes the set and is no case.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from chatbot.errors import DatasetError
from chatbot.records import Turn

Record = dict[str, Any]

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
    header: dict[str, Any] = {}
    bad: list[BadLine] = []

    def numbered() -> Iterator[tuple[int, Record]]:
        for number, data in json_lines(content, bad):
            if number == 1 and isinstance(data.get("header"), dict):
                header.update(data["header"])
            else:
                yield number, data

    cases = read_cases(numbered(), bad)
    return checked(
        Dataset(
            name=path.stem,
            path=path,
            sha256=hashlib.sha256(content).hexdigest(),
            cases=cases,
            header=header,
            bad_lines=tuple(bad),
        ),
        skip_bad=skip_bad,
    )


def json_lines(
    content: bytes, bad: list[BadLine], *, name: str = ""
) -> Iterator[tuple[int, Record]]:
    """Numbered objects of a JSON-lines file; `bad` is told of the other lines."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            data = json.loads(line.decode("utf-8-sig"))
            if not isinstance(data, dict):
                raise ValueError("not a JSON object")
        except ValueError as error:  # bad JSON and bad UTF-8 are ValueErrors too
            bad.append(BadLine(number=number, problem=f"{name}{error}"))
        else:
            yield number, data


def read_cases(numbered: Iterable[tuple[int, Record]], bad: list[BadLine]) -> tuple[Case, ...]:
    """The cases of numbered objects; `bad` is told of those that are none."""
    cases: dict[str, Case] = {}
    for number, data in numbered:
        try:
            case = parse_case(data)
            if case.id in cases:
                raise ValueError(f"the id {case.id!r} was used before")
        except ValueError as error:
            bad.append(BadLine(number=number, problem=str(error)))
        else:
            cases[case.id] = case
    return tuple(cases.values())


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


def parse_case(data: Record) -> Case:
    """Check a case object and read it.

    Raises:
        ValueError: a field is missing or of another kind; says which.
    """
    try:
        fields = _Fields.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = " ".join(repr(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}") from None
    return Case(
        id=fields.id,
        question=fields.question,
        history=tuple(Turn(role=t.role, content=t.content) for t in fields.history or []),
        as_of=fields.as_of,
        data=data,
    )


_Text = Annotated[str, Field(pattern=r"\S")]
_Day = Annotated[date, BeforeValidator(lambda day: date.fromisoformat(str(day)))]


class _Message(BaseModel):
    role: Literal["user", "assistant"]
    content: str


class _Evidence(BaseModel):
    doc: str
    quote: str


class _Fields(BaseModel):
    """What a case must hold; nothing is converted, because the metrics work on the object."""

    model_config = ConfigDict(strict=True)

    id: _Text
    question: _Text
    answerable: bool | None
    """None is for public sets that do not say; leaves the case out of the abstention metrics."""
    answers: list[str]
    must_include: list[Annotated[list[str], Field(min_length=1)]] = []
    must_not_include: list[str] = []
    evidence: list[_Evidence] = []
    language: str | None = None
    category: str | None = None
    history: list[_Message] | None = None
    as_of: _Day | None = None
