"""Sessions on disk: one SQLite file (WAL) for edits and history, photographs beside it by the SHA-256 of their bytes.

A committed change is on the disk when its method returns (``synchronous=FULL``), so ``kill -9`` at any moment loses
nothing that was answered. Several servers may share a folder: every change checks the revision inside its own write
transaction.

Layout of the folder::

    sessions.sqlite   sessions, history, snapshots, reference thumbnails
    photos/ab/abcd…   photographs as they came, named by their SHA-256
    incoming/         uploads under way
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from irodori.web.refusal import Refusal, no_session, stale
from irodori.web.session_rows import (
    COLUMNS,
    FORMAT,
    SINCE_FORMAT_1,
    TABLES,
    NamedEdits,
    NewSession,
    ReferenceRow,
    SessionRow,
    as_row,
    squeeze,
    unsqueeze,
)  # fmt: skip

_STALE_UPLOAD = 24 * 3600.0  # seconds after which a leftover in incoming/ belongs to nobody
_BUSY = 10.0  # seconds to wait for another process' write


class SessionStore:
    """The sessions of one data folder. All methods may be called from any thread; each is one transaction."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Open the store in ``folder``, which is made when missing.

        Raises Refusal when the folder was written by a newer irodori.
        """
        self.folder = Path(folder)
        for name in ("photos", "incoming"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._lock, self._read_lock = threading.Lock(), threading.Lock()
        self._db = self._connect()
        for line in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            self._db.execute(f"PRAGMA {line}").fetchall()
        self._create_tables()
        self._reader = self._connect()  # reads need not wait until a write is synced
        self._reader.execute("PRAGMA query_only=ON").fetchall()
        self._sweep()

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it."""
        with self._read_lock:
            self._reader.close()
        with self._lock:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._db.close()

    # -- photographs ---------------------------------------------------------------------------------------------

    def incoming(self) -> Path:
        """A new, unguessable path for an upload; the caller writes and syncs it, then :meth:`create` takes it over."""
        return self.folder / "incoming" / secrets.token_urlsafe(16)

    def photo_path(self, digest: str) -> Path:
        """Where the photograph with this SHA-256 (64 hexadecimal digits) lies."""
        return self.folder / "photos" / digest[:2] / digest

    # -- sessions ------------------------------------------------------------------------------------------------

    def create(self, new: NewSession, upload: Path) -> SessionRow:
        """Start a session; ``upload`` (already synced) becomes the stored photograph, or goes if that exists."""
        identity = secrets.token_urlsafe(16)
        now = time.time()
        target = self.photo_path(new.digest)
        with self._write() as db:
            if target.exists():
                upload.unlink(missing_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(upload, target)
                _sync_folder(target.parent)
            db.execute(
                f"INSERT INTO sessions ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(identity, new.digest, new.name, new.model, new.width, new.height, new.bits, int(new.grey)),
                    *(new.position, len(new.history), now, now, new.page, new.pages, int(new.even_tones)),
                ),
            )
            db.executemany(
                "INSERT INTO history VALUES (?, ?, ?)",
                [(identity, position, squeeze(edits)) for position, edits in enumerate(new.history)],
            )
            db.executemany(
                "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)",
                [(secrets.token_urlsafe(9), identity, name, squeeze(edits), now) for name, edits in new.snapshots],
            )
            return _row(db, identity)

    def get(self, identity: str) -> SessionRow:
        """One session; Refusal 404 when there is none."""
        with self._reading() as db:
            return _row(db, identity)

    def recent(self, limit: int) -> list[SessionRow]:
        """The sessions changed last, newest first."""
        with self._reading() as db:
            rows = db.execute(f"SELECT {COLUMNS} FROM sessions ORDER BY changed DESC, rowid DESC LIMIT ?", (limit,))
            return [as_row(row) for row in rows]

    def latest_with(self, digest: str, model: str, page: int = 0) -> SessionRow | None:
        """The session changed last that edits this page of these bytes with this model."""
        with self._reading() as db:
            same = "digest = ? AND model = ? AND page = ?"
            row = db.execute(
                f"SELECT {COLUMNS} FROM sessions WHERE {same} ORDER BY changed DESC LIMIT 1", (digest, model, page)
            ).fetchone()
            return None if row is None else as_row(row)

    def describe(
        self, identity: str, name: str | None = None, model: str | None = None, even_tones: bool | None = None
    ) -> SessionRow:
        """Give a session another name or model, or have its tones evened out or not; the revision stays."""
        columns = {"name": name, "model": model, "even_tones": None if even_tones is None else int(even_tones)}
        with self._write() as db:
            for column, value in columns.items():
                if value is not None:
                    db.execute(f"UPDATE sessions SET {column} = ? WHERE id = ?", (value, identity))
            return _row(db, identity)

    def delete(self, identity: str) -> None:
        """Remove a session, its history, and its photograph when no other session has the same bytes."""
        with self._write() as db:
            digest = _row(db, identity).digest
            db.execute("DELETE FROM sessions WHERE id = ?", (identity,))
        # The photograph goes only after the session is durably gone; a crash in between leaves an orphan for _sweep.
        self._drop_unused(digest)
        with self._lock, contextlib.suppress(sqlite3.OperationalError):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # -- edits ---------------------------------------------------------------------------------------------------

    def edits(self, identity: str) -> tuple[SessionRow, str]:
        """The session and its current edits (JSON text)."""
        with self._reading() as db:
            row = _row(db, identity)
            return row, _edits_at(db, row)

    def history(self, identity: str) -> tuple[SessionRow, list[str]]:
        """The session and all its edits, oldest first; ``row.position`` is the current one."""
        with self._reading() as db:
            row = _row(db, identity)
            found = db.execute("SELECT edits FROM history WHERE session = ? ORDER BY position", (identity,))
            return row, [unsqueeze(blob) for (blob,) in found]

    def commit(self, identity: str, base_revision: int, edits: str) -> SessionRow:
        """Make ``edits`` (JSON text) the current state, forgetting what could be redone.

        Edits equal to the current ones change nothing. Refusal 404 or 409 (stale ``base_revision``).
        """
        with self._write() as db:
            row = _current(db, identity, base_revision)
            if _edits_at(db, row) == edits:
                return row
            _append(db, row, edits)
            return _row(db, identity)

    def step(self, identity: str, base_revision: int, by: int) -> tuple[SessionRow, str]:
        """Undo (``by=-1``) or redo (``by=1``): the session afterwards and its edits. Refusal 404, 409 or 422."""
        with self._write() as db:
            row = _current(db, identity, base_revision)
            if not (row.can_undo if by < 0 else row.can_redo):
                raise Refusal(422, f"There is nothing to {'undo' if by < 0 else 'redo'}.")
            db.execute(
                "UPDATE sessions SET revision = revision + 1, position = position + ?, changed = ? WHERE id = ?",
                (by, time.time(), identity),
            )
            row = _row(db, identity)
            return row, _edits_at(db, row)

    # -- snapshots -----------------------------------------------------------------------------------------------

    def snapshots(self, identity: str) -> list[NamedEdits]:
        """A session's snapshots, oldest first."""
        with self._reading() as db:
            found = db.execute(
                "SELECT id, name, edits, created FROM snapshots WHERE session = ? ORDER BY created, rowid", (identity,)
            )
            return [NamedEdits(row[0], row[1], unsqueeze(row[2]), row[3]) for row in found]

    def snapshot(self, identity: str, snapshot: str) -> NamedEdits:
        """One snapshot; Refusal 404 when there is none."""
        for found in self.snapshots(identity):
            if found.id == snapshot:
                return found
        raise Refusal(404, "There is no such snapshot; it may have been deleted.")

    def add_snapshot(self, identity: str, base_revision: int, name: str) -> None:
        """Keep the current edits under ``name``. Refusal 404, or 409 (stale, or the name is taken)."""
        with self._write() as db:
            row = _current(db, identity, base_revision)
            try:
                db.execute(
                    "INSERT INTO snapshots SELECT ?, session, ?, edits, ? FROM history"
                    " WHERE session = ? AND position = ?",
                    (secrets.token_urlsafe(9), name, time.time(), identity, row.position),
                )
            except sqlite3.IntegrityError as error:
                raise Refusal(409, f"There is a snapshot called {name!r} already; choose another name.") from error

    def delete_snapshot(self, identity: str, snapshot: str) -> None:
        """Forget a snapshot; Refusal 404 when there is none."""
        with self._write() as db:
            done = db.execute("DELETE FROM snapshots WHERE id = ? AND session = ?", (snapshot, identity))
            if not done.rowcount:
                _row(db, identity)
                raise Refusal(404, "There is no such snapshot; it may have been deleted.")

    # -- references and thumbnails -------------------------------------------------------------------------------

    def add_reference(
        self, identity: str, base_revision: int, edits: str, name: str, reference: str, picture: bytes
    ) -> SessionRow:
        """Commit ``edits`` that use a new reference, and keep its JSON and its small JPEG, in one transaction."""
        with self._write() as db:
            row = _current(db, identity, base_revision)
            db.execute(
                "INSERT INTO reference_photos VALUES (?, ?, ?, ?, ?, ?)",
                (secrets.token_urlsafe(9), identity, name, reference, picture, time.time()),
            )
            _append(db, row, edits)
            return _row(db, identity)

    def references(self, identity: str) -> list[ReferenceRow]:
        """The references uploaded to a session, oldest first, without their pictures."""
        with self._reading() as db:
            found = db.execute(
                "SELECT id, name, reference, created FROM reference_photos WHERE session = ? ORDER BY created, rowid",
                (identity,),
            )
            return [ReferenceRow(*row) for row in found]

    def reference_picture(self, identity: str, reference: str) -> bytes:
        """The JPEG of a reference; Refusal 404 when there is none."""
        with self._reading() as db:
            found = db.execute(
                "SELECT picture FROM reference_photos WHERE id = ? AND session = ?", (reference, identity)
            ).fetchone()
        if found is None:
            raise Refusal(404, "There is no such reference; it may have been removed.")
        return bytes(found[0])

    def delete_reference(self, identity: str, reference: str) -> None:
        """Take a reference from the list; Refusal 404 when there is none."""
        with self._write() as db:
            done = db.execute("DELETE FROM reference_photos WHERE id = ? AND session = ?", (reference, identity))
            if not done.rowcount:
                _row(db, identity)
                raise Refusal(404, "There is no such reference; it may have been removed.")

    def thumbnail(self, identity: str) -> tuple[bytes | None, int]:
        """A session's small JPEG, if it has one, and the revision it shows."""
        with self._reading() as db:
            found = db.execute(
                "SELECT thumbnail, thumbnail_revision FROM sessions WHERE id = ?", (identity,)
            ).fetchone()
        if found is None:
            raise no_session()
        return found[0], found[1]

    def set_thumbnail(self, identity: str, picture: bytes, revision: int) -> None:
        """Keep a small JPEG that shows ``revision``; nothing happens when the session is gone."""
        with self._write() as db:
            db.execute(
                "UPDATE sessions SET thumbnail = ?, thumbnail_revision = ? WHERE id = ?", (picture, revision, identity)
            )

    # -- inside --------------------------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self.folder / "sessions.sqlite", timeout=_BUSY, isolation_level=None, check_same_thread=False
        )

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent look at what is committed."""
        with self._read_lock:
            self._reader.execute("BEGIN")
            try:
                yield self._reader
            finally:
                self._reader.execute("COMMIT")

    @contextlib.contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: committed (and synced) at the end, rolled back on any error."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk may have ended it already
                    self._db.execute("ROLLBACK")
                raise

    def _create_tables(self) -> None:
        with self._write() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == FORMAT:
                return
            if version > FORMAT:
                raise Refusal(
                    503, f"The data folder {self.folder} was written by a newer irodori; update, or use IRODORI_DATA."
                )
            for statement in (SINCE_FORMAT_1 if version == 1 else TABLES).split(";"):
                if statement.strip():
                    db.execute(statement)
            db.execute(f"PRAGMA user_version={FORMAT}")

    def _drop_unused(self, digest: str) -> None:
        """Unlink a photograph that no session uses, inside a write transaction, so that none can start to use it."""
        with self._write() as db:
            used = db.execute("SELECT 1 FROM sessions WHERE digest = ? LIMIT 1", (digest,)).fetchone()
            if used is None:
                path = self.photo_path(digest)
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # other photographs share the folder
                    path.parent.rmdir()

    def _sweep(self) -> None:
        """Remove what a crash left behind: old uploads, and photographs that no session uses."""
        oldest = time.time() - _STALE_UPLOAD
        for path in (self.folder / "incoming").iterdir():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
        with self._lock:
            used = {digest for (digest,) in self._db.execute("SELECT DISTINCT digest FROM sessions")}
        for path in (self.folder / "photos").glob("??/*"):
            if path.name not in used:
                self._drop_unused(path.name)


def _row(db: sqlite3.Connection, identity: str) -> SessionRow:
    row = db.execute(f"SELECT {COLUMNS} FROM sessions WHERE id = ?", (identity,)).fetchone()
    if row is None:
        raise no_session()
    return as_row(row)


def _current(db: sqlite3.Connection, identity: str, base_revision: int) -> SessionRow:
    row = _row(db, identity)
    if row.revision != base_revision:
        raise stale(base_revision, row.revision)
    return row


def _edits_at(db: sqlite3.Connection, row: SessionRow) -> str:
    """The current edits of a session."""
    found = db.execute(
        "SELECT edits FROM history WHERE session = ? AND position = ?", (row.id, row.position)
    ).fetchone()
    return unsqueeze(found[0])


def _append(db: sqlite3.Connection, row: SessionRow, edits: str) -> None:
    position = row.position + 1
    db.execute("DELETE FROM history WHERE session = ? AND position >= ?", (row.id, position))
    db.execute("INSERT INTO history VALUES (?, ?, ?)", (row.id, position, squeeze(edits)))
    db.execute(
        "UPDATE sessions SET revision = revision + 1, position = ?, length = ?, changed = ? WHERE id = ?",
        (position, position + 1, time.time(), row.id),
    )


def _sync_folder(folder: Path) -> None:
    """Make a rename durable (where the system lets folders be synced)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
