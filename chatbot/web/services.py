"""Small JSON routes beside the chat: conversations, ratings, models.

A conversation or an answer of another browser is answered like one that does not exist.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field

from chatbot.chatbot import Chatbot
from chatbot.models import CATALOGUE
from chatbot.verdicts import writing_of
from chatbot.web.conversations import Conversations, Verdict
from chatbot.web.exports import case, markdown
from chatbot.web.hardening import browser_name
from chatbot.web.line import LineFull, WaitingLine
from chatbot.web.words import preferred

SECONDS_TO_LOAD = 300.0


class Title(BaseModel):
    """A conversation's new name."""

    title: str = Field(max_length=200)


class Rated(BaseModel):
    """A verdict on an answer."""

    answer: str = Field(max_length=64)
    verdict: Verdict
    reason: str = Field("", max_length=500)


class Chosen(BaseModel):
    """The chat model to use; empty for quotes only."""

    name: str = Field(max_length=300)
    anyway: bool = False
    """Let it write although nothing shows that its words do as well as the quotes."""


def routes(chatbot: Chatbot, store: Conversations, line: WaitingLine) -> APIRouter:
    """The routes /conversations…, /feedback… and /models."""
    router = APIRouter()

    @router.get("/conversations")
    def conversations(request: Request, q: str = "") -> list[dict[str, str]]:
        found = store.find(_owner(request), q[:200])
        return [{"id": item.id, "title": item.title, "updated": item.updated} for item in found]

    @router.get("/conversations/{conversation}/export.md")
    def export(request: Request, conversation: str) -> Response:
        owner = _owner(request)
        title = store.title(owner, conversation)
        if title is None:
            raise HTTPException(404)
        language = preferred(request.headers.get("accept-language"))
        return _download(
            markdown(title, store.answers(owner, conversation), language),
            "text/markdown",
            "conversation.md",
        )

    @router.post("/conversations/{conversation}/rename")
    def rename(request: Request, conversation: str, body: Title) -> dict[str, bool]:
        return _done(store.rename(_owner(request), conversation, body.title))

    @router.post("/conversations/{conversation}/delete")
    def delete(request: Request, conversation: str) -> dict[str, bool]:
        return _done(store.delete(_owner(request), conversation))

    @router.post("/feedback")
    def feedback(request: Request, body: Rated) -> dict[str, bool]:
        return _done(store.rate(_owner(request), body.answer, body.verdict, body.reason))

    @router.get("/feedback/cases.jsonl")
    def cases(request: Request) -> Response:
        ratings = store.ratings(_owner(request))
        rows = [json.dumps(case(rating), ensure_ascii=False) for rating in ratings]
        return _download("".join(f"{row}\n" for row in rows), "application/jsonl", "cases.jsonl")

    @router.get("/models")
    def models() -> dict[str, Any]:
        return _models(chatbot)

    @router.post("/models")
    def choose(body: Chosen) -> dict[str, Any]:
        wanted = _installed(chatbot).get(body.name)
        if body.name and wanted is None:
            raise HTTPException(404)
        # Behind the questions that wait, so that no answer loses its model half way.
        try:
            job = line.join(lambda _: _load(chatbot, wanted, anyway=body.anyway))
        except LineFull as error:
            raise HTTPException(503) from error
        while not job.ended:
            job.take(SECONDS_TO_LOAD)
        return _models(chatbot)

    return router


class _Installed(NamedTuple):
    load_as: str
    description: str


def _load(chatbot: Chatbot, wanted: _Installed | None, *, anyway: bool) -> tuple[()]:
    if wanted is not None:
        chatbot.load_model(wanted.load_as)
        if anyway and chatbot.writing == "quoting":
            chatbot.writing = "leading"
    elif chatbot.model is not None:
        model, chatbot.model = chatbot.model, None
        model.close()
    return ()


def _models(chatbot: Chatbot) -> dict[str, Any]:
    model = chatbot.model
    current = None
    if model is not None:
        # A Llama licence asks for this line; no other model may carry it.
        llama = "llama" in model.licence.lower()
        current = {
            "name": model.name,
            "licence": model.licence,
            "llama": llama,
            "writes": chatbot.writing != "quoting",
            "earned": writing_of(chatbot.config.models_dir, model.sha256) != "quoting",
        }
    problem = str(chatbot.model_problem) if chatbot.model_problem else None
    installed = [
        {"name": name, "description": model.description}
        for name, model in _installed(chatbot).items()
    ]
    return {"current": current, "problem": problem, "installed": installed}


def _installed(chatbot: Chatbot) -> dict[str, _Installed]:
    """The chat models whose files are here, by name: the catalogue's, then any other GGUF."""
    folder = chatbot.config.models_dir
    known = [model for model in CATALOGUE if model.kind == "chat"]
    found = {
        model.name: _Installed(model.name, model.description)
        for model in known
        if (folder / model.file).is_file()
    }
    names = {model.file for model in known}
    for path in sorted(folder.glob("*.gguf")):
        if path.name not in names and path.is_file():
            found.setdefault(path.stem, _Installed(str(path), path.stem))
    return found


def _done(done: bool) -> dict[str, bool]:
    if not done:
        raise HTTPException(404)
    return {"done": True}


def _download(text: str, kind: str, name: str) -> Response:
    return Response(
        text,
        media_type=f"{kind}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _owner(request: Request) -> str:
    owner = browser_name(request.headers.get("cookie"))
    if owner is None:
        raise HTTPException(403)
    return owner
