"""JPEG 2000: the kinds that archives keep, read and written; what is not read is refused before OpenJPEG sees it."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from openjpeg.utils import encode_array
from PIL import Image

from irodori import photo_jp2
from irodori.errors import PhotoError
from irodori.photo import Photo, read_photo, write_photo
from tests import icc_profiles
from tests.photo_files import pillow, ramp


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def jp2(samples: np.ndarray, bits: int, *boxes: bytes, space: int = 16) -> bytes:
    """Wrap a lossless codestream of ``samples`` in boxes of our choice."""
    stream = encode_array(np.ascontiguousarray(samples), bits_stored=bits)
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    header = struct.pack(">IIHBBBB", *samples.shape[:2], channels, bits - 1, 7, 0, 0)
    inside = box(b"ihdr", header) + box(b"colr", bytes([1, 0, 0]) + struct.pack(">I", space)) + b"".join(boxes)
    start = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    return start + box(b"jp2h", inside) + box(b"jp2c", stream)


@pytest.mark.parametrize("bits", [1, 4, 8, 10, 12, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_depths_fill_the_range(bits: int, channels: int) -> None:
    full = ramp(33, 47, channels, 16).astype(np.uint32)
    samples = (full * (2**bits - 1) // 65535).astype(np.uint16 if bits > 8 else np.uint8)
    photo = read_photo(jp2(samples, bits, space=16 if channels == 3 else 17))
    assert photo.bits == (16 if bits > 8 else 8)
    assert photo.is_grey == (channels == 1)
    top = 65535 if bits > 8 else 255
    assert np.abs(photo.pixels - samples / (2**bits - 1) * top).max() <= 0.5


def test_bare_codestreams() -> None:
    pixels = ramp(channels=3, bits=16)
    assert np.array_equal(read_photo(encode_array(pixels, bits_stored=16)).pixels, pixels)


def test_palette() -> None:
    palette = np.random.default_rng(0).integers(0, 256, (7, 3), dtype=np.uint8)
    indices = (np.arange(35 * 40) % 7).reshape(35, 40).astype(np.uint8)
    pclr = box(b"pclr", struct.pack(">HB", 7, 3) + b"\7\7\7" + palette.tobytes())
    cmap = box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, i) for i in range(3)))
    assert np.array_equal(read_photo(jp2(indices, 8, pclr, cmap)).pixels, palette[indices])


def test_alpha_by_definition_and_colours_in_another_order() -> None:
    samples = ramp(40, 50, 4)
    cdef = box(
        b"cdef",
        struct.pack(">H", 4) + b"".join(struct.pack(">HHH", *r) for r in [(0, 1, 0), (1, 0, 3), (2, 0, 2), (3, 0, 1)]),
    )
    photo = read_photo(jp2(samples, 8, cdef))
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha, samples[..., 0])
    assert np.array_equal(photo.pixels, samples[..., [3, 2, 1]])


def test_luma_and_chroma() -> None:
    rgb = ramp(32, 32, 3)
    ycc = np.asarray(Image.fromarray(rgb).convert("YCbCr"))
    photo = read_photo(jp2(ycc, 8, space=18))
    assert np.abs(photo.pixels.astype(int) - rgb).max() <= 3


def test_profiles_and_orientation() -> None:
    levels = ramp(36, 48, bits=16)
    icc = icc_profiles.grey("dots", icc_profiles.dot_gain(20))
    stream = encode_array(levels, bits_stored=16)
    inside = box(b"ihdr", struct.pack(">IIHBBBB", 36, 48, 1, 15, 7, 0, 0)) + box(b"colr", bytes([2, 0, 0]) + icc)
    exif = Image.Exif()
    exif[0x0112] = 8
    uuid = box(b"uuid", b"JpgTiffExif->JP2" + exif.tobytes()[6:])
    data = (
        box(b"jP  ", b"\r\n\x87\n")
        + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
        + box(b"jp2h", inside)
        + uuid
        + box(b"jp2c", stream)
    )
    expected = np.rot90(icc_profiles.srgb_encode(icc_profiles.dot_gain(20)(levels / 65535)) * 65535)
    assert np.abs(read_photo(data).pixels - expected).max() <= 20


def test_written_files_are_understood_by_others() -> None:
    for channels in (1, 3, 4):
        pixels = ramp(33, 35, channels)
        like = Photo.from_array(pixels)
        out = io.BytesIO()
        write_photo(like.pixels, out, like=like, format="jp2")
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(out.getvalue()))), pixels)


def test_too_small_for_the_encoder() -> None:
    with pytest.raises(PhotoError, match="expected 32 to 65,535 pixels each way"):
        write_photo(ramp(31, 40, 3), io.BytesIO(), format="jp2")


def siz(data: bytes, offset: int, value: bytes) -> bytes:
    """Change bytes of the codestream's size marker."""
    broken = bytearray(data)
    at = broken.index(b"\xff\x4f\xff\x51") + offset
    broken[at : at + len(value)] = value
    return bytes(broken)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((45, b"\x0f"), "one depth"),  # the second component says 16 bits, the first 8: the wrapper would overrun
        ((42, b"\x87\1\1\x87\1\1\x87\1\1"), "unsigned"),
        ((46, b"\2\2"), "none subsampled"),
        ((16, struct.pack(">II", 1, 1)), "of a kind"),
        ((40, struct.pack(">H", 9)), "9 components"),
        ((40, struct.pack(">H", 0)), "0 components"),
        ((42, b"\x1f\1\1\x1f\1\1\x1f\1\1"), "up to 16 bit"),
    ],
)
def test_what_would_harm_the_decoder_never_reaches_it(
    change: tuple[int, bytes], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_jp2, "decode", lambda *_: pytest.fail("the decoder was called"))
    with pytest.raises(PhotoError, match=message):
        read_photo(siz(pillow(ramp(channels=3), "JPEG2000"), *change))


def test_boxes_that_leave_the_file() -> None:
    data = bytearray(pillow(ramp(channels=3), "JPEG2000"))
    at = data.index(b"jp2h") - 4
    data[at : at + 4] = struct.pack(">I", 1 << 30)
    with pytest.raises(PhotoError, match="damaged or cut short"):
        read_photo(bytes(data))
    data[at : at + 4] = struct.pack(">I", 3)
    with pytest.raises(PhotoError, match="damaged or cut short"):
        read_photo(bytes(data))
