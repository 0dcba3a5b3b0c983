"""The editor's web application: routes, error answers, the page's files, and the guard around all of it."""

from __future__ import annotations

import asyncio
import mimetypes
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.staticfiles import StaticFiles

import irodori
from irodori import samples
from irodori.colorizer import installed_models
from irodori.errors import IrodoriError
from irodori.hints.points import MAX_HINTS
from irodori.photo import read_photo
from irodori.web import bodies, previews, routes_pictures, routes_sessions, schemas
from irodori.web.editor import Editor, EditorSettings
from irodori.web.refusal import Refusal, Superseded, told, wrong_field
from irodori.web.routing import ERRORS, FOR_EVER, Ask, binary
from irodori.web.security import Access, Guard, Receive, Scope, Send
from irodori.web.session_store import SessionStore

STATIC = Path(__file__).resolve().parent / "static"
"""The page's files."""

# What a system's own table may say otherwise (Windows: text/plain for .js) would keep the page from starting.
for _suffix, _type in (
    (".html", "text/html"),
    (".js", "text/javascript"),
    (".css", "text/css"),
    (".svg", "image/svg+xml"),
    (".png", "image/png"),
    (".json", "application/json"),
    (".webmanifest", "application/manifest+json"),
    (".woff2", "font/woff2"),
    (".ico", "image/x-icon"),
):
    mimetypes.add_type(_type, _suffix)


def create_app(store: SessionStore, settings: EditorSettings | None = None, access: Access | None = None) -> Guard:
    """Make the application over a store; the Guard is what a server runs, its ``app`` is the FastAPI application.

    The editor behind it is ``guard.app.state.editor``; the application's lifespan closes it and the store.
    """
    access = access or Access()
    editor = Editor(store, settings or EditorSettings())
    app = FastAPI(
        title="irodori",
        version=irodori.__version__,
        summary="Colour black-and-white photographs under your guidance.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.editor = editor
    app.state.access = access
    app.state.instance = secrets.token_urlsafe(9)
    app.include_router(routes_sessions.router)
    app.include_router(routes_pictures.router)
    app.include_router(previews.router)
    _add_house_routes(app)
    expected = (IrodoriError, OSError, sqlite3.Error, MemoryError, Superseded, ClientDisconnect)
    for error in (*expected, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(error, _answer_error)
    app.router.default = partial(_page, StaticFiles(directory=STATIC, html=True))
    return Guard(app, access)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    editor: Editor = app.state.editor
    keeping = asyncio.create_task(editor.keep_house())
    yield
    keeping.cancel()
    await editor.settle()
    editor.close()


async def _page(files: StaticFiles, scope: Scope, receive: Receive, send: Send) -> None:
    """Whatever is no route: a file of the page, or 404."""
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1008})
        return
    if scope["path"].startswith("/api/"):
        raise HTTPException(404)
    await files(scope, receive, send)


def _add_house_routes(app: FastAPI) -> None:
    @app.get("/healthz", response_model=schemas.Health, responses=ERRORS)
    async def healthz(request: Request) -> Response:
        """Whether the server lives; ``instance`` differs after every start."""
        state = request.app.state
        limits = {
            "upload_bytes": state.access.upload_limit,
            "pixels": state.editor.settings.max_pixels,
            "hints": MAX_HINTS,
        }
        return JSONResponse(
            {"status": "ok", "version": irodori.__version__, "instance": state.instance, "limits": limits}
        )

    @app.get("/api/samples", response_model=schemas.Samples, responses=ERRORS)
    async def list_samples() -> Response:
        """The sample photographs."""
        return JSONResponse(
            {
                "samples": [
                    {
                        "name": one.name,
                        "title": one.title,
                        "credit": one.credit,
                        "width": one.width,
                        "height": one.height,
                        "thumbnail": f"/api/samples/{one.name}/thumbnail",
                    }
                    for one in samples.SAMPLES
                    if one.path.exists()
                ]
            }
        )

    @app.get("/api/samples/{name}/thumbnail", response_class=Response, responses={**ERRORS, **binary("image/jpeg")})
    async def sample_thumbnail(editor: Ask, name: str) -> Response:
        """A sample, shrunk."""
        if name not in {one.name for one in samples.SAMPLES if one.path.exists()}:
            raise Refusal(404, "There is no such sample; GET /api/samples lists them.")
        return Response(await editor.picturing(lambda: _sample_jpeg(name)), media_type="image/jpeg", headers=FOR_EVER)

    @app.get("/api/models", response_model=schemas.Models, responses=ERRORS)
    async def list_models(editor: Ask) -> Response:
        """The models that may colour a session."""
        default = editor.model_name(None)
        infos = {info.folder.name: info for info in await editor.opening(installed_models)}
        if default not in infos:
            infos = {default: (await editor.opening(lambda: editor.colorizer(default))).info, **infos}
        return JSONResponse(
            {
                "models": [
                    {
                        "name": name,
                        "network": info.network,
                        "accepts_reference": info.accepts_reference,
                        "licence": info.licence,
                        "default": name == default,
                    }
                    for name, info in infos.items()
                ]
            }
        )


@lru_cache(maxsize=32)
def _sample_jpeg(name: str) -> bytes:
    photo = read_photo(samples.find(name).path)
    return bodies.encoded(bodies.small_rgb(photo, bodies.THUMBNAIL_SIDE), quality=85)


async def _answer_error(request: Request, error: Exception) -> Response:
    """Turn what a route raised into an answer with one sentence."""
    if isinstance(error, Superseded):
        return Response(status_code=204)
    if isinstance(error, ClientDisconnect):
        return JSONResponse({"error": "The upload was cut off."}, 400)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        return JSONResponse({"error": wrong_field(first, tuple(first["loc"])[1:])}, 422)
    if isinstance(error, HTTPException):
        sentences = {
            404: "There is nothing at this address.",
            405: "This address does not take that method.",
            400: "The body is not valid JSON.",
        }
        sentence = sentences.get(error.status_code, str(error.detail))
        return JSONResponse({"error": sentence}, error.status_code, dict(error.headers or {}))
    refusal = told(error, f"{request.method} {request.url.path}")
    return JSONResponse({"error": str(refusal)}, refusal.status)
