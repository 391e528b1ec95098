"""How many answers are right: as shipped, with drafts leading, and LlamaIndex's quickstart.

    make bench-answers

Each question of the own test split goes to all three in turn, with the same GGUF and the same
embedder, and is judged by the evaluation's own `correct`. The quickstart knows no conversation: it
is asked the rewritten question that ours searches for. Drafts and quotes are compared case by case
by McNemar's test. Ctrl-C ends the run with the table so far.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common import Bench
from retrieval import query_text, show

from chatbot.evaluation.compare import compare_rows
from chatbot.evaluation.datasets import find_set, load_dataset
from chatbot.evaluation.metrics import correct
from chatbot.evaluation.runner import ask_case

SYSTEMS = ("as shipped", "drafts leading", "quickstart")


def main() -> None:
    """Ask all, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--split", default="llama-test")
    parser.add_argument("--every", type=int, default=1, help="ask every n-th question only")
    arguments = parser.parse_args()
    cases = load_dataset(find_set(arguments.split)).cases[:: arguments.every]
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SYSTEMS}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        quickstart = bench.quickstart_of(None)
        try:
            for number, case in enumerate(cases):
                print(f"\r{number} of {len(cases)}", end="", file=sys.stderr, flush=True)
                shipped, leading = ask_case(bench.shipped, case), ask_case(bench.drafting, case)
                said = quickstart.ask(query_text(case.question, case.history))
                other = {"case": dict(case.data), "error": None, "abstained": False}
                other |= {"answer": said.text, "wall_seconds": said.whole}
                for name, row in zip(SYSTEMS, (shipped, leading, other), strict=True):
                    rows[name].append(row)
        except KeyboardInterrupt:
            print("\nended early", file=sys.stderr)
        bench.close()
    header = ("system", "right of answerable", "answered of the others", "words", "seconds")
    show(
        f"{arguments.split}, {len(rows['quickstart'])} questions",
        header,
        list(map(_row, rows.items())),
    )
    differences = compare_rows(rows["as shipped"], rows["drafts leading"])
    found = next(item for item in differences if item.metric.name == "correct")
    print(
        f"\ndrafts leading against as shipped: {found.wins} won, {found.losses} lost, "
        f"{found.test} p {found.p:.3f}"
    )


def _row(item: tuple[str, Sequence[Mapping[str, Any]]]) -> tuple[str, ...]:
    name, rows = item
    right = [score for row in rows if (score := correct(row)) is not None]
    others = [not row["abstained"] for row in rows if not row["case"]["answerable"]]
    words = [len(row["answer"].split()) for row in rows if not row["abstained"]]
    return (
        name,
        f"{statistics.fmean(right):.3f} ({len(right)})",
        f"{statistics.fmean(others):.3f} ({len(others)})",
        f"{statistics.median(words):.0f}",
        f"{statistics.median(row['wall_seconds'] for row in rows):.2f}",
    )


if __name__ == "__main__":
    main()
