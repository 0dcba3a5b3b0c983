"""The real application over a data folder of its own, the tiny real model, and small photographs as file bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from irodori.web.app import create_app
from irodori.web.editor import EditorSettings
from irodori.web.session_store import SessionStore
from tests.web.serving import Client, file_bytes, serving


@pytest.fixture(scope="session")
def grey_bytes(grey_photo: Any) -> bytes:
    """A grey PNG of 320 x 240."""
    return file_bytes(grey_photo.pixels)


@pytest.fixture(scope="session")
def colour_bytes(colour_photo: Any) -> bytes:
    """A colour JPEG of 150 x 200."""
    return file_bytes(colour_photo.pixels, "jpeg")


@pytest.fixture
def settings(tiny_model: Path) -> EditorSettings:
    """The tiny model colours everything."""
    return EditorSettings(model=str(tiny_model), threads=1)


@pytest.fixture
def client(tmp_path: Path, settings: EditorSettings) -> Iterator[Client]:
    """A fresh server, seen by a browser on the same machine."""
    with serving(create_app(SessionStore(tmp_path), settings)) as running:
        yield running


@pytest.fixture
def opened(client: Client, grey_bytes: bytes) -> dict[str, Any]:
    """The state of a session with the grey photo."""
    answer = client.post("/api/sessions?name=harbour.png", content=grey_bytes)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def put(client: Client, opened: dict[str, Any]) -> Callable[..., Any]:
    """Send edits to the opened session: ``put(revision, edits, commit=1, answer="chroma")``."""

    def send(revision: int, body: dict[str, Any], **query: Any) -> Any:
        return client.put(
            f"/api/sessions/{opened['id']}/edits", params=query, json={"base_revision": revision, "edits": body}
        )

    return send
