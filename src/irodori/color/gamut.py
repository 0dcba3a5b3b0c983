"""What a screen can show: the sRGB gamut in Lab, and bringing a colour into it.

A colour outside the gamut keeps its L* and its hue and gives up chroma, so the result's lightness stays the photo's.
Seen from the grey axis every hue of the sRGB gamut is one unbroken stretch (but for a sliver beside pure yellow, hue
101-105 degrees at L* 95-97.5), hence "scale ab until it fits" has one answer; it is found by bisection, for the pixels
outside only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from irodori.color import lab

_STRIP = 1 << 15
_TOLERANCE = np.float32(4e-6)  # of linear light: float32 noise at black and white; 1000 times finer than a step of L
_STEPS = 8  # bisection to 1 part in 256; the secant behind it leaves 1 part in 1,000 at worst, mostly 1 in 100,000
_AIM = _TOLERANCE / 2  # of the secant
_SURE = _TOLERANCE * np.float32(0.75)  # inside however it is rounded (that depends on how many pixels are looked at)
_BACK = tuple(2.0**-n for n in range(13, -1, -1))  # steps back for the few that are not; the last leads to grey
_WIDEST = 150.0  # more chroma than any sRGB colour has (134.2, blue)


def in_gamut(lightness: ArrayLike, ab: ArrayLike) -> NDArray[np.bool_]:
    """Say which colours sRGB can show: L* ``(...)`` 0..100 and ab ``(..., 2)`` -> bool ``(...)`` (they broadcast)."""
    light, chroma, shape = _flat(lightness, ab)
    out = np.empty(len(light), np.bool_)
    for start in range(0, len(light), _STRIP):
        strip = slice(start, start + _STRIP)
        out[strip] = _inside(_cube_roots(light[strip]), chroma[strip].T)
    return out.reshape(shape)


def to_gamut(lightness: ArrayLike, ab: ArrayLike) -> NDArray[np.float32]:
    """Bring colours into the sRGB gamut: L* ``(...)`` and ab ``(..., 2)`` -> ab ``(..., 2)`` float32 (they broadcast).

    Colours inside are returned bit for bit; of the others chroma is scaled down, L* and hue stay. L* is taken as 0..100
    (what lies beyond is treated as black or white). At L* 0 and 100 only grey remains (chroma < 0.02). What is returned
    is inside, as :func:`in_gamut` sees it.
    """
    light, chroma, shape = _flat(lightness, ab)
    out = chroma.copy() if np.may_share_memory(chroma, np.asarray(ab)) else chroma
    for start in range(0, len(light), _STRIP):
        strip = out[start : start + _STRIP]
        roots = _cube_roots(light[start : start + _STRIP])
        outside = np.flatnonzero(~_inside(roots, strip.T))
        if len(outside):
            strip[outside] = _fitted(roots[outside], strip[outside])
    return out.reshape(*shape, 2)


def max_chroma(lightness: ArrayLike, hue: ArrayLike) -> NDArray[np.float32]:
    """Largest chroma sRGB can show at L* (0..100) and hue (radians, ``atan2(b, a)``); float32, arguments broadcast."""
    angle = np.asarray(hue, dtype=np.float64)
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * _WIDEST
    mapped = to_gamut(lightness, direction)
    return np.hypot(mapped[..., 0], mapped[..., 1])


def picker(lightness: float, size: int = 256, extent: float = 110.0) -> NDArray[np.uint8]:
    """Draw the displayable ab plane at one L*: ``(size, size, 4)`` uint8 RGBA, alpha 0 outside the gamut.

    The middle of the picture is grey; a* grows to the right and b* upwards, from ``-extent`` to ``extent``: the pixel
    (row i, column j) shows a = ((j + 0.5) / size * 2 - 1) * extent and b = (1 - (i + 0.5) / size * 2) * extent.
    """
    if not 0 <= lightness <= 100:
        raise ValueError(f"lightness: expected 0..100, got {lightness}")
    if size < 1 or not extent > 0:
        raise ValueError(f"size and extent: expected at least 1 and more than 0, got {size} and {extent}")
    steps = ((np.arange(size) + 0.5) / size * 2 - 1) * extent
    colours = np.empty((size, size, 3), np.float32)
    colours[..., 0] = lightness
    colours[..., 1] = steps[None, :]
    colours[..., 2] = -steps[:, None]
    shown = in_gamut(colours[..., 0], colours[..., 1:])
    out = np.zeros((size, size, 4), np.uint8)
    out[shown, :3] = lab.to_rgb(colours[shown])
    out[shown, 3] = 255
    return out


def _flat(lightness: ArrayLike, ab: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[int, ...]]:
    light = np.asarray(lightness, dtype=np.float32)
    chroma = np.asarray(ab, dtype=np.float32)
    if chroma.ndim == 0 or chroma.shape[-1] != 2:
        raise ValueError(f"ab: expected the shape (..., 2), got {chroma.shape}")
    shape = np.broadcast_shapes(light.shape, chroma.shape[:-1])
    if light.shape != shape:
        light = np.broadcast_to(light, shape)
    if chroma.shape[:-1] != shape:
        chroma = np.broadcast_to(chroma, (*shape, 2)).copy()
    return light.reshape(-1), chroma.reshape(-1, 2), shape


def _cube_roots(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """L* -> CIE's f(Y) of the same shape."""
    roots: NDArray[np.float32] = np.clip(light, np.float32(0), np.float32(100))
    roots += np.float32(16)
    roots *= np.float32(1 / 116)
    return roots


def _inside(roots: NDArray[np.float32], ab: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether f(Y) (n,), ab (2, n) lies in the gamut, give or take the tolerance."""
    inside: NDArray[np.bool_] = _excess(roots, ab, None) <= _TOLERANCE
    return inside


def _excess(roots: NDArray[np.float32], ab: NDArray[Any], scale: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """How far linear sRGB of (f(Y) (n,), ab (2, n) times scale (n,)) leaves 0..1; negative inside."""
    f = np.empty((3, len(roots)), np.float32)
    np.multiply(ab[0], np.float32(1 / 500), out=f[0])
    np.multiply(ab[1], np.float32(-1 / 200), out=f[2])
    if scale is not None:
        f[0] *= scale
        f[2] *= scale
    f[0] += roots
    f[1] = roots
    f[2] += roots
    linear = lab.linear_from_cube_roots(f)
    above = np.maximum(np.maximum(linear[0], linear[1]), linear[2])
    above -= np.float32(1)
    below = np.minimum(np.minimum(linear[0], linear[1]), linear[2])
    np.negative(below, out=below)
    excess: NDArray[np.float32] = np.maximum(above, below, out=above)
    return excess


def _fitted(roots: NDArray[np.float32], ab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale ab (n, 2), which lies outside at f(Y) (n,), so that it lies inside, rounding included."""
    fitted = ab * _largest_scale(roots, np.ascontiguousarray(ab.T))[:, None]
    left = np.flatnonzero(_excess(roots, fitted.T, None) > _SURE)
    for back in _BACK:
        if not len(left):
            break
        fitted[left] *= np.float32(1 - back)
        left = left[_excess(roots[left], fitted[left].T, None) > _SURE]
    return fitted


def _largest_scale(roots: NDArray[np.float32], ab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Largest factor 0..1 that keeps f(Y) (n,), ab (2, n), which lies outside, inside: bisection, then one secant."""
    scale = np.zeros(len(roots), np.float32)
    step = np.float32(1)
    for _ in range(_STEPS):
        step *= np.float32(0.5)
        scale += step * (_excess(roots, ab, scale + step) <= _TOLERANCE)
    before, after = _excess(roots, ab, scale), _excess(roots, ab, scale + step)
    scale += step * np.clip((_AIM - before) / np.maximum(after - before, np.float32(1e-12)), 0, 1)
    return scale
