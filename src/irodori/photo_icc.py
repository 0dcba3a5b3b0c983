"""ICC profiles made of curves and a matrix, applied in floating point: most profiles that photographs carry.

Why not leave them to the colour engine inside libvips: for 16-bit pictures it replaces curves and matrix by a table of
33 points per axis, and L is then off by up to 0.6 (measured with Adobe RGB and Display P3); here it is exact to the
rounding of the result. Profiles with multi-dimensional tables (CMYK, some scanners) still go through libvips.

Definitions: ICC.1:2022 (v4) and ICC.1:2001-04 (v2), relative colorimetric, D50 connection space.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
Samples = NDArray[Any]
"""Encoded values, uint8 or uint16."""

_LEVELS = 65536
_SRGB_TO_D50 = np.array(
    [
        [0.43606568, 0.38514709, 0.14307785],
        [0.22249317, 0.71688700, 0.06061991],
        [0.01392391, 0.09708113, 0.71409935],
    ]
)
"""Linear sRGB -> XYZ, D65 brought to D50 by the Bradford matrix: the columns of the common sRGB profiles."""

# Entries of an encoding table over the square root of the linear value: its error stays below 1/6 of a 16-bit step.
_FINE = 1 << 18
_STRIP = 1 << 18  # pixels converted at once


@dataclass(frozen=True, eq=False)
class CurveProfile:
    """A profile of one curve (grey) or of three curves and a matrix (RGB)."""

    curves: tuple[Curve, ...]
    """One or three tables of 65536 linear values 0..1 over the encoded value, rising."""
    matrix: NDArray[np.float64] | None
    """Linear RGB -> XYZ relative to D50; None for grey."""

    @property
    def is_grey(self) -> bool:
        """Whether this profile describes one channel."""
        return self.matrix is None

    @cached_property
    def is_srgb(self) -> bool:
        """Whether the profile is sRGB, or grey with the curve of sRGB, up to three quarters of an 8-bit step.

        Pixels of such a file are taken as they are: no rounding touches them.
        """
        encoded = np.linspace(0, 1, _LEVELS)
        if any(np.abs(_encode(curve) - encoded).max() > 0.003 for curve in self.curves):
            return False
        mix = np.eye(3) if self.matrix is None else np.linalg.inv(_SRGB_TO_D50) @ self.matrix
        return bool(np.abs(mix - np.eye(3)).max() < 0.003)

    def grey_table(self, bits: int) -> Samples:
        """Give the sRGB grey for each encoded grey of ``bits`` 8 or 16, as a table of that dtype.

        With an RGB profile this is what a neutral colour becomes (a grey file that carries an RGB profile).
        """
        step = 257 if bits == 8 else 1
        values = _encode(self.curves[len(self.curves) // 2][::step])
        return np.round(values * 255).astype(np.uint8) if bits == 8 else np.round(values * 65535).astype(np.uint16)

    def to_srgb(self, rgb: Samples) -> Samples:
        """Convert ``(..., 3)`` of the profile to sRGB of the same dtype; colours outside sRGB are clipped.

        With a grey profile each channel goes through its curve (an RGB file that carries a grey profile).
        """
        if self.matrix is None:
            return self.grey_table(16 if rgb.dtype == np.uint16 else 8)[rgb]
        step = 257 if rgb.dtype == np.uint8 else 1
        into_linear = [table[::step] for table in self._tables]
        return _convert(rgb, into_linear, np.linalg.inv(_SRGB_TO_D50) @ self.matrix, [_srgb_table()] * 3)

    def from_srgb(self, rgb: Samples) -> Samples:
        """Convert sRGB ``(..., 3)`` to the profile's own RGB, same dtype. The profile must be RGB (ValueError)."""
        if self.matrix is None:
            raise ValueError("a grey profile cannot hold colours")
        into_linear = [_decode(np.linspace(0, 1, np.iinfo(rgb.dtype).max + 1)).astype(np.float32)] * 3
        return _convert(rgb, into_linear, np.linalg.inv(self.matrix) @ _SRGB_TO_D50, self._inverse)

    @cached_property
    def _tables(self) -> tuple[NDArray[np.float32], ...]:
        return tuple(curve.astype(np.float32) for curve in self.curves)

    @cached_property
    def _inverse(self) -> tuple[NDArray[np.float32], ...]:
        linear = np.linspace(0, 1, _FINE) ** 2
        encoded = np.linspace(0, 1, _LEVELS)
        return tuple(np.interp(linear, *_strictly_rising(curve, encoded)).astype(np.float32) for curve in self.curves)


def parse(icc: bytes) -> CurveProfile | None:
    """Read a profile of curves and a matrix; None for one of another kind and for a broken one."""
    try:
        tags = _tags(icc)
        space = icc[16:20]
        if b"A2B0" in tags or icc[20:24] not in (b"XYZ ", b"Lab "):
            return None
        if space == b"GRAY":
            return CurveProfile((_curve(tags[b"kTRC"]),), None)
        if space != b"RGB ":
            return None
        columns = [struct.unpack(">3i", tags[name][8:20]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        matrix = np.array(columns, np.float64).T / 65536
        if abs(np.linalg.det(matrix)) < 1e-3:
            return None
        return CurveProfile(tuple(_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")), matrix)
    except (KeyError, ValueError, struct.error):
        return None


def colour_space(icc: bytes | None) -> str:
    """Return the profile's colour space without blanks ("RGB", "GRAY", "CMYK"), "" when there is no profile."""
    if icc is None or len(icc) < 132 or icc[36:40] != b"acsp":
        return ""
    return icc[16:20].decode("ascii", "replace").strip()


def _tags(icc: bytes) -> dict[bytes, bytes]:
    if len(icc) < 132 or icc[36:40] != b"acsp":
        raise ValueError("not an ICC profile")
    count = struct.unpack(">I", icc[128:132])[0]
    if count > 200:
        raise ValueError("too many tags")
    tags = {}
    for i in range(count):
        name, offset, size = struct.unpack(">4sII", icc[132 + 12 * i : 144 + 12 * i])
        if offset + size > len(icc):
            raise ValueError("a tag lies outside the profile")
        tags[name] = icc[offset : offset + size]
    return tags


def _curve(tag: bytes) -> Curve:
    """Tabulate a ``curv`` or ``para`` tag; ValueError for another one or for a curve that falls."""
    x = np.linspace(0, 1, _LEVELS)
    if tag[:4] == b"curv":
        count = struct.unpack(">I", tag[8:12])[0]
        if count == 0:
            y = x
        elif count == 1:
            y = x ** (struct.unpack(">H", tag[12:14])[0] / 256)
        else:
            table = np.frombuffer(tag, ">u2", count, 12) / 65535
            y = np.interp(x, np.linspace(0, 1, count), table)
    elif tag[:4] == b"para":
        y = _parametric(x, tag)
    else:
        raise ValueError("unknown kind of curve")
    y = np.clip(y, 0, 1)
    if not np.isfinite(y).all() or (np.diff(y) < -1e-4).any() or y[-1] - y[0] < 0.5:
        raise ValueError("not a curve for a photograph")
    return np.maximum.accumulate(y)


def _parametric(x: NDArray[np.float64], tag: bytes) -> NDArray[np.float64]:
    kind = struct.unpack(">H", tag[8:10])[0]
    count = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}.get(kind)
    if count is None:
        raise ValueError("unknown parametric curve")
    p = [v / 65536 for v in struct.unpack(f">{count}i", tag[12 : 12 + 4 * count])]
    g, a, b, c, d, e, f = [*p, *(1.0, 0.0, 0.0, -1.0, 0.0, 0.0)][:7] if kind == 0 else [*p, *([0.0] * 7)][:7]
    if kind in (1, 2):  # below -b/a the curve is the constant c
        e = f = c if kind == 2 else 0.0
        c, d = 0.0, -b / a if a else 0.0
    with np.errstate(all="ignore"):
        power = np.maximum(a * x + b, 0) ** g + e
    return np.asarray(np.where(x >= d, power, c * x + f))


def _strictly_rising(curve: Curve, encoded: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    keep = np.concatenate([[True], np.diff(curve) > 0])
    return curve[keep], encoded[keep]


def _decode(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _encode(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def _convert(
    rgb: Samples,
    into_linear: Sequence[NDArray[np.float32]],
    matrix: NDArray[np.float64],
    from_linear: Sequence[NDArray[np.float32]],
) -> Samples:
    """Tables in, matrix, tables over the square root out; in pieces that keep the floats few."""
    mix = np.ascontiguousarray(matrix.T, np.float32)
    top = np.float32(np.iinfo(rgb.dtype).max)
    flat = rgb.reshape(-1, 3)
    out = np.empty(flat.shape, rgb.dtype)
    for start in range(0, len(flat), _STRIP):
        piece = flat[start : start + _STRIP]
        linear = np.stack([into_linear[i][piece[:, i]] for i in range(3)], axis=1) @ mix
        np.clip(linear, 0, 1, out=linear)
        np.sqrt(linear, out=linear)
        linear *= np.float32(_FINE - 1)
        linear += np.float32(0.5)
        index = linear.astype(np.int32)
        for i in range(3):
            out[start : start + _STRIP, i] = from_linear[i][index[:, i]] * top + np.float32(0.5)
    return out.reshape(rgb.shape)


_TABLES: dict[str, NDArray[np.float32]] = {}


def _srgb_table() -> NDArray[np.float32]:
    if "srgb" not in _TABLES:
        _TABLES["srgb"] = _encode(np.linspace(0, 1, _FINE) ** 2).astype(np.float32)
    return _TABLES["srgb"]
