"""Rows about what a user waits for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from common import CONVERSATION, QUESTIONS, Bench, ask, prompt_of
from measured import Row

from chatbot import prompts
from chatbot.inference import Levers
from chatbot.records import Turn


def first_question(bench: Bench) -> list[Row]:
    theirs, ours, as_shipped = [], [], []
    bench.quickstart.ask("Who leads Meta?")  # both are warm, and hold another prompt
    ask(bench.drafting, "Who leads Meta?")
    for question in QUESTIONS:
        mine = ask(bench.drafting, question)
        if "draft" in mine:  # refused or quoted at once: nothing to compare
            ours.append(mine)
            theirs.append(bench.quickstart.ask(question))
            as_shipped.append(ask(bench.shipped, question)["whole"])
        if len(ours) == 4:
            break
    first, whole = [t.first for t in theirs], [t.whole for t in theirs]
    name = "LlamaIndex quickstart"
    return [
        Row(what="first checked evidence, warm", against=f"{name}, first word", unit="s",
            ours=[o["quotes"] for o in ours], theirs=first, reach=60, limit=0.15),
        Row(what="first drafted word, warm", against=f"{name}, first word", unit="s",
            ours=[o["draft"] for o in ours], theirs=first, reach=20),
        Row(what="whole checked answer", against=f"{name}, whole answer", unit="s",
            ours=[o["whole"] for o in ours], theirs=whole, reach=10, note="with a draft"),
        Row(what="whole checked answer", against=f"{name}, whole answer", unit="s",
            ours=as_shipped, theirs=whole, reach=10, note="as the default model's verdict has it"),
    ]  # fmt: skip


def conversation(bench: Bench) -> list[Row]:
    theirs = bench.quickstart.talk(CONVERSATION)
    ours: list[dict[str, Any]] = []
    history: tuple[Turn, ...] = ()
    for question in CONVERSATION:
        ours.append(ask(bench.drafting, question, history))
        history += (
            Turn(role="user", content=question),
            Turn(role="assistant", content=ours[-1]["answer"].answer),
        )
    pairs = [(o, t) for o, t in zip(ours[1:], theirs[1:], strict=True) if "quotes" in o]
    drafted = [(o, t) for o, t in pairs if "draft" in o]
    name = "LlamaIndex CondensePlusContext, first word"
    return [
        Row(what="first checked evidence, turns 2-4", against=name, unit="s", reach=8,
            ours=[o["quotes"] for o, _ in pairs], theirs=[t.first for _, t in pairs]),
        Row(what="first drafted word, turns 2-4", against=name, unit="s", reach=8,
            ours=[o["draft"] for o, _ in drafted], theirs=[t.first for _, t in drafted]),
    ]  # fmt: skip


def restart(bench: Bench) -> list[Row]:
    cache = bench.folder / "states"
    prompt = prompt_of(bench, QUESTIONS[0])
    other = prompt_of(bench, QUESTIONS[1])
    assert prompt is not None
    assert other is not None
    filled = bench.load(cache=cache)
    for _ in range(2):  # what came again is kept on disk
        list(filled.stream(prompt, max_tokens=2))
    time.sleep(0.5)
    filled.close()
    rows: dict[str, tuple[list[float], list[float]]] = {"asked before": ([], []), "new": ([], [])}
    for _ in range(4):
        for with_files in (True, False):
            model = bench.load(Levers(state_files=with_files), cache)
            if with_files:
                model.prepare([{"role": "system", "content": prompts.INSTRUCTIONS["en"]}])
            for (name, sides), asked in zip(rows.items(), (prompt, other), strict=True):
                del name
                started = time.perf_counter()
                next(iter(model.stream(asked, max_tokens=1)), None)
                sides[0 if with_files else 1].append(time.perf_counter() - started)
                model.close()
                if asked is prompt:
                    model = bench.load(Levers(state_files=with_files), cache)
    return [
        Row(what="first word after a restart", against="state files removed", unit="s", reach=2,
            ours=sides[0], theirs=sides[1], note=f"a question that was {name}")
        for name, sides in rows.items()
    ]  # fmt: skip


def around(bench: Bench) -> list[Row]:
    outside, whole = [], []
    stream = bench.model.stream
    inside = 0.0

    def timed(*arguments: Any, **options: Any) -> Iterator[str]:
        nonlocal inside
        pieces = stream(*arguments, **options)
        while True:
            started = time.perf_counter()
            piece = next(pieces, None)
            inside += time.perf_counter() - started
            if piece is None:
                return
            yield piece

    bench.model.stream = timed  # type: ignore[method-assign]
    try:
        for question in QUESTIONS * 2:
            inside = 0.0
            found = ask(bench.drafting, question)
            if "draft" in found:
                outside.append(1000 * (found["whole"] - inside))
                whole.append(1000 * found["whole"])
    finally:
        bench.model.stream = stream  # type: ignore[method-assign]
    return [
        Row(what="everything around the model in one answer", against="the whole answer",
            unit="ms", ours=outside, theirs=whole, reach=0.10, limit=60, most=True)
    ]  # fmt: skip
