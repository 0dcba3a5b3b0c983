"""Regions: a polygon that gets a colour, keeps its present colours, or keeps the photo's own.

A region reaches the result in two ways: as hints spread inside it, which the network reads and continues over edges and
textures, and as a soft mask, with which the colorizer composites.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from irodori.errors import HintError
from irodori.hints.points import DEFAULT_RADIUS, MAX_AB, Hint, colour, number, shown, text

KINDS = ("colour", "protect", "original")
MAX_REGIONS = 256
MAX_CORNERS = 4096
MAX_INSIDE = 256
"""The most hints that one region spreads."""

_OVERLAP = 1.1  # side of a square in units of the distance to the next
_SPACING = 0.04  # distance between a region's hints, as a share of the photo's short side
_SUBROWS = 4  # scan lines per pixel row


@dataclass(frozen=True)
class Region:
    """A polygon on the photo and what to do inside it (even-odd rule, closed by itself).

    ``polygon``: at least 3 corners (x, y) in photo pixels. ``kind``: ``"colour"`` gives the inside the colour ``rgb``
    ("#rrggbb") or ``ab`` (exactly one of them); ``"protect"`` pins the colours that the inside has now, sampled as
    ``pins`` (x, y, a, b), or one colour as ``rgb`` or ``ab``; ``"original"`` keeps the colours of the photo itself.
    Raises HintError, naming the field, for anything else.
    """

    polygon: tuple[tuple[float, float], ...]
    kind: str = "colour"
    rgb: str | None = None
    ab: tuple[float, float] | None = None
    id: str | None = None
    note: str = ""
    pins: tuple[tuple[float, float, float, float], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "polygon", _corners(self.polygon))
        if not isinstance(self.kind, str) or self.kind not in KINDS:
            raise HintError(f"kind: expected {', '.join(KINDS[:-1])} or {KINDS[-1]}, got {shown(self.kind)}")
        rgb, ab = colour(self.rgb, self.ab)
        if self.kind == "colour" and rgb is None and ab is None:
            raise HintError("rgb: expected a colour for a region of kind colour, as rgb or as ab, got neither")
        if self.kind == "original" and (rgb is not None or ab is not None):
            raise HintError(f"{'rgb' if ab is None else 'ab'}: a region of kind original has no colour of its own")
        object.__setattr__(self, "rgb", rgb)
        object.__setattr__(self, "ab", ab)
        text(self.id, "id", optional=True)
        text(self.note, "note")
        pins = _pins(self.pins)
        if pins and self.kind != "protect":
            raise HintError(f"pins: only a region of kind protect pins colours, this one is of kind {self.kind}")
        object.__setattr__(self, "pins", pins)

    def check(self, photo_size: tuple[int, int]) -> None:
        """Raise HintError if a corner or pin lies outside a photo of (height, width); its border belongs to it."""
        height, width = photo_size
        places = [(f"polygon[{index}]", corner) for index, corner in enumerate(self.polygon)]
        places += [(f"pins[{index}]", pin[:2]) for index, pin in enumerate(self.pins)]
        for name, (x, y) in places:
            if not (0 <= x <= width and 0 <= y <= height):
                raise HintError(
                    f"{name}: expected a place inside the photo of {width} x {height} pixels, got ({x:g}, {y:g})"
                )


def hints_inside(
    region: Region,
    photo_size: tuple[int, int],
    ab: NDArray[np.floating[Any]] | None = None,
    most: int = MAX_INSIDE,
) -> tuple[Hint, ...]:
    """Spread hints over the inside of a region: at most ``most``, at least one, none of them over its border.

    They carry the region's colour. A protect region with pins gives its pins. Without a colour of its own (protect
    without pins, original) the colours are read from ``ab`` ``(h, w, 2)``, a plane over the whole photo of
    ``photo_size`` (H, W); without that plane there are no hints.
    """
    if region.pins:
        height, width = photo_size
        return tuple(
            Hint(_below(x, width), _below(y, height), ab=(a, b), id=region.id) for x, y, a, b in region.pins[:most]
        )
    own = region.rgb is not None or region.ab is not None
    if most < 1 or (not own and ab is None):
        return ()
    hints = []
    for x, y, radius in _places(region.polygon, (photo_size[0], photo_size[1]), most):
        if own:
            hints.append(Hint(x, y, radius, rgb=region.rgb, ab=region.ab, id=region.id))
        elif ab is not None:
            row = min(int(y / photo_size[0] * ab.shape[0]), ab.shape[0] - 1)
            column = min(int(x / photo_size[1] * ab.shape[1]), ab.shape[1] - 1)
            here = np.clip(ab[row, column], -MAX_AB, MAX_AB)
            hints.append(Hint(x, y, radius, ab=(float(here[0]), float(here[1])), id=region.id))
    return tuple(hints)


def mask(
    region: Region, plane: tuple[int, int], photo_size: tuple[int, int], feather: float = 0.0
) -> NDArray[np.float32]:
    """Draw a region as a soft mask on a plane of size (h, w): float32 ``(h, w)``, 1 inside, 0 outside.

    Pixels on the border get the share of them that lies inside. ``feather`` (photo pixels) is the width of the soft
    border, half of it inside: the mask is a half on the polygon's line. Photo borders are not feathered.
    """
    height, width = plane
    scale = np.array([width / photo_size[1], height / photo_size[0]])
    covered = _coverage(np.array(region.polygon) * scale, height, width)
    for axis, factor in ((0, scale[1]), (1, scale[0])):
        radius = feather * factor / 4 - 0.5  # two boxes of half the width each make a soft, symmetric ramp
        if radius > 0:
            covered = _box(_box(covered, radius, axis), radius, axis)
    result: NDArray[np.float32] = np.clip(covered, 0, 1).astype(np.float32)
    return result


def contains(polygon: NDArray[np.floating[Any]], points: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Say which points ``(n, 2)`` (x, y) lie inside a polygon ``(m, 2)`` by the even-odd rule."""
    inside = np.zeros(len(points), np.bool_)
    x, y = points[:, 0], points[:, 1]
    for (x0, y0), (x1, y1) in zip(polygon.tolist(), np.roll(polygon, -1, axis=0).tolist(), strict=True):
        if y0 != y1:
            crossed = (y0 <= y) != (y1 <= y)
            inside ^= crossed & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside


def _corners(value: object) -> tuple[tuple[float, float], ...]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (tuple, list)) or not 3 <= len(value) <= MAX_CORNERS:
        got = f"{len(value)} corners" if isinstance(value, (tuple, list)) else shown(value)
        raise HintError(f"polygon: expected 3 to {MAX_CORNERS} corners (x, y), got {got}")
    return tuple(
        (_coordinate(x, f"polygon[{index}].x"), _coordinate(y, f"polygon[{index}].y"))
        for index, (x, y) in ((index, _row(corner, 2, f"polygon[{index}]")) for index, corner in enumerate(value))
    )


def _pins(value: object) -> tuple[tuple[float, float, float, float], ...]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (tuple, list)) or len(value) > MAX_INSIDE:
        got = f"{len(value)}" if isinstance(value, (tuple, list)) else shown(value)
        raise HintError(f"pins: expected at most {MAX_INSIDE} pins (x, y, a, b), got {got}")
    rows = []
    for index, pin in enumerate(value):
        name = f"pins[{index}]"
        x, y, a, b = _row(pin, 4, name)
        rows.append(
            (
                _coordinate(x, f"{name}.x"),
                _coordinate(y, f"{name}.y"),
                number(a, f"{name}.a", -MAX_AB, MAX_AB),
                number(b, f"{name}.b", -MAX_AB, MAX_AB),
            )
        )
    return tuple(rows)


def _row(value: object, length: int, name: str) -> list[object]:
    if not isinstance(value, (tuple, list)) or len(value) != length:
        raise HintError(f"{name}: expected {length} numbers, got {shown(value)}")
    return list(value)


def _coordinate(value: object, name: str) -> float:
    return number(value, name, 0, math.inf)


def _below(value: float, limit: int) -> float:
    """A coordinate on the photo's far border -> the last place inside."""
    return min(value, math.nextafter(limit, 0))


@lru_cache(maxsize=128)
def _places(
    polygon: tuple[tuple[float, float], ...], photo_size: tuple[int, int], most: int
) -> tuple[tuple[float, float, float], ...]:
    """Centres and radii (x, y, radius) of squares inside the polygon, on a grid of at most ``most`` places.

    Remembered, because regions stand still while a hint is dragged.
    """
    corners = np.array(polygon)
    short = min(photo_size)
    wanted = max(DEFAULT_RADIUS * short, 0.5)
    low, high = corners.min(axis=0), corners.max(axis=0)
    spacing = max(_SPACING * short, 1.0, math.sqrt(float(np.prod(high - low)) / most))
    while True:
        counts = np.maximum(np.ceil((high - low) / spacing), 1).astype(int)
        steps = [low[axis] + (np.arange(counts[axis]) + 0.5) * ((high - low)[axis] / counts[axis]) for axis in (0, 1)]
        grid = np.stack(np.meshgrid(steps[0], steps[1]), axis=-1).reshape(-1, 2)
        grid = grid[contains(corners, grid)]
        if len(grid) <= most:
            break
        spacing *= 1.1
    if not len(grid):
        grid = _deepest(corners)
    grid = np.clip(grid, 0, [math.nextafter(photo_size[1], 0), math.nextafter(photo_size[0], 0)])
    # A square of this radius stays inside the polygon when the nearest border is radius * sqrt(2) away.
    room = _border_distance(corners, grid) / math.sqrt(2)
    fits = room >= min(wanted, float(room.max()))
    # Squares that overlap a little leave no lattice of gaps, which would show in the colours.
    radii = np.clip(room[fits], 1e-3, max(wanted, _OVERLAP * float(((high - low) / counts).max()) / 2))
    return tuple((x, y, radius) for (x, y), radius in zip(grid[fits].tolist(), radii.tolist(), strict=True))


def _deepest(polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """A point inside a polygon too thin for the grid ``(1, 2)``: the middle of its widest horizontal chord."""
    best, place = -1.0, polygon.mean(axis=0)
    heights = np.unique(polygon[:, 1])
    following = np.roll(polygon, -1, axis=0)
    for y in ((heights[1:] + heights[:-1]) / 2)[:: max(1, len(heights) // 64)]:
        low, high = np.minimum(polygon[:, 1], following[:, 1]), np.maximum(polygon[:, 1], following[:, 1])
        edges = (low <= y) & (y < high)
        start, stop = polygon[edges], following[edges]
        crossings = np.sort(start[:, 0] + (stop - start)[:, 0] * (y - start[:, 1]) / (stop - start)[:, 1])
        for left, right in zip(crossings[::2], crossings[1::2], strict=False):
            if right - left > best:
                best, place = right - left, np.array([(left + right) / 2, y])
    return np.asarray(place, dtype=np.float64).reshape(1, 2)


def _border_distance(polygon: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each point ``(n, 2)`` to the nearest edge of the polygon."""
    nearest = np.full(len(points), np.inf)
    for start, stop in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        along = stop - start
        length = float(along @ along)
        share = np.clip((points - start) @ along / length, 0, 1) if length > 0 else np.zeros(len(points))
        nearest = np.minimum(nearest, np.hypot(*(points - start - share[:, None] * along).T))
    return nearest


def _coverage(polygon: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Share of each pixel of ``(height, width)`` inside the polygon: exact along rows, _SUBROWS scan lines per row."""
    following = np.roll(polygon, -1, axis=0)
    rows: list[NDArray[np.int64]] = []
    crossings: list[NDArray[np.float64]] = []
    for (x0, y0), (x1, y1) in zip(polygon.tolist(), following.tolist(), strict=True):
        # Scan line k runs at y = (k + 0.5) / _SUBROWS; the edge crosses those with low <= y < high.
        first = max(0, math.ceil(min(y0, y1) * _SUBROWS - 0.5))
        last = min(height * _SUBROWS, math.ceil(max(y0, y1) * _SUBROWS - 0.5))
        if last > first:
            lines = np.arange(first, last)
            rows.append(lines)
            crossings.append(x0 + (x1 - x0) * ((lines + 0.5) / _SUBROWS - y0) / (y1 - y0))
    steps = np.zeros((height, width + 2))
    if rows:
        line, x = np.concatenate(rows), np.concatenate(crossings)
        order = np.lexsort((x, line))
        line, x = line[order], np.clip(x[order], 0, width)
        # Along each scan line crossings enter and leave by turns (every line is crossed an even number of times).
        sign = np.where(np.arange(len(x)) % 2 == 0, 1.0, -1.0) / _SUBROWS
        column = np.floor(x).astype(np.int64)
        part = x - column
        np.add.at(steps, (line // _SUBROWS, column), sign * (1 - part))
        np.add.at(steps, (line // _SUBROWS, column + 1), sign * part)
    covered: NDArray[np.float64] = steps.cumsum(axis=1)[:, :width]
    return covered


def _box(values: NDArray[np.float64], radius: float, axis: int) -> NDArray[np.float64]:
    """Mean over [-radius, radius] pixels (and half a pixel more at both ends) along an axis; edges repeat."""
    whole = math.floor(radius)
    part = radius - whole
    along = np.moveaxis(values, axis, 0)
    padded = np.concatenate([np.repeat(along[:1], whole + 1, 0), along, np.repeat(along[-1:], whole + 1, 0)])
    sums = np.concatenate([np.zeros_like(padded[:1]), padded.cumsum(axis=0)])
    count = len(along)
    inner = sums[2 * whole + 2 : 2 * whole + 2 + count] - sums[1 : 1 + count]
    ends = padded[:count] + padded[2 * whole + 2 : 2 * whole + 2 + count]
    mean = np.moveaxis((inner + part * ends) / (2 * radius + 1), 0, axis)
    return np.asarray(mean, dtype=np.float64)
