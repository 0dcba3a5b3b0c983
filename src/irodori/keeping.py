"""What regions keep: the photo's own colours (``original``) or pinned ones (``protect``), laid over the network's ab.

It happens in the network's plane, before the guided filter, so the editor's preview and the full-size result agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from irodori.color import gamut
from irodori.errors import HintError
from irodori.hints import points, regions
from irodori.hints.points import Hint
from irodori.hints.regions import Region

Float32 = NDArray[np.float32]
Indices = NDArray[np.intp]
Kept = tuple[Indices, Indices, Float32, Float32]
"""Rows ``(n,)`` and columns ``(n,)`` of the plane, how much is kept ``(n, 1)`` 0..1, and the colours ``(n, 2)``."""
Memory = dict[Region, Kept]
"""What has been worked out for one photo: it depends on the region and the photo, not on the hints."""

_FEATHER = 0.012  # width of a region's soft border, as a share of the photo's short side
_PIN_REACH = 0.06  # how far a pin reaches, as a share of the plane's short side
_PIN_LIGHTNESS = 8.0  # how unlike in L* a place may be before a pin counts half there
_MOST = 64  # regions remembered
_STRIP = 4096  # pixels compared with all pins at once


def original_hints(wanted: Sequence[Region], photo_size: tuple[int, int], own_ab: Float32 | None) -> tuple[Hint, ...]:
    """Hints with the photo's own colours inside its ``original`` regions, so that the surroundings fit to them.

    ``own_ab`` ``(h, w, 2)`` is the photo's own ab, None for a grey photo: then an ``original`` region raises HintError.
    """
    hints: list[Hint] = []
    for index, region in enumerate(wanted):
        if region.kind == "original":
            if own_ab is None:
                raise HintError(f"regions[{index}].kind: this photo is grey, it has no original colours to keep")
            hints += regions.hints_inside(region, photo_size, own_ab)
    return tuple(hints)


def composite(
    ab: Float32,
    wanted: Sequence[Region],
    lightness: Float32,
    own_ab: Float32 | None,
    photo_size: tuple[int, int],
    memory: Memory,
) -> None:
    """Lay what the regions keep over ``ab`` ``(h, w, 2)``, in place, softly at their borders; later regions win.

    Args:
        ab: the network's answer, a*, b*.
        wanted: all regions of the edits; those of kind ``colour`` are hints only and left alone here.
        lightness: ``(h, w)`` L*.
        own_ab: ``(h, w, 2)`` the photo's own ab, or None.
        photo_size: (H, W) that the regions' coordinates mean.
        memory: filled and used again by later calls for the same photo.

    Raises:
        HintError: for a ``protect`` region without any colours.
    """
    for index, region in enumerate(wanted):
        if region.kind == "colour":
            continue
        if region.kind == "protect" and not region.pins and region.rgb is None and region.ab is None:
            raise HintError(f"regions[{index}].pins: a protect region needs the colours that it protects")
        kept = memory.get(region)
        if kept is None:
            if len(memory) >= _MOST:
                memory.clear()
            kept = memory[region] = _kept(region, lightness, own_ab, photo_size)
        rows, columns, share, colours = kept
        ab[rows, columns] += share * (colours - ab[rows, columns])


def _kept(region: Region, lightness: Float32, own_ab: Float32 | None, photo_size: tuple[int, int]) -> Kept:
    size = (lightness.shape[0], lightness.shape[1])
    mask = regions.mask(region, size, photo_size, _FEATHER * min(photo_size))
    rows, columns = np.nonzero(mask)
    levels = lightness[rows, columns]
    if region.kind == "original" and own_ab is not None:
        colours = own_ab[rows, columns]
    elif region.pins:
        colours = gamut.to_gamut(levels, _from_pins(region, lightness, photo_size, rows, columns))
    else:
        one = points.chroma([Hint(0, 0, rgb=region.rgb, ab=region.ab)])
        colours = gamut.to_gamut(levels, np.repeat(one, len(rows), axis=0))
    return rows, columns, mask[rows, columns, None], colours


def _from_pins(
    region: Region, lightness: Float32, photo_size: tuple[int, int], rows: Indices, columns: Indices
) -> Float32:
    """Colours ``(n, 2)`` of plane pixels from a region's pins, weighted by distance and by likeness of lightness."""
    height, width = lightness.shape
    pins = np.array(region.pins, dtype=np.float32)
    x = pins[:, 0] * np.float32(width / photo_size[1])
    y = pins[:, 1] * np.float32(height / photo_size[0])
    levels = lightness[np.clip(y.astype(int), 0, height - 1), np.clip(x.astype(int), 0, width - 1)]
    reach = np.float32(_PIN_REACH * min(height, width))
    colours = np.empty((len(rows), 2), np.float32)
    for start in range(0, len(rows), _STRIP):
        part = slice(start, start + _STRIP)
        row, column = rows[part, None], columns[part, None]
        across = (column.astype(np.float32) + np.float32(0.5) - x) / reach
        down = (row.astype(np.float32) + np.float32(0.5) - y) / reach
        squared = across * across + down * down
        unlike = (lightness[row, column] - levels) / np.float32(_PIN_LIGHTNESS)
        weight = 1 / ((np.float32(1e-3) + squared * squared) * (1 + unlike * unlike))
        colours[part] = (weight @ pins[:, 2:]) / weight.sum(axis=1, keepdims=True)
    return colours
