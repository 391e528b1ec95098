"""Files that people add, on their way into the index: how far each has come.

A file is checked and stored by the thread that brings it; one thread of its own then brings the
index up to date for all that wait. Knows nothing of pages.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from chatbot import own_documents
from chatbot.chatbot import Chatbot
from chatbot.errors import ChatbotError, StorageError

SECONDS_FOR_MORE = 15.0
"""How long to wait for the next of several files before the index is brought up to date."""
SECONDS_TO_RETRY = 3.0
MOST_TRIES = 10
"""Another process may hold the storage folder, for instance `chatbot ingest`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A document that was added since the program started."""

    doc: str
    passages: int
    state: Literal["indexing", "ready", "failed"] = "indexing"
    done: int = 0
    """Passages that are in the index."""
    reason: str = ""
    """Why it failed."""

    @property
    def share(self) -> float:
        """How much of it is in the index, 0…1."""
        return 1.0 if self.state == "ready" else min(1.0, self.done / max(1, self.passages))


class Intake:
    """Takes documents in and out."""

    def __init__(self, chatbot: Chatbot) -> None:
        self._chatbot = chatbot
        self._coming: dict[str, Coming] = {}
        self._changed = threading.Condition()
        self._wanted = False
        self._at_work = False
        self._more_until = 0.0
        self._closed = False
        self._counted: tuple[str, int] = ("", 0)
        self._worker = threading.Thread(target=self._run, name="intake", daemon=True)
        self._worker.start()

    def add(self, name: str, data: bytes, *, replaces: bool, more: bool) -> Coming:
        """Check and store a file; its way into the index goes on without the caller.

        Args:
            name: of the file, perhaps with folders.
            data: its content.
            replaces: may take the place of another document of that name.
            more: others follow at once, so the index can wait for them.

        Raises:
            DocumentError: it is refused.
        """
        try:
            added = own_documents.add(self._chatbot.config, name, data, replace=replaces)
        finally:
            # A refused last file must not keep those before it waiting.
            with self._changed:
                self._more_until = time.monotonic() + SECONDS_FOR_MORE if more else 0.0
                self._changed.notify()
        coming = Coming(doc=added.doc, passages=added.passages)
        with self._changed:
            self._coming[added.doc] = coming
            self._wanted = True
            self._changed.notify()
        return coming

    def remove(self, doc: str) -> None:
        """Take an added document out; the index follows.

        Raises:
            UsageError: it is not an added document.
        """
        own_documents.remove(self._chatbot.config, doc)
        with self._changed:
            self._coming.pop(doc, None)
            self._wanted = True
            self._changed.notify()

    def coming(self) -> tuple[Coming, ...]:
        """What was added since the program started, in that order."""
        with self._changed:
            return tuple(self._coming.values())

    @property
    def busy(self) -> bool:
        """The index does not yet say what the files say."""
        with self._changed:
            return self._wanted or self._at_work

    def close(self) -> None:
        """End the thread; what is half way in is taken in at the next start."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._worker.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closed)
                while not self._closed and (left := self._more_until - time.monotonic()) > 0:
                    self._changed.wait(left)
                if self._closed:
                    return
                self._wanted, self._at_work = False, True
                docs = [c.doc for c in self._coming.values() if c.state == "indexing"]
            try:
                self._sync(docs)
            finally:
                with self._changed:
                    self._at_work = False

    def _sync(self, docs: Collection[str]) -> None:
        try:
            for attempt in range(MOST_TRIES):
                try:
                    report = self._chatbot.sync(self._progress)
                    break
                except StorageError:
                    if attempt == MOST_TRIES - 1 or self._closed:
                        raise
                    time.sleep(SECONDS_TO_RETRY)
        except ChatbotError as error:
            self._end(docs, dict.fromkeys(docs, str(error)))
        except Exception as error:  # a mistake of ours must not keep the page waiting for ever
            logging.getLogger(__name__).exception("The index could not be brought up to date")
            self._end(docs, dict.fromkeys(docs, type(error).__name__))
        else:
            self._end(docs, dict(report.failed))

    def _end(self, docs: Collection[str], reasons: dict[str, str]) -> None:
        with self._changed:
            for doc in docs:
                if doc in self._coming:
                    reason = reasons.get(doc, "")
                    state: Literal["ready", "failed"] = "failed" if reason else "ready"
                    self._coming[doc] = replace(self._coming[doc], state=state, reason=reason)

    def _progress(self, doc: str, done: int, total: int) -> None:
        """Count a document's own passages out of all that are indexed in one go."""
        with self._changed:
            known, before = self._counted
            if doc != known:
                # Documents come one after the other: those before it are in.
                if known in self._coming:
                    last = self._coming[known]
                    self._coming[known] = replace(last, done=last.passages)
                before = done
                self._counted = (doc, before)
            if doc in self._coming:
                self._coming[doc] = replace(self._coming[doc], done=done - before)
