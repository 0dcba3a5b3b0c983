"""BMP in its kinds: against Pillow, and byte by byte where Pillow writes none."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from irodori.errors import PhotoError
from irodori.photo import read_photo, write_photo
from tests.photo_files import pillow, ramp


def bmp(
    body: bytes,
    width: int,
    height: int,
    bits: int,
    *,
    compression: int = 0,
    palette: bytes = b"",
    masks: bytes = b"",
    size: int = 40,
) -> bytes:
    """A file with a header of 40 bytes (the masks behind it) or of 124 (the masks within)."""
    header = struct.pack(
        "<IiiHHIIiiII", size, width, height, 1, bits, compression, len(body), 0, 0, len(palette) // 4, 0
    )
    header += masks
    header = header.ljust(size, b"\0")
    offset = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + header + palette + body


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_kinds_that_pillow_writes(mode: str) -> None:
    for width in (31, 32, 33, 34):  # every padding of a row
        image = Image.fromarray(ramp(17, width, 3)).convert(mode)
        out = io.BytesIO()
        image.save(out, "BMP")
        expected = np.asarray(image.convert("L" if mode in ("1", "L") else "RGB"))
        assert np.array_equal(read_photo(out.getvalue()).pixels, expected)


def test_four_bits_and_os2_header() -> None:
    palette = np.random.default_rng(0).integers(0, 256, (16, 3), dtype=np.uint8)
    indices = np.arange(5 * 7).reshape(5, 7) % 16
    rows = b""
    for row in indices[::-1]:
        nibbles = [*row.tolist(), 0]
        rows += bytes(a << 4 | b for a, b in zip(nibbles[::2], nibbles[1::2], strict=True)).ljust(4, b"\0")
    four = b"".join(bytes([*colour[::-1].tolist(), 0]) for colour in palette)
    assert np.array_equal(read_photo(bmp(rows, 7, 5, 4, palette=four)).pixels, palette[indices])
    three = b"".join(bytes(colour[::-1].tolist()) for colour in palette)
    header = struct.pack("<IHHHH", 12, 7, 5, 1, 4) + three
    old = b"BM" + struct.pack("<IHHI", 14 + len(header) + len(rows), 0, 0, 14 + len(header)) + header + rows
    assert np.array_equal(read_photo(old).pixels, palette[indices])


def test_top_down_rows() -> None:
    pixels = ramp(9, 8, 3)
    body = pixels[..., ::-1].tobytes()
    assert np.array_equal(read_photo(bmp(body, 8, -9, 24)).pixels, pixels)


def test_16_bits_with_and_without_masks() -> None:
    words = np.array([[0x7C00, 0x03E0, 0x001F, 0x7FFF], [0x0000, 0x4210, 0x1084, 0x2108]], "<u2")
    photo = read_photo(bmp(words[::-1].tobytes(), 4, 2, 16))
    fives = np.stack([words >> 10 & 31, words >> 5 & 31, words & 31], axis=-1)
    assert np.array_equal(photo.pixels, np.round(fives / 31 * 255))
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    photo = read_photo(bmp(words[::-1].tobytes(), 4, 2, 16, compression=3, masks=masks))
    parts = np.stack([(words >> 11 & 31) / 31, (words >> 5 & 63) / 63, (words & 31) / 31], axis=-1)
    assert np.abs(photo.pixels - parts * 255).max() <= 0.5


def test_32_bits_with_alpha_masks() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (6, 5, 4), dtype=np.uint8)
    words = pixels.astype("<u4") @ np.array([1 << 16, 1 << 8, 1, 1 << 24], "<u4")
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    photo = read_photo(bmp(words.astype("<u4")[::-1].tobytes(), 5, 6, 32, compression=3, masks=masks, size=124))
    assert photo.alpha is not None
    assert np.array_equal(photo.pixels, pixels[..., :3])
    assert np.array_equal(photo.alpha, pixels[..., 3])
    plain = read_photo(bmp(words.astype("<u4")[::-1].tobytes(), 5, 6, 32))
    assert plain.alpha is None
    assert np.array_equal(plain.pixels, pixels[..., :3])


GREYS = b"".join(bytes([v, v, v, 0]) for v in range(256))


def test_run_lengths() -> None:
    body = bytes([3, 10, 2, 20, 0, 0]) + bytes([0, 5, 1, 2, 3, 4, 5, 0, 0, 0]) + bytes([0, 2, 2, 0, 1, 99, 0, 1])
    expected = [[0, 0, 99, 0, 0], [1, 2, 3, 4, 5], [10, 10, 10, 20, 20]]
    assert np.array_equal(read_photo(bmp(body, 5, 3, 8, compression=1, palette=GREYS)).pixels, expected)
    four = b"".join(bytes([v * 16, v * 16, v * 16, 0]) for v in range(16))
    body = bytes([5, 0x12, 0, 0]) + bytes([0, 3, 0x34, 0x50, 2, 0x67, 0, 1])
    expected = np.array([[3, 4, 5, 6, 7], [1, 2, 1, 2, 1]]) * 16
    assert np.array_equal(read_photo(bmp(body, 5, 2, 4, compression=2, palette=four)).pixels, expected)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (bmp(bytes([200, 1, 0, 1]), 5, 2, 8, compression=1, palette=GREYS), "leaves the picture"),
        (bmp(bytes([0, 2, 0, 9, 1, 1, 0, 1]), 5, 2, 8, compression=1, palette=GREYS), "leaves the picture"),
        (bmp(bytes([3, 1]), 5, 2, 8, compression=1, palette=GREYS), "cut short"),
        (bmp(bytes(100), 5, 2, 24, compression=4), "a way that irodori does not read"),
        (bmp(bytes(100), 5, 2, 7), "makes no sense"),
        (bmp(bytes(100), -5, 2, 24), "makes no sense"),
        (bmp(b"\xff" * 100, 5, 2, 8, palette=GREYS[:40]), "not in the palette"),
        (bmp(bytes(60), 5, 2, 32, compression=3, masks=struct.pack("<III", 0xFF00, 0xFF00, 0xFF)), "masks"),
        (bmp(bytes(60), 5, 2, 32, compression=3, masks=struct.pack("<III", 0xF0F0, 0xF0000, 0xF)), "masks"),
        (bmp(bytes(10), 5, 2, 24), "ends before the picture does"),
    ],
)
def test_strict(data: bytes, message: str) -> None:
    with pytest.raises(PhotoError, match=message):
        read_photo(data)


@pytest.mark.parametrize("width", [29, 30, 31, 32])
def test_written_files_are_understood_by_others(width: int) -> None:
    pixels = ramp(11, width, 3)
    out = io.BytesIO()
    write_photo(pixels, out, like=read_photo(pillow(ramp(11, width), "BMP", dpi=(300, 300))))
    image = Image.open(io.BytesIO(out.getvalue()))
    assert image.format == "BMP"
    assert np.array_equal(np.asarray(image), pixels)
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.02)
    assert out.getvalue()[14 + 40 + 16 : 14 + 40 + 20] == b"BGRs"  # "sRGB" as a little-endian number
    grey = io.BytesIO()
    write_photo(ramp(11, width), grey, format="bmp")
    assert np.array_equal(np.asarray(Image.open(grey).convert("L")), ramp(11, width))
