"""What a batch run has done so far: one SQLite file that only the driver writes, on a local disk.

One row per result. Before a worker gets a photo the row says what is attempted, afterwards what became of it; each is a
transaction of its own, so a driver that is killed forgets nothing that it had written.
"""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from irodori.batch.places import STATE_FOLDER
from irodori.errors import SettingsError

OPEN, DONE, FAILED = "open", "done", "failed"
"""States of a row: never finished, finished, failed at the last attempt."""

_VERSION = 1
_TABLE = """
CREATE TABLE results (
    output TEXT PRIMARY KEY,    -- relative path of the result
    source TEXT NOT NULL,       -- relative path of the photo
    state TEXT NOT NULL,        -- open, done or failed
    run TEXT NOT NULL,          -- done: digest of settings, weights and version
    stamp TEXT NOT NULL,        -- done: of photo and edits file when they were listed; '' is never trusted
    content TEXT NOT NULL,      -- done: SHA-256 over photo and edits file; '' when not known
    output_stamp TEXT NOT NULL, -- of the result that this batch wrote last; '' when there is none
    try_run TEXT NOT NULL,      -- run of an attempt that has begun and not ended, else ''
    try_stamp TEXT NOT NULL,    -- stamp of that attempt
    at REAL NOT NULL            -- last change, in seconds since 1970
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class Row:
    """What is known of one result; the fields are the columns of the table."""

    output: str
    source: str
    state: str
    run: str
    stamp: str
    content: str
    output_stamp: str
    try_run: str
    try_stamp: str
    at: float


class Manifest:
    """The open manifest. While it is open no other process can open it, so two drivers never share an output."""

    def __init__(self, path: Path, output: str) -> None:
        """Open or create the manifest of the place ``output``.

        Raises :class:`SettingsError` when another run holds it, or the file is not a manifest or cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=0.2, isolation_level=None)
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("BEGIN IMMEDIATE")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                self._connection.execute(_TABLE)
                self._connection.execute(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                raise SettingsError(f"{path} has version {version}, expected {_VERSION}: another irodori wrote it")
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise SettingsError(f"another irodori batch is at work on {output}") from None
            raise SettingsError(f"cannot write the manifest {path} ({error}); --manifest puts it elsewhere") from None
        except sqlite3.DatabaseError as error:
            raise SettingsError(f"{path} is not a manifest of irodori batch ({error})") from None
        except OSError as error:
            raise SettingsError(
                f"cannot write the manifest {path} ({error.strerror}); --manifest puts it elsewhere"
            ) from None

    def row(self, output: str) -> Row | None:
        """What is known of a result, None when nothing is."""
        found = self._connection.execute("SELECT * FROM results WHERE output = ?", (output,)).fetchone()
        return None if found is None else Row(*found)

    def attempts(self) -> list[Row]:
        """The rows of attempts that an interrupted run left open."""
        return [Row(*found) for found in self._connection.execute("SELECT * FROM results WHERE try_run != ''")]

    def begin(self, output: str, source: str, run: str, stamp: str) -> None:
        """Note that a worker is about to get a photo. This and the writes below raise sqlite3.Error (disk full)."""
        self._connection.execute(
            "INSERT INTO results VALUES (?, ?, 'open', '', '', '', '', ?, ?, ?)"
            " ON CONFLICT (output) DO UPDATE SET source = excluded.source, try_run = excluded.try_run,"
            " try_stamp = excluded.try_stamp, at = excluded.at",
            (output, source, run, stamp, time.time()),
        )

    def finish(self, output: str, source: str, run: str, stamp: str, content: str, output_stamp: str) -> None:
        """Note that a result is there and whole."""
        self._connection.execute(
            "INSERT OR REPLACE INTO results VALUES (?, ?, 'done', ?, ?, ?, ?, '', '', ?)",
            (output, source, run, stamp, content, output_stamp, time.time()),
        )

    def fail(self, output: str) -> None:
        """Note that an attempt failed; an older result that is still there stays known as ours."""
        self._connection.execute(
            "UPDATE results SET state = 'failed', try_run = '', try_stamp = '', at = ? WHERE output = ?",
            (time.time(), output),
        )

    def drop_attempt(self, output: str) -> None:
        """Note that an attempt came to nothing, as if it had not begun."""
        self._connection.execute("UPDATE results SET try_run = '', try_stamp = '' WHERE output = ?", (output,))

    def close(self) -> None:
        """Give the manifest free."""
        self._connection.close()


def default_path(output: str) -> Path:
    """Where the manifest of a local results folder lives."""
    return Path(os.path.abspath(output)) / STATE_FOLDER / "manifest.sqlite"
