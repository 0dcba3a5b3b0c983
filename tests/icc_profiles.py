"""ICC profiles written byte by byte, and the colours that they mean worked out in float64: an authority for the tests.

Version 2 profiles: a grey curve, or three primaries and a curve (ICC.1:2001-04). The primaries of Adobe RGB (1998) and
Display P3 are their standards', brought to D50 by the Bradford matrix as the ICC asks.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
PRIMARIES = {
    "srgb": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    "adobe": ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)),
    "p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
WHITE_D65 = (0.3127, 0.3290)

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def srgb_curve(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def srgb_encode(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def gamma(power: float) -> Curve:
    return lambda encoded: encoded**power


def dot_gain(percent: float) -> Curve:
    """Neutral reflectance of printed dots that grow by ``percent`` at half tone (Murray and Davies)."""

    def curve(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
        ink = 1 - encoded
        grown = np.clip(ink + 4 * percent / 100 * ink * (1 - ink), 0, 1)
        return 1 - grown

    return curve


def to_xyz_d50(name: str) -> NDArray[np.float64]:
    """Linear RGB -> XYZ relative to D50, columns are the primaries."""
    corners = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in PRIMARIES[name]]).T
    x, y = WHITE_D65
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    matrix = corners * np.linalg.solve(corners, white)
    scale = (BRADFORD @ D50) / (BRADFORD @ white)
    return np.linalg.inv(BRADFORD) @ np.diag(scale) @ BRADFORD @ matrix


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_fixed(v) for v in values)


def _curve(curve: Curve) -> bytes:
    table = np.round(curve(np.linspace(0, 1, 4096)) * 65535).astype(">u2")
    return b"curv" + bytes(4) + struct.pack(">I", len(table)) + table.tobytes()


def _description(text: str) -> bytes:
    data = text.encode("ascii") + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(data)) + data + bytes(4 + 4 + 2 + 1 + 67)


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    header = struct.pack(">I4sI4s4s4s", 0, b"none", 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + b"".join(_fixed(v) for v in D50)
    header = header.ljust(128, b"\0")
    whole = header + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def grey(name: str, curve: Curve) -> bytes:
    """A grey profile."""
    tags = {
        b"desc": _description(name),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": _xyz(D50),
        b"kTRC": _curve(curve),
    }
    return _profile(b"GRAY", tags)


def rgb(name: str, curve: Curve) -> bytes:
    """An RGB profile with the primaries called ``name``."""
    matrix = to_xyz_d50(name)
    tags = {b"desc": _description(name), b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": _xyz(D50)}
    for i, channel in enumerate(b"rgb"):
        tags[bytes([channel]) + b"XYZ"] = _xyz(matrix[:, i])
        tags[bytes([channel]) + b"TRC"] = _curve(curve)
    return _profile(b"RGB ", tags)


def rgb_to_srgb(encoded: NDArray[np.float64], name: str, curve: Curve) -> NDArray[np.float64]:
    """What the colours ``encoded`` (..., 3) 0..1 of the profile ``rgb(name, curve)`` are in sRGB, 0..1, clipped."""
    matrix = np.linalg.inv(to_xyz_d50("srgb")) @ to_xyz_d50(name)
    return srgb_encode(curve(encoded) @ matrix.T)


def srgb_to_rgb(encoded: NDArray[np.float64], name: str, power: float) -> NDArray[np.float64]:
    """The other way: sRGB 0..1 in the space ``name`` with a pure gamma."""
    matrix = np.linalg.inv(to_xyz_d50(name)) @ to_xyz_d50("srgb")
    return np.clip(srgb_curve(encoded) @ matrix.T, 0, 1) ** (1 / power)
