"""What a chat model may write: its checked words against the quotes, on the same questions.

Each development question is asked once, over the same path as every other question, with the
model's sentences in front of the quotes; the events of that one answer hold the quotes alone and
the model's sentences alone as well. Rows are saved like those of every run; the verdict is a
pure function of them.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from chatbot.errors import DatasetError, UsageError
from chatbot.evaluation.datasets import Case, Dataset
from chatbot.evaluation.metrics import Row, correct
from chatbot.evaluation.runner import Progress, read_rows, run
from chatbot.evaluation.statistics import mcnemar, paired_interval
from chatbot.records import Answer, Checked, Event, Quoted, Turn, Writing
from chatbot.verdicts import Paired, Verdict, keep_verdict, verdict_folder

if TYPE_CHECKING:
    from chatbot.chatbot import Chatbot

MARGIN = 0.05
"""How much worse than the quotes may not be ruled out: one answer in twenty.

The least that the development questions can tell: on 150 of them the interval of a model that
wins and loses five each reaches down to -0.043. At 0.03 it would be refused for want of
questions, and at 0.1 a model could spoil every tenth answer.
"""
LEAST_WRITTEN = 20
"""A model whose sentences pass the check on fewer questions has shown nothing."""
SAMPLE = 160
"""Questions that the default model answers in some ten minutes on two cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed(Answer):
    """An answer with what it was made of."""

    quoted: tuple[str, ...]
    """The quotes, had there been no model; none for an abstention."""
    checked: tuple[str, ...]
    """The model's sentences that passed the check."""


class Witness:
    """Asks a chatbot and keeps what the events of the answer say."""

    def __init__(self, chatbot: Chatbot) -> None:
        self._chatbot = chatbot

    def answer(
        self, question: str, history: Sequence[Turn] = (), *, as_of: date | None = None
    ) -> Witnessed:
        """Ask one question."""
        return witnessed(self._chatbot.ask(question, history, as_of=as_of))

    def describe(self) -> Mapping[str, Any]:
        """Identity of the chatbot that is asked."""
        return self._chatbot.describe()


def witnessed(events: Iterator[Event]) -> Witnessed:
    """Drain the events of one question."""
    quoted: tuple[str, ...] = ()
    checked: list[str] = []
    for event in events:
        if isinstance(event, Quoted):
            quoted = tuple(sentence.text for sentence in event.sentences)
        elif isinstance(event, Checked):
            checked.append(event.sentence.text)
        elif isinstance(event, Answer):
            held = {field.name: getattr(event, field.name) for field in fields(Answer)}
            return Witnessed(**held, quoted=quoted, checked=tuple(checked))
    raise AssertionError("ask() ended without an Answer")


def sample(dataset: Dataset, languages: Sequence[str], *, limit: int | None) -> Dataset:
    """The questions to ask: answerable ones that the model can write an answer to.

    In an order of which every beginning holds the categories in their proportions, so that a
    longer sample goes on where a shorter one ended.

    Raises:
        DatasetError: no question is left.
    """
    strata: dict[str, list[Case]] = {}
    for case in dataset.cases:
        if case.data["answerable"] and case.data.get("language", "en") in languages:
            strata.setdefault(str(case.data.get("category")), []).append(case)
    chooser = random.Random(0)  # always the same questions: two models must be asked the same
    placed: list[tuple[float, Case]] = []
    for cases in strata.values():
        chooser.shuffle(cases)
        placed += [((i + chooser.random()) / len(cases), case) for i, case in enumerate(cases)]
    if not placed:
        raise DatasetError(
            f"{dataset.name} holds no answerable question in {', '.join(languages)}.",
            "Name another model.",
        )
    ordered = tuple(case for _, case in sorted(placed, key=lambda item: item[0]))
    return replace(dataset, cases=ordered).first(limit)


def qualify(
    chatbot: Chatbot,
    dataset: Dataset,
    *,
    limit: int | None = SAMPLE,
    resume: bool = False,
    progress: Progress | None = None,
) -> Verdict:
    """Ask the questions, judge the answers and keep the verdict with the model's file.

    Args:
        chatbot: with the model loaded, and "leading" for what it may write.
        dataset: the development questions.
        limit: most questions to ask; None asks all.
        resume: go on with the questions of a stopped run.
        progress: told after each question.

    Raises:
        UsageError: there is no model to judge.
        DatasetError: questions failed, or the run to go on with had other settings.
    """
    if chatbot.model is None or chatbot.writing != "leading":
        raise UsageError("There is no chat model to judge.", "Run: chatbot models pull")
    model, models_dir = chatbot.model, chatbot.config.models_dir
    directory = verdict_folder(models_dir, model.sha256) / "run"
    if not resume:
        shutil.rmtree(directory, ignore_errors=True)
    info = run(
        Witness(chatbot),
        sample(dataset, model.languages, limit=limit),
        directory,
        config=chatbot.config.model_dump(mode="json"),
        documents=chatbot.index.files,
        resume=resume,
        progress=progress,
    )
    verdict = judge(info, read_rows(directory), today=date.today())
    keep_verdict(models_dir, verdict)
    return verdict


def judge(info: Mapping[str, Any], rows: Sequence[Row], *, today: date) -> Verdict:
    """The verdict that the rows of a finished run allow.

    Raises:
        DatasetError: a question failed: what is missing cannot be compared.
    """
    failed = [row for row in rows if row["error"] is not None]
    if failed:
        raise DatasetError(
            f"{len(failed)} of {len(rows)} questions failed, the first with: {failed[0]['error']}",
            "Mend that and run the command again.",
        )
    judged = [row for row in rows if not row["abstained"] and correct(row) is not None]
    if not judged:
        raise DatasetError("None of the questions was answered.", "Ask more of them: --limit.")
    quoted = [_right(row, row["quoted"]) for row in judged]
    answers = _paired(quoted, [_right(row, [row["answer"]]) for row in judged])
    openings = _paired(
        [_right(row, row["quoted"][:1]) for row in judged],
        [_right(row, [row["sentences"][0]["text"]]) for row in judged],
    )
    prose = _paired(quoted, [_right(row, row["checked"] or row["quoted"]) for row in judged])
    written = sum(bool(row["checked"]) for row in judged)
    return Verdict(
        model=info["chatbot"]["model"],
        sha256=info["chatbot"]["model_sha256"],
        writing=decide(answers, openings, prose, written=written),
        measured=today.isoformat(),
        dataset=info["dataset"]["name"],
        dataset_sha256=info["dataset"]["sha256"],
        commit=f"{info['commit']}-dirty" if info["dirty"] else info["commit"],
        questions=len(judged),
        written=written,
        margin=MARGIN,
        answers=answers,
        openings=openings,
        prose=prose,
    )


def decide(answers: Paired, openings: Paired, prose: Paired, *, written: int) -> Writing:
    """The most that the figures allow: a loss of more than MARGIN must be ruled out.

    Sentences put in front of the quotes take hardly anything away from them, so comparing the
    whole answers alone would let any model lead. What it leads with must hold the asked fact as
    often as the first quote does.
    """
    if written < LEAST_WRITTEN:
        return "quoting"
    if prose.low >= -MARGIN:
        return "qualified"
    return "leading" if min(answers.low, openings.low) >= -MARGIN else "quoting"


def _right(row: Row, texts: Sequence[str]) -> bool:
    return correct({**row, "answer": " ".join(texts)}) == 1


def _paired(quotes: Sequence[bool], written: Sequence[bool]) -> Paired:
    pairs = list(zip(quotes, written, strict=True))
    wins, losses = pairs.count((False, True)), pairs.count((True, False))
    low, high = paired_interval(losses, wins, len(pairs))
    return Paired(
        right=round(sum(written) / len(pairs), 4),
        quotes_right=round(sum(quotes) / len(pairs), 4),
        wins=wins,
        losses=losses,
        low=round(low, 4),
        high=round(high, 4),
        p=round(mcnemar(losses, wins), 4),
    )
