"""Conversations as Markdown with their citations, and ratings as evaluation cases. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from chatbot.records import Answer, Language
from chatbot.web.conversations import Rating, history
from chatbot.web.words import day_words, say


def markdown(title: str, answers: Sequence[Answer], language: Language) -> str:
    """A conversation with numbered footnotes, which count on through the whole of it."""
    lines = [f"# {_plain(title)}", ""]
    notes: list[str] = []
    for answer in answers:
        lines += [f"## {_plain(answer.question)}", ""]
        if answer.query != answer.question:
            lines += [f"*{say(language, 'searched')} {_plain(answer.query)}*", ""]
        first = len(notes)
        for place, sentence in enumerate(answer.sentences):
            marks = "".join(f"[^{first + number}]" for number in sentence.citations)
            day = ""
            if place == 0 and answer.as_of:
                day = f" ({say(language, 'as_of', day=day_words(answer.as_of, language))})"
            lines += [f"{_plain(sentence.text)}{marks}{day}", ""]
        for citation in answer.citations:
            published = f", {citation.published.isoformat()}" if citation.published else ""
            notes.append(
                f"[^{first + citation.number}]: {_plain(citation.title)}{published}, "
                f"`{citation.doc}`, {citation.start}–{citation.end}: “{_plain(citation.text)}”"
            )
    return "\n".join([*lines, *notes]).rstrip() + "\n"


def case(rating: Rating) -> dict[str, Any]:
    """A rated answer as a case of an evaluation set.

    A good answer becomes what is expected. A bad one keeps its question, what was answered and the
    reader's reason; what would have been right is for a person to fill in: `review` says so, and
    `chatbot eval draft --feedback` takes it over.
    """
    answer = rating.answer
    good = rating.verdict == "good"
    row: dict[str, Any] = {
        "id": f"feedback-{answer.id}",
        "question": answer.question,
        # A refusal that is called bad means that the documents do say. Whether they do where an
        # answer is called bad, nobody knows yet.
        "answerable": not answer.abstained if good else (True if answer.abstained else None),
        "answers": [answer.answer] if good and not answer.abstained else [],
        "language": answer.language,
        "category": f"feedback-{rating.verdict}",
        "verdict": rating.verdict,
        "reason": rating.reason,
        "given_answer": answer.answer,
        "review": not good,
    }
    if rating.earlier:
        turns = history(rating.earlier)
        row["history"] = [{"role": turn.role, "content": turn.content} for turn in turns]
    if good and answer.citations:
        row["evidence"] = [{"doc": c.doc, "quote": c.text} for c in answer.citations]
    return row


def _plain(text: str) -> str:
    """Text on one line that Markdown shows as it is, without HTML or images."""
    return re.sub(r"([\\`*_\[\]<>#!|])", r"\\\1", " ".join(text.split()))
