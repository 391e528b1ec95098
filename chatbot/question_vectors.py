"""Vectors of a folder's written questions: kept from before, or embedded now."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from chatbot.caches import read_arrays, write_arrays
from chatbot.embedding import DIMENSIONS, Embedder, Vectors
from chatbot.question_file import FILE_NAME

_SLICE = 64
_KEPT = "vectors of questions"


def question_vectors(
    texts: Sequence[str],
    embedder: Embedder,
    cache: Path,
    progress: Callable[[str, int, int], None] | None = None,
) -> Vectors:
    """Vectors of questions, shape (len(texts), 384), unit length.

    Args:
        texts: the questions.
        embedder: embeds what is not known.
        cache: file in which they are kept.
        progress: told how many of those not known are embedded, and of how many.
    """
    keys = [_key(text, embedder) for text in texts]
    known = _read_kept(cache)
    missing = [text for text, key in zip(texts, keys, strict=True) if key not in known]
    for first in range(0, len(missing), _SLICE):
        if progress:
            progress(FILE_NAME, first, len(missing))
        some = missing[first : first + _SLICE]
        vectors = embedder.questions(some)
        known |= {_key(text, embedder): row for text, row in zip(some, vectors, strict=True)}
    vectors = np.stack([known[key] for key in keys])
    if missing:
        if progress:
            progress(FILE_NAME, len(missing), len(missing))
        write_arrays(cache, _KEPT, keys=np.array(keys), vectors=vectors)
    return vectors


def _read_kept(file: Path) -> dict[str, Vectors]:
    """Vector by key; nothing where the arrays do not fit together."""
    held = read_arrays(file, _KEPT)
    if held is None:
        return {}
    keys, vectors = held["keys"].tolist(), held["vectors"]
    if vectors.shape != (len(keys), DIMENSIONS) or not np.isfinite(vectors).all():
        return {}
    return dict(zip(keys, vectors, strict=True))


def _key(text: str, embedder: Embedder) -> str:
    return hashlib.sha256(f"{embedder.identity}\0{text}".encode()).hexdigest()[:32]
