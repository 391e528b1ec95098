"""Words: folding, tokens, stems, stop words, and which of our two languages a text is in.

Knows nothing of documents or questions. Language detection by stop words, because detectors
trained on long text call short questions Tagalog or Spanish.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import Stemmer

from chatbot.records import Language

_LETTERS_AND_DIGITS = re.compile(r"[^\W_]+(?:[.,]\d+)*", re.UNICODE)

STOP_WORDS: dict[Language, frozenset[str]] = {
    "en": frozenset(
        [
            "a",
            "about",
            "above",
            "after",
            "again",
            "all",
            "also",
            "am",
            "an",
            "and",
            "any",
            "are",
            "as",
            "at",
            "be",
            "because",
            "been",
            "before",
            "being",
            "below",
            "between",
            "both",
            "but",
            "by",
            "can",
            "could",
            "did",
            "do",
            "does",
            "doing",
            "done",
            "down",
            "during",
            "each",
            "few",
            "for",
            "from",
            "further",
            "had",
            "has",
            "have",
            "having",
            "he",
            "her",
            "here",
            "hers",
            "him",
            "his",
            "how",
            "i",
            "if",
            "in",
            "into",
            "is",
            "it",
            "its",
            "itself",
            "just",
            "let",
            "like",
            "may",
            "me",
            "might",
            "more",
            "most",
            "much",
            "must",
            "my",
            "no",
            "nor",
            "not",
            "of",
            "off",
            "on",
            "once",
            "one",
            "only",
            "or",
            "other",
            "our",
            "out",
            "over",
            "own",
            "please",
            "s",
            "same",
            "shall",
            "she",
            "should",
            "so",
            "some",
            "such",
            "t",
            "tell",
            "than",
            "that",
            "the",
            "their",
            "them",
            "then",
            "there",
            "these",
            "they",
            "this",
            "those",
            "through",
            "to",
            "too",
            "under",
            "until",
            "up",
            "upon",
            "us",
            "very",
            "was",
            "we",
            "were",
            "what",
            "when",
            "where",
            "which",
            "while",
            "who",
            "whom",
            "whose",
            "why",
            "will",
            "with",
            "would",
            "you",
            "your",
        ]
    ),
    "fr": frozenset(
        [
            "a",
            "à",
            "ai",
            "ainsi",
            "alors",
            "au",
            "aucun",
            "aussi",
            "autre",
            "aux",
            "avaient",
            "avait",
            "avant",
            "avec",
            "avoir",
            "c",
            "car",
            "ce",
            "ceci",
            "cela",
            "ces",
            "cet",
            "cette",
            "ceux",
            "chaque",
            "ci",
            "comme",
            "comment",
            "d",
            "dans",
            "de",
            "depuis",
            "des",
            "dis",
            "donc",
            "dont",
            "du",
            "elle",
            "elles",
            "en",
            "encore",
            "entre",
            "es",
            "est",
            "et",
            "étaient",
            "était",
            "été",
            "être",
            "eu",
            "fait",
            "font",
            "furent",
            "fut",
            "il",
            "ils",
            "j",
            "je",
            "jusqu",
            "l",
            "la",
            "laquelle",
            "le",
            "lequel",
            "les",
            "leur",
            "leurs",
            "lors",
            "lui",
            "m",
            "ma",
            "mais",
            "me",
            "même",
            "mes",
            "mon",
            "n",
            "ne",
            "ni",
            "nos",
            "notre",
            "nous",
            "on",
            "ont",
            "ou",
            "où",
            "par",
            "pas",
            "pendant",
            "peu",
            "peut",
            "plus",
            "pour",
            "pourquoi",
            "qu",
            "quand",
            "que",
            "quel",
            "quelle",
            "quelles",
            "quels",
            "qui",
            "quoi",
            "s",
            "sa",
            "sans",
            "se",
            "selon",
            "ses",
            "si",
            "son",
            "sont",
            "sous",
            "sur",
            "t",
            "ta",
            "te",
            "tes",
            "toi",
            "ton",
            "tous",
            "tout",
            "toute",
            "toutes",
            "tu",
            "un",
            "une",
            "vers",
            "vos",
            "votre",
            "vous",
            "y",
        ]
    ),
}

# Function words of one language that are not words of the other: what tells the two apart.
_MARKERS: dict[Language, frozenset[str]] = {
    "en": STOP_WORDS["en"] - STOP_WORDS["fr"] - {"on", "me", "son"},
    "fr": STOP_WORDS["fr"] - STOP_WORDS["en"] - {"on", "me", "son", "plus", "car"},
}
_FRENCH_LETTERS = re.compile(r"[éèêëàâîïôûùçœ]", re.IGNORECASE)


def fold(text: str) -> str:
    """Lower case without accents, ligatures and typographic variants: "Québec’s" → "quebec's"."""
    decomposed = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("Œ", "Oe"))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    return plain.replace("’", "'").replace("ʼ", "'")


_FOLDED_STOP_WORDS = {
    language: frozenset(fold(word) for word in words) for language, words in STOP_WORDS.items()
}
ALL_STOP_WORDS = _FOLDED_STOP_WORDS["en"] | _FOLDED_STOP_WORDS["fr"]


def words(text: str) -> list[str]:
    """Folded words in order; numbers and version names whole ("3.1", "405b", "1,000")."""
    return _LETTERS_AND_DIGITS.findall(fold(text))


def content_words(text: str) -> list[str]:
    """Folded words that carry meaning in either language."""
    return [word for word in words(text) if word not in ALL_STOP_WORDS]


@lru_cache(maxsize=2)
def _stemmer(language: Language) -> Stemmer.Stemmer:
    return Stemmer.Stemmer({"en": "english", "fr": "french"}[language])


@lru_cache(maxsize=65536)
def stem(word: str, language: Language) -> str:
    """Snowball stem of a folded word; words with a digit stay as they are."""
    if any(c.isdigit() for c in word):
        return word
    return str(_stemmer(language).stemWord(word))


def stems(text: str, language: Language) -> list[str]:
    """Stems of the content words in order: what the keyword index counts."""
    return [stem(word, language) for word in content_words(text)]


def detect(text: str) -> Language:
    """French if its function words or letters outweigh the English ones, else English.

    >>> detect("Combien de fois Llama a-t-il été téléchargé ?"), detect("What is Llama 3?")
    ('fr', 'en')
    """
    found = [word.casefold() for word in re.findall(r"[^\W\d_]+", text.replace("’", "'")[:20000])]
    french = sum(word in _MARKERS["fr"] for word in found)
    english = sum(word in _MARKERS["en"] for word in found)
    french += sum(bool(_FRENCH_LETTERS.search(word)) for word in found)
    return "fr" if french > english else "en"
