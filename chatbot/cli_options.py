"""What the commands share: their options, the two consoles, tables and bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Docs = Annotated[
    Path | None, typer.Option("--docs", metavar="DIR", help="Folder of documents [docs].")
]
Storage = Annotated[
    Path | None, typer.Option("--storage", metavar="DIR", help="Folder of indexes [storage].")
]
ModelName = Annotated[
    str | None, typer.Option("--model", metavar="NAME|PATH", help="Chat model; or none.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")]


@contextmanager
def resumable(bar: Any) -> Iterator[None]:
    """Say how to go on with what Ctrl-C stopped."""
    try:
        yield
    except KeyboardInterrupt:
        bar.stop()
        err.print("Stopped. Go on with the same command and --resume.")
        raise typer.Exit(130) from None


def progress_bar() -> Any:
    """A bar with counts and the time left, on a terminal; nothing otherwise."""
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns, the same in a pipe as on a terminal: no cell is cut or wrapped."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out.print(escape("  ".join(cells).rstrip()))


def number(value: float | None) -> str:
    """A figure for a table; a dash where there is none."""
    return "–" if value is None else f"{value:.3f}" if value < 1000 else f"{value:.0f}"
