"""Rows about the engine alone."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from common import ROOT, Bench, tokens_of
from measured import Row

from chatbot import documents
from chatbot.calibration import BLOCK
from chatbot.inference import Levers
from chatbot.llama import Context
from chatbot.models import converted_path
from chatbot.prefix_states import Prompt


def prefill(bench: Bench) -> list[Row]:
    import llama_cpp

    text = "".join(documents.read(f).text for f in documents.scan(bench.config.docs_dir)[0][:6])
    model = bench.load(Levers(reuse=False))
    theirs = llama_cpp.Llama(model_path=str(bench.gguf), n_ctx=2048, verbose=False)
    tokens = tokens_of(model, text)[:1000]
    rows: tuple[list[float], list[float]] = ([], [])
    for _ in range(5):
        started = time.perf_counter()
        next(iter(model.stream(tokens, max_tokens=1)), None)
        rows[0].append(time.perf_counter() - started)
        theirs.reset()
        started = time.perf_counter()
        theirs.eval(tokens)
        rows[1].append(time.perf_counter() - started)
    model.close()
    return [
        Row(what="prefill of 1,000 tokens", against="Llama(...) with its defaults", unit="s",
            ours=rows[0], theirs=rows[1], reach=2.3)
    ]  # fmt: skip


def decode(bench: Bench) -> list[Row]:
    model = bench.load(Levers(governor=False))
    threads = model.calibration.threads
    prompt = Prompt(tokens_of(model, "The story begins here. " * 20))
    bare = Context(model._model, tokens=1024, batch=BLOCK, threads=threads,
                   flash_attention=model.calibration.flash_attention)  # fmt: skip
    count, size = (
        64,
        os.path.getsize((model.conversion and converted_path(bench.gguf)) or bench.gguf),
    )
    ours, theirs, limits = [], [], []
    for _ in range(5):
        stream = model.stream(prompt, max_tokens=count)
        next(stream)
        started = time.perf_counter()
        got = sum(1 for _ in stream)
        ours.append(got / (time.perf_counter() - started))
        bare.truncate(0)
        bare.decode(prompt)
        token = int(bare.logits().argmax())
        started = time.perf_counter()
        for _ in range(count - 1):
            bare.decode([token])
            token = int(bare.logits().argmax())
        theirs.append((count - 1) / (time.perf_counter() - started))
        limits.append(_bandwidth() / size)
    bare.close()
    model.close()
    return [
        Row(what="tokens a second", against="bare llama.cpp loop, same threads", unit="/s",
            ours=ours, theirs=theirs, reach=0.97, rate=True),
        Row(what="tokens a second", against="limit of the memory bandwidth", unit="/s",
            ours=ours, theirs=limits, reach=0.55, rate=True),
    ]  # fmt: skip


def _bandwidth() -> float:
    """Bytes a second that one thread reads, the best of three."""
    block = np.ones(1 << 26, dtype=np.float32)
    best = 0.0
    for _ in range(3):
        started = time.perf_counter()
        block.max()
        best = max(best, block.nbytes / (time.perf_counter() - started))
    return best


def busy(bench: Bench) -> list[Row]:
    sides: tuple[list[float], list[float]] = ([], [])
    with _hog():
        for _ in range(3):
            for side, fixed in zip(sides, (False, True), strict=True):
                side.append(_gap_in_a_process_of_its_own(bench, fixed=fixed))
    return [
        Row(what="p95 between tokens, one core taken", unit="ms",
            against="fixed threads that spin as OpenMP does by default",
            ours=sides[0], theirs=sides[1], reach=6)
    ]  # fmt: skip


def _gap_in_a_process_of_its_own(bench: Bench, *, fixed: bool) -> float:
    """p95 between 100 tokens, ms; how long OpenMP spins is settled when a process starts."""
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from chatbot.inference import ChatModel, Levers\n"
        f"model = ChatModel(Path({str(bench.gguf)!r}), context_tokens=1024,\n"
        f"    levers=Levers(governor={not fixed}))\n"
        "prompt = model._model.tokenize('The story begins here. ' * 20, special=False)\n"
        "times = []\n"
        "for _ in model.stream(prompt, max_tokens=100):\n    times.append(time.perf_counter())\n"
        "gaps = sorted(b - a for a, b in zip(times, times[1:]))\n"
        "print(1000 * gaps[int(len(gaps) * 0.95)])\nmodel.close()"
    )
    environment = {**os.environ}
    environment.pop("GOMP_SPINCOUNT", None)
    if fixed:
        environment["GOMP_SPINCOUNT"] = "300000"  # what libgomp takes when nothing is said
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True, cwd=ROOT, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    return float(done.stdout)


def _spin() -> None:
    for _ in itertools.count():
        pass


@contextmanager
def _hog() -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    process.start()
    time.sleep(1)
    try:
        yield
    finally:
        process.kill()
        process.join()
