"""The documents as pages of their own: a list that can be searched, and each whole text.

A citation's address opens its document with the sentence marked; the chat page loads the same
text into its side panel by asking for the `part` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from itertools import groupby

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from chatbot.chatbot import Chatbot
from chatbot.documents import Extracted
from chatbot.errors import ChatbotError
from chatbot.index import Index
from chatbot.records import Language, Passage
from chatbot.web.catalogue import catalogue
from chatbot.web.conversations import Conversations
from chatbot.web.hardening import browser_name
from chatbot.web.own import manageable
from chatbot.web.places import document_html
from chatbot.web.words import day_words, preferred, say


class Library:
    """Reads documents as they were indexed and keeps the last ones read."""

    def __init__(self, chatbot: Chatbot) -> None:
        self.chatbot = chatbot
        self._read = lru_cache(maxsize=256)(self._read_version)
        self._listed: tuple[Index, list[Extracted]] | None = None

    def read(self, doc: str) -> Extracted:
        """A document by its name.

        Raises:
            ChatbotError: it is not indexed, or not there any more.
        """
        return self._read(doc, self.chatbot.index.files.get(doc, ""))

    def all(self) -> list[Extracted]:
        """Every document, newest first, undated ones last, from the index: no file is read.

        Their texts hold the sentences at their own offsets; headings and layout are blank.
        """
        index = self.chatbot.index
        if self._listed is None or self._listed[0] is not index:
            grouped = groupby(index.passages, key=lambda passage: passage.doc)
            found = [_from_passages(list(passages)) for _, passages in grouped]
            found.sort(key=lambda item: (item.published is None, _backwards(item), item.doc))
            self._listed = (index, found)
        return self._listed[1]

    def _read_version(self, doc: str, _sha256: str) -> Extracted:
        return self.chatbot.document(doc)


def _from_passages(passages: Sequence[Passage]) -> Extracted:
    """A document as far as its passages, in order, tell."""
    text = ""
    for passage in passages:
        text += "\n" * (passage.start - len(text)) + passage.text
    first = passages[0]
    return Extracted(
        doc=first.doc, text=text, title=first.title, lang=first.lang, published=first.published,
        as_of=first.as_of, sources=(),
    )  # fmt: skip


def _backwards(item: Extracted) -> int:
    return -item.published.toordinal() if item.published else 0


def routes(library: Library, store: Conversations) -> APIRouter:
    """The pages below /documents."""
    router = APIRouter()

    @router.get("/documents")
    def listed(request: Request, q: str = "") -> Response:
        language = preferred(request.headers.get("accept-language"))
        owner = browser_name(request.headers.get("cookie"))
        body = catalogue(
            library.all(),
            language,
            q[:200],
            store.left_out(owner) if owner else (),
            can_add=manageable(library.chatbot),
            most_bytes=library.chatbot.config.own_document_bytes,
        )
        return HTMLResponse(_frame(language, say(language, "documents"), body))

    @router.get("/documents/{doc:path}")
    def document(
        request: Request,
        doc: str,
        start: int | None = None,
        end: int | None = None,
        part: bool = False,
    ) -> Response:
        language = preferred(request.headers.get("accept-language"))
        try:
            extracted = library.read(doc)
        except (ChatbotError, OSError):
            gone = f"<h1>{escape(say(language, 'gone'))}</h1>"
            return HTMLResponse(_frame(language, say(language, "gone"), gone), 404)
        body = _document(extracted, language, start, end)
        return HTMLResponse(body if part else _frame(language, extracted.title, body))

    return router


def _document(extracted: Extracted, language: Language, start: int | None, end: int | None) -> str:
    days = []
    if extracted.published:
        days.append(say(language, "published", day=day_words(extracted.published, language)))
    if extracted.as_of and extracted.as_of != extracted.published:
        days.append(say(language, "as_of", day=day_words(extracted.as_of, language)))
    sources = "".join(f"<li>{escape(source)}</li>" for source in extracted.sources)
    listed = (
        f'<details class="origins"><summary>{escape(say(language, "sources"))}</summary>'
        f"<ul>{sources}</ul></details>"
        if sources
        else ""
    )
    text = document_html(extracted.text, start, end, title=extracted.title)
    return (
        f'<article class="document" lang="{escape(extracted.lang)}" '
        f'data-doc="{escape(extracted.doc)}">'
        f"<header><h1>{escape(extracted.title)}</h1>"
        f'<p class="days" lang="{language}">{escape(" · ".join(days))}</p>'
        f'<p class="file">{escape(extracted.doc)}</p></header>'
        f"{text}{listed}</article>"
    )


def _frame(language: Language, title: str, body: str) -> str:
    """A whole page around a body."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        '<link rel="icon" href="/page/icon.svg"><link rel="stylesheet" href="/page/page.css">'
        '<script src="/page/document.js" defer></script>'
        '<script src="/page/library.js" defer></script></head>'
        f'<body class="reading"><nav><a href="/">{escape(say(language, "back"))}</a>'
        f'<a href="/documents">{escape(say(language, "all_documents"))}</a></nav>'
        f"<main>{body}</main></body></html>"
    )
