"""The thin layer over llama.cpp's C interface: load, tokenize, decode, keep states.

The only module that imports llama_cpp. Its class `Llama` is not used: it reserves room for the
scores of 512 tokens (100 MB with this vocabulary), cannot interrupt a prefill and keeps no state
files. Nothing here is safe to call from two threads at once; `inference` sees to that.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.embedding import EMBEDDER_SPINS
from chatbot.errors import ModelFileError

LIBRARY = f"llama-cpp-python {version('llama-cpp-python')}"
"""States and measurements of another library version are not used."""
FILE_TYPES = {2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1"}
"""Values of `general.file_type` that somebody asks about (llama.h, enum llama_ftype)."""


class Aborted(Exception):
    """The stop flag was set while llama.cpp was computing."""


class LoadedModel:
    """A GGUF in memory: its vocabulary and metadata."""

    def __init__(self, path: Path, *, vocabulary_only: bool = False) -> None:
        """Load the file.

        Raises:
            ModelFileError: this llama.cpp cannot load it.
        """
        api = _api()
        parameters = api.llama_model_default_params()
        parameters.vocab_only = vocabulary_only
        self._model = api.llama_model_load_from_file(str(path).encode(), parameters)
        if not self._model:
            raise ModelFileError(
                f"llama.cpp cannot load {path}.",
                "Its architecture may be newer than this version; name another with --model.",
            )
        self._vocabulary = api.llama_model_get_vocab(self._model)
        self.size = int(api.llama_vocab_n_tokens(self._vocabulary))
        """Tokens in the vocabulary."""
        self.bos = int(api.llama_vocab_bos(self._vocabulary))
        self.eos = int(api.llama_vocab_eos(self._vocabulary))
        self.adds_bos = bool(api.llama_vocab_get_add_bos(self._vocabulary))

    @property
    def handle(self) -> Any:
        """The C pointer, for contexts."""
        return self._model

    def metadata(self, key: str) -> str | None:
        """A value of the file's metadata as text, or None."""
        buffer = ctypes.create_string_buffer(1 << 16)
        length = _api().llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace") if length >= 0 else None

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Token ids; `special` lets "<|im_end|>" and its like become control tokens."""
        data = text.encode("utf-8", "replace")
        if not data:
            return []
        api = _api()
        room = len(data) + 8
        while True:
            tokens = (api.llama_token * room)()
            count = api.llama_tokenize(
                self._vocabulary, data, len(data), tokens, room, False, special
            )
            if count >= 0:
                return list(tokens[:count])
            room = -count

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; a control token stands for none."""
        buffer = ctypes.create_string_buffer(256)
        length = _api().llama_token_to_piece(self._vocabulary, token, buffer, 256, 0, False)
        return buffer.raw[: max(0, length)]

    def name_of(self, token: int) -> str:
        """How a control token is written, "" for a token that the model does not have."""
        if token < 0:
            return ""
        text: bytes = _api().llama_vocab_get_text(self._vocabulary, token)
        return text.decode("utf-8", "replace")

    def ends(self, token: int) -> bool:
        """The token ends an answer."""
        return bool(_api().llama_vocab_is_eog(self._vocabulary, token))

    def close(self) -> None:
        """Free the model; its contexts must be gone."""
        if self._model:
            _api().llama_model_free(self._model)
            self._model = None


class Context:
    """One sequence of tokens and their keys and values."""

    def __init__(
        self,
        model: LoadedModel,
        *,
        tokens: int,
        batch: int,
        threads: int,
        flash_attention: bool,
        all_logits: bool = False,
    ) -> None:
        """Make room for `tokens` (0: as many as the model was trained with).

        Raises:
            ModelFileError: there is not enough memory.
        """
        api = _api()
        parameters = api.llama_context_default_params()
        parameters.n_ctx = tokens
        parameters.n_batch = parameters.n_ubatch = batch
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.flash_attn_type = int(flash_attention)
        parameters.no_perf = True
        self._model = model
        self._context = api.llama_init_from_model(model.handle, parameters)
        if not self._context:
            raise ModelFileError(
                f"There is no memory for a context of {tokens} tokens.",
                "Set a smaller one: CHATBOT_CONTEXT_TOKENS=2048",
            )
        self._memory = api.llama_get_memory(self._context)
        self._all_logits = all_logits
        self.room = int(api.llama_n_ctx(self._context))
        self._stop = ctypes.create_string_buffer(2)
        self._asked = _reads_flag(api, self._stop)
        """Kept: llama.cpp holds a pointer to it."""
        api.llama_set_abort_callback(
            self._context, self._asked, ctypes.cast(self._stop, ctypes.c_void_p)
        )

    def decode(self, tokens: Sequence[int], *, scores: bool = True) -> None:
        """Append tokens, at most `batch` of them; `scores` if `logits` will be asked for.

        Raises:
            Aborted: `stop` was called; what the sequence holds is then unknown but to `truncate`.
            RuntimeError: llama.cpp failed.
        """
        api = _api()
        array = (api.llama_token * len(tokens))(*tokens)
        batch = api.llama_batch_get_one(array, len(tokens))
        if self._all_logits or not scores:  # by default the last token's are computed
            wanted = (ctypes.c_int8 * len(tokens))(*([int(self._all_logits)] * len(tokens)))
            batch.logits = wanted
        result = api.llama_decode(self._context, batch)
        if result == 2:
            raise Aborted
        if result != 0:
            raise RuntimeError(f"llama_decode returned {result}")

    def logits(self, row: int = -1) -> NDArray[np.float32]:
        """The scores after the last token (or a row of the last batch), shape (vocabulary,).

        A view into llama.cpp's memory, valid until the next `decode`.
        """
        pointer = _api().llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(pointer, shape=(self._model.size,))

    def holds(self, count: int) -> bool:
        """The sequence has at least so many tokens."""
        return bool(_api().llama_memory_seq_pos_max(self._memory, 0) + 1 >= count)

    def truncate(self, count: int) -> bool:
        """Keep the first `count` tokens; False if this architecture cannot, and all are gone."""
        api = _api()
        if count and api.llama_memory_seq_rm(self._memory, 0, count, -1):
            return True
        api.llama_memory_clear(self._memory, False)
        return count == 0

    def set_threads(self, count: int) -> None:
        """Use that many threads from the next step on."""
        _api().llama_set_n_threads(self._context, count, count)

    def stop(self) -> None:
        """From any thread: make the computation that runs, or the next one, raise Aborted."""
        self._stop[0] = b"\x01"

    def go(self) -> None:
        """Take `stop` back."""
        self._stop[0] = b"\x00"

    def state(self) -> bytes:
        """Keys and values of all tokens, to be put back with `restore`."""
        api = _api()
        size = api.llama_state_seq_get_size(self._context, 0)
        buffer = (ctypes.c_uint8 * size)()
        written = api.llama_state_seq_get_data(self._context, buffer, size, 0)
        return bytes(memoryview(buffer)[:written])

    def restore(self, state: bytes) -> bool:
        """Replace the sequence by a state of this very context; False if it does not fit."""
        api = _api()
        api.llama_memory_clear(self._memory, False)
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        if api.llama_state_seq_set_data(self._context, buffer, len(state), 0) == len(state):
            return True
        api.llama_memory_clear(self._memory, False)
        return False

    def save(self, path: Path, tokens: Sequence[int]) -> bool:
        """Write the sequence, which holds these tokens, to a file."""
        api = _api()
        array = (api.llama_token * len(tokens))(*tokens)
        size = api.llama_state_seq_save_file(
            self._context, str(path).encode(), 0, array, len(tokens)
        )
        return int(size) > 0

    def load(self, path: Path, tokens: Sequence[int]) -> bool:
        """Replace the sequence by a file's, if it holds just these tokens."""
        api = _api()
        api.llama_memory_clear(self._memory, False)
        array = (api.llama_token * (len(tokens) + 1))()
        count = ctypes.c_size_t(0)
        size = api.llama_state_seq_load_file(
            self._context, str(path).encode(), 0, array, len(tokens) + 1, ctypes.byref(count)
        )
        if int(size) > 0 and list(array[: count.value]) == list(tokens):
            return True
        api.llama_memory_clear(self._memory, False)
        return False

    def close(self) -> None:
        """Free the context."""
        if self._context:
            _api().llama_free(self._context)
            self._context = None


def quantize(source: Path, target: Path, file_type: int) -> None:
    """Write a GGUF in another quantization.

    Raises:
        ModelFileError: llama.cpp cannot, or the disk is full.
    """
    api = _api()
    parameters = api.llama_model_quantize_default_params()
    parameters.ftype = file_type
    parameters.allow_requantize = True
    parameters.nthread = os.cpu_count() or 1
    result = api.llama_model_quantize(
        str(source).encode(), str(target).encode(), ctypes.byref(parameters)
    )
    if result != 0:
        raise ModelFileError(f"llama.cpp cannot convert {source}.", "It is used as it is.")


def chat_formatter(template: str, *, bos: str, eos: str) -> Callable[[list[dict[str, str]]], str]:
    """The GGUF's own chat template as a function from messages to text."""
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    formatter = Jinja2ChatFormatter(template=template, eos_token=eos, bos_token=bos)
    return lambda messages: formatter(messages=messages).prompt  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def _api() -> Any:
    """llama_cpp, set up for this process once."""
    # llama.cpp has its own OpenMP, which reads this when it is loaded. It meets a barrier some
    # hundred times a token and loses more by sleeping than the embedder does.
    if os.environ.get("GOMP_SPINCOUNT", EMBEDDER_SPINS) == EMBEDDER_SPINS:
        os.environ["GOMP_SPINCOUNT"] = "20000"
    import llama_cpp

    with _quiet():
        llama_cpp.llama_backend_init()
    _silence(llama_cpp)
    return llama_cpp


_kept: list[Any] = []


def _silence(api: Any) -> None:
    """Send llama.cpp's log lines, which would go to the terminal, nowhere.

    The callback belongs to the process, not to a model: kept for as long as the process lives,
    because llama.cpp still calls it when the last model is freed.
    """
    callback = api.llama_log_callback(lambda *_: None)
    _kept.append(callback)
    api.llama_log_set(callback, ctypes.c_void_p())


def _reads_flag(api: Any, flag: ctypes.Array[ctypes.c_char]) -> Any:
    """A callback that is true once the flag's first byte is not 0.

    llama.cpp asks before each of some 600 operations of a step. A Python function would wait for
    the interpreter's lock each time, 5 ms whenever another thread computes; the C library's
    strlen of the flag, 0 or 1, is the same answer and needs no lock.
    """
    try:
        return ctypes.cast(ctypes.CDLL(None).strlen, api.ggml_abort_callback)
    except (OSError, AttributeError, TypeError):  # no such library to look into: the slow way
        return api.ggml_abort_callback(lambda _: flag[0] != b"\x00")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what is written before the log callback is set off standard error."""
    saved = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield None
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)
