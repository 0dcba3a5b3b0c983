"""The tables of the session store and what their rows mean. Times are seconds since 1970."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

FORMAT = 2
"""Version of the tables (``PRAGMA user_version``)."""

TABLES = """
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, digest TEXT NOT NULL, name TEXT NOT NULL, model TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, bits INTEGER NOT NULL, grey INTEGER NOT NULL,
    revision INTEGER NOT NULL, position INTEGER NOT NULL, length INTEGER NOT NULL,
    created REAL NOT NULL, changed REAL NOT NULL, thumbnail BLOB, thumbnail_revision INTEGER NOT NULL DEFAULT 0,
    page INTEGER NOT NULL DEFAULT 0, pages INTEGER NOT NULL DEFAULT 1, even_tones INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX sessions_by_change ON sessions (changed);
CREATE INDEX sessions_by_photo ON sessions (digest);
CREATE TABLE history (
    session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE, position INTEGER NOT NULL, edits BLOB NOT NULL,
    PRIMARY KEY (session, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots (
    id TEXT PRIMARY KEY, session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    name TEXT NOT NULL, edits BLOB NOT NULL, created REAL NOT NULL, UNIQUE (session, name)
) STRICT;
CREATE TABLE reference_photos (
    id TEXT PRIMARY KEY, session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    name TEXT NOT NULL, reference TEXT NOT NULL, picture BLOB NOT NULL, created REAL NOT NULL
) STRICT;
CREATE INDEX reference_photos_by_session ON reference_photos (session);
"""

SINCE_FORMAT_1 = """
ALTER TABLE sessions ADD COLUMN page INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN pages INTEGER NOT NULL DEFAULT 1;
ALTER TABLE sessions ADD COLUMN even_tones INTEGER NOT NULL DEFAULT 0;
"""
"""What turns tables of format 1 into those above."""

COLUMNS = (
    "id, digest, name, model, width, height, bits, grey, revision, position, length, created, changed,"
    " page, pages, even_tones"
)
"""The columns of :class:`SessionRow`, in its order."""


@dataclass(frozen=True)
class SessionRow:
    """What the disk knows of one session, without its history. Times are seconds since 1970; ``page`` counts from 0."""

    id: str
    digest: str
    name: str
    model: str
    width: int
    height: int
    bits: int
    grey: bool
    revision: int
    position: int
    length: int
    created: float
    changed: float
    page: int
    pages: int
    even_tones: bool

    @property
    def can_undo(self) -> bool:
        """Whether there are older edits to go back to."""
        return self.position > 0

    @property
    def can_redo(self) -> bool:
        """Whether there are undone edits to go forward to."""
        return self.position < self.length - 1


@dataclass(frozen=True)
class NamedEdits:
    """A snapshot: a name for edits (JSON text)."""

    id: str
    name: str
    edits: str
    created: float


@dataclass(frozen=True)
class ReferenceRow:
    """A reference that was uploaded to a session: its JSON value and when; the picture is fetched apart."""

    id: str
    name: str
    reference: str
    created: float


@dataclass(frozen=True)
class NewSession:
    """What a session starts with: a photo in ``incoming/`` and a history of edits (JSON texts), at least one."""

    digest: str
    name: str
    model: str
    width: int
    height: int
    bits: int
    grey: bool
    history: Sequence[str]
    position: int = 0
    snapshots: Sequence[tuple[str, str]] = field(default=())
    page: int = 0
    pages: int = 1
    even_tones: bool = False


def as_row(values: Sequence[object]) -> SessionRow:
    """Make a SessionRow of the :data:`COLUMNS` of one row."""
    fields = list(values)
    fields[7], fields[15] = bool(fields[7]), bool(fields[15])
    return SessionRow(*fields)  # type: ignore[arg-type]


def squeeze(edits: str) -> bytes:
    """Edits (JSON text) as the tables hold them."""
    return zlib.compress(edits.encode(), 1)


def unsqueeze(blob: bytes) -> str:
    """The JSON text of edits that :func:`squeeze` made small."""
    return zlib.decompress(blob).decode()
