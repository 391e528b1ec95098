"""What the tests of the pure modules share: the corpus read once, and records made short."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path

from chatbot import documents
from chatbot.records import Evidence, Passage, Sentence, Turn

DOCS = Path(__file__).resolve().parent.parent / "docs"


@lru_cache(maxsize=1)
def corpus() -> tuple[tuple[documents.Extracted, tuple[Passage, ...]], ...]:
    """Every document of docs/ with its passages, as the index cuts them."""
    read = [documents.read(file) for file in documents.scan(DOCS)[0]]
    return tuple((item, tuple(documents.passages(item, max_characters=700))) for item in read)


@lru_cache(maxsize=1)
def sentences() -> tuple[tuple[str, str], ...]:
    """(text, language) of every sentence of docs/."""
    return tuple(
        (sentence.text, item.lang)
        for item, cut in corpus()
        for passage in cut
        for sentence in passage.sentences
    )


def evidence(
    text: str,
    *,
    score: float = 1.0,
    published: date | None = None,
    as_of: date | None = None,
    doc: str = "a.md",
    title: str = "A title",
    section: str = "",
    start: int = 0,
) -> Evidence:
    """A sentence found, alone in its passage."""
    sentence = Sentence(text=text, start=start, end=start + len(text))
    passage = Passage(
        id=f"{doc}:{start}",
        doc=doc,
        title=title,
        section=section,
        published=published,
        as_of=as_of or published,
        lang="en",
        start=start,
        end=start + len(text),
        text=text,
        sentences=(sentence,),
    )
    return Evidence(sentence=sentence, passage=passage, score=score)


def asked(*contents: str) -> Sequence[Turn]:
    """A conversation: user and assistant in turns, the user first."""
    return [
        Turn(role="assistant" if number % 2 else "user", content=content)
        for number, content in enumerate(contents)
    ]
