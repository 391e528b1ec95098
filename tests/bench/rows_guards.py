"""Rows that guard what must not get worse: memory and answers."""

from __future__ import annotations

import itertools
import os
import resource
from pathlib import Path

import numpy as np
from common import OFF, Bench, prompt_of
from measured import Row

from chatbot.evaluation.datasets import find_set, load_dataset
from chatbot.evaluation.metrics import correct
from chatbot.evaluation.statistics import mcnemar
from chatbot.inference import Levers
from chatbot.records import Draft


def memory(bench: Bench) -> list[Row]:
    cases = [case.question for case in load_dataset(find_set("llama-dev")).cases][:240]
    asked = itertools.cycle(cases)
    model, bench.drafting.model = bench.drafting.model, None
    resident = {}
    for number in range(1, 301):
        # Quotes for most; the model reads and writes for every sixth.
        bench.drafting.model = model if number % 6 == 0 else None
        for event in bench.drafting.ask(next(asked)):
            if isinstance(event, Draft):
                break
        if number in (50, 300):
            resident[number] = _resident()
    bench.drafting.model = model
    return [
        Row(what="resident memory after 300 questions", against="after 50", unit="MB",
            ours=[resident[300]], theirs=[resident[50]], reach=1.02, most=True)
    ]  # fmt: skip


def _resident() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def quality(bench: Bench) -> list[Row]:
    """Development questions with every lever on and with all off; the same answers are wanted."""
    chatbot = bench.drafting
    cases = [c for c in load_dataset(find_set("llama-dev")).cases if c.data["answerable"]]
    model = chatbot.model
    off, exact = bench.load(OFF), bench.load(Levers(reuse=False, governor=False))
    steady = bench.load(Levers(governor=False))
    right: tuple[list[float], list[float]] = ([], [])
    same: list[bool] = []
    drafted = 0
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
            drafted += 1
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
