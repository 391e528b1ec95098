"""The chat model: one worker thread owns llama.cpp; everybody else sends it work.

Two threads inside one llama.cpp context abort the process, so the context is only ever touched
by its worker. Prompts are token lists: the template's own tokens are parsed as control tokens,
what people and documents wrote never is. Knows nothing of documents or what is asked.
"""

from __future__ import annotations

import codecs
import contextlib
import ctypes
import hashlib
import os
import queue
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from chatbot.embedding import EMBEDDER_SPINS
from chatbot.errors import ModelFileError
from chatbot.models import CATALOGUE, check_file

Message = dict[str, str]

_FALLBACK_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "assistant: "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    tokens: list[int]
    max_tokens: int
    pieces: queue.Queue[str | Exception | None]
    stop: threading.Event


class ChatModel:
    """A loaded GGUF. Calls from any thread wait their turn; answers stream."""

    def __init__(self, path: Path, *, context_tokens: int) -> None:
        """Verify and load the file; starts the worker.

        Raises:
            ModelFileError: missing, damaged, or not loadable by this llama.cpp.
        """
        known = next((m for m in CATALOGUE if m.file == path.name and m.kind == "chat"), None)
        self.sha256 = check_file(path, known)
        self.name = known.name if known else path.stem
        self.licence = known.licence if known else "unknown"
        self.languages = known.languages if known else ("en", "fr")
        # llama.cpp has its own OpenMP, which reads this when it is loaded. It meets a barrier
        # some hundred times a token and loses more by sleeping than the embedder does.
        if os.environ.get("GOMP_SPINCOUNT") == EMBEDDER_SPINS:
            os.environ["GOMP_SPINCOUNT"] = "20000"
        import llama_cpp

        threads = os.cpu_count() or 1
        try:
            with _quiet():
                self._llama = llama_cpp.Llama(
                    model_path=str(path),
                    n_ctx=context_tokens,
                    n_threads=threads,
                    n_threads_batch=threads,
                    flash_attn=True,
                    verbose=False,
                )
        except (ValueError, RuntimeError, OSError, AssertionError) as error:
            raise ModelFileError(
                f"llama.cpp cannot load {path}: {error}.",
                "Its architecture may be newer than this version; name another with --model.",
            ) from error
        self._api = llama_cpp
        _silence()
        self.context_tokens = int(self._llama.n_ctx())
        self.licence = str(self._llama.metadata.get("general.license", self.licence))
        self._template = str(
            self._llama.metadata.get("tokenizer.chat_template", _FALLBACK_TEMPLATE)
        )
        self.template_sha256 = hashlib.sha256(self._template.encode()).hexdigest()
        self._stop_now = threading.Event()
        # llama.cpp asks this between steps of a long prefill; it must outlive the context.
        self._abort = llama_cpp.ggml_abort_callback(lambda _: self._stop_now.is_set())
        llama_cpp.llama_set_abort_callback(self._llama.ctx, self._abort, ctypes.c_void_p())
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._worker = threading.Thread(target=self._work, name="chat-model", daemon=True)
        self._worker.start()

    def render(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a conversation in the GGUF's own chat template, ready for an answer.

        Contents are put into the rendered template as random marks and tokenized apart without
        control tokens, so that "<|im_end|>" in a document stays seven harmless pieces.
        """
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        marks = {secrets.token_hex(8): message["content"] for message in messages}
        marked = [
            {"role": message["role"], "content": mark}
            for message, mark in zip(messages, marks, strict=True)
        ]
        rendered = Jinja2ChatFormatter(
            template=self._template, eos_token=self._piece("eos"), bos_token=self._piece("bos")
        )(messages=marked).prompt  # type: ignore[arg-type]
        tokens: list[int] = []
        rest = rendered
        for mark, content in marks.items():
            before, found, rest = rest.partition(mark)
            tokens += self._tokenize(before, special=True)
            if found:
                tokens += self._tokenize(content, special=False)
        tokens += self._tokenize(rest, special=True)
        bos = int(self._llama.token_bos())
        if self._llama._model.add_bos_token() and tokens[:1] != [bos]:
            tokens.insert(0, bos)
        return tokens

    def count(self, text: str) -> int:
        """Tokens of a text by this model's own tokenizer."""
        return len(self._tokenize(text, special=False))

    def stream(
        self,
        tokens: Sequence[int],
        *,
        max_tokens: int,
        stop: threading.Event | None = None,
    ) -> Iterator[str]:
        """The most likely continuation, piece by piece; closing the iterator stops the model.

        Args:
            tokens: the prompt; must leave room for an answer in the context.
            max_tokens: most tokens of the answer.
            stop: set by any thread to end the answer, also while the prompt is still read.

        Raises:
            ModelFileError: llama.cpp failed.
        """
        room = self.context_tokens - len(tokens)
        job = _Job(
            tokens=list(tokens),
            max_tokens=max(0, min(max_tokens, room - 1)),
            pieces=queue.Queue(),
            stop=stop or threading.Event(),
        )
        self._jobs.put(job)
        try:
            while (piece := job.pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise ModelFileError(f"The model stopped: {piece}.", "Ask again.") from piece
                yield piece
        finally:
            job.stop.set()

    def close(self) -> None:
        """Stop the worker and free the model."""
        self._stop_now.set()
        self._jobs.put(None)
        self._worker.join(timeout=10)
        if not self._worker.is_alive():  # freeing a model that is being used ends the process
            self._llama.close()

    # ---- the worker's side ------------------------------------------------------------------

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            watcher = threading.Thread(target=self._watch, args=(job,), daemon=True)
            done: threading.Event = job.stop
            try:
                if not done.is_set():
                    self._stop_now.clear()
                    watcher.start()
                    for piece in self._generate(job):
                        job.pieces.put(piece)
            except Exception as error:  # whatever llama.cpp raises belongs to the one who asked
                llama: Any = self._llama
                llama.reset()
                llama._ctx.kv_cache_clear()
                if not done.is_set():
                    job.pieces.put(error)
            finally:
                done.set()
                job.pieces.put(None)
                if watcher.is_alive():
                    watcher.join()

    def _watch(self, job: _Job) -> None:
        """Turn the job's stop into the flag that also interrupts prefill."""
        job.stop.wait()
        self._stop_now.set()

    def _generate(self, job: _Job) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        vocabulary = self._api.llama_model_get_vocab(self._llama.model)
        if not job.max_tokens:
            return
        generator = self._llama.generate(job.tokens, temp=0.0, top_k=1, repeat_penalty=1.0)
        for generated, token in enumerate(generator, start=1):
            if job.stop.is_set() or self._api.llama_vocab_is_eog(vocabulary, token):
                return
            text = decoder.decode(self._llama.detokenize([token]))
            if text:
                yield text
            if generated >= job.max_tokens:
                return
            time.sleep(0)  # let the reader of the pieces run between two tokens

    def _tokenize(self, text: str, *, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        return list(self._llama.tokenize(data, add_bos=False, special=special)) if data else []

    def _piece(self, which: str) -> str:
        token = self._llama.token_eos() if which == "eos" else self._llama.token_bos()
        if token < 0:
            return ""
        return self._llama._model.token_get_text(token)


@lru_cache(maxsize=1)
def _silence() -> Any:
    """Send llama.cpp's log lines, which would go to the terminal, nowhere.

    The callback belongs to the process, not to a model: kept here for as long as the process
    lives, because llama.cpp still calls it when the last model is freed.
    """
    import llama_cpp

    callback = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(callback, ctypes.c_void_p())
    return callback


@contextlib.contextmanager
def _quiet() -> Iterator[Any]:
    """Keep the loader's own lines off standard error; what matters is raised."""
    saved = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield None
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)
