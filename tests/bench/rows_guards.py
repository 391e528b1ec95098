"""Rows that guard what must not get worse: memory and answers."""

from __future__ import annotations

import itertools
import multiprocessing
import resource
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from common import OFF, Bench, prompt_of
from measured import Row

from chatbot.chatbot import Chatbot
from chatbot.config import load_config
from chatbot.evaluation.datasets import find_set, load_dataset
from chatbot.evaluation.metrics import correct
from chatbot.evaluation.statistics import mcnemar
from chatbot.inference import Levers
from chatbot.records import Draft


def memory(bench: Bench) -> list[Row]:
    """In a process of its own, without the other side's models.

    The embedder's table of words is mapped: a page of it counts as resident once a question has
    had one of its words, and can be dropped by the system at any time.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as child:
        resident = child.submit(_asked, bench.config.storage_dir).result()
    (every_50, own_50), (every_300, own_300) = resident
    return [
        Row(what="resident memory after 300 questions", against="after 50", unit="MB",
            ours=[every_300], theirs=[every_50], reach=1.02, most=True,
            note="with pages of files"),
        Row(what="resident memory after 300 questions", against="after 50", unit="MB",
            ours=[own_300], theirs=[own_50], reach=1.02, most=True,
            note="of the program itself"),
    ]  # fmt: skip


def _asked(storage: Path) -> list[tuple[float, float]]:
    """Resident megabytes, all and without pages of files, after 50 and after 300 questions.

    Quotes for most; the model reads for every sixth.
    """
    config = load_config(storage_dir=storage, writing="leading")
    cases = [case.question for case in load_dataset(find_set("llama-dev")).cases][:240]
    asked = itertools.cycle(cases)
    resident = []
    with Chatbot.open(config) as chatbot:
        model = chatbot.model
        for number in range(1, 301):
            chatbot.model = model if number % 6 == 0 else None
            for event in chatbot.ask(next(asked)):
                if isinstance(event, Draft):
                    break
            if number in (50, 300):
                resident.append(_resident())
        chatbot.model = model
    return resident


def _resident() -> tuple[float, float]:
    try:
        fields = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
        return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))  # type: ignore[return-value]
    except (OSError, KeyError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return most, most


def quality(bench: Bench) -> list[Row]:
    """Development questions with every lever on and with all off; the same answers are wanted."""
    chatbot = bench.drafting
    cases = [c for c in load_dataset(find_set("llama-dev")).cases if c.data["answerable"]]
    model = chatbot.model
    off, exact = bench.load(OFF), bench.load(Levers(reuse=False, governor=False))
    steady = bench.load(Levers(governor=False))
    right: tuple[list[float], list[float]] = ([], [])
    same: list[bool] = []
    for case in cases[:: max(1, len(cases) // 24)][:24]:
        answers = []
        for side in (model, off):
            chatbot.model = side
            answers.append(chatbot.answer(case.question, case.history, as_of=case.as_of))
        scores = [
            correct({**answer.to_json(), "case": case.data, "error": None}) for answer in answers
        ]
        for side, score in zip(right, scores, strict=True):
            side.append(score or 0.0)
        if answers[0].tokens.answer and len(same) < 8:
            chatbot.model = model  # whose prompt is caught
            prompt = prompt_of(bench, case.question) if not case.history else None
            if prompt:
                texts = ["".join(m.stream(prompt, max_tokens=24)) for m in (steady, exact)]
                same.append(texts[0] == texts[1])
    chatbot.model = model
    for other in (off, exact, steady):
        other.close()
    ours, theirs = right
    wins = sum(a > b for a, b in zip(ours, theirs, strict=True))
    losses = sum(a < b for a, b in zip(ours, theirs, strict=True))
    note = f"{len(ours)} questions, {wins} better, {losses} worse, p = {mcnemar(wins, losses):.2f}"
    return [
        Row(what="right answers with all levers", against="with none", unit="%", rate=True,
            ours=[100 * float(np.mean(ours))], theirs=[100 * float(np.mean(theirs))],
            reach=0.95, note=note),
        Row(what="same text with reuse", against="without", unit="of drafts", rate=True,
            ours=[float(sum(same))], theirs=[float(len(same))], reach=1.0),
    ]  # fmt: skip
