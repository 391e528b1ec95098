"""The seams to LlamaIndex: our embedder and our search as its classes.

The program itself does not go through them (importing llama_index costs 1.5 s at every start);
any LlamaIndex engine, evaluator or agent can.
"""

from __future__ import annotations

from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from chatbot.embedding import Embedder
from chatbot.index import llama_index_node
from chatbot.retrieval import Searcher


class LlamaIndexEmbedding(BaseEmbedding):
    """The embedder as a LlamaIndex embedding model."""

    model_name: str = "multilingual-e5-small"

    def __init__(self, embedder: Embedder, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._embedder = embedder

    def _get_query_embedding(self, query: str) -> list[float]:
        return [float(x) for x in self._embedder.questions([query])[0]]

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float(x) for x in self._embedder.passages([text])[0]]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [[float(x) for x in row] for row in self._embedder.passages(texts)]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class LlamaIndexRetriever(BaseRetriever):
    """The hybrid search as a LlamaIndex retriever: nodes with their relevance, best first."""

    def __init__(self, searcher: Searcher, *, passages: int = 8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._searcher = searcher
        self._count = passages

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._searcher.search(query_bundle.query_str)
        found = self._searcher.best(hits, self._count)
        return [
            NodeWithScore(node=self._node(row), score=scored.relevance) for row, scored in found
        ]

    def _node(self, row: int) -> TextNode:
        passage = self._searcher.index.passages[row]
        return llama_index_node(passage, self._searcher.index.files[passage.doc])
