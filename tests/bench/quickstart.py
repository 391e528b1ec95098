"""What we compare ourselves with: LlamaIndex's own quickstart on the same documents and models.

Reader → VectorStoreIndex → default query engine (two chunks of 1,024 tokens), and its
CondensePlusContext chat engine. The model runs as `llama_cpp.Llama` runs it by default, with the
file as it came; the embedder is ours.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp
from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback

from chatbot.adapters import LlamaIndexEmbedding
from chatbot.embedding import Embedder

CONTEXT_TOKENS = 3900
"""The default of LlamaIndex's own LlamaCPP class."""
ANSWER_TOKENS = 256
"""The same."""


class PlainModel(CustomLLM):
    """A GGUF with the library's defaults, and the most likely token each time."""

    llama: Any

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            context_window=CONTEXT_TOKENS, num_output=ANSWER_TOKENS, model_name="default"
        )

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        text = "".join(self._pieces(prompt))
        return CompletionResponse(text=text)

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **_: Any
    ) -> CompletionResponseGen:
        def responses() -> Iterator[CompletionResponse]:
            text = ""
            for piece in self._pieces(prompt):
                text += piece
                yield CompletionResponse(text=text, delta=piece)

        return responses()

    def _pieces(self, prompt: str) -> Iterator[str]:
        for part in self.llama.create_completion(
            prompt, max_tokens=ANSWER_TOKENS, temperature=0.0, stream=True
        ):
            yield part["choices"][0]["text"]


@dataclass(frozen=True)
class Timed:
    first: float
    """Seconds to the first word."""
    whole: float
    """Seconds to the end."""
    text: str


class Quickstart:
    def __init__(
        self, texts: dict[str, str], folder: Path, model: Path, embedder: Embedder
    ) -> None:
        """Index the texts, written to a folder as plain files for the reader."""
        for name, text in texts.items():
            (folder / name).with_suffix(".txt").write_text(text, encoding="utf-8")
        documents = SimpleDirectoryReader(str(folder)).load_data()
        self._index = VectorStoreIndex.from_documents(
            documents, embed_model=LlamaIndexEmbedding(embedder)
        )
        self.llama = llama_cpp.Llama(model_path=str(model), n_ctx=CONTEXT_TOKENS, verbose=False)
        self._model = PlainModel(llama=self.llama)

    def ask(self, question: str) -> Timed:
        engine = self._index.as_query_engine(llm=self._model, streaming=True)
        started = time.perf_counter()
        return _timed(started, engine.query(question).response_gen)

    def talk(self, questions: list[str]) -> list[Timed]:
        engine = self._index.as_chat_engine(chat_mode="condense_plus_context", llm=self._model)
        turns = []
        for question in questions:
            started = time.perf_counter()
            turns.append(_timed(started, engine.stream_chat(question).response_gen))
        return turns


def _timed(started: float, pieces: Iterator[str]) -> Timed:
    first = 0.0
    text = ""
    for piece in pieces:
        if piece and not first:
            first = time.perf_counter() - started
        text += piece
    whole = time.perf_counter() - started
    return Timed(first=first or whole, whole=whole, text=text)
