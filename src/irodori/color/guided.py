"""Colour from network size to full size along the photo's own edges: the fast guided filter.

On small planes (ab and L) a local linear model ab = A * L + B is fitted around every pixel; its coefficient planes are
enlarged and evaluated on the full-size L. So edges of the photo become edges of the colour. Four planes are all that the
editor's page needs for every zoom: a shader evaluates the same formula as :func:`apply`.

Sources: He, Sun and Tang, "Guided Image Filtering" (2013); He and Sun, "Fast Guided Filter" (2015).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

RADIUS = 1
EPS = 4.0

_STRIP = 1 << 17  # full-size pixels worked on at once


def coefficients(
    ab: NDArray[np.floating[Any]],
    lightness: NDArray[np.floating[Any]],
    radius: int = RADIUS,
    eps: float = EPS,
) -> NDArray[np.float32]:
    """Fit ab = A * L + B around every small pixel: ab ``(h, w, 2)`` and L* ``(h, w)`` -> ``(h, w, 4)`` float32.

    The planes are A_a, B_a, A_b, B_b. ``radius`` (small pixels) is the window's, ``eps`` (squared L*) damps the slope where
    L hardly varies.
    """
    small = np.asarray(ab, dtype=np.float32)
    guide = np.asarray(lightness, dtype=np.float32)
    if small.ndim != 3 or small.shape[2] != 2 or guide.shape != small.shape[:2]:
        raise ValueError(f"ab and lightness: expected (h, w, 2) and (h, w), got {small.shape} and {guide.shape}")
    if radius < 1 or not eps > 0:
        raise ValueError(f"radius and eps: expected at least 1 and more than 0, got {radius} and {eps}")
    mean_l = _mean(guide, radius)
    variance = _mean(guide * guide, radius) - mean_l * mean_l
    out = np.empty((*guide.shape, 4), np.float32)
    for channel in range(2):
        colour = small[..., channel]
        mean_c = _mean(colour, radius)
        covariance = _mean(guide * colour, radius) - mean_l * mean_c
        slope = covariance / (variance + np.float32(eps))
        out[..., 2 * channel] = _mean(slope, radius)
        out[..., 2 * channel + 1] = _mean(mean_c - slope * mean_l, radius)
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
    """Enlarge ab ``(h, w, 2)`` to ``(height, width, 2)`` bilinearly (pixel centres aligned, edges repeated); the baseline."""
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
    return upper


def _places(
    start: int, count: int, full: int, small: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """For ``count`` full-size pixels from ``start``: the two small pixels between which each lies, and the second's share."""
    place = np.clip((np.arange(start, start + count) + 0.5) * (small / full) - 0.5, 0, small - 1)
    before = np.floor(place).astype(np.int64)
    return before, np.minimum(before + 1, small - 1), (place - before).astype(np.float32)


def _mean(plane: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Mean over squares of 2 * radius + 1 pixels; at the edges over the part that lies inside."""
    out = plane.astype(np.float64)
    for axis in (0, 1):
        length = out.shape[axis]
        sums = np.concatenate([np.zeros_like(out.take([0], axis)), out.cumsum(axis)], axis)
        last = np.minimum(np.arange(length) + radius + 1, length)
        first = np.maximum(np.arange(length) - radius, 0)
        shape = (-1, 1) if axis == 0 else (1, -1)
        out = (sums.take(last, axis) - sums.take(first, axis)) / (last - first).reshape(shape)
    return out.astype(np.float32)
