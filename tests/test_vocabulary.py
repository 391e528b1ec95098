"""Rows of weighted words: what is known, how it is weighed, and what pairs keep."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chatbot.vocabulary import Vocabulary, stems_of, with_pairs


def test_rare_terms_weigh_more_and_own_ones_have_unit_length() -> None:
    vocabulary = Vocabulary.of([(("a", "b"), ()), (("a", "c"), ()), (("a", "a"), ())])
    assert vocabulary.columns["a"] == (0, pytest.approx(math.log(4 / 3.5)))
    assert vocabulary.columns["b"] == (1, pytest.approx(math.log(4 / 1.5)))
    rows = vocabulary.rows([(("b", "a", "unknown", "b"), ()), ((), ("c",)), ((), ())]).toarray()
    assert np.linalg.norm(rows[0]) == pytest.approx(1)
    assert rows[0, 1] > rows[0, 0] > 0
    assert rows[1, 2] == pytest.approx(vocabulary.columns["c"][1])
    assert not rows[2].any()


def test_terms_beside_a_text_count_but_do_not_lengthen_it() -> None:
    vocabulary = Vocabulary.of([(("a",), ("z",)), (("b",), ()), (("z",), ())])
    alone = vocabulary.rows([(("a",), ())]).toarray()[0]
    beside = vocabulary.rows([(("a",), ("z",))]).toarray()[0]
    assert beside[vocabulary.columns["a"][0]] == alone[vocabulary.columns["a"][0]] == 1
    assert beside[vocabulary.columns["z"][0]] > 0


def test_a_term_must_stand_in_enough_texts() -> None:
    texts = [(("a", "b"), ()), (("a",), ("b",)), (("a",), ("b",))]
    assert set(Vocabulary.of(texts, least=2).columns) == {"a"}


def test_pairs_keep_what_is_asked() -> None:
    pages = "How many pages did it have?"
    own, _ = with_pairs(pages, stems_of(pages))
    assert {"^ how", "how many", "many pages", "did it"} <= set(own)
    assert set(stems_of(pages)[0]) < set(own)
    long, _ = with_pairs("How long was it?", ((), ()))
    assert "how long" in long
    assert "how many" not in long


def test_a_french_text_has_english_terms_beside_it() -> None:
    own, beside = stems_of("Quelle est la licence de ce modèle ?")
    assert "licens" in beside
    assert "licens" not in own
