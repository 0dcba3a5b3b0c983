"""The editor behind the HTTP face: what each request does, in which order, on which thread.

The event loop only decides; the disk, the decoder, the model and the exports each have their own few threads, so that
an export does not delay a pointer move. Per session there is one question at the model at a time (:mod:`.turns`); what
is current is decided by the disk (:mod:`.session_store`), memory only follows (:mod:`.live_sessions`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from irodori.colorizer import Colorizer, installed_models
from irodori.hints import edits as edits_module
from irodori.hints.edits import Edits
from irodori.photo import MAX_PIXELS, Photo, read_photo
from irodori.session import Session
from irodori.web import bodies
from irodori.web.live_sessions import LiveSession, LiveSessions
from irodori.web.opening import Opened, open_upload, plain_name, receive
from irodori.web.refusal import Refusal, as_refusal, stale
from irodori.web.session_rows import SessionRow
from irodori.web.session_store import SessionStore
from irodori.web.turns import Turn, Turns

T = TypeVar("T")

DEFAULT_MODEL = "default"
GONE = "The photograph of this session is gone from the data folder; open it again."
_MOST_WAITING = 64  # photographs that may wait to be opened
_THUMBNAIL_DELAY = 1.5  # seconds of rest after a change before the thumbnail is drawn anew


@dataclass(frozen=True)
class EditorSettings:
    """How the editor works: ``model`` colours new sessions (a name or a folder); bytes and seconds."""

    model: str | None = None
    threads: int | None = None
    workers: int = 1
    memory: int = 1536 << 20
    idle: float = 900.0
    max_pixels: int = MAX_PIXELS


class Editor:
    """All sessions of one data folder, answered by one process."""

    def __init__(self, store: SessionStore, settings: EditorSettings) -> None:
        """Serve the sessions of ``store``; nothing is loaded yet."""
        self.store = store
        self.settings = settings
        self.turns = Turns(settings.workers)
        self.live = LiveSessions(settings.memory, settings.idle, self.turns.is_busy)
        self._disk = ThreadPoolExecutor(2, thread_name_prefix="disk")  # one may be syncing while the other reads
        self._openings = ThreadPoolExecutor(max(1, min(2, os.cpu_count() or 1)), thread_name_prefix="opening")
        self._pictures = ThreadPoolExecutor(1, thread_name_prefix="picture")
        self._exports = ThreadPoolExecutor(1, thread_name_prefix="export")
        self.export_threads = max(1, (os.cpu_count() or 1) // 2)
        self._waiting = 0
        self._ending = self._closed = False
        self._loading: dict[str, asyncio.Task[LiveSession]] = {}
        self._thumbnails: dict[str, asyncio.Task[None]] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._colorizers: dict[str, Colorizer] = {}
        self._colorizer_lock = threading.Lock()

    # -- threads -------------------------------------------------------------------------------------------------

    async def on_disk(self, function: Callable[[], T]) -> T:
        """Run a step of the store on one of the disk's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, function)

    async def picturing(self, function: Callable[[], T]) -> T:
        """Make something of screen size that does not need the model."""
        return await asyncio.get_running_loop().run_in_executor(self._pictures, function)

    async def exporting(self, function: Callable[[], T]) -> T:
        """Run something slow and large, one at a time, without delaying anything else."""
        return await asyncio.get_running_loop().run_in_executor(self._exports, function)

    def may_go_on(self, _: float) -> None:
        """Called now and then by a long render: Refusal 503 when the server is shutting down."""
        if self._ending:
            raise Refusal(503, "The server is shutting down; start it again and repeat the export.")

    async def opening(self, function: Callable[[], T]) -> T:
        """Decode something; 503 when too much waits for that already."""
        if self._waiting >= _MOST_WAITING:
            raise Refusal(503, "Too many photographs are waiting to be opened; try again in a moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._openings, function)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End all threads and close the disk's file; call it when no request is under way. Twice does no harm."""
        if self._closed:
            return
        self._closed = True
        self.turns.close()
        for pool in (self._openings, self._pictures, self._exports, self._disk):
            pool.shutdown(wait=True, cancel_futures=True)
        self.store.close()

    async def keep_house(self) -> None:
        """Let idle sessions leave the memory, for as long as the server runs."""
        while True:
            await asyncio.sleep(min(30.0, self.settings.idle / 2))
            self.live.trim()

    async def settle(self) -> None:
        """Draw the thumbnails that are still due; for a graceful end."""
        self._ending = True
        due = [identity for identity in self._thumbnails if self.live.get(identity) is not None]
        for task in self._thumbnails.values():
            task.cancel()
        self._thumbnails.clear()
        await asyncio.gather(*self._background, return_exceptions=True)
        for identity in due:
            with contextlib.suppress(Exception):
                await self._draw_thumbnail(identity)

    # -- models --------------------------------------------------------------------------------------------------

    def model_name(self, wanted: str | None) -> str:
        """The model's name to remember with a session; 404 for one that is not installed. None: the default."""
        own = self.settings.model or DEFAULT_MODEL
        if wanted is None or wanted == own:
            return own
        if wanted not in {info.folder.name for info in installed_models()}:
            raise Refusal(404, f"There is no model {wanted[:60]!r}; GET /api/models lists those that are installed.")
        return wanted

    def colorizer(self, model: str) -> Colorizer:
        """The model, loaded once. Blocks; ModelError when it is gone."""
        with self._colorizer_lock:
            if model not in self._colorizers:
                self._colorizers[model] = Colorizer.load(
                    None if model == DEFAULT_MODEL else model, threads=self.settings.threads, spinning=False
                )
            return self._colorizers[model]

    # -- opening and closing -------------------------------------------------------------------------------------

    async def open(
        self, chunks: AsyncIterator[bytes], name: str, model: str | None, reopen: bool, page: int = 0
    ) -> tuple[str, bool]:
        """Store an upload as a session and start to colour it: its id, and whether it was there before."""
        self.model_name(model)
        upload = self.store.incoming()
        try:
            await receive(chunks, upload)
            return await self.open_file(upload, name, model, reopen, page)
        finally:
            upload.unlink(missing_ok=True)

    async def open_page(self, identity: str, page: int, reopen: bool) -> tuple[str, bool]:
        """Open another page (from 0) of a session's file, as a session of its own with the same model."""
        row = await self.on_disk(lambda: self.store.get(identity))
        upload = self.store.incoming()

        def copy() -> None:
            try:
                shutil.copyfile(self.store.photo_path(row.digest), upload)
            except FileNotFoundError:
                raise Refusal(404, GONE) from None

        try:
            await self.opening(copy)
            return await self.open_file(upload, row.name, row.model, reopen, page)
        finally:
            upload.unlink(missing_ok=True)

    async def open_file(
        self, upload: Path, name: str, model: str | None, reopen: bool, page: int = 0
    ) -> tuple[str, bool]:
        """The same as :meth:`open` for a file that already lies in the store's ``incoming/``."""

        def work() -> tuple[Opened, LiveSession]:
            opened = open_upload(
                self.store, upload, name, self.model_name, model, reopen, self.settings.max_pixels, page
            )
            return opened, self._enliven(opened.row, opened.photo, opened.edits)

        opened, live = await self.opening(work)
        if self.live.get(live.id) is None:
            self.live.put(live)
        self._in_background(self._first_colouring(live.id))
        return live.id, opened.reopened

    async def delete(self, identity: str) -> None:
        """Remove a session from disk and memory."""
        async with self.turns.of(identity, edits=True):
            await self.on_disk(lambda: self.store.delete(identity))
            self.live.drop(identity)
            task = self._thumbnails.pop(identity, None)
            if task is not None:
                task.cancel()

    async def describe(self, identity: str, name: str | None, model: str | None, even_tones: bool | None) -> None:
        """Rename a session, or have it coloured by another model or with its tones evened out (or not)."""
        plain = None if name is None else plain_name(name)
        if model is None and even_tones is None:
            await self.on_disk(lambda: self.store.describe(identity, plain))
            return
        wanted = None if model is None else self.model_name(model)
        async with self.asking(identity) as (turn, live, row):
            chosen = wanted or row.model
            even = row.even_tones if even_tones is None else even_tones
            if (chosen, even) != (row.model, row.even_tones):
                colorizer = await self.opening(lambda: self.colorizer(chosen))
                other = Session(live.session.photo, colorizer, history=[live.session.edits], even_tones=even)
                await turn.work(other.predict)  # a model that refuses these edits must not be remembered
                live.session = other
            await self.on_disk(lambda: self.store.describe(identity, plain, chosen, even))
        self.thumbnail_soon(identity)

    # -- asking ----------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def asking(
        self, identity: str, revision: int | None = None, *, edits: bool = False
    ) -> AsyncIterator[tuple[Turn, LiveSession, SessionRow]]:
        """Hold a session's lane with the session in memory and in step with the disk.

        ``revision``: what the client believes to be current (409 when it is not), None when it does not care. For
        ``edits`` see :meth:`Turns.of`.
        """
        async with self.turns.of(identity, edits=edits) as turn:
            row = await self.on_disk(lambda: self.store.get(identity))
            if revision is not None and revision != row.revision:
                raise stale(revision, row.revision)
            live = await self._awake(row)
            yield turn, live, row

    async def awake(self, identity: str) -> tuple[LiveSession, SessionRow]:
        """The session in memory without holding its lane: for its photo only, not for its edits."""
        row = await self.on_disk(lambda: self.store.get(identity))
        return await self._loaded(row), row

    async def _awake(self, row: SessionRow) -> LiveSession:
        """The session in memory, with the edits of the row's revision; only for who holds the lane."""
        live = await self._loaded(row)
        if live.revision != row.revision:
            current, text = await self.on_disk(lambda: self.store.edits(row.id))
            live.session.restart(edits_module.loads(text))
            live.revision = current.revision
        return live

    async def _loaded(self, row: SessionRow) -> LiveSession:
        """The session in memory, decoded when needed, once however many ask."""
        live = self.live.get(row.id)
        if live is not None:
            return live
        task = self._loading.get(row.id)
        if task is None:
            task = asyncio.create_task(self._load(row.id))
            self._loading[row.id] = task
            task.add_done_callback(lambda _: self._loading.pop(row.id, None))
        return await asyncio.shield(task)

    async def _load(self, identity: str) -> LiveSession:
        row, text = await self.on_disk(lambda: self.store.edits(identity))

        def work() -> LiveSession:
            path = self.store.photo_path(row.digest)
            if not path.exists():
                raise Refusal(404, GONE)
            limit = max(self.settings.max_pixels, MAX_PIXELS)
            photo = read_photo(path, max_pixels=limit, name=row.name, page=row.page)
            return self._enliven(row, photo, edits_module.loads(text))

        live = await self.opening(work)
        self.live.put(live)
        return live

    def _enliven(self, row: SessionRow, photo: Photo, edits: Edits) -> LiveSession:
        session = Session(photo, self.colorizer(row.model), history=[edits], even_tones=row.even_tones)
        return LiveSession(row.id, session, row.revision)

    # -- thumbnails ----------------------------------------------------------------------------------------------

    async def thumbnail(self, identity: str) -> tuple[bytes, int]:
        """A session's small JPEG and the revision it shows; drawn now when there is none yet."""
        picture, revision = await self.on_disk(lambda: self.store.thumbnail(identity))
        if picture is None:
            await self._draw_thumbnail(identity)
            picture, revision = await self.on_disk(lambda: self.store.thumbnail(identity))
        return picture or b"", revision

    def thumbnail_soon(self, identity: str) -> None:
        """Have the thumbnail drawn anew when the session has rested a little."""
        earlier = self._thumbnails.pop(identity, None)
        if earlier is not None:
            earlier.cancel()
        self._thumbnails[identity] = self._in_background(self._thumbnail_later(identity))

    async def _thumbnail_later(self, identity: str) -> None:
        await asyncio.sleep(_THUMBNAIL_DELAY)
        if self._thumbnails.get(identity) is asyncio.current_task():
            del self._thumbnails[identity]
        if self.live.get(identity) is not None:  # a session that has left is not decoded again for this
            with _logged("drawing a thumbnail"):
                await self._draw_thumbnail(identity)
        self.live.trim()

    async def _draw_thumbnail(self, identity: str) -> None:
        async with self.asking(identity) as (turn, live, row):
            prediction = await turn.work(live.session.predict)
        small = bodies.fitted(row.height, row.width, bodies.THUMBNAIL_SIDE)

        def work() -> bytes:
            plane = live.session.photo.resized_lightness(*small)
            return bodies.encoded(bodies.coloured(plane, prediction.coefficients, prediction.strength), quality=85)

        picture = await self.picturing(work)
        await self.on_disk(lambda: self.store.set_thumbnail(identity, picture, row.revision))

    # -- in the background ---------------------------------------------------------------------------------------

    async def _first_colouring(self, identity: str) -> None:
        """Colour a session that was just opened, so that the page's first question finds the answer ready."""
        with _logged("the first colouring"):
            async with self.asking(identity) as (turn, live, _):
                await turn.work(lambda: live.session.predict(distribution=True).coefficients)
        self.thumbnail_soon(identity)

    def _in_background(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


@contextlib.contextmanager
def _logged(what: str) -> Iterator[None]:
    """Let background work fail without an answer to fail in: expected failures pass silently, bugs are logged."""
    try:
        yield
    except Exception as error:
        if as_refusal(error) is None:
            logging.getLogger("irodori.web").exception("%s failed", what)
