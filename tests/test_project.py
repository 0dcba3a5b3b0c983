"""Project files: what goes in comes out; everything else ends in one sentence."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irodori import project
from irodori.errors import HintError, IrodoriError, PhotoError
from irodori.hints.edits import Edits
from irodori.hints.points import Hint
from irodori.hints.regions import Region

PHOTO = b"\xff\xd8 not really a photo, any bytes will do"
HISTORY = (
    Edits(),
    Edits(hints=(Hint(x=1.5, y=2.5, rgb="#c04020", note="regulation 1908"),)),
    Edits(hints=(Hint(x=1.5, y=2.5, ab=(10, -20)),), regions=(Region(((0, 0), (4, 0), (4, 4)), rgb="#00ff00"),)),
)


def saved(**changes: object) -> bytes:
    out = io.BytesIO()
    arguments = {"photo_bytes": PHOTO, "photo_name": "old.jpg", "history": HISTORY, "index": 1, **changes}
    project.save_project(out, **arguments)
    return out.getvalue()


def rebuilt(data: bytes, change=None, photo: bytes | None = None, extra: dict[str, bytes] | None = None) -> bytes:
    """The same zip with its JSON changed by a function, its photo replaced, or members added."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        content = json.loads(archive.read("project.json"))
        kept = archive.read("photo")
    if change is not None:
        change(content)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("project.json", json.dumps(content))
        archive.writestr("photo", kept if photo is None else photo)
        for name, value in (extra or {}).items():
            archive.writestr(name, value)
    return out.getvalue()


def sentence_or_photo(data: bytes) -> str:
    """How loading ends: with a sentence, with the whole photo, or otherwise."""
    try:
        found = project.load_project(data)
    except IrodoriError as error:
        return "sentence" if str(error) and "\n" not in str(error) else f"no sentence: {error}"
    return "photo" if found.photo_bytes == PHOTO else "another photo"


def test_round_trip_through_a_file(tmp_path: Path) -> None:
    path = tmp_path / "é 写真.irodori"
    snapshots = {"warm": HISTORY[1], "": HISTORY[0]}
    project.save_project(path, PHOTO, "old.jpg", HISTORY, 1, snapshots, model="default")
    found = project.load_project(path)
    assert found == project.Project(PHOTO, "old.jpg", HISTORY, 1, snapshots, "default")
    assert found.edits == HISTORY[1]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    with open(path, "rb") as file:
        assert project.load_project(file) == found
    assert project.is_project(path.read_bytes()[:4])


def test_the_same_content_gives_the_same_bytes() -> None:
    assert saved() == saved()


def test_page_and_even_tones_are_kept() -> None:
    plain, special = project.load_project(saved()), project.load_project(saved(page=2, even_tones=True))
    assert (plain.page, plain.even_tones) == (0, False)
    assert (special.page, special.even_tones) == (2, True)


def test_the_index_defaults_to_the_last_step() -> None:
    assert project.load_project(saved(index=None)).index == 2


@given(st.text(max_size=300))
@settings(deadline=None)
def test_names_are_made_harmless(name: str) -> None:
    found = project.load_project(saved(photo_name=name)).photo_name
    assert found
    assert not set(found) & set("/\\\0\n\r")
    assert found not in (".", "..")
    assert len(found) <= 255


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [("../../etc/passwd", "passwd"), ("C:\\photos\\a.jpg", "a.jpg"), ("..", "photo"), ("", "photo"), ("a\nb", "ab")],
)
def test_folders_are_cut_off(given_name: str, kept: str) -> None:
    assert project.load_project(saved(photo_name=given_name)).photo_name == kept


def test_other_members_are_never_read(tmp_path: Path) -> None:
    data = rebuilt(saved(), extra={"../../evil": b"x", "/etc/evil": b"x"})
    assert project.load_project(data).photo_bytes == PHOTO
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_refused_before_it_is_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.json", b" " * (1 << 22))
        archive.writestr("photo", PHOTO)
    monkeypatch.setattr(project, "MAX_JSON_BYTES", 1 << 20)
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    with pytest.raises(PhotoError, match="would take 4194304 bytes, at most 1048576"):
        project.load_project(out.getvalue())


def test_a_bomb_that_lies_about_its_size() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.json", b" " * (1 << 22))
        archive.writestr("photo", PHOTO)
    data = out.getvalue().replace(struct.pack("<I", 1 << 22), struct.pack("<I", 100))
    with pytest.raises(PhotoError, match="damaged"):
        project.load_project(data)


def test_too_many_members() -> None:
    with pytest.raises(PhotoError, match="members"):
        project.load_project(rebuilt(saved(), extra={f"m{number}": b"" for number in range(100)}))


def change(**fields: object):
    return lambda content: content.update(fields)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (change(version=2), "expected project version 1, got 2"),
        (change(version=True), "expected project version 1"),
        (change(format="zip"), "not an irodori project"),
        (change(surprise=1), "unknown field 'surprise'"),
        (change(photo=None), "photo: expected an object"),
        (change(photo={"name": 3}), "photo: expected an object"),
        (change(photo={"name": "a", "sha256": "0"}), "SHA-256 differs"),
        (change(history=[]), "history: expected a list"),
        (change(history=3), "history: expected a list"),
        (change(index=3), "index: expected 0..2, got 3"),
        (change(index=-1), "index: expected"),
        (change(index=1.0), "index: expected"),
        (change(model=3), "model: expected text"),
        (change(page=-1), "page: expected 0"),
        (change(page=True), "page: expected 0"),
        (change(even_tones=1), "even_tones: expected true or false"),
        (change(snapshots={}), "snapshots: expected a list"),
        (change(snapshots=[3]), r"snapshots\[0\]"),
        (change(snapshots=[{"name": "a", "edits": {"version": 1}}] * 2), r"snapshots\[1\]"),
    ],
)
def test_impossible_fields_are_named(changed, words: str) -> None:
    with pytest.raises(PhotoError, match=words):
        project.load_project(rebuilt(saved(), changed))


def test_wrong_edits_are_named_with_their_step() -> None:
    def nan(content: dict) -> None:
        content["history"][1]["hints"][0]["x"] = "left"

    with pytest.raises(HintError, match=r"history\[1\]\.hints\[0\]\.x: expected a number"):
        project.load_project(rebuilt(saved(), nan))


def test_nan_is_not_json() -> None:
    data = saved()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read("project.json").replace(b'"index":1', b'"index":NaN')
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("project.json", text)
        archive.writestr("photo", PHOTO)
    with pytest.raises(PhotoError, match="not valid JSON"):
        project.load_project(out.getvalue())


def test_another_photo_is_noticed() -> None:
    with pytest.raises(PhotoError, match="not the one that was saved"):
        project.load_project(rebuilt(saved(), photo=b"another"))


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x03\x04" + bytes(100), b"\xff\xd8\xff" + bytes(50)])
def test_files_that_are_no_projects(data: bytes) -> None:
    with pytest.raises(PhotoError, match="not an irodori project"):
        project.load_project(data)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="cannot be opened"):
        project.load_project(tmp_path / "nothing.irodori")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_bytes_end_in_a_sentence(data: st.DataObject) -> None:
    whole = saved()
    if data.draw(st.booleans()):
        broken = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        flipped = bytearray(whole)
        for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=8)):
            flipped[place] ^= data.draw(st.integers(1, 255))
        broken = bytes(flipped)
    assert sentence_or_photo(broken) in ("sentence", "photo")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["format", "version", "photo", "model", "history", "index", "snapshots"]), json_values)
@settings(max_examples=150, deadline=None)
def test_any_value_in_any_field_ends_in_a_sentence(name: str, value: object) -> None:
    assert sentence_or_photo(rebuilt(saved(), change(**{name: value}))) in ("sentence", "photo")


def test_saving_refuses_what_could_not_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HintError, match="history"):
        saved(history=())
    with pytest.raises(HintError, match="index"):
        saved(index=7)
    monkeypatch.setattr(project, "MAX_PHOTO_BYTES", 10)
    with pytest.raises(PhotoError, match="at most 10 bytes"):
        saved()


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="cannot write"):
        project.save_project(tmp_path / "no" / "folder.irodori", PHOTO, "a.jpg", HISTORY)
    (tmp_path / "taken").mkdir()
    with pytest.raises(PhotoError, match="cannot write"):
        project.save_project(tmp_path / "taken", PHOTO, "a.jpg", HISTORY)
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]
