"""The page's own files, served with the right types and asked for again each time."""

from __future__ import annotations

import pytest

from irodori.web.app import STATIC
from tests.web.serving import Client

TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


def test_the_page(client: Client):
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.content == (STATIC / "index.html").read_bytes()
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("suffix", [".js", ".css"])
def test_files_have_their_types_and_a_tag(client: Client, suffix: str):
    paths = sorted(STATIC.glob(f"*{suffix}"))
    assert paths
    for path in paths:
        answer = client.get(f"/{path.name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(TYPES[suffix])
        assert answer.headers["cache-control"] == "no-cache"
        again = client.get(f"/{path.name}", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


def test_the_page_obeys_its_own_policy():
    """No inline script or style, nothing from elsewhere: the policy would block it."""
    import re

    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "<style" not in page
    assert not re.search(r"\sstyle=", page)
    assert not re.search(r"\son[a-z]+=", page)
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page)


def test_nothing_outside_the_folder_is_served(client: Client):
    for path in ("/..%2fapp.py", "/%2e%2e/app.py", "/..%5capp.py", "/static/../app.py", "/%00"):
        assert client.get(path).status_code == 404
