"""How to run one model on one machine: measured once, stored, and watched while it runs.

What llama.cpp takes by default (half of the processors, no flash attention) is right for no
machine in particular; 300 tokens of measuring decide it. And a thread that shares its core with
another program holds up all others at every barrier, some hundred times a token, so the governor
takes fewer threads while a step takes much longer than it did when it was measured.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import platform
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from chatbot.llama import LIBRARY, Context, LoadedModel

BLOCK = 128
"""Tokens a prefill step; two such, then LONG_BLOCK. Smaller ones can be reused and stopped at."""
LONG_BLOCK = 256
"""1,000 tokens of the default model, processor seconds of one thread, by steps of 64, 128, 256
and 512: 3.59, 3.38, 3.24, 3.31; without flash attention 3.62 by steps of 128."""
FASTER_WITHOUT = 1.25
"""Flash attention is left out only where a block is so many times faster without it. The two differ
in the last bits, so a choice by noise would give one machine two answers to one question."""
SLOWER = 1.6
"""A step that takes so many times its calibrated time is being held up; fewer threads are taken
only if they would be faster than that."""
WINDOW = 4
"""Steps whose median is judged."""
PROBE_SECONDS = 3.0
"""How long fewer threads are kept before more are tried again; twice as long after each failure."""
MOST_PROBE_SECONDS = 60.0
BLOCK_PROBE_SECONDS = 10.0
"""The same for a block, which is held up for longer than a token."""
MOST_SECONDS = 1.5
"""Nothing new is measured after that: a large model, or a machine that does something else."""
_DECODE_STEPS = 6
_TEXT = "The harbour handled ships, and most of them were boats. " * 30
_LAYOUT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How a model is run here and how long its steps take when nothing else runs."""

    threads: int
    flash_attention: bool
    decode_seconds: Mapping[int, float]
    """Of one token, by number of threads."""
    block_seconds: Mapping[int, float]
    """Of a block of BLOCK tokens, by number of threads."""
    seconds: float
    """What measuring took."""


def calibrate(
    model: LoadedModel, model_sha256: str, folder: Path | None, *, stop: Callable[[], bool]
) -> Calibration:
    """The stored calibration of this model on this machine, or a new one.

    A new one is stored only if the processors were free while it was measured.

    Args:
        model: loaded.
        model_sha256: of the file that is loaded, converted or not.
        folder: where calibrations are kept; None keeps none.
        stop: asked between steps; what is not measured by then is left at its default.
    """
    path = folder / f"calibration-{_key(model_sha256)}.json" if folder else None
    if path:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            return _read(path)
    measured, quiet = _measure(model, stop)
    if path and quiet and not stop():
        with contextlib.suppress(OSError):  # a folder that cannot be written: measured each time
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}.part")
            part.write_text(json.dumps(asdict(measured), indent=1), encoding="utf-8")
            os.replace(part, path)
    return measured


def _measure(model: LoadedModel, stop: Callable[[], bool]) -> tuple[Calibration, bool]:
    """Time single steps and blocks; also says whether the machine was quiet.

    The least of some is taken: other programs can only add to it. For the same reason more
    threads are never taken to be slower than one: where they were, something held them up.
    """
    started = time.perf_counter()
    most = os.cpu_count() or 1
    text = model.tokenize(_TEXT, special=False)
    tokens = (text * (2 * BLOCK // len(text) + 1))[: 2 * BLOCK]
    decode: dict[int, float] = {}
    block: dict[int, float] = {}
    contexts: dict[bool, Context] = {}

    def late() -> bool:
        return stop() or time.perf_counter() - started > MOST_SECONDS

    def steps(context: Context, threads: int, times: int = _DECODE_STEPS) -> float:
        context.set_threads(threads)
        return _least(lambda: context.decode(tokens[:1]), times, late)

    def again(context: Context, threads: int) -> float:
        context.set_threads(threads)
        context.truncate(0)
        context.decode(tokens[:BLOCK])
        return _least(lambda: context.decode(tokens[BLOCK:]), 1, late)

    try:
        for flash in (True, False):
            contexts[flash] = Context(
                model, tokens=3 * BLOCK, batch=BLOCK, threads=most, flash_attention=flash
            )
        context = contexts[True]
        steps(context, 1, 2)  # reads the weights from the disk
        decode[1] = steps(context, 1)
        # Processor time that all threads got, of what there was.
        before = time.process_time(), time.perf_counter()
        for threads in sorted({max(1, most // 2), most} - {1}):
            decode[threads] = min(decode[1], steps(context, threads))
        used = time.process_time() - before[0]
        # Two models that are calibrated at once use all of it, and neither gains by a thread.
        gained = any(decode[threads] < decode[1] for threads in decode)
        all_of_it = used > 0.8 * most * (time.perf_counter() - before[1])
        quiet = most == 1 or (all_of_it and gained)
        flash = True
        if quiet and decode[most] * BLOCK / 8 < MOST_SECONDS and not late():
            with_flash, without = (again(contexts[flash], most) for flash in (True, False))
            flash = with_flash <= without * FASTER_WITHOUT  # it also needs less memory
            block[1] = again(contexts[flash], 1)
            block[most] = min(block[1], with_flash, without)
    finally:
        for context in contexts.values():
            context.close()
    return Calibration(
        # Of equal times, those of more threads: they were held up, see above.
        threads=min(decode, key=lambda threads: (decode[threads], -threads)) if quiet else most,
        flash_attention=flash,
        decode_seconds=decode,
        block_seconds=block,
        seconds=round(time.perf_counter() - started, 3),
    ), quiet


def _least(action: Callable[[], None], times: int, late: Callable[[], bool]) -> float:
    taken: list[float] = []
    for _ in range(times):
        if taken and late():
            break
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return min(taken)


def _read(path: Path) -> Calibration:
    row = json.loads(path.read_text(encoding="utf-8"))
    return Calibration(
        threads=int(row["threads"]),
        flash_attention=bool(row["flash_attention"]),
        decode_seconds={int(k): float(v) for k, v in row["decode_seconds"].items()},
        block_seconds={int(k): float(v) for k, v in row["block_seconds"].items()},
        seconds=float(row["seconds"]),
    )


def _key(model_sha256: str) -> str:
    """Names the model, the library's version and the processor."""
    parts = [model_sha256, LIBRARY, platform.machine(), _processor(), os.cpu_count(), _LAYOUT]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


class Governor:
    """Says how many threads the next step gets."""

    def __init__(
        self, calibration: Calibration, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.threads = calibration.threads
        self._most = calibration.threads
        self._decode = dict(calibration.decode_seconds)
        self._block = dict(calibration.block_seconds)
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._clock = clock
        self._dropped = 0.0
        self._pause = PROBE_SECONDS

    def before(self, tokens: int) -> int:
        """Threads for the next step of so many tokens; after a while with fewer, one more.

        One more is tried sooner with single tokens, where being held up costs little.
        """
        pause = self._pause if tokens == 1 else max(self._pause, BLOCK_PROBE_SECONDS)
        if self.threads < self._most and self._clock() - self._dropped >= pause:
            self.threads += 1
            self._recent.clear()
        return self.threads

    def decoded(self, seconds: float) -> None:
        """A token took so long."""
        usual = _at(self._decode, self.threads)
        self._recent.append(seconds)
        # A step that took ten times as long twice needs no whole window.
        if len(self._recent) > 1 and min(self._recent) > 10 * usual:
            self._drop()
        elif len(self._recent) == WINDOW:
            now = median(self._recent)
            if now > max(SLOWER * usual, _at(self._decode, self.threads - 1)):
                self._drop()
            else:
                self._pause = PROBE_SECONDS
                # Less than usual: something else ran when it was measured.
                self._decode[self.threads] = min(now, usual)

    def prefilled(self, tokens: int, seconds: float) -> None:
        """A whole block of a prompt took so long."""
        seconds *= BLOCK / tokens
        usual = _at(self._block, self.threads)
        if seconds > max(SLOWER * usual, _at(self._block, self.threads - 1)):
            self._drop()
        elif seconds < usual:
            self._block[self.threads] = seconds

    def _drop(self) -> None:
        self._recent.clear()
        now = self._clock()
        probed = now - self._dropped < 2 * self._pause
        self._pause = min(2 * self._pause, MOST_PROBE_SECONDS) if probed else PROBE_SECONDS
        self._dropped = now
        self.threads = max(1, self.threads - 1)


def _at(seconds: Mapping[int, float], threads: int) -> float:
    """The time with so many threads, or with the next smaller number that was measured."""
    known = [count for count in seconds if count <= threads]
    return seconds[max(known)] if known else math.inf
