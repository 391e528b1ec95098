"""Places in documents: the passage around a citation, its link, and the marked text as HTML.

Everything that comes from a document is escaped here; none of it is ever markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, urlencode

from chatbot.documents import Extracted
from chatbot.errors import ChatbotError

Read = Callable[[str], Extracted]
"""A document by its name below the docs folder; raises ChatbotError if it is gone."""

MOST_CONTEXT = 420
"""Characters shown on each side of a cited sentence at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cited sentence and the text on both sides of it, in its own paragraph."""

    before: str
    text: str
    after: str
    changed: bool
    """True when the document does not hold the sentence any more; then there is no context."""


def find_place(read: Read, doc: str, start: int, end: int, text: str) -> Place:
    """The paragraph around a citation, as the document reads now.

    Args:
        read: gives documents.
        doc: path below the docs folder.
        start: first character of the sentence in the extracted text.
        end: one past its last.
        text: the sentence as it was cited.
    """
    try:
        whole = read(doc).text
    except ChatbotError:
        whole = ""
    if whole[start:end] != text:
        start = whole.find(text)
        if start < 0:
            return Place(before="", text=text, after="", changed=True)
        end = start + len(text)
    first = whole.rfind("\n", 0, start) + 1
    last = whole.find("\n", end)
    last = len(whole) if last < 0 else last
    before, after = whole[first:start], whole[end:last]
    if len(before) > MOST_CONTEXT:
        before = "… " + before[-MOST_CONTEXT:].split(" ", 1)[-1]
    if len(after) > MOST_CONTEXT:
        after = after[:MOST_CONTEXT].rsplit(" ", 1)[0] + " …"
    return Place(before=before, text=text, after=after, changed=False)


def place_html(place: Place) -> str:
    """The paragraph with the sentence marked."""
    return f"{escape(place.before)}<mark>{escape(place.text)}</mark>{escape(place.after)}"


def link(doc: str, start: int | None = None, end: int | None = None) -> str:
    """The address of a document, or of a sentence in it; not yet escaped for HTML."""
    path = f"/documents/{quote(doc)}"
    if start is None or end is None:
        return path
    return f"{path}?{urlencode({'start': start, 'end': end})}#cited"


def document_html(text: str, start: int | None, end: int | None, *, title: str = "") -> str:
    """A whole document's text as HTML, with the characters start…end marked.

    The first marked piece carries the id "cited". A range outside the text marks nothing. A
    heading at the top that repeats the title is left out.
    """
    span = (start, end) if start is not None and end is not None and 0 <= start < end else (0, 0)
    parts: list[str] = []
    in_list = False
    marked = False
    for block_start, block in _blocks(text):
        heading = re.match(r"(#{1,6}) +", block)
        item = re.match(r"[-*•] +", block)
        row = " | " in block
        if heading and block_start == 0 and block[len(heading[0]) :].strip() == title:
            continue
        skip = len((heading or item)[0]) if heading or item else 0  # type: ignore[index]
        inner, has_mark = _marked(block[skip:], block_start + skip, span, first=not marked)
        marked = marked or has_mark
        if in_list and not item:
            parts.append("</ul>")
            in_list = False
        if heading:
            level = min(len(heading[1]) + 1, 6)
            parts.append(f"<h{level}>{inner}</h{level}>")
        elif item:
            if not in_list:
                parts.append("<ul>")
                in_list = True
            parts.append(f"<li>{inner}</li>")
        else:
            parts.append(f'<p class="row">{inner}</p>' if row else f"<p>{inner}</p>")
    if in_list:
        parts.append("</ul>")
    return "".join(parts)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    position = 0
    for line in text.split("\n"):
        if line.strip():
            yield position, line
        position += len(line) + 1


def _marked(text: str, offset: int, span: tuple[int, int], *, first: bool) -> tuple[str, bool]:
    """Escaped text with the part inside the span marked, and whether there was one."""
    start, end = max(span[0] - offset, 0), min(span[1] - offset, len(text))
    if start >= end:
        return escape(text), False
    name = ' id="cited" tabindex="-1"' if first else ""
    marked = f"<mark{name}>{escape(text[start:end])}</mark>"
    return escape(text[:start]) + marked + escape(text[end:]), True
