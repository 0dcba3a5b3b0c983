"""What a coloured file's sidecar says about the spine: which photo, model, edits and settings made the file.

The file format itself is in :mod:`irodori.photo_sidecar`. On the same machine
``irodori colorize PHOTO --repeat SIDECAR`` writes the same bytes again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irodori.colorizer import Colorizer
from irodori.errors import HintError, ModelError, PhotoError
from irodori.hints.edits import Edits
from irodori.photo import Photo
from irodori.photo_sidecar import read_sidecar, sidecar_document, sidecar_path, write_sidecar


@dataclass(frozen=True)
class Record:
    """A sidecar that was read: digests are SHA-256 in hexadecimal; ``settings`` are those of the command line."""

    version: str
    """Of irodori."""
    photo_digest: str
    page: int
    """Which page of the photo's file, from 0."""
    result_name: str
    result_digest: str
    model_name: str
    model_digest: str
    edits: Edits
    settings: Mapping[str, Any]


def write_record(
    result: str | os.PathLike[str], photo: Photo, colorizer: Colorizer, edits: Edits, settings: Mapping[str, Any]
) -> Path:
    """Write the sidecar of ``result`` (a file that exists) beside it and return its path.

    Raises:
        PhotoError: when it cannot be written.
    """
    info = colorizer.info
    files = {name: entry["sha256"] for name, entry in sorted(info.files.items())}
    document = sidecar_document(
        photo_name=photo.name,
        photo_sha256=photo.digest,
        result_name=Path(result).name,
        result_sha256=_digest(result),
        model={"name": info.name, "network": info.network, "sha256": info.digest, "files": files},
        edits=edits.to_json(),
        settings={**settings, "page": photo.page, "short_side": colorizer.short_side},
    )
    path = sidecar_path(result)
    write_sidecar(document, path)
    return path


def read_record(path: str | os.PathLike[str]) -> Record:
    """Read a sidecar.

    Raises:
        PhotoError: when it cannot be read or is none.
        HintError: when its edits cannot be used; the sentence names the field.
    """
    document = read_sidecar(path)
    model, page = document["model"], document["settings"].get("page", 0)
    if not isinstance(model.get("name"), str) or not isinstance(model.get("sha256"), str):
        raise PhotoError(f"{Path(path).name}: model: expected a name and a sha256")
    if not isinstance(page, int) or isinstance(page, bool) or page < 0:
        raise PhotoError(f"{Path(path).name}: settings.page: expected a whole number from 0")
    try:
        edits = Edits.from_json(document["edits"])
    except HintError as error:
        raise HintError(f"{Path(path).name}: edits.{error}") from None
    return Record(
        str(document["irodori"]),
        document["photo"]["sha256"],
        page,
        document["result"]["name"],
        document["result"]["sha256"],
        model["name"],
        model["sha256"],
        edits,
        document["settings"],
    )


def check_same(record: Record, photo: Photo, colorizer: Colorizer) -> None:
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


def check_result(record: Record, result: str | os.PathLike[str]) -> None:
    """Raise PhotoError when the file ``result`` is not, byte for byte, the one that the sidecar is about."""
    from irodori import __version__

    if _digest(result) != record.result_digest:
        raise PhotoError(
            f"{Path(result).name} was written, but it is not byte for byte the sidecar's result, which irodori"
            f" {record.version} made (this is {__version__}), perhaps on another machine"
        )


def _digest(result: str | os.PathLike[str]) -> str:
    try:
        with open(result, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PhotoError(f"{Path(result).name} cannot be read again ({error.strerror or error})") from None
