"""`chatbot models qualify`, and what is said of verdicts; translates, prints, decides nothing."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from chatbot.cli_eval import AsJson, Resume, number, out, progress_bar, resumable, table
from chatbot.errors import ChatbotError

if TYPE_CHECKING:
    from chatbot.models import Model
    from chatbot.verdicts import Verdict


def qualify_model(
    name: Annotated[str | None, typer.Argument(help="Name or GGUF; the default if none.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Ask N questions [160, ten minutes by default].")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Ask all it can be asked.")] = False,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """Measure a chat model's checked words against the quotes, and keep what it may write."""
    from chatbot.chatbot import Chatbot
    from chatbot.config import PROJECT_ROOT, load_config
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
