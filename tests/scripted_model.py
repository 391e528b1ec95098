"""A chat model that writes what a test tells it to, piece by piece, when the test lets it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

from chatbot.inference import ChatModel


class ScriptedModel(ChatModel):
    """Runs through its script once for each question, and raises when it has none left."""

    def __init__(self, *scripts: Sequence[str | threading.Event]) -> None:
        self.scripts = list(scripts)
        """Pieces of text; an event among them is waited for."""
        self.name = "scripted"
        self.languages = ("en", "fr")
        self.licence = "apache-2.0"
        self.sha256 = "0" * 64
        self.template_sha256 = "0" * 64

    def render(self, messages: Any) -> Any:
        return ()

    def count(self, text: str) -> int:
        return len(text) // 4

    def prepare(self, messages: Any) -> None:
        pass

    def close(self) -> None:
        pass

    def stream(
        self, prompt: Any, *, max_tokens: int, stop: threading.Event | None = None
    ) -> Iterator[str]:
        if not self.scripts:
            raise AssertionError("the script is at its end")
        for piece in self.scripts.pop(0):
            if stop is not None and stop.is_set():
                return
            if isinstance(piece, str):
                yield piece
            else:
                assert piece.wait(60), "nobody let the model go on"
