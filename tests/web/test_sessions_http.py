from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from irodori import samples
from irodori.photo import read_photo
from irodori.web.app import create_app
from irodori.web.session_store import SessionStore
from tests.web.serving import Client, edits, file_bytes, serving

RED = {"x": 100.5, "y": 100.5, "rgb": "#c04020"}
BLUE = {"x": 250.5, "y": 60.5, "ab": [5.0, -40.0], "radius": 9, "id": "h2", "note": "regulation 1908"}


def test_opening_a_photo_gives_its_state(client: Client, opened):
    assert opened["name"] == "harbour.png"
    assert (opened["width"], opened["height"], opened["bits"], opened["grey"]) == (320, 240, 8, True)
    assert (opened["revision"], opened["can_undo"], opened["can_redo"]) == (1, False, False)
    assert opened["edits"]["hints"] == []
    assert client.get(f"/api/sessions/{opened['id']}").json() == opened


def test_each_opening_is_its_own_session_unless_reopened(client: Client, grey_bytes, opened, put):
    again = client.post("/api/sessions", content=grey_bytes)
    assert again.status_code == 201
    assert again.json()["id"] != opened["id"]
    assert again.headers["location"] == f"/api/sessions/{again.json()['id']}"
    assert put(1, edits(RED)).status_code == 200
    back = client.post("/api/sessions?reopen=1", content=grey_bytes)
    assert back.status_code == 200
    assert back.json()["id"] == opened["id"]
    assert back.json()["edits"]["hints"][0]["rgb"] == "#c04020"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\猫.jpg", "猫.jpg"),
        ("a\x00b\n.png", "ab.png"),
        ("", "photo"),
        ("..", "photo"),
    ],
)
def test_names_are_made_harmless(client: Client, grey_bytes, name, expected):
    answer = client.post("/api/sessions", params={"name": name}, content=grey_bytes)
    assert answer.json()["name"] == expected


def test_recent_sessions_are_listed_and_can_be_renamed(client: Client, grey_bytes, opened):
    client.post("/api/sessions?name=second.png", content=grey_bytes)
    listed = client.get("/api/sessions").json()["sessions"]
    assert [entry["name"] for entry in listed] == ["second.png", "harbour.png"]
    assert len(client.get("/api/sessions?limit=1").json()["sessions"]) == 1
    renamed = client.patch(f"/api/sessions/{opened['id']}", json={"name": "pier.png"}).json()
    assert (renamed["name"], renamed["revision"]) == ("pier.png", 1)


def test_the_thumbnail_is_in_colour_and_cached(client: Client, opened, put):
    assert put(1, edits({"x": 160.5, "y": 120.5, "rgb": "#e02020", "radius": 60})).status_code == 200
    client.editor.live.drop(opened["id"])
    answer = client.get(f"/api/sessions/{opened['id']}/thumbnail")
    assert answer.headers["content-type"] == "image/jpeg"
    pixels = read_photo(answer.content).pixels
    assert pixels.shape == (240, 320, 3)
    assert np.ptp(pixels.astype(int), axis=-1).max() > 20
    tag = answer.headers["etag"]
    assert client.get(f"/api/sessions/{opened['id']}/thumbnail", headers={"If-None-Match": tag}).status_code == 304


def test_deleting_removes_everything(client: Client, opened, put, tmp_path: Path):
    put(1, edits(RED))
    assert list((tmp_path / "photos").glob("*/*"))
    answer = client.delete(f"/api/sessions/{opened['id']}")
    assert answer.status_code == 204
    assert answer.headers["clear-site-data"] == '"cache"', "the browser's pieces of it go too"
    assert not list((tmp_path / "photos").glob("*/*"))
    assert client.get("/api/sessions").json() == {"sessions": []}
    for method, path in (("GET", ""), ("GET", "/chroma"), ("GET", "/lightness"), ("DELETE", ""), ("GET", "/thumbnail")):
        answer = client.request(method, f"/api/sessions/{opened['id']}{path}")
        assert answer.status_code == 404
        assert set(answer.json()) == {"error"}
    assert put(2, edits()).status_code == 404


def test_a_project_carries_photo_history_and_snapshots(client: Client, opened, put, grey_bytes):
    put(1, edits(RED))
    client.post(f"/api/sessions/{opened['id']}/snapshots", json={"name": "red only", "base_revision": 2})
    put(2, edits(RED, BLUE))
    client.post(f"/api/sessions/{opened['id']}/undo", json={"base_revision": 3})
    answer = client.get(f"/api/sessions/{opened['id']}/project?download=1")
    assert answer.headers["content-type"] == "application/vnd.irodori.project+zip"
    assert 'filename="harbour.irodori"' in answer.headers["content-disposition"]
    assert zipfile.is_zipfile(io.BytesIO(answer.content))
    client.delete(f"/api/sessions/{opened['id']}")
    state = client.post("/api/sessions?name=harbour.irodori", content=answer.content).json()
    assert state["name"] == "harbour.png"
    assert [hint["rgb"] for hint in state["edits"]["hints"]] == ["#c04020"]
    assert (state["can_undo"], state["can_redo"]) == (True, True)
    assert [kept["name"] for kept in state["snapshots"]] == ["red only"]
    redone = client.post(f"/api/sessions/{state['id']}/redo", json={"base_revision": 1}).json()
    assert redone["edits"]["hints"][1]["note"] == "regulation 1908"
    photo = read_photo(client.get(f"/api/sessions/{state['id']}/picture?size=full&which=before").content)
    assert (photo.pixels == read_photo(grey_bytes).pixels).all()


def test_everything_is_there_after_a_restart(tmp_path: Path, settings, grey_bytes):
    with serving(create_app(SessionStore(tmp_path), settings)) as client:
        identity = client.post("/api/sessions", content=grey_bytes).json()["id"]
        path = f"/api/sessions/{identity}"
        before = client.put(f"{path}/edits", json={"base_revision": 1, "edits": edits(RED)}).content
        first = client.get("/healthz").json()
    with serving(create_app(SessionStore(tmp_path), settings)) as client:
        assert client.get("/healthz").json()["instance"] != first["instance"]
        assert client.get(path).json()["revision"] == 2
        assert client.get(f"{path}/chroma?revision=2").content == before
        undone = client.post(f"{path}/undo", json={"base_revision": 2}).json()
        assert undone["edits"]["hints"] == []


def test_samples_and_models(client: Client, tiny_model: Path):
    listed = client.get("/api/samples").json()["samples"]
    assert [one["name"] for one in listed] == [one.name for one in samples.SAMPLES]
    assert client.get(listed[0]["thumbnail"]).headers["content-type"] == "image/jpeg"
    assert client.get("/api/samples/nothing/thumbnail").status_code == 404
    state = client.post("/api/sessions", params={"sample": listed[1]["name"]}).json()
    assert (state["width"], state["height"]) == (listed[1]["width"], listed[1]["height"])
    assert client.post("/api/sessions?sample=../secret").status_code == 404
    (default,) = [one for one in client.get("/api/models").json()["models"] if one["default"]]
    assert default["name"] == state["model"] == str(tiny_model)
    assert default["accepts_reference"] is True


def test_another_model_must_be_installed(client: Client, grey_bytes, opened, tmp_path: Path):
    for name in ("nothing", "/etc", "../..", str(tmp_path)):
        answer = client.post("/api/sessions", params={"model": name}, content=grey_bytes)
        assert answer.status_code == 404
        assert client.patch(f"/api/sessions/{opened['id']}", json={"model": name}).status_code == 404


def test_a_session_whose_photo_vanished_says_so(client: Client, opened, tmp_path: Path):
    client.editor.live.drop(opened["id"])
    for path in (tmp_path / "photos").glob("*/*"):
        path.unlink()
    answer = client.get(f"/api/sessions/{opened['id']}/chroma")
    assert answer.status_code == 404
    assert "open it again" in answer.json()["error"]


def test_sixteen_bits_are_seen(client: Client):
    deep = (np.arange(64 * 48, dtype=np.uint16) * 20).reshape(48, 64)
    state = client.post("/api/sessions", content=file_bytes(deep, "tiff")).json()
    assert (state["bits"], state["grey"]) == (16, True)


def faded(height: int = 96, width: int = 128) -> bytes:
    """A grey PNG whose tones lie close together."""
    ramp = np.linspace(120, 160, height * width).reshape(height, width)
    return file_bytes((ramp + 8 * np.sin(np.arange(width) / 5)).astype(np.uint8))


def test_tones_are_evened_out_for_the_model_when_asked(client: Client, tmp_path, settings):
    opened = client.post("/api/sessions", content=faded()).json()
    path = f"/api/sessions/{opened['id']}"
    assert opened["even_tones"] is False
    plain = client.get(f"{path}/chroma").content
    lightness = client.get(f"{path}/lightness").content
    changed = client.patch(path, json={"even_tones": True}).json()
    assert (changed["even_tones"], changed["revision"]) == (True, opened["revision"])
    even = client.get(f"{path}/chroma").content
    assert even != plain
    assert client.get(f"{path}/lightness").content == lightness  # the result's tones are the photo's own
    client.editor.live.drop(opened["id"])
    assert client.get(f"{path}/chroma").content == even  # remembered, and prepared the same way again
    assert client.patch(path, json={"name": "b.png"}).json()["even_tones"] is True
    again = client.post("/api/sessions", content=client.get(f"{path}/project").content).json()
    assert again["even_tones"] is True
    client.patch(path, json={"even_tones": False})
    assert client.get(f"{path}/chroma").content == plain
    assert client.patch(path, json={"even_tones": 1}).status_code == 422


@pytest.fixture
def album() -> bytes:
    """A TIFF of three pages of different sizes."""
    first, *others = (Image.fromarray(np.full((40 + 10 * k, 60), 60 + 50 * k, np.uint8)) for k in range(3))
    out = io.BytesIO()
    first.save(out, "TIFF", save_all=True, append_images=others)
    return out.getvalue()


def test_pages_of_a_tiff_are_sessions_of_their_own(client: Client, album):
    first = client.post("/api/sessions?name=album.tif", content=album).json()
    assert (first["page"], first["pages"], first["height"]) == (1, 3, 40)
    second = client.post(f"/api/sessions?of={first['id']}&page=2").json()
    assert (second["page"], second["pages"], second["height"], second["name"]) == (2, 3, 50, "album.tif")
    assert second["id"] != first["id"]
    back = client.post(f"/api/sessions?of={second['id']}&page=1&reopen=1")
    assert (back.status_code, back.json()["id"]) == (200, first["id"])
    direct = client.post("/api/sessions?page=3&reopen=1", content=album)
    assert (direct.status_code, direct.json()["page"]) == (201, 3)
    client.editor.live.drop(second["id"])
    assert client.get(f"/api/sessions/{second['id']}/lightness").status_code == 200
    project = client.get(f"/api/sessions/{second['id']}/project").content
    assert client.post("/api/sessions", content=project).json()["page"] == 2
    for query, status in (("page=4", 400), ("page=0", 422), ("page=x", 422)):
        assert client.post(f"/api/sessions?of={first['id']}&{query}").status_code == status
    assert client.post("/api/sessions?of=nobody").status_code == 404
    client.delete(f"/api/sessions/{first['id']}")
    assert client.get(f"/api/sessions/{second['id']}/chroma").status_code == 200  # the file stays for its pages
