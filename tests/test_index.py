"""The index: incremental, exact, sealed, healed, owned by one, readable by stock LlamaIndex."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chatbot import documents
from chatbot.config import Config
from chatbot.embedding import Embedder
from chatbot.errors import DocumentError, StorageError, UsageError
from chatbot.index import fingerprint, index_folder, open_index


def folder_of(config: Config, embedder: Embedder) -> Path:
    return index_folder(config, fingerprint(config, embedder))


def test_second_ingest_changes_and_embeds_nothing(small_config: Config, embedder: Embedder) -> None:
    _, first = open_index(small_config, embedder)
    assert first.added == ("harbour.md", "mill.txt", "pont.txt")
    assert first.embedded > 0
    before = {p: p.stat().st_mtime_ns for p in small_config.storage_dir.rglob("manifest.json")}
    _, second = open_index(small_config, embedder)
    assert (second.added, second.replaced, second.removed) == ((), (), ())
    assert second.unchanged == first.added
    assert second.embedded == 0
    assert before == {
        p: p.stat().st_mtime_ns for p in small_config.storage_dir.rglob("manifest.json")
    }


def test_an_edited_file_is_replaced_and_only_it_is_embedded(
    small_config: Config, embedder: Embedder
) -> None:
    first_index, _ = open_index(small_config, embedder)
    mill = small_config.docs_dir / "mill.txt"
    mill.write_text("The old mill\n\nThe mill was built in 1851 by Jeanne Morel.\n")
    index, report = open_index(small_config, embedder)
    assert report.replaced == ("mill.txt",)
    assert report.unchanged == ("harbour.md", "pont.txt")
    assert report.embedded == 2  # one passage and its one sentence
    texts = " ".join(passage.text for passage in index.passages)
    assert "1851" in texts
    assert "1847" not in texts
    kept = {p.id: row for row, p in enumerate(index.passages)}
    for row, passage in enumerate(first_index.passages):
        if passage.doc != "mill.txt":
            assert np.array_equal(first_index.vectors[row], index.vectors[kept[passage.id]])


def test_a_vanished_file_leaves(small_config: Config, embedder: Embedder) -> None:
    open_index(small_config, embedder)
    (small_config.docs_dir / "harbour.md").unlink()
    index, report = open_index(small_config, embedder)
    assert report.removed == ("harbour.md",)
    assert report.embedded == 0
    assert {passage.doc for passage in index.passages} == {"mill.txt", "pont.txt"}
    assert len(index.sentence_vectors) == sum(len(p.sentences) for p in index.passages)


def test_many_edits_do_not_pile_up(small_config: Config, embedder: Embedder) -> None:
    mill = small_config.docs_dir / "mill.txt"
    for year in range(1900, 1908):
        mill.write_text(f"The old mill\n\nThe mill was built in {year} by Jeanne Morel.\n")
        index, _ = open_index(small_config, embedder)
    assert "1907" in " ".join(p.text for p in index.passages)
    assert len(list(folder_of(small_config, embedder).glob("generation-*"))) == 1
    manifest = json.loads(next(small_config.storage_dir.rglob("manifest.json")).read_text())
    assert manifest["dead_rows"] <= len(index.passages)


def test_offsets_are_exact_after_a_round_trip_through_chroma(
    small_config: Config, embedder: Embedder
) -> None:
    open_index(small_config, embedder)
    index, _ = open_index(small_config, embedder)
    for file in documents.scan(small_config.docs_dir)[0]:
        text = documents.read(file).text
        for passage in index.passages:
            if passage.doc == file.doc:
                assert text[passage.start : passage.end] == passage.text
                for sentence in passage.sentences:
                    assert text[sentence.start : sentence.end] == sentence.text


def test_the_space_is_honest_cosine(small_config: Config, embedder: Embedder) -> None:
    index, _ = open_index(small_config, embedder)
    assert np.allclose(np.linalg.norm(index.vectors, axis=1), 1, atol=1e-3)
    import chromadb

    generation = next(folder_of(small_config, embedder).glob("generation-*"))
    client = chromadb.PersistentClient(path=str(generation / "chroma"))
    collection = client.get_collection("passages", embedding_function=None)
    assert collection.configuration["hnsw"]["space"] == "cosine"
    question = embedder.questions(["When was the mill built?"])[0]
    found = collection.query(query_embeddings=[question], n_results=len(index.passages))
    cosine = {p.id: float(index.vectors[row] @ question) for row, p in enumerate(index.passages)}
    for identifier, distance in zip(found["ids"][0], found["distances"][0], strict=True):
        assert 1 - distance == pytest.approx(cosine[identifier], abs=1e-4)
    client.close()


def test_a_stock_llama_index_opens_the_collection(small_config: Config, embedder: Embedder) -> None:
    import chromadb
    from llama_index.core import VectorStoreIndex
    from llama_index.vector_stores.chroma import ChromaVectorStore

    from chatbot.adapters import LlamaIndexEmbedding

    open_index(small_config, embedder)
    generation = next(folder_of(small_config, embedder).glob("generation-*"))
    client = chromadb.PersistentClient(path=str(generation / "chroma"))
    collection = client.get_collection("passages", embedding_function=None)
    stock = VectorStoreIndex.from_vector_store(
        ChromaVectorStore(chroma_collection=collection),
        embed_model=LlamaIndexEmbedding(embedder),
    )
    nodes = stock.as_retriever(similarity_top_k=1).retrieve("Who built the mill?")
    assert nodes[0].node.metadata["doc"] == "mill.txt"
    assert "Jeanne Morel" in nodes[0].node.get_content()
    client.close()


def test_our_search_serves_any_llama_index_engine(small_config: Config, embedder: Embedder) -> None:
    from llama_index.core.llms import MockLLM
    from llama_index.core.query_engine import RetrieverQueryEngine

    from chatbot.adapters import LlamaIndexRetriever
    from chatbot.retrieval import Searcher

    index, _ = open_index(small_config, embedder)
    retriever = LlamaIndexRetriever(Searcher(index, embedder), passages=2)
    engine = RetrieverQueryEngine.from_args(retriever, llm=MockLLM())
    response = engine.query("Who built the mill?")
    assert response.source_nodes[0].node.metadata["doc"] == "mill.txt"


@pytest.mark.parametrize(
    "damage", ["vector file", "manifest", "current", "sqlite", "half a generation"]
)
def test_damage_is_noticed_and_healed(
    damage: str, small_config: Config, embedder: Embedder
) -> None:
    whole, _ = open_index(small_config, embedder)
    folder = folder_of(small_config, embedder)
    generation = next(folder.glob("generation-*"))
    if damage == "vector file":
        path = next(generation.rglob("data_level0.bin"))
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
    elif damage == "manifest":
        (generation / "manifest.json").write_text("{")
    elif damage == "current":
        (folder / "CURRENT").write_text("generation-999999")
    elif damage == "sqlite":
        path = generation / "chroma" / "chroma.sqlite3"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        (folder / "generation-000002.tmp").mkdir()
        (generation / "manifest.json").unlink()
    healed, report = open_index(small_config, embedder)
    assert report.embedded > 0
    assert [p.text for p in healed.passages] == [p.text for p in whole.passages]
    _, again = open_index(small_config, embedder)
    assert again.embedded == 0


def test_another_process_in_the_storage_is_named(small_config: Config, embedder: Embedder) -> None:
    open_index(small_config, embedder)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from chatbot.index import _locked\n"
            "root = Path(sys.argv[1])\n"
            "with _locked(root, root / 'x'):\n    print('held', flush=True); time.sleep(60)",
            str(small_config.storage_dir),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"held"
        with pytest.raises(StorageError, match=str(holder.pid)):
            open_index(small_config, embedder)
    finally:
        holder.kill()
        holder.wait()
    open_index(small_config, embedder)


def test_a_failed_build_leaves_the_old_index_in_use(
    small_config: Config, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_index(small_config, embedder)
    (small_config.docs_dir / "new.txt").write_text("A lighthouse stands on the island.\n")

    def full(*_: object) -> object:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(embedder, "passages", full)
        with pytest.raises(StorageError, match="No space left"):
            open_index(small_config, embedder)
    assert not list(folder_of(small_config, embedder).glob("*.tmp"))
    index, report = open_index(small_config, embedder)
    assert report.added == ("new.txt",)
    assert "lighthouse" in " ".join(p.text for p in index.passages)


def test_a_missing_and_an_empty_folder(small_config: Config, embedder: Embedder) -> None:
    missing = small_config.model_copy(update={"docs_dir": small_config.docs_dir / "none"})
    with pytest.raises(UsageError, match="does not exist"):
        open_index(missing, embedder)
    empty = small_config.docs_dir / "empty"
    empty.mkdir()
    (empty / "picture.png").write_bytes(b"\x89PNG")
    with pytest.raises(DocumentError, match="no readable document"):
        open_index(small_config.model_copy(update={"docs_dir": empty}), embedder)


def test_a_broken_file_is_reported_and_the_rest_is_indexed(
    small_config: Config, embedder: Embedder
) -> None:
    (small_config.docs_dir / "broken.pdf").write_bytes(b"%PDF-1.4 nothing more")
    index, report = open_index(small_config, embedder)
    assert [doc for doc, _ in report.failed] == ["broken.pdf"]
    assert {p.doc for p in index.passages} == {"harbour.md", "mill.txt", "pont.txt"}


def test_two_folders_of_documents_keep_their_own_indexes(
    small_config: Config, embedder: Embedder, tmp_path: Path
) -> None:
    open_index(small_config, embedder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_text("The lake is 31 metres deep.\n")
    _, report = open_index(small_config.model_copy(update={"docs_dir": other}), embedder)
    assert report.added == ("a.txt",)
    _, report = open_index(small_config, embedder)
    assert report.embedded == 0
