"""Sidecars: written whole, read back, and refused with the field named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from irodori.errors import PhotoError
from irodori.photo_sidecar import read_sidecar, sidecar_document, sidecar_path, write_sidecar


def document() -> dict:
    return sidecar_document(
        photo_name="old 彩り.jpg",
        photo_sha256="ab" * 32,
        result_name="old.color.jpg",
        result_sha256="cd" * 32,
        model={"name": "default", "files": {"answer.onnx": "ef" * 32}},
        edits={"version": 1, "hints": [{"x": 1.5, "y": 2.5}]},
        settings={"bits": 8, "quality": 95},
    )


def test_there_and_back(tmp_path: Path) -> None:
    path = sidecar_path(tmp_path / "old.color.jpg")
    assert path.name == "old.color.jpg.irodori.json"
    write_sidecar(document(), path)
    assert read_sidecar(path) == document()
    first = path.read_bytes()
    write_sidecar(document(), path)
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "expected version 1, got 2"),
        ({"extra": 1}, "field 'extra' is unknown"),
        ({"photo": {"name": "a"}}, "photo: expected a name and a sha256"),
        ({"photo": {"name": "a", "sha256": 5}}, "photo: expected texts"),
        ({"edits": []}, "edits: expected an object"),
    ],
)
def test_wrong_documents(tmp_path: Path, change: dict, message: str) -> None:
    path = tmp_path / "a.irodori.json"
    path.write_text(json.dumps(document() | change))
    with pytest.raises(PhotoError, match=message):
        read_sidecar(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.irodori.json"
    for raw in (b"", b"\xff\xfe", b"[1]", b"{" * 5000, b"[" * 100_000, json.dumps({"version": 1}).encode()):
        path.write_bytes(raw)
        with pytest.raises(PhotoError, match="not a sidecar of irodori") as caught:
            read_sidecar(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(PhotoError, match="cannot be opened"):
        read_sidecar(tmp_path / "missing")
    with pytest.raises(PhotoError, match="cannot write"):
        write_sidecar(document(), tmp_path / "missing" / "a.json")
    with pytest.raises(ValueError, match=r"not JSON compliant|Out of range"):
        write_sidecar(document() | {"settings": {"x": float("nan")}}, tmp_path / "b.json")
    assert list(tmp_path.iterdir()) == [path]
