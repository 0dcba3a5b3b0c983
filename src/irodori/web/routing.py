"""What all routes share: the editor they ask, the errors they declare, and how bodies and timings are answered."""

from __future__ import annotations

import time
from pathlib import Path, PurePath
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Query, Request
from starlette.responses import FileResponse

from irodori.web.editor import Editor
from irodori.web.schemas import NAME_LENGTH, Refused
from irodori.web.security import RECEIVED, Receive, Scope, Send
from irodori.web.turns import Turn

_WHEN = {
    400: "the body cannot be read",
    401: "the token is missing",
    403: "another site sent the request",
    404: "there is no such thing",
    405: "wrong method",
    409: "the session has another revision, or the name is taken",
    413: "too large",
    422: "not acceptable",
    503: "busy, or shutting down",
    507: "the disk is full",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refused, "description": when} for status, when in _WHEN.items()
}
"""Declared for every route: all errors have one shape."""

FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}


def _editor(request: Request) -> Editor:
    editor: Editor = request.app.state.editor
    return editor


Ask = Annotated[Editor, Depends(_editor)]
Switch = Annotated[int, Query(ge=0, le=1)]
LongSide = Annotated[int, Query(ge=64, le=4096)]
Title = Annotated[str, Query(max_length=NAME_LENGTH)]
Identity = Annotated[str | None, Query(max_length=64)]
OptionalRevision = Annotated[int | None, Query(ge=1, le=2**53)]


def binary(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """Declare that a route answers 200 with one of these media types."""
    schema = {"type": "string", "format": "binary"}
    return {200: {"content": {media: {"schema": schema} for media in media_types}, "description": "the bytes"}}


def takes_bytes(description: str, required: bool = True) -> dict[str, Any]:
    """Declare that a route's body is a file's bytes, as they are."""
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {"requestBody": {"description": description, "required": required, "content": content}}


def timing(received: float, turn: Turn) -> dict[str, float]:
    """The server's time in milliseconds: waiting for a worker, working, and all of it since ``received``."""
    total = time.perf_counter() - received
    parts = {"wait": turn.waited, "answer": turn.worked, "total": total}
    return {name: round(1000 * seconds, 2) for name, seconds in parts.items()}


def timed(request: Request, turn: Turn) -> dict[str, str]:
    """The same as a header."""
    parts = timing(request.scope.get(RECEIVED, time.perf_counter()), turn)
    return {"Server-Timing": ", ".join(f"{name};dur={milliseconds:.2f}" for name, milliseconds in parts.items())}


def attachment(name: str, suffix: str) -> dict[str, str]:
    """The header with which a browser saves an answer under a name made of the session's."""
    stem = PurePath(name).stem or "photo"
    plain = (stem + suffix).encode("ascii", "replace").decode().replace("?", "_").replace('"', "_").replace("\\", "_")
    full = quote(stem + suffix, safe="", errors="replace")
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"}


class PassingFile(FileResponse):
    """A file that is sent once and then removed, also when the client goes away in the middle."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it and remove it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            Path(self.path).unlink(missing_ok=True)


def not_modified(request: Request, tag: str) -> bool:
    """Whether the client already has what ``tag`` (a quoted ETag) names."""
    offered = request.headers.get("if-none-match", "")
    return tag in [one.strip().removeprefix("W/") for one in offered.split(",")]
