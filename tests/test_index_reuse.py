"""A passage whose text is already in the index is not embedded a second time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chatbot.config import Config
from chatbot.embedding import Embedder
from chatbot.index import Index, open_index

SECTIONS = "".join(
    f"## Part {number}\n\nBoat {number} has {number + 2} sails. "
    f"It was built in {1900 + number}.\n\n"
    for number in range(6)
)


@pytest.fixture
def long_document(small_config: Config) -> Path:
    path = small_config.docs_dir / "boats.md"
    path.write_text(f"# Boats\n\n{SECTIONS}")
    return path


def rows_of(index: Index, doc: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(vector, sentence vectors) by the passage's text."""
    return {
        passage.text: (
            index.vectors[row],
            index.sentence_vectors[index.first_sentence[row] : index.first_sentence[row + 1]],
        )
        for row, passage in enumerate(index.passages)
        if passage.doc == doc
    }


def test_a_changed_document_costs_only_its_changed_passage(
    small_config: Config, embedder: Embedder, long_document: Path
) -> None:
    before, first = open_index(small_config, embedder)
    long_document.write_text(long_document.read_text().replace("5 sails", "55 sails"))
    after, second = open_index(small_config, embedder)
    assert second.replaced == ("boats.md",)
    assert 0 < second.embedded <= 3 < first.embedded
    old, new = rows_of(before, "boats.md"), rows_of(after, "boats.md")
    assert len(new) == len(old)
    changed = [text for text in new if text not in old]
    assert len(changed) == 1
    assert "55 sails" in changed[0]
    for text in new.keys() & old.keys():  # Chroma scales vectors each time they are written
        assert np.allclose(new[text][0], old[text][0], atol=1e-6)
        assert np.allclose(new[text][1], old[text][1], atol=1e-6)
    whole, _ = open_index(
        small_config.model_copy(update={"storage_dir": small_config.storage_dir / "again"}),
        embedder,
    )
    assert np.allclose(whole.vectors, after.vectors, atol=1e-6)
    assert np.allclose(whole.sentence_vectors, after.sentence_vectors, atol=1e-6)
    assert abs(whole.raw_latent - after.raw_latent).max() < 1e-2


def test_a_renamed_document_costs_nothing(
    small_config: Config, embedder: Embedder, long_document: Path
) -> None:
    open_index(small_config, embedder)
    long_document.rename(long_document.with_name("ships.md"))
    index, report = open_index(small_config, embedder)
    assert (report.added, report.removed) == (("ships.md",), ("boats.md",))
    assert report.embedded == 0
    assert {passage.doc for passage in index.passages if "Boat" in passage.text} == {"ships.md"}
