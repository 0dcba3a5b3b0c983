from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from pathlib import Path

import pytest

from irodori.web.refusal import Refusal
from irodori.web.session_rows import NewSession, SessionRow
from irodori.web.session_store import SessionStore

PHOTO = b"the bytes of a photograph"


@pytest.fixture
def store(tmp_path: Path):
    opened = SessionStore(tmp_path)
    yield opened
    opened.close()


def new_session(store: SessionStore, photo: bytes = PHOTO, history: tuple[str, ...] = ("e0",), **more) -> SessionRow:
    upload = store.incoming()
    upload.write_bytes(photo)
    digest = hashlib.sha256(photo).hexdigest()
    new = NewSession(digest, "harbour.jpg", "default", 40, 30, 8, True, history, **more)
    row = store.create(new, upload)
    assert not upload.exists()
    return row


def test_a_session_starts_at_revision_1_with_its_photo_stored_by_content(store: SessionStore):
    row = new_session(store)
    assert (row.revision, row.position, row.can_undo, row.can_redo) == (1, 0, False, False)
    assert len(row.id) == 22
    assert store.photo_path(row.digest).read_bytes() == PHOTO
    assert store.edits(row.id) == (row, "e0")


def test_commit_undo_redo_count_revisions_up(store: SessionStore):
    row = new_session(store)
    row = store.commit(row.id, 1, "e1")
    assert (row.revision, row.can_undo, row.can_redo) == (2, True, False)
    row, text = store.step(row.id, 2, -1)
    assert (row.revision, text, row.can_undo, row.can_redo) == (3, "e0", False, True)
    row, text = store.step(row.id, 3, 1)
    assert (row.revision, text) == (4, "e1")


def test_commit_forgets_what_could_be_redone(store: SessionStore):
    row = new_session(store)
    for revision, text in ((1, "e1"), (2, "e2")):
        store.commit(row.id, revision, text)
    store.step(row.id, 3, -1)
    row = store.commit(row.id, 4, "e3")
    assert not row.can_redo
    assert store.history(row.id)[1] == ["e0", "e1", "e3"]


def test_committing_the_same_edits_changes_nothing(store: SessionStore):
    row = new_session(store)
    assert store.commit(row.id, 1, "e0") == row


def test_undo_has_no_limit(store: SessionStore):
    row = new_session(store)
    for revision in range(1, 301):
        store.commit(row.id, revision, f"e{revision}")
    for revision in range(301, 601):
        row, text = store.step(row.id, revision, -1)
    assert text == "e0"
    with pytest.raises(Refusal, match="nothing to undo") as refused:
        store.step(row.id, 601, -1)
    assert refused.value.status == 422


@pytest.mark.parametrize("change", ["commit", "step", "add_snapshot", "add_reference"])
def test_a_stale_revision_is_refused_and_changes_nothing(store: SessionStore, change: str):
    row = new_session(store)
    store.commit(row.id, 1, "e1")
    arguments = {
        "commit": ("e2",),
        "step": (-1,),
        "add_snapshot": ("warm",),
        "add_reference": ("e2", "garden.jpg", "{}", b"jpeg"),
    }[change]
    with pytest.raises(Refusal) as refused:
        getattr(store, change)(row.id, 1, *arguments)
    assert refused.value.status == 409
    assert store.edits(row.id)[1] == "e1"
    assert store.snapshots(row.id) == [] == store.references(row.id)


def test_two_processes_on_one_folder_see_each_other(store: SessionStore):
    row = new_session(store)
    other = SessionStore(store.folder)
    try:
        store.commit(row.id, 1, "e1")
        assert other.edits(row.id)[1] == "e1"
        with pytest.raises(Refusal):
            other.commit(row.id, 1, "mine")
    finally:
        other.close()


def test_everything_is_there_after_reopening_without_a_close(store: SessionStore):
    row = new_session(store)
    store.commit(row.id, 1, "e1")
    store.add_snapshot(row.id, 2, "warm")
    again = SessionStore(store.folder)  # as after kill -9: the first one never closed
    try:
        assert again.edits(row.id)[1] == "e1"
        assert [kept.name for kept in again.snapshots(row.id)] == ["warm"]
    finally:
        again.close()


def test_deleting_removes_the_photo_with_its_last_session(store: SessionStore):
    first, second = new_session(store), new_session(store)
    path = store.photo_path(first.digest)
    store.delete(first.id)
    assert path.exists()
    store.delete(second.id)
    assert not path.exists()
    with pytest.raises(Refusal) as refused:
        store.get(second.id)
    assert refused.value.status == 404


def test_a_deleted_history_leaves_no_trace_in_the_files(store: SessionStore):
    secret = os.urandom(64).hex()
    row = new_session(store, history=("e0",))
    store.add_reference(row.id, 1, "e1", secret, "{}", secret.encode())
    needle = secret.encode()
    assert any(needle in path.read_bytes() for path in store.folder.glob("sessions.sqlite*"))
    store.delete(row.id)
    assert not any(needle in path.read_bytes() for path in store.folder.glob("sessions.sqlite*"))


def test_snapshots(store: SessionStore):
    row = new_session(store)
    store.commit(row.id, 1, "e1")
    store.add_snapshot(row.id, 2, "warm")
    store.commit(row.id, 2, "e2")
    (kept,) = store.snapshots(row.id)
    assert (kept.name, kept.edits) == ("warm", "e1")
    with pytest.raises(Refusal, match="warm") as refused:
        store.add_snapshot(row.id, 3, "warm")
    assert refused.value.status == 409
    other = new_session(store)
    for act in (lambda: store.snapshot(other.id, kept.id), lambda: store.delete_snapshot(other.id, kept.id)):
        with pytest.raises(Refusal):
            act()
    store.delete_snapshot(row.id, kept.id)
    assert store.snapshots(row.id) == []


def test_references(store: SessionStore):
    row = new_session(store)
    row = store.add_reference(row.id, 1, "e1", "garden.jpg", '{"saturation": 0.5}', b"jpeg")
    assert row.revision == 2
    (entry,) = store.references(row.id)
    assert (entry.name, entry.reference) == ("garden.jpg", '{"saturation": 0.5}')
    assert store.reference_picture(row.id, entry.id) == b"jpeg"
    other = new_session(store)
    with pytest.raises(Refusal):
        store.reference_picture(other.id, entry.id)
    store.delete_reference(row.id, entry.id)
    assert store.references(row.id) == []


def test_recent_lists_the_last_change_first(store: SessionStore):
    first, second = new_session(store), new_session(store)
    time.sleep(0.01)
    store.commit(first.id, 1, "e1")
    assert [row.id for row in store.recent(10)] == [first.id, second.id]
    assert [row.id for row in store.recent(1)] == [first.id]


def test_what_a_crash_left_behind_is_swept_at_the_next_start(store: SessionStore):
    row = new_session(store)
    orphan = store.photo_path("ab" + "0" * 62)
    orphan.parent.mkdir()
    orphan.write_bytes(b"no session has this")
    old, fresh = store.incoming(), store.incoming()
    old.write_bytes(b"")
    fresh.write_bytes(b"")
    os.utime(old, (0, 0))
    SessionStore(store.folder).close()
    assert not orphan.exists()
    assert not old.exists()
    assert fresh.exists()
    assert store.photo_path(row.digest).exists()


def test_a_failed_write_is_rolled_back(store: SessionStore):
    row = new_session(store)
    with pytest.raises(sqlite3.IntegrityError):
        new_session(store, snapshots=(("warm", "e0"), ("warm", "e1")))
    assert [kept.id for kept in store.recent(10)] == [row.id]


def test_a_folder_of_a_newer_version_is_refused(store: SessionStore):
    store._db.execute("PRAGMA user_version=99")
    with pytest.raises(Refusal, match="newer"):
        SessionStore(store.folder)


def test_reading_does_not_wait_for_a_write_under_way(store: SessionStore):
    row = new_session(store)
    with store._write() as db:
        db.execute("UPDATE sessions SET revision = 99")
        assert store.get(row.id).revision == 1
        assert store.edits(row.id)[1] == "e0"
    assert store.get(row.id).revision == 99


def test_tables_of_the_first_format_are_brought_up_to_date(tmp_path):
    store = SessionStore(tmp_path)
    store.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "sessions.sqlite")) as db:
        for column in ("page", "pages", "even_tones"):
            db.execute(f"ALTER TABLE sessions DROP COLUMN {column}")
        db.execute(
            "INSERT INTO sessions (id, digest, name, model, width, height, bits, grey, revision, position, length,"
            " created, changed) VALUES ('a', 'd', 'old.png', 'default', 3, 2, 8, 1, 5, 0, 1, 0, 0)"
        )
        db.execute("PRAGMA user_version=1")
        db.commit()
    store = SessionStore(tmp_path)
    row = store.get("a")
    assert (row.name, row.revision, row.page, row.pages, row.even_tones) == ("old.png", 5, 0, 1, False)
    store.close()
