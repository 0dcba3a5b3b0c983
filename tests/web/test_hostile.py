from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.web.serving import Client, edits, file_bytes

HINT = {"x": 10.5, "y": 10.5, "rgb": "#c04020"}
TRIANGLE = [[10, 10], [60, 10], [30, 60]]


def refused(answer: Any, *statuses: int) -> str:
    """The sentence of a refusal: one sentence, no traceback."""
    assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error"]
    sentence = body["error"]
    assert 10 < len(sentence) <= 600
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    assert sentence[-1] in ".!?"
    return sentence


def broken_uploads() -> dict[str, bytes]:
    """Bytes that are no photograph, or no longer one."""
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)
    whole = {kind: file_bytes(picture, kind) for kind in ("png", "jpeg", "tiff", "webp")}
    cases = {
        "nothing": b"",
        "text": b"hello",
        "noise": rng.bytes(5000),
        "zip": b"PK\x03\x04" + rng.bytes(500),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'/>",
        "html": b"<html><img src=http://evil.example/></html>",
        "magic only": b"\x89PNG\r\n\x1a\n",
        "jpeg magic only": b"\xff\xd8\xff\xe0",
        "gif": b"GIF89a" + bytes(50),
    }
    for kind, data in whole.items():
        cases[f"half a {kind}"] = data[: len(data) // 3]
    return cases


@pytest.mark.parametrize("name", list(broken_uploads()))
def test_a_malformed_upload_is_refused_and_leaves_nothing(client: Client, tmp_path, name: str):
    data = broken_uploads()[name]
    refused(client.post("/api/sessions", params={"name": "x.jpg"}, content=data), 400)
    assert not list((tmp_path / "incoming").iterdir())
    assert not list((tmp_path / "photos").glob("*/*"))
    assert client.get("/api/sessions").json() == {"sessions": []}


def test_too_many_pixels_are_refused_before_they_are_decoded(client: Client, monkeypatch: pytest.MonkeyPatch):
    object.__setattr__(client.editor.settings, "max_pixels", 1000)
    refused(client.post("/api/sessions", content=file_bytes(np.zeros((50, 50), np.uint8))), 400)


def test_a_project_whose_edits_do_not_fit_is_refused(client: Client, tmp_path):
    import io

    from irodori.hints.edits import Edits
    from irodori.hints.points import Hint
    from irodori.project import save_project

    target = io.BytesIO()
    outside = Edits(hints=(Hint(5000.0, 5.0, rgb="#000000"),))
    save_project(target, file_bytes(np.zeros((50, 50), np.uint8)), "a.png", [outside])
    refused(client.post("/api/sessions", content=target.getvalue()), 400)
    assert not list((tmp_path / "incoming").iterdir())


BODIES: dict[str, Any] = {
    "empty": b"",
    "no json": b"hello",
    "an array": b"[]",
    "null": b"null",
    "unknown field": {"base_revision": 1, "edits": edits(), "extra": 1},
    "unknown field in edits": {"base_revision": 1, "edits": edits(colour="red")},
    "unknown field in a hint": {"base_revision": 1, "edits": edits({**HINT, "z": 1})},
    "no revision": {"edits": edits()},
    "no edits": {"base_revision": 1},
    "no version": {"base_revision": 1, "edits": {}},
    "another version": {"base_revision": 1, "edits": {"version": 2}},
    "revision as text": {"base_revision": "1", "edits": edits()},
    "revision as a fraction": {"base_revision": 1.5, "edits": edits()},
    "a negative revision": {"base_revision": -1, "edits": edits()},
    "a huge revision": {"base_revision": 10**30, "edits": edits()},
    "a true revision": {"base_revision": True, "edits": edits()},
    "hints as an object": {"base_revision": 1, "edits": edits() | {"hints": {}}},
    "x as text": {"base_revision": 1, "edits": edits({**HINT, "x": "10"})},
    "x as null": {"base_revision": 1, "edits": edits({**HINT, "x": None})},
    "a negative x": {"base_revision": 1, "edits": edits({**HINT, "x": -1})},
    "x outside": {"base_revision": 1, "edits": edits({**HINT, "x": 1e9})},
    "radius 0": {"base_revision": 1, "edits": edits({**HINT, "radius": 0})},
    "a named colour": {"base_revision": 1, "edits": edits({**HINT, "rgb": "red"})},
    "three in ab": {"base_revision": 1, "edits": edits({"x": 1, "y": 1, "ab": [1, 2, 3]})},
    "a lone surrogate": b'{"base_revision":1,"edits":{"version":1,"hints":[{"x":1,"y":1,"rgb":"#000000",'
    b'"note":"\\ud800"}]}}',
    "a long note": {"base_revision": 1, "edits": edits({**HINT, "note": "x" * 5000})},
    "two corners": {"base_revision": 1, "edits": edits(regions=[{"polygon": TRIANGLE[:2], "rgb": "#000000"}])},
    "an unknown kind": {"base_revision": 1, "edits": edits(regions=[{"polygon": TRIANGLE, "kind": "erase"}])},
    "too strong": {"base_revision": 1, "edits": edits(strength=1000)},
    "a short histogram": {"base_revision": 1, "edits": edits(reference={"histogram": [1.0]})},
    "an empty reference": {"base_revision": 1, "edits": edits(reference={})},
    "10,000 hints": {"base_revision": 1, "edits": edits(*[HINT] * 10_000)},
    "257 regions": {"base_revision": 1, "edits": edits(regions=[{"polygon": TRIANGLE, "rgb": "#000000"}] * 257)},
    "NaN": b'{"base_revision":1,"edits":{"version":1,"hints":[{"x":NaN,"y":1,"rgb":"#000000"}]}}',
    "Infinity": b'{"base_revision":1,"edits":{"version":1,"strength":Infinity}}',
    "1e999": b'{"base_revision":1,"edits":{"version":1,"strength":1e999}}',
    "a number of 10,000 digits": b'{"base_revision":' + b"9" * 10_000 + b',"edits":{"version":1}}',
    "deeply nested": b"[" * 200_000,
    "deeply nested objects": b'{"edits":' * 100_000,
    "deeply nested edits": b'{"base_revision":1,"edits":{"version":1,"hints":' + b"[" * 50_000 + b"]" * 50_000 + b"}}",
    "not UTF-8": b'{"base_revision":1,"edits":{"version":1,"note":"\xff\xfe"}}',
}


@pytest.fixture(scope="module")
def target(tmp_path_factory, tiny_model, grey_bytes):
    """One server and one session for all that are refused."""
    from irodori.web.app import create_app
    from irodori.web.editor import EditorSettings
    from irodori.web.session_store import SessionStore
    from tests.web.serving import serving

    store = SessionStore(tmp_path_factory.mktemp("hostile"))
    with serving(create_app(store, EditorSettings(model=str(tiny_model), threads=1))) as client:
        yield client, client.post("/api/sessions", content=grey_bytes).json()["id"]


@pytest.mark.parametrize("name", list(BODIES))
@pytest.mark.parametrize("commit", [0, 1])
def test_wrong_edits_are_refused_with_a_sentence(target, name: str, commit: int):
    client, identity = target
    body = BODIES[name]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = client.put(
        f"/api/sessions/{identity}/edits?commit={commit}", content=content, headers={"Content-Type": "application/json"}
    )
    refused(answer, 400, 422)
    assert client.get(f"/api/sessions/{identity}").json()["revision"] == 1


def test_the_sentence_names_the_field(target):
    client, identity = target
    hints = [HINT, HINT, {**HINT, "x": "left"}]
    body = {"base_revision": 1, "edits": edits(*hints)}
    assert "hints[2].x" in refused(client.put(f"/api/sessions/{identity}/edits", json=body), 422)
    body = {"base_revision": 1, "edits": edits(HINT, {**HINT, "y": 240})}
    assert "hints[1].y" in refused(client.put(f"/api/sessions/{identity}/edits", json=body), 422)


def test_a_body_of_more_than_4_MiB_is_refused(target):
    client, identity = target
    path = f"/api/sessions/{identity}/edits"
    refused(client.put(path, content=b" " * (4 << 20) + b"{}"), 413)
    pieces = (b" " * 65536 for _ in range(80))  # sent in chunks, so no header tells the length
    refused(client.put(path, content=pieces, headers={"Content-Type": "application/json"}), 413)


@pytest.mark.parametrize(
    "query",
    [
        "palette",
        "palette?x=1",
        "palette?x=nan&y=1",
        "palette?x=inf&y=1",
        "palette?x=-1&y=1",
        "palette?x=320&y=1",
        "palette?x=1e400&y=1",
        "palette?x=one&y=1",
        "palette?x=1&y=1&count=0",
        "palette?x=1&y=1&count=1000000",
        "lightness?crop=1,2,3",
        "lightness?crop=a,b,c,d",
        "lightness?crop=0,0,0,0",
        "lightness?crop=0,0,321,240",
        "lightness?crop=-1,0,10,10",
        "lightness?crop=999999999,999999999,999999999,999999999",
        "lightness?long_side=0",
        "lightness?long_side=100000",
        "picture?size=huge",
        "picture?format=gif",
        "picture?bits=32",
        "picture?size=full&format=jpeg&bits=16",
        "picture?quality=0",
        "picture?profile=../../etc/passwd",
        "picture?mark=2",
        "chroma?revision=0",
        "chroma?revision=x",
        f"chroma?revision={10**40}",
    ],
)
def test_wrong_questions_are_refused(target, query: str):
    client, identity = target
    refused(client.get(f"/api/sessions/{identity}/{query}"), 422)


@pytest.mark.parametrize("query", ["", "?lightness=101", "?lightness=nan", "?lightness=50&size=100000"])
def test_wrong_questions_about_the_gamut_are_refused(target, query: str):
    client, _ = target
    refused(client.get(f"/api/gamut{query}"), 422)


@pytest.mark.parametrize(
    "polygon", [[], [[1, 1]], [[1, 1], [2, 2], [3]], "text", [[1, 1], [2, 2], [None, 3]], [[0, 0], [999, 0], [0, 999]]]
)
def test_wrong_polygons_are_refused(target, polygon: Any):
    client, identity = target
    refused(client.post(f"/api/sessions/{identity}/pins", json={"base_revision": 1, "polygon": polygon}), 422)


def test_ids_that_do_not_exist(target):
    client, identity = target
    for bad in ("x", "..", "%2e%2e%2f", "a" * 5000, "%00", "'; DROP TABLE sessions; --", identity[:-1], identity + "A"):
        for path in ("", "/chroma", "/thumbnail", "/project"):
            refused(client.get(f"/api/sessions/{bad}{path}"), 404, 405)
    refused(client.get(f"/api/sessions/{identity}/references/nothing"), 404)


def test_addresses_and_methods_that_do_not_exist(target):
    client, identity = target
    for path in ("/api/nothing", "/api/", f"/api/sessions/{identity}/nothing", "/nothing.js", "/../../etc/passwd"):
        refused(client.get(path), 404)
    refused(client.post("/api/nothing"), 404)
    answer = client.delete("/api/sessions")
    refused(answer, 405)
    assert "GET" in answer.headers["allow"]
    refused(client.post("/index.html"), 405)


def test_a_snapshot_needs_a_name(target):
    client, identity = target
    for name in ("", "x" * 256, 7, None):
        body = {"base_revision": 1, "name": name}
        refused(client.post(f"/api/sessions/{identity}/snapshots", json=body), 422)
    refused(client.patch(f"/api/sessions/{identity}", json={"name": "x", "id": "y"}), 422)


def test_the_edge_of_what_is_allowed_is_answered(target):
    """4,096 hints, the most there may be, and long notes in any script."""
    client, identity = target
    rng = np.random.default_rng(1)
    hints = [
        {"x": float(x), "y": float(y), "rgb": "#6080a0", "note": "猫"}
        for x, y in rng.uniform((0, 0), (320, 240), (4096, 2))
    ]
    answer = client.put(f"/api/sessions/{identity}/edits?commit=0", json={"base_revision": 1, "edits": edits(*hints)})
    assert answer.status_code == 200


def test_the_disk_being_full_is_told(client: Client, opened, put, monkeypatch: pytest.MonkeyPatch):
    import errno

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(client.editor.store, "commit", full)
    sentence = refused(put(1, edits(HINT)), 507)
    assert "disk is full" in sentence
