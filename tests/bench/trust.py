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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from common import ROOT
from retrieval import embedding_progress, query_text, show

from chatbot.chatbot import THRESHOLD
from chatbot.config import load_config
from chatbot.embedding import Embedder
from chatbot.evaluation.adapters import adapt, file_stem
from chatbot.evaluation.setwide import roc_area
from chatbot.evidence import answer_probability, find_evidence
from chatbot.grounding import check, unsupported_items
from chatbot.index import open_index
from chatbot.language import words
from chatbot.lexicon import question_stems
from chatbot.questions import read_question
from chatbot.retrieval import Searcher

CLAIMS = ("wice_test/claims_oracle.jsonl", "begin_wow/begin_wow.jsonl")
QUESTIONS = ("clapnq_dev/clapnq_dev.jsonl", "squad2_dev_half", "mtrag_un", "nomiracl_fr")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is said of one question of a set."""

    answerable: bool
    probability: float
    """That it is answered, by our model."""
    keywords: float
    """The highest BM25 score of a passage, the baseline."""


class PublicSet:
    """The questions of a public set and an index of its documents."""

    WORK = ROOT / "runs" / "bench-retrieval"
    MOST = 1_200
    """Questions that are asked of a set; of a larger one every second, third, ..."""

    def __init__(self, path: Path, work: Path, embedder: Embedder) -> None:
        """Index the documents, once."""
        docs = work / path.stem / "docs"
        cases = adapt(path, docs).cases
        self.cases = [case for case in cases if case.data["answerable"] is not None]
        self.cases = self.cases[:: -(-len(self.cases) // self.MOST)]
        files = list(docs.rglob("*.txt"))
        self.own = own_passages(path, [str(file.relative_to(docs)) for file in files])
        if self.own:  # the pool holds passages that none of these questions is asked of
            asked = {name for case in self.cases for name in self.own[case.id]}
            for file in files:
                if str(file.relative_to(docs)) not in asked:
                    file.unlink()
        self._config = load_config(chat_model="none", docs_dir=docs, storage_dir=work / "storage")
        index, _ = open_index(self._config, embedder, embedding_progress)
        self.searcher = Searcher(index, embedder)

    def asked(self) -> Iterator[Asked]:
        """Each question with its evidence, from its own passages where the set gives them."""
        for case in self.cases:
            text = query_text(case.question, case.history)
            hits = self.searcher.search(text)
            found = self.searcher.best(hits, self._config.passages, self.own.get(case.id))
            question = read_question(text, today=date.today())
            evidence = find_evidence(question, self.searcher, hits, found)
            yield Asked(
                answerable=case.data["answerable"],
                probability=answer_probability(question, evidence, self.searcher, hits),
                keywords=self._keywords(text, self.own.get(case.id)),
            )

    def _keywords(self, text: str, own: Sequence[str] | None) -> float:
        scores = self.searcher.keywords.scores(question_stems(text))
        if own:
            docs = [passage.doc for passage in self.searcher.index.passages]
            scores = scores[np.isin(docs, own)]
        return float(scores.max(initial=0.0))


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


def own_passages(path: Path, names: Iterable[str]) -> dict[str, list[str]]:
    """Documents that each question may be answered from: NoMIRACL gives ten to each."""
    if path.name != "nomiracl_fr":
        return {}
    named = {Path(name).stem: name for name in names}
    lines = (path / "queries.jsonl").read_text("utf-8").splitlines()
    return {
        row["id"]: [named[file_stem(identifier)] for identifier in row["context_ids"]]
        for row in map(json.loads, lines)
    }


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
