"""The JSON bodies of the HTTP face, as pydantic models: what ``/openapi.json`` promises and what is let in.

Requests refuse unknown fields, wrong types and numbers that are not finite. The limits of edits are those of
:mod:`irodori.hints`, which checks them again, and more closely, when the body becomes an ``Edits``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from irodori.hints.points import MAX_AB, MAX_HINTS, MAX_RADIUS, MAX_TEXT
from irodori.hints.regions import MAX_CORNERS, MAX_INSIDE, MAX_REGIONS

NAME_LENGTH = 255

Revision = Annotated[int, Field(ge=1, le=2**53)]
Coordinate = Annotated[float, Field(ge=0)]
Chroma = Annotated[float, Field(ge=-MAX_AB, le=MAX_AB)]
Share = Annotated[float, Field(ge=0, le=1)]
Hex = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]
Pair = Annotated[list[Chroma], Field(min_length=2, max_length=2)]
Place = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
Pin = Annotated[list[float], Field(min_length=4, max_length=4)]
Polygon = Annotated[list[Place], Field(min_length=3, max_length=MAX_CORNERS)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]


class _Request(BaseModel):
    """A body that the server reads."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class HintBody(_Request):
    """``irodori.Hint`` as JSON: exactly one of rgb and ab."""

    x: Coordinate
    y: Coordinate
    radius: Annotated[float, Field(gt=0, le=MAX_RADIUS)] | None = None
    rgb: Hex | None = None
    ab: Pair | None = None
    id: Text | None = None
    note: Text = ""


class RegionBody(_Request):
    """``irodori.Region`` as JSON."""

    polygon: Polygon
    kind: Literal["colour", "protect", "original"] = "colour"
    rgb: Hex | None = None
    ab: Pair | None = None
    pins: Annotated[list[Pin], Field(max_length=MAX_INSIDE)] = []
    id: Text | None = None
    note: Text = ""


class ReferenceBody(_Request):
    """``irodori.Reference`` as JSON."""

    histogram: Annotated[list[Share], Field(min_length=313, max_length=313)] | None = None
    saturation: Share | None = None
    name: Text = ""


class EditsBody(_Request):
    """``irodori.Edits`` as JSON, whole."""

    version: Literal[1]
    hints: Annotated[list[HintBody], Field(max_length=MAX_HINTS)] = []
    regions: Annotated[list[RegionBody], Field(max_length=MAX_REGIONS)] = []
    reference: ReferenceBody | None = None
    reference_strength: Share = 1.0
    saturation_hint: Share | None = None
    strength: Annotated[float, Field(ge=0, le=3)] = 1.0


class EditsChange(_Request):
    """New edits on top of a revision."""

    base_revision: Revision
    edits: EditsBody


class Base(_Request):
    """A change that needs nothing but the revision it is made on."""

    base_revision: Revision


class NewSnapshot(_Request):
    """A name for the current edits."""

    name: Name
    base_revision: Revision


class PinsQuestion(_Request):
    """A place whose present colours are to be pinned."""

    polygon: Polygon
    base_revision: Revision


class Description(_Request):
    """What a session is called, which model colours it, and what that sees; what is left out stays."""

    name: Name | None = None
    model: Name | None = None
    even_tones: bool | None = None


class Snapshot(BaseModel):
    """A named snapshot, without its edits."""

    id: str
    name: str
    created: str


class ReferenceEntry(BaseModel):
    """A reference that was uploaded; ``active`` when the current edits use it."""

    id: str
    name: str
    active: bool
    picture: str
    reference: dict[str, Any]


class State(BaseModel):
    """A session as the page sees it."""

    id: str
    name: str
    model: str
    width: int
    height: int
    bits: int
    grey: bool
    page: int
    pages: int
    even_tones: bool
    revision: int
    can_undo: bool
    can_redo: bool
    edits: dict[str, Any]
    snapshots: list[Snapshot]
    references: list[ReferenceEntry]
    created: str
    changed: str


class Summary(BaseModel):
    """A session in the list of recent ones."""

    id: str
    name: str
    width: int
    height: int
    page: int
    pages: int
    created: str
    changed: str
    thumbnail: str


class Recent(BaseModel):
    """The sessions changed last."""

    sessions: list[Summary]


class SuggestionEntry(BaseModel):
    """A suggested colour and its likelihood."""

    rgb: str
    ab: Pair
    weight: float


class ShownColour(BaseModel):
    """A colour of the present result."""

    rgb: str
    ab: Pair


class Palette(BaseModel):
    """What colours a place may have."""

    revision: int
    x: float
    y: float
    lightness: float
    current: ShownColour
    suggestions: list[SuggestionEntry]


class NextHint(BaseModel):
    """Where a hint would help most."""

    revision: int
    x: float
    y: float


class Pins(BaseModel):
    """The present colours inside a polygon: x, y, a, b."""

    revision: int
    pins: list[Pin]


class SampleEntry(BaseModel):
    """A sample photograph."""

    name: str
    title: str
    credit: str
    width: int
    height: int
    thumbnail: str


class Samples(BaseModel):
    """The sample photographs."""

    samples: list[SampleEntry]


class ModelEntry(BaseModel):
    """An installed model."""

    name: str
    network: str
    accepts_reference: bool
    licence: str
    default: bool


class Models(BaseModel):
    """The installed models."""

    models: list[ModelEntry]


class Limits(BaseModel):
    """What the server takes at most."""

    upload_bytes: int
    pixels: int
    hints: int


class Health(BaseModel):
    """That the server lives, and which start of it this is."""

    status: Literal["ok"]
    version: str
    instance: str
    limits: Limits


class Refused(BaseModel):
    """Every error: one sentence for the person."""

    error: str
