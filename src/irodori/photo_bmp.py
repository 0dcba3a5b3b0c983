"""BMP files: a strict reader (1, 4, 8, 16, 24 and 32 bit, palettes, RLE, bit masks) and a writer (24 bit, sRGB).

Everything that a header claims is checked before it is believed. Format: Microsoft, "Bitmap Storage", BITMAPINFOHEADER
to BITMAPV5HEADER and the OS/2 core header.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from irodori.errors import PhotoError

_RGB, _RLE8, _RLE4, _BITFIELDS, _ALPHABITFIELDS = 0, 1, 2, 3, 6
_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_INCHES = 39.3701


@dataclass(frozen=True)
class Bmp:
    """What the headers say."""

    width: int
    height: int
    top_down: bool
    bits: int
    compression: int
    masks: tuple[int, int, int, int]
    palette: NDArray[np.uint8]
    """``(n, 3)`` RGB, empty above 8 bits."""
    offset: int
    dpi: tuple[float, float] | None


def read_header(data: bytes) -> Bmp:
    """Read the headers of ``data`` (the whole file); raises :class:`PhotoError` when they make no sense."""
    if len(data) < 30 or data[:2] != b"BM":
        raise PhotoError("the BMP file is cut short")
    offset, size = struct.unpack("<I", data[10:14])[0], struct.unpack("<I", data[14:18])[0]
    if size not in _HEADERS or len(data) < 14 + size:
        raise PhotoError("the BMP file is cut short or has an unknown header")
    compression, masks, dpi, colours, entry = _RGB, (0, 0, 0, 0), None, 0, 4
    if size == 12:
        width, height, planes, bits = struct.unpack("<HHHH", data[18:26])
        entry = 3
    else:
        width, height, planes, bits, compression = struct.unpack("<iiHHI", data[18:34])
        across, down, colours = struct.unpack("<iiI", data[38:50])
        if across > 0 and down > 0:
            dpi = (across / _INCHES, down / _INCHES)
    top_down, height = height < 0, abs(height)
    if planes != 1 or bits not in (1, 4, 8, 16, 24, 32) or width < 0:
        raise PhotoError("the BMP file is damaged (its header makes no sense)")
    if (compression, bits) not in _ALLOWED or (top_down and compression in (_RLE4, _RLE8)):
        raise PhotoError(f"the BMP file is packed in a way that irodori does not read ({bits} bit, kind {compression})")
    palette_at = 14 + size
    if compression in (_BITFIELDS, _ALPHABITFIELDS):
        count = 4 if compression == _ALPHABITFIELDS or size >= 56 else 3
        if size in (40, 64):
            palette_at += 4 * count
        raw = data[54 : 54 + 4 * count].ljust(16, b"\0")
        masks = struct.unpack("<4I", raw[:16])
        _check_masks(masks, bits)
    elif bits == 16:
        masks = (0x7C00, 0x3E0, 0x1F, 0)
    elif bits == 32:
        masks = (0xFF0000, 0xFF00, 0xFF, 0)
    palette = np.zeros((0, 3), np.uint8)
    if bits <= 8:
        count = min(colours or 1 << bits, 1 << bits)
        raw_palette = data[palette_at : palette_at + count * entry]
        if len(raw_palette) < count * entry:
            raise PhotoError("the BMP file is cut short (its palette is missing)")
        palette = np.frombuffer(raw_palette, np.uint8).reshape(count, entry)[:, 2::-1].copy()
    if not palette_at <= offset <= len(data):
        raise PhotoError("the BMP file is damaged or cut short (its pixels are missing)")
    return Bmp(width, height, top_down, bits, compression, masks, palette, offset, dpi)


_ALLOWED = frozenset(
    [(_RGB, bits) for bits in (1, 4, 8, 16, 24, 32)]
    + [(_RLE8, 8), (_RLE4, 4)]
    + [(kind, bits) for kind in (_BITFIELDS, _ALPHABITFIELDS) for bits in (16, 32)]
)


def _check_masks(masks: tuple[int, ...], bits: int) -> None:
    seen = 0
    for i, mask in enumerate(masks):
        low = mask & -mask
        if mask & seen or mask >> bits or (mask and (mask // low) & (mask // low + 1)) or (mask == 0 and i < 3):
            raise PhotoError("the BMP file is damaged (its colour masks make no sense)")
        seen |= mask


def decode(data: bytes, header: Bmp) -> NDArray[np.uint8]:
    """Decode the pixels: ``(H, W)`` grey, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA uint8, top row first.

    Raises :class:`PhotoError` when the file ends before the picture does or its packing leaves the picture.
    """
    if header.compression in (_RLE8, _RLE4):
        return _coloured(_run_lengths(data, header), header)
    stride = (header.width * header.bits + 31) // 32 * 4
    need = stride * header.height
    raw = np.frombuffer(data, np.uint8, -1, header.offset) if header.offset < len(data) else np.zeros(0, np.uint8)
    if len(raw) < need:
        raise PhotoError("the BMP file is cut short (it ends before the picture does)")
    rows = raw[:need].reshape(header.height, stride)
    if not header.top_down:
        rows = rows[::-1]
    if header.bits <= 8:
        return _coloured(_unpack(rows, header), header)
    if header.bits == 24:
        return np.ascontiguousarray(rows[:, : header.width * 3].reshape(header.height, header.width, 3)[..., ::-1])
    dtype = "<u2" if header.bits == 16 else "<u4"
    words = np.ascontiguousarray(rows).view(dtype)[:, : header.width]
    used = [mask for mask in header.masks if mask]
    out = np.empty((header.height, header.width, len(used)), np.uint8)
    for i, mask in enumerate(used):
        low = mask & -mask
        top = mask // low
        values = (words & np.array(mask, words.dtype)) // np.array(low, words.dtype)
        out[..., i] = (values.astype(np.uint64) * 510 + top) // (2 * top)
    return out


def _unpack(rows: NDArray[np.uint8], header: Bmp) -> NDArray[np.uint8]:
    if header.bits == 8:
        return rows[:, : header.width]
    if header.bits == 4:
        return np.stack([rows >> 4, rows & 15], axis=2).reshape(len(rows), -1)[:, : header.width]
    return np.unpackbits(rows, axis=1)[:, : header.width]


def _coloured(indices: NDArray[np.uint8], header: Bmp) -> NDArray[np.uint8]:
    palette = header.palette
    if indices.size and int(indices.max()) >= len(palette):
        raise PhotoError("the BMP file is damaged (a pixel's colour is not in the palette)")
    if (palette == palette[:, :1]).all():
        return palette[:, 0][indices]
    return palette[indices]


def _run_lengths(data: bytes, header: Bmp) -> NDArray[np.uint8]:
    """Unpack RLE8 and RLE4; pixels that are skipped have the palette's first colour."""
    out = np.zeros((header.height, header.width), np.uint8)
    x, y, at, four = 0, 0, header.offset, header.compression == _RLE4
    while True:
        if at + 2 > len(data):
            raise PhotoError("the BMP file is cut short (it ends before the picture does)")
        count, value = data[at], data[at + 1]
        at += 2
        if count:
            pair = (value >> 4, value & 15) if four else (value, value)
            run = np.resize(np.array(pair, np.uint8), count)
        elif value == 0:
            x, y = 0, y + 1
            continue
        elif value == 1:
            return out[::-1]
        elif value == 2:
            if at + 2 > len(data):
                raise PhotoError("the BMP file is cut short (it ends before the picture does)")
            x, y, at = x + data[at], y + data[at + 1], at + 2
            continue
        else:
            size = (value + 1) // 2 if four else value
            packed = np.frombuffer(data[at : at + size], np.uint8)
            if len(packed) < size:
                raise PhotoError("the BMP file is cut short (it ends before the picture does)")
            run = np.stack([packed >> 4, packed & 15], axis=1).reshape(-1)[:value] if four else packed
            at += size + size % 2
        if y >= header.height or x + len(run) > header.width + 1:
            raise PhotoError("the BMP file is damaged (a run of pixels leaves the picture)")
        run = run[: header.width - x]
        out[y, x : x + len(run)] = run
        x += len(run)


def write(file: BinaryIO, pixels: NDArray[Any], dpi: tuple[float, float] | None) -> None:
    """Write ``(H, W, 3)`` or ``(H, W)`` uint8 sRGB as a 24-bit BMP that says it is sRGB (BITMAPV4HEADER)."""
    height, width = pixels.shape[:2]
    stride = (width * 3 + 3) // 4 * 4
    size = stride * height
    if size + 122 >= 1 << 32:
        raise PhotoError("a BMP file cannot hold a picture of this size; save it as TIFF or PNG")
    across, down = (round(v * _INCHES) for v in dpi) if dpi else (0, 0)
    file.write(struct.pack("<2sIHHI", b"BM", 122 + size, 0, 0, 122))
    file.write(struct.pack("<IiiHHIIiiII", 108, width, height, 1, 24, _RGB, size, across, down, 0, 0))
    file.write(struct.pack("<4I4s48x", 0, 0, 0, 0, b"BGRs"))
    row = np.zeros((1, stride), np.uint8)
    for y in range(height - 1, -1, -1):
        colours = pixels[y] if pixels.ndim == 3 else np.repeat(pixels[y][:, None], 3, axis=1)
        row[0, : width * 3] = colours[:, ::-1].reshape(-1)
        file.write(row.tobytes())
