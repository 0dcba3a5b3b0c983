"""Sidecars: written whole, read back, and refused with the field named."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irodori import cli_colorize
from irodori.errors import IrodoriError, PhotoError
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


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["--x", "-", "8"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
usable = {"bits": 16, "quality": 90, "profile": "keep", "no_mark": True, "even_tones": True, "threads": 2, "page": 1}
setting = st.tuples(st.sampled_from([*usable, "provider"]), json_values)


def taken(raw: bytes) -> str:
    """What ``colorize --repeat`` says about a sidecar of these bytes before it opens the photo, "" when it takes it."""
    parser = argparse.ArgumentParser()
    cli_colorize.add_arguments(parser)
    screen = io.StringIO()
    with tempfile.NamedTemporaryFile(suffix=".irodori.json") as file, contextlib.redirect_stderr(screen):
        file.write(raw)
        file.flush()
        arguments = parser.parse_args(["photo", "--repeat", file.name])
        try:
            record = cli_colorize._read_record(arguments)
            assert record is not None
            cli_colorize._take_settings(arguments, record)
        except IrodoriError as error:
            return str(error) or "no sentence"
        finally:
            assert screen.getvalue() == ""
    assert arguments.bits in (None, 8, 16)
    assert 1 <= arguments.quality <= 100
    assert record.page >= 0
    return ""


def repeatable(**changes: object) -> dict:
    model = {"name": "default", "sha256": "ef" * 32}
    return document() | {"model": model, "edits": {"version": 1}, "settings": usable} | changes


@given(st.sampled_from(sorted(document())), json_values)
@settings(max_examples=60, deadline=None)
def test_any_value_in_any_field_ends_in_settings_or_a_sentence(name: str, value: object) -> None:
    assert taken(json.dumps(repeatable()).encode()) == ""
    taken(json.dumps(repeatable(**{name: value})).encode())


@given(setting)
@settings(max_examples=60, deadline=None)
def test_any_value_of_any_setting_ends_in_settings_or_a_sentence(change: tuple[str, object]) -> None:
    taken(json.dumps(repeatable(settings=usable | dict([change]))).encode())


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
@settings(max_examples=60, deadline=None)
def test_any_bytes_end_in_a_sentence(raw: bytes) -> None:
    assert "not a sidecar of irodori" in taken(raw)
