"""Answers questions about Meta's Llama program from documents: cited, dated, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
