"""The list of documents as HTML: what is there, what is asked, and where files are added. Pure.

Everything that comes from a document or its name is escaped here; static/library.js only moves
what this has made, and puts text in as text.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from html import escape

from chatbot.documents import OWN, SUFFIXES, Extracted
from chatbot.language import fold
from chatbot.records import Language
from chatbot.web.places import link
from chatbot.web.words import WORDS, day_words, say

MOST_EXCERPT = 90
"""Characters shown on each side of a word that was searched for."""
SCRIPT_WORDS = (
    "sending", "reading", "indexing", "ready", "not_added", "too_large", "replace", "remove_sure",
    "failed",
)  # fmt: skip


def catalogue(
    items: Sequence[Extracted],
    language: Language,
    words: str,
    left_out: Collection[str],
    *,
    can_add: bool,
    most_bytes: int,
) -> str:
    """The list that holds all the words, in two parts: added and shipped documents.

    Args:
        items: every document, in the order of the list.
        language: of the interface.
        words: searched for in titles and texts; all if empty.
        left_out: documents that this reader does not want to ask.
        can_add: whether documents may be added and removed here.
        most_bytes: of a file that is added.
    """
    wanted = [fold(word) for word in words.split()]
    found = [
        item for item in items if all(word in fold(f"{item.title}\n{item.text}") for word in wanted)
    ]
    own = [item for item in found if item.doc.startswith(OWN)]
    shipped = [item for item in found if not item.doc.startswith(OWN)]
    key = "found_documents" if found else "no_documents"
    find = escape(say(language, "find"))
    return (
        f"<h1>{escape(say(language, 'documents'))}</h1>"
        f"{_adding(language, can_add=can_add, most_bytes=most_bytes)}"
        f'<form role="search" action="/documents"><label class="sr-only" for="find">{find}</label>'
        f'<input id="find" type="search" name="q" value="{escape(words)}" '
        f'placeholder="{find}"></form>'
        f'<div id="lists"><p role="status" class="count">'
        f"{escape(say(language, key, count=len(found)))}</p>"
        f"{_list('own_documents', own, language, wanted, left_out, can_remove=can_add)}"
        f"{_list('shipped_documents', shipped, language, wanted, left_out)}</div>"
    )


def _adding(language: Language, *, can_add: bool, most_bytes: int) -> str:
    """Where files are dropped or picked, and the list of those on their way."""
    if not can_add:
        return f'<p class="note">{escape(say(language, "own_elsewhere"))}</p>'
    said = json.dumps({key: WORDS[language][key] for key in SCRIPT_WORDS})
    lead = say(language, "own_lead", most=f"{most_bytes / 1_000_000:g}")
    return (
        f'<section id="adding" data-words="{escape(said)}" data-most="{most_bytes}" '
        f'aria-label="{escape(say(language, "own_add"))}"><p>{escape(lead)}</p>'
        f'<p class="picks"><button type="button" data-pick="files">'
        f"{escape(say(language, 'own_add'))}</button>"
        f'<button type="button" data-pick="folder">{escape(say(language, "own_folder"))}</button>'
        f"<span>{escape(say(language, 'own_drop'))}</span></p>"
        f'<input type="file" id="files" multiple hidden accept="{",".join(SUFFIXES)}">'
        f'<input type="file" id="folder" webkitdirectory hidden>'
        f'<ul id="coming" aria-live="polite"></ul></section>'
    )


def _list(
    key: str,
    items: Sequence[Extracted],
    language: Language,
    wanted: Sequence[str],
    left_out: Collection[str],
    *,
    can_remove: bool = False,
) -> str:
    if not items:
        return ""
    rows = "".join(
        _row(item, language, wanted, item.doc not in left_out, can_remove) for item in items
    )
    asked = sum(item.doc not in left_out for item in items)
    checked = " checked" if asked == len(items) else ""
    mixed = ' data-mixed=""' if 0 < asked < len(items) else ""
    return (
        f'<section class="group"><div class="group-head"><h2>{escape(say(language, key))}</h2>'
        f'<label><input type="checkbox" class="all"{checked}{mixed}> '
        f"{escape(say(language, 'ask_all'))}</label></div>"
        f'<ul class="catalogue">{rows}</ul></section>'
    )


def _row(
    item: Extracted, language: Language, wanted: Sequence[str], asked: bool, can_remove: bool
) -> str:
    day = (
        f'<time datetime="{item.published.isoformat()}">'
        f"{escape(day_words(item.published, language))}</time>"
        if item.published
        else ""
    )
    href, excerpt = link(item.doc), ""
    found = _find(item.text, wanted[0]) if wanted else None
    if found:
        first, last = found
        href = link(item.doc, first, last)
        excerpt = f'<p class="excerpt">{_excerpt(item.text, first, last)}</p>'
    label = escape(say(language, "ask_one", title=item.title))
    file = f'<span class="file">{escape(item.doc.removeprefix(OWN))}</span>' if can_remove else ""
    remove = (
        f'<button type="button" class="remove" '
        f'aria-label="{escape(say(language, "remove_one", title=item.title))}">'
        f"{escape(say(language, 'remove'))}</button>"
        if can_remove
        else ""
    )
    return (
        f'<li data-doc="{escape(item.doc)}">'
        f'<input type="checkbox" class="one" aria-label="{label}" title="{label}"'
        f"{' checked' if asked else ''}>"
        f'<div class="row-body"><a href="{escape(href)}" lang="{escape(item.lang)}">'
        f"{escape(item.title)}</a> {day}{file}{excerpt}</div>{remove}</li>"
    )


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
