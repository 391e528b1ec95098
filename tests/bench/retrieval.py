"""What our search finds, against BM25 only, dense only and reciprocal rank fusion in the same run.

    make bench-retrieval                      # own test split, bad input, scale
    make bench-retrieval BENCH=path/to/sets   # and the public sets that are found in that folder

Baselines use the same index, embedder, stems and questions as we do: BM25 without our dictionary,
the cosine of passage vectors alone, and plain reciprocal rank fusion of the two (k = 60, Cormack
et al. 2009). Nothing is fitted here. Public sets are indexed once and kept under --work.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import ir_measures
import numpy as np
from common import ROOT
from ir_measures import nDCG
from numpy.typing import NDArray

from chatbot.chatbot import open_documents
from chatbot.config import Config, load_config
from chatbot.conversation import standalone
from chatbot.embedding import Embedder
from chatbot.evaluation.adapters import adapt
from chatbot.evaluation.datasets import Case, find_set, load_dataset
from chatbot.evidence import find_evidence
from chatbot.index import Index, open_index
from chatbot.language import fold
from chatbot.lexicon import question_stems
from chatbot.questions import normalise, read_question
from chatbot.records import Turn
from chatbot.retrieval import Hits, KeywordIndex, Searcher

Scores = NDArray[np.float32]
SYSTEMS = ("BM25", "dense", "RRF", "ours")


@dataclass(frozen=True, slots=True)
class Query:
    """One question of a public set and the documents that answer it."""

    id: str
    text: str
    documents: frozenset[str]


def reciprocal_ranks(*scores: Scores) -> Scores:
    """Plain reciprocal rank fusion, k = 60."""
    fused = np.zeros(len(scores[0]), dtype=np.float32)
    for column in scores:
        ranks = np.empty(len(column))
        ranks[np.argsort(-column, kind="stable")] = np.arange(len(column))
        fused += (1 / (61 + ranks)).astype(np.float32)
    return fused


def rankings(searcher: Searcher, text: str) -> tuple[Hits, dict[str, Scores]]:
    """Passage scores of each system for one question."""
    hits = searcher.search(text)
    words = searcher.keywords.scores(question_stems(text))
    return hits, {
        "BM25": words,
        "dense": hits.similarity,
        "RRF": reciprocal_ranks(words, hits.similarity),
        "ours": hits.fused,
    }


def best_documents(index: Index, scores: Scores, count: int) -> list[tuple[str, float]]:
    """Documents by their best passage, best first."""
    best: dict[str, float] = {}
    for row in np.argsort(-scores, kind="stable")[: count * 5]:
        best.setdefault(index.passages[row].doc, float(scores[row]))
    return list(best.items())[:count]


def documents_table(searcher: Searcher, queries: Sequence[Query]) -> dict[str, dict[str, float]]:
    """nDCG@10 and hit@5 of the documents, per system."""
    found: dict[str, list[ir_measures.ScoredDoc]] = {name: [] for name in SYSTEMS}
    hits_at_5: dict[str, list[bool]] = {name: [] for name in SYSTEMS}
    for query in queries:
        _, columns = rankings(searcher, query.text)
        for name, scores in columns.items():
            best = best_documents(searcher.index, scores, 10)
            # Ties are ordered as the system ordered them, not by document name.
            found[name] += [
                ir_measures.ScoredDoc(query.id, doc, -rank) for rank, (doc, _) in enumerate(best)
            ]
            hits_at_5[name].append(any(doc in query.documents for doc, _ in best[:5]))
    gold = [ir_measures.Qrel(q.id, doc, 1) for q in queries for doc in q.documents]
    return {
        name: {
            "nDCG@10": 100 * float(ir_measures.calc_aggregate([nDCG @ 10], gold, rows)[nDCG @ 10]),
            "hit@5": 100 * statistics.fmean(hits_at_5[name]),
        }
        for name, rows in found.items()
    }


# ---- the own test split ---------------------------------------------------------------------


def plain(text: str) -> str:
    """Case, accents, marks and spaces folded, as quotes of the set are compared."""
    return " ".join(fold(text).replace("*", "").replace("`", "").split())


def holds(sentence: str, doc: str, case: Case) -> bool:
    """The sentence is one of the case's gold quotes, or contains it, or is a good part of it."""
    said = plain(sentence)
    for gold in case.data["evidence"]:
        quote = plain(gold["quote"])
        if gold["doc"] == doc and (quote in said or (said in quote and len(said) > 15)):
            return True
    return False


def own_table(searcher: Searcher, cases: Sequence[Case], config: Config) -> list[tuple[str, ...]]:
    """Evidence sentence among the first five, and its document among the first three."""
    index = searcher.index
    sentences = [(p.doc, s.text) for p in index.passages for s in p.sentences]
    counts = np.diff(index.first_sentence)
    words = KeywordIndex([question_stems(text) for _, text in sentences])
    kinds: dict[str, list[Case]] = {"all answerable": [c for c in cases if c.data["answerable"]]}
    for name in ("fr_to_en", "en_to_fr", "french", "dated", "follow_up", "multi_document"):
        kinds[name] = [c for c in cases if c.data["answerable"] and c.data["category"] == name]
    recall: dict[tuple[str, str], list[bool]] = {}
    documents: dict[tuple[str, str], list[bool]] = {}
    for case in kinds["all answerable"]:
        text = query_text(case.question, case.history)
        hits, columns = rankings(searcher, text)
        by_words = words.scores(question_stems(text))
        question = searcher.embedder.questions([text])[0]
        by_meaning = index.sentence_vectors @ question
        ranked = {
            "BM25": best_sentences(by_words, sentences),
            "dense": best_sentences(by_meaning, sentences),
            "RRF": best_sentences(reciprocal_ranks(by_words, by_meaning), sentences),
            "ours": [
                (item.passage.doc, item.sentence.text)
                for item in find_evidence(
                    read_question(text, today=date.today()),
                    searcher,
                    hits,
                    searcher.best(hits, config.passages),
                )[:5]
            ],
        }
        gold_documents = {gold["doc"] for gold in case.data["evidence"]}
        for kind, members in kinds.items():
            if case not in members:
                continue
            for name in SYSTEMS:
                found = any(holds(text, doc, case) for doc, text in ranked[name])
                recall.setdefault((kind, name), []).append(found)
                first = {doc for doc, _ in best_documents(index, columns[name], 3)}
                documents.setdefault((kind, name), []).append(bool(first & gold_documents))
    assert len(sentences) == counts.sum()
    rows = []
    for kind, members in kinds.items():
        for label, table in (("evidence sentence @5", recall), ("its document @3", documents)):
            shares = [f"{statistics.fmean(table[kind, name]):.3f}" for name in SYSTEMS]
            rows.append((f"own test, {kind} ({len(members)})", label, *shares))
    return rows


def best_sentences(scores: Scores, sentences: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The five best sentences of a baseline."""
    return [sentences[row] for row in np.argsort(-scores, kind="stable")[:5]]


def query_text(question: str, history: Sequence[Turn]) -> str:
    """The question as the program would search for it."""
    return standalone(normalise(question), history)


# ---- public sets ----------------------------------------------------------------------------


def public_sets(folder: Path, work: Path) -> Iterable[tuple[str, Path, list[Query]]]:
    """Name, docs folder and queries of each public set that is there."""
    for name in ("xquad_en_es_de", "piaf_fr", "mtrag_un", "multihop_rag_500"):
        path = folder / name
        if not path.exists():
            print(f"{name}: not in {folder}, left out", file=sys.stderr)
            continue
        source = path / "questions.en.jsonl" if name.startswith("xquad") else path
        dataset = adapt(source, work / name / "docs")
        gold = {
            case.id: frozenset(item["doc"] for item in case.data["evidence"])
            for case in dataset.cases
            if case.data["answerable"] and case.data.get("evidence")
        }
        docs = work / name / "docs"
        yield (
            name,
            docs,
            [
                Query(case.id, query_text(case.question, case.history), gold[case.id])
                for case in dataset.cases
                if case.id in gold
            ],
        )
        if name.startswith("xquad"):
            for language in ("es", "de"):
                lines = (path / f"questions.{language}.jsonl").read_text("utf-8").splitlines()
                rows = [json.loads(line) for line in lines]
                yield (
                    f"{name}, {language} questions on English",
                    docs,
                    [
                        Query(row["id"], row["question"], gold[row["id"]])
                        for row in rows
                        if row["id"] in gold
                    ],
                )


# ---- latency and scale ----------------------------------------------------------------------


def enlarged(index: Index, passages: int) -> Index:
    """An index of that many passages: ours again and again, each vector turned a little.

    Only the arithmetic of a large index is measured with it, not what it would find.
    """
    times = -(-passages // len(index.passages))
    draw = np.random.default_rng(0)

    def turned(vectors: Scores, rows: int) -> Scores:
        many = np.tile(vectors, (times, 1))[:rows]
        many += draw.normal(scale=0.02, size=many.shape).astype(np.float32)
        unit: Scores = many / np.linalg.norm(many, axis=1, keepdims=True)
        return unit

    from scipy.sparse import vstack

    counts = np.tile(np.diff(index.first_sentence), times)[:passages]
    sentences = int(counts.sum())
    repeated = [
        replace(passage, id=f"{passage.id}-{turn}", doc=f"{turn}/{passage.doc}")
        for turn in range(times)
        for passage in index.passages
    ]
    return replace(
        index,
        passages=tuple(repeated[:passages]),
        vectors=turned(index.vectors, passages),
        sentence_vectors=turned(index.sentence_vectors, sentences),
        latent=vstack([index.latent] * times, format="csr")[:sentences],
        first_sentence=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
    )


def timed(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)


def latency(searcher: Searcher, questions: Sequence[str], passages: int) -> tuple[str, ...]:
    """p50 and p95 of the embedding alone and of the whole retrieval with evidence, interleaved."""

    def retrieve(text: str) -> None:
        hits = searcher.search(text)
        found = searcher.best(hits, passages)
        find_evidence(read_question(text, today=date.today()), searcher, hits, found)

    for text in questions[:5]:
        retrieve(text)
    embedding, whole = [], []
    for text in questions:
        embedding.append(timed(lambda text=text: searcher.embedder.questions([text])))
        whole.append(timed(lambda text=text: retrieve(text)))
    p95 = [float(np.quantile(values, 0.95)) for values in (embedding, whole)]
    return (
        f"{len(searcher.index.passages):,} passages",
        f"{statistics.median(embedding):.1f} / {p95[0]:.1f}",
        f"{statistics.median(whole):.1f} / {p95[1]:.1f}",
        f"{statistics.median(whole) / statistics.median(embedding):.2f}",
    )


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print one table."""
    print(f"\n## {title}\n")
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
    for row in (header, ["-" * width for width in widths], *rows):
        print("| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |")
    sys.stdout.flush()


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bench", type=Path, help="folder of the public sets")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "bench-retrieval")
    parser.add_argument("--split", default="llama-test", help="own set to report on")
    parser.add_argument("--only", choices=("own", "public", "scale"), help="one part")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000])
    arguments = parser.parse_args()
    config = load_config(chat_model="none")
    embedder = Embedder(config.models_dir)
    index, written, _ = open_documents(config, embedder, embedding_progress)
    searcher = Searcher(index, embedder, written)
    cases = load_dataset(find_set(arguments.split)).cases
    if arguments.only in (None, "own"):
        header = ("set", "measure", *SYSTEMS)
        show("Own test split", header, own_table(searcher, cases, config))
    if arguments.only in (None, "scale"):
        questions = [case.question for case in cases][:60]
        rows = [latency(searcher, questions, config.passages)]
        for size in arguments.sizes:
            large = Searcher(enlarged(index, size), embedder, written)
            rows.append(latency(large, questions, config.passages))
        header = ("index", "embedding p50 / p95 ms", "retrieval p50 / p95 ms", "ratio of p50")
        show("Latency of the whole retrieval", header, rows)
    if arguments.bench and arguments.only in (None, "public"):
        rows = []
        for name, docs, queries in public_sets(arguments.bench, arguments.work):
            set_config = load_config(
                chat_model="none", docs_dir=docs, storage_dir=arguments.work / "storage"
            )
            set_index, _ = open_index(set_config, embedder, embedding_progress)
            table = documents_table(Searcher(set_index, embedder), queries)
            for measure in ("nDCG@10", "hit@5"):
                shares = [f"{table[system][measure]:.1f}" for system in SYSTEMS]
                rows.append((f"{name} ({len(queries)})", measure, *shares))
            show("Public sets", ("set", "measure", *SYSTEMS), rows)


def embedding_progress(doc: str, done: int, total: int) -> None:
    """Say on the terminal how far it is."""
    if done % 50 == 0:
        print(f"\rembedding {done} of {total}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
