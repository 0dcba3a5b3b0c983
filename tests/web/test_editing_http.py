from __future__ import annotations

import struct
import threading
import time
from typing import Any

import numpy as np
import pytest

from irodori.color import guided
from irodori.colorizer import Colorizer
from irodori.hints.edits import Edits
from irodori.photo import read_photo
from tests.web.serving import Client, edits

RED = {"x": 100.5, "y": 100.5, "rgb": "#c04020"}
BLUE = {"x": 250.5, "y": 60.5, "ab": [5.0, -40.0], "radius": 9}
SQUARE = [[20, 20], [120, 20], [120, 120], [20, 120]]


def head(answer: Any) -> tuple[int, int]:
    """Revision and flags of a chroma body."""
    assert answer.status_code == 200, answer.text
    magic, revision, _, _, flags, *_ = struct.unpack_from("<4s7I", answer.content)
    assert magic == b"IRC1"
    return revision, flags


def planes(answer: Any) -> np.ndarray:
    """Coefficients of a chroma body."""
    width, height = struct.unpack_from("<2I", answer.content, 8)
    return np.frombuffer(answer.content, "<f2", offset=32).reshape(height, width, 4)


def test_a_commit_answers_with_the_colours_and_is_kept(client: Client, opened, put, grey_bytes, colorizer: Colorizer):
    answer = put(1, edits(RED))
    assert answer.headers["content-type"] == "application/vnd.irodori.chroma"
    assert answer.headers["x-irodori-revision"] == "2"
    assert head(answer) == (2, 2)
    photo = read_photo(grey_bytes)
    prepared = colorizer.prepare(photo)
    expected = colorizer.predict(prepared, Edits.from_json(edits(RED))).coefficients
    np.testing.assert_allclose(planes(answer).astype(np.float32), expected, rtol=2e-3, atol=2e-3)
    state = client.get(f"/api/sessions/{opened['id']}").json()
    assert state["revision"] == 2
    assert state["edits"]["hints"][0]["x"] == 100.5


def test_what_comes_back_can_be_sent_again_unchanged(client: Client, opened, put):
    body = edits(
        RED,
        {**BLUE, "id": "stroke-1", "note": "sky"},
        regions=[
            {"polygon": SQUARE, "kind": "colour", "rgb": "#305070", "id": "r1"},
            {"polygon": SQUARE, "kind": "protect", "pins": [[50.5, 50.5, 10.0, -3.0]]},
        ],
        saturation_hint=0.4,
        strength=0.8,
    )
    assert put(1, body).status_code == 200
    state = client.get(f"/api/sessions/{opened['id']}").json()
    assert head(put(2, state["edits"])) == (2, 2)


def test_a_preview_shows_and_keeps_nothing(client: Client, opened, put):
    shown = put(1, edits(RED), commit=0)
    assert head(shown) == (1, 1)
    state = client.get(f"/api/sessions/{opened['id']}").json()
    assert (state["revision"], state["edits"]["hints"]) == (1, [])
    current = client.get(f"/api/sessions/{opened['id']}/chroma")
    assert head(current) == (1, 0)
    assert not np.array_equal(planes(current), planes(shown))
    assert np.array_equal(planes(put(1, edits(RED))), planes(shown))


def test_undo_and_redo(client: Client, opened, put):
    path = f"/api/sessions/{opened['id']}"
    first = client.get(f"{path}/chroma")
    second = put(1, edits(RED))
    undone = client.post(f"{path}/undo", json={"base_revision": 2}).json()
    assert (undone["revision"], undone["can_undo"], undone["can_redo"]) == (3, False, True)
    shown = client.get(f"{path}/chroma?revision=3")
    assert head(shown) == (3, 4)
    assert np.array_equal(planes(shown), planes(first))
    redone = client.post(f"{path}/redo", json={"base_revision": 3}).json()
    assert (redone["revision"], redone["can_redo"]) == (4, False)
    assert np.array_equal(planes(client.get(f"{path}/chroma")), planes(second))
    nothing = client.post(f"{path}/redo", json={"base_revision": 4})
    assert nothing.status_code == 422
    assert nothing.json() == {"error": "There is nothing to redo."}


def test_a_stale_tab_gets_409_and_changes_nothing(client: Client, opened, put):
    path = f"/api/sessions/{opened['id']}"
    put(1, edits(RED))
    for answer in (
        put(1, edits(BLUE)),
        put(1, edits(BLUE), commit=0),
        put(7, edits(BLUE)),
        client.post(f"{path}/undo", json={"base_revision": 1}),
        client.post(f"{path}/snapshots", json={"base_revision": 1, "name": "x"}),
        client.post(f"{path}/pins", json={"base_revision": 1, "polygon": SQUARE}),
        client.get(f"{path}/chroma?revision=1"),
        client.put(f"{path}/reference?base_revision=1", content=b"whatever"),
    ):
        assert answer.status_code == 409
        assert "revision" in answer.json()["error"]
    assert client.get(path).json()["edits"]["hints"][0]["rgb"] == "#c04020"


def test_strength_and_notes_do_not_ask_the_model_again(client: Client, opened, put, monkeypatch: pytest.MonkeyPatch):
    shown = put(1, edits(RED))
    asked = []
    model = client.editor.colorizer(opened["model"]).model
    monkeypatch.setattr(model, "answer", lambda *arguments: asked.append(arguments))
    answer = put(2, edits({**RED, "note": "brick", "id": "h1"}, strength=0.5))
    assert head(answer)[0] == 3
    assert np.array_equal(planes(answer), planes(shown))
    state = put(3, edits(RED, strength=0.2), answer="none")
    assert state.json()["revision"] == 4
    assert asked == []


def test_a_picture_instead_of_chroma(client: Client, opened, put):
    answer = put(1, edits(RED), commit=0, answer="picture", long_side=200)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-irodori-revision"] == "1"
    shown = read_photo(answer.content)
    assert shown.size == (150, 200)
    assert not shown.is_grey
    assert put(1, edits(RED), commit=0, answer="none").status_code == 422


def test_a_rounded_body_says_the_same_in_an_eighth_of_the_bytes(
    client: Client, opened, put, grey_bytes, colorizer: Colorizer
):
    whole, rounded = put(1, edits(RED), commit=0), put(1, edits(RED), commit=0, answer="rounded")
    assert rounded.headers["content-type"] == "application/vnd.irodori.chroma"
    magic, revision, width, height, flags, *photo = struct.unpack_from("<4s7I", rounded.content)
    assert (magic, revision, flags, *photo) == (b"IRC2", 1, 1, 320, 240, 0)
    full = planes(whole).astype(np.float32)
    assert (height, width) == (full.shape[0] // 2, -(-full.shape[1] // 2))
    assert len(rounded.content) == 64 + 4 * width * height
    least, step = np.frombuffer(rounded.content, "<f4", 8, offset=32).reshape(2, 4)
    numbers = least + step * np.frombuffer(rounded.content, np.uint8, offset=64).reshape(height, width, 4)
    at_middle = colorizer.predict(read_photo(grey_bytes), Edits.from_json(edits(RED))).rough.copy()
    at_middle[..., 1::2] += 50 * at_middle[..., ::2]
    assert (np.abs(numbers - at_middle) < 0.6 * step + 0.2).all()
    numbers[..., 1::2] -= 50 * numbers[..., ::2]
    for level in (40, 60):
        seen = [
            guided.apply(sent.astype(np.float32), np.full((240, 320), level, np.float32)) for sent in (full, numbers)
        ]
        assert np.hypot(*np.moveaxis(seen[0] - seen[1], -1, 0)).mean() < 1
    refused = put(1, edits(RED), answer="rounded")
    assert refused.status_code == 422
    assert "preview" in refused.json()["error"]


def test_what_the_model_would_refuse_is_not_committed(client: Client, opened, put):
    refused = (
        edits(regions=[{"polygon": SQUARE, "kind": "original"}]),
        edits(regions=[{"polygon": SQUARE, "kind": "protect"}]),
        edits({"x": 320.0, "y": 10, "rgb": "#000000"}),
        edits({"x": 10, "y": 10}),
        edits({"x": 10, "y": 10, "rgb": "#000000", "ab": [0, 0]}),
    )
    for body in refused:
        for query in ({"commit": 0}, {"commit": 1}, {"commit": 1, "answer": "none"}):
            answer = put(1, body, **query)
            assert answer.status_code == 422, (body, answer.text)
            assert set(answer.json()) == {"error"}
    assert client.get(f"/api/sessions/{opened['id']}").json()["revision"] == 1


def test_snapshots_are_kept_compared_and_restored(client: Client, opened, put):
    path = f"/api/sessions/{opened['id']}"
    red = put(1, edits(RED))
    kept = client.post(f"{path}/snapshots", json={"base_revision": 2, "name": "赤"})
    assert kept.status_code == 201
    assert kept.json()["revision"] == 2
    (snapshot,) = kept.json()["snapshots"]
    assert snapshot["name"] == "赤"
    blue = put(2, edits(BLUE))
    compared = client.get(f"{path}/chroma?snapshot={snapshot['id']}")
    assert np.array_equal(planes(compared), planes(red))
    assert np.array_equal(planes(client.get(f"{path}/chroma")), planes(blue))
    taken = client.post(f"{path}/snapshots", json={"base_revision": 3, "name": "赤"})
    assert taken.status_code == 409
    restored = client.post(f"{path}/snapshots/{snapshot['id']}/restore", json={"base_revision": 3}).json()
    assert (restored["revision"], restored["edits"]["hints"][0]["rgb"]) == (4, "#c04020")
    assert client.post(f"{path}/undo", json={"base_revision": 4}).json()["edits"]["hints"][0]["ab"] == [5.0, -40.0]
    assert client.delete(f"{path}/snapshots/{snapshot['id']}").json()["snapshots"] == []
    for method, place in (("DELETE", ""), ("POST", "/restore")):
        gone = client.request(method, f"{path}/snapshots/{snapshot['id']}{place}", json={"base_revision": 5})
        assert gone.status_code == 404
    assert client.get(f"{path}/chroma?snapshot=nothing").status_code == 404


def test_a_snapshot_is_shown_with_its_own_strength(client: Client, opened, put):
    path = f"/api/sessions/{opened['id']}"
    put(1, edits(RED, strength=0.5))
    kept = client.post(f"{path}/snapshots", json={"name": "pale", "base_revision": 2}).json()["snapshots"][0]["id"]
    put(2, edits(RED, strength=1.25))
    assert client.get(f"{path}/chroma").headers["x-irodori-strength"] == "1.25"
    assert client.get(f"{path}/chroma?snapshot={kept}").headers["x-irodori-strength"] == "0.5"


def test_a_reference_steers_the_picture_in_one_step(client: Client, opened, put, colour_bytes):
    path = f"/api/sessions/{opened['id']}"
    plain = planes(client.get(f"{path}/chroma"))
    state = client.put(f"{path}/reference?base_revision=1&name=garden.jpg", content=colour_bytes).json()
    assert (state["revision"], state["can_undo"]) == (2, True)
    (entry,) = state["references"]
    assert (entry["name"], entry["active"]) == ("garden.jpg", True)
    assert len(entry["reference"]["histogram"]) == 313
    assert state["edits"]["reference"] == entry["reference"]
    assert not np.array_equal(planes(client.get(f"{path}/chroma")), plain)
    picture = client.get(entry["picture"])
    assert read_photo(picture.content).size == (200, 150)
    without = put(2, {**state["edits"], "reference": None}, answer="none").json()
    assert [one["active"] for one in without["references"]] == [False]
    again = put(3, {**without["edits"], "reference": entry["reference"]}, answer="none").json()
    assert [one["active"] for one in again["references"]] == [True]
    assert client.delete(entry["picture"]).json()["references"] == []
    assert client.get(entry["picture"]).status_code == 404


def test_a_grey_reference_is_refused(client: Client, opened, grey_bytes):
    path = f"/api/sessions/{opened['id']}"
    answer = client.put(f"{path}/reference?base_revision=1", content=grey_bytes)
    assert answer.status_code == 422
    assert "colour" in answer.json()["error"]
    assert client.put(f"{path}/reference?base_revision=1", content=b"no picture").status_code == 400
    assert client.put(f"{path}/reference", content=grey_bytes).status_code == 422
    assert client.get(path).json()["revision"] == 1


def test_protecting_a_place_keeps_its_colours(client: Client, opened, put):
    path = f"/api/sessions/{opened['id']}"
    before = put(1, edits({"x": 70.5, "y": 70.5, "rgb": "#c04020", "radius": 40}))
    answer = client.post(f"{path}/pins", json={"base_revision": 2, "polygon": SQUARE})
    pins = answer.json()["pins"]
    assert 1 <= len(pins) <= 256
    assert all(len(pin) == 4 for pin in pins)
    other = edits(
        {"x": 70.5, "y": 70.5, "rgb": "#2040c0", "radius": 40},
        regions=[{"polygon": SQUARE, "kind": "protect", "pins": pins}],
    )
    after = put(2, other)
    unprotected = put(3, edits({"x": 70.5, "y": 70.5, "rgb": "#2040c0", "radius": 40}))

    def at(answer: Any) -> np.ndarray:
        coefficients = planes(answer).astype(np.float32)
        middle = coefficients[coefficients.shape[0] * 70 // 240, coefficients.shape[1] * 70 // 320]
        return middle[[0, 2]] * 50 + middle[[1, 3]]

    assert np.linalg.norm(at(after) - at(before)) < 0.5 * np.linalg.norm(at(unprotected) - at(before))


def test_hasty_previews_are_dropped_but_the_last_is_answered(client: Client, opened, monkeypatch: pytest.MonkeyPatch):
    """While the model is busy, of many previews only the newest waits; each of the others is told 204."""
    model = client.editor.colorizer(opened["model"]).model
    client.get(f"/api/sessions/{opened['id']}/chroma")
    gate, real = threading.Event(), model.answer
    started = threading.Event()

    def slow(*arguments: Any, **options: Any) -> Any:
        started.set()
        gate.wait(30)
        return real(*arguments, **options)

    monkeypatch.setattr(model, "answer", slow)
    results: dict[int, Any] = {}

    def preview(number: int) -> None:
        body = {"base_revision": 1, "edits": edits({"x": 10.5 + number, "y": 10.5, "rgb": "#c04020"})}
        results[number] = client.put(f"/api/sessions/{opened['id']}/edits?commit=0", json=body)

    threads = []
    for number in range(6):
        threads.append(threading.Thread(target=preview, args=(number,)))
        threads[-1].start()
        if number == 0:
            started.wait(30)
        while number and client.editor.turns._lanes[opened["id"]].newest < number + 1:
            pass
    gate.set()
    for thread in threads:
        thread.join()
    assert [results[number].status_code for number in range(6)] == [200, 204, 204, 204, 204, 200]
    assert results[1].content == b""


def test_twenty_sessions_at_once_are_all_answered_within_bounded_memory(client: Client, grey_bytes):
    live = client.editor.live
    live.budget = 24 << 20
    identities = [client.post("/api/sessions", content=grey_bytes).json()["id"] for _ in range(20)]
    results: dict[str, list[int]] = {identity: [] for identity in identities}

    def work(identity: str) -> None:
        for revision in range(1, 3):
            body = {"base_revision": revision, "edits": edits({"x": 10.5 * revision, "y": 10.5, "rgb": "#c04020"})}
            answer = client.put(f"/api/sessions/{identity}/edits", json=body)
            results[identity].append(head(answer)[0])

    threads = [threading.Thread(target=work, args=(identity,)) for identity in identities]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(revisions == [2, 3] for revisions in results.values())
    patience = time.monotonic() + 60
    while live.nbytes > live.budget and time.monotonic() < patience:
        time.sleep(0.05)
    assert live.nbytes <= live.budget
    assert len(live) < 20
    for identity in identities:
        assert client.get(f"/api/sessions/{identity}").json()["edits"]["hints"][0]["x"] == 21.0
