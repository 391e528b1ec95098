"""Put the vectors of the questions written for docs/ into docs/questions.npz, beside them.

make vectors
"""

from __future__ import annotations

from chatbot.config import load_config
from chatbot.embedding import Embedder
from chatbot.index import open_index
from chatbot.question_file import FILE_NAME, read_written_questions
from chatbot.question_vectors import SHIPPED_NAME, question_vectors, ship_vectors


def main() -> None:
    """Write all of them; `chatbot ingest` has embedded those that were not known."""
    config = load_config(chat_model="none")
    embedder = Embedder(config.models_dir)
    index, _ = open_index(config, embedder)
    written, problems = read_written_questions(config.docs_dir / FILE_NAME)
    if problems:
        raise SystemExit("\n".join(f"{name}: {problem}" for name, problem in problems))
    texts = [question.text for question in written]
    cache = index.folder / "questions.npz"
    vectors = question_vectors(texts, embedder, config.docs_dir, cache)
    ship_vectors(config.docs_dir, texts, vectors, embedder)
    print(f"{len(texts)} vectors in {config.docs_dir / SHIPPED_NAME}")


if __name__ == "__main__":
    main()
