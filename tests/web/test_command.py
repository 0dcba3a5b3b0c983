"""``irodori app`` as a person starts it: a process of its own, killed and started again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from irodori.web import command
from tests.web.serving import edits

RED = {"x": 100.5, "y": 100.5, "rgb": "#c04020"}
PATIENCE = 150


@contextlib.contextmanager
def started(data: Path, model: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running server and the address that it printed."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "irodori", "app", "--no-browser", "--threads", "1"),
            *("--model", str(model), "--data", str(data), *options),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        if found is None:
            raise AssertionError(process.communicate()[1])
        yield process, found.group()
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def test_killed_and_restarted_it_has_everything_that_was_answered(tmp_path: Path, tiny_model: Path, grey_bytes):
    acknowledged: list[float] = []
    with (
        started(tmp_path, tiny_model, "--port", "0") as (process, address),
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        identity = client.post("/api/sessions?name=harbour.png", content=grey_bytes).json()["id"]
        path = f"/api/sessions/{identity}"

        def keep_committing() -> None:
            with contextlib.suppress(httpx.TransportError):
                for revision in range(1, 10_000):
                    x = revision % 300 + 0.5
                    body = {"base_revision": revision, "edits": edits({**RED, "x": x})}
                    assert client.put(f"{path}/edits?answer=none", json=body).status_code == 200
                    acknowledged.append(x)

        thread = threading.Thread(target=keep_committing)
        thread.start()
        deadline = time.monotonic() + PATIENCE
        while len(acknowledged) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()  # SIGKILL, in the middle of a commit as likely as not
        thread.join()
    assert len(acknowledged) >= 5
    with (
        started(tmp_path, tiny_model, "--port", "0") as (_, address),
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        state = client.get(path).json()
        assert state["revision"] - 1 in (len(acknowledged), len(acknowledged) + 1)
        assert client.get(f"{path}/chroma").status_code == 200
        for _ in range(state["revision"] - 1 - len(acknowledged)):  # written, but not answered
            state = client.post(f"{path}/undo", json={"base_revision": state["revision"]}).json()
        assert state["edits"]["hints"][0]["x"] == acknowledged[-1]


def test_a_photo_on_the_command_line_is_opened_and_reopened(tmp_path: Path, tiny_model: Path, grey_bytes):
    photo = tmp_path / "harbour.png"
    photo.write_bytes(grey_bytes)
    identities = []
    for _ in range(2):
        with started(tmp_path / "data", tiny_model, "--port", "0", str(photo)) as (process, address):
            page, identity = address.split("#")
            identities.append(identity)
            assert httpx.get(f"{page}api/sessions/{identity}", timeout=60).json()["name"] == "harbour.png"
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0
            assert process.stderr is not None
            assert process.stderr.read() == ""
    assert identities[0] == identities[1]
    assert photo.read_bytes() == grey_bytes


def test_a_busy_port_leads_to_the_next_one_with_a_note(tmp_path: Path, tiny_model: Path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with started(tmp_path, tiny_model, "--port", str(port)) as (process, address):
            used = int(address.rsplit(":", 1)[1].strip("/"))
            assert port < used < port + 50
            assert httpx.get(f"{address}healthz").json()["status"] == "ok"
            process.terminate()
            _, errors = process.communicate(timeout=PATIENCE)
            assert f"port {port} is busy" in errors
            assert "Traceback" not in errors


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_connections_know_their_protocol_so_that_small_answers_are_sent_at_once(host: str):
    with command._listen(host, 0) as listener, socket.create_connection(listener.getsockname()[:2]):
        connection, _ = listener.accept()
        with connection:
            assert connection.proto == socket.IPPROTO_TCP  # what asyncio looks at before it sets TCP_NODELAY


def test_an_address_for_others_comes_with_a_token(tmp_path: Path, tiny_model: Path):
    with started(tmp_path, tiny_model, "--host", "0.0.0.0", "--port", "0") as (_, address):
        found = re.fullmatch(r"http://[^/]+:(\d+)/\?token=([\w-]{43})", address)
        assert found
        port, token = found.groups()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            assert client.get("/api/sessions").status_code == 401
            welcome = client.get(f"/?token={token}")
            assert welcome.status_code == 303
            assert f"irodori_token_{port}" in welcome.cookies
            assert client.get("/api/sessions").status_code == 200


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nothing.jpg"], "nothing.jpg"),
        (["--model", "nothing"], "nothing"),
        (["--host", "no.such.host.invalid"], "--host"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(tmp_path: Path, tiny_model: Path, options: list[str], words: str):
    line = [sys.executable, "-m", "irodori", "app", "--no-browser", "--port", "0", "--model", str(tiny_model)]
    done = subprocess.run(
        [*line, "--data", str(tmp_path), *options], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def arguments(*words: str) -> Any:
    import argparse

    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(words)


def test_only_this_machines_own_address_goes_without_a_token():
    assert command._access(arguments(), 8000).token is None
    assert command._access(arguments("--host", "localhost"), 8000).token is None
    assert command._access(arguments("--token"), 8000).token is not None
    for words in (("--host", "0.0.0.0"), ("--host", "192.168.1.5"), ("--allow-host", "irodori.example")):
        assert command._access(arguments(*words), 8000).token is not None
    behind = command._access(arguments("--allow-host", "Irodori.Example."), 8000)
    assert "irodori.example" in behind.hosts
    assert not behind.addresses


def test_the_editor_runs_without_torch(tmp_path: Path, tiny_model: Path):
    """Open a sample, hint, export, in a process in which torch and all that belongs to training cannot be imported."""
    program = """
import asyncio, sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx", "onnxscript", "PIL", "scipy", "skimage", "matplotlib", "ray"):
            raise ImportError(f"{name} must not be imported")
sys.meta_path.insert(0, Nothing())
import httpx
from irodori.web.app import create_app
from irodori.web.editor import EditorSettings
from irodori.web.session_store import SessionStore
async def main():
    guard = create_app(SessionStore(sys.argv[1]), EditorSettings(model=sys.argv[2], threads=1))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=guard), base_url="http://127.0.0.1", timeout=60
    ) as client:
        path = "/api/sessions/" + (await client.post("/api/sessions?sample=camera")).json()["id"]
        body = {"base_revision": 1, "edits": {"version": 1, "hints": [{"x": 99.5, "y": 99.5, "rgb": "#c04020"}]}}
        assert (await client.put(path + "/edits", json=body)).status_code == 200
        assert (await client.get(path + "/picture?size=full")).status_code == 200
        assert (await client.get(path + "/palette?x=9&y=9")).status_code == 200
    await guard.app.state.editor.settle()
    guard.app.state.editor.close()
asyncio.run(main())
"""
    line = [sys.executable, "-c", program, str(tmp_path), str(tiny_model)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
