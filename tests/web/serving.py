"""A real server around the application, and what its tests send."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import uvicorn

from irodori.photo import write_photo
from irodori.web.editor import Editor
from irodori.web.previews import WEBSOCKET_OPTIONS
from irodori.web.security import Guard


class Client(httpx.Client):
    """A client of a running server; an answer that tells of a bug fails the test at once."""

    editor: Editor

    def send(self, *arguments: Any, **options: Any) -> httpx.Response:
        answer = super().send(*arguments, **options)
        assert answer.status_code != 500, answer.text
        return answer


@contextlib.contextmanager
def serving(guard: Guard, **options: Any) -> Iterator[Client]:
    """Run the application in a real server on a free port of this machine."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # sends without delay
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config(guard, log_level="error", lifespan="on", timeout_graceful_shutdown=2, **WEBSOCKET_OPTIONS)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.002)
    try:
        with Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=60, **options) as client:
            client.editor = guard.app.state.editor
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def file_bytes(pixels: np.ndarray, format: str = "png", **options: Any) -> bytes:
    """Pixels as the bytes of a picture file."""
    target = io.BytesIO()
    write_photo(pixels, target, format=format, mark=False, **options)
    return target.getvalue()


def edits(*hints: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Edits as JSON."""
    return {"version": 1, "hints": list(hints), **more}
