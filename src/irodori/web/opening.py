"""From uploaded bytes to a stored session: a photo or an ``.irodori`` project arrives, is checked, and becomes one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from irodori.errors import HintError, PhotoError
from irodori.hints import edits as edits_module
from irodori.hints.edits import Edits
from irodori.photo import Photo, read_photo
from irodori.project import Project, is_project, load_project
from irodori.web.refusal import Refusal
from irodori.web.schemas import NAME_LENGTH
from irodori.web.session_rows import NewSession, SessionRow
from irodori.web.session_store import SessionStore

_BATCH = 4 << 20  # bytes of an upload that are gathered before they are written


@dataclass(frozen=True)
class Opened:
    """A stored session, its decoded photo, and whether the session was there before."""

    row: SessionRow
    photo: Photo
    edits: Edits
    reopened: bool


def plain_name(name: str, default: str = "photo") -> str:
    """A name that may be shown and offered for saving: no folder, no control characters, not too long, not empty."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(character for character in last if character.isprintable()).strip()[:NAME_LENGTH].strip()
    return plain if plain.strip(". ") else default


async def receive(chunks: AsyncIterator[bytes], target: Path) -> int:
    """Write a request's body to ``target``, durably, without holding it in memory; returns its length in bytes."""
    total = 0
    with open(target, "xb") as file:
        waiting: list[bytes] = []
        size = 0
        async for chunk in chunks:
            waiting.append(chunk)
            size += len(chunk)
            if size >= _BATCH:
                await asyncio.to_thread(file.writelines, waiting)
                total, size, waiting = total + size, 0, []
        file.writelines(waiting)
        await asyncio.to_thread(_settle, file.fileno(), file.flush)
    return total + size


def open_upload(
    store: SessionStore,
    upload: Path,
    name: str,
    model: Callable[[str | None], str],
    wanted_model: str | None,
    reopen: bool,
    max_pixels: int,
    page: int = 0,
) -> Opened:
    """Make a session of a file in ``incoming/``; the file is gone afterwards, whatever happens.

    Args:
        store: where sessions live.
        upload: the file's bytes: a photo in any format that is read, or a project.
        name: what the person calls it, "" for what the project says.
        model: gives the name of a model that is installed (404 otherwise), or the default for None.
        wanted_model: the model to colour with; None for the project's own or the default.
        reopen: give an earlier session of the same photo and model instead, if there is one.
        max_pixels: larger photos are refused.
        page: of a TIFF with several, from 0.

    Raises:
        PhotoError, HintError, Refusal: for what cannot be opened.
    """
    try:
        with open(upload, "rb") as file:
            head = file.read(64)
        if not head:
            raise Refusal(400, "The request has no body: send the bytes of a photograph or of an .irodori file.")
        project = load_project(upload) if is_project(head) else None
        if project is not None:
            name = name if name and not name.lower().endswith(".irodori") else project.photo_name
            upload.write_bytes(project.photo_bytes)
            with open(upload, "rb") as file:
                os.fsync(file.fileno())
            wanted_model = wanted_model or _installed(project.model, model)
            page = project.page
        chosen = model(wanted_model)
        photo = read_photo(upload, max_pixels=max_pixels, name=plain_name(name), page=page)
        if reopen and project is None:
            row = store.latest_with(photo.digest, chosen, page)
            if row is not None:
                _, edits = store.edits(row.id)
                return Opened(row, photo, edits_module.loads(edits), True)
        new = _new_session(photo, plain_name(name), chosen, project)
        present = project.edits if project is not None else Edits()
        return Opened(store.create(new, upload), photo, present, False)
    finally:
        upload.unlink(missing_ok=True)


def _installed(name: str, model: Callable[[str | None], str]) -> str | None:
    """A project's model if this machine has it; None (the default) otherwise."""
    try:
        return model(name) if name else None
    except Refusal:
        return None


def _new_session(photo: Photo, name: str, model: str, project: Project | None) -> NewSession:
    history = project.history if project is not None else (Edits(),)
    snapshots = project.snapshots if project is not None else {}
    for edits in (*history, *snapshots.values()):
        try:
            edits.check(photo.size)
        except HintError as error:
            raise PhotoError(f"the project does not fit its photo: {error}") from None
    return NewSession(
        digest=photo.digest,
        name=name,
        model=model,
        width=photo.width,
        height=photo.height,
        bits=photo.bits,
        grey=photo.is_grey,
        history=[edits_module.dumps(edits) for edits in history],
        position=project.index if project is not None else 0,
        snapshots=[(title, edits_module.dumps(edits)) for title, edits in _unique(snapshots).items()],
        page=photo.page,
        pages=photo.pages,
        even_tones=project is not None and project.even_tones,
    )


def _unique(snapshots: Mapping[str, Edits]) -> dict[str, Edits]:
    """The snapshots of a project under names that the store takes: not empty, not too long, each once."""
    named: dict[str, Edits] = {}
    for title, edits in snapshots.items():
        wanted = title.strip()[:NAME_LENGTH] or "snapshot"
        name, number = wanted, 2
        while name in named:
            name, number = f"{wanted[: NAME_LENGTH - 8]} {number}", number + 1
        named[name] = edits
    return named


def _settle(handle: int, flush: Callable[[], object]) -> None:
    flush()
    os.fsync(handle)
