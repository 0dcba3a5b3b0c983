"""Hints: "this place has this colour", and drawing them into the planes that the network reads."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from irodori.color import gamut, lab
from irodori.errors import HintError

MAX_HINTS = 4096
"""The most hints one photo may have."""

DEFAULT_RADIUS = 0.012
"""Radius of a hint that names none, as a share of the photo's short side."""

MAX_RADIUS = 1e6
MAX_AB = 128.0
MAX_TEXT = 1000

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_FEW = 8  # boxes that are looked at one by one


@dataclass(frozen=True)
class Hint:
    """One colour hint: the square [x - radius, x + radius) x [y - radius, y + radius) has this colour.

    ``x`` (right) and ``y`` (down) are photo pixels with pixel centres at .5; ``radius`` is in photo pixels, None means
    1.2 % of the photo's short side. Exactly one of ``rgb`` ("#rrggbb", of which only a* and b* are used) and ``ab``
    (a*, b*) is given; it is kept as requested, and brought into gamut at the photo's own L* only when drawn. The hints
    of one stroke share an ``id``. Raises HintError, naming the field, for anything else.
    """

    x: float
    y: float
    radius: float | None = None
    rgb: str | None = None
    ab: tuple[float, float] | None = None
    id: str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("x", "y"):
            object.__setattr__(self, name, number(getattr(self, name), name, 0, math.inf))
        if self.radius is not None:
            radius = number(self.radius, "radius", 0, MAX_RADIUS)
            if radius == 0:
                raise HintError("radius: expected more than 0, got 0")
            object.__setattr__(self, "radius", radius)
        rgb, ab = colour(self.rgb, self.ab)
        if rgb is None and ab is None:
            raise HintError("rgb: expected a colour, as rgb or as ab, got neither")
        object.__setattr__(self, "rgb", rgb)
        object.__setattr__(self, "ab", ab)
        text(self.id, "id", optional=True)
        text(self.note, "note")

    def radius_in(self, photo_size: tuple[int, int]) -> float:
        """Radius in photo pixels on a photo of (height, width): the hint's own, or 1.2 % of the short side."""
        return DEFAULT_RADIUS * min(photo_size) if self.radius is None else self.radius


def draw(
    hints: Sequence[Hint],
    photo_size: tuple[int, int],
    plane_lightness: NDArray[np.floating[Any]] | None = None,
    plane_size: tuple[int, int] | None = None,
    *,
    room: tuple[int, int] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw hints into planes of the network's size: ab ``(h, w, 2)`` and mask ``(h, w)`` (0 or 1), both float32.

    ``photo_size`` is (H, W) of the photo that the hints' coordinates mean; ``plane_lightness`` ``(h, w)`` is L* 0..100
    at the planes' size. A hint's square is scaled by (w / W, h / H) and covers the plane pixels whose centre is inside,
    but never less than the pixel that holds (x, y). Later hints win. Each colour is brought into gamut at the median
    L* under its square; without ``plane_lightness`` (then give ``plane_size`` (h, w)) it is taken as it is. ``room``
    (h', w'), at least (h, w): the planes are that large, and zero below and to the right of what was asked for.
    Raises HintError for more than MAX_HINTS hints or a hint outside the photo.
    """
    if plane_lightness is None and plane_size is None:
        raise ValueError("plane_size: needed when plane_lightness is not given")
    size = plane_size if plane_lightness is None else plane_lightness.shape
    if plane_size is not None and tuple(plane_size) != tuple(size or ()):
        raise ValueError(f"plane_size: expected the shape of plane_lightness {size}, got {plane_size}")
    if size is None or len(size) != 2:
        raise ValueError(f"plane_lightness: expected (h, w), got {size}")
    height, width = size
    rows, columns = room or (height, width)
    if rows < height or columns < width:
        raise ValueError(f"room: expected at least {(height, width)}, got {room}")
    ab = np.zeros((2, rows, columns), np.float32).transpose(1, 2, 0)  # plane by plane, as the network reads them
    mask = np.zeros((rows, columns), np.float32)
    if not hints:
        return ab, mask
    check_inside(hints, photo_size)
    boxes = covered(hints, photo_size, (height, width))
    colours = chroma(hints)
    if plane_lightness is not None:
        colours = gamut.to_gamut(_medians(np.asarray(plane_lightness, dtype=np.float32), boxes), colours)
    for (top, bottom, left, right), value in zip(boxes.tolist(), colours, strict=True):
        ab[top:bottom, left:right] = value
        mask[top:bottom, left:right] = 1
    return ab, mask


def covered(hints: Sequence[Hint], photo_size: tuple[int, int], plane_size: tuple[int, int]) -> NDArray[np.int64]:
    """Plane pixels that each hint covers: ``(n, 4)`` int64 rows of top, bottom, left, right (half-open)."""
    y = np.array([hint.y for hint in hints], dtype=np.float64)
    x = np.array([hint.x for hint in hints], dtype=np.float64)
    radius = np.array([hint.radius_in(photo_size) for hint in hints], dtype=np.float64)
    boxes = np.empty((len(hints), 4), np.int64)
    boxes[:, 0], boxes[:, 1] = _span(y, radius, photo_size[0], plane_size[0])
    boxes[:, 2], boxes[:, 3] = _span(x, radius, photo_size[1], plane_size[1])
    return boxes


def chroma(hints: Sequence[Hint]) -> NDArray[np.float32]:
    """Requested ab of each hint, ``(n, 2)`` float32, not yet brought into gamut."""
    out = np.empty((len(hints), 2), np.float32)
    named = [index for index, hint in enumerate(hints) if hint.ab is None]
    if named:
        codes = np.array([parse_rgb(hints[index].rgb or "") for index in named], dtype=np.uint8)
        out[named] = lab.to_lab(codes)[:, 1:]
    for index, hint in enumerate(hints):
        if hint.ab is not None:
            out[index] = hint.ab
    return out


def check_inside(hints: Sequence[Hint], photo_size: tuple[int, int]) -> None:
    """Raise HintError if there are too many hints, or one lies outside a photo of (height, width)."""
    if len(hints) > MAX_HINTS:
        raise HintError(f"hints: expected at most {MAX_HINTS}, got {len(hints)}")
    height, width = photo_size
    for index, hint in enumerate(hints):
        for name, value, limit in (("x", hint.x, width), ("y", hint.y, height)):
            if not 0 <= value < limit:
                raise HintError(
                    f"hints[{index}].{name}: expected a place inside the photo, 0 <= {name} < {limit}, got {value:g}"
                )


def parse_rgb(code: str) -> tuple[int, int, int]:
    """Read "#rrggbb" as three numbers 0..255; raises HintError for anything else."""
    if not isinstance(code, str) or not _HEX.fullmatch(code):
        raise HintError(f'rgb: expected a colour such as "#c04020", got {shown(code)}')
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def colour(rgb: object, ab: object) -> tuple[str | None, tuple[float, float] | None]:
    """Check the two ways of naming a colour; at most one may be given. Returns them normalised; raises HintError."""
    if rgb is not None and ab is not None:
        raise HintError("rgb: expected either rgb or ab, got both")
    if rgb is not None:
        red, green, blue = parse_rgb(rgb)  # type: ignore[arg-type]
        return f"#{red:02x}{green:02x}{blue:02x}", None
    if ab is not None:
        values = list(ab) if isinstance(ab, (tuple, list, np.ndarray)) else []
        if len(values) != 2:
            raise HintError(f"ab: expected two numbers (a, b), got {shown(ab)}")
        return None, (number(values[0], "ab[0]", -MAX_AB, MAX_AB), number(values[1], "ab[1]", -MAX_AB, MAX_AB))
    return None, None


def number(value: object, name: str, low: float, high: float) -> float:
    """Check one finite number ``low <= value <= high`` and return it as float; raises HintError naming the field."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise HintError(f"{name}: expected a number, got {shown(value)}")
    try:
        result = float(value)
    except OverflowError:
        raise HintError(f"{name}: expected a finite number, got a huge one") from None
    if not math.isfinite(result):
        raise HintError(f"{name}: expected a finite number, got {'NaN' if math.isnan(result) else shown(value)}")
    if result < low or result > high:
        if math.isinf(high):
            raise HintError(f"{name}: expected at least {low:g}, got {result:g}")
        raise HintError(f"{name}: expected {low:g}..{high:g}, got {result:g}")
    return result


def text(value: object, name: str, optional: bool = False) -> None:
    """Check a short text (None too if ``optional``); raises HintError naming the field."""
    if value is None and optional:
        return
    if not isinstance(value, str):
        raise HintError(f"{name}: expected text, got {shown(value)}")
    if len(value) > MAX_TEXT:
        raise HintError(f"{name}: expected at most {MAX_TEXT} characters, got {len(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise HintError(f"{name}: expected text, got broken Unicode (a lone surrogate)") from None


def shown(value: object) -> str:
    """Show a wrong value in an error sentence: short, on one line."""
    kinds = {type(None): "null", bool: "true" if value else "false", dict: "an object", list: "a list"}
    if type(value) in kinds:
        return kinds[type(value)]
    try:
        line = repr(value)
    except Exception:  # an integer of too many digits, or a broken __repr__
        return f"a {type(value).__name__}"
    return line if len(line) <= 60 else line[:57] + "..."


def _span(
    centre: NDArray[np.float64], radius: NDArray[np.float64], photo: int, plane: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and one-past-last plane pixel, along one axis, whose centres lie in [centre - radius, centre + radius)."""
    scale = plane / photo
    # Rounding to a millionth of a pixel keeps one hint on two copies of a photo from falling to different sides of a
    # pixel's centre through float noise.
    first = np.ceil(np.round((centre - radius) * scale, 6) - 0.5)
    last = np.ceil(np.round((centre + radius) * scale, 6) - 0.5)
    home = np.floor(np.round(centre * scale, 6))
    empty = last <= first
    first = np.clip(np.where(empty, home, first), 0, plane - 1)
    last = np.clip(np.where(empty, home + 1, last), 1, plane)
    return first.astype(np.int64), np.maximum(last, first + 1).astype(np.int64)


def _medians(plane: NDArray[np.float32], boxes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Median of ``plane`` under each box, boxes of one shape at a time."""
    out = np.empty(len(boxes), np.float32)
    if len(boxes) <= _FEW:
        for index, (top, bottom, left, right) in enumerate(boxes.tolist()):
            out[index] = np.median(plane[top:bottom, left:right])
        return out
    heights, widths = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    for height, width in np.unique(np.stack([heights, widths], axis=1), axis=0).tolist():
        chosen = np.flatnonzero((heights == height) & (widths == width))
        step = max(1, (1 << 22) // (height * width))
        for start in range(0, len(chosen), step):
            part = chosen[start : start + step]
            rows = boxes[part, 0, None, None] + np.arange(height)[None, :, None]
            columns = boxes[part, 2, None, None] + np.arange(width)[None, None, :]
            out[part] = np.median(plane[rows, columns].reshape(len(part), -1), axis=1)
    return out
