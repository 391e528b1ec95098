"""What can go wrong in a way that the user can mend.

ChatbotError                what is wrong, and the command or step that mends it
├── UsageError              the words of the call are off (exit code 2)
├── ConfigError             a setting is invalid
├── ModelFileError          a model file is missing, damaged or unusable
├── DocumentError           a document or a folder of documents cannot be read
├── StorageError            the index cannot be opened, locked or built
└── DatasetError            an evaluation set or a saved run is broken

Anything else that is raised is a programming mistake and keeps its own type.
"""


class ChatbotError(Exception):
    """What is wrong, in one line, and what mends it, in one line."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class UsageError(ChatbotError):
    """The call itself is wrong: an empty question, a folder that does not exist."""

    exit_code = 2


class ConfigError(ChatbotError):
    """A setting of the environment, of chatbot.toml or of a flag is invalid."""

    exit_code = 2


class ModelFileError(ChatbotError):
    """A model file is missing, damaged, of another kind, or fails its checksum."""


class DocumentError(ChatbotError):
    """A document, or a folder of documents, cannot be read."""


class StorageError(ChatbotError):
    """The index cannot be opened, locked, built or switched."""


class DatasetError(ChatbotError):
    """An evaluation set or a saved run is broken or does not fit."""
