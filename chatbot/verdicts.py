"""Verdicts on chat models: how far the words of each have earned to be the answer.

`chatbot models qualify` measures one (chatbot/evaluation/qualify.py) and it is kept under the
sha256 of the model's file, so that a copy of the file has it too and another file has not. That
of the default model ships with the program. Loads no model.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chatbot.records import Writing

UNMEASURED: Writing = "quoting"
"""Of a model without a verdict. The check lets through what the documents say, to the point or
not, and nobody has measured how often this model's words are to the point: of the three, quotes
alone are known not to be worse than quotes."""

SHIPPED = Path(__file__).parent / "fitted" / "verdicts"
_KEPT_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Answers with the model's words against the quotes alone, on the same questions."""

    right: float
    """Share of the questions answered right with the model's words."""
    quotes_right: float
    """The same share by the quotes alone."""
    wins: int
    """Questions right only with the model's words."""
    losses: int
    """Questions right only by the quotes."""
    low: float
    high: float
    """95 % interval of the difference (Agresti and Min 2005)."""
    p: float
    """Exact McNemar test, two-sided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was measured of one model file, and what follows from it."""

    model: str
    sha256: str
    writing: Writing
    measured: str
    """Day of the measurement, ISO."""
    dataset: str
    dataset_sha256: str
    commit: str | None
    """Of the program that asked, as `git describe --dirty` marks it: prompts and checks change what
    a model is worth."""
    questions: int
    """That were asked and answered; what was refused is refused with any model."""
    written: int
    """Of these, questions where a sentence of the model passed the check."""
    margin: float
    """Most that an answer may be worse than the quotes, as a share of the questions."""
    answers: Paired
    """The model's sentences followed by the quotes."""
    openings: Paired
    """The first sentence of these, against the first quote: what is read first."""
    prose: Paired
    """The model's sentences alone; the quotes where none passed the check."""


def verdict_folder(models_dir: Path, sha256: str) -> Path:
    """Where the verdict on a model file and the run behind it are kept."""
    return models_dir / "verdicts" / sha256[:_KEPT_DIGITS]


def find_verdict(models_dir: Path, sha256: str) -> Verdict | None:
    """The verdict on a model file: measured here, else the one that ships, else None."""
    own = verdict_folder(models_dir, sha256) / "verdict.json"
    return _read(own, sha256) or _read(SHIPPED / f"{sha256[:_KEPT_DIGITS]}.json", sha256)


def keep_verdict(models_dir: Path, verdict: Verdict) -> Path:
    """Write a verdict into the models' folder, in one step; return its path."""
    path = verdict_folder(models_dir, verdict.sha256) / "verdict.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(verdict), indent=2) + "\n", encoding="utf-8")
    part.replace(path)
    return path


def writing_of(models_dir: Path, sha256: str) -> Writing:
    """What a model file may write."""
    verdict = find_verdict(models_dir, sha256)
    return verdict.writing if verdict else UNMEASURED


def _read(path: Path, sha256: str) -> Verdict | None:
    """A stored verdict; one that is missing, broken or of another file says nothing."""
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        pairs: dict[str, Any] = {
            name: Paired(**data.pop(name)) for name in ("answers", "openings", "prose")
        }
        verdict = Verdict(**data, **pairs)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return verdict if verdict.sha256 == sha256 else None
