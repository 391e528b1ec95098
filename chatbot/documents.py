"""Files to extracted text, metadata and passages of whole sentences with exact offsets.

The extracted text is plain: inline markup is gone, wrapped lines are joined, and what remains
of the layout is one block a line ("# " headings, "- " list items, "a | b" table rows) with
blank lines between. Every offset counts characters of that text. Knows nothing of vectors.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from chatbot.dates import parse_date
from chatbot.errors import DocumentError, UsageError
from chatbot.language import detect
from chatbot.records import Passage, Sentence

SPLITTER_VERSION = 1
"""Part of the index's identity: raise it when the same file would give other passages."""
MAX_FILE_BYTES = 20_000_000
MAX_UNPACKED_BYTES = 200_000_000
MAX_SENTENCE_CHARACTERS = 1_000
OWN = "own/"
"""What the names of added documents begin with; the others are paths below the docs folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file below the docs folder, identified by its content."""

    doc: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """A document's plain text and what is known about it."""

    doc: str
    text: str
    title: str
    lang: str
    published: date | None
    as_of: date | None
    sources: tuple[str, ...]


def scan(folder: Path) -> tuple[list[SourceFile], list[tuple[str, str]]]:
    """List the readable files below a folder, and what was passed over with the reason.

    Hidden files, links that leave the folder and anything that is not a regular file are passed
    over; the last two are reported.

    Raises:
        UsageError: the folder does not exist or is not a folder.
    """
    if not folder.is_dir():
        kind = "is not a folder" if folder.exists() else "does not exist"
        raise UsageError(f"The documents folder {folder} {kind}.", "Name a folder with --docs DIR.")
    root = folder.resolve()
    files: list[SourceFile] = []
    skipped: list[tuple[str, str]] = []
    for directory, subdirectories, names in os.walk(folder):
        subdirectories[:] = sorted(name for name in subdirectories if not name.startswith("."))
        for name in sorted(names):
            path = Path(directory) / name
            if name.startswith(".") or path.suffix.lower() not in _READERS:
                continue
            doc = path.relative_to(folder).as_posix()
            problem = _problem(path, root, doc)
            if problem:
                skipped.append((doc, problem))
            else:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                files.append(SourceFile(doc=doc, path=path, sha256=digest))
    return files, skipped


def scan_both(folder: Path, own: Path) -> tuple[list[SourceFile], list[tuple[str, str]]]:
    """The same for the docs folder and the folder of added documents, which need not be there.

    Raises:
        UsageError: the docs folder does not exist or is not a folder.
    """
    files, skipped = scan(folder)
    # The folder of added documents may lie below the docs folder: those files have one name only.
    inside = own.resolve()
    if inside.is_relative_to(folder.resolve()):
        files = [file for file in files if not file.path.resolve().is_relative_to(inside)]
    skipped += [(file.doc, _TAKEN) for file in files if file.doc.startswith(OWN)]
    files = [file for file in files if not file.doc.startswith(OWN)]
    if own.is_dir():
        added, passed_over = scan(own)
        files += [replace(file, doc=OWN + file.doc) for file in added]
        skipped += [(OWN + doc, reason) for doc, reason in passed_over]
    return files, skipped


_TAKEN = f"names that begin with {OWN} are kept for added documents; rename the folder"


def locate(doc: str, folder: Path, own: Path) -> Path:
    """The file of a document by its name, as `scan_both` names it."""
    return own / doc.removeprefix(OWN) if doc.startswith(OWN) else folder / doc


def read(file: SourceFile) -> Extracted:
    """Extract a file's text and metadata.

    Raises:
        DocumentError: the file is damaged, empty, or not of the kind that its name says.
    """
    return read_bytes(file.doc, file.path.read_bytes())


def read_bytes(doc: str, data: bytes) -> Extracted:
    """The same for a file's content, for instance an upload; `doc` gives the kind by its suffix.

    Raises:
        DocumentError: as `read`.
    """
    reader = _READERS.get(Path(doc).suffix.lower())
    if reader is None:
        raise DocumentError(f"{doc} is of a kind that is not read.", f"Use {', '.join(SUFFIXES)}.")
    metadata: dict[str, Any] = {}
    try:
        markup, metadata = reader(data)
    except DocumentError:
        raise
    except (
        Exception
    ) as error:  # each parser has its own errors; one bad file must not stop the rest
        raise DocumentError(
            f"{doc} cannot be read: {type(error).__name__}.",
            "Open and save it again, or remove it.",
        ) from error
    text = _UNPRINTABLE.sub(" ", markup).strip()
    if not text:
        raise DocumentError(f"{doc} holds no text.", "Scanned pages need text recognition first.")
    published = _published(metadata)
    return Extracted(
        doc=doc,
        text=text,
        title=_title(metadata, text) or Path(doc).stem.replace("-", " ").replace("_", " "),
        lang=_language(metadata) or detect(text),
        published=published,
        as_of=_first_date(metadata, ("asof", "validon", "validfrom", "effective")) or published,
        sources=_sources(metadata),
    )


def passages(extracted: Extracted, *, max_characters: int) -> Iterator[Passage]:
    """Cut a document into passages of whole sentences that never cross a section.

    Args:
        extracted: a document.
        max_characters: longest passage that holds more than one sentence.
    """
    headings: list[tuple[int, str]] = []
    pending: list[Sentence] = []
    title_line: list[Sentence] = []
    is_empty = True
    for block_start, block in _blocks(extracted.text):
        heading = re.match(r"(#{1,6}) (.*)", block)
        if heading is None:
            found = split_sentences(block, extracted.lang, offset=block_start)
            is_title = block_start == 0 and block == extracted.title
            title_line = found if is_title else title_line
            pending += [] if is_title else found
            continue
        is_empty = is_empty and not pending
        yield from _pack(extracted, headings, pending, max_characters)
        pending = []
        level, name = len(heading[1]), heading[2].strip()
        headings = [(above, text) for above, text in headings if above < level]
        # The title's own heading says nothing that the title does not say.
        if name != extracted.title:
            headings.append((level, name))
    # The title line of a text file is no passage, unless it is all there is.
    pending = title_line if is_empty and not pending else pending
    yield from _pack(extracted, headings, pending, max_characters)


def split_sentences(text: str, lang: str, *, offset: int = 0) -> list[Sentence]:
    """Sentences of one block, verbatim, without the white space around them.

    pysbd finds the borders; addresses are masked first (it splits them at "?"), and a border
    before a lower-case letter or after an abbreviation and before a digit is taken back.
    """
    body_start = len(re.match(r"(?:[-*•]|\d{1,2}[.)])\s+|\|?\s*", text)[0])  # type: ignore[index]
    if " | " in text[body_start:]:
        spans = [(body_start, len(text))]
    else:
        masked = _ADDRESS.sub(lambda match: "x" * len(match[0]), text)
        borders = [body_start]
        for end in _borders(masked, body_start, lang):
            if end > borders[-1] and not _is_inside(masked, end):
                borders.append(end)
        if borders[-1] != len(text):
            borders.append(len(text))
        spans = list(pairwise(borders))
    sentences = []
    for first, last in spans:
        for start, end in _at_most(text, first, last, MAX_SENTENCE_CHARACTERS):
            piece_text = text[start:end].strip()
            if any(character.isalnum() for character in piece_text):
                start += len(text[start:end]) - len(text[start:end].lstrip())
                sentences.append(
                    Sentence(
                        text=piece_text,
                        start=offset + start,
                        end=offset + start + len(piece_text),
                    )
                )
    return sentences


def embedding_text(passage: Passage) -> str:
    """What is embedded for a passage: its title and section give the sentences their subject."""
    heading = " · ".join(part for part in (passage.title, passage.section) if part)
    return f"{heading}\n{passage.text}"


def _problem(path: Path, root: Path, doc: str) -> str | None:
    """Why a file must not be opened, or None."""
    try:
        doc.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not valid Unicode"
    try:
        resolved = path.resolve(strict=True)
    except (OSError, RuntimeError):  # a link to itself is the latter before Python 3.13
        return "a link that leads nowhere"
    if not resolved.is_relative_to(root):
        return "a link out of the folder"
    status = resolved.stat()
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if status.st_size > MAX_FILE_BYTES:
        return f"larger than {MAX_FILE_BYTES // 1_000_000} MB"
    return None


# ---- readers: bytes → (plain blocks, metadata) ----------------------------------------------

Metadata = dict[str, Any]


def _decode(data: bytes) -> str:
    """Text of a file in whatever encoding it has; no character is dropped silently."""
    text: str | None
    try:
        text = data.decode(_unicode_form(data))
    except UnicodeDecodeError:
        text = _western(data)
    if text is None:
        from charset_normalizer import from_bytes

        best = from_bytes(data).best()
        if best is None:
            raise DocumentError("A text file holds no readable text.", "Save it as UTF-8.")
        text = str(best)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text or len(_UNPRINTABLE.findall(text)) > 0.01 * len(text):
        raise DocumentError("A text file holds binary data.", "Check what kind of file it is.")
    return text


def _unicode_form(data: bytes) -> str:
    """UTF-16 by its mark, or by the zeros that every other byte of it is; else UTF-8."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    odd, even = data[1::2].count(0), data[::2].count(0)
    if max(odd, even) > 0.8 * (len(data) // 2) and min(odd, even) < 0.01 * len(data):
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8-sig"


_WESTERN_LETTERS = frozenset("àâäæáçéèêëíîïñóôöœùûúüÿßÀÂÄÆÇÉÈÊËÎÏÔÖŒÙÛÜŸ’‘“”«»–—…€°·§©®™£²³\xa0")


def _western(data: bytes) -> str | None:
    """Text in Windows-1252 or Latin-1; None unless nearly all that is not ASCII fits French.

    Asked before the statistical detector, which reads short French texts as Central European.
    """
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    foreign = [character for character in text if ord(character) > 127]
    fitting = sum(character in _WESTERN_LETTERS for character in foreign)
    return text if fitting >= 0.9 * len(foreign) and "\x00" not in text else None


def _read_text(data: bytes) -> tuple[str, Metadata]:
    text, metadata = _split_front_matter(_decode(data))
    markup = _as_html(text)
    if markup is not None:
        body, found = _from_html(markup)
        return body, found | metadata
    return _join_lines(_FENCE.sub(_fenced_html, text)), metadata


def _read_markdown(data: bytes) -> tuple[str, Metadata]:
    text, metadata = _split_front_matter(_decode(data))
    markup = _as_html(text)
    if markup is not None:
        body, found = _from_html(markup)
        return body, found | metadata
    return _from_markdown(text), metadata


def _read_html(data: bytes) -> tuple[str, Metadata]:
    text, metadata = _split_front_matter(_decode(data))
    body, found = _from_html(text)
    return body, found | metadata


def _read_pdf(data: bytes) -> tuple[str, Metadata]:
    from io import BytesIO

    from pypdf import PdfReader

    # What it says of a damaged file is said by DocumentError, once and with the file's name.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = PdfReader(BytesIO(data))
    pages = [page.extract_text() for page in reader.pages]
    text = re.sub(r"(\w)-\n(?=[a-zà-ÿ])", r"\1", "\n\n".join(pages))
    info = reader.metadata
    return _join_lines(text), {"title": info.title} if info and info.title else {}


def _read_docx(data: bytes) -> tuple[str, Metadata]:
    from io import BytesIO
    from zipfile import ZipFile

    import mammoth

    with ZipFile(BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
            raise DocumentError(
                f"A Word file unpacks to more than {MAX_UNPACKED_BYTES // 1_000_000} MB.",
                "Take its pictures out, or save it as text.",
            )
    return _from_markdown(mammoth.convert_to_markdown(BytesIO(data)).value), {}


_READERS: Mapping[str, Callable[[bytes], tuple[str, Metadata]]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".txt": _read_text,
    ".text": _read_text,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
    ".docx": _read_docx,
}
SUFFIXES = tuple(_READERS)


def _split_front_matter(text: str) -> tuple[str, Metadata]:
    """YAML between two "---" lines at the top; a block that is not YAML is read line by line."""
    import yaml

    # A blank line after the dashes makes them a rule between paragraphs, as in pandoc.
    match = re.match(
        r"\s*---[ \t]*\n(?![ \t]*\n)(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", text, re.DOTALL
    )
    if not match:
        return text, {}
    try:
        metadata = yaml.safe_load(match[1])
    except yaml.YAMLError:
        metadata = None
    if not isinstance(metadata, dict):
        pairs = re.findall(r"(?m)^([\w.-]+)\s*:\s*(.+?)\s*$", match[1])
        if not pairs or not re.match(r"\s*[#\w.-]+\s*:", match[1]):
            return text, {}
        metadata = {key: value.strip("'\"") for key, value in pairs}
    return text[match.end() :], {str(key): value for key, value in metadata.items()}


_HEADING_MARK = re.compile(r"^#{1,6}(?: +|$)")
_RULE = re.compile(r"([-=_*~])\1{2,}")
# Surrogates cannot be written as UTF-8; control characters come out of damaged PDF files.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_TAG = re.compile(r"</?(?:html|body|article|section|main|div|p|h[1-6]|ul|ol|table|span|br)\b", re.I)


_FENCE = re.compile(r"(?ms)^(```|~~~)[ \t]*\w*[ \t]*\n(.*?)^\1[ \t]*$")


def _fenced_html(match: re.Match[str]) -> str:
    """A fence that stands among other text, without the tags if it holds HTML."""
    markup = _as_html(match[0])
    return match[0] if markup is None else f"\n{_from_html(markup)[0]}\n"


def _as_html(text: str) -> str | None:
    """The HTML that a text consists of, alone or inside one code fence; None if it is not HTML."""
    fenced = re.fullmatch(r"\s*(```+|~~~+)[ \t]*\w*[ \t]*\n(.*?)\n?\1[ \t]*\s*", text, re.DOTALL)
    body = fenced[2] if fenced else text
    if body.lstrip().startswith("<") and _TAG.search(body):
        return body
    return body if fenced and len(_TAG.findall(body)) >= 2 else None


def _from_html(markup: str) -> tuple[str, Metadata]:
    """Main text of a page, by trafilatura; all of its text where that would lose most of it."""
    import trafilatura

    whole = markup if re.search(r"<body\b", markup, re.I) else f"<html><body>{markup}</body></html>"
    everything = trafilatura.html2txt(whole) or ""
    main = trafilatura.extract(
        whole, output_format="markdown", include_comments=False, include_tables=True,
        include_formatting=True, favor_recall=True, deduplicate=False,
    )  # fmt: skip
    heading = re.search(r"<h1\b[^>]*>(.*?)</h1>", whole, re.IGNORECASE | re.DOTALL)
    name = heading or re.search(r"<title\b[^>]*>(.*?)</title>", whole, re.IGNORECASE | re.DOTALL)
    metadata: Metadata = _markup_dates(whole)
    if name:
        inner = trafilatura.html2txt(f"<html><body><p>{name[1]}</p></body></html>") or ""
        metadata["title"] = " ".join(inner.split())
    if main and len(main) > len(everything) // 3:
        return _from_markdown(main), metadata
    return _join_lines(everything), metadata


_PUBLISHED_MARKS = (
    r"<meta\b[^>]*(?:property|name|itemprop)=[\"'](?:article:published_time|datePublished|"
    r"publish(?:ed)?[-_]?date|pubdate|dc\.date|date)[\"'][^>]*?content=[\"']([^\"']+)",
    r"\"datePublished\"\s*:\s*\"([^\"]+)",
    r"<time\b[^>]*(?:pubdate|datePublished)[^>]*?datetime=[\"']([^\"']+)",
)


def _markup_dates(markup: str) -> Metadata:
    """A publication date that the page itself declares; none is guessed from its text."""
    for mark in _PUBLISHED_MARKS:
        match = re.search(mark, markup, re.IGNORECASE)
        if match and parse_date(match[1]):
            return {"published": match[1]}
    return {}


def _from_markdown(text: str) -> str:
    """Plain blocks of a Markdown text, by markdown-it."""
    from markdown_it import MarkdownIt

    blocks: list[str] = []
    prefix = ""
    cells: list[str] | None = None
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "heading_open":
            prefix = "#" * int(token.tag[1]) + " "
        elif token.type == "list_item_open":
            prefix = "- "
        elif token.type == "tr_open":
            cells = []
        elif token.type == "tr_close" and cells is not None:
            blocks.append(" | ".join(cells))
            cells = None
        elif token.type == "inline":
            inline = "".join(_inline_text(child) for child in token.children or ())
            inline = re.sub(r"[ \t\n]+", " ", inline).strip()
            if cells is not None:
                cells.append(inline)
            elif inline:
                blocks.append(prefix + _HEADING_MARK.sub("", inline))
            prefix = ""
        elif token.type in ("fence", "code_block"):
            # Without the "# " of a comment, which would be read as a heading.
            lines = (_HEADING_MARK.sub("", line.strip()) for line in token.content.splitlines())
            blocks.extend(line for line in lines if line)
        elif token.type == "html_block":
            blocks.extend(_html_lines(token.content))
    return "\n\n".join(blocks)


def _html_lines(markup: str) -> list[str]:
    """Text of a block of HTML within Markdown, a line for each paragraph."""
    import trafilatura

    if not re.search(r">[^<]*\w", markup):
        return []
    text = trafilatura.html2txt(f"<html><body>{markup}</body></html>") or ""
    return [_HEADING_MARK.sub("", line) for line in _join_lines(text).split("\n") if line]


def _inline_text(token: Any) -> str:
    if token.type in ("text", "code_inline"):
        return str(token.content)
    is_break = token.type in ("softbreak", "hardbreak") or (
        token.type == "html_inline" and token.content.lower().startswith("<br")
    )
    return " " if is_break else ""


def _join_lines(text: str) -> str:
    """Paragraphs of a plain text: wrapped lines joined, headings and list items kept apart."""
    blocks: list[list[str]] = [[]]
    for line in text.split("\n"):
        line = re.sub(r"[ \t\f\v]+", " ", line).strip()
        if not line or _RULE.fullmatch(line):
            blocks.append([])
        elif not blocks[-1] or _starts_block(line) or _ends_block(blocks[-1], line):
            blocks.append([line])
        else:
            blocks[-1].append(line)
    return "\n\n".join(" ".join(lines) for lines in blocks if lines)


def _starts_block(line: str) -> bool:
    return bool(re.match(r"(#{1,6} |[-*•] |\d{1,2}[.)] )", line))


def _ends_block(lines: list[str], line: str) -> bool:
    """A short line without closing punctuation before a capital is a heading of its own."""
    is_short = len(lines) == 1 and len(lines[0]) < 60
    return lines[0].startswith("#") or (
        is_short and lines[0][-1] not in ".!?,;:…»\"'”)" and line[:1].isupper()
    )


# ---- metadata -------------------------------------------------------------------------------


def _key(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _first_date(metadata: Metadata, keys: tuple[str, ...]) -> date | None:
    for wanted in keys:
        for name, value in metadata.items():
            if _key(name) == wanted and (found := parse_date(value)):
                return found
    return None


_NOT_NEWS = ("crawl", "fetch", "retriev", "access", "scrap", "download", "index", "import", "save")


def _published(metadata: Metadata) -> date | None:
    """The date of the news, of several dates: never the day on which somebody copied it."""
    exact = ("published", "publicationdate", "publishdate", "datepublished", "publishedat",
             "pubdate", "newsdate", "articledate", "releasedate", "date", "issued", "posted",
             "dateposted", "datecreated", "created", "createdat")  # fmt: skip
    found = _first_date(metadata, exact)
    if found:
        return found
    for name, value in metadata.items():
        key = _key(name)
        if any(word in key for word in ("publi", "news", "date")) and not any(
            word in key for word in (*_NOT_NEWS, "updat", "modif", "asof", "valid")
        ):
            found = parse_date(value)
            if found:
                return found
    return None


def _title(metadata: Metadata, text: str) -> str:
    for name in ("title", "headline", "titre"):
        for key, value in metadata.items():
            if _key(key) == name and isinstance(value, str) and value.strip():
                return " ".join(_UNPRINTABLE.sub(" ", value).split())
    first = text.split("\n", 1)[0].strip()
    heading = re.match(r"#{1,2} (.+)", first)
    if heading:
        return heading[1].strip()
    is_title = len(first) <= 120 and first[-1:] not in ".,;:" and " | " not in first
    return first if is_title and not re.match(r"(?:[-*•]|\d{1,2}[.)]) ", first) else ""


def _language(metadata: Metadata) -> str | None:
    for key, value in metadata.items():
        if _key(key) in ("lang", "language", "langue") and isinstance(value, str):
            code = value.strip().lower()[:2]
            return code if code.isalpha() and len(code) == 2 else None
    return None


def _sources(metadata: Metadata) -> tuple[str, ...]:
    for key, value in metadata.items():
        if _key(key) in ("source", "sources", "publisher"):
            return tuple(str(item) for item in (value if isinstance(value, list) else [value]))
    return ()


# ---- sentences and passages -----------------------------------------------------------------

_ADDRESS = re.compile(r"(?:https?://|www\.)\S*[^\s.,;:!?)»”\"']|[^\s@]{1,64}@[^\s@]{1,250}\.\w+")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\-])(?:approx|env|no|nos|vs|fig|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|"
    r"janv|févr|avr|juil|déc|p|pp|art|v)\.\s*$",
    re.IGNORECASE,
)


_MAX_STRETCH = 1_000
_CLOSING = re.compile(r"[.!?…:;。．！？)]")
_PLAIN_END = re.compile(r"(?<=[a-zà-ÿ\d]{4})[.!?…][\"'”»)\]]*\s+(?=[A-ZÀ-ÞŒ«“\"(])")
_UNBROKEN = re.compile(r"\S{1000,}")


@lru_cache(maxsize=2)
def _segmenter(lang: str) -> Any:
    import pysbd

    return pysbd.Segmenter(language="fr" if lang == "fr" else "en", clean=False, char_span=True)


def _borders(text: str, start: int, lang: str) -> Iterator[int]:
    """Ends of the sentences that pysbd sees from `start` on.

    Its time grows with the square of the text, so a long block is given to it in stretches,
    and what has no closing punctuation, or no space in a thousand characters, is not.
    """
    for first, last in _stretches(text, start):
        if not _CLOSING.search(text, first, last) or _UNBROKEN.fullmatch(text, first, last):
            yield last
            continue
        for piece in _segmenter(lang).segment(text[first:last]):
            yield first + piece.end


def _stretches(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Unbroken runs, and between them stretches that end where plain sentences do."""
    for first, last in [match.span() for match in _UNBROKEN.finditer(text, start)] + [(-1, -1)]:
        stop = first if last > 0 else len(text)
        while stop - start > _MAX_STRETCH:
            window = text[start : start + _MAX_STRETCH]
            ends = [match.end() for match in _PLAIN_END.finditer(window)]
            cut = ends[-1] if ends else window.rfind(" ") + 1 or _MAX_STRETCH
            yield start, start + cut
            start += cut
        if start < stop:
            yield start, stop
        if last > 0:
            yield first, last
            start = last


def _is_inside(text: str, border: int) -> bool:
    """A border that pysbd sees but no reader would: "approx. | 16,000", "Inc. | announced"."""
    after = re.compile(r"\s*(\S)").match(text, border)
    if not after:
        return False
    before = text[max(0, border - 16) : border]
    return after[1].islower() or (after[1].isdigit() and bool(_ABBREVIATION.search(before)))


def _at_most(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Cut an overlong sentence at its last space, or semicolon, before the limit."""
    while end - start > limit:
        window = text[start : start + limit]
        cut = max(window.rfind("; "), window.rfind(" ", limit // 2)) + 1 or limit
        yield start, start + cut
        start += cut
    yield start, end


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    for match in re.finditer(r"[^\n]+", text):
        yield match.start(), match[0]


def _pack(
    extracted: Extracted,
    headings: list[tuple[int, str]],
    sentences: list[Sentence],
    max_characters: int,
) -> Iterator[Passage]:
    """Split the sentences of one section into as few passages as fit, of about equal length."""
    if not sentences:
        return
    section = " / ".join(name for _, name in headings)
    length = sentences[-1].end - sentences[0].start
    parts = -(-length // max_characters)
    pending: list[Sentence] = []
    for sentence in sentences:
        reached = sentence.end - pending[0].start if pending else 0
        if pending and (
            reached > max_characters or pending[-1].end - pending[0].start >= length / parts
        ):
            yield _passage(extracted, section, tuple(pending))
            pending = []
        pending.append(sentence)
    yield _passage(extracted, section, tuple(pending))


def _passage(extracted: Extracted, section: str, sentences: tuple[Sentence, ...]) -> Passage:
    start, end = sentences[0].start, sentences[-1].end
    text = extracted.text[start:end]
    identity = f"{extracted.doc}\0{start}\0{extracted.title}\0{section}\0{text}"
    return Passage(
        id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        doc=extracted.doc,
        title=extracted.title,
        section=section,
        published=extracted.published,
        as_of=extracted.as_of,
        lang=extracted.lang,
        start=start,
        end=end,
        text=text,
        sentences=sentences,
    )
