"""Rows about starting and reading documents."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

from common import ROOT, Bench
from measured import Row

from chatbot import documents
from chatbot.config import load_config
from chatbot.embedding import Embedder
from chatbot.index import open_index


def start(bench: Bench) -> list[Row]:
    program = (
        "from chatbot.chatbot import Chatbot\nfrom chatbot.config import load_config\n"
        f"c = load_config(storage_dir={str(bench.config.storage_dir)!r})\n"
        "with Chatbot.open(c) as chatbot:\n"
        "    next(iter(chatbot.ask('When was Llama 2 released?')))\n"
        "    import os; os._exit(0)"
    )
    eager = (
        "import gradio, chromadb, llama_index.core, bm25s, llama_cpp\n"
        "import llama_index.vector_stores.chroma\n"
    )
    sides: tuple[list[float], list[float]] = ([], [])
    for _ in range(4):
        for side, first in zip(sides, ("", eager), strict=True):
            started = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", first + program], check=True, cwd=ROOT, capture_output=True
            )
            side.append(time.perf_counter() - started)
    return [
        Row(what="process start to first answer possible", against="eager imports", unit="s",
            ours=sides[0][1:], theirs=sides[1][1:], reach=2)
    ]  # fmt: skip


def ingest(bench: Bench) -> list[Row]:
    import chromadb  # noqa: F401 - imported once, before either side is timed
    import llama_index.core  # noqa: F401

    embedder = Embedder(bench.config.models_dir)
    files = sorted(bench.config.docs_dir.glob("*.md"))[:9]
    ours, theirs = [], []
    for number in range(3):
        docs = bench.folder / f"ingest-{number}"
        docs.mkdir()
        for path in files[3 * number : 3 * number + 3]:
            shutil.copy(path, docs)
        config = load_config(docs_dir=docs, storage_dir=bench.folder / f"ingest-storage-{number}")
        passages = [
            passage
            for file in documents.scan(docs)[0]
            for passage in documents.passages(
                documents.read(file), max_characters=config.passage_characters
            )
        ]
        said = [sentence.text for passage in passages for sentence in passage.sentences]
        texts = [documents.embedding_text(passage) for passage in passages] + said
        started = time.perf_counter()
        embedder.passages(texts)
        embedder.latent(said)
        theirs.append(len(texts) / (time.perf_counter() - started))
        started = time.perf_counter()
        open_index(config, embedder)
        ours.append(len(texts) / (time.perf_counter() - started))
    return [
        Row(what="ingest", against="embedder alone, same texts (vectors, latent terms)",
            unit="texts/s", ours=ours, theirs=theirs, reach=0.85, rate=True)
    ]  # fmt: skip


def one_changed(bench: Bench) -> list[Row]:
    embedder = Embedder(bench.config.models_dir)
    docs = bench.folder / "many"
    docs.mkdir()
    for number in range(200):
        (docs / f"{number:03}.txt").write_text(
            f"Report {number}\n\nHarbour {number} handled {number * 7} ships in 2023. "
            f"Its keeper was hired in {1950 + number % 70}. Its light can be seen from "
            f"{10 + number % 13} miles. The fish market opens at five. {number + 3} boats are "
            "repaired in its yard each year.\n"
        )
    config = load_config(docs_dir=docs, storage_dir=bench.folder / "many-storage")
    started = time.perf_counter()
    open_index(config, embedder)
    whole = time.perf_counter() - started
    ours = []
    for number in range(3):
        with (docs / f"{number:03}.txt").open("a") as file:
            file.write("It was painted blue in 2024.\n")
        started = time.perf_counter()
        open_index(config, embedder)
        ours.append(time.perf_counter() - started)
    return [
        Row(what="one changed file among 200", against="full rebuild", unit="s", ours=ours,
            theirs=[whole] * len(ours), reach=50)
    ]  # fmt: skip
