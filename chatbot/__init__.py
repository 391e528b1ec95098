"""Answers questions about Meta's Llama program from documents: cited, dated, checked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

# OpenBLAS reads this when numpy is first imported. By default its threads spin for some 25 ms after
# each product, on a core that the embedder or the chat model computes on meanwhile: 2^10 cycles
# instead of 2^26 make a question that follows another 40 ms faster on two cores.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "10")

if TYPE_CHECKING:
    from chatbot.chatbot import Chatbot
    from chatbot.config import Config
    from chatbot.errors import ChatbotError
    from chatbot.records import Answer

__all__ = ["Answer", "Chatbot", "ChatbotError", "Config"]


def __getattr__(name: str) -> object:
    """Load the public names when they are first used: `import chatbot` costs nothing."""
    from importlib import import_module

    homes = {
        "Answer": "chatbot.records",
        "Chatbot": "chatbot.chatbot",
        "ChatbotError": "chatbot.errors",
        "Config": "chatbot.config",
    }
    if name in homes:
        return getattr(import_module(homes[name]), name)
    raise AttributeError(f"module 'chatbot' has no attribute {name!r}")
