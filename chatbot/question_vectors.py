"""Vectors of a folder's written questions: shipped with them, kept from before, or embedded now.

Embedding tens of thousands of questions takes minutes, which a first start would make people wait.
So a folder may also hold `questions.npz`, made by `make vectors`: a vector for each question in one
byte a number, which turns a cosine by less than 0.001. Questions that it does not know, or vectors
of another embedder, are embedded and kept beside the index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from chatbot.caches import read_arrays, write_arrays
from chatbot.embedding import DIMENSIONS, Embedder, Vectors
from chatbot.question_file import FILE_NAME

SHIPPED_NAME = "questions.npz"
_SLICE = 64
_KEPT, _SHIPPED = "vectors of questions", "vectors of questions in bytes"


def question_vectors(
    texts: Sequence[str],
    embedder: Embedder,
    folder: Path,
    cache: Path,
    progress: Callable[[str, int, int], None] | None = None,
) -> Vectors:
    """Vectors of questions, shape (len(texts), 384), unit length.

    Args:
        texts: the questions.
        embedder: embeds what is not known.
        folder: may hold shipped ones.
        cache: file in which the others are kept.
        progress: told how many of those not known are embedded, and of how many.
    """
    keys = [_key(text, embedder) for text in texts]
    shipped = _read_shipped(folder / SHIPPED_NAME)
    known = _read_kept(cache) | shipped
    missing = [text for text, key in zip(texts, keys, strict=True) if key not in known]
    for first in range(0, len(missing), _SLICE):
        if progress:
            progress(FILE_NAME, first, len(missing))
        some = missing[first : first + _SLICE]
        vectors = embedder.questions(some)
        known |= {_key(text, embedder): row for text, row in zip(some, vectors, strict=True)}
    if missing:
        if progress:
            progress(FILE_NAME, len(missing), len(missing))
        kept = [key for key in keys if key not in shipped]
        write_arrays(
            cache, _KEPT, keys=np.array(kept), vectors=np.stack([known[key] for key in kept])
        )
    return np.stack([known[key] for key in keys])


def ship_vectors(folder: Path, texts: Sequence[str], vectors: Vectors, embedder: Embedder) -> None:
    """Write vectors, shape (len(texts), 384), beside the questions that they are of."""
    scales = np.abs(vectors).max(axis=1, keepdims=True) / 127
    write_arrays(
        folder / SHIPPED_NAME,
        _SHIPPED,
        keys=np.array([_key(text, embedder) for text in texts], dtype="S32"),
        numbers=np.round(vectors / scales).astype(np.int8),
    )


def _read_shipped(file: Path) -> dict[str, Vectors]:
    """Vector by key; their scale is lost and not needed, because they have unit length."""
    held = read_arrays(file, _SHIPPED)
    if held is None:
        return {}
    vectors = held["numbers"].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    return _by_key([key.decode() for key in held["keys"].tolist()], vectors)


def _read_kept(file: Path) -> dict[str, Vectors]:
    held = read_arrays(file, _KEPT)
    return _by_key(held["keys"].tolist(), held["vectors"]) if held else {}


def _by_key(keys: Sequence[str], vectors: Vectors) -> dict[str, Vectors]:
    """Nothing where the arrays do not fit together."""
    if vectors.shape != (len(keys), DIMENSIONS) or not np.isfinite(vectors).all():
        return {}
    return dict(zip(keys, vectors, strict=True))


def _key(text: str, embedder: Embedder) -> str:
    return hashlib.sha256(f"{embedder.identity}\0{text}".encode()).hexdigest()[:32]
