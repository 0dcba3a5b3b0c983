"""Photo files for tests, built by other libraries (Pillow, tifffile) or byte by byte, never by the code under test."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import tifffile
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def ramp(height: int = 40, width: int = 60, channels: int = 1, bits: int = 8) -> np.ndarray:
    """Smooth tones over the whole range, ``(H, W)`` or ``(H, W, channels)``, uint8 or uint16; no two channels alike."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [(x * (3 + c) + y * (7 - c)) / (width * (3 + c) + height * (7 - c)) for c in range(channels)]
    values = np.stack(planes, axis=-1) * (2**bits - 1)
    whole = values.round().astype(np.uint16 if bits == 16 else np.uint8)
    return whole[..., 0] if channels == 1 else whole


def pillow(pixels: np.ndarray, format: str, mode: str | None = None, **options: Any) -> bytes:
    """Encode with Pillow."""
    image = Image.fromarray(pixels)
    if mode:
        image = image.convert(mode)
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    """Encode with tifffile."""
    out = io.BytesIO()
    options.setdefault("photometric", "rgb" if pixels.ndim == 3 else "minisblack")
    tifffile.imwrite(out, pixels, **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    samples: np.ndarray,
    colour_type: int,
    depth: int,
    *,
    palette: bytes = b"",
    transparency: bytes = b"",
    extra: bytes = b"",
    size: tuple[int, int] | None = None,
) -> bytes:
    """Write a PNG whose samples are stored as they are: ``(H, W)`` or ``(H, W, channels)`` of ``depth`` bits each."""
    height, width = samples.shape[:2]
    flat = samples.reshape(height, -1)
    rows = b""
    for row in flat:
        if depth == 16:
            packed = row.astype(">u2").tobytes()
        elif depth == 8:
            packed = row.astype(np.uint8).tobytes()
        else:
            bits = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth :]
            packed = np.packbits(bits.reshape(-1)).tobytes()
        rows += b"\0" + packed
    said = size or (height, width)
    header = struct.pack(">IIBBBBB", said[1], said[0], depth, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra
    if palette:
        body += chunk(b"PLTE", palette)
    if transparency:
        body += chunk(b"tRNS", transparency)
    return PNG_SIGNATURE + body + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PEAK = """
def peak():
    # Not resource.getrusage: that starts from the memory of the process which started this one.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
"""
"""Source of a function that gives the most memory in bytes that a process has held (Linux)."""
