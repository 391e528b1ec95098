"""How well the check of drafts and the abstention tell right from wrong on public sets.

    make bench-trust BENCH=path/to/sets

Support: AUROC of the check between claims that their evidence supports and others (WiCE, Kamoi et
al. 2023; BEGIN, Dziri et al. 2022), against the share of the claim's words that the evidence holds.
The check itself says yes or no; claims are ranked by what it measures.
Abstention: AUROC of the probability that a question is answered, against the highest BM25 score of
a passage in the same run. No set has written questions, so only the `_plain` models speak, as for a
user's own documents. Nothing is fitted here. Sets are indexed once and kept under --work.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from public_sets import QUESTIONS, PublicSet
from retrieval import show

from chatbot.chatbot import THRESHOLD
from chatbot.config import load_config
from chatbot.embedding import Embedder
from chatbot.evaluation.setwide import roc_area
from chatbot.grounding import check, unsupported_items
from chatbot.language import words

CLAIMS = ("wice_test/claims_oracle.jsonl", "begin_wow/begin_wow.jsonl")
_SUPPORTED = {"supported", "fully attributable"}


def shared_words(claim: str, sources: Sequence[str]) -> float:
    """Share of the claim's words that the sources hold: the baseline."""
    held = {word for source in sources for word in words(source)}
    said = words(claim)
    return sum(word in held for word in said) / max(1, len(said))


def support(claim: str, sources: Sequence[str]) -> float:
    """What the check measures, as one number to rank by.

    The content that the sources hold, less a tenth for each figure, date or name that they do not,
    and half of the share of all words: who repeats a source keeps its little words too.
    """
    around = " ".join(sources)
    missing = unsupported_items(claim, sources, context=around)
    content = check(claim, sources, context=around).content
    return content - 0.1 * len(missing) + 0.5 * shared_words(claim, sources)


def claims(path: Path) -> Iterator[tuple[str, list[str], bool]]:
    """Claim, its source sentences, and whether they support it."""
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        sources = [
            sentence
            for context in row["contexts"]
            for sentence in context.get("sentences") or re.split(r"(?<=[.!?])\s+", context["text"])
        ]
        label = row["labels"].get("label") or row["labels"]["begin"]
        yield row["response"], sources, label.lower() in _SUPPORTED


def support_row(path: Path) -> tuple[str, ...]:
    """One row of the table of support."""
    found = list(claims(path))
    labels = np.array([supported for *_, supported in found])
    ours = roc_area(np.array([support(claim, sources) for claim, sources, _ in found]), labels)
    plain = roc_area(
        np.array([shared_words(claim, sources) for claim, sources, _ in found]), labels
    )
    return f"{path.parent.name} ({len(found)})", f"{plain:.3f}", f"{ours:.3f}"


def abstention_row(path: Path, work: Path, embedder: Embedder) -> tuple[str, ...]:
    """One row of the table of abstention."""
    asked = list(PublicSet(path, work, embedder).asked())
    gate = np.array([one.keywords for one in asked])
    probability = np.array([one.probability for one in asked])
    yes = np.array([one.answerable for one in asked])
    answered = probability >= THRESHOLD
    return (
        f"{path.stem} ({yes.sum()} answerable, {(~yes).sum()} not)",
        f"{roc_area(gate, yes):.3f}",
        f"{roc_area(probability, yes):.3f}",
        f"{answered[~yes].mean():.3f}",
        f"{(~answered[yes]).mean():.3f}",
    )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bench", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--work", type=Path, default=PublicSet.WORK)
    parser.add_argument("--sets", nargs="*", default=[*CLAIMS, *QUESTIONS], help="some of them")
    arguments = parser.parse_args()
    paths = {name: arguments.bench / name for name in arguments.sets}
    rows = [support_row(path) for name, path in paths.items() if name in CLAIMS and path.exists()]
    if rows:
        show("Support, AUROC", ("set", "shared words", "ours"), rows)
    embedder = Embedder(load_config().models_dir)
    table = []
    for name, path in paths.items():
        if name not in CLAIMS and path.exists():
            table.append(abstention_row(path, arguments.work, embedder))
            header = ("set", "BM25 AUROC", "ours", "wrongly answered", "wrongly refused")
            show("Abstention", header, table)


if __name__ == "__main__":
    main()
