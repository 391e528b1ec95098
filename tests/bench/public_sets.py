"""Public questions with what our search finds for them: some are answered there, some are not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from common import ROOT
from retrieval import embedding_progress, query_text

from chatbot.config import load_config
from chatbot.embedding import Embedder
from chatbot.evaluation.adapters import adapt, file_stem
from chatbot.evidence import answer_probability, answerable_features, find_evidence
from chatbot.index import open_index
from chatbot.lexicon import question_stems
from chatbot.questions import read_question
from chatbot.retrieval import Searcher

QUESTIONS = ("clapnq_dev/clapnq_dev.jsonl", "squad2_dev_half", "mtrag_un", "nomiracl_fr")
"""Sets in which some questions have no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is said of one question of a set."""

    answerable: bool
    probability: float
    """That it is answered, by our model."""
    keywords: float
    """The highest BM25 score of a passage, the baseline."""
    features: Mapping[str, float]
    """What the probability stands on; empty if nothing was found."""


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
                features=answerable_features(question, evidence, self.searcher, hits)
                if evidence
                else {},
            )

    def _keywords(self, text: str, own: Sequence[str] | None) -> float:
        scores = self.searcher.keywords.scores(question_stems(text))
        if own:
            docs = [passage.doc for passage in self.searcher.index.passages]
            scores = scores[np.isin(docs, own)]
        return float(scores.max(initial=0.0))


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
