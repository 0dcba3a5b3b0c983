"""The line for previews: a WebSocket on which a page asks for colours again and again while a hint is dragged.

A browser takes three milliseconds more for a request of its own than for a message (measured in Chromium on two cores);
a pointer move asks once in every frame. What a message asks, and what it is answered, is what ``PUT .../edits`` with
``commit=0&answer=rounded`` takes and gives (docs/http.md, section 3); a page without the line uses that.
"""

from __future__ import annotations

import contextlib
import json
import struct
import time
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from irodori.web import editing, schemas
from irodori.web.editor import Editor
from irodori.web.refusal import Refusal, Superseded, told, wrong_field
from irodori.web.routes_sessions import edits_of
from irodori.web.routing import timing
from irodori.web.security import JSON_LIMIT

WEBSOCKET_OPTIONS: dict[str, Any] = {
    "ws": "websockets-sansio",
    "ws_max_size": JSON_LIMIT,
    "ws_per_message_deflate": False,  # chroma would be half as long, and later
}
"""What uvicorn is told about them."""

router = APIRouter()


@router.websocket("/api/sessions/{id}/previews")
async def previews(socket: WebSocket, id: str) -> None:
    """Answer each message of the page, one after the other, until it hangs up."""
    editor: Editor = socket.app.state.editor
    await socket.accept()
    with contextlib.suppress(WebSocketDisconnect):  # while an answer was made for it
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await socket.send_bytes(await _answer(editor, id, message.get("text"), time.perf_counter()))


async def _answer(editor: Editor, identity: str, text: str | None, received: float) -> bytes:
    """What ``PUT`` would answer, in one piece: 4 bytes of length, that many bytes of JSON, and the body."""
    try:
        if text is None:
            raise Refusal(422, "A question is a text message with JSON in it.")
        asked = schemas.EditsChange.model_validate_json(text)
        edits = await edits_of(asked.edits)
        body, _, turn = await editing.change(
            editor, identity, asked.base_revision, edits, commit=False, answer="rounded", long_side=0
        )
    except Superseded:
        return _packed({"status": 204})
    except ValidationError as error:
        first = error.errors(include_context=False, include_input=False, include_url=False)[0]
        return _packed({"status": 422, "error": wrong_field(first, first["loc"])})
    except Exception as error:
        refusal = told(error, "a preview")
        return _packed({"status": refusal.status, "error": str(refusal)})
    return _packed({"status": 200, "timing": timing(received, turn)}, body)


def _packed(head: dict[str, Any], body: bytes | memoryview = b"") -> bytes:
    """The JSON is filled up with spaces, so that the body begins at a multiple of 8 bytes."""
    text = json.dumps(head).encode()
    text += b" " * (-(len(text) + 4) % 8)
    return b"".join((struct.pack("<I", len(text)), text, body))
