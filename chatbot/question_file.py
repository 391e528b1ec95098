"""The file of questions that a docs folder may hold: `questions.jsonl`, as evaluation cases are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE_NAME = "questions.jsonl"

Problem = tuple[str, str]
"""(file, what is wrong with it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenQuestion:
    """One question with what answers it; without evidence it is one that nothing answers."""

    text: str
    evidence: tuple[tuple[str, str], ...]
    """(document, quote) of each sentence that answers."""
    about: str | None
    """Document that comes near to an unanswered question."""
    correction: tuple[str, str] | None
    """(document, quote) of what contradicts a question that takes something wrong for granted."""
    plain: bool
    """A plain question that many ask: it leads to its answer and decides for its like, but does
    not vote, because nobody writes as many plain questions that have no answer."""


def read_written_questions(path: Path) -> tuple[list[WrittenQuestion], list[Problem]]:
    """The questions of a file, each text once, and what is wrong with its other lines."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [(path.name, f"cannot be read: {error.strerror}")]
    questions: dict[str, WrittenQuestion] = {}
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            question = _question(json.loads(line.decode("utf-8-sig")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problems.append((path.name, f"line {number} is left out: {_short(error)}"))
            continue
        questions.setdefault(question.text, question)
    return list(questions.values()), problems


def _question(data: Any) -> WrittenQuestion:
    text, evidence = data["question"].strip(), data.get("evidence") or []
    correction = data.get("correction")
    if not text:
        raise ValueError("the question is empty")
    if bool(data["answerable"]) != bool(evidence):
        raise ValueError("an answerable question has evidence, the others have none")
    return WrittenQuestion(
        text=text,
        evidence=tuple((item["doc"], item["quote"]) for item in evidence),
        about=data.get("about"),
        correction=(correction["doc"], correction["quote"]) if correction else None,
        plain=data.get("kind") == "plain",
    )


def _short(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
