"""Folding, words, stems and the two languages told apart; the lexicon between them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pure_cases import corpus

from chatbot.language import ALL_STOP_WORDS, content_words, detect, fold, stem, stems, words
from chatbot.lexicon import stems_in_both, translations


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Québec’s", "quebec's"),
        ("Œuvre, cœur", "oeuvre, coeur"),
        ("ÉTÉ À NOËL", "ete a noel"),
        ("ﬁn", "fin"),
        ("Straße", "strasse"),
        ("16\u00a0000", "16 000"),
    ],
)
def test_folding_takes_case_accents_and_typography_away(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(alphabet=st.characters(max_codepoint=0x24F), max_size=80))
def test_folding_twice_is_folding_once(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert not any(unicodedata.combining(character) for character in once)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Llama 3.1 405B, 1,000 times.", ["llama", "3.1", "405b", "1,000", "times"]),
        ("GPT-4o et l’été", ["gpt", "4o", "et", "l", "ete"]),
        ("It ends. 3 more", ["it", "ends", "3", "more"]),
        ("33.4% of it", ["33.4", "of", "it"]),
        ("", []),
    ],
)
def test_words_keep_numbers_and_versions_whole(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_content_words_are_free_of_both_languages_stop_words() -> None:
    assert content_words("What is the context window of Scout?") == ["context", "window", "scout"]
    assert content_words("Quelle est la fenêtre de Scout ?") == ["fenetre", "scout"]
    assert all(word == fold(word) for word in ALL_STOP_WORDS)


def test_stems_join_inflections_and_leave_versions_alone() -> None:
    assert stem("downloads", "en") == stem("downloaded", "en")
    assert stem("telechargements", "fr") == stem("telechargement", "fr")
    assert stem("405b", "en") == "405b"
    assert stems("The downloads of Llama 3.1", "en") == ["download", "llama", "3.1"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is Llama 3?", "en"),
        ("How many times has Llama been downloaded?", "en"),
        ("Combien de fois Llama a-t-il été téléchargé ?", "fr"),
        ("Qui dirige Meta ?", "fr"),
        ("Et en 2026 ?", "fr"),
        ("Llama 4", "en"),
        ("", "en"),
        ("Llama 4 : date de sortie ?", "fr"),
    ],
)
def test_short_questions_are_told_apart(text: str, language: str) -> None:
    assert detect(text) == language


def test_every_document_is_of_the_language_it_declares() -> None:
    assert {(item.doc, detect(item.text)) for item, _ in corpus()} == {
        (item.doc, item.lang) for item, _ in corpus()
    }


@pytest.mark.parametrize(
    ("french", "english"),
    [("abonné", "subscriber"), ("accord", "settlement"), ("acheter", "buy"), ("accès", "access")],
)
def test_the_lexicon_joins_a_word_and_its_translation(french: str, english: str) -> None:
    assert stem(english, "en") in translations(fold(french))
    assert stems_in_both(fold(french)) & stems_in_both(english)


def test_names_are_no_dictionary_words() -> None:
    for name in ("meta", "llama", "zuckerberg", "google", "nvidia", "maverick"):
        assert translations(name) == frozenset()
