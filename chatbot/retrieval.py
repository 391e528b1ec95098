"""Hybrid search: the passages that a question is about, by meaning and by words.

Dense search is exact (a matrix product) while the index fits into memory; keyword search is
BM25 over stems. Both scores go into one weighted sum: rank fusion was measured to be worse than
dense search alone on paraphrased questions. Knows nothing of sentences' answers or of models
other than the embedder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.embedding import Embedder, Vectors
from chatbot.index import Index
from chatbot.language import content_words, stem
from chatbot.records import Language, Passage, ScoredPassage

DENSE_WEIGHT = 0.6
"""Share of the dense score in the fused one; see DECISIONS.md for the fit and its neighbours."""
LANGUAGES: tuple[Language, ...] = ("en", "fr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Scores of every passage for one question. Rows are those of Index.passages."""

    question: Vectors
    """The question's unit vector, shape (384,)."""
    similarity: Vectors
    """Cosine with each passage, shape (passages,)."""
    keyword: Vectors
    """BM25 score of each passage, 0 where no word matched, shape (passages,)."""
    fused: Vectors
    """Weighted sum of both, scaled to 0…1, shape (passages,)."""


class Searcher:
    """An index ready to be searched."""

    def __init__(self, index: Index, embedder: Embedder) -> None:
        """Count the index's words; the vectors are used as they are."""
        self.index = index
        self.embedder = embedder
        self.keywords = KeywordIndex([_keyword_text(passage) for passage in index.passages])

    def search(self, query: str) -> Hits:
        """Score every passage against a standalone question."""
        question = self.embedder.questions([query])[0]
        similarity = self.index.vectors @ question
        keyword = self.keywords.scores(question_stems(query))
        fused = DENSE_WEIGHT * _scaled(similarity) + (1 - DENSE_WEIGHT) * _share(keyword)
        return Hits(question=question, similarity=similarity, keyword=keyword, fused=fused)

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
                    relevance=round(float(hits.fused[row]), 4),
                ),
            )
            for row in order
        ]


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

    def scores(self, stems: list[str]) -> Vectors:
        """BM25 score of every row; unknown stems count nothing."""
        known = [word for word in stems if word in self.document_count]
        if self._bm25 is None or not known:
            return np.zeros(self.rows, dtype=np.float32)
        return np.asarray(self._bm25.get_scores(known), dtype=np.float32)

    def weight(self, word: str) -> float:
        """How rare a stem is: ln((N + 1) / (n + 0.5)); a stem of no text is the rarest."""
        return float(np.log((self.rows + 1) / (self.document_count.get(word, 0) + 0.5)))


def question_stems(query: str) -> list[str]:
    """Stems of a question in both languages: its own language must not decide what is found."""
    found = content_words(query)
    return list(dict.fromkeys(stem(word, language) for language in LANGUAGES for word in found))


def _keyword_text(passage: Passage) -> list[str]:
    language: Language = "fr" if passage.lang == "fr" else "en"
    text = f"{passage.title} {passage.section} {passage.text}"
    return [stem(word, language) for word in content_words(text)]


def _scaled(similarity: Vectors) -> Vectors:
    """Cosines of e5 crowd together near 0.8; spread the best of them over 0…1."""
    if not len(similarity):
        return similarity
    top = float(similarity.max())
    floor = float(np.quantile(similarity, 0.5))
    spread: NDArray[np.float32] = np.clip((similarity - floor) / max(top - floor, 1e-6), 0, 1)
    return spread


def _share(keyword: Vectors) -> Vectors:
    top = float(keyword.max()) if len(keyword) else 0.0
    return keyword / top if top > 0 else keyword
