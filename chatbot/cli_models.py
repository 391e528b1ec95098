"""`chatbot models`: list, pull, verify, qualify; translates, prints, decides nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from chatbot.cli_options import Json, Resume, err, number, out, progress_bar, resumable, table
from chatbot.config import PROJECT_ROOT, load_config
from chatbot.errors import ChatbotError, UsageError

if TYPE_CHECKING:
    from chatbot.models import Model
    from chatbot.verdicts import Verdict

models_app = typer.Typer(no_args_is_help=True, help="List, pull, verify and qualify model files.")


@models_app.command("list")
def models_list(as_json: Json = False) -> None:
    """The known model files, and which are here."""
    from chatbot.models import CATALOGUE, converted_path

    config = load_config()
    verdicts = {model.name: verdict_on(model, config.models_dir) for model in CATALOGUE}
    rows = [
        {
            "name": model.name,
            "kind": model.kind,
            "file": model.file,
            "here": (config.models_dir / model.file).is_file(),
            "converted": converted_path(config.models_dir / model.file).is_file(),
            "licence": model.licence,
            "description": model.description,
            "verdict": asdict(verdict) if (verdict := verdicts[model.name]) else None,
        }
        for model in CATALOGUE
    ]
    if as_json:
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    for model, row in zip(CATALOGUE, rows, strict=True):
        here = "[green]here[/]" if row["here"] else "[dim]not pulled[/]"
        here += ", converted" if row["converted"] else ""
        out.print(f"[bold]{model.name}[/] ({model.kind}, {model.licence}) {here}")
        out.print(f"    {model.description}")
        if model.kind == "chat" and row["here"]:
            out.print(f"    {verdict_in_words(verdicts[model.name])}")


@models_app.command("pull")
def models_pull(
    names: Annotated[list[str] | None, typer.Argument(help="Names; the defaults if none.")] = None,
    convert: Annotated[
        bool, typer.Option(help="Convert a file that processors compute slowly as it is.")
    ] = True,
) -> None:
    """Fetch model files, verified; what is here already is not fetched again."""
    from chatbot.models import DEFAULT_MODELS, pull

    config = load_config()
    for name in names or DEFAULT_MODELS:
        model = _known_model(name)
        with _bytes_progress(model.name) as progress:
            path = pull(model, config.models_dir, progress)
        err.print(f"{model.name}: {escape(str(path))} ({model.licence})")
        if convert and model.kind == "chat":
            from chatbot.conversion import convert_or_say_why

            if said := convert_or_say_why(path, model):
                err.print(f"{model.name}: {escape(said)}")


@models_app.command("verify")
def models_verify(
    names: Annotated[list[str] | None, typer.Argument(help="Names; the defaults if none.")] = None,
) -> None:
    """Check sizes and checksums of model files."""
    from chatbot.models import DEFAULT_MODELS, check_file

    config = load_config()
    for name in names or DEFAULT_MODELS:
        model = _known_model(name)
        digest = check_file(config.models_dir / model.file, model)
        out.print(f"{model.name}: sha256 {digest}")
        if model.kind == "chat":
            from chatbot.conversion import verify_conversion

            if said := verify_conversion(config.models_dir / model.file, digest):
                out.print(f"    {said}")


@models_app.command("qualify")
def models_qualify(
    name: Annotated[str | None, typer.Argument(help="Name or GGUF; the default if none.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Ask N questions [160, ten minutes by default].")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Ask all it can be asked.")] = False,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Measure a chat model's checked words against the quotes, and keep what it may write."""
    from chatbot.chatbot import Chatbot
    from chatbot.evaluation.datasets import find_set, load_dataset
    from chatbot.evaluation.qualify import SAMPLE, qualify

    # The documents that the set asks; the model's words in front of the quotes, to see both.
    config = load_config(chat_model=name, docs_dir=PROJECT_ROOT / "docs", writing="leading")
    dataset = load_dataset(find_set("llama-dev"))
    with progress_bar() as bar, Chatbot.open(config) as chatbot:
        if chatbot.model_problem is not None:
            raise chatbot.model_problem
        task = bar.add_task("Asking", total=None)
        with resumable(bar):
            verdict = qualify(
                chatbot,
                dataset,
                limit=None if everything else limit or SAMPLE,
                resume=resume,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    if as_json:
        sys.stdout.write(json.dumps(asdict(verdict)) + "\n")
        return
    rows = [
        (words, number(pair.right), number(pair.quotes_right), f"{pair.wins}/{pair.losses}",
         f"{pair.low:+.3f} … {pair.high:+.3f}", f"{pair.p:.4f}")
        for words, pair in (("with the quotes", verdict.answers),
                            ("first sentence", verdict.openings),
                            ("instead of the quotes", verdict.prose))
    ]  # fmt: skip
    table(("model's words", "right", "quotes", "won/lost", "95 % interval", "p (McNemar)"), rows)
    out.print(
        f"{verdict.questions} questions answered, on {verdict.written} a sentence passed the check."
    )
    out.print(escape(f"{verdict.model}: {verdict_in_words(verdict)}"))


def verdict_on(model: Model, models_dir: Path) -> Verdict | None:
    """The verdict on a model of the catalogue; None without one, or without the file."""
    from chatbot.models import check_file
    from chatbot.verdicts import find_verdict

    try:
        return find_verdict(models_dir, check_file(models_dir / model.file, model))
    except ChatbotError:  # a damaged file has none; `models verify` says so
        return None


def verdict_in_words(verdict: Verdict | None) -> str:
    """What a model may write, and since when that is known."""
    if verdict is None:
        return "not measured: answers are quotes until `chatbot models qualify` has compared them"
    meaning = {
        "qualified": "its checked words are the answer",
        "leading": "its checked words come first, then the quotes",
        "quoting": "its words were not shown to do as well as the quotes, which are the answer",
    }[verdict.writing]
    return f"{verdict.writing}: {meaning} ({verdict.measured}, {verdict.questions} questions)"


@contextmanager
def _bytes_progress(name: str) -> Iterator[Any]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=err, transient=True
    ) as bar:
        task = bar.add_task(f"Pulling {name}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _known_model(name: str) -> Model:
    from chatbot.models import CATALOGUE, find

    model = find(name)
    if model is None:
        known = ", ".join(entry.name for entry in CATALOGUE)
        raise UsageError(f"There is no model {name!r} in the catalogue.", f"Known: {known}.")
    return model
