"""Colour from network size to full size along the photo's own edges: a fast guided filter that loses nothing.

On small planes (ab and L) a local linear model ab = A * L + B is fitted around every pixel; its coefficient planes are
enlarged bilinearly and evaluated on the full-size L, so that edges of the photo become edges of the colour. Four planes
are all that the editor's page needs at every zoom: a shader evaluates the same formula as :func:`apply`.

The filter of He and Sun ("Fast Guided Filter", 2015) averages A and B over windows, which blurs colour: brought back
from a quarter of the size it is 2.5 dB *worse* than plain bilinear enlargement. Three changes turn that into a gain
(measured in docs and in benchmarks/guided.py):

* the slope A counts only as far as L explains ab here (times the squared correlation);
* B is not averaged but solved for: each small pixel is the mean of the full-size pixels below it, and the result's mean
  shall be the ab that was given. For bilinear enlargement this means the inverse of the filter (1/8, 3/4, 1/8);
* that inverse may overshoot its neighbours by a quarter of their range at most, so no halos stand beside edges.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

EPS = 3.0
"""Damping of the slope where L hardly varies, in squared units of L*."""

GAIN = 0.7
"""Share of the fitted slope that is used: detail finer than the small planes follows L less than coarse detail does."""

MAX_SLOPE = 3.0
"""Largest slope |A|: bounds what noise in L can do to the colours, and the rounding of planes sent as float16."""

_WINDOW = np.float32(0.15)  # weights (w, 1 - 2 w, w) of the window in which the slope is fitted
_SMOOTH = np.float32(0.25)  # ... of the smoothing of the slope
_ENLARGED = np.float32(1 / 8)  # ... of bilinear enlargement followed by the mean over each small pixel
_INVERSE = (np.float32(-0.22), np.float32(0.03))  # weights at distance 1 and 2 of the inverse of that
_OVERSHOOT = np.float32(0.25)
_REACH = 8  # rows beyond a band that can have a say in it: all the filters together reach 6
_BAND = 64  # rows below which a band is not worth a thread of its own
_STRIP = 1 << 17  # full-size pixels worked on at once


def coefficients(
    ab: NDArray[np.floating[Any]],
    lightness: NDArray[np.floating[Any]],
    eps: float = EPS,
    gain: float = GAIN,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Fit ab = A * L + B around every small pixel: ab ``(h, w, 2)`` and L* ``(h, w)`` -> ``(h, w, 4)`` float32.

    The planes are A_a, B_a, A_b, B_b. ``lightness`` must be the full-size L shrunk by averaging. ``eps`` (squared L*,
    more than 0) and ``gain`` (0: sharp bilinear enlargement without a guide) trade detail against noise. ``threads``
    bands of rows are worked on at once; the result does not depend on their number.
    """
    if ab.ndim != 3 or ab.shape[2] != 2 or lightness.shape != ab.shape[:2]:
        raise ValueError(f"ab and lightness: expected (h, w, 2) and (h, w), got {ab.shape} and {lightness.shape}")
    if not eps > 0 or not gain >= 0:
        raise ValueError(f"eps and gain: expected more than 0 and at least 0, got {eps} and {gain}")
    colour = np.moveaxis(ab, 2, 0).astype(np.float32, order="C")
    guide = np.asarray(lightness, dtype=np.float32)
    height = guide.shape[0]
    bands = max(1, min(threads, height // _BAND))
    if bands == 1:
        return _fitted(colour, guide, eps, gain)
    out = np.empty((*guide.shape, 4), np.float32)

    def work(band: int) -> None:
        start, stop = height * band // bands, height * (band + 1) // bands
        top = max(0, start - _REACH)
        rows = slice(top, min(height, stop + _REACH))
        out[start:stop] = _fitted(colour[:, rows], guide[rows], eps, gain)[start - top : stop - top]

    with ThreadPoolExecutor(bands) as pool:
        list(pool.map(work, range(bands)))
    return out


def _fitted(colour: NDArray[np.float32], guide: NDArray[np.float32], eps: float, gain: float) -> NDArray[np.float32]:
    """Do the work of :func:`coefficients` for a ``(2, h, w)`` and L* ``(h, w)``."""
    light = guide - np.float32(50)  # products of smaller numbers lose less in float32
    products = np.empty((8, *guide.shape), np.float32)  # L, a, b, LL, La, Lb, aa, bb
    products[0] = light
    products[1:3] = colour
    np.multiply(light, products[:3], out=products[3:6])
    np.multiply(colour, colour, out=products[6:])
    means = _smooth(products, _WINDOW)
    variance = np.maximum(means[3] - means[0] * means[0], 0) + np.float32(eps)
    covariance = means[4:6] - means[0] * means[1:3]
    spread = np.maximum(means[6:] - means[1:3] * means[1:3], 0) + np.float32(1)
    slope = covariance / variance
    slope *= np.float32(gain) * np.minimum(covariance * slope / spread, 1)  # times the squared correlation
    np.clip(slope, -MAX_SLOPE, MAX_SLOPE, out=slope)
    slope = _smooth(slope, _SMOOTH)
    out = np.empty((*guide.shape, 4), np.float32)
    out[..., 0::2] = np.moveaxis(slope, 0, 2)
    wanted = colour - _smooth(slope, _ENLARGED) * guide
    out[..., 1::2] = np.moveaxis(_bounded(_sharpened(wanted), wanted), 0, 2)
    return out


def apply(coefficients: NDArray[np.float32], lightness: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Evaluate coefficient planes ``(h, w, 4)`` on full-size L* ``(H, W)`` -> ab ``(H, W, 2)`` float32.

    The planes are enlarged bilinearly (pixel centres aligned, edges repeated), then ab = A * L + B.
    """
    return apply_rows(coefficients, lightness, 0, lightness.shape[0])


def apply_rows(
    coefficients: NDArray[np.float32],
    lightness_rows: NDArray[np.floating[Any]],
    row_start: int,
    full_height: int,
) -> NDArray[np.float32]:
    """Do as :func:`apply` for a strip of rows of a picture: L* ``(n, W)`` of the rows from ``row_start`` on.

    ``full_height`` is the whole picture's height. -> ab ``(n, W, 2)`` float32, equal to those rows of the whole.
    """
    if coefficients.ndim != 3 or coefficients.shape[2] != 4 or lightness_rows.ndim != 2:
        raise ValueError(
            f"coefficients and lightness: expected (h, w, 4) and (n, W), got {coefficients.shape} and"
            f" {lightness_rows.shape}"
        )
    count, width = lightness_rows.shape
    if not 0 <= row_start <= row_start + count <= full_height:
        raise ValueError(f"row_start: expected rows inside 0..{full_height}, got {row_start}..{row_start + count}")
    out = np.empty((count, width, 2), np.float32)
    step = max(1, _STRIP // max(1, width))
    for start in range(0, count, step):
        light = np.asarray(lightness_rows[start : start + step], dtype=np.float32)
        planes = _enlarged(coefficients, row_start + start, len(light), full_height, width)
        for channel in range(2):
            slope = planes[2 * channel]
            slope *= light
            np.add(slope, planes[2 * channel + 1], out=out[start : start + step, :, channel])
    return out


def bilinear(ab: NDArray[np.floating[Any]], height: int, width: int) -> NDArray[np.float32]:
    """Enlarge ab ``(h, w, 2)`` bilinearly to ``(height, width, 2)`` (centres aligned, edges repeated): the baseline."""
    small = np.asarray(ab, dtype=np.float32)
    out = np.empty((height, width, 2), np.float32)
    step = max(1, _STRIP // max(1, width))
    for start in range(0, height, step):
        planes = _enlarged(small, start, min(step, height - start), height, width)
        out[start : start + step] = np.moveaxis(planes, 0, 2)
    return out


def _enlarged(small: NDArray[np.float32], start: int, count: int, height: int, width: int) -> NDArray[np.float32]:
    """Rows ``start`` .. ``start + count`` of ``small`` (h, w, c) enlarged to (height, width): (c, count, width)."""
    top, bottom, down = _places(start, count, height, small.shape[0])
    left, right, across = _places(0, width, width, small.shape[1])
    first = top[0]
    needed = np.moveaxis(small[first : bottom[-1] + 1], 2, 0)
    # Along the rows first, on the few small rows that the strip needs; then between those rows.
    wide = np.take(needed, left, axis=2)
    wide += (np.take(needed, right, axis=2) - wide) * across
    upper = np.take(wide, top - first, axis=1)
    lower = np.take(wide, bottom - first, axis=1)
    lower -= upper
    lower *= down[:, None]
    upper += lower
    result: NDArray[np.float32] = upper
    return result


def _places(
    start: int, count: int, full: int, small: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The two small pixels between which each of ``count`` full-size pixels lies, and the second's share."""
    place = np.clip((np.arange(start, start + count) + 0.5) * (small / full) - 0.5, 0, small - 1)
    before = np.floor(place).astype(np.int64)
    return before, np.minimum(before + 1, small - 1), (place - before).astype(np.float32)


def _smooth(planes: NDArray[np.float32], weight: np.float32) -> NDArray[np.float32]:
    """Filter planes ``(c, h, w)`` in place with (weight, 1 - 2 weight, weight) along rows and columns; edges repeat."""
    part = np.empty(planes.shape[1:], np.float32)
    for plane in planes:
        for target, source in ((plane, part), (plane.T, part.T)):
            np.multiply(target, weight, out=source)
            target *= 1 - 2 * weight
            target[1:] += source[:-1]
            target[:-1] += source[1:]
            target[0] += source[0]
            target[-1] += source[-1]
    return planes


def _sharpened(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo, along rows and columns of ``(c, h, w)``, the blur of bilinear enlargement; edges are mirrored."""
    near, far = _INVERSE
    for axis in (1, 2):
        if planes.shape[axis] < 2:
            continue  # one pixel has no neighbours to be sharpened against
        padding = [(0, 0)] * 3
        padding[axis] = (2, 2)
        padded = np.moveaxis(np.pad(planes, padding, mode="symmetric"), axis, 0)
        planes = planes * (1 - 2 * near - 2 * far)
        target = np.moveaxis(planes, axis, 0)
        target += (padded[1:-3] + padded[3:-1]) * near
        target += (padded[:-4] + padded[4:]) * far
    return planes


def _bounded(sharp: NDArray[np.float32], planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keep ``sharp`` within the range of the 3 x 3 pixels of ``planes`` around it and a share of that range beyond."""
    lowest, highest = planes, planes
    for axis in (1, 2):
        lowest, highest = _extreme(np.minimum, lowest, axis), _extreme(np.maximum, highest, axis)
    room = (highest - lowest) * _OVERSHOOT
    result: NDArray[np.float32] = np.clip(sharp, lowest - room, highest + room)
    return result


def _extreme(function: np.ufunc, planes: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Smallest or largest of each pixel and its two neighbours along an axis."""
    out = planes.copy()
    source, target = np.moveaxis(planes, axis, 0), np.moveaxis(out, axis, 0)
    function(target[1:], source[:-1], out=target[1:])
    function(target[:-1], source[1:], out=target[:-1])
    return out
