"""The requests that change a session: on the disk before they are answered, refused before they change anything.

Edits that the model would refuse (a reference it cannot read, a region without colours) must never become current, so
every change is coloured first and committed then; the page asks for those colours next anyway.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from irodori.hints import edits as edits_module
from irodori.hints.edits import Edits
from irodori.hints.reference import Reference
from irodori.photo import MAX_PIXELS, read_photo
from irodori.web import bodies
from irodori.web.editor import Editor
from irodori.web.live_sessions import LiveSession
from irodori.web.opening import plain_name, receive
from irodori.web.refusal import stale
from irodori.web.session_rows import SessionRow
from irodori.web.turns import Turn

Answer = Literal["chroma", "rounded", "picture", "none"]
_REFERENCE_PIXELS = min(MAX_PIXELS, 120_000_000)


async def change(
    editor: Editor, identity: str, base_revision: int, edits: Edits, *, commit: bool, answer: Answer, long_side: int
) -> tuple[bytes | memoryview, SessionRow, Turn]:
    """Preview or commit edits; gives the body that was asked for (empty for "none") and the session's row."""
    if not commit:
        return await _preview(editor, identity, base_revision, edits, answer, long_side)
    async with editor.asking(identity, base_revision, edits=True) as (turn, live, row):
        # Suggestions are asked for next, so the distribution comes along; a preview does without.
        await turn.work(lambda: live.session.predict(edits, distribution=True).coefficients)
        text = edits_module.dumps(edits)
        row = await editor.on_disk(lambda: editor.store.commit(identity, base_revision, text))
        live.session.restart(edits)
        live.revision = row.revision
        editor.thumbnail_soon(identity)
        if answer == "none":
            return b"", row, turn
        return await turn.work(lambda: _body(live, edits, row, answer, 0, long_side)), row, turn


async def _preview(
    editor: Editor, identity: str, base_revision: int, edits: Edits, answer: Answer, long_side: int
) -> tuple[bytes | memoryview, SessionRow, Turn]:
    def work() -> tuple[bytes | memoryview, SessionRow]:
        row = editor.store.get(identity)  # on the worker's thread: waking one of the disk's takes longer than reading
        if row.revision != base_revision:
            raise stale(base_revision, row.revision)
        return _body(live, edits, row, answer, bodies.PREVIEW, long_side), row

    async with editor.turns.of(identity, edits=True, preview=True) as turn:
        # The edits come with the question, so those in memory need not be in step with the disk.
        live = editor.live.get(identity) or (await editor.awake(identity))[0]
        return *(await turn.work(work)), turn


def _body(
    live: LiveSession, edits: Edits, row: SessionRow, answer: Answer, flags: int, long_side: int
) -> bytes | memoryview:
    prediction = live.session.predict(edits)
    if answer == "picture":
        plane = live.lightness_plane(long_side)
        return bodies.encoded(bodies.coloured(plane, prediction.coefficients, prediction.strength))
    rough = answer == "rounded"
    pack, planes = (bodies.rounded_body, prediction.rough) if rough else (bodies.chroma_body, prediction.coefficients)
    return pack(planes, row.revision, flags | flags_of(row), (row.height, row.width))


def flags_of(row: SessionRow) -> int:
    """The bits of a chroma body that say where undo and redo may go."""
    return (bodies.CAN_UNDO if row.can_undo else 0) | (bodies.CAN_REDO if row.can_redo else 0)


async def step(editor: Editor, identity: str, base_revision: int, by: int) -> None:
    """Undo (``by=-1``) or redo (``by=1``)."""
    async with editor.turns.of(identity, edits=True):
        await editor.on_disk(lambda: editor.store.step(identity, base_revision, by))
    editor.thumbnail_soon(identity)


async def restore(editor: Editor, identity: str, base_revision: int, snapshot: str) -> None:
    """Commit the edits of a snapshot."""
    async with editor.asking(identity, base_revision, edits=True) as (turn, live, _):
        kept = await editor.on_disk(lambda: editor.store.snapshot(identity, snapshot))
        edits = edits_module.loads(kept.edits)
        await turn.work(lambda: live.session.predict(edits).coefficients)
        await editor.on_disk(lambda: editor.store.commit(identity, base_revision, kept.edits))
    editor.thumbnail_soon(identity)


async def refer(editor: Editor, identity: str, base_revision: int, chunks: AsyncIterator[bytes], name: str) -> None:
    """Take an uploaded colour photo as the reference of the present edits: one commit."""
    row = await editor.on_disk(lambda: editor.store.get(identity))
    if row.revision != base_revision:
        raise stale(base_revision, row.revision)
    title = plain_name(name, "reference")
    upload = editor.store.incoming()
    try:
        await receive(chunks, upload)
        reference, picture = await editor.opening(lambda: _read_reference(upload, title))
    finally:
        upload.unlink(missing_ok=True)
    async with editor.asking(identity, base_revision, edits=True) as (turn, live, _):
        edits = replace(live.session.edits, reference=reference)
        await turn.work(lambda: live.session.predict(edits).coefficients)
        text, value = edits_module.dumps(edits), json.dumps(reference.to_json())
        await editor.on_disk(lambda: editor.store.add_reference(identity, base_revision, text, title, value, picture))
    editor.thumbnail_soon(identity)


def _read_reference(upload: Path, title: str) -> tuple[Reference, bytes]:
    photo = read_photo(upload, max_pixels=_REFERENCE_PIXELS, name=title)
    reference = Reference.from_photo(photo)
    return reference, bodies.encoded(bodies.small_rgb(photo, bodies.REFERENCE_SIDE))


async def state(editor: Editor, identity: str) -> dict[str, Any]:
    """A session as the page sees it (schemas.State)."""

    def read() -> dict[str, Any]:
        row, text = editor.store.edits(identity)
        edits = json.loads(text)
        used = edits.get("reference")
        references = []
        for entry in editor.store.references(identity):
            value = json.loads(entry.reference)
            references.append(
                {
                    "id": entry.id,
                    "name": entry.name,
                    "active": used == value,
                    "picture": f"/api/sessions/{row.id}/references/{entry.id}",
                    "reference": value,
                }
            )
        return {
            "id": row.id,
            "name": row.name,
            "model": row.model,
            "width": row.width,
            "height": row.height,
            "bits": row.bits,
            "grey": row.grey,
            "page": row.page + 1,
            "pages": row.pages,
            "even_tones": row.even_tones,
            "revision": row.revision,
            "can_undo": row.can_undo,
            "can_redo": row.can_redo,
            "edits": edits,
            "snapshots": [
                {"id": kept.id, "name": kept.name, "created": moment(kept.created)}
                for kept in editor.store.snapshots(identity)
            ],
            "references": references,
            "created": moment(row.created),
            "changed": moment(row.changed),
        }

    return await editor.on_disk(read)


def moment(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
