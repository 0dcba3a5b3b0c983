"""A request that cannot be granted: an HTTP status and one sentence for the person."""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from irodori.errors import HintError, IrodoriError, ModelError, PhotoError


class Refusal(IrodoriError):  # noqa: N818 - "the server refuses", one word everywhere here
    """Raised anywhere behind the HTTP face; becomes ``{"error": sentence}`` with ``status``."""

    def __init__(self, status: int, sentence: str) -> None:
        """Refuse with an HTTP ``status`` (4xx or 5xx) and one ``sentence`` that says what to do."""
        super().__init__(sentence)
        self.status = status


class Superseded(Exception):  # noqa: N818 - nothing went wrong: a newer preview took this one's place
    """A preview was dropped because a newer request of the same session arrived while it waited (HTTP 204)."""


def no_session() -> Refusal:
    """404 for an unknown or deleted session."""
    return Refusal(404, "There is no such session; it may have been deleted. Open the photograph again.")


def stale(base_revision: int, revision: int) -> Refusal:
    """409 for edits made on top of a state that is no longer the current one."""
    return Refusal(
        409,
        f"The session has changed meanwhile: expected revision {revision}, got {base_revision}."
        " Load the current state, then decide which edits to keep.",
    )


_DISK = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}


def as_refusal(error: BaseException) -> Refusal | None:
    """What the person is told about an expected failure; None for a bug."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, PhotoError):
        return Refusal(400, sentence(error))
    if isinstance(error, HintError | ModelError):
        return Refusal(422, sentence(error))
    if isinstance(error, IrodoriError):
        return Refusal(400, sentence(error))
    full = isinstance(error, OSError) and error.errno in _DISK
    if full or (isinstance(error, sqlite3.OperationalError) and "disk is full" in str(error)):
        return Refusal(507, "The disk is full, so nothing was changed; make room and try again.")
    if isinstance(error, sqlite3.OperationalError) and ("locked" in str(error) or "readonly" in str(error)):
        return Refusal(503, "The data folder cannot be written just now; nothing was changed. Try again.")
    if isinstance(error, MemoryError):
        return Refusal(503, "There is not enough memory for this; close other photographs and try again.")
    return None


def told(error: BaseException, what: str) -> Refusal:
    """What the person is told about any failure; a bug's own words go to the log, with ``what`` failed."""
    refusal = as_refusal(error)
    if refusal is not None:
        return refusal
    logging.getLogger("irodori.web").error("%s failed", what, exc_info=error)
    return Refusal(500, "The server failed at this request; its log says why. Nothing was changed.")


def sentence(error: BaseException) -> str:
    """An error's words as one sentence: one line, a full stop, a large first letter (not in the name of a field)."""
    text = " ".join(str(error).split()) or "This cannot be done"
    if text.partition(" ")[0].isalpha():
        text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else text + "."


def wrong_field(error: Mapping[str, Any], place: Sequence[int | str]) -> str:
    """One of pydantic's errors as a sentence, with the field named by its ``place``: "edits.hints[3].x: ..."."""
    if error["type"] == "json_invalid":
        return "The body is not valid JSON."
    name = ""
    for part in place:
        name += f"[{part}]" if isinstance(part, int) else (f".{part}" if name else str(part))
    message = str(error["msg"])
    message = message[:1].lower() + message[1:]
    return f"{name}: {message}."[:500] if name else f"{message}."
