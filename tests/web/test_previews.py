from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from irodori.web.app import create_app
from irodori.web.editor import EditorSettings
from irodori.web.security import JSON_LIMIT, Access
from irodori.web.session_store import SessionStore
from tests.web.serving import Client, edits, serving

RED = {"x": 100.5, "y": 100.5, "rgb": "#c04020"}
Line = Callable[..., AbstractContextManager[ClientConnection]]


def address(client: Client, path: str) -> str:
    """Where a WebSocket of the server is."""
    return str(client.base_url).replace("http", "ws", 1).rstrip("/") + path


@pytest.fixture
def line(client: Client, opened: dict[str, Any]) -> Line:
    """Connect to the line of the opened session, or of another one."""

    @contextmanager
    def connected(identity: str | None = None, **headers: str) -> Iterator[ClientConnection]:
        path = f"/api/sessions/{identity or opened['id']}/previews"
        with connect(address(client, path), additional_headers=headers, compression=None) as socket:
            yield socket

    return connected


def ask(socket: ClientConnection, question: Any) -> tuple[dict[str, Any], bytes]:
    """Send a question (a value, or a message as it is) and take the answer apart."""
    socket.send(question if isinstance(question, str | bytes) else json.dumps(question))
    answer = socket.recv(timeout=30)
    assert isinstance(answer, bytes)
    (length,) = struct.unpack_from("<I", answer)
    assert (length + 4) % 8 == 0
    return json.loads(answer[4 : 4 + length]), answer[4 + length :]


def test_a_message_is_answered_as_the_request_is(client: Client, opened, put, line: Line):
    with line() as socket:
        for hints in ([RED], [RED, {"x": 20.5, "y": 30.5, "ab": [5.0, -40.0]}], []):
            head, body = ask(socket, {"base_revision": 1, "edits": edits(*hints)})
            assert head["status"] == 200
            assert set(head["timing"]) == {"wait", "answer", "total"}
            assert 0 < head["timing"]["answer"] <= head["timing"]["total"]
            assert body[:4] == b"IRC2"
            assert body == put(1, edits(*hints), commit=0, answer="rounded").content
    assert client.get(f"/api/sessions/{opened['id']}").json()["revision"] == 1


def test_what_is_refused_gets_one_sentence_and_the_line_stays(put, line: Line):
    good = {"base_revision": 1, "edits": edits(RED)}
    cases: list[tuple[Any, int, str]] = [
        ({**good, "base_revision": 7}, 409, "expected revision 1, got 7"),
        ({**good, "more": 1}, 422, "more: "),
        ({**good, "edits": {**edits(RED), "colour": 1}}, 422, "edits.colour: "),
        ({**good, "edits": edits({**RED, "x": "left"})}, 422, "edits.hints[0].x: "),
        ({**good, "edits": edits({**RED, "x": 5000})}, 422, "inside the photo"),
        (json.dumps({**good, "edits": edits({**RED, "x": float("nan")})}), 422, "edits.hints[0].x: "),
        ({**good, "edits": edits(*[RED] * 10_001)}, 422, "hints"),
        ({}, 422, "base_revision: "),
        ([], 422, ""),
        ("{", 422, "not valid JSON"),
        ("[" * 100_000, 422, "not valid JSON"),
        ("", 422, "not valid JSON"),
        (b"\x00\xff", 422, "text message"),
    ]
    with line() as socket:
        for question, status, words in cases:
            head, body = ask(socket, question)
            assert head["status"] == status, (str(question)[:60], head)
            assert words in head["error"]
            assert "\n" not in head["error"]
            assert head["error"][-1] in ".!?"
            assert len(head["error"]) <= 600
            assert not body
        assert ask(socket, good)[0]["status"] == 200
    with line("a" * 22) as socket:
        assert ask(socket, good)[0]["status"] == 404


def test_a_stale_line_goes_on_after_a_commit(put, line: Line):
    with line() as socket:
        assert put(1, edits(RED)).status_code == 200
        assert ask(socket, {"base_revision": 1, "edits": edits(RED)})[0]["status"] == 409
        assert ask(socket, {"base_revision": 2, "edits": edits(RED)})[0]["status"] == 200


def test_a_bug_is_told_without_its_traceback(
    client: Client, line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("inside")

    with line() as socket, monkeypatch.context() as patched:
        patched.setattr("irodori.web.bodies.rounded_body", fail)
        head, _ = ask(socket, {"base_revision": 1, "edits": edits(RED)})
        patched.undo()
        assert head["status"] == 500
        assert "inside" not in head["error"]
        assert any(record.exc_info for record in caplog.records)
        assert ask(socket, {"base_revision": 1, "edits": edits(RED)})[0]["status"] == 200


def test_a_message_that_is_too_long_ends_the_line(client: Client, line: Line):
    with line() as socket:
        with pytest.raises(ConnectionClosed) as ended:
            ask(socket, "x" * (JSON_LIMIT + 1))
        # The server may be gone before its word arrives: the client was still sending.
        assert ended.value.rcvd is None or ended.value.rcvd.code == 1009
    assert client.get("/healthz").status_code == 200


def test_hanging_up_in_the_middle_disturbs_nobody(client: Client, line: Line, caplog: pytest.LogCaptureFixture):
    question = json.dumps({"base_revision": 1, "edits": edits(RED)})
    for _ in range(3):
        with line() as socket:
            socket.send(question)
    with line() as socket:
        socket.send(question)
        socket.close_socket()  # without a word
    with line() as socket:
        assert ask(socket, question)[0]["status"] == 200
    assert not caplog.records


def test_other_sites_and_other_addresses_get_no_line(client: Client, line: Line):
    own = str(client.base_url).rstrip("/")
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        with pytest.raises(InvalidStatus) as refusal, line(**headers):
            pass
        assert refusal.value.response.status_code == 403
    with line(Origin=own):
        pass
    for path in ("/", "/api/sessions", "/api/nothing", "/elsewhere"):
        with pytest.raises(InvalidStatus), connect(address(client, path)):
            pass


def test_where_a_token_is_wanted_the_line_wants_it_too(tmp_path, settings: EditorSettings, grey_bytes: bytes):
    access = Access(token="s3cret-token", cookie="irodori_token")
    bearer = {"Authorization": "Bearer s3cret-token"}
    with serving(create_app(SessionStore(tmp_path), settings, access), headers=bearer) as client:
        identity = client.post("/api/sessions?name=a.png", content=grey_bytes).json()["id"]
        place = address(client, f"/api/sessions/{identity}/previews")
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "irodori_token=wrong"}):
            with pytest.raises(InvalidStatus) as refusal, connect(place, additional_headers=headers):
                pass
            assert refusal.value.response.status_code == 403
        for headers in (bearer, {"Cookie": "irodori_token=s3cret-token"}):
            with connect(place, additional_headers=headers) as socket:
                assert ask(socket, {"base_revision": 1, "edits": edits(RED)})[0]["status"] == 200


def test_an_open_line_does_not_keep_the_server_from_ending(tmp_path, settings: EditorSettings, grey_bytes: bytes):
    with ExitStack() as stack:
        with serving(create_app(SessionStore(tmp_path), settings)) as client:
            identity = client.post("/api/sessions?name=a.png", content=grey_bytes).json()["id"]
            socket = stack.enter_context(connect(address(client, f"/api/sessions/{identity}/previews")))
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)


def test_several_lines_take_turns(client: Client, grey_bytes: bytes):
    """Twenty people drag at once: each gets an answer to every question, and nobody waits for all of the others'."""
    names = [client.post(f"/api/sessions?name={n}.png", content=grey_bytes).json()["id"] for n in range(20)]
    order: list[int] = []
    start = threading.Barrier(20)

    def drag(number: int) -> None:
        with connect(address(client, f"/api/sessions/{names[number]}/previews")) as socket:
            start.wait(30)
            for step in range(5):
                hint = {**RED, "x": 20.5 + 10 * step + number}
                assert ask(socket, {"base_revision": 1, "edits": edits(hint)})[0]["status"] == 200
                order.append(number)

    people = [threading.Thread(target=drag, args=(number,)) for number in range(20)]
    for one in people:
        one.start()
    for one in people:
        one.join(60)
    assert len(order) == 100
    ends = {number: len(order) - 1 - order[::-1].index(number) for number in range(20)}
    assert min(ends.values()) >= 40, ends  # nobody was done while others had hardly begun
