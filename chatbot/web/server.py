"""Serving the page until Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

import uvicorn

from chatbot.chatbot import Chatbot
from chatbot.errors import ChatbotError
from chatbot.web.application import create

SECONDS_TO_SHUT_DOWN = 2
"""An open page holds a stream open; it must not hold the server."""


def check_port(host: str, port: int) -> None:
    """Find out before the models are loaded whether the page can be served there.

    Raises:
        ChatbotError: the port is in use or not allowed, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ChatbotError(
                f"Port {port} on {host} is in use, perhaps by another chatbot.",
                f"Stop that program, or take another: chatbot serve --port {port % 65535 + 1}",
            ) from error
        if error.errno == errno.EACCES:
            raise ChatbotError(
                f"Port {port} may only be used by the system's administrator.",
                "Take one above 1023: chatbot serve --port 7860",
            ) from error
        raise ChatbotError(
            f"This machine has no address {host}.", "Take its own: chatbot serve --host 127.0.0.1"
        ) from error


def serve_page(chatbot: Chatbot, announce: Callable[[str], None]) -> None:
    """Serve until Ctrl-C.

    Args:
        chatbot: opened; not closed here.
        announce: gets the page's address when it answers.

    Raises:
        ChatbotError: the page cannot be served.
    """
    config = chatbot.config
    check_port(config.host, config.port)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    server = _Server(
        uvicorn.Config(
            create(chatbot),
            host=config.host,
            port=config.port,
            # Addresses hold what was searched for: nothing of a request is written down.
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=SECONDS_TO_SHUT_DOWN,
        ),
        announce,
    )
    server.run()


def _is_news(record: logging.LogRecord) -> bool:
    """False for what the end of the server does to the streams of pages that are open."""
    cause = record.exc_info[0] if record.exc_info else None
    is_cancelled = cause is not None and issubclass(cause, asyncio.CancelledError)
    return not is_cancelled and "graceful shutdown exceeded" not in record.getMessage()


class _Server(uvicorn.Server):
    """Says where the page is as soon as it answers."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[str], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
            self._announce(f"http://{host}:{self.config.port}")
