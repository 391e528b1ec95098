"""The documents that people add themselves: taken in with care, and taken out again.

    <own folder>/notes.pdf          the document "own/notes.pdf"
    <own folder>/folder/page.html   the document "own/folder/page.html"

What is added comes from anywhere: its name is made harmless, its content must be what the name
says, and it is read once in a process of its own with bounds on time and memory, so that a file
made to do harm (a bomb, an endless page) cannot hold up or end the program. Knows nothing of the
index: `Chatbot.sync` takes in what is here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

from chatbot import documents
from chatbot.config import Config
from chatbot.documents import OWN, SUFFIXES
from chatbot.errors import DocumentError, UsageError

MOST_DOCUMENTS = 2_000
MOST_BYTES = 500_000_000
"""Of all added files together."""
MOST_CHARACTERS = 1_000_000
"""Of extracted text: a book of 500 pages, whose 10,000 sentences take minutes to embed."""
MOST_UNPACKED_BYTES = 40_000_000
"""Of the text parts of a Word file; pictures are not read and not counted."""
MOST_PARTS = 8
"""Folders and name of a document's path."""
MOST_NAME_BYTES = 120
CHECK_SECONDS = 60
CHECK_MEMORY_BYTES = 2_000_000_000


class TakenError(DocumentError):
    """Another document has that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A file that was taken in."""

    doc: str
    passages: int
    """Passages that it will be indexed as."""


def add(config: Config, name: str, data: bytes, *, replace: bool = False) -> Added:
    """Take a file in.

    Args:
        config: names the folder and the bounds.
        name: the file's name, perhaps with folders before it; made safe.
        data: its content.
        replace: take the place of another document of that name.

    Raises:
        TakenError: there is another document of that name, and it is not to be replaced.
        DocumentError: the file is too large, not what its name says, or unreadable, or there is no
            room for another.
    """
    safe = safe_name(name)
    if len(data) > config.own_document_bytes:
        most = config.own_document_bytes / 1_000_000
        raise DocumentError(f"{safe} is larger than {most:g} MB.", "Divide it, or save its text.")
    _check_kind(safe, data)
    target = config.own_folder / safe
    there = target.exists()
    if there and not replace and (target.is_dir() or target.read_bytes() != data):
        raise TakenError(
            f"There is already a document {OWN}{safe}.",
            "Replace it, or give this one another name.",
        )
    held = list_files(config)
    if not there and len(held) >= MOST_DOCUMENTS:
        raise DocumentError(f"There are already {MOST_DOCUMENTS} documents.", "Remove some first.")
    size = sum((config.own_folder / doc.removeprefix(OWN)).stat().st_size for doc in held)
    if size + len(data) > MOST_BYTES:
        most = MOST_BYTES // 1_000_000
        raise DocumentError(f"There is no room: {most} MB is the most.", "Remove some first.")
    passages = _read_apart(safe, data, config.passage_characters)
    _write(config.own_folder, target, data)
    return Added(doc=OWN + safe, passages=passages)


def remove(config: Config, doc: str) -> None:
    """Take an added document out.

    Raises:
        UsageError: it is not one of the added documents.
    """
    if doc not in list_files(config):
        raise UsageError(
            f"{doc!r} is not an added document.",
            "Only those can be removed: chatbot documents list",
        )
    path = documents.locate(doc, config.docs_dir, config.own_folder)
    path.unlink()
    for folder in path.parents:
        if folder == config.own_folder or any(folder.iterdir()):
            break
        folder.rmdir()


def list_files(config: Config) -> frozenset[str]:
    """The names of the added documents."""
    folder = config.own_folder
    return frozenset(
        OWN + path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink()
    )


def files_below(path: Path) -> Iterator[tuple[str, Path]]:
    """(name to add it under, file) of a file, or of the readable files of a folder.

    Raises:
        UsageError: there is nothing of that name.
    """
    if path.is_dir():
        for file in documents.scan(path)[0]:
            yield f"{path.resolve().name}/{file.doc}", file.path
    elif path.is_file():
        yield path.name, path
    else:
        raise UsageError(f"There is no file {path}.", "Check the path.")


def safe_name(name: str) -> str:
    """A path below the own folder that is harmless on every system, from any name.

    Raises:
        DocumentError: nothing is left of the name, or its kind is not read.
    """
    parts = []
    for part in re.split(r"[/\\]+", unicodedata.normalize("NFC", name)):
        clean = "".join(c if c.isalnum() or c in " .,-_()'’&+" else "_" for c in part)
        clean = clean.strip(" .")
        if clean:
            parts.append(clean)
    parts = parts[-MOST_PARTS:]
    suffix = PurePosixPath(parts[-1]).suffix.lower() if parts else ""
    if suffix not in SUFFIXES:
        shown = parts[-1] if parts else "A file without a name"
        raise DocumentError(
            f"{shown} is of a kind that is not read.", f"Use {', '.join(SUFFIXES)}."
        )
    stem = parts[-1][: -len(suffix)].rstrip(" .") or "document"
    return "/".join([*(_cut(part) for part in parts[:-1]), _cut(stem) + suffix])


def _cut(part: str) -> str:
    """At most as many bytes as every file system takes, without half a letter."""
    return part.encode("utf-8")[:MOST_NAME_BYTES].decode("utf-8", "ignore").rstrip(" .")


def _check_kind(name: str, data: bytes) -> None:
    """The content must be what the name says.

    Raises:
        DocumentError: it is something else, or a Word file that unpacks to too much.
    """
    wanted = {".pdf": "a PDF", ".docx": "a Word file"}.get(PurePosixPath(name).suffix, "text")
    found = _kind(data)
    if found != wanted:
        raise DocumentError(
            f"{name} is {found}, not {wanted} as its name says.", "Give it the name of its kind."
        )
    if found == "a Word file":
        with ZipFile(BytesIO(data)) as archive:
            parts = [entry for entry in archive.infolist() if "/media/" not in entry.filename]
        # zipfile reads no more of a part than its entry says, so what is said is what counts.
        if sum(entry.file_size for entry in parts) > MOST_UNPACKED_BYTES:
            raise DocumentError(
                f"{name} unpacks to more than {MOST_UNPACKED_BYTES // 1_000_000} MB.",
                "Save its text as a new file.",
            )


def _kind(data: bytes) -> str:
    if b"%PDF-" in data[:1024]:
        return "a PDF"
    if data[:4] == b"PK\x03\x04":
        with suppress(BadZipFile, ValueError), ZipFile(BytesIO(data)) as archive:
            if "word/document.xml" in archive.namelist():
                return "a Word file"
        return "an archive"
    if not data.strip():
        return "empty"
    for mark, kind in _BINARY.items():
        if data.startswith(mark):
            return kind
    return "text"


_BINARY = {
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"\x1f\x8b": "an archive",
    b"7z\xbc\xaf": "an archive",
    b"Rar!": "an archive",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"GGUF": "a model",
    b"SQLite format": "a database",
}


def _read_apart(name: str, data: bytes, passage_characters: int) -> int:
    """Read a file in a process of its own; gives the number of its passages.

    Raises:
        DocumentError: it cannot be read, holds too much, or takes too long or too much memory.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "chatbot.own_documents", name, str(passage_characters)],
            input=data,
            capture_output=True,
            timeout=CHECK_SECONDS,
            check=False,
        )
        result = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise DocumentError(
            f"{name} takes longer than {CHECK_SECONDS} seconds to read.", "Save its text instead."
        ) from None
    except ValueError:  # it was ended for its memory, or crashed its reader
        raise DocumentError(f"{name} cannot be read safely.", "Save its text instead.") from None
    if "passages" not in result:
        raise DocumentError(result["message"], result["remedy"])
    if result["characters"] > MOST_CHARACTERS:
        raise DocumentError(
            f"{name} holds more than {MOST_CHARACTERS:,} characters of text.", "Divide it."
        )
    return int(result["passages"])


def _read_here() -> None:
    """What the process of its own does: standard input is the file, standard output the result."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (CHECK_MEMORY_BYTES, CHECK_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CHECK_SECONDS, CHECK_SECONDS))
    name, passage_characters = sys.argv[1], int(sys.argv[2])
    try:
        extracted = documents.read_bytes(name, sys.stdin.buffer.read())
    except DocumentError as error:
        result: dict[str, object] = {"message": error.message, "remedy": error.remedy}
    else:
        count = 0
        if len(extracted.text) <= MOST_CHARACTERS:
            count = sum(1 for _ in documents.passages(extracted, max_characters=passage_characters))
        result = {"passages": count, "characters": len(extracted.text)}
    sys.stdout.write(json.dumps(result))


def _write(folder: Path, target: Path, data: bytes) -> None:
    """Put a file in its place whole or not at all, readable by its owner only.

    Raises:
        DocumentError: the place is taken by a folder, or the disk is full.
    """
    part = folder / ".part"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not target.parent.resolve().is_relative_to(folder.resolve()):
            raise DocumentError(f"{target.name} would leave its folder.", "Give it another name.")
        with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        part.replace(target)
    except OSError as error:
        raise DocumentError(
            f"{target.name} cannot be written: {error.strerror or error}.",
            "Free space, or give it another name.",
        ) from error


if __name__ == "__main__":
    _read_here()
