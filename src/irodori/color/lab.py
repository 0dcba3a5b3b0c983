"""sRGB <-> CIE L*a*b* (D65, 2 degree observer): the one definition of ranges and of rounding.

Definitions: IEC 61966-2-1 for the sRGB curve, Lindbloom's sRGB matrix (http://www.brucelindbloom.com) and CIE 15 with
the exact fractions 216/24389 and 24389/27. The white is the sum of the matrix' columns, so that every grey pixel has
a = b = 0 and white has L = 100.

Ranges: L* 0..100, a* and b* about -110..110 inside sRGB. All results are float32. Pictures are worked through in strips
that fit the processor's cache, so memory beyond input and output stays small and constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RGB_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
"""Linear sRGB -> XYZ, row vectors X, Y, Z (Y of white is 1)."""

WHITE = RGB_TO_XYZ.sum(axis=1)
"""XYZ of white: (0.95047, 1.0, 1.08883)."""

EPSILON = 216 / 24389
KAPPA = 24389 / 27

_STRIP = 1 << 15  # pixels worked on at once
_TO_WHITE = np.ascontiguousarray(RGB_TO_XYZ / WHITE[:, None], dtype=np.float32)  # linear RGB -> XYZ relative to white
_FROM_WHITE = np.ascontiguousarray(np.linalg.inv(RGB_TO_XYZ) * WHITE[None, :], dtype=np.float32)
_KNEE = np.float32(0.0031308)
_EPSILON = np.float32(EPSILON)
_CUBE_KNEE = np.float32(6 / 29)
_SLOPE = np.float32(KAPPA / 116)


def to_lab(rgb: ArrayLike) -> NDArray[np.float32]:
    """Convert sRGB ``(..., 3)`` (uint8, uint16, or float 0..1) to Lab ``(..., 3)`` float32 (L 0..100, a, b).

    Floats outside 0..1 are continued by the same formulas, so that :func:`to_srgb` is its inverse there too.
    Raises ValueError for another shape or dtype.
    """
    colours = _as_rgb(rgb)
    flat = colours.reshape(-1, 3)
    out = np.empty(flat.shape, np.float32)
    for rows in _strips(len(flat)):
        f = _TO_WHITE @ _linear(flat[rows].T)
        _cube_root(f)
        lab = out[rows]
        np.multiply(f[1], np.float32(116), out=lab[:, 0])
        lab[:, 0] -= np.float32(16)
        if flat.dtype.kind == "u":
            np.maximum(lab[:, 0], np.float32(0), out=lab[:, 0])  # black is 0, not -2e-6
        np.subtract(f[0], f[1], out=lab[:, 1])
        np.subtract(f[1], f[2], out=lab[:, 2])
        lab[:, 1] *= np.float32(500)
        lab[:, 2] *= np.float32(200)
    return out.reshape(colours.shape)


def lightness(rgb: ArrayLike) -> NDArray[np.float32]:
    """Give the L* (0..100, float32) of sRGB values: ``(..., 3)`` -> ``(...)``, or grey ``(H, W)`` -> ``(H, W)``.

    An array of two dimensions is always taken as a grey picture, as is anything whose last axis is not 3.
    uint8, uint16 or float 0..1. Raises ValueError for another dtype.
    """
    values = _as_values(rgb)
    if (values.ndim > 2 and values.shape[-1] == 3) or (values.ndim == 1 and len(values) == 3):
        flat = values.reshape(-1, 3)
        out = np.empty(len(flat), np.float32)
        for rows in _strips(len(flat)):
            linear = _linear(flat[rows].T)
            y = _TO_WHITE[1] @ linear
            _cube_root(y)
            np.multiply(y, np.float32(116), out=out[rows])
            out[rows] -= np.float32(16)
        if values.dtype.kind == "u":
            np.maximum(out, np.float32(0), out=out)
        return out.reshape(values.shape[:-1])
    grey = values.reshape(-1)
    out = np.empty(len(grey), np.float32)
    for rows in _strips(len(grey)):
        if grey.dtype.kind == "u":
            np.take(_grey_lightness(grey.dtype.itemsize), grey[rows], out=out[rows], mode="clip")
        else:
            y = _linear(grey[rows])
            _cube_root(y)
            out[rows] = y * np.float32(116) - np.float32(16)
    return out.reshape(values.shape)


def to_srgb(lab: ArrayLike) -> NDArray[np.float32]:
    """Convert Lab ``(..., 3)`` to gamma-encoded sRGB float32 ``(..., 3)``, unclipped (in gamut: 0..1)."""
    colours = _as_lab(lab)
    flat = colours.reshape(-1, 3)
    out = np.empty(flat.shape, np.float32)
    for rows in _strips(len(flat)):
        out[rows] = _encoded(flat[rows]).T
    return out.reshape(colours.shape)


def to_rgb(lab: ArrayLike, bits: int = 8) -> NDArray[Any]:
    """Convert Lab ``(..., 3)`` to sRGB uint8 (``bits=8``) or uint16 (``bits=16``), clipped, rounded once to nearest.

    Colours outside the gamut are clipped per channel, which changes L and hue: see :mod:`irodori.color.gamut` first.
    Raises ValueError for other bits.
    """
    if bits not in (8, 16):
        raise ValueError(f"bits: expected 8 or 16, got {bits!r}")
    colours = _as_lab(lab)
    flat = colours.reshape(-1, 3)
    most = np.float32(255 if bits == 8 else 65535)
    out = np.empty(flat.shape, np.uint8 if bits == 8 else np.uint16)
    for rows in _strips(len(flat)):
        encoded = _encoded(flat[rows])
        encoded *= most
        np.rint(encoded, out=encoded)
        np.clip(encoded, np.float32(0), most, out=encoded)
        out[rows] = encoded.T
    return out.reshape(colours.shape)


def linear_from_lab(lab: ArrayLike) -> NDArray[np.float32]:
    """Convert Lab ``(..., 3)`` to *linear* sRGB float32 ``(..., 3)``, unclipped (inside the gamut: 0..1)."""
    colours = _as_lab(lab)
    flat = colours.reshape(-1, 3)
    out = np.empty(flat.shape, np.float32)
    for rows in _strips(len(flat)):
        out[rows] = _linear_from_lab(flat[rows]).T
    return out.reshape(colours.shape)


def linear_from_cube_roots(f: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert CIE's f(X/Xn), f(Y/Yn), f(Z/Zn) ``(3, n)`` to linear sRGB ``(3, n)`` float32, unclipped.

    Overwrites ``f``. The inner step of :func:`to_rgb`, shared with :mod:`irodori.color.gamut`:
    f(Y) = (L + 16) / 116, f(X) = f(Y) + a / 500, f(Z) = f(Y) - b / 200.
    """
    below = np.minimum(f, _CUBE_KNEE)
    below -= _CUBE_KNEE
    below *= np.float32(1) / _SLOPE
    np.maximum(f, _CUBE_KNEE, out=f)
    cubes = f * f
    cubes *= f
    cubes += below
    return _FROM_WHITE @ cubes


def _strips(length: int) -> Iterator[slice]:
    for start in range(0, length, _STRIP):
        yield slice(start, min(start + _STRIP, length))


def _as_values(values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype == np.uint8 or array.dtype == np.uint16:
        return array
    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    raise ValueError(f"rgb: expected uint8, uint16 or float 0..1, got {array.dtype}")


def _as_rgb(rgb: ArrayLike) -> NDArray[Any]:
    array = _as_values(rgb)
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ValueError(f"rgb: expected the shape (..., 3), got {array.shape}")
    return array


def _as_lab(lab: ArrayLike) -> NDArray[np.float32]:
    array = np.asarray(lab, dtype=np.float32)
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ValueError(f"lab: expected the shape (..., 3), got {array.shape}")
    return array


@cache
def _linear_table(item_size: int) -> NDArray[np.float32]:
    """Linear light of every 8-bit (item size 1) or 16-bit (2) sRGB value."""
    most = 255 if item_size == 1 else 65535
    encoded = np.arange(most + 1) / most
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)


@cache
def _grey_lightness(item_size: int) -> NDArray[np.float32]:
    """L* of every 8-bit (item size 1) or 16-bit (2) grey value."""
    y = _linear_table(item_size).copy()
    _cube_root(y)
    table: NDArray[np.float32] = np.maximum(y * np.float32(116) - np.float32(16), np.float32(0))
    return table


def _linear(encoded: NDArray[Any]) -> NDArray[np.float32]:
    """sRGB values of any shape -> contiguous linear light float32."""
    if encoded.dtype.kind == "u":
        table = _linear_table(encoded.dtype.itemsize)
        return np.take(table, np.ascontiguousarray(encoded), mode="clip")
    knee = np.float32(0.04045)
    linear: NDArray[np.float32] = np.maximum(encoded, knee, dtype=np.float32)
    linear = np.ascontiguousarray(linear)
    linear += np.float32(0.055)
    linear *= np.float32(1 / 1.055)
    np.power(linear, np.float32(2.4), out=linear)
    below = np.minimum(encoded, knee, dtype=np.float32)
    below -= knee
    below *= np.float32(1 / 12.92)
    linear += below
    return linear


def _cube_root(t: NDArray[np.float32]) -> None:
    """Replace t = X/Xn in place by CIE's f(t): the cube root, and below EPSILON its straight continuation."""
    below = np.minimum(t, _EPSILON)
    below -= _EPSILON
    below *= _SLOPE
    np.maximum(t, _EPSILON, out=t)
    np.cbrt(t, out=t)
    t += below


def _linear_from_lab(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lab (n, 3) -> linear sRGB (3, n)."""
    f = np.empty((3, len(flat)), np.float32)
    np.add(flat[:, 0], np.float32(16), out=f[1])
    f[1] *= np.float32(1 / 116)
    np.multiply(flat[:, 1], np.float32(1 / 500), out=f[0])
    f[0] += f[1]
    np.multiply(flat[:, 2], np.float32(-1 / 200), out=f[2])
    f[2] += f[1]
    return linear_from_cube_roots(f)


def _encoded(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lab (n, 3) -> gamma-encoded sRGB (3, n), unclipped."""
    linear = _linear_from_lab(flat)
    below = np.minimum(linear, _KNEE)
    below -= _KNEE
    below *= np.float32(12.92)
    np.maximum(linear, _KNEE, out=linear)
    np.power(linear, np.float32(1 / 2.4), out=linear)
    linear *= np.float32(1.055)
    linear -= np.float32(0.055)
    linear += below
    return linear
