"""The chat model: one worker thread owns llama.cpp; everybody else sends it work.

Two threads inside one llama.cpp context abort the process, so the context is only ever touched
by its worker. Prompts are token lists: the template's own tokens are parsed as control tokens,
what people and documents wrote never is. Knows nothing of documents or what is asked.
"""

from __future__ import annotations

import codecs
import hashlib
import queue
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from chatbot.calibration import BLOCK, LONG_BLOCK, Calibration, Governor, calibrate
from chatbot.conversion import Conversion, find_conversion
from chatbot.errors import ModelFileError
from chatbot.llama import LIBRARY, Aborted, Context, LoadedModel, chat_formatter
from chatbot.models import CATALOGUE, check_file
from chatbot.prefix_states import PrefixStates, Prompt, State, shared

Message = dict[str, str]

_FALLBACK_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "assistant: "
)


@dataclass(frozen=True, slots=True)
class Levers:
    """What makes the engine fast; each can be left out, to be measured or looked for a fault."""

    converted: bool = True
    """Use the converted file where there is one."""
    reuse: bool = True
    """Keep the states of prompts."""
    state_files: bool = True
    """Keep the fixed prefixes on disk too."""
    governor: bool = True
    """Take fewer threads while another program takes the cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    prompt: Prompt
    max_tokens: int
    pieces: queue.Queue[str | Exception | None]
    stop: threading.Event


class ChatModel:
    """A loaded GGUF. Calls from any thread wait their turn; answers stream."""

    def __init__(
        self,
        path: Path,
        *,
        context_tokens: int,
        cache: Path | None = None,
        levers: Levers = Levers(),
    ) -> None:
        """Verify and load the file.

        What costs more, calibrating and a context, waits until the model is first needed: one that
        may only quote is never asked for more than its name.

        Args:
            path: the GGUF; its converted form is used if there is one.
            context_tokens: asked of llama.cpp.
            cache: folder of calibrations and states; by default `.engine` beside the file.
            levers: all on, unless one is to be measured.

        Raises:
            ModelFileError: missing, damaged, or not loadable by this llama.cpp.
        """
        known = next((m for m in CATALOGUE if m.file == path.name and m.kind == "chat"), None)
        self.sha256 = check_file(path, known)
        """Of the file that was named, also when its converted form is used."""
        self.name = known.name if known else path.stem
        self.languages = known.languages if known else ("en", "fr")
        found = find_conversion(path, self.sha256) if levers.converted else None
        self.conversion: Conversion | None = found[1] if found else None
        """What the file in use was made into, None for the file as it came."""
        self._model = LoadedModel(found[0] if found else path)
        licence = known.licence if known else "unknown"
        self.licence = self._model.metadata("general.license") or licence
        self._template = self._model.metadata("tokenizer.chat_template") or _FALLBACK_TEMPLATE
        self.template_sha256 = hashlib.sha256(self._template.encode()).hexdigest()
        self._levers = levers
        self._folder = cache or path.parent / ".engine"
        self._wanted = context_tokens
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._ready = threading.Event()
        self._closing = threading.Event()
        self._failure: ModelFileError | None = None
        self._worker = threading.Thread(target=self._work, name="chat-model", daemon=True)
        self._starting = threading.Lock()

    @property
    def context_tokens(self) -> int:
        """Tokens that a prompt and its answer may have together."""
        self.wait()
        return self._context.room

    @property
    def calibration(self) -> Calibration:
        """How the model is run on this machine."""
        self.wait()
        return self._calibration

    def wait(self) -> None:
        """Start the model and wait until it is ready; `stream` does both by itself.

        Raises:
            ModelFileError: there is no memory for its context, or the model was closed.
        """
        if not self._start():
            raise ModelFileError("The model was closed.", "Ask again.")
        self._ready.wait()
        if self._failure:
            raise self._failure

    def render(self, messages: Sequence[Message]) -> Prompt:
        """Token ids of a conversation in the GGUF's own chat template, ready for an answer.

        Contents are put into the rendered template as random marks and tokenized apart without
        control tokens, so that "<|im_end|>" in a document stays seven harmless pieces. What
        stands before the second message's content counts as fixed. A message may have a "closing"
        that stands behind its content and is tokenized apart, so that a prompt with the same
        content and another closing shares all tokens up to it.
        """
        marks = {secrets.token_hex(8): message["content"] for message in messages}
        rest = self._format(
            [
                {"role": message["role"], "content": mark}
                for message, mark in zip(messages, marks, strict=True)
            ]
        )
        prompt = Prompt()
        for number, (mark, content) in enumerate(marks.items()):
            before, found, rest = rest.partition(mark)
            prompt += self._model.tokenize(before, special=True)
            if found:
                if number == 1:
                    prompt.fixed = len(prompt)
                prompt += self._model.tokenize(content, special=False)
            if closing := messages[number].get("closing"):
                prompt.closing = len(prompt)
                prompt += self._model.tokenize(closing, special=False)
        prompt += self._model.tokenize(rest, special=True)
        if self._model.adds_bos and prompt[:1] != [self._model.bos]:
            prompt.insert(0, self._model.bos)
            prompt.fixed += bool(prompt.fixed)
            prompt.closing += bool(prompt.closing)
        return prompt

    def count(self, text: str) -> int:
        """Tokens of a text by this model's own tokenizer."""
        return len(self._model.tokenize(text, special=False))

    def prepare(self, messages: Sequence[Message]) -> None:
        """Compute or restore the state of a fixed first message while nobody asks anything."""
        prompt = self.render([*messages[:1], {"role": "user", "content": "."}])
        if prompt.fixed:
            self._submit(prompt, 0, threading.Event())

    def stream(
        self,
        tokens: Sequence[int],
        *,
        max_tokens: int,
        stop: threading.Event | None = None,
    ) -> Generator[str, None, None]:
        """The most likely continuation, piece by piece; closing the iterator stops the model.

        Args:
            tokens: the prompt; must leave room for an answer in the context.
            max_tokens: most tokens of the answer.
            stop: set by any thread to end the answer, also while the prompt is still read.

        Raises:
            ModelFileError: llama.cpp failed.
        """
        prompt = tokens if isinstance(tokens, Prompt) else Prompt(tokens)
        room = self.context_tokens - len(prompt) - 1
        if min(max_tokens, room) <= 0:
            return
        job = self._submit(prompt, min(max_tokens, room), stop or threading.Event())
        try:
            while (piece := job.pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise ModelFileError(f"The model stopped: {piece}.", "Ask again.") from piece
                yield piece
        finally:
            job.stop.set()

    def close(self) -> None:
        """Stop the worker and free the model."""
        self._closing.set()
        if self._ready.is_set() and not self._failure:
            self._context.stop()
        with self._starting:
            self._jobs.put(None)
            started = self._worker.ident is not None
        if started:
            self._worker.join(timeout=10)
        if not self._worker.is_alive():  # freeing a model that is being used ends the process
            self._model.close()

    def _start(self) -> bool:
        """Start the worker unless it runs; False if it never can."""
        with self._starting:
            if self._worker.ident is None and not self._closing.is_set():
                self._worker.start()
            return self._worker.ident is not None

    def _submit(self, prompt: Prompt, max_tokens: int, stop: threading.Event) -> _Job:
        self._start()
        job = _Job(prompt=prompt, max_tokens=max_tokens, pieces=queue.Queue(), stop=stop)
        self._jobs.put(job)
        return job

    # ---- the worker's side ------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._open()
        except ModelFileError as error:
            self._failure = error
        except Exception as error:  # the one who waits for the model gets it
            self._failure = ModelFileError(
                f"The model does not start: {error or type(error).__name__}.",
                "Name another with --model.",
            )
        finally:
            self._ready.set()
        if self._failure:
            return
        while (job := self._jobs.get()) is not None:
            ended = threading.Event()
            watcher = threading.Thread(target=self._watch, args=(job, ended), daemon=True)
            try:
                self._context.go()
                if not (job.stop.is_set() or self._closing.is_set()):
                    watcher.start()
                    for piece in self._generate(job):
                        job.pieces.put(piece)
            except Aborted:  # what stands before the last border is whole
                pass
            except Exception as error:  # whatever llama.cpp raises belongs to the one who asked
                self._forget()
                job.pieces.put(error)
            finally:
                ended.set()
                job.stop.set()
                job.pieces.put(None)
                if watcher.is_alive():
                    watcher.join()
            self._store()
        self._context.close()

    def _open(self) -> None:
        used = self.conversion.sha256 if self.conversion else self.sha256
        self._calibration = calibrate(self._model, used, self._folder, stop=self._closing.is_set)
        self._governor = Governor(self._calibration)
        self._context = Context(
            self._model,
            tokens=self._wanted,
            batch=LONG_BLOCK,
            threads=self._calibration.threads,
            flash_attention=self._calibration.flash_attention,
        )
        self._states = PrefixStates(
            self._folder if self._levers.state_files else None,
            (
                used,
                self.template_sha256,
                LIBRARY,
                BLOCK,
                LONG_BLOCK,
                self._calibration.flash_attention,
            ),
        )
        self._live = Prompt()
        self._done: list[int] = []
        """Borders of the live prompt that the context has been cut at."""
        self._returns = False
        """The prompt shares more with an earlier one than what is fixed."""

    def _watch(self, job: _Job, ended: threading.Event) -> None:
        """Turn the job's stop into the flag that also interrupts prefill."""
        job.stop.wait()
        if not ended.is_set():
            self._context.stop()

    def _generate(self, job: _Job) -> Iterator[str]:
        self._prefill(job)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for number in range(job.max_tokens):
            token = int(self._context.logits().argmax())
            if job.stop.is_set() or self._model.ends(token):
                return
            if text := decoder.decode(self._model.piece(token)):
                yield text
            if number + 1 < job.max_tokens:
                self._step([token])

    def _prefill(self, job: _Job) -> None:
        """Bring the context to the end of a prompt, or for a job of no tokens of its fixed part."""
        prompt = job.prompt
        start = self._reuse(prompt)
        ends = [border for border in prompt.borders if border > start]
        if job.max_tokens:
            ends.append(len(prompt))
        else:
            ends = [end for end in ends if end <= prompt.fixed]
        self._live = prompt
        for end in ends:
            # A fixed part longer than a step of llama.cpp goes in several; always the same ones.
            while start < end:
                step = min(start + LONG_BLOCK, end)
                self._step(prompt[start:step], scores=step == len(prompt))
                start = step
            if end < len(prompt):
                self._done.append(end)
            if end == prompt.fixed and self._levers.reuse:
                self._keep()
                self._states.save(self._context, prompt, end)

    def _reuse(self, prompt: Prompt) -> int:
        """Leave in the context what it holds of a prompt, or put back what was kept of it."""
        if not self._levers.reuse:
            self._forget()
            return 0
        here = shared(self._live, self._done, prompt)
        kept = self._states.best(prompt)
        if here < max(self._done, default=0):
            self._keep()
            here = shared(self._live, self._done, prompt)
        if kept and kept[1] > here:
            here = kept[1] if self._context.restore(kept[0].data) else 0
        elif stored := self._states.load(self._context, prompt, here):
            here = stored
            self._live = prompt
            self._done = [border for border in prompt.borders if border <= here]
            self._keep()
        elif here and not self._context.holds(here):  # a damaged file was tried
            here = 0
        if not self._context.truncate(here):
            here = 0
        self._done = [border for border in prompt.borders if border <= here]
        self._returns = here > prompt.fixed
        return here

    def _store(self) -> None:
        """Write a prompt's evidence to disk that was asked for again, while nobody waits."""
        if (
            self._returns
            and self._done
            and self._jobs.empty()
            and self._context.truncate(self._done[-1])
        ):
            self._states.save(self._context, self._live, self._done[-1])
        self._returns = False

    def _keep(self) -> None:
        """Keep what the context holds up to the last border, for when it is asked for again."""
        if not self._context.truncate(self._done[-1]):
            self._live, self._done = Prompt(), []
            return
        tokens = tuple(self._live[: self._done[-1]])
        data = self._context.state()
        self._states.keep(State(tokens=tokens, borders=tuple(self._done), data=data))

    def _forget(self) -> None:
        self._context.go()
        self._context.truncate(0)
        self._live, self._done = Prompt(), []

    def _step(self, tokens: Sequence[int], *, scores: bool = True) -> None:
        """Append tokens with as many threads as the governor gives."""
        governed = self._levers.governor
        if governed:
            self._context.set_threads(self._governor.before(len(tokens)))
        started = time.perf_counter()
        self._context.decode(tokens, scores=scores)
        taken = time.perf_counter() - started
        if governed and len(tokens) == 1:
            self._governor.decoded(taken)
        elif governed and len(tokens) >= BLOCK:
            self._governor.prefilled(len(tokens), taken)

    @cached_property
    def _format(self) -> Callable[[list[Message]], str]:
        bos, eos = (self._model.name_of(t) for t in (self._model.bos, self._model.eos))
        return chat_formatter(self._template, bos=bos, eos=eos)
