"""Broken pictures of every format: cut short at many lengths, bytes flipped, ranges emptied, sizes inflated.

Deterministic by seed. The whole ones they are made from are small on purpose (a few kB, noise and tones), so that a cut
or a flip hits headers, tables and pixels alike.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
import tifffile
from PIL import Image

from tests import icc_profiles
from tests.photo_files import chunk, pillow, png, ramp, tiff

Case = tuple[str, bytes]
"""What was done to which picture, and the broken file."""


def whole() -> dict[str, bytes]:
    """The pictures before they are broken; every format in several kinds, with metadata and profiles."""
    noise = np.random.default_rng(7).integers(0, 256, (24, 36, 3), dtype=np.uint8)
    tones = ramp(24, 36, 3)
    exif = Image.Exif()
    exif[0x010E], exif[0x0112], exif[0x8298] = "Grandmother", 6, "(c)"
    exif.get_ifd(0x8769)[0x9003] = "1936:05:01 12:00:00"
    icc = icc_profiles.grey("dots", icc_profiles.dot_gain(20))[:1200]
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    two_pages = io.BytesIO()
    with tifffile.TiffWriter(two_pages) as writer:
        for _ in range(2):
            writer.write(ramp(24, 36), photometric="minisblack", metadata=None)
    cmyk = np.dstack([noise, noise[..., :1]])
    inks = io.BytesIO()
    Image.fromarray(cmyk, "CMYK").save(inks, "JPEG")
    return {
        "jpeg": pillow(noise, "JPEG", exif=exif, xmp=xmp),
        "jpeg-grey": pillow(tones[..., 0], "JPEG", icc_profile=icc),
        "jpeg-progressive": pillow(noise, "JPEG", progressive=True),
        "jpeg-cmyk": inks.getvalue(),
        "png": pillow(noise, "PNG", exif=exif),
        "png-16-alpha": png(ramp(24, 36, 4, 16), 6, 16),
        "png-palette": png(ramp(24, 36) // 64, 3, 2, palette=bytes(range(12)), transparency=b"\x80"),
        "png-text": png(tones[..., 0], 0, 8, extra=chunk(b"tEXt", b"Comment\0hello") + chunk(b"pHYs", bytes(9))),
        "tiff": tiff(noise),
        "tiff-deflate-16": tiff(ramp(24, 36, 3, 16), compression="zlib", predictor=True, rowsperstrip=5),
        "tiff-tiles": tiff(noise, tile=(16, 16)),
        "tiff-lzw": pillow(noise, "TIFF", compression="tiff_lzw", exif=exif),
        "tiff-packbits": pillow(tones[..., 0], "TIFF", compression="packbits"),
        "tiff-jpeg": pillow(noise, "TIFF", compression="jpeg"),
        "tiff-float": tiff((tones / 255).astype(np.float32)),
        "tiff-big": tiff(noise, bigtiff=True),
        "tiff-pages": two_pages.getvalue(),
        "tiff-fax": pillow(tones[..., 0], "TIFF", mode="1", compression="group4"),
        "webp": pillow(noise, "WEBP", exif=exif),
        "webp-lossless-alpha": pillow(np.dstack([noise, noise[..., :1]]), "WEBP", lossless=True),
        "avif": pillow(noise, "AVIF", exif=exif),
        "avif-alpha": pillow(np.dstack([noise, noise[..., :1]]), "AVIF"),
        "jp2": pillow(noise, "JPEG2000"),
        "jp2-lossy-alpha": pillow(np.dstack([noise, tones[..., :1]]), "JPEG2000", irreversible=True),
        "j2k": pillow(noise, "JPEG2000", no_jp2=True),
        "bmp": pillow(noise, "BMP"),
        "bmp-palette": pillow(tones[..., 0], "BMP"),
        "bmp-rle": _run_length_bmp(),
    }


def _run_length_bmp() -> bytes:
    palette = b"".join(bytes([v, v, v, 0]) for v in range(0, 256, 1))
    rows = b"".join(bytes([20, y * 8, 0, 5, 1, 2, 3, 4, 5, 0, 11, y, 0, 0]) for y in range(24)) + b"\0\x01"
    header = struct.pack("<IiiHHIIiiII", 40, 36, 24, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(rows), 0, 0, 1078) + header + palette + rows


def cases(count: int, seed: int = 0) -> Iterator[Case]:
    """Give ``count`` broken files, spread evenly over the pictures of :func:`whole` and the ways to break them."""
    rng = np.random.default_rng(seed)
    pictures = list(whole().items())
    for i in range(count):
        name, data = pictures[i % len(pictures)]
        way, broken = _WAYS[(i // len(pictures)) % len(_WAYS)](data, rng)
        yield f"{i:05d} {name} {way}", broken


def _cut(data: bytes, rng: np.random.Generator) -> Case:
    length = int(rng.integers(0, len(data)))
    return f"cut at {length}", data[:length]


def _cut_early(data: bytes, rng: np.random.Generator) -> Case:
    length = int(rng.integers(0, min(len(data), 300)))
    return f"cut at {length}", data[:length]


def _flip(data: bytes, rng: np.random.Generator, within: int | None = None, most: int = 8) -> Case:
    broken = bytearray(data)
    places = rng.integers(0, min(len(data), within or len(data)), int(rng.integers(1, most + 1)))
    for place in places:
        broken[place] ^= 1 << int(rng.integers(0, 8))
    return f"bits flipped at {sorted(places.tolist())}", bytes(broken)


def _flip_header(data: bytes, rng: np.random.Generator) -> Case:
    return _flip(data, rng, within=200, most=3)


def _overwrite(data: bytes, rng: np.random.Generator) -> Case:
    """Big-looking numbers where lengths, sizes and offsets stand."""
    broken = bytearray(data)
    place = int(rng.integers(2, max(3, min(len(data) - 4, 400))))
    value = [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80"][
        int(rng.integers(5))
    ]
    broken[place : place + 4] = value
    return f"{value.hex()} at {place}", bytes(broken)


def _empty(data: bytes, rng: np.random.Generator) -> Case:
    start = int(rng.integers(0, len(data)))
    stop = min(len(data), start + int(rng.integers(1, 200)))
    return f"zeros from {start} to {stop}", data[:start] + bytes(stop - start) + data[stop:]


def _shuffle(data: bytes, rng: np.random.Generator) -> Case:
    """A piece left out: everything behind it stands in the wrong place."""
    start = int(rng.integers(8, len(data)))
    size = int(rng.integers(1, 60))
    return f"{size} bytes gone at {start}", data[:start] + data[start + size :]


def _noise(data: bytes, rng: np.random.Generator) -> Case:
    """The right first bytes, then anything."""
    start = int(rng.integers(4, 64))
    return f"noise from {start}", data[:start] + rng.bytes(len(data) - start)


_WAYS = (_cut, _flip, _flip_header, _overwrite, _cut_early, _empty, _shuffle, _noise)
