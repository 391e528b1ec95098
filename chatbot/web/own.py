"""Routes for the documents that people add and for the choice of those that are asked.

What is added belongs to this machine: everybody who reaches the server can ask it. So it is added
and removed only where the page is served to this machine alone; there is no log-in here.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from chatbot.chatbot import Chatbot
from chatbot.errors import ChatbotError, UsageError
from chatbot.own_documents import TakenError
from chatbot.web.conversations import Conversations
from chatbot.web.hardening import browser_name
from chatbot.web.intake import Intake
from chatbot.web.refusals import reason_in
from chatbot.web.words import preferred

MOST_NAME = 1_000
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Named(BaseModel):
    """One document."""

    doc: str = Field(max_length=2_000)


class Choice(BaseModel):
    """Documents to ask, or to leave out, from now on."""

    docs: list[str] = Field(max_length=5_000)
    asked: bool


def routes(chatbot: Chatbot, store: Conversations, intake: Intake) -> APIRouter:
    """The routes below /own."""
    router = APIRouter()

    def refuse_strangers() -> None:
        if not manageable(chatbot):
            raise HTTPException(403)

    def said(request: Request, reason: str) -> str:
        return reason_in(preferred(request.headers.get("accept-language")), reason)

    @router.get("/own")
    def state(request: Request) -> dict[str, Any]:
        left_out = store.left_out(_owner(request))
        files = chatbot.index.files
        return {
            "busy": intake.busy,
            "total": len(files),
            "asked": sum(doc not in left_out for doc in files),
            "coming": [
                {
                    "doc": item.doc,
                    "state": item.state,
                    "share": item.share,
                    "reason": said(request, item.reason),
                }
                for item in intake.coming()
            ],
        }

    @router.post("/own/add")
    async def add(
        request: Request, name: str, replaces: bool = False, more: bool = False
    ) -> JSONResponse:
        refuse_strangers()
        try:
            data = await request.body()
            coming = await run_in_threadpool(
                intake.add, name[:MOST_NAME], data, replaces=replaces, more=more
            )
        except ClientDisconnect:  # cut off by the bound on bodies, or gone
            return JSONResponse({"doc": None, "reason": "", "taken": False}, 413)
        except ChatbotError as error:
            taken = isinstance(error, TakenError)
            reason = said(request, str(error))
            return JSONResponse({"doc": None, "reason": reason, "taken": taken})
        return JSONResponse({"doc": coming.doc})

    @router.post("/own/remove")
    def remove(body: Named) -> dict[str, bool]:
        refuse_strangers()
        try:
            intake.remove(body.doc)
        except UsageError as error:
            raise HTTPException(404) from error
        return {"done": True}

    @router.post("/own/asked")
    def choose(request: Request, body: Choice) -> dict[str, bool]:
        known = [doc for doc in body.docs if doc in chatbot.index.files]
        store.choose(_owner(request), known, asked=body.asked)
        return {"done": True}

    return router


def manageable(chatbot: Chatbot) -> bool:
    """Whether documents may be added and removed through the page."""
    return chatbot.config.host in LOOPBACK


def _owner(request: Request) -> str:
    owner = browser_name(request.headers.get("cookie"))
    if owner is None:
        raise HTTPException(403)
    return owner
