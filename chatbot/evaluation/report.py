"""Reports that open from disk: HTML with everything inside, Markdown, and JUnit XML for CI.

The same rows and scores give the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from chatbot.evaluation import metrics, plots
from chatbot.evaluation.catalogue import METRICS, row_scores
from chatbot.evaluation.compare import Comparison
from chatbot.evaluation.metrics import Row
from chatbot.evaluation.runner import flat
from chatbot.evaluation.scoring import failed_limits

HEADLINE = (
    "right", "correct", "answered_unanswerable", "abstained_answerable", "evidence_cited",
    "citation_precision", "unsupported_items",
)  # fmt: skip
SLICED = ("right", "correct", "token_f1", "quote_hit@5", "answered_unanswerable",
          "abstained_answerable")  # fmt: skip
_CASE_SCORES = (
    "token_f1", "citation_precision", "evidence_cited", "unsupported_items", "quote_hit@5",
)  # fmt: skip
_WORST_SHOWN = 10
# XML 1.0 allows no control characters but tab and line ends; a model may write any.
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_reports(
    directory: Path,
    info: Mapping[str, Any],
    rows: Sequence[Row],
    scores: Mapping[str, Any],
    limits: Mapping[str, float] | None = None,
) -> list[Path]:
    """Write scores.json, report.html, report.md and junit.xml into a run's folder."""
    contents = {
        "scores.json": json.dumps(scores, ensure_ascii=False, indent=2) + "\n",
        "report.html": html_report(info, rows, scores),
        "report.md": markdown_report(info, rows, scores),
        "junit.xml": junit(info, rows, scores, limits or {}),
    }
    for name, text in contents.items():
        (directory / name).write_text(text, encoding="utf-8")
    return [directory / name for name in contents]


def html_report(info: Mapping[str, Any], rows: Sequence[Row], scores: Mapping[str, Any]) -> str:
    """One page: metrics, slices, plots, and every case with its gold evidence."""
    columns = row_scores(rows)
    cases = [
        {
            "row": row,
            "outcome": outcome(row),
            "category": row["case"].get("category") or "",
            "language": row["case"].get("language") or row.get("language") or "",
            "scores": [
                (name, columns[name][index])
                for name in _CASE_SCORES
                if columns[name][index] is not None
            ],
        }
        for index, row in enumerate(rows)
    ]
    filters = {
        field: sorted({str(case[field]) for case in cases if case[field]})
        for field in ("outcome", "category", "language")
    }
    page = _templates().get_template("report.html.j2")
    return page.render(
        info=info,
        scores=scores,
        metrics=METRICS,
        headline=HEADLINE,
        sliced=SLICED,
        plots=_plots(scores, columns),
        cases=cases,
        filters=filters,
        settings=sorted(flat(info).items()),
    )


def _plots(scores: Mapping[str, Any], columns: Mapping[str, Any]) -> list[tuple[Markup, str]]:
    drawn = []
    if scores["risk_coverage"]:
        svg = plots.line(
            scores["risk_coverage"], x_label="coverage", y_label="risk", title="Risk and coverage"
        )
        drawn.append((svg, "Share of wrong answers if only the surest were given."))
    if scores["reliability"]:
        points = [(b["stated"], b["observed"], b["cases"]) for b in scores["reliability"]]
        svg = plots.diagonal(
            points, x_label="stated probability", y_label="share answerable", title="Reliability"
        )
        drawn.append((svg, "Stated probability that the documents answer, against how often so."))
    seconds = [value for value in columns["total_seconds"] if value is not None]
    if seconds:
        svg = plots.histogram(seconds, x_label="seconds", title="Seconds to the complete answer")
        drawn.append((svg, "Seconds to the complete answer."))
    # Our own SVG, its labels escaped.
    return [(Markup(svg), caption) for svg, caption in drawn]


def outcome(row: Row) -> str:
    """A case in one word: error, right, wrong or unscored."""
    if row.get("error") is not None:
        return "error"
    score = metrics.right(row)
    return "unscored" if score is None else "right" if score == 1 else "wrong"


def markdown_report(info: Mapping[str, Any], rows: Sequence[Row], scores: Mapping[str, Any]) -> str:
    """The tables and the first wrong cases as Markdown."""
    lines = [
        f"# Evaluation of {info['dataset']['name']}",
        "",
        f"{scores['cases']} cases, {scores['errors']} errors. "
        f"Model: {info['chatbot'].get('model')}. Started {info['started_at']}, "
        f"{'finished' if info['finished'] else 'not finished'}.",
        "",
        "| metric | mean | 95 % interval | scored | unscored | better |",
        "|---|---|---|---|---|---|",
    ]
    for name, entry in scores["metrics"].items():
        lines.append(
            f"| {name} | {_figure(entry['mean'], name)} | {_interval(entry, name)} "
            f"| {entry['scored']} | {entry['unscored']} | {METRICS[name].better} |"
        )
    for field, values in scores["slices"].items():
        if values:
            lines += ["", f"## By {field}", "", f"| {field} | cases | {' | '.join(SLICED)} |"]
            lines.append("|---" * (len(SLICED) + 2) + "|")
        for value, part in values.items():
            figures = (_figure(part["metrics"][name]["mean"], name) for name in SLICED)
            lines.append(f"| {_cell(value)} | {part['cases']} | {' | '.join(figures)} |")
    if scores["percentiles"]:
        lines += ["", "## Cost", "", "| | median | 95th percentile |", "|---|---|---|"]
    for name, entry in scores["percentiles"].items():
        lines.append(f"| {name} | {_figure(entry['p50'], name)} | {_figure(entry['p95'], name)} |")
    failed = [row for row in rows if outcome(row) in ("wrong", "error")]
    lines += ["", f"## Wrong or failed ({len(failed)}, the first {_WORST_SHOWN} shown)", ""]
    for row in failed[:_WORST_SHOWN]:
        lines += [
            f"- **{_cell(row['case']['question'])}** ({row['case']['id']})",
            f"  - got: {_cell(row['error'] if row['error'] is not None else row['answer'])}",
            f"  - gold: {_cell('; '.join(row['case']['answers']) or 'not in the documents')}",
        ]
    return "\n".join(lines) + "\n"


def junit(
    info: Mapping[str, Any],
    rows: Sequence[Row],
    scores: Mapping[str, Any],
    limits: Mapping[str, float],
) -> str:
    """JUnit XML: a suite of the limits, and a suite with a test for each case."""
    root = ElementTree.Element("testsuites", name=_xml(info["dataset"]["name"]))
    failures = failed_limits(scores, limits)
    suite = _suite(root, "limits", len(limits), len(failures), 0, 0, 0.0)
    for name in limits:
        test = ElementTree.SubElement(suite, "testcase", name=name, classname="limits", time="0")
        for failure in failures:
            if failure.split()[0] == name:
                ElementTree.SubElement(test, "failure", message=failure)
    outcomes = [outcome(row) for row in rows]
    suite = _suite(
        root, "cases", len(rows), outcomes.count("wrong"), outcomes.count("error"),
        outcomes.count("unscored"), sum(row.get("wall_seconds", 0.0) for row in rows),
    )  # fmt: skip
    for row, result in zip(rows, outcomes, strict=True):
        test = ElementTree.SubElement(
            suite,
            "testcase",
            name=_xml(row["case"]["id"]),
            classname=_xml(f"cases.{row['case'].get('category') or 'all'}"),
            time=f"{row.get('wall_seconds', 0.0):.3f}",
        )
        if result == "wrong":
            failed = ElementTree.SubElement(test, "failure", message=_xml(row["case"]["question"]))
            failed.text = _xml(f"{row['answer']}\n\nGold: {'; '.join(row['case']['answers'])}")
        elif result == "error":
            ElementTree.SubElement(test, "error", message=_xml(row["error"]))
        elif result == "unscored":
            ElementTree.SubElement(test, "skipped", message="nothing to score it by")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(
    root: ElementTree.Element,
    name: str,
    tests: int,
    failures: int,
    errors: int,
    skipped: int,
    seconds: float,
) -> ElementTree.Element:
    counts = {"tests": tests, "failures": failures, "errors": errors, "skipped": skipped}
    return ElementTree.SubElement(
        root,
        "testsuite",
        {key: str(count) for key, count in counts.items()},
        name=name,
        time=f"{seconds:.3f}",
    )


def html_comparison(result: Comparison, names: tuple[str, str]) -> str:
    """One page: what differs, how surely, and the cases that flipped in full."""
    flips = []
    for before, after in result.flips:
        flips.append(
            {
                "rows": (before, after),
                "before": outcome(before),
                "after": outcome(after),
                "gained": outcome(after) == "right",
            }
        )
    page = _templates().get_template("compare.html.j2")
    return page.render(result=result, names=names, flips=flips)


def html_matrix(dataset: str, entries: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """One page: a table and a plot of quality against seconds, of (label, scores)."""
    points = []
    for label, scores in entries:
        quality, seconds = scores["metrics"]["right"], scores["percentiles"].get("total_seconds")
        if quality["mean"] is not None and seconds:
            low = quality["mean"] if quality["low"] is None else quality["low"]
            high = quality["mean"] if quality["high"] is None else quality["high"]
            points.append((label, seconds["p50"], quality["mean"], low, high))
    plot = plots.scatter(
        points, x_label="median seconds", y_label="right", title="Quality against seconds"
    )
    page = _templates().get_template("matrix.html.j2")
    return page.render(
        dataset=dataset,
        cases=entries[0][1]["cases"],
        entries=entries,
        columns=HEADLINE,
        plot=Markup(plot),
    )


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": _figure,
        "interval": _interval,
        "signed": lambda value, name: ("+" if value > 0 else "") + _figure(value, name),
        "words": lambda name: name.replace("_", " "),
        "moment": lambda moment: moment[:16].replace("T", " ") + " UTC",
    }
    return environment


def _figure(value: float | None, name: str) -> str:
    """A value in its metric's unit; a dash where there is none."""
    if value is None:
        return "–"
    unit = METRICS[name].unit
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    return f"{value:.0f}" if unit == "tokens" else f"{value:.3f}"


def _interval(entry: Mapping[str, Any], name: str) -> str:
    if entry["low"] is None:
        return ""
    return f"{_figure(entry['low'], name)} … {_figure(entry['high'], name)}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
