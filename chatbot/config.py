"""Settings: one frozen object, read from flags, then CHATBOT_… variables, then chatbot.toml.

Constructing it does no work and touches no file but chatbot.toml.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from chatbot.errors import ConfigError
from chatbot.records import Writing

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Config(BaseSettings):
    """Every setting, with its unit and why the default is what it is."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix="CHATBOT_",
        toml_file=PROJECT_ROOT / "chatbot.toml",
        extra="forbid",
    )

    docs_dir: Path = PROJECT_ROOT / "docs"
    """Folder of documents to answer from."""
    storage_dir: Path = PROJECT_ROOT / "storage"
    """Folder of the indexes, which can be rebuilt from the documents, of conversations and of the
    documents that were added."""
    own_documents_dir: Path | None = None
    """Folder of the documents that were added on the page or by `chatbot documents add`; by default
    one for each docs folder, below the storage folder: whoever names a folder with --docs wants
    answers from that folder, and a question set with its own documents must stay unmixed."""
    own_document_bytes: int = Field(10_000_000, ge=1_000, le=20_000_000)
    """Largest file that may be added, in bytes; a book of 500 pages has about 3 MB."""
    models_dir: Path = PROJECT_ROOT / "models"
    """Folder of model files."""
    chat_model: str = "smollm2-135m"
    """Name in the catalogue, path of a GGUF file, or "none": answers are then quotes only."""
    passage_characters: int = Field(700, ge=100, le=4000)
    """Longest passage that is not a single sentence: about 150 tokens of the embedder, whose
    window is 512."""
    passages: int = Field(12, ge=1, le=50)
    """Passages that evidence is taken from."""
    answer_words: int = Field(60, ge=10, le=300)
    """Most words of a quoted answer: three average sentences of news prose."""
    answer_tokens: int = Field(160, ge=16, le=1024)
    """Most tokens that the model may draft."""
    context_tokens: int = Field(2048, ge=512, le=131072)
    """Context window asked of llama.cpp; the evidence prompt needs about 600."""
    writing: Writing | None = None
    """How far the model's words are the answer; by default what its verdict allows, because a model
    may do worse than the quotes (`chatbot models list` says what was measured)."""
    host: str = "127.0.0.1"
    """Address that the page listens on."""
    port: int = Field(7860, ge=1, le=65535)
    """TCP port of the page."""

    @property
    def docs_identity(self) -> str:
        """Short name of the docs folder, by its place: what belongs to it in the storage folder."""
        docs = self.docs_dir.resolve()
        digest = hashlib.sha256(str(docs).encode("utf-8", "surrogateescape")).hexdigest()[:8]
        name = "".join(c if c.isalnum() else "-" for c in docs.name)[:40] or "docs"
        return f"{name}-{digest}"

    @property
    def own_folder(self) -> Path:
        """Folder of the documents that were added; need not be there."""
        default = self.storage_dir / "own-documents" / self.docs_identity
        return self.own_documents_dir or default

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags first, then the environment, then chatbot.toml; no .env, which Chroma reads."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_config(**flags: Any) -> Config:
    """Build the settings; a flag that is None counts as not given.

    Raises:
        ConfigError: a value is invalid; names the setting and what is allowed.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Config(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"The setting {name} is invalid: {first['msg']}.",
            f"Mend it in chatbot.toml, in CHATBOT_{name.upper()}, or in the flag.",
        ) from None
