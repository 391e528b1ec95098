"""Example questions: only those that the documents at hand answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chatbot.chatbot import Chatbot
from chatbot.documents import Extracted
from chatbot.errors import ChatbotError
from chatbot.records import Abstained, Language, Quoted

MOST_EXAMPLES = 4
MOST_TRIED = 12
"""Questions tried for one language: each costs a search, some 50 ms."""

_QUESTIONS: dict[Language, tuple[str, ...]] = {
    "en": (
        "How many times has Llama been downloaded?",
        "How much did Meta plan to spend in 2025?",
        "When was LlamaCon held?",
        "How many parameters does Llama 4 Maverick have?",
        "Is Llama open source?",
    ),
    "fr": (
        "Combien de paramètres compte Llama 4 Maverick ?",
        "Combien de fois Llama a-t-il été téléchargé ?",
        "Quand a eu lieu LlamaCon ?",
        "Combien Meta prévoit-il de dépenser en 2026 ?",
        "Llama est-il open source ?",
    ),
}


def examples(chatbot: Chatbot, library: Sequence[Extracted], language: Language) -> tuple[str, ...]:
    """Up to four questions of a language that are answered, not refused."""
    found: list[str] = []
    headings = [
        passage.section.rpartition(" / ")[2]
        for passage in chatbot.index.passages
        if passage.lang == language
    ]
    for tried, question in enumerate(_candidates(library, headings, language)):
        if tried == MOST_TRIED or len(found) == MOST_EXAMPLES:
            break
        if _is_answered(chatbot, question):
            found.append(question)
    return tuple(found)


def _candidates(
    library: Sequence[Extracted], headings: Sequence[str], language: Language
) -> Iterator[str]:
    """Questions about the shipped documents, then the questions that headings ask, then titles."""
    known = " ".join(item.text for item in library)
    if "Llama" in known:
        yield from _QUESTIONS[language]
    yield from dict.fromkeys(name for name in headings if re.fullmatch(r".{12,90}\?", name))
    own = [item for item in library if item.lang == language]
    ask = "What is known about {}?" if language == "en" else "Que sait-on de {} ?"
    for item in own:
        yield ask.format(item.title.partition(":")[0].strip())


def _is_answered(chatbot: Chatbot, question: str) -> bool:
    """Whether there is evidence; the model is not called."""
    events = chatbot.ask(question)
    try:
        for event in events:
            if isinstance(event, Quoted | Abstained):
                return isinstance(event, Quoted)
    except ChatbotError:
        return False
    finally:
        close = getattr(events, "close", None)
        if close:
            close()
    return False
