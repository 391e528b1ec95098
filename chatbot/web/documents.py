"""The documents as pages of their own: a list that can be searched, and each whole text.

A citation's address opens its document with the sentence marked; the chat page loads the same
text into its side panel by asking for the `part` alone.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from chatbot.chatbot import Chatbot
from chatbot.documents import Extracted
from chatbot.errors import ChatbotError
from chatbot.language import fold
from chatbot.records import Language
from chatbot.web.places import document_html, link
from chatbot.web.words import day_words, preferred, say

MOST_EXCERPT = 90
"""Characters shown on each side of a word that was searched for."""


class Library:
    """Reads documents as they were indexed and keeps the last ones read."""

    def __init__(self, chatbot: Chatbot) -> None:
        self._chatbot = chatbot
        self._read = lru_cache(maxsize=256)(self._read_version)

    def read(self, doc: str) -> Extracted:
        """A document by its path below the docs folder.

        Raises:
            ChatbotError: it is not indexed, or not there any more.
        """
        return self._read(doc, self._chatbot.index.files.get(doc, ""))

    def all(self) -> list[Extracted]:
        """Every document that can be read, newest first, undated ones last."""
        found = []
        for doc in self._chatbot.index.files:
            try:
                found.append(self.read(doc))
            except (ChatbotError, OSError):
                continue
        return sorted(found, key=lambda item: (item.published is None, _backwards(item), item.doc))

    def _read_version(self, doc: str, _sha256: str) -> Extracted:
        return self._chatbot.document(doc)


def _backwards(item: Extracted) -> int:
    return -item.published.toordinal() if item.published else 0


def routes(library: Library) -> APIRouter:
    """The pages below /documents."""
    router = APIRouter()

    @router.get("/documents")
    def catalogue(request: Request, q: str = "") -> Response:
        language = preferred(request.headers.get("accept-language"))
        return HTMLResponse(_catalogue(library, language, q[:200]))

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


def _catalogue(library: Library, language: Language, words: str) -> str:
    wanted = [fold(word) for word in words.split()]
    items = []
    for extracted in library.all():
        searched = fold(f"{extracted.title}\n{extracted.text}")
        if not all(word in searched for word in wanted):
            continue
        day = (
            f'<time datetime="{extracted.published.isoformat()}">'
            f"{escape(day_words(extracted.published, language))}</time>"
            if extracted.published
            else ""
        )
        href, excerpt = link(extracted.doc), ""
        found = _find(extracted.text, wanted[0]) if wanted else None
        if found:
            first, last = found
            href = link(extracted.doc, first, last)
            excerpt = f'<p class="excerpt">{_excerpt(extracted.text, first, last)}</p>'
        items.append(
            f'<li><a href="{escape(href)}" lang="{escape(extracted.lang)}">'
            f"{escape(extracted.title)}</a> {day}{excerpt}</li>"
        )
    key = "found_documents" if items else "no_documents"
    body = (
        f"<h1>{escape(say(language, 'documents'))}</h1>"
        f'<form role="search" action="/documents"><label class="sr-only" for="find">'
        f"{escape(say(language, 'find'))}</label>"
        f'<input id="find" type="search" name="q" value="{escape(words)}" '
        f'placeholder="{escape(say(language, "find"))}"></form>'
        f'<p role="status" class="count">{escape(say(language, key, count=len(items)))}</p>'
        f'<ul class="catalogue">{"".join(items)}</ul>'
    )
    return _frame(language, say(language, "documents"), body)


def _find(text: str, word: str) -> tuple[int, int] | None:
    """Where a folded word first stands in a text, by its offsets in the text itself."""
    for searched in (fold(text), text.lower()):
        # Only a form with as many characters as the text has the text's offsets.
        position = searched.find(word) if len(searched) == len(text) else -1
        if position >= 0:
            return position, position + len(word)
    return None


def _excerpt(text: str, first: int, last: int) -> str:
    start = max(text.rfind("\n", 0, first) + 1, first - MOST_EXCERPT)
    line_end = text.find("\n", last)
    end = min(len(text) if line_end < 0 else line_end, last + MOST_EXCERPT)
    return (
        f"{'… ' if start and text[start - 1] != chr(10) else ''}{escape(text[start:first])}"
        f"<mark>{escape(text[first:last])}</mark>{escape(text[last:end])}"
        f"{' …' if end < len(text) and text[end] != chr(10) else ''}"
    )


def _frame(language: Language, title: str, body: str) -> str:
    """A whole page around a body."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        '<link rel="icon" href="/page/icon.svg"><link rel="stylesheet" href="/page/page.css">'
        '<script src="/page/document.js" defer></script></head>'
        f'<body class="reading"><nav><a href="/">{escape(say(language, "back"))}</a>'
        f'<a href="/documents">{escape(say(language, "all_documents"))}</a></nav>'
        f"<main>{body}</main></body></html>"
    )
