"""Find model folders: the embedded default, those installed in the user's data folder, or any path.

A model folder holds ``answer.onnx``, usually ``prepare.onnx``, ``enlarge.onnx`` and ``distribution.onnx``, and
``model.json`` that says what they are. Models are installed (by ``irodori import-weights`` or ``irodori export
--install``) under ``<data folder>/models/<name>``; the data folder is the platform's usual one, or ``$IRODORI_DATA``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irodori.data_folder import data_folder
from irodori.errors import ModelError
from irodori.model import contract

DEFAULT_NAME = "default"
DEFAULT_FOLDER = Path(__file__).resolve().parent / "default"
"""The model that is shipped inside the package."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_INFO_LIMIT = 1 << 20


@dataclass(frozen=True)
class ModelInfo:
    """What model.json says about a model folder.

    ``files`` maps a file name to ``{"sha256": hex, "bytes": int}``; ``short_side`` is the length in network pixels of
    the photo's shorter side; ``bins_temperature`` divides the logits of the distribution when colours are suggested.
    """

    folder: Path
    name: str
    network: str
    accepts_reference: bool
    short_side: int
    bins_temperature: float
    files: Mapping[str, Mapping[str, Any]]
    licence: str
    provenance: Mapping[str, Any]
    figures: Mapping[str, Any]
    look_side: int | None = None

    @property
    def bytes(self) -> int:
        """Size of the network files on disk, in bytes."""
        return sum(int(entry["bytes"]) for entry in self.files.values())

    @property
    def has_prepare(self) -> bool:
        """Whether the network has a hint-free part that runs once per photo."""
        return contract.PREPARE_FILE in self.files

    @property
    def has_distribution(self) -> bool:
        """Whether the colour distribution has a graph of its own, which runs only when it is asked for."""
        return contract.DISTRIBUTION_FILE in self.files

    @property
    def digest(self) -> str:
        """One SHA-256 (hex) over the names and checksums of the graphs: which weights these are."""
        graphs = sorted(set(self.files) - {contract.WEIGHTS_FILE})
        lines = "".join(f"{name} {self.files[name]['sha256']}\n" for name in graphs)
        return hashlib.sha256(lines.encode()).hexdigest()


def models_folder() -> Path:
    """Where installed models live, ``<data folder>/models``; not created here."""
    return data_folder() / "models"


def check_name(name: str) -> str:
    """Return ``name`` if it may name an installed model (letters, digits, ``. _ -``; 64 at most).

    Raises:
        ModelError: for any other name, and for the embedded model's own.
    """
    if name == DEFAULT_NAME:
        raise ModelError(f"the name {DEFAULT_NAME!r} belongs to the model that irodori ships; choose another one")
    if not _NAME.fullmatch(name):
        raise ModelError(f"a model's name has letters, digits, '.', '_' and '-' (64 at most), got {name!r}")
    return name


def find(model: str | os.PathLike[str] | None = None) -> Path:
    """Find the folder of a model.

    Args:
        model: None or ``"default"`` for the embedded model, the name of an installed model, or the path of a model
            folder (anything with a path separator, or a folder that holds a model.json).

    Returns:
        The folder; its model.json exists.

    Raises:
        ModelError: when there is no such model; the sentence names the two commands that make one.
    """
    if model is None or (isinstance(model, str) and model in ("", DEFAULT_NAME)):
        if (DEFAULT_FOLDER / contract.INFO_FILE).is_file():
            return DEFAULT_FOLDER
        raise ModelError(
            "this installation carries no default model; make one with 'irodori train' and 'irodori export',"
            " or install one with 'irodori import-weights', and name it"
        )
    text = os.fspath(model)
    if isinstance(model, str) and _NAME.fullmatch(text):
        installed_folder = models_folder() / text
        if (installed_folder / contract.INFO_FILE).is_file():
            return installed_folder
    folder = Path(text).expanduser()
    try:
        if folder.is_file() and folder.name == contract.INFO_FILE:
            folder = folder.parent
        if (folder / contract.INFO_FILE).is_file():
            return folder
        is_folder = folder.is_dir()
    except (OSError, ValueError):  # a name too long for the file system, a null character, a folder we may not enter
        is_folder = False
    if is_folder:
        raise ModelError(f"{text!r} is a folder without a {contract.INFO_FILE}, so it is not a model folder")
    raise ModelError(
        f"there is no model {text!r}: install one with 'irodori import-weights FILE --name NAME',"
        " or make one with 'irodori train' and 'irodori export'; 'irodori models' lists what is there"
    )


def read_info(folder: str | os.PathLike[str]) -> ModelInfo:
    """Read and check the model.json of a model folder.

    Raises:
        ModelError: when it is missing, broken, of another contract version, or a field has an impossible value.
    """
    folder = Path(folder)
    path = folder / contract.INFO_FILE
    try:
        size = path.stat().st_size
        if size > _INFO_LIMIT:
            raise ModelError(f"{path}: expected at most {_INFO_LIMIT} bytes, got {size}")
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is not valid JSON; install the model again") from error
    if not isinstance(raw, dict):
        raise ModelError(f"{path}: expected a JSON object, got {type(raw).__name__}")
    contract.check_info(raw)
    files, look_side = _files(path, raw.get("files")), raw.get("look_side")
    if look_side is not None and contract.ENLARGE_FILE not in files:
        raise ModelError(f"{path}: look_side: a model with one has a {contract.ENLARGE_FILE}; install the model again")
    return ModelInfo(
        folder=folder,
        name=_text(path, raw, "name", folder.name),
        network=_text(path, raw, "network", "unknown"),
        accepts_reference=_flag(path, raw, "accepts_reference"),
        short_side=_whole(path, raw.get("short_side", 256), "short_side", contract.MULTIPLE, 4096),
        bins_temperature=_positive(path, raw, "bins_temperature", 1.0),
        files=files,
        licence=_text(path, raw, "licence", "not stated"),
        provenance=_mapping(path, raw, "provenance"),
        figures=_mapping(path, raw, "figures"),
        look_side=None if look_side is None else _whole(path, look_side, "look_side", contract.MULTIPLE, 4096),
    )


def read_file(info: ModelInfo, name: str) -> bytes:
    """Read one network file of a model and check it against the size and SHA-256 in model.json.

    Returns:
        The file's bytes, whole and unchanged since the model was made.

    Raises:
        ModelError: when it is missing, unreadable or altered.
    """
    path = info.folder / name
    expected = info.files[name]
    try:
        size = path.stat().st_size
        if size != expected["bytes"]:
            raise ModelError(f"{path}: expected {expected['bytes']} bytes, got {size}; install the model again")
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}; install the model again") from error
    if hashlib.sha256(content).hexdigest() != expected["sha256"]:
        raise ModelError(f"{path} is damaged (its SHA-256 is not the one in {contract.INFO_FILE}); install it again")
    return content


def installed() -> list[ModelInfo]:
    """All models that can be named: the embedded default first, then the user's, by name; broken ones are left out."""
    folders = [DEFAULT_FOLDER]
    with contextlib.suppress(OSError):
        folders += sorted(path for path in models_folder().iterdir() if _NAME.fullmatch(path.name))
    found = []
    for folder in folders:
        if (folder / contract.INFO_FILE).is_file():
            try:
                found.append(read_info(folder))
            except ModelError:
                continue
    return found


def _text(path: Path, raw: dict[str, Any], field: str, default: str) -> str:
    value = raw.get(field, default)
    if not isinstance(value, str):
        raise ModelError(f"{path}: {field}: expected text, got {value!r:.60}")
    return value


def _flag(path: Path, raw: dict[str, Any], field: str) -> bool:
    value = raw.get(field, False)
    if not isinstance(value, bool):
        raise ModelError(f"{path}: {field}: expected true or false, got {value!r:.60}")
    return value


def _whole(path: Path, value: Any, field: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ModelError(f"{path}: {field}: expected a whole number from {low} to {high}, got {value!r:.60}")
    return value


def _positive(path: Path, raw: dict[str, Any], field: str, default: float) -> float:
    value = raw.get(field, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= sys.float_info.max:
        raise ModelError(f"{path}: {field}: expected a positive number, got {value!r:.60}")
    return float(value)


def _mapping(path: Path, raw: dict[str, Any], field: str) -> dict[str, Any]:
    value = raw.get(field, {})
    if not isinstance(value, dict):
        raise ModelError(f"{path}: {field}: expected an object, got {value!r:.60}")
    return value


def _files(path: Path, raw: Any) -> dict[str, dict[str, Any]]:
    graphs = {contract.PREPARE_FILE, contract.ENLARGE_FILE, contract.ANSWER_FILE, contract.DISTRIBUTION_FILE}
    if not isinstance(raw, dict) or contract.ANSWER_FILE not in raw or not set(raw) <= {*graphs, contract.WEIGHTS_FILE}:
        raise ModelError(f"{path}: files: expected entries for {contract.ANSWER_FILE} and, if any, the other graphs")
    for name, entry in raw.items():
        digest = entry.get("sha256") if isinstance(entry, dict) else None
        if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise ModelError(f"{path}: files: {name}: expected a lower-case hexadecimal SHA-256")
        _whole(path, entry.get("bytes"), f"files: {name}: bytes", 1, 1 << 33)
    return raw
