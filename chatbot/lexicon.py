"""French words and their English ones: what lets a question find sentences of the other language.

The dictionary (lexicon.tsv) is our own work. Stems, not words, are compared, so that one entry
serves every inflection.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from chatbot.language import ALL_STOP_WORDS, content_words, fold, stem
from chatbot.records import Language

LANGUAGES: tuple[Language, ...] = ("en", "fr")


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    """French stem → English stems, and the other way round; single words only."""
    to_english: dict[str, set[str]] = {}
    to_french: dict[str, set[str]] = {}
    text = (files("chatbot") / "lexicon.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        french, _, english = line.partition("\t")
        if " " in french or "'" in french:
            continue
        source = stem(fold(french), "fr")
        for translation in english.split(","):
            for word in fold(translation).split():
                if word not in ALL_STOP_WORDS:
                    target = stem(word, "en")
                    to_english.setdefault(source, set()).add(target)
                    to_french.setdefault(target, set()).add(source)
    return (
        {key: frozenset(value) for key, value in to_english.items()},
        {key: frozenset(value) for key, value in to_french.items()},
    )


@lru_cache(maxsize=65536)
def translations(word: str) -> frozenset[str]:
    """Stems of the other language's words for a folded word; empty when it is not known."""
    to_english, to_french = _tables()
    return to_english.get(stem(word, "fr"), frozenset()) | to_french.get(
        stem(word, "en"), frozenset()
    )


@lru_cache(maxsize=65536)
def stems_in_both(word: str) -> frozenset[str]:
    """Every stem under which a folded word may stand in a text of either language."""
    return frozenset({stem(word, "en"), stem(word, "fr")}) | translations(word)


def question_stems(query: str) -> list[str]:
    """Stems of a question in both languages: its own language must not decide what is found."""
    return list(
        dict.fromkeys(
            stem(word, language) for word in content_words(query) for language in LANGUAGES
        )
    )


def translated_stems(query: str) -> list[str]:
    """Stems of the other language's words for those of a question, without the question's own."""
    other = {word for found in content_words(query) for word in translations(found)}
    return sorted(other.difference(question_stems(query)))


def keyword_query(query: str) -> list[str]:
    """Stems to count: the question's own twice, their translations once."""
    return question_stems(query) * 2 + translated_stems(query)
