"""What the server refuses before any page sees it, and the headers of every response.

Only this page talks to this server: foreign host names (DNS rebinding), foreign origins
(cross-site posts), large bodies and every route of gradio that the page does not need (uploads,
files, proxy, monitoring, editing) are refused.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import MutableMapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "chatbot"
"""Random name of a browser: whose conversations are whose. Never leaves this machine."""
MAX_BODY_BYTES = 256_000
UPLOAD = "/own/add"
"""The one route that takes a file."""

# gradio compiles its templates in the page: it needs inline and eval'd script. What people,
# documents and models wrote is escaped before it gets there.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; form-action 'self'; base-uri 'self'; "
    "frame-ancestors 'none'"
)
STRICT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_OWN = re.compile(r"/(?:page|documents|conversations|feedback|models|own)(?:/|$)")
_GRADIO = re.compile(
    r"/(?:$|config/?$|theme\.css$|favicon\.ico$|manifest\.json$|assets/|static/|svelte/|"
    r"gradio_api/(?:queue/(?:join|data)$|heartbeat/|cancel$|theme\.css$))"
)


class Hardening:
    """ASGI middleware; plain ASGI because it must not come between a stream and its reader."""

    def __init__(self, app: ASGIApp, upload_bytes: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.upload_bytes = upload_bytes
        """Longest body of an added document."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with headers added."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = scope["path"]
        browser = browser_name(headers.get("cookie"))
        fresh = None if browser else secrets.token_urlsafe(18)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(message, path, fresh if path in ("/", "/documents") else None)
            await send(message)

        most = self.upload_bytes if path == UPLOAD else MAX_BODY_BYTES
        refusal = _refusal(scope["method"], path, headers, most)
        if refusal:
            status, reason = refusal
            await PlainTextResponse(reason, status)(scope, receive, send_with_headers)
            return
        await self.app(scope, _bounded(receive, most), send_with_headers)


def browser_name(cookie_header: str | None) -> str | None:
    """The browser's own name from its cookies, or None if it has none that is well formed."""
    cookie = SimpleCookie()
    try:
        cookie.load(cookie_header or "")
    except Exception:  # a cookie header that cannot be read is no cookie
        return None
    value = cookie[COOKIE].value if COOKIE in cookie else ""
    return value if re.fullmatch(r"[\w-]{20,64}", value) else None


def _refusal(method: str, path: str, headers: Headers, most_bytes: int) -> tuple[int, str] | None:
    if not (_OWN.match(path) or _GRADIO.match(path)) or ".." in path.split("/"):
        return 404, "Not found"
    if method not in ("GET", "HEAD", "POST"):
        return 405, "Method not allowed"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return 403, "Foreign origin"
    if headers.get("sec-fetch-site") in ("cross-site", "same-site") and method == "POST":
        return 403, "Foreign origin"
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > most_bytes:
        return 413, "Too large"
    return None


def _bounded(receive: Receive, most_bytes: int) -> Receive:
    """Cut a body that is longer than it said, by ending the connection for the reader."""
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > most_bytes:
                return {"type": "http.disconnect"}
        return message

    return bounded


def _add_headers(message: MutableMapping[str, Any], path: str, fresh: str | None) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers[name] = value
    headers["Content-Security-Policy"] = STRICT_POLICY if _OWN.match(path) else PAGE_POLICY
    # gradio echoes any origin; same-origin pages need no such permission.
    for name in list(headers):
        if name.lower().startswith("access-control-"):
            del headers[name]
    if fresh:
        headers.append(
            "Set-Cookie",
            f"{COOKIE}={fresh}; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict",
        )
