"""Edits: everything that changes the picture, as one frozen value; to JSON and back with a version number.

Undo, saving, batches and scripts all work on this value. Wrong JSON is refused with the field named, for example
``hints[3].x: expected a finite number, got NaN``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from irodori.errors import HintError
from irodori.hints import points, regions
from irodori.hints.points import MAX_HINTS, Hint, number, shown
from irodori.hints.reference import Reference
from irodori.hints.regions import MAX_REGIONS, Region

VERSION = 1
MAX_STRENGTH = 3.0
MAX_TEXT_SIZE = 16 << 20
"""Longest JSON text that :func:`loads` reads, in bytes."""

_FIELDS = ("version", "hints", "regions", "reference", "reference_strength", "saturation_hint", "strength")
_HINT_FIELDS = ("x", "y", "radius", "rgb", "ab", "id", "note")
_REGION_FIELDS = ("polygon", "kind", "rgb", "ab", "id", "note", "pins")

T = TypeVar("T")


@dataclass(frozen=True)
class Edits:
    """All that a person has asked for.

    ``hints`` and ``regions`` apply in order, later ones win. ``reference`` and ``reference_strength`` (0..1) steer the
    whole picture, ``saturation_hint`` (0..1 or None) tells the network how saturated it is, ``strength`` (0..3) scales
    the result's chroma. Raises HintError, naming the field, for anything else.
    """

    hints: tuple[Hint, ...] = ()
    regions: tuple[Region, ...] = ()
    reference: Reference | None = None
    reference_strength: float = 1.0
    saturation_hint: float | None = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "hints", _members(self.hints, Hint, "hints", MAX_HINTS))
        object.__setattr__(self, "regions", _members(self.regions, Region, "regions", MAX_REGIONS))
        if self.reference is not None and not isinstance(self.reference, Reference):
            raise HintError(f"reference: expected a Reference, got {shown(self.reference)}")
        object.__setattr__(self, "reference_strength", number(self.reference_strength, "reference_strength", 0, 1))
        if self.saturation_hint is not None:
            object.__setattr__(self, "saturation_hint", number(self.saturation_hint, "saturation_hint", 0, 1))
        object.__setattr__(self, "strength", number(self.strength, "strength", 0, MAX_STRENGTH))

    def check(self, photo_size: tuple[int, int]) -> None:
        """Raise HintError, naming the field, if a hint or region does not lie inside a photo of (height, width)."""
        points.check_inside(self.hints, photo_size)
        for index, region in enumerate(self.regions):
            _at(f"regions[{index}].", region.check, photo_size)

    def to_json(self) -> dict[str, Any]:
        """Give a value that ``json.dumps`` takes; :meth:`from_json` reads it back equal."""
        return {
            "version": VERSION,
            "hints": [_hint_to_json(hint) for hint in self.hints],
            "regions": [_region_to_json(region) for region in self.regions],
            "reference": None if self.reference is None else self.reference.to_json(),
            "reference_strength": self.reference_strength,
            "saturation_hint": self.saturation_hint,
            "strength": self.strength,
        }

    @classmethod
    def from_json(cls, value: object) -> Edits:
        """Read what :meth:`to_json` gives; fields other than ``version`` may be missing.

        Raises HintError, naming the field, for wrong types, NaN, unknown fields and versions.
        """
        fields = _object(value, _FIELDS, "edits")
        if "version" not in fields:
            raise HintError(f"version: missing; expected {VERSION}")
        version = fields["version"]
        if isinstance(version, bool) or not isinstance(version, int) or version != VERSION:
            raise HintError(f"version: expected {VERSION}, got {shown(version)}; it may come from a newer irodori")
        reference = fields.get("reference")
        if not isinstance(reference, (dict, type(None))):
            raise HintError(f"reference: expected an object or null, got {shown(reference)}")
        return cls(
            hints=_list(fields.get("hints", []), "hints", MAX_HINTS, _hint_from_json),
            regions=_list(fields.get("regions", []), "regions", MAX_REGIONS, _region_from_json),
            reference=None if reference is None else _at("reference.", Reference.from_json, reference),
            reference_strength=fields.get("reference_strength", 1.0),
            saturation_hint=fields.get("saturation_hint"),
            strength=fields.get("strength", 1.0),
        )


def dumps(edits: Edits) -> str:
    """Write Edits as JSON text; :func:`loads` reads it back equal."""
    return json.dumps(edits.to_json(), ensure_ascii=False, allow_nan=False)


def loads(text: str | bytes) -> Edits:
    """Read Edits from JSON text (UTF-8 if bytes); HintError in one sentence for anything else."""
    if len(text) > MAX_TEXT_SIZE:
        raise HintError(f"edits: expected at most {MAX_TEXT_SIZE} bytes of JSON, got {len(text)}")
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except HintError:
        raise
    except RecursionError:
        raise HintError("edits: expected JSON of a few levels, got a very deeply nested one") from None
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "not UTF-8 text or too large a number"
        raise HintError(f"edits: expected JSON, got something else ({reason})") from error
    return Edits.from_json(value)


def all_hints(edits: Edits, photo_size: tuple[int, int]) -> tuple[Hint, ...]:
    """Give all hints in drawing order: those spread inside the regions, then the person's own, which win.

    Together at most MAX_HINTS: the regions share what the person's own hints leave.
    """
    room = MAX_HINTS - len(edits.hints)
    spread: list[Hint] = []
    for index, region in enumerate(edits.regions):
        share = (room - len(spread)) // (len(edits.regions) - index)
        spread += regions.hints_inside(region, photo_size, most=min(share, regions.MAX_INSIDE))
    return (*spread, *edits.hints)


def _members(value: object, kind: type[T], name: str, most: int) -> tuple[T, ...]:
    if not isinstance(value, (tuple, list)):
        raise HintError(f"{name}: expected a tuple of {kind.__name__}, got {shown(value)}")
    if len(value) > most:
        raise HintError(f"{name}: expected at most {most}, got {len(value)}")
    for index, item in enumerate(value):
        if not isinstance(item, kind):
            raise HintError(f"{name}[{index}]: expected a {kind.__name__}, got {shown(item)}")
    return tuple(value)


def _at(prefix: str, function: Callable[..., T], *arguments: Any) -> T:
    """Call and let a HintError's sentence begin with where the field is."""
    try:
        return function(*arguments)
    except HintError as error:
        raise HintError(prefix + str(error)) from None


def _list(value: object, name: str, most: int, read: Callable[[object], T]) -> tuple[T, ...]:
    if not isinstance(value, (list, tuple)):
        raise HintError(f"{name}: expected a list, got {shown(value)}")
    if len(value) > most:
        raise HintError(f"{name}: expected at most {most}, got {len(value)}")
    out = []
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise HintError(f"{name}[{index}]: expected an object, got {shown(item)}")
        out.append(_at(f"{name}[{index}].", read, item))
    return tuple(out)


def _object(value: object, known: tuple[str, ...], name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise HintError(f"{name}: expected an object, got {shown(value)}")
    for key in value:
        if key not in known:
            raise HintError(f"{key if isinstance(key, str) and key.isidentifier() else shown(key)}: unknown field")
    return value


def _required(fields: dict[str, Any], name: str) -> Any:
    if name not in fields:
        raise HintError(f"{name}: missing")
    return fields[name]


def _hint_from_json(value: object) -> Hint:
    fields = _object(value, _HINT_FIELDS, "hint")
    _required(fields, "x")
    _required(fields, "y")
    return Hint(**fields)


def _region_from_json(value: object) -> Region:
    fields = _object(value, _REGION_FIELDS, "region")
    _required(fields, "polygon")
    return Region(**fields)


def _hint_to_json(hint: Hint) -> dict[str, Any]:
    return {"x": hint.x, "y": hint.y, "radius": hint.radius, **_colour_to_json(hint), "id": hint.id, "note": hint.note}


def _region_to_json(region: Region) -> dict[str, Any]:
    out = {"polygon": [list(corner) for corner in region.polygon], "kind": region.kind, **_colour_to_json(region)}
    if region.pins:
        out["pins"] = [list(pin) for pin in region.pins]
    return {**out, "id": region.id, "note": region.note}


def _colour_to_json(item: Hint | Region) -> dict[str, Any]:
    if item.rgb is not None:
        return {"rgb": item.rgb}
    return {} if item.ab is None else {"ab": list(item.ab)}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise HintError(f"{shown(twice)}: the field is given twice")
    return out
