from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from irodori.web.security import JSON_LIMIT, LOOPBACK, Access, Guard, is_loopback, new_token

HOME = "http://127.0.0.1:8000"


async def echo(scope, receive, send) -> None:
    """An application that reads the body and answers with its length."""
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": str(length).encode()})


def ask(
    access: Access, path: str = "/", method: str = "GET", base: str = HOME, content: Any = None, **headers: Any
) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app=Guard(echo, access))
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, headers=named, content=content)

    return asyncio.run(run())


OPEN = Access()
LOCKED = Access(token="s3cret-token", cookie="irodori_token_8000")
NETWORK = Access(hosts=LOOPBACK | {"studio"}, addresses=True, token="s3cret-token")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:1234", "LOCALHOST", "[::1]:8000", "localhost."])
def test_this_machines_own_names_are_let_in(host: str):
    assert ask(OPEN, Host=host).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "192.168.1.5", "", "a@localhost", "x:y:z"]
)
def test_a_rebound_name_is_refused(host: str):
    answer = ask(OPEN, Host=host)
    assert answer.status_code == 403
    assert set(answer.json()) == {"error"}


def test_a_server_for_the_network_answers_under_addresses_and_its_own_names_only():
    bearer = "Bearer s3cret-token"
    assert ask(NETWORK, Host="192.168.1.5:8000", Authorization=bearer).status_code == 200
    assert ask(NETWORK, Host="studio:8000", Authorization=bearer).status_code == 200
    assert ask(NETWORK, Host="evil.example", Authorization=bearer).status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://127.0.0.1:9999", "https://127.0.0.1:8000.evil.example", "null", "http://["],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
def test_another_sites_page_is_refused(method: str, origin: str):
    assert ask(OPEN, "/api/sessions", method, Origin=origin).status_code == 403


def test_our_own_page_and_programs_without_an_origin_are_let_in():
    assert ask(OPEN, "/api/sessions", "POST", Origin=HOME).status_code == 200
    assert ask(OPEN, "/api/sessions", "POST").status_code == 200


def test_a_proxys_name_is_an_origin_too():
    behind = Access(hosts=LOOPBACK | {"irodori.example"})
    assert ask(behind, "/api/sessions", "POST", Origin="https://irodori.example").status_code == 200
    assert ask(behind, "/api/sessions", "POST", Origin="https://other.example").status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_cross_site_loads_are_refused_but_links_to_the_page_work(site: str):
    assert ask(OPEN, "/api/sessions", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors").status_code == 403
    assert ask(OPEN, "/api/sessions", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate").status_code == 403
    assert ask(OPEN, "/main.js", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors").status_code == 403
    assert ask(OPEN, "/", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate").status_code == 200


def test_without_the_token_nothing_but_the_pulse_is_shown():
    for path in ("/", "/api/sessions", "/openapi.json", "/?token=wrong", "/?token="):
        assert ask(LOCKED, path).status_code == 401, path
    assert ask(LOCKED, "/healthz").status_code == 200
    assert ask(LOCKED, Authorization="Bearer wrong").status_code == 401
    assert ask(LOCKED, Authorization="Bearer ünïcode".encode()).status_code == 401
    assert ask(LOCKED, Cookie="irodori_token_8000=wrong").status_code == 401


def test_the_token_in_the_address_becomes_a_cookie_and_leaves_the_address():
    answer = ask(LOCKED, "/?token=s3cret-token&lang=ja")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?lang=ja"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("irodori_token_8000=s3cret-token;")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert ask(LOCKED, Cookie="other=1; irodori_token_8000=s3cret-token").status_code == 200
    assert ask(LOCKED, Authorization="Bearer s3cret-token").status_code == 200


def test_the_redirect_cannot_lead_elsewhere():
    for path in ("//evil.example/?token=s3cret-token", "/\\evil.example?token=s3cret-token"):
        location = ask(LOCKED, path).headers["location"]
        assert location.startswith("/")
        assert location[1:2] not in ("/", "\\")


def test_the_token_in_the_address_does_not_authorise_a_post():
    assert ask(LOCKED, "/api/sessions?token=s3cret-token", "POST").status_code == 401


def test_every_answer_has_the_strict_headers():
    for answer in (ask(OPEN), ask(OPEN, Host="evil.example"), ask(LOCKED)):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers


def test_bodies_are_bounded_by_what_they_say_and_by_what_they_are():
    small = Access(upload_limit=1000)
    assert ask(small, "/api/sessions", "POST", content=b"x" * 1000).text == "1000"
    answer = ask(small, "/api/sessions", "POST", content=b"x" * 1001)
    assert answer.status_code == 413
    assert set(answer.json()) == {"error"}
    assert ask(OPEN, "/api/sessions/x/edits", "PUT", content=b"x" * (JSON_LIMIT + 1)).status_code == 413
    assert ask(OPEN, "/api/sessions/x/reference", "PUT", content=b"x" * (JSON_LIMIT + 1)).status_code == 200


def test_websockets_from_elsewhere_are_closed():
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await Guard(echo, OPEN)({"type": "websocket", "path": "/", "headers": []}, receive, send)

    asyncio.run(run())
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_tokens_and_loopback():
    assert new_token() != new_token()
    assert len(new_token()) == 43
    assert is_loopback("127.0.0.1")
    assert is_loopback("127.8.8.8")
    assert is_loopback("::1")
    assert is_loopback("localhost")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("192.168.1.5")
    assert not is_loopback("studio")
