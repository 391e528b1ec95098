"""The embedder: what is computed side by side is what is computed alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from chatbot.embedding import DIMENSIONS, LATENT_TERMS, Embedder

TEXTS = [
    "The harbour handled 412 ships in 2023.",
    "",
    "Le pont a coûté 3,4 millions d’euros et mesure 212 mètres.",
    "a\x00b \ud800",
    "The mill was built in 1847 by Jeanne Morel. " * 40,
    *(f"Sentence number {number} is here." for number in range(40)),
]


@pytest.mark.model
def test_many_texts_get_the_vectors_that_each_gets_alone(embedder: Embedder) -> None:
    together = embedder.passages(TEXTS)
    assert together.shape == (len(TEXTS), DIMENSIONS)
    for text, vector in zip(TEXTS[:8], together, strict=False):
        assert np.array_equal(embedder.passages([text])[0], vector)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-3)


@pytest.mark.model
def test_many_texts_get_the_latent_terms_that_each_gets_alone(embedder: Embedder) -> None:
    together = embedder.latent(TEXTS)
    assert together.shape == (len(TEXTS), embedder.latent_dimensions)
    for row, text in enumerate(TEXTS[:8]):
        alone = embedder.latent([text])
        assert (alone != together[row]).nnz == 0
        assert alone.nnz <= LATENT_TERMS


@pytest.mark.model
def test_a_question_gets_side_by_side_what_it_gets_in_turn(embedder: Embedder) -> None:
    for text in TEXTS[:4]:
        vector, terms = embedder.question(text)
        assert np.array_equal(vector, embedder.questions([text])[0])
        assert (terms != embedder.latent([text])).nnz == 0


def test_no_text_is_no_vector(embedder: Embedder) -> None:
    assert embedder.questions([]).shape == (0, DIMENSIONS)
    assert embedder.latent([]).shape == (0, embedder.latent_dimensions)


@pytest.mark.model
def test_callers_in_many_threads_get_their_own_vectors(embedder: Embedder) -> None:
    barrier = threading.Barrier(4)

    def call(number: int) -> np.ndarray:
        barrier.wait(10)
        return embedder.questions([TEXTS[number], TEXTS[number + 5]])

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(call, [0, 2, 4, 6]))
    for number, vectors in zip([0, 2, 4, 6], found, strict=True):
        assert np.array_equal(vectors, embedder.questions([TEXTS[number], TEXTS[number + 5]]))
