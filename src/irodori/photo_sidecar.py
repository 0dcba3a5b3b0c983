"""Sidecars: a small JSON file beside a coloured photo that says how it was made, so that it can be made again.

With the photo (named by the SHA-256 of its bytes), the model (by the SHA-256 of its files) and the same version of
irodori, the edits and settings in a sidecar give the same file again, byte for byte, on the same machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from irodori.errors import PhotoError
from irodori.whole_file import whole_file

VERSION = 1
SUFFIX = ".irodori.json"
_MAX_BYTES = 64 << 20
_FIELDS = {"version", "irodori", "photo", "result", "model", "edits", "settings"}
_FILE_FIELDS = {"name", "sha256"}


def sidecar_path(result: str | os.PathLike[str]) -> Path:
    """Name the sidecar of a result: the result's whole name with ``.irodori.json`` behind it."""
    path = Path(result)
    return path.with_name(path.name + SUFFIX)


def sidecar_document(
    *,
    photo_name: str,
    photo_sha256: str,
    result_name: str,
    result_sha256: str,
    model: Mapping[str, Any],
    edits: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Put a sidecar together.

    ``model``: its name and the SHA-256 of each of its files. ``edits``: ``Edits.to_json()``. ``settings``: everything
    else that the result depends on (bits, quality, format, profile, mark, page, network size, evened tones, threads).
    """
    from irodori import __version__

    return {
        "version": VERSION,
        "irodori": __version__,
        "photo": {"name": photo_name, "sha256": photo_sha256},
        "result": {"name": result_name, "sha256": result_sha256},
        "model": dict(model),
        "edits": dict(edits),
        "settings": dict(settings),
    }


def write_sidecar(document: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a sidecar, whole or not at all; raises :class:`PhotoError`."""
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    with whole_file(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))  # names that are no text


def read_sidecar(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a sidecar and check its outline (edits are checked by ``Edits.from_json``); raises :class:`PhotoError`."""
    path = Path(path)
    try:
        with open(path, "rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise PhotoError(f"{path.name}: cannot be opened ({error.strerror or error})") from None
    try:
        if len(raw) > _MAX_BYTES:
            raise ValueError("it is too long")
        document = json.loads(raw)
        _check(document)
    except (ValueError, RecursionError) as error:
        raise PhotoError(f"{path.name}: not a sidecar of irodori ({error})") from None
    return dict(document)


def _check(document: Any) -> None:
    if not isinstance(document, dict):
        raise ValueError("expected an object")
    if document.get("version") != VERSION:
        raise ValueError(f"expected version {VERSION}, got {document.get('version')!r}")
    missing, unknown = _FIELDS - document.keys(), document.keys() - _FIELDS
    if missing or unknown:
        raise ValueError(f"field {min(missing or unknown)!r} is {'missing' if missing else 'unknown'}")
    for name in ("photo", "result"):
        entry = document[name]
        if not isinstance(entry, dict) or entry.keys() != _FILE_FIELDS:
            raise ValueError(f"{name}: expected a name and a sha256")
        if not (isinstance(entry["sha256"], str) and isinstance(entry["name"], str)):
            raise ValueError(f"{name}: expected texts")
    for name in ("model", "edits", "settings"):
        if not isinstance(document[name], dict):
            raise ValueError(f"{name}: expected an object")
