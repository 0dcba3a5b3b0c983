"""Who may talk to the editor: Host, Origin and token are checked, bodies are bounded, answers carry strict headers.

The editor listens on the person's own machine, where every page open in the browser can reach it. So a request must
name an expected host (a rebound DNS name does not), must not come from another site's page, and on any address but
this machine's own must carry the token. It is one ASGI wrapper around the whole application.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.exceptions import HTTPException

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON_LIMIT = 4 << 20
"""Largest body, in bytes, of a request that brings no picture."""
RECEIVED = "irodori.received"
"""Key of the ASGI scope: when the request's last byte came (``time.perf_counter``)."""
_DRAIN = 64 << 20  # an oversized body is read and thrown away up to here, so that the browser gets to see the answer

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
    " font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""The names under which this machine reaches itself."""


@dataclass(frozen=True)
class Access:
    """Whom the guard lets in.

    ``hosts``: names that the Host header may have (lower case, no port); ``addresses``: any literal IP address may
    stand there too (a server for the whole network; a rebound name is never one); ``token``: what a request must
    carry, None for none; ``cookie``: the cookie that carries it; ``upload_limit``: bytes of a photograph's upload.
    """

    hosts: frozenset[str] = LOOPBACK
    addresses: bool = False
    token: str | None = None
    cookie: str = "irodori_token"
    upload_limit: int = 1 << 30


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a server that listens on ``address``."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    """A token that cannot be guessed: 43 characters of A-Z a-z 0-9 - _."""
    return secrets.token_urlsafe(32)


class Guard:
    """The ASGI application around the editor's."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        """Guard ``app`` by the rules of ``access``."""
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it with one sentence."""
        if scope["type"] == "websocket":
            headers = {name.lower(): value for name, value in reversed(scope["headers"])}
            stranger = self.access.token is not None and not self._has_token(headers)
            if stranger or self._foreign(scope, headers) is not None:
                await receive()
                await send({"type": "websocket.close", "code": 1008})  # before it was accepted: answered with 403
                return
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope[RECEIVED] = time.perf_counter()
        send = _with_headers(send, scope["path"])
        headers = {name.lower(): value for name, value in reversed(scope["headers"])}
        refusal = self._foreign(scope, headers)
        if refusal is not None:
            await _refuse(send, 403, refusal)
            return
        if self.access.token is not None and scope["path"] != "/healthz":
            query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            offered = [value for name, value in query if name == "token"]
            if offered and scope["method"] in ("GET", "HEAD") and self._is_token(offered[0]):
                await self._welcome(scope, query, send)
                return
            if not self._has_token(headers):
                await _refuse(
                    send, 401, "This server wants a token: open the address that it printed when it was started."
                )
                return
        limit = self.access.upload_limit if _brings_picture(scope) else JSON_LIMIT
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > limit:
            await _drain(receive, _DRAIN)
            await _refuse(send, 413, _too_large(limit))
            return
        await self.app(scope, _bounded(scope, receive, limit), send)

    def _foreign(self, scope: Scope, headers: dict[bytes, bytes]) -> str | None:
        """Why a request seems to come from another site's page; None when it does not."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = _host_name(host)
        if name is None or not (name in self.access.hosts or (self.access.addresses and _is_address(name))):
            return "This server does not answer under that host name; use the address that it printed at its start."
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if origin:
            parts = _split(origin)
            same = parts is not None and parts[0] == host
            behind_proxy = parts is not None and parts[1] in self.access.hosts - LOOPBACK
            if not same and not behind_proxy:
                return "This request comes from another site's page, and the editor only answers its own."
        site = headers.get(b"sec-fetch-site", b"").decode("latin-1").lower()
        if site in ("cross-site", "same-site"):
            navigates = headers.get(b"sec-fetch-mode") == b"navigate" and scope.get("method") in ("GET", "HEAD")
            if not navigates or scope["path"].startswith("/api/"):
                return "This request comes from another site's page, and the editor only answers its own."
        return None

    def _is_token(self, text: str) -> bool:
        return self.access.token is not None and secrets.compare_digest(
            text.encode("utf-8", "surrogateescape"), self.access.token.encode()
        )

    def _has_token(self, headers: dict[bytes, bytes]) -> bool:
        scheme, _, credentials = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "bearer":
            return self._is_token(credentials.strip())
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(headers.get(b"cookie", b"").decode("latin-1"))
        except CookieError:
            return False
        found = cookies.get(self.access.cookie)
        return found is not None and self._is_token(found.value)

    async def _welcome(self, scope: Scope, query: Iterable[tuple[str, str]], send: Send) -> None:
        """Set the cookie and lead to the same address without the token."""
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        # The path is made to start with exactly one slash: "//elsewhere" would lead to another host.
        place = "/" + scope.get("raw_path", scope["path"].encode()).decode("latin-1").lstrip("/\\")
        cookie = f"{self.access.cookie}={self.access.token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000"
        if scope.get("scheme") == "https":
            cookie += "; Secure"
        await send(
            {
                "type": "http.response.start",
                "status": 303,
                "headers": [
                    (b"location", (place + ("?" + rest if rest else "")).encode("latin-1")),
                    (b"set-cookie", cookie.encode()),
                    (b"cache-control", b"no-store"),
                    (b"content-length", b"0"),
                ],
            }
        )
        await send({"type": "http.response.body", "body": b""})


def _brings_picture(scope: Scope) -> bool:
    path: str = scope["path"]
    if scope["method"] == "POST":
        return path == "/api/sessions"
    return scope["method"] == "PUT" and path.startswith("/api/sessions/") and path.endswith("/reference")


def _host_name(host: str) -> str | None:
    """The name in a Host header, without port and brackets; None when it is none."""
    parts = _split("//" + host)
    return None if parts is None else parts[1]


def _split(address: str) -> tuple[str, str] | None:
    """A URL's host with port, and its host alone."""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises ValueError for a port that is no number
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    return parts.netloc, parts.hostname.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _too_large(limit: int) -> str:
    size = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit} bytes"
    return f"The request is too large: at most {size} are taken here."


def _bounded(scope: Scope, receive: Receive, limit: int) -> Receive:
    """A ``receive`` that stops with 413 when more than ``limit`` bytes arrive, and notes when the last one came."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise HTTPException(413, _too_large(limit))
        if message["type"] == "http.request" and not message.get("more_body", False):
            scope[RECEIVED] = time.perf_counter()
        return message

    return bounded


async def _drain(receive: Receive, limit: int) -> None:
    read = 0
    while read < limit:
        message = await receive()
        read += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return


def _with_headers(send: Send, path: str) -> Send:
    """A ``send`` that adds the strict headers, and ``Cache-Control`` where the answer has none."""
    default = b"no-store" if path.startswith("/api/") or path == "/healthz" else b"no-cache"

    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            names = {name.lower() for name, _ in headers}
            headers += _HEADERS
            if b"cache-control" not in names:
                headers.append((b"cache-control", default))
            message["headers"] = headers
        await send(message)

    return sender


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
