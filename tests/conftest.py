"""What tests share: the real index of docs/, copied, and small folders of documents."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatbot.chatbot import Chatbot
from chatbot.config import Config, load_config
from chatbot.embedding import Embedder

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return Embedder(ROOT / "models")


@pytest.fixture(scope="session")
def seeded_storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the index that `make ingest` built, so that no test waits for it again."""
    folder = tmp_path_factory.mktemp("storage") / "storage"
    shutil.copytree(
        ROOT / "storage",
        folder,
        ignore=shutil.ignore_patterns("lock*", "conversations*", "own-documents", "*.tmp"),
    )
    return folder


@pytest.fixture(scope="session")
def corpus_config(seeded_storage: Path) -> Config:
    return load_config(docs_dir=ROOT / "docs", storage_dir=seeded_storage)


@pytest.fixture(scope="session")
def quoting(corpus_config: Config) -> Iterator[Chatbot]:
    """The assistant over docs/ without a chat model."""
    with Chatbot.open(corpus_config.model_copy(update={"chat_model": "none"})) as chatbot:
        yield chatbot


@pytest.fixture(scope="session")
def drafting(corpus_config: Config) -> Iterator[Chatbot]:
    """The assistant over docs/ with the default chat model, which leads whatever its verdict."""
    with Chatbot.open(corpus_config.model_copy(update={"writing": "leading"})) as chatbot:
        assert chatbot.model is not None, chatbot.model_problem
        yield chatbot


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Three small documents that no other test changes."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "harbour.md").write_text(
        "---\ntitle: The harbour of Vannes\nlang: en\npublished: 2024-05-02\n---\n"
        "# The harbour of Vannes\n\n## Traffic\n\n"
        "The harbour handled 412 ships in 2023. Fishing boats made up two thirds of them.\n"
    )
    (folder / "mill.txt").write_text(
        "The old mill\n\nThe mill was built in 1847 by Jeanne Morel.\n"
        "It ground wheat until 1963 and is a museum today.\n"
    )
    (folder / "pont.txt").write_text(
        "Le pont neuf\n\nLe pont a coûté 3,4 millions d’euros et mesure 212 mètres.\n"
    )
    return folder


@pytest.fixture
def small_config(docs: Path, tmp_path: Path) -> Config:
    return load_config(docs_dir=docs, storage_dir=tmp_path / "storage", chat_model="none")
