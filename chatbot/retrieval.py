"""Hybrid search: what a question is about, by meaning, by latent terms and by words.

Every score is exact (matrix products) while the index fits into memory. The scores go into one
weighted sum whose weights were fitted on development questions: rank fusion was measured to be
worse than dense search alone on paraphrased ones. Dense scores favour the question's own
language; that is taken out, so that the language never decides which documents are found.
Knows nothing of answers or of models other than the embedder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import diags

from chatbot.embedding import Embedder, Vectors
from chatbot.index import Index, unit_rows
from chatbot.language import content_words, stem
from chatbot.lexicon import translations
from chatbot.records import Language, Passage, ScoredPassage

LANGUAGES: tuple[Language, ...] = ("en", "fr")
DENSE, LATENT, KEYWORD = 0.5, 0.4, 0.4
"""Weights of the standardised scores; see DECISIONS.md for the fit and its neighbours."""
BIAS_QUANTILE = 0.8
"""Scores of each language are shifted so that this quantile of theirs is that of all."""
MIN_OF_A_LANGUAGE = 10
"""Fewer passages than this say nothing about a language's level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Scores of one question. Rows are those of Index.passages, or of its sentences."""

    similarity: Vectors
    """Cosine with each passage, as it is, shape (passages,)."""
    keyword: Vectors
    """BM25 score of each passage, 0 where no word matched, shape (passages,)."""
    sentence_similarity: Vectors
    """Cosine with each sentence, freed of the language's level, shape (sentences,)."""
    sentence_latent: Vectors
    """Cosine of latent terms with each sentence, likewise, shape (sentences,)."""
    fused: Vectors
    """Weighted sum of the standardised scores of each passage, shape (passages,)."""
    relevance: Vectors
    """The same on a scale of 0…1, shape (passages,)."""


class Searcher:
    """An index ready to be searched."""

    def __init__(self, index: Index, embedder: Embedder) -> None:
        """Count the index's words; the vectors are used as they are."""
        self.index = index
        self.embedder = embedder
        self.keywords = KeywordIndex([_keyword_text(passage) for passage in index.passages])
        languages = np.array([passage.lang for passage in index.passages])
        counts = np.diff(index.first_sentence)
        self._passage_groups = _groups(languages)
        self._sentence_groups = _groups(np.repeat(languages, counts))

    def search(self, query: str) -> Hits:
        """Score every passage and sentence against a standalone question."""
        index = self.index
        question = self.embedder.questions([query])[0]
        terms = self.embedder.latent([query])
        latent = unit_rows(terms @ diags(index.latent_weights))
        similarity = index.vectors @ question
        sentence_similarity = _level(index.sentence_vectors @ question, self._sentence_groups)
        sentence_latent = _level(
            np.asarray((index.latent @ latent.T).todense(), dtype=np.float32).ravel(),
            self._sentence_groups,
        )
        keyword = self.keywords.scores(keyword_query(query))
        dense = _level(similarity, self._passage_groups) + self._best(sentence_similarity)
        fused = (
            DENSE * _standardised(dense)
            + LATENT * _standardised(self._best(sentence_latent))
            + KEYWORD * _standardised(keyword)
        )
        return Hits(
            similarity=similarity,
            keyword=keyword,
            sentence_similarity=sentence_similarity,
            sentence_latent=sentence_latent,
            fused=fused,
            relevance=1 / (1 + np.exp(-(fused - 2.5))),
        )

    def best(self, hits: Hits, count: int) -> list[tuple[int, ScoredPassage]]:
        """The rows and passages of the highest fused scores, best first."""
        order = np.argsort(-hits.fused, kind="stable")[:count]
        return [
            (
                int(row),
                ScoredPassage(
                    passage=self.index.passages[row],
                    similarity=round(float(hits.similarity[row]), 4),
                    keyword=round(float(hits.keyword[row]), 4) if hits.keyword[row] > 0 else None,
                    relevance=round(float(hits.relevance[row]), 4),
                ),
            )
            for row in order
        ]

    def _best(self, sentences: Vectors) -> Vectors:
        """The highest sentence score of each passage."""
        if not len(sentences):
            return sentences
        best: Vectors = np.maximum.reduceat(sentences, self.index.first_sentence[:-1])
        return best


class KeywordIndex:
    """BM25 over stems, by bm25s, with the weight of each stem."""

    def __init__(self, texts: list[list[str]]) -> None:
        """Count stems; row i is texts[i]."""
        import bm25s

        self.rows = len(texts)
        self.document_count: dict[str, int] = {}
        for text in texts:
            for word in set(text):
                self.document_count[word] = self.document_count.get(word, 0) + 1
        self._bm25: Any = None
        if any(texts):
            self._bm25 = bm25s.BM25(method="lucene", k1=1.2, b=0.6)
            self._bm25.index(texts, show_progress=False)

    def scores(self, stems: Sequence[str]) -> Vectors:
        """BM25 score of every row; unknown stems count nothing, repeated ones repeatedly."""
        known = [word for word in stems if word in self.document_count]
        if self._bm25 is None or not known:
            return np.zeros(self.rows, dtype=np.float32)
        return np.asarray(self._bm25.get_scores(known), dtype=np.float32)

    def weight(self, stems: frozenset[str]) -> float:
        """How rare a word is, by its commonest stem: ln((N + 1) / (n + 0.5))."""
        having = max((self.document_count.get(word, 0) for word in stems), default=0)
        return float(np.log((self.rows + 1) / (having + 0.5)))


def question_stems(query: str) -> list[str]:
    """Stems of a question in both languages: its own language must not decide what is found."""
    found = content_words(query)
    return list(dict.fromkeys(stem(word, language) for word in found for language in LANGUAGES))


def keyword_query(query: str) -> list[str]:
    """Stems to count: the question's own twice, their translations once."""
    own = question_stems(query)
    other = {word for found in content_words(query) for word in translations(found)}
    return own * 2 + sorted(other.difference(own))


def _keyword_text(passage: Passage) -> list[str]:
    language: Language = "fr" if passage.lang == "fr" else "en"
    text = f"{passage.title} {passage.section} {passage.text}"
    return [stem(word, language) for word in content_words(text)]


def _groups(languages: NDArray[np.str_]) -> list[NDArray[np.int64]]:
    """Rows of each language that has enough of them."""
    rows = [np.flatnonzero(languages == language) for language in np.unique(languages)]
    return [group for group in rows if len(group) >= MIN_OF_A_LANGUAGE]


def _level(scores: Vectors, groups: list[NDArray[np.int64]]) -> Vectors:
    """Shift each language's scores so that their upper level is that of all scores."""
    if len(groups) < 2:
        return scores
    overall = np.quantile(scores, BIAS_QUANTILE)
    level = scores.copy()
    for rows in groups:
        level[rows] -= np.quantile(scores[rows], BIAS_QUANTILE) - overall
    return level


def _standardised(scores: Vectors) -> Vectors:
    spread = float(scores.std()) if len(scores) else 0.0
    return (scores - scores.mean()) / spread if spread > 1e-6 else np.zeros_like(scores)
