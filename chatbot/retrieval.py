"""Hybrid search: what a question is about, by meaning, by latent terms and by words.

Every score is exact (matrix products) while the index fits into memory. The scores go into one
weighted sum whose weights were fitted on development questions: rank fusion was measured to be
worse than dense search alone on paraphrased ones. Dense scores favour the question's own
language; that is taken out, so that the language never decides which documents are found.
Knows nothing of answers or of models other than the embedder.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import diags

from chatbot.embedding import Embedder, Vectors
from chatbot.index import Index, unit_rows
from chatbot.language import content_words, stem
from chatbot.lexicon import keyword_query, stems_in_both
from chatbot.records import Language, Passage, ScoredPassage
from chatbot.written_questions import NO_QUESTIONS, Neighbours, WrittenQuestions

DENSE, LATENT, KEYWORD = 0.5, 0.4, 0.4
"""Weights of the standardised scores; see DECISIONS.md for the fit and its neighbours."""
WRITTEN, ADAPTED = 2.0, 5.0
"""Weights of the likeness of a written question and of the sentence in the space adapted to them,
each 0…1, beside the standardised scores."""
EXACT_PASSAGES = 5_000
"""Up to this many passages every sentence is compared: some 20,000 vectors."""
SHORTLIST = 300
"""Passages of a larger index whose sentences are compared, by each of the two scores."""
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
    sentence_asked: Vectors
    """Likeness of a written question that each sentence answers, 0…1, shape (sentences,)."""
    sentence_adapted: Vectors
    """Likeness of each sentence in the adapted space, 0…1, shape (sentences,)."""
    neighbours: Neighbours
    """What the questions that were written for the documents say of this one."""


class Searcher:
    """An index ready to be searched."""

    def __init__(
        self, index: Index, embedder: Embedder, written: WrittenQuestions = NO_QUESTIONS
    ) -> None:
        """Count the index's words; the vectors are used as they are."""
        self.index = index
        self.embedder = embedder
        self.written = written
        self.keywords = KeywordIndex([_keyword_text(passage) for passage in index.passages])
        # Numbers, because comparing many thousand short texts takes longer than searching them.
        languages = [passage.lang for passage in index.passages]
        self._languages = np.unique(languages, return_inverse=True)[1]

    def search(self, query: str) -> Hits:
        """Score passages and their sentences against a standalone question.

        In a large index sentences are compared only in the passages that lead by their own vector
        or by words; the others keep the lowest scores.
        """
        index = self.index
        question, terms = self.embedder.question(query)
        similarity = index.vectors @ question
        keyword = self.keywords.scores(keyword_query(query))
        rows = self._shortlist(similarity, keyword)
        sentences, starts = self._sentences(rows)
        groups = _groups(self._languages[rows])
        sentence_groups = _groups(
            np.repeat(self._languages[rows], np.diff(np.append(starts, len(sentences))))
        )
        every = len(rows) == len(index.passages)  # picking rows would copy them all
        vectors = index.sentence_vectors if every else index.sentence_vectors[sentences]
        terms_said = index.latent if every else index.latent[sentences]
        said = _level(vectors @ question, sentence_groups)
        weighted = unit_rows(terms @ diags(index.latent_weights))
        meant = _level(
            np.asarray((terms_said @ weighted.T).todense(), dtype=np.float32).ravel(),
            sentence_groups,
        )
        neighbours = self.written.nearest(query, question)
        asked, adapted = np.zeros((2, index.first_sentence[-1]), dtype=np.float32)
        asked[neighbours.rows], adapted[neighbours.rows] = neighbours.asked, neighbours.said
        fused = (
            DENSE * _standardised(_level(similarity[rows], groups) + _highest(said, starts))
            + LATENT * _standardised(_highest(meant, starts))
            + KEYWORD * self.keywords.known_share(query) * _standardised(keyword[rows])
            + WRITTEN * _highest(asked[sentences], starts)
            + ADAPTED * _highest(adapted[sentences], starts)
        )
        return Hits(
            similarity=similarity,
            keyword=keyword,
            sentence_similarity=_placed(said, sentences, index.first_sentence[-1]),
            sentence_latent=_placed(meant, sentences, index.first_sentence[-1]),
            sentence_asked=asked,
            sentence_adapted=adapted,
            neighbours=neighbours,
            fused=_placed(fused, rows, len(index.passages)),
        )

    def _shortlist(self, similarity: Vectors, keyword: Vectors) -> NDArray[np.int64]:
        """Rows of the passages whose sentences are compared, ascending; all of a small index."""
        if len(similarity) <= EXACT_PASSAGES:
            return np.arange(len(similarity))
        leading = [
            np.argpartition(-scores, SHORTLIST)[:SHORTLIST] for scores in (similarity, keyword)
        ]
        return np.unique(np.concatenate(leading))

    def _sentences(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the passages' sentences, and where each passage's begin among them."""
        first = self.index.first_sentence
        counts = (first[1:] - first[:-1])[rows]
        starts = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.int64)
        return np.arange(counts.sum()) + np.repeat(first[rows] - starts, counts), starts

    def best(
        self, hits: Hits, count: int, documents: Collection[str] | None = None
    ) -> list[tuple[int, ScoredPassage]]:
        """The rows and passages of the highest fused scores, best first.

        Args:
            hits: of this index.
            count: passages at most.
            documents: only passages of these documents; of all if None.
        """
        order = np.argsort(-hits.fused, kind="stable")
        if documents is not None:
            wanted = frozenset(documents)
            order = order[[self.index.passages[row].doc in wanted for row in order]]
        order = order[:count]
        return [
            (
                int(row),
                ScoredPassage(
                    passage=self.index.passages[row],
                    similarity=round(float(hits.similarity[row]), 4),
                    keyword=round(float(hits.keyword[row]), 4) if hits.keyword[row] > 0 else None,
                    relevance=round(1 / (1 + math.exp(2.5 - float(hits.fused[row]))), 4),
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

    def scores(self, stems: Sequence[str]) -> Vectors:
        """BM25 score of every row; unknown stems count nothing, repeated ones repeatedly."""
        known = [word for word in stems if word in self.document_count]
        if self._bm25 is None or not known:
            return np.zeros(self.rows, dtype=np.float32)
        return np.asarray(self._bm25.get_scores(known), dtype=np.float32)

    def known_share(self, query: str) -> float:
        """Share of a question's words that the texts have, in either language, 0…1.

        Of a German question on English texts only the names are known, and they decide nothing.
        """
        asked = set(content_words(query))
        known = sum(not self.document_count.keys().isdisjoint(stems_in_both(w)) for w in asked)
        return known / max(1, len(asked))

    def weight(self, stems: frozenset[str]) -> float:
        """How rare a word is, by its commonest stem: ln((N + 1) / (n + 0.5))."""
        having = max((self.document_count.get(word, 0) for word in stems), default=0)
        return float(np.log((self.rows + 1) / (having + 0.5)))


def _keyword_text(passage: Passage) -> list[str]:
    language: Language = "fr" if passage.lang == "fr" else "en"
    text = f"{passage.title} {passage.section} {passage.text}"
    return [stem(word, language) for word in content_words(text)]


def _groups(languages: NDArray[np.int64]) -> list[NDArray[np.int64]]:
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


def _highest(sentences: Vectors, starts: NDArray[np.int64]) -> Vectors:
    """The highest sentence score of each passage."""
    if not len(sentences):
        return sentences
    best: Vectors = np.maximum.reduceat(sentences, starts)
    return best


def _placed(scores: Vectors, rows: NDArray[np.int64], size: int) -> Vectors:
    """Scores at their rows; those that were not computed get the lowest of them."""
    if len(rows) == size:
        return scores
    placed = np.full(size, scores.min(initial=0.0), dtype=np.float32)
    placed[rows] = scores
    return placed
