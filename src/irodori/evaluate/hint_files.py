"""Simulated hints saved to and loaded from a JSON file, so that other programs can be given the very same hints.

Format::

    {"hints": 1, "protocol": "siggraph17", "size": 256, "side": 6, "seed": 0,
     "pictures": {"NAME": [[top, left], [top, left], ...]}}

``top`` and ``left`` are pixels of the squashed picture; each hint is a square of ``side`` pixels that carries the mean
true ab under it; a later hint lies over an earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from irodori.errors import HintError
from irodori.evaluate.protocol import HintProtocol, Patches
from irodori.evaluate.report import write_whole


def save(path: Path, protocol: HintProtocol, seed: int, patches: Mapping[str, Patches]) -> None:
    """Write the hint lists ``(n, 3)`` (top, left, side) of pictures by name; every list in full length."""
    lines = ",\n".join(
        f"  {json.dumps(name)}: {json.dumps(np.asarray(one)[:, :2].tolist(), separators=(',', ':'))}"
        for name, one in patches.items()
    )
    head = json.dumps({"hints": 1, "protocol": protocol.name, "size": protocol.size, "side": protocol.side})[1:-1]
    write_whole(path, f'{{{head}, "seed": {seed}, "pictures": {{\n{lines}\n}}}}\n'.encode())


def load(path: Path, protocol: HintProtocol) -> dict[str, Patches]:
    """Read a file of :func:`save`. Raises HintError when it is none, or one of another protocol."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise HintError(f"{path}: expected a file of hints, but it cannot be read: {error}") from error
    if not isinstance(content, dict) or content.get("hints") != 1 or not isinstance(content.get("pictures"), dict):
        raise HintError(f"{path}: expected a file of hints (version 1), got something else")
    for field, expected in (("protocol", protocol.name), ("size", protocol.size), ("side", protocol.side)):
        if content.get(field) != expected:
            raise HintError(f"{path}: {field}: expected {expected!r}, got {content.get(field)!r}")
    return {name: _patches(path, name, places, protocol) for name, places in content["pictures"].items()}


def _patches(path: Path, name: str, places: Any, protocol: HintProtocol) -> Patches:
    try:
        corners = np.array(places, dtype=np.int64).reshape(-1, 2)
    except (TypeError, ValueError, OverflowError) as error:
        raise HintError(f"{path}: hints of {name}: expected a list of [top, left], got something else") from error
    if len(corners) and (corners.min() < 0 or corners.max() > protocol.size - protocol.side):
        raise HintError(f"{path}: hints of {name}: expected squares inside the picture, got one outside")
    return np.column_stack([corners, np.full(len(corners), protocol.side, dtype=np.int64)])
