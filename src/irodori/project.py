"""``.irodori`` files: one photo, its history of edits and named snapshots; editor, command line and batch share them.

A project is a zip with two members, read by these names and never unpacked to the disk:

* ``project.json``: ``{"format": "irodori-project", "version": 1, "photo": {"name", "sha256", "bytes"}, "model",
  "history": [Edits, ...], "index", "snapshots": [{"name", "edits": Edits}, ...]}``; and, when they are not 0 and
  false, ``"page"`` (of a TIFF, from 0) and ``"even_tones"``
* ``photo``: the bytes of the photo's file, unchanged.

The same content always gives the same bytes. Sizes are checked before anything is inflated.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from irodori.errors import HintError, PhotoError
from irodori.hints.edits import Edits
from irodori.whole_file import whole_file

SUFFIX = ".irodori"
FORMAT = "irodori-project"
VERSION = 1
MAX_PHOTO_BYTES = 1 << 30
MAX_JSON_BYTES = 1 << 28
MAX_STEPS = 100_000
MAX_PAGE = 100_000
_JSON_MEMBER = "project.json"
_PHOTO_MEMBER = "photo"
_MAX_MEMBERS = 16
_NAME_LENGTH = 255
_EPOCH = (1980, 1, 1, 0, 0, 0)
_FIELDS = {"format", "version", "photo", "model", "history", "index", "snapshots", "page", "even_tones"}


@dataclass(frozen=True)
class Project:
    """What a project file holds; ``history[index]`` are the present edits."""

    photo_bytes: bytes = field(repr=False)
    photo_name: str
    history: tuple[Edits, ...]
    index: int
    snapshots: Mapping[str, Edits] = field(default_factory=dict)
    model: str = ""
    page: int = 0
    even_tones: bool = False

    @property
    def edits(self) -> Edits:
        """The present edits."""
        return self.history[self.index]


def save_project(
    target: str | os.PathLike[str] | BinaryIO,
    photo_bytes: bytes,
    photo_name: str,
    history: Iterable[Edits],
    index: int | None = None,
    snapshots: Mapping[str, Edits] | None = None,
    model: str = "",
    *,
    page: int = 0,
    even_tones: bool = False,
) -> None:
    """Write a project to a path (under a temporary name first) or into a binary file object.

    Args:
        target: where to; an existing file is replaced only when the new one is whole.
        photo_bytes: the bytes of the photo's file, as it was opened.
        photo_name: its name, without a folder.
        history: all steps, oldest first; at least one.
        index: position of the present step; None for the last.
        snapshots: named edits to compare.
        model: name of the model the photo was coloured with, "" when it does not matter.
        page: which page of the file the photo is, from 0.
        even_tones: the network saw the photo with its tones evened out.

    Raises:
        HintError: for an empty history or an index outside it.
        PhotoError: for a photo of more than :data:`MAX_PHOTO_BYTES`, or when the file cannot be written.
    """
    steps = tuple(history)
    if not steps:
        raise HintError("history: expected at least one step, got none")
    position = len(steps) - 1 if index is None else index
    if not 0 <= position < len(steps):
        raise HintError(f"index: expected 0..{len(steps) - 1}, got {index!r}")
    if len(photo_bytes) > MAX_PHOTO_BYTES:
        raise PhotoError(f"a project holds photos of at most {MAX_PHOTO_BYTES} bytes, got {len(photo_bytes)}")
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "photo": {
            "name": _plain_name(photo_name),
            "sha256": hashlib.sha256(photo_bytes).hexdigest(),
            "bytes": len(photo_bytes),
        },
        "model": model,
        "history": [step.to_json() for step in steps],
        "index": position,
        "snapshots": [{"name": name, "edits": edits.to_json()} for name, edits in (snapshots or {}).items()],
    }
    if page:
        content["page"] = page
    if even_tones:
        content["even_tones"] = True
    text = json.dumps(content, allow_nan=False, separators=(",", ":")).encode("utf-8")
    if len(text) > MAX_JSON_BYTES:
        raise HintError(f"the history takes {len(text)} bytes, a project holds at most {MAX_JSON_BYTES}")
    if not isinstance(target, str | os.PathLike):
        _write_zip(target, text, photo_bytes)
        return
    with whole_file(target) as file:
        _write_zip(file, text, photo_bytes)


def load_project(source: str | os.PathLike[str] | bytes | BinaryIO) -> Project:
    """Read a project from a path, from bytes, or from a binary file object that can seek.

    Raises:
        PhotoError: not a project, damaged, of a newer version, or with members larger than the limits.
        HintError: edits that cannot be used; the sentence names the field.
    """
    label = os.path.basename(os.fspath(source)) if isinstance(source, str | os.PathLike) else "the project"
    try:
        if isinstance(source, str | os.PathLike):
            with open(source, "rb") as file:
                text, photo = _read_zip(file, label)
        elif isinstance(source, bytes | bytearray | memoryview):
            text, photo = _read_zip(io.BytesIO(source), label)
        else:
            text, photo = _read_zip(source, label)
    except OSError as error:
        raise PhotoError(f"{label} cannot be opened ({error.strerror or error})") from None
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise PhotoError(f"{label} is damaged: its {_JSON_MEMBER} is not valid JSON") from None
    return _project(content, photo, label)


def is_project(head: bytes) -> bool:
    """Whether a file that starts with these bytes may be a project (it is a zip; photos never are)."""
    return head[:4] == b"PK\x03\x04"


def _write_zip(file: BinaryIO, text: bytes, photo: bytes) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, data, method in (
            (_JSON_MEMBER, text, zipfile.ZIP_DEFLATED),
            (_PHOTO_MEMBER, photo, zipfile.ZIP_STORED),
        ):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type = method
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)


def _read_zip(file: BinaryIO, label: str) -> tuple[bytes, bytes]:
    """Read the two members after checking all sizes; nothing else in the zip is looked at."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if len(members) > _MAX_MEMBERS:
                raise PhotoError(f"{label} is not an irodori project (it has {len(members)} members)")
            found = []
            for name, limit in ((_JSON_MEMBER, MAX_JSON_BYTES), (_PHOTO_MEMBER, MAX_PHOTO_BYTES)):
                named = [member for member in members if member.filename == name]
                if len(named) != 1:
                    raise PhotoError(f"{label} is not an irodori project (it has no single member {name!r})")
                member = named[0]
                if member.flag_bits & 1:
                    raise PhotoError(f"{label} is encrypted; a project is not")
                if member.file_size > limit:
                    raise PhotoError(f"{label}: {name!r} would take {member.file_size} bytes, at most {limit} are read")
                with archive.open(member) as stream:
                    data = stream.read(limit + 1)
                if len(data) != member.file_size:
                    raise PhotoError(f"{label} is damaged: {name!r} is cut short")
                found.append(data)
            return found[0], found[1]
    except PhotoError:
        raise
    except OSError:
        raise
    except Exception as error:  # zipfile raises many classes (BadZipFile, zlib.error, EOFError, struct.error, ...)
        raise PhotoError(f"{label} is not an irodori project, or it is damaged") from error


def _project(content: Any, photo: bytes, label: str) -> Project:
    """Check the parsed JSON, field by field."""
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise PhotoError(f"{label} is not an irodori project (its format is not {FORMAT!r})")
    version = content.get("version")
    if version != VERSION or isinstance(version, bool):
        raise PhotoError(f"{label}: expected project version {VERSION}, got {version!r:.40}; update irodori to read it")
    surplus = sorted(set(content) - _FIELDS)
    if surplus:
        raise PhotoError(f"{label}: unknown field {surplus[0]!r:.60}")
    described = content.get("photo")
    name = described.get("name") if isinstance(described, dict) else None
    if not isinstance(described, dict) or not isinstance(name, str):
        raise PhotoError(f"{label}: photo: expected an object with the photo's name")
    if described.get("sha256") != hashlib.sha256(photo).hexdigest():
        raise PhotoError(f"{label} is damaged: the photo is not the one that was saved (its SHA-256 differs)")
    steps = content.get("history")
    if not isinstance(steps, list) or not 1 <= len(steps) <= MAX_STEPS:
        raise PhotoError(f"{label}: history: expected a list of 1..{MAX_STEPS} edits")
    history = tuple(_edits(step, f"history[{number}]") for number, step in enumerate(steps))
    index = content.get("index")
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(history):
        raise PhotoError(f"{label}: index: expected 0..{len(history) - 1}, got {index!r:.40}")
    model = content.get("model", "")
    if not isinstance(model, str):
        raise PhotoError(f"{label}: model: expected text, got {model!r:.40}")
    page, even_tones = content.get("page", 0), content.get("even_tones", False)
    if not isinstance(page, int) or isinstance(page, bool) or not 0 <= page <= MAX_PAGE:
        raise PhotoError(f"{label}: page: expected 0..{MAX_PAGE}, got {page!r:.40}")
    if not isinstance(even_tones, bool):
        raise PhotoError(f"{label}: even_tones: expected true or false, got {even_tones!r:.40}")
    snapshots = _snapshots(content.get("snapshots", []), label)
    return Project(photo, _plain_name(name), history, index, snapshots, model, page, even_tones)


def _snapshots(raw: Any, label: str) -> dict[str, Edits]:
    if not isinstance(raw, list):
        raise PhotoError(f"{label}: snapshots: expected a list, got {raw!r:.40}")
    found: dict[str, Edits] = {}
    for number, entry in enumerate(raw):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(name, str) or name in found:
            raise PhotoError(f"{label}: snapshots[{number}]: expected a name of its own and edits")
        found[name] = _edits(entry.get("edits"), f"snapshots[{number}].edits")
    return found


def _edits(raw: Any, place: str) -> Edits:
    try:
        return Edits.from_json(raw)
    except HintError as error:
        raise HintError(f"{place}.{error}") from None


def _plain_name(name: str) -> str:
    """A file name without folders and control characters, never empty: fit to be shown and offered for saving."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(character for character in last if character.isprintable()).strip()[:_NAME_LENGTH]
    return plain if plain.strip(".") else "photo"


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number that JSON knows")
