"""Routes that list, open, change and delete sessions (docs/http.md, sections 2 and 3)."""

from __future__ import annotations

import asyncio
import shutil
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from irodori import samples
from irodori.errors import PhotoError
from irodori.hints.edits import Edits
from irodori.web import editing, schemas
from irodori.web.bodies import CHROMA_TYPE
from irodori.web.refusal import Refusal
from irodori.web.routing import (
    ERRORS,
    FOR_EVER,
    Ask,
    Identity,
    LongSide,
    Switch,
    Title,
    binary,
    not_modified,
    takes_bytes,
    timed,
)

_MANY_HINTS = 200
MAX_PAGE = 100_000
router = APIRouter(responses=ERRORS)


async def _state(editor: Ask, identity: str, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(await editing.state(editor, identity), status, headers)


@router.get("/api/sessions", response_model=schemas.Recent)
async def recent(editor: Ask, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
    """The sessions changed last, newest first."""
    rows = await editor.on_disk(lambda: editor.store.recent(limit))
    return JSONResponse(
        {
            "sessions": [
                {
                    "id": row.id,
                    "name": row.name,
                    "width": row.width,
                    "height": row.height,
                    "page": row.page + 1,
                    "pages": row.pages,
                    "created": editing.moment(row.created),
                    "changed": editing.moment(row.changed),
                    "thumbnail": f"/api/sessions/{row.id}/thumbnail",
                }
                for row in rows
            ]
        }
    )


@router.post(
    "/api/sessions",
    status_code=201,
    response_model=schemas.State,
    responses={200: {"model": schemas.State, "description": "an earlier session of the same photo"}},
    openapi_extra=takes_bytes(
        "A photograph or an .irodori file; empty when a sample or a session is named.", required=False
    ),
)
async def open_session(
    request: Request,
    editor: Ask,
    name: Title = "",
    model: Annotated[str | None, Query(max_length=255)] = None,
    sample: Annotated[str | None, Query(max_length=64)] = None,
    of: Identity = None,
    page: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 1,
    reopen: Switch = 0,
) -> Response:
    """Open a photograph, a project, a sample, or another page of a session's file."""
    if of is not None:
        identity, reopened = await editor.open_page(of, page - 1, bool(reopen))
    elif sample is None:
        identity, reopened = await editor.open(request.stream(), name, model, bool(reopen), page - 1)
    else:
        try:
            entry = samples.find(sample)
        except PhotoError as error:
            raise Refusal(404, f"There is no sample {sample!r}; GET /api/samples lists them.") from error
        upload = editor.store.incoming()
        await asyncio.to_thread(shutil.copyfile, entry.path, upload)
        identity, reopened = await editor.open_file(upload, name or entry.path.name, model, bool(reopen))
    return await _state(editor, identity, 200 if reopened else 201, {"Location": f"/api/sessions/{identity}"})


@router.get("/api/sessions/{id}", response_model=schemas.State)
async def session(editor: Ask, id: str) -> Response:
    """One session's state."""
    return await _state(editor, id)


@router.patch("/api/sessions/{id}", response_model=schemas.State)
async def describe(editor: Ask, id: str, body: schemas.Description) -> Response:
    """Rename a session, choose another model for it, or have its tones evened out for the model."""
    await editor.describe(id, body.name, body.model, body.even_tones)
    return await _state(editor, id)


@router.delete("/api/sessions/{id}", status_code=204)
async def delete(editor: Ask, id: str) -> Response:
    """Remove a session, its history, and its photograph when nothing else uses it."""
    await editor.delete(id)
    return Response(status_code=204, headers={"Clear-Site-Data": '"cache"'})  # the browser has pieces of it, too


@router.get("/api/sessions/{id}/thumbnail", response_class=Response, responses=binary("image/jpeg"))
async def thumbnail(request: Request, editor: Ask, id: str) -> Response:
    """A small picture of the result."""
    picture, revision = await editor.thumbnail(id)
    tag = f'"{id[:8]}-{revision}-{len(picture)}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if not_modified(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(picture, media_type="image/jpeg", headers=headers)


async def edits_of(body: schemas.EditsBody) -> Edits:
    """The value that a body stands for; many hints are read on another thread, so that other sessions need not wait."""

    def read() -> Edits:
        return Edits.from_json(body.model_dump(exclude_unset=True))

    return read() if len(body.hints) < _MANY_HINTS else await asyncio.to_thread(read)


@router.put(
    "/api/sessions/{id}/edits",
    responses={
        200: {
            "content": {CHROMA_TYPE: {"schema": {"type": "string", "format": "binary"}}, "image/jpeg": {}},
            "model": schemas.State,
            "description": "the chroma body, the picture, or the state, as asked",
        },
        204: {"description": "a newer request took this preview's place"},
    },
    response_class=Response,
)
async def put_edits(
    request: Request,
    editor: Ask,
    id: str,
    body: schemas.EditsChange,
    commit: Switch = 1,
    answer: editing.Answer = "chroma",
    long_side: LongSide = 1600,
) -> Response:
    """Preview or commit edits; answers with the new colours."""
    if answer == "none" and not commit:
        raise Refusal(422, "answer: a preview without an answer would do nothing; use commit=1, or another answer.")
    if answer == "rounded" and commit:
        raise Refusal(422, "answer: rounded is for previews; use commit=0, or chroma.")
    edits = await edits_of(body.edits)
    content, row, turn = await editing.change(
        editor, id, body.base_revision, edits, commit=bool(commit), answer=answer, long_side=long_side
    )
    if answer == "none":
        return await _state(editor, id)
    media_type = "image/jpeg" if answer == "picture" else CHROMA_TYPE
    headers = {"X-Irodori-Revision": str(row.revision), **timed(request, turn)}
    return Response(content, media_type=media_type, headers=headers)


@router.post("/api/sessions/{id}/undo", response_model=schemas.State)
async def undo(editor: Ask, id: str, body: schemas.Base) -> Response:
    """Go back to the edits before."""
    await editing.step(editor, id, body.base_revision, -1)
    return await _state(editor, id)


@router.post("/api/sessions/{id}/redo", response_model=schemas.State)
async def redo(editor: Ask, id: str, body: schemas.Base) -> Response:
    """Go forward to the edits that were undone."""
    await editing.step(editor, id, body.base_revision, 1)
    return await _state(editor, id)


@router.post("/api/sessions/{id}/snapshots", status_code=201, response_model=schemas.State)
async def add_snapshot(editor: Ask, id: str, body: schemas.NewSnapshot) -> Response:
    """Keep the current edits under a name."""
    await editor.on_disk(lambda: editor.store.add_snapshot(id, body.base_revision, body.name))
    return await _state(editor, id, 201)


@router.post("/api/sessions/{id}/snapshots/{snapshot}/restore", response_model=schemas.State)
async def restore_snapshot(editor: Ask, id: str, snapshot: str, body: schemas.Base) -> Response:
    """Make a snapshot's edits the current ones."""
    await editing.restore(editor, id, body.base_revision, snapshot)
    return await _state(editor, id)


@router.delete("/api/sessions/{id}/snapshots/{snapshot}", response_model=schemas.State)
async def delete_snapshot(editor: Ask, id: str, snapshot: str) -> Response:
    """Forget a snapshot."""
    await editor.on_disk(lambda: editor.store.delete_snapshot(id, snapshot))
    return await _state(editor, id)


@router.put(
    "/api/sessions/{id}/reference",
    response_model=schemas.State,
    openapi_extra=takes_bytes("A colour photograph."),
)
async def put_reference(
    request: Request, editor: Ask, id: str, base_revision: Annotated[int, Query(ge=1, le=2**53)], name: Title = ""
) -> Response:
    """Let the colours of another photograph steer this one."""
    await editing.refer(editor, id, base_revision, request.stream(), name)
    return await _state(editor, id)


@router.get("/api/sessions/{id}/references/{reference}", response_class=Response, responses=binary("image/jpeg"))
async def reference_picture(editor: Ask, id: str, reference: str) -> Response:
    """A reference, shrunk."""
    picture = await editor.on_disk(lambda: editor.store.reference_picture(id, reference))
    return Response(picture, media_type="image/jpeg", headers=FOR_EVER)


@router.delete("/api/sessions/{id}/references/{reference}", response_model=schemas.State)
async def delete_reference(editor: Ask, id: str, reference: str) -> Response:
    """Take a reference from the list."""
    await editor.on_disk(lambda: editor.store.delete_reference(id, reference))
    return await _state(editor, id)
