"""The command line: one short function per command; translates, prints, decides nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from chatbot.cli_documents import documents_app, indexing_progress, print_report
from chatbot.cli_eval import eval_app, say_that_it_only_quotes
from chatbot.cli_models import models_app
from chatbot.cli_options import Docs, Json, ModelName, Storage, err, out
from chatbot.config import Config, load_config
from chatbot.errors import ChatbotError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatbot.chatbot import Chatbot
    from chatbot.records import Answer, Turn

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Answers questions about Meta's Llama program from documents: cited, dated, checked.",
)
app.add_typer(models_app, name="models")
app.add_typer(documents_app, name="documents")
app.add_typer(eval_app, name="eval")

Day = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Answer as of this day, YYYY-MM-DD.")
]


def main() -> None:
    """Run a command; every failure that a user can mend is one clear line and the remedy."""
    # Chroma and gradio ask these when they are imported; nothing here may call out.
    os.environ["ANONYMIZED_TELEMETRY"] = "False"
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    for name in ("TIKTOKEN_CACHE_DIR", "NLTK_DATA"):
        os.environ.pop(name, None)
    try:
        app()
    except ChatbotError as error:
        err.print(f"[bold red]Error:[/] {escape(error.message)}")
        if error.remedy:
            err.print(escape(error.remedy))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print("Stopped.")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


@app.command()
def ingest(docs: Docs = None, storage: Storage = None, as_json: Json = False) -> None:
    """Bring the index up to date with the documents; says what changed."""
    from chatbot.chatbot import open_documents
    from chatbot.embedding import Embedder

    config = load_config(docs_dir=docs, storage_dir=storage)
    with indexing_progress() as progress:
        _, _, report = open_documents(config, Embedder(config.models_dir), progress)
    print_report(report, as_json)
    if report.failed:
        raise typer.Exit(1)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in English or French.")],
    docs: Docs = None,
    storage: Storage = None,
    model: ModelName = None,
    history: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help='Conversation so far: [{"role", "content"}].'),
    ] = None,
    as_of: Day = None,
    as_json: Json = False,
) -> None:
    """Answer one question from the documents."""
    turns = _read_history(history) if history else ()
    day = _parse_day(as_of)
    if not question.strip():
        raise UsageError("The question is empty.", 'Ask in words: chatbot ask "What is Llama 4?"')
    config = load_config(docs_dir=docs, storage_dir=storage, chat_model=model)
    with _open(config, required=model is not None) as chatbot:
        if as_json:
            answer = chatbot.answer(question, turns, as_of=day)
            sys.stdout.write(json.dumps(answer.to_json(), ensure_ascii=False) + "\n")
        else:
            _stream(chatbot, question, turns, day)


@app.command()
def chat(docs: Docs = None, storage: Storage = None, model: ModelName = None) -> None:
    """Talk in the terminal; /sources shows the passages, /new starts over, /quit ends."""
    from chatbot.records import Turn

    config = load_config(docs_dir=docs, storage_dir=storage, chat_model=model)
    with _open(config, required=model is not None) as chatbot:
        out.print(f"{len(chatbot.index.files)} documents. /sources, /new, /quit")
        turns: list[Turn] = []
        last: Answer | None = None
        while True:
            try:
                question = input("\n> ").strip()
            except EOFError:
                return
            if question in ("/quit", "/exit", "/q"):
                return
            if question == "/new":
                turns, last = [], None
            elif question == "/sources":
                for found in last.passages if last else ():
                    out.print(
                        f"[bold]{escape(found.passage.title)}[/] {escape(found.passage.text)}\n"
                    )
            elif question.startswith("/"):
                out.print("Commands: /sources, /new, /quit")
            elif question:
                try:
                    last = _stream(chatbot, question, turns, None)
                except ChatbotError as error:
                    err.print(escape(str(error)))
                    continue
                turns += [
                    Turn(role="user", content=question),
                    Turn(role="assistant", content=last.answer),
                ]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [7860].")] = None,
    docs: Docs = None,
    storage: Storage = None,
    model: ModelName = None,
) -> None:
    """Serve the page on this machine."""
    from chatbot.web.server import check_port, serve_page

    config = load_config(docs_dir=docs, storage_dir=storage, chat_model=model, host=host, port=port)
    check_port(config.host, config.port)
    with _open(config, required=model is not None) as chatbot:
        serve_page(chatbot, announce=lambda line: err.print(escape(line)))


# ---- helpers --------------------------------------------------------------------------------


@contextmanager
def _open(config: Config, *, required: bool) -> Iterator[Chatbot]:
    """Open the chatbot, with progress; a chat model that was named must be usable."""
    from chatbot.chatbot import Chatbot

    with indexing_progress() as progress:
        chatbot = Chatbot.open(config, progress)
    try:
        for doc, reason in chatbot.report.failed:
            err.print(f"[yellow]Left out:[/] {escape(doc)}: {escape(reason)}")
        if chatbot.model_problem:
            if required:
                raise chatbot.model_problem
            err.print(f"[yellow]Answers are quotes only:[/] {escape(str(chatbot.model_problem))}")
        if required:
            say_that_it_only_quotes(chatbot)
        yield chatbot
    finally:
        chatbot.close()


def _stream(chatbot: Chatbot, question: str, turns: Sequence[Turn], day: date | None) -> Answer:
    """Print an answer as it comes: the model's draft dimmed on a terminal, then what stands."""
    from chatbot.records import Answer, Draft, Understood

    live = out.is_terminal
    drafted = False
    for event in chatbot.ask(question, turns, as_of=day):
        if isinstance(event, Understood) and event.query != question.strip():
            out.print(f"[dim]Searched for: {escape(event.query)}[/]")
        elif isinstance(event, Draft) and live:
            drafted = True
            out.print(f"[dim]{escape(event.text)}[/]", end="")
        elif isinstance(event, Answer):
            if drafted:
                out.print("\n")
            _print_answer(event)
            return event
    raise AssertionError("ask() ended without an Answer")


def _print_answer(answer: Answer) -> None:
    for sentence in answer.sentences:
        marks = "".join(f"[{number}]" for number in sentence.citations)
        out.print(escape(f"{sentence.text} {marks}".rstrip()))
    if answer.as_of:
        out.print(f"[dim]As of {answer.as_of.isoformat()}[/]")
    for value in answer.other_values:
        out.print(
            f"[dim]{_iso(value.as_of) or '?'}: {escape(value.value)} ({escape(value.doc)})[/]"
        )
    if answer.citations:
        out.print()
    for citation in answer.citations:
        day = f", {citation.published.isoformat()}" if citation.published else ""
        where = f"{escape(citation.title)}{day} [dim]{escape(citation.doc)}[/]"
        out.print(f"[bold]\\[{citation.number}][/] {where}")
        out.print(f"    {escape(citation.text)}")
    if answer.abstained and answer.passages and not answer.citations:
        out.print("\n[dim]Nearest passages:[/]")
        for found in answer.passages[:3]:
            text = found.passage.text[:160].replace("\n", " ")
            out.print(f"[dim]  {escape(found.passage.title)}: {escape(text)}…[/]")


def _read_history(path: Path) -> tuple[Turn, ...]:
    from chatbot.records import Turn

    remedy = 'It holds a list: [{"role": "user", "content": "…"}, {"role": "assistant", …}].'
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        turns = tuple(Turn(role=row["role"], content=str(row["content"])) for row in rows)
    except FileNotFoundError:
        raise UsageError(f"The history file {path} does not exist.", remedy) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"The history file {path} cannot be read.", remedy) from None
    if any(turn.role not in ("user", "assistant") for turn in turns):
        raise UsageError(f"The history file {path} holds an unknown role.", remedy)
    return turns


def _parse_day(value: str | None) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise UsageError(f"{value!r} is not a day.", "Write it like --as-of 2025-04-29.") from None


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


if __name__ == "__main__":
    main()
