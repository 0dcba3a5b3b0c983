"""The record beside a coloured file: which photo, edits, model and settings made it, so that it can be made again.

``RESULT.json``: ``{"format": "irodori-sidecar", "version": 1, "irodori", "photo", "model", "settings", "edits",
"result"}``. On the same machine ``irodori colorize PHOTO --repeat RESULT.json`` writes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irodori import __version__
from irodori.colorizer import Colorizer
from irodori.errors import HintError, ModelError, PhotoError
from irodori.hints.edits import Edits
from irodori.photo import Photo

FORMAT = "irodori-sidecar"
VERSION = 1
SUFFIX = ".json"


@dataclass(frozen=True)
class Sidecar:
    """What a sidecar says, checked: digests are SHA-256 in hexadecimal."""

    photo_digest: str
    model_name: str
    model_digest: str
    settings: Mapping[str, Any]
    edits: Edits
    result_digest: str


def path_for(result: str | os.PathLike[str]) -> Path:
    """Where the sidecar of a result lies: ``RESULT.json`` beside it."""
    result = Path(result)
    return result.with_name(result.name + SUFFIX)


def write_sidecar(
    result: str | os.PathLike[str], photo: Photo, colorizer: Colorizer, edits: Edits, settings: Mapping[str, Any]
) -> Path:
    """Write the record of ``result`` (an existing file) beside it and return its path.

    Raises:
        PhotoError: when it cannot be written.
    """
    info = colorizer.info
    path = path_for(result)
    temporary = path.with_name(f".irodori-{secrets.token_hex(6)}.tmp")
    try:
        with open(result, "rb") as file:
            result_digest = hashlib.file_digest(file, "sha256").hexdigest()
        content = {
            "format": FORMAT,
            "version": VERSION,
            "irodori": __version__,
            "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            "photo": {"name": photo.name, "sha256": photo.digest, "page": photo.page},
            "model": {
                "name": info.name,
                "network": info.network,
                "sha256": info.digest,
                "files": {name: entry["sha256"] for name, entry in sorted(info.files.items())},
            },
            "settings": dict(settings),
            "edits": edits.to_json(),
            "result": {"name": Path(result).name, "sha256": result_digest},
        }
        with open(temporary, "x", encoding="utf-8", newline="\n") as out:
            json.dump(content, out, indent=2, allow_nan=False)
            out.write("\n")
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise PhotoError(f"cannot write {path.name} ({error.strerror or error})") from None
    finally:
        temporary.unlink(missing_ok=True)
    return path


def parse_sidecar(raw: Any, label: str) -> Sidecar:
    """Check the parsed JSON of a sidecar.

    Raises:
        HintError: when it is not one, or a field is missing.
    """
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise HintError(f"{label} is not a sidecar that irodori wrote")
    if raw.get("version") != VERSION:
        raise HintError(f"{label}: expected sidecar version {VERSION}, got {raw.get('version')!r:.40}")
    parts: dict[str, dict[str, Any]] = {}
    for name in ("photo", "model", "settings", "result"):
        part = raw.get(name)
        if not isinstance(part, dict):
            raise HintError(f"{label}: {name}: expected an object, got {part!r:.40}")
        parts[name] = part
    for place, value in (
        ("photo.sha256", parts["photo"].get("sha256")),
        ("model.name", parts["model"].get("name")),
        ("model.sha256", parts["model"].get("sha256")),
        ("result.sha256", parts["result"].get("sha256")),
    ):
        if not isinstance(value, str):
            raise HintError(f"{label}: {place}: expected text, got {value!r:.40}")
    return Sidecar(
        parts["photo"]["sha256"],
        parts["model"]["name"],
        parts["model"]["sha256"],
        parts["settings"],
        Edits.from_json(raw.get("edits")),
        parts["result"]["sha256"],
    )


def check_same(record: Sidecar, photo: Photo, colorizer: Colorizer) -> None:
    """Refuse another photo or another model than the sidecar's, naming both.

    Raises:
        PhotoError: another photo.
        ModelError: another model.
    """
    if photo.digest != record.photo_digest:
        raise PhotoError(
            f"the sidecar is about a photo with SHA-256 {record.photo_digest[:12]}..., not {photo.digest[:12]}..."
        )
    if colorizer.info.digest != record.model_digest:
        raise ModelError(
            f"the sidecar was made with model {record.model_name!r} {record.model_digest[:12]}...,"
            f" this is {colorizer.info.name!r} {colorizer.info.digest[:12]}..."
        )
