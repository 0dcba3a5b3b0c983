"""Shrinking (and enlarging) one float plane with a triangle filter: antialiased, pixel centres aligned, edges clamped.

This is the filter that Pillow calls BILINEAR and torch ``interpolate(mode="bilinear", antialias=True)``, so the network
sees in use what it saw in training. NumPy only, exact and deterministic; the plane may be handed over in strips.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = Callable[[int, int], NDArray[np.float32]]

_STRIP = 1 << 21  # pixels asked for at once


def weights(full: int, small: int) -> tuple[NDArray[np.intp], NDArray[np.intp], list[NDArray[np.float32]]]:
    """For each of ``small`` outputs over ``full`` inputs: the first and past-last of its inputs, and their weights."""
    scale = full / small
    support = max(scale, 1.0)
    centres = (np.arange(small) + 0.5) * scale
    first = np.maximum(np.floor(centres - support + 0.5), 0).astype(np.intp)
    last = np.minimum(np.floor(centres + support + 0.5), full).astype(np.intp)
    table = []
    for centre, start, stop in zip(centres, first, last, strict=True):
        taps = 1 - np.abs(np.arange(start, stop) + 0.5 - centre) / support
        taps = np.maximum(taps, 0)
        table.append((taps / taps.sum()).astype(np.float32))
    return first, last, table


def resize_rows(rows: Rows, size: tuple[int, int], height: int, width: int) -> NDArray[np.float32]:
    """Resize a plane of ``size`` (H, W) that ``rows(y0, y1)`` hands over in strips to ``(height, width)`` float32.

    ``rows`` is asked for every row once, from the top to the bottom.
    """
    full_height, full_width = size
    first, last, table = weights(full_height, height)
    narrow = np.zeros((height, full_width), np.float32)
    step = max(1, _STRIP // full_width)
    for y0 in range(0, full_height, step):
        y1 = min(y0 + step, full_height)
        strip = rows(y0, y1)
        # `first` and `last` rise, so the outputs that these rows reach are neighbours.
        for y in range(int(np.searchsorted(last, y0, "right")), int(np.searchsorted(first, y1, "left"))):
            top, bottom = max(int(first[y]), y0), min(int(last[y]), y1)
            narrow[y] += table[y][top - first[y] : bottom - first[y]] @ strip[top - y0 : bottom - y0]
    first, last, table = weights(full_width, width)
    out = np.empty((height, width), np.float32)
    for x in range(width):
        out[:, x] = narrow[:, first[x] : last[x]] @ table[x]
    return out


def resize(plane: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resize ``plane`` (H, W) float32 to ``(height, width)`` float32."""
    plane = np.asarray(plane, np.float32)
    return resize_rows(lambda y0, y1: plane[y0:y1], (plane.shape[0], plane.shape[1]), height, width)
