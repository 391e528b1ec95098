"""`chatbot eval`: one short function per command; translates, prints, decides nothing."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from chatbot.cli_options import (
    Docs,
    Json,
    ModelName,
    Resume,
    Storage,
    err,
    number,
    out,
    progress_bar,
    resumable,
    table,
)
from chatbot.errors import ChatbotError, DatasetError, UsageError

if TYPE_CHECKING:
    from chatbot.chatbot import Chatbot
    from chatbot.evaluation.datasets import Dataset

eval_app = typer.Typer(no_args_is_help=True, help="Measure answers: run, score, compare.")

SetName = Annotated[str, typer.Argument(metavar="SET", help="A shipped set's name, or a path.")]
OutDir = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write into.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Ask only the first N cases.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave broken lines of the set out.")]
Format = Annotated[
    str | None,
    typer.Option("--format", help="own, squad2, beir, multihop-rag, rgb, pool, contexts [found]."),
]
FailUnder = Annotated[
    list[str] | None,
    typer.Option(metavar="METRIC=VALUE", help="Exit 1 if the metric is worse; may be repeated."),
]
Seed = Annotated[int, typer.Option(help="Of the bootstrap and the permutation tests.")]


@eval_app.command()
def run(
    dataset: SetName,
    directory: OutDir,
    docs: Docs = None,
    storage: Storage = None,
    model: ModelName = None,
    limit: Limit = None,
    resume: Resume = False,
    skip_bad: SkipBad = False,
    form: Format = None,
    fail_under: FailUnder = None,
    seed: Seed = 0,
) -> None:
    """Ask every case of a set, save the answers, score them and write the reports."""
    from chatbot.evaluation.scoring import parse_limits

    limits = parse_limits(fail_under or [])
    loaded = _load(dataset, directory, form=form, skip_bad=skip_bad).first(limit)
    _run(loaded, directory, docs=docs, storage=storage, model=model, resume=resume)
    _score(directory, limits, seed)


@eval_app.command()
def score(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run.")],
    fail_under: FailUnder = None,
    seed: Seed = 0,
) -> None:
    """Score a saved run again, without the model."""
    from chatbot.evaluation.scoring import parse_limits

    _score(directory, parse_limits(fail_under or []), seed)


@eval_app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="RUN_A", help="The baseline.")],
    second: Annotated[Path, typer.Argument(metavar="RUN_B", help="What is compared with it.")],
    fail_on_regression: Annotated[
        bool, typer.Option("--fail-on-regression", help="Exit 1 if B is worse beyond chance.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """Compare two runs of the same set, case by case, and test the differences."""
    from chatbot.evaluation.compare import compare_runs
    from chatbot.evaluation.report import html_comparison, outcome

    result = compare_runs(first, second, seed=seed)
    page = second / "compare.html"
    short = first.name != second.name
    labels = (first.name, second.name) if short else (str(first), str(second))
    page.write_text(html_comparison(result, labels), encoding="utf-8")
    rows = [
        (("* " if item.metric.gate else "  ") + item.metric.name,
         f"{item.a:.3f}", f"{item.b:.3f}", f"{item.difference:+.3f}",
         "" if item.low is None else f"{item.low:+.3f} … {item.high:+.3f}",
         f"{item.wins}/{item.losses}",
         "" if item.p_adjusted is None else f"{item.p_adjusted:.4f}", item.verdict)
        for item in result.differences
    ]  # fmt: skip
    head = ("metric", "A", "B", "B - A", "95 % interval", "better/worse", "p (Holm)", "verdict")
    table(head, rows)
    for before, after in result.flips:
        change = f"{outcome(before)} → {outcome(after)}"
        out.print(escape(f"{change}  {before['case']['id']}  {before['case']['question']}"))
        for name, row in (("A", before), ("B", after)):
            out.print(escape(f"    {name}: {row['error'] or row['answer']}"))
    if result.unpaired:
        err.print(f"{result.unpaired} cases are in one run only and were left out.")
    err.print(f"{result.pairs} cases; * tested for regressions; page: {escape(str(page))}")
    if result.regressions:
        names = ", ".join(item.metric.name for item in result.regressions)
        err.print(f"[bold red]Worse beyond chance:[/] {names}")
        if fail_on_regression:
            raise typer.Exit(1)


@eval_app.command("list")
def list_all(
    folder: Annotated[Path, typer.Argument(help="Where to look for runs.")] = Path("runs"),
    as_json: Json = False,
) -> None:
    """List the shipped sets and the runs below a folder."""
    from chatbot.evaluation.datasets import load_dataset, shipped_sets
    from chatbot.evaluation.runner import find_runs

    sets = []
    for name, path in shipped_sets().items():
        loaded = load_dataset(path, skip_bad=True)
        answerable = sum(bool(case.data["answerable"]) for case in loaded.cases)
        sets.append({"name": name, "cases": len(loaded.cases), "answerable": answerable})
    runs = find_runs(folder)
    if as_json:
        sys.stdout.write(json.dumps({"sets": sets, "runs": runs}, ensure_ascii=False) + "\n")
        return
    table(("set", "cases", "answerable"), [[str(value) for value in s.values()] for s in sets])
    if runs:
        rows = [
            [r["directory"], r["dataset"], str(r["model"]), f"{r['rows']}/{r['cases']}",
             "finished" if r["finished"] else "unfinished", r["started_at"]]
            for r in runs
        ]  # fmt: skip
        table(("run", "set", "model", "cases", "state", "started"), rows)


@eval_app.command()
def matrix(
    dataset: SetName,
    directory: OutDir,
    models: Annotated[
        list[str] | None, typer.Option(metavar="NAME,…", help="Chat models; none = quotes only.")
    ] = None,
    docs: Annotated[
        list[str] | None, typer.Option(metavar="DIR,…", help="Folders of documents.")
    ] = None,
    storage: Storage = None,
    limit: Limit = None,
    resume: Resume = False,
    skip_bad: SkipBad = False,
    form: Format = None,
    seed: Seed = 0,
) -> None:
    """Run a set over several models or folders: one table, one plot of quality against seconds."""
    from chatbot.evaluation.report import HEADLINE, html_matrix

    entries: list[tuple[str, dict[str, Any]]] = []
    loaded = None
    for model in _split(models):
        for folder in _split(docs):
            label = " · ".join(Path(part).name for part in (model, folder) if part) or "default"
            # Numbered, because two paths may end alike.
            place = directory / f"{len(entries) + 1:02d}-{label.replace(' · ', '-')}"
            loaded = _load(dataset, place, form=form, skip_bad=skip_bad).first(limit)
            _run(loaded, place, docs=Path(folder) if folder else None, storage=storage,
                 model=model, resume=resume)  # fmt: skip
            entries.append((label, _score(place, {}, seed, quiet=True)))
    assert loaded is not None
    columns = [name for name in HEADLINE if entries[0][1]["metrics"][name]["scored"]]
    rows = [
        [label, *(number(scores["metrics"][name]["mean"]) for name in columns),
         number(scores["percentiles"].get("total_seconds", {}).get("p50"))]
        for label, scores in entries
    ]  # fmt: skip
    table(("run", *columns, "median s"), rows)
    page = directory / "matrix.html"
    page.write_text(html_matrix(loaded.name, entries), encoding="utf-8")
    data = json.dumps([{"run": label, "scores": scores} for label, scores in entries], indent=2)
    (directory / "matrix.json").write_text(data + "\n", encoding="utf-8")
    err.print(f"Page: {escape(str(page))}")


@eval_app.command()
def draft(
    file: Annotated[Path, typer.Option("--out", metavar="FILE.jsonl", help="File to write.")],
    docs: Docs = None,
    per_document: Annotated[int, typer.Option(min=1, help="Sentences to ask of each.")] = 3,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME|PATH", help="Words the questions [rules do]."),
    ] = None,
    feedback: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="The page's download of ratings."),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Propose cases from documents, near misses among them, for a person to review."""
    from chatbot.config import load_config
    from chatbot.evaluation.drafts import draft_cases, feedback_cases, model_writer, write_drafts
    from chatbot.models import NO_MODEL

    if file.exists():
        raise UsageError(f"{file} exists.", "Reviewed drafts are not overwritten; name a new file.")
    config = load_config(docs_dir=docs, chat_model=model)
    with model_writer(config) if model not in (None, NO_MODEL) else nullcontext() as writer:
        cases = draft_cases(config.docs_dir, per_document=per_document, seed=seed, writer=writer)
    cases += feedback_cases(feedback) if feedback else []
    write_drafts(file, cases)
    err.print(f"{len(cases)} drafts in {escape(str(file))}. Review each before it is used.")


# ---- helpers --------------------------------------------------------------------------------


def _load(name: str, directory: Path, *, form: str | None, skip_bad: bool) -> Dataset:
    """A set in our format, or a public one with its documents below the run's folder."""
    from chatbot.evaluation.adapters import adapt, detect_format
    from chatbot.evaluation.datasets import find_set, load_dataset

    path = find_set(name)
    if (form or detect_format(path)) == "own":
        loaded = load_dataset(path, skip_bad=skip_bad)
    else:
        loaded = adapt(path, directory / "temporary" / "docs", form=form, skip_bad=skip_bad)
    for bad in loaded.bad_lines:
        err.print(f"[yellow]Left out:[/] line {bad.number}: {escape(bad.problem)}")
    return loaded


def _run(
    dataset: Dataset,
    directory: Path,
    *,
    docs: Path | None,
    storage: Path | None,
    model: str | None,
    resume: bool,
) -> None:
    """Open the chatbot and ask; the documents a set brought go when the run is complete."""
    from chatbot.chatbot import Chatbot
    from chatbot.config import load_config
    from chatbot.evaluation.runner import check_new, run

    check_new(directory, resume=resume)
    temporary = directory / "temporary"
    if dataset.docs_dir is not None:
        docs, storage = docs or dataset.docs_dir, storage or temporary / "storage"
    config = load_config(docs_dir=docs, storage_dir=storage, chat_model=model)
    with progress_bar() as bar:
        reading = bar.add_task("Reading", total=None)
        opened = Chatbot.open(
            config, lambda _, done, total: bar.update(reading, completed=done, total=total)
        )
        with opened as chatbot:
            bar.remove_task(reading)
            if chatbot.model_problem is not None:
                if model is not None:
                    raise chatbot.model_problem
                err.print(f"[yellow]Answers are quotes:[/] {escape(str(chatbot.model_problem))}")
            say_that_it_only_quotes(chatbot)
            _warn_of_missing_gold(dataset, chatbot)
            task = bar.add_task("Asking", total=len(dataset.cases))
            with resumable(bar):
                run(
                    chatbot,
                    dataset,
                    directory,
                    config=config.model_dump(mode="json"),
                    documents=chatbot.index.files,
                    resume=resume,
                    progress=lambda done, _: bar.update(task, completed=done),
                )
    if temporary.exists():
        shutil.rmtree(temporary)


def say_that_it_only_quotes(chatbot: Chatbot) -> None:
    """Say so where a chat model is loaded and may not write, and how that can change."""
    if chatbot.model and chatbot.writing == "quoting" and not chatbot.config.writing:
        name = escape(chatbot.model.name)
        err.print(f"Answers are quotes: {name} is not known to do better. See: chatbot models list")


def _warn_of_missing_gold(dataset: Dataset, chatbot: Chatbot) -> None:
    """Say how many gold quotes these documents do not hold: they can then not be found."""
    from chatbot.evaluation.datasets import missing_quotes

    if dataset.docs_dir is not None:
        return

    def text_of(doc: str) -> str | None:
        with suppress(ChatbotError):
            return chatbot.document(doc).text
        return None

    missing = missing_quotes(dataset.cases, text_of)
    if missing:
        err.print(
            f"[yellow]{len(missing)} gold quotes are not in the documents,[/] "
            f"first of case {escape(missing[0][0])} in {escape(missing[0][1])}."
        )


def _score(
    directory: Path, limits: Mapping[str, float], seed: int, *, quiet: bool = False
) -> dict[str, Any]:
    """Score a folder, write its reports, print the table; exit 1 below a limit."""
    from chatbot.evaluation.report import write_reports
    from chatbot.evaluation.runner import read_rows, read_run
    from chatbot.evaluation.scoring import failed_limits, score_rows

    info, rows = read_run(directory), read_rows(directory)
    scores = score_rows(rows, seed=seed)
    write_reports(directory, info, rows, scores, limits)
    if quiet:
        return scores
    table(
        ("metric", "mean", "95 % interval", "scored", "unscored"),
        [
            (name, number(entry["mean"]),
             "" if entry["low"] is None else f"{entry['low']:.3f} … {entry['high']:.3f}",
             str(entry["scored"]), str(entry["unscored"]))
            for name, entry in scores["metrics"].items()
        ],
    )  # fmt: skip
    err.print(
        f"{scores['cases']} cases, {scores['errors']} errors; "
        f"page: {escape(str(directory / 'report.html'))}"
    )
    failures = failed_limits(scores, limits)
    for failure in failures:
        err.print(f"[bold red]Failed:[/] {escape(failure)}")
    if failures:
        raise typer.Exit(1)
    if scores["errors"] == scores["cases"]:
        first = rows[0]["error"]
        raise DatasetError(f"Every case failed, the first with: {first}", "Mend that first.")
    return scores


def _split(values: Sequence[str] | None) -> list[str | None]:
    """Options that may be repeated or hold commas; one None where nothing was given."""
    parts = [part.strip() for value in values or [] for part in value.split(",")]
    return [part for part in parts if part] or [None]
