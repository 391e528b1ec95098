"""Conversations, ratings and choices on this machine: SQLite, one file, for its owner's eyes only.

A conversation belongs to the browser that began it. Knows nothing of pages.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from chatbot.errors import StorageError
from chatbot.records import (
    Answer,
    AnswerSentence,
    Citation,
    DroppedSentence,
    OtherValue,
    Passage,
    ScoredPassage,
    Seconds,
    Tokens,
    Turn,
)

Verdict = Literal["good", "bad"]
MOST_TITLE = 80

_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL,
    created TEXT NOT NULL, updated TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_owner ON conversations (owner, updated);
CREATE TABLE IF NOT EXISTS turns (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    answer TEXT UNIQUE NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_conversation ON turns (conversation, number);
CREATE TABLE IF NOT EXISTS ratings (
    answer TEXT PRIMARY KEY REFERENCES turns (answer) ON DELETE CASCADE,
    verdict TEXT NOT NULL, reason TEXT NOT NULL, created TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS left_out (
    owner TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (owner, doc)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A conversation without its turns."""

    id: str
    title: str
    updated: str
    """Moment of the last answer, ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """A reader's verdict on an answer."""

    answer: Answer
    verdict: Verdict
    reason: str
    earlier: tuple[Answer, ...]
    """What was asked and answered before it in its conversation, oldest first."""


class Conversations:
    """The store; calls from any thread."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it if it is not there.

        Raises:
            StorageError: it cannot be opened or is no store.
        """
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Made with its mode before SQLite opens it: its side files take over that mode.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA foreign_keys = ON")
            self._base.execute("PRAGMA secure_delete = ON")
            self._base.execute("PRAGMA busy_timeout = 2000")
            self._base.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"The conversations in {path} cannot be opened: {error}.",
                "Move that file away and start again; the index is not touched.",
            ) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base.close()

    def add(self, owner: str, conversation: str, answer: Answer) -> str:
        """Append an answered turn; begins a conversation where there is none of that name.

        Returns:
            The conversation's id.
        """
        now = _now()
        data = json.dumps(_to_json(answer), ensure_ascii=False)
        with self._transaction() as base:
            if not self._owns(base, owner, conversation):
                conversation = uuid.uuid4().hex
                base.execute(
                    "INSERT INTO conversations VALUES (?, ?, ?, ?, ?)",
                    (conversation, owner, answer.question[:MOST_TITLE], now, now),
                )
            base.execute(
                "INSERT INTO turns (conversation, answer, data) VALUES (?, ?, ?)",
                (conversation, answer.id, data),
            )
            base.execute("UPDATE conversations SET updated = ? WHERE id = ?", (now, conversation))
        return conversation

    def answers(self, owner: str, conversation: str) -> list[Answer]:
        """The answers of a conversation, oldest first; none if it is not this owner's."""
        rows = self._rows(
            "SELECT data FROM turns JOIN conversations ON conversations.id = conversation "
            "WHERE conversation = ? AND owner = ? ORDER BY number",
            (conversation, owner),
        )
        return [_from_json(json.loads(data)) for (data,) in rows]

    def drop_last(self, owner: str, conversation: str) -> Answer | None:
        """Take the last turn away, to ask it again or otherwise; gives it back."""
        with self._transaction() as base:
            if not self._owns(base, owner, conversation):
                return None
            row = base.execute(
                "SELECT number, data FROM turns WHERE conversation = ? "
                "ORDER BY number DESC LIMIT 1",
                (conversation,),
            ).fetchone()
            if row is None:
                return None
            base.execute("DELETE FROM turns WHERE number = ?", (row[0],))
        return _from_json(json.loads(row[1]))

    def find(self, owner: str, words: str = "") -> list[Conversation]:
        """An owner's conversations, newest first, that hold all the words somewhere."""
        where, values = "", [owner]
        for word in words.split():
            where += (
                " AND (title LIKE ? ESCAPE '\\' OR EXISTS (SELECT 1 FROM turns "
                "WHERE conversation = conversations.id AND data LIKE ? ESCAPE '\\'))"
            )
            pattern = word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
            values += [f"%{pattern}%"] * 2
        rows = self._rows(
            f"SELECT id, title, updated FROM conversations WHERE owner = ?{where} "
            "ORDER BY updated DESC LIMIT 200",
            tuple(values),
        )
        return [Conversation(id=row[0], title=row[1], updated=row[2]) for row in rows]

    def title(self, owner: str, conversation: str) -> str | None:
        """A conversation's name, or None if it is not this owner's."""
        rows = self._rows(
            "SELECT title FROM conversations WHERE id = ? AND owner = ?", (conversation, owner)
        )
        return str(rows[0][0]) if rows else None

    def rename(self, owner: str, conversation: str, title: str) -> bool:
        """Name a conversation; False if it is not this owner's or the name is empty."""
        title = " ".join(title.split())[:MOST_TITLE]
        with self._transaction() as base:
            if not title or not self._owns(base, owner, conversation):
                return False
            base.execute("UPDATE conversations SET title = ? WHERE id = ?", (title, conversation))
        return True

    def delete(self, owner: str, conversation: str) -> bool:
        """Delete a conversation with its answers and ratings; False if it is not this owner's."""
        with self._transaction() as base:
            if not self._owns(base, owner, conversation):
                return False
            base.execute("DELETE FROM conversations WHERE id = ?", (conversation,))
        return True

    def rate(self, owner: str, answer: str, verdict: Verdict, reason: str) -> bool:
        """Keep a verdict on an answer, the newest one; False if it is not this owner's."""
        with self._transaction() as base:
            known = base.execute(
                "SELECT 1 FROM turns JOIN conversations ON conversations.id = conversation "
                "WHERE answer = ? AND owner = ?",
                (answer, owner),
            ).fetchone()
            if known is None:
                return False
            base.execute(
                "INSERT OR REPLACE INTO ratings VALUES (?, ?, ?, ?)",
                (answer, verdict, reason[:500], _now()),
            )
        return True

    def ratings(self, owner: str) -> list[Rating]:
        """An owner's verdicts, oldest first."""
        rows = self._rows(
            "SELECT answer, conversation, verdict, reason FROM ratings JOIN turns USING (answer) "
            "JOIN conversations ON conversations.id = conversation WHERE owner = ? "
            "ORDER BY ratings.created",
            (owner,),
        )
        found = []
        for name, conversation, verdict, reason in rows:
            answers = self.answers(owner, conversation)
            place = next((i for i, answer in enumerate(answers) if answer.id == name), None)
            if place is not None:
                found.append(
                    Rating(
                        answer=answers[place],
                        verdict=verdict,
                        reason=reason,
                        earlier=tuple(answers[:place]),
                    )
                )
        return found

    def left_out(self, owner: str) -> frozenset[str]:
        """The documents that an owner does not want to ask; those that come later are asked."""
        return frozenset(
            doc for (doc,) in self._rows("SELECT doc FROM left_out WHERE owner = ?", (owner,))
        )

    def choose(self, owner: str, docs: Sequence[str], *, asked: bool) -> None:
        """Ask documents from now on, or leave them out."""
        query = (
            "DELETE FROM left_out WHERE owner = ? AND doc = ?"
            if asked
            else "INSERT OR IGNORE INTO left_out VALUES (?, ?)"
        )
        with self._transaction() as base:
            base.executemany(query, [(owner, doc) for doc in docs])

    def _rows(self, query: str, values: tuple[str, ...]) -> list[Any]:
        with self._lock:
            return self._base.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self._base
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    @staticmethod
    def _owns(base: sqlite3.Connection, owner: str, conversation: str) -> bool:
        row = base.execute(
            "SELECT 1 FROM conversations WHERE id = ? AND owner = ?", (conversation, owner)
        ).fetchone()
        return row is not None


def history(answers: Sequence[Answer]) -> list[Turn]:
    """A conversation as a follow-up question needs it."""
    turns = []
    for answer in answers:
        turns.append(Turn(role="user", content=answer.question))
        turns.append(Turn(role="assistant", content=answer.answer))
    return turns


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _to_json(answer: Answer) -> dict[str, Any]:
    data = answer.to_json()
    for row, found in zip(data["passages"], answer.passages, strict=True):
        row["lang"] = found.passage.lang
    # A refusal shows its nearest passages; an answer shows its citations instead.
    data["passages"] = data["passages"][:3] if answer.abstained else []
    return data


def _from_json(data: Mapping[str, Any]) -> Answer:
    return Answer(
        id=data["id"],
        question=data["question"],
        query=data["query"],
        language=data["language"],
        status=data["status"],
        reason=data["reason"],
        answer=data["answer"],
        sentences=tuple(
            AnswerSentence(text=row["text"], citations=tuple(row["citations"]))
            for row in data["sentences"]
        ),
        citations=tuple(
            Citation(**{**row, "published": _day(row["published"]), "as_of": _day(row["as_of"])})
            for row in data["citations"]
        ),
        as_of=_day(data["as_of"]),
        other_values=tuple(
            OtherValue(**{**row, "as_of": _day(row["as_of"])}) for row in data["other_values"]
        ),
        passages=tuple(_passage(row) for row in data["passages"]),
        dropped=tuple(DroppedSentence(**row) for row in data["dropped"]),
        probability=data["probability"],
        model=data["model"],
        seconds=Seconds(**data["seconds"]),
        tokens=Tokens(**data["tokens"]),
    )


def _passage(row: Mapping[str, Any]) -> ScoredPassage:
    passage = Passage(
        id="",
        doc=row["doc"],
        title=row["title"],
        section=row["section"],
        published=_day(row["published"]),
        as_of=_day(row["as_of"]),
        lang=row["lang"],
        start=row["start"],
        end=row["end"],
        text=row["text"],
        sentences=(),
    )
    return ScoredPassage(
        passage=passage,
        similarity=row["similarity"],
        keyword=row["keyword"],
        relevance=row["relevance"],
    )


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None
