"""Routes that show a session: chroma, lightness, pictures, layer, project, colours (docs/http.md, sections 4 and 5)."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from irodori.web import schemas, showing
from irodori.web.bodies import CHROMA_TYPE, LIGHTNESS_TYPE, gamut_png
from irodori.web.routing import (
    ERRORS,
    FOR_EVER,
    Ask,
    Identity,
    LongSide,
    OptionalRevision,
    PassingFile,
    Switch,
    attachment,
    binary,
    timed,
)

PROJECT_TYPE = "application/vnd.irodori.project+zip"
router = APIRouter(responses=ERRORS)


@router.get("/api/sessions/{id}/chroma", response_class=Response, responses=binary(CHROMA_TYPE))
async def chroma(
    request: Request, editor: Ask, id: str, revision: OptionalRevision = None, snapshot: Identity = None
) -> Response:
    """The guided filter's coefficients of the current edits, or of a snapshot's."""
    body, strength, row, turn = await showing.chroma(editor, id, revision, snapshot)
    headers = {"X-Irodori-Revision": str(row.revision), "X-Irodori-Strength": f"{strength:g}", **timed(request, turn)}
    return Response(body, media_type=CHROMA_TYPE, headers=headers)


@router.get("/api/sessions/{id}/lightness", response_class=Response, responses=binary(LIGHTNESS_TYPE))
async def lightness(
    editor: Ask,
    id: str,
    long_side: LongSide = 2048,
    crop: Annotated[str | None, Query(pattern=r"^[0-9]{1,9}(,[0-9]{1,9}){3}$")] = None,
) -> Response:
    """The photo's lightness, whole or a piece of it."""
    x, y, width, height = (int(number) for number in (crop or "0,0,0,0").split(","))
    body = await showing.lightness(editor, id, None if crop is None else (x, y, width, height), long_side)
    return Response(body, media_type=LIGHTNESS_TYPE, headers=FOR_EVER)


@router.get(
    "/api/sessions/{id}/picture", response_class=Response, responses=binary(*sorted(showing.MEDIA_TYPES.values()))
)
async def picture(
    editor: Ask,
    id: str,
    size: Literal["screen", "full"] = "screen",
    which: Literal["result", "before"] = "result",
    format: showing.Format | None = None,
    bits: Literal["8", "16"] | None = None,
    quality: Annotated[int | None, Query(ge=1, le=100)] = None,
    long_side: LongSide = 1600,
    snapshot: Identity = None,
    profile: Literal["srgb", "keep"] = "srgb",
    mark: Switch = 1,
    download: Switch = 0,
) -> Response:
    """The result, or the photo as it came, as a picture file."""
    kind = format or ("jpeg" if size == "screen" else "png")
    media_type = showing.MEDIA_TYPES[kind]
    if size == "screen":
        content, row = await showing.screen_picture(editor, id, which, kind, quality or 90, long_side, snapshot)
    else:
        path, row = await showing.full_picture(
            editor,
            id,
            which,
            kind,
            bits=None if bits is None else int(bits),
            quality=quality or 95,
            profile=profile,
            mark=bool(mark),
            snapshot=snapshot,
        )
    headers = {"X-Irodori-Revision": str(row.revision)}
    if download:
        headers |= attachment(row.name, (".color" if which == "result" else "") + showing.SUFFIXES[kind])
    if size == "screen":
        return Response(content, media_type=media_type, headers=headers)
    return PassingFile(path, media_type=media_type, headers=headers)


@router.get("/api/sessions/{id}/layer", response_class=Response, responses=binary("image/png"))
async def layer(editor: Ask, id: str, download: Switch = 0) -> Response:
    """The colours alone, transparent where there are none."""
    path, row = await showing.layer(editor, id)
    headers = {"X-Irodori-Revision": str(row.revision)}
    headers |= attachment(row.name, ".layer.png") if download else {}
    return PassingFile(path, media_type="image/png", headers=headers)


@router.get("/api/sessions/{id}/project", response_class=Response, responses=binary(PROJECT_TYPE))
async def project(editor: Ask, id: str, download: Switch = 0) -> Response:
    """Photo, edits, history and snapshots in one file."""
    path, row = await showing.project(editor, id)
    headers = attachment(row.name, ".irodori") if download else {}
    return PassingFile(path, media_type=PROJECT_TYPE, headers=headers)


@router.get("/api/sessions/{id}/palette", response_model=schemas.Palette)
async def palette(
    editor: Ask,
    id: str,
    x: Annotated[float, Query(allow_inf_nan=False)],
    y: Annotated[float, Query(allow_inf_nan=False)],
    count: Annotated[int, Query(ge=1, le=32)] = 9,
    without: Annotated[str | None, Query(max_length=1000)] = None,
) -> Response:
    """Suggested colours for a place, best first."""
    return JSONResponse(await showing.palette(editor, id, x, y, count, without))


@router.get("/api/sessions/{id}/next-hint", response_model=schemas.NextHint)
async def next_hint(editor: Ask, id: str) -> Response:
    """Where a hint would help most."""
    return JSONResponse(await showing.next_hint(editor, id))


@router.get("/api/sessions/{id}/uncertainty", response_class=Response, responses=binary("image/png"))
async def uncertainty(editor: Ask, id: str) -> Response:
    """Where the model is unsure."""
    body, row = await showing.uncertainty(editor, id)
    return Response(body, media_type="image/png", headers={"X-Irodori-Revision": str(row.revision)})


@router.post("/api/sessions/{id}/pins", response_model=schemas.Pins)
async def pins(editor: Ask, id: str, body: schemas.PinsQuestion) -> Response:
    """The present colours inside a polygon, for a region that protects them."""
    return JSONResponse(await showing.pins(editor, id, body.base_revision, body.polygon))


@router.get("/api/gamut", response_class=Response, responses=binary("image/png"))
async def gamut(
    editor: Ask,
    lightness: Annotated[float, Query(ge=0, le=100, allow_inf_nan=False)],
    size: Annotated[int, Query(ge=16, le=512)] = 256,
) -> Response:
    """The displayable ab plane at one lightness."""
    body = await editor.picturing(lambda: gamut_png(round(lightness, 1), size))
    return Response(body, media_type="image/png", headers=FOR_EVER)
