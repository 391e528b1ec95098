"""The web application: hardening, own routes, and the gradio page mounted at /."""

from __future__ import annotations

import contextlib
import os
import socket
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from chatbot.chatbot import Chatbot
from chatbot.web import documents, lean, own, services
from chatbot.web.conversations import Conversations
from chatbot.web.hardening import Hardening
from chatbot.web.intake import Intake
from chatbot.web.line import WaitingLine

STATIC = Path(__file__).parent / "static"


def create(chatbot: Chatbot) -> FastAPI:
    """Build the application around an open chatbot.

    Raises:
        StorageError: the conversations cannot be opened.
    """
    # Asked when gradio is imported and when it starts; nothing here may call out.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with lean.without_stub_files():
            import gradio as gr

        from chatbot.web.page import HEAD, Page, build

    store = Conversations(chatbot.config.storage_dir / "conversations.sqlite3")
    library = documents.Library(chatbot)
    line = WaitingLine()
    intake = Intake(chatbot)
    page = Page(chatbot, library, store, line)
    blocks, words = build(page)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        intake.close()
        line.close()
        store.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    # The last one added is the first to see a request.
    app.add_middleware(Hardening, upload_bytes=chatbot.config.own_document_bytes)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(chatbot.config.host))
    app.mount("/page", StaticFiles(directory=STATIC))
    app.include_router(documents.routes(library, store))
    app.include_router(own.routes(chatbot, store, intake))
    app.include_router(services.routes(chatbot, store, line))
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        run_history=False,
        footer_links=[],
        enable_monitoring=False,
        show_error=False,
        ssr_mode=False,
        pwa=False,
        max_file_size=1,
        i18n=words,
        head=HEAD,
        # The system's own fonts: the default theme would send two of gradio's.
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
    )
    return mounted


def allowed_hosts(host: str) -> list[str]:
    """The names under which this server answers: this machine's, and the one it was given."""
    hosts = ["127.0.0.1", "localhost"]
    if host in ("0.0.0.0", "::"):
        hosts.append(socket.gethostname())
    elif host not in hosts:
        hosts.append(host)
    return hosts
