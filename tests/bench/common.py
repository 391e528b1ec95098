"""What several rows need: the assistant, the models, the other side."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from chatbot import documents, prompts
from chatbot.chatbot import Chatbot
from chatbot.config import Config, load_config
from chatbot.embedding import Embedder
from chatbot.inference import ChatModel, Levers
from chatbot.prefix_states import Prompt
from chatbot.records import Answer, Draft, Quoted, Turn

ROOT = Path(__file__).resolve().parent.parent.parent
QUESTIONS = [
    "How many times has Llama been downloaded?",
    "When was Llama 2 released?",
    "How many parameters does Llama 4 Maverick have?",
    "What does the Llama licence say about 700 million users?",
    "Which company hosts Llama on Bedrock?",
    "What context window does Llama 4 Scout have?",
]
QUICKSTART_DOCUMENTS = 12
"""It takes its two chunks from these; how long it is silent depends on their length, which is the
same for all, and indexing all documents would take a third of the whole run."""
CONVERSATION = [
    "How many times has Llama been downloaded?",
    "And how many times by December 2024?",
    "When was Llama 3 released?",
    "How many tokens was it trained on?",
]
ALL_ON = Levers()
OFF = Levers(converted=False, reuse=False, state_files=False, governor=False)


class Bench:
    """What several rows need, made when the first asks for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: list[Any] = []

    @cached_property
    def config(self) -> Config:
        storage = self.folder / "storage"
        shutil.copytree(
            ROOT / "storage", storage, ignore=shutil.ignore_patterns("lock*", "conversations*")
        )
        return load_config(storage_dir=storage)

    @cached_property
    def gguf(self) -> Path:
        return self.config.models_dir / "SmolLM2-135M-Instruct.Q4_1.gguf"

    @cached_property
    def quoting(self) -> Chatbot:
        chatbot = Chatbot.open(self.config.model_copy(update={"chat_model": "none"}))
        self._open.append(chatbot)
        return chatbot

    @cached_property
    def shipped(self) -> Chatbot:
        """As a user gets it: the default model writes as far as its verdict goes."""
        chatbot = Chatbot.open(self.config)
        self._open.append(chatbot)
        return chatbot

    @cached_property
    def drafting(self) -> Chatbot:
        chatbot = Chatbot.open(self.config.model_copy(update={"writing": "leading"}))
        assert chatbot.model is not None, chatbot.model_problem
        chatbot.model.prepare([{"role": "system", "content": prompts.INSTRUCTIONS["en"]}])
        chatbot.model.wait()
        self._open.append(chatbot)
        return chatbot

    @cached_property
    def model(self) -> ChatModel:
        assert self.drafting.model is not None
        return self.drafting.model

    @cached_property
    def quickstart(self) -> Any:
        return self.quickstart_of(QUICKSTART_DOCUMENTS)

    def quickstart_of(self, most: int | None) -> Any:
        """The quickstart with the first so many documents, all of them if None."""
        from quickstart import Quickstart

        folder = self.folder / "plain"
        folder.mkdir()
        texts = {
            file.doc.replace("/", "-"): documents.read(file).text
            for file in documents.scan(self.config.docs_dir)[0][:most]
        }
        return Quickstart(texts, folder, self.gguf, Embedder(self.config.models_dir))

    def load(self, levers: Levers = ALL_ON, cache: Path | None = None) -> ChatModel:
        model = ChatModel(self.gguf, context_tokens=2048, cache=cache, levers=levers)
        model.wait()
        return model

    def close(self) -> None:
        for chatbot in self._open:
            chatbot.close()


def ask(chatbot: Chatbot, question: str, history: tuple[Turn, ...] = ()) -> dict[str, Any]:
    """Seconds to the quotes, the first drafted word and the answer."""
    started = time.perf_counter()
    found: dict[str, Any] = {}
    for event in chatbot.ask(question, history):
        if isinstance(event, Quoted):
            found["quotes"] = time.perf_counter() - started
        elif isinstance(event, Draft):
            found.setdefault("draft", time.perf_counter() - started)
        elif isinstance(event, Answer):
            found["whole"] = time.perf_counter() - started
            found["answer"] = event
    return found


def prompt_of(bench: Bench, question: str) -> Prompt | None:
    """The prompt that the assistant would make of a question; None if it refuses it."""
    seen: list[Prompt] = []
    stream = bench.model.stream

    def catch(tokens: Any, **_: Any) -> Iterator[str]:
        seen.append(tokens)
        yield from ()

    bench.model.stream = catch  # type: ignore[method-assign]
    try:
        ask(bench.drafting, question)
    finally:
        bench.model.stream = stream  # type: ignore[method-assign]
    return seen[0] if seen else None


def tokens_of(model: ChatModel, text: str) -> list[int]:
    """A text's tokens without any template around it."""
    return model._model.tokenize(text, special=False)
