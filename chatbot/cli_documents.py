"""`chatbot documents`: the list, one text, adding and removing; and how an indexing is shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from chatbot.cli_options import Docs, Json, Storage, err, out
from chatbot.config import Config, load_config
from chatbot.errors import DocumentError, UsageError

if TYPE_CHECKING:
    from chatbot.index import Progress, SyncReport

documents_app = typer.Typer(
    no_args_is_help=True, help="List and show documents; add your own and remove them."
)

Doc = Annotated[str, typer.Argument(help="Its name, as `chatbot documents list` prints it.")]


@documents_app.command("list")
def documents_list(docs: Docs = None, storage: Storage = None, as_json: Json = False) -> None:
    """The readable documents, added ones last: language, day, title."""
    from chatbot import documents

    config = load_config(docs_dir=docs, storage_dir=storage)
    files, _ = documents.scan_both(config.docs_dir, config.own_folder)
    rows = [documents.read(file) for file in files]
    if as_json:
        listed = [
            {"doc": r.doc, "title": r.title, "lang": r.lang,
             "published": r.published.isoformat() if r.published else None,
             "as_of": r.as_of.isoformat() if r.as_of else None, "characters": len(r.text)}
            for r in rows
        ]  # fmt: skip
        sys.stdout.write(json.dumps(listed, ensure_ascii=False) + "\n")
        return
    for row in rows:
        day = row.published.isoformat() if row.published else "-"
        out.print(f"{escape(row.doc)}  {row.lang}  {day}  {escape(row.title)}")


@documents_app.command("show")
def documents_show(doc: Doc, docs: Docs = None, storage: Storage = None) -> None:
    """The extracted text of a document: what the offsets of citations count in."""
    from chatbot import documents

    config = load_config(docs_dir=docs, storage_dir=storage)
    for file in documents.scan_both(config.docs_dir, config.own_folder)[0]:
        if file.doc == doc:
            sys.stdout.write(documents.read(file).text + "\n")
            return
    raise UsageError(f"There is no document {doc!r}.", "See: chatbot documents list")


@documents_app.command("add")
def documents_add(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files or folders.")],
    replace: Annotated[bool, typer.Option(help="Take the place of others of that name.")] = False,
    docs: Docs = None,
    storage: Storage = None,
) -> None:
    """Add documents of your own to those of the folder, and index them."""
    from chatbot import own_documents

    config = load_config(docs_dir=docs, storage_dir=storage)
    refused = 0
    for path in files:
        for name, file in own_documents.files_below(path):
            try:
                own_documents.add(config, name, file.read_bytes(), replace=replace)
            except DocumentError as error:
                refused += 1
                err.print(f"[red]Not added:[/] {escape(str(error))}")
            except OSError as error:
                refused += 1
                err.print(f"[red]Not added:[/] {escape(name)}: {error.strerror}")
    failed = _index(config)
    if refused or failed:
        raise typer.Exit(1)


@documents_app.command("remove")
def documents_remove(doc: Doc, docs: Docs = None, storage: Storage = None) -> None:
    """Remove a document that was added; those of the folder stay."""
    from chatbot import own_documents

    config = load_config(docs_dir=docs, storage_dir=storage)
    own_documents.remove(config, doc)
    _index(config)


def _index(config: Config) -> bool:
    """Bring the index up to date; whether a document failed."""
    from chatbot.embedding import Embedder
    from chatbot.index import open_index

    with indexing_progress() as progress:
        _, report = open_index(config, Embedder(config.models_dir), progress)
    print_report(report, as_json=False)
    return bool(report.failed)


def print_report(report: SyncReport, as_json: bool) -> None:
    """What an indexing changed."""
    if as_json:
        data = {
            "added": report.added, "replaced": report.replaced, "removed": report.removed,
            "unchanged": report.unchanged,
            "failed": [{"doc": doc, "reason": reason} for doc, reason in report.failed],
            "passages": report.passages, "embedded": report.embedded,
            "seconds": round(report.seconds, 3),
        }  # fmt: skip
        sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
        return
    for label, names in (
        ("Added", report.added), ("Replaced", report.replaced), ("Removed", report.removed)
    ):  # fmt: skip
        for name in names:
            out.print(f"{label}: {escape(name)}")
    for name, reason in report.failed:
        out.print(f"[red]Failed:[/] {escape(name)}: {escape(reason)}")
    out.print(
        f"{len(report.added)} added, {len(report.replaced)} replaced, "
        f"{len(report.removed)} removed, {len(report.unchanged)} unchanged, "
        f"{len(report.failed)} failed; "
        f"{report.passages} passages, {report.embedded} texts embedded, {report.seconds:.1f} s"
    )


@contextmanager
def indexing_progress() -> Iterator[Progress]:
    """A bar of passages with the time left, on a terminal; nothing otherwise."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task: Any = None

        def update(doc: str, done: int, total: int) -> None:
            nonlocal task
            if task is None:
                task = bar.add_task("Reading", total=total)
            bar.update(task, completed=done, total=total, description=f"Reading {doc[:40]}")

        yield update
