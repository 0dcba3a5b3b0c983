"""Reading a photo: the value that comes out, and one sentence for everything that is none."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from irodori.color import lab
from irodori.errors import PhotoError
from irodori.photo import Photo, read_photo
from tests.photo_files import PEAK, chunk, pillow, png, ramp, tiff

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
FORMATS = ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "JPEG2000"]


def test_path_bytes_and_file_objects_are_the_same_photo(tmp_path: Path) -> None:
    data = pillow(ramp(channels=3), "PNG")
    path = tmp_path / "old photo.png"
    path.write_bytes(data)
    with path.open("rb") as file:
        photos = [
            read_photo(path),
            read_photo(str(path)),
            read_photo(data),
            read_photo(io.BytesIO(data)),
            read_photo(file),
        ]
    for photo in photos:
        assert np.array_equal(photo.pixels, ramp(channels=3))
        assert photo.digest == hashlib.sha256(data).hexdigest()
    assert [photo.name for photo in photos] == ["old photo.png", "old photo.png", "", "", "old photo.png"]
    assert read_photo(data, name="given.png").name == "given.png"


@pytest.mark.parametrize("format", FORMATS)
def test_formats_are_told_by_content_not_by_name(tmp_path: Path, format: str) -> None:
    path = tmp_path / "misnamed.xyz"
    path.write_bytes(pillow(ramp(), format))
    assert read_photo(path).size == (40, 60)


def test_lightness_of_grey_and_colour() -> None:
    for pixels in (ramp(), ramp(bits=16), ramp(channels=3), ramp(channels=3, bits=16), np.tile(ramp(), (20, 1))):
        photo = Photo.from_array(pixels)
        expected = lab.lightness(pixels)
        assert photo.lightness.dtype == np.float32
        np.testing.assert_allclose(photo.lightness, expected, atol=1e-4)
        assert photo.lightness is photo.lightness
        fresh = Photo.from_array(pixels)
        assert np.array_equal(fresh.lightness_rows(7, 19), photo.lightness[7:19])
        assert "lightness" not in fresh.__dict__  # rows on demand keep nothing


def test_lightness_is_0_for_black_and_100_for_white() -> None:
    for dtype in (np.uint8, np.uint16):
        photo = Photo.from_array(np.array([[0, np.iinfo(dtype).max]], dtype))
        np.testing.assert_allclose(photo.lightness, [[0, 100]], atol=1e-4)


def test_resized_lightness_is_the_resized_plane() -> None:
    from irodori.photo_resize import resize

    for pixels in (ramp(300, 200), ramp(300, 200, 3, 16)):
        photo = Photo.from_array(pixels)
        np.testing.assert_allclose(photo.resized_lightness(40, 31), resize(photo.lightness, 40, 31), atol=1e-5)
    with pytest.raises(ValueError, match="at least 1 x 1"):
        photo.resized_lightness(0, 10)


def test_rgb_rows() -> None:
    grey, colour = Photo.from_array(ramp(bits=16)), Photo.from_array(ramp(channels=3))
    assert np.array_equal(grey.rgb_rows(3, 8), np.repeat(ramp(bits=16)[3:8, :, None], 3, axis=2))
    assert np.array_equal(colour.rgb_rows(3, 8), ramp(channels=3)[3:8])


def test_photos_are_read_only_but_the_callers_array_is_not() -> None:
    pixels = ramp(channels=4)
    photo = Photo.from_array(pixels)
    assert photo.alpha is not None
    for array in (photo.pixels, photo.alpha, photo.lightness):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 0
    mine = ramp()
    shared = Photo.from_array(mine)
    assert np.shares_memory(mine, shared.pixels)
    mine[0, 0] = 77
    with pytest.raises(AttributeError):
        shared.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((4, 4)), "uint8 or uint16, got float64"),
        (np.zeros((4, 4, 2), np.uint8), r"got \(4, 4, 2\)"),
        (np.zeros(4, np.uint8), r"got \(4,\)"),
        (np.zeros((0, 4), np.uint8), "no pixels"),
    ],
)
def test_from_array_refuses(pixels: np.ndarray, message: str) -> None:
    with pytest.raises(PhotoError, match=message):
        Photo.from_array(pixels)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"hello, I am a text file that somebody dropped", "not a picture"),
        (b"%PDF-1.7 and so on", "a PDF document"),
        (b"GIF89a" + bytes(40), "a GIF picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture"),
        (b"BM" + bytes(60), "not a picture"),
        (b"8BPS" + bytes(60), "a Photoshop document"),
    ],
)
def test_not_a_picture(data: bytes, message: str) -> None:
    with pytest.raises(PhotoError, match=message) as caught:
        read_photo(data)
    assert "JPEG, PNG, TIFF, WebP, AVIF, JPEG 2000 and BMP" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"the file is empty$"):
        read_photo(b"")
    (tmp_path / "old.jpg").touch()
    with pytest.raises(PhotoError, match=r"^old\.jpg: the file is empty$"):
        read_photo(tmp_path / "old.jpg")


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"missing.jpg: cannot be opened \(No such file"):
        read_photo(tmp_path / "missing.jpg")
    with pytest.raises(PhotoError, match="cannot be opened"):
        read_photo(tmp_path)
    with pytest.raises(PhotoError, match="cannot be opened"):
        read_photo(tmp_path / ("x" * 300))
    with pytest.raises(PhotoError, match="cannot be opened"):
        read_photo("nul\0byte.jpg")


def test_a_text_file_object_is_refused() -> None:
    with pytest.raises(PhotoError, match="binary mode, got one that reads str"):
        read_photo(io.StringIO("text"))  # type: ignore[arg-type]


@pytest.mark.parametrize("format", FORMATS)
def test_cut_short(format: str) -> None:
    data = pillow(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8), format)
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(PhotoError) as caught:
            read_photo(data[: int(len(data) * share)], name="old.xyz")
        message = str(caught.value)
        assert message.startswith("old.xyz: the ")
        assert "cut short" in message
        assert "\n" not in message


def bomb_png(width: int, height: int) -> bytes:
    return png(np.zeros((1, 1), np.uint8), 0, 8, size=(height, width))


def bomb_bmp(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 1000, 0, 0, 54) + header + bytes(100)


def bomb_jpeg(width: int, height: int) -> bytes:
    data = bytearray(pillow(ramp(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def bomb_tiff(width: int, height: int) -> bytes:
    entries = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 100)]
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + bytes(4) + bytes(100)


def bomb_jp2(width: int, height: int) -> bytes:
    data = bytearray(pillow(ramp(), "JPEG2000"))
    at = data.index(b"\xff\x4f\xff\x51")
    data[at + 8 : at + 16] = struct.pack(">II", width, height)
    return bytes(data)


@pytest.mark.parametrize("bomb", [bomb_png, bomb_bmp, bomb_jpeg, bomb_tiff, bomb_jp2])
def test_bombs_are_refused_before_decoding(bomb) -> None:
    width, height = (65_000, 60_000)
    with pytest.raises(PhotoError, match=r"3,900\.0 megapixels \(65000 x 60000\), more than the limit of 300\.0"):
        read_photo(bomb(width, height))


@pytest.mark.parametrize("bomb", [bomb_png, bomb_jpeg, bomb_jp2])
def test_a_few_bytes_that_claim_to_be_a_large_picture_are_refused(bomb) -> None:
    data = bomb(17_000, 17_000)
    with pytest.raises(PhotoError, match=rf"it says 17000 x 17000 pixels and has {len(data):,} bytes"):
        read_photo(data)
    blank = pillow(np.zeros((4000, 4000), np.uint8), "PNG")
    assert read_photo(blank).size == (4000, 4000)


@pytest.mark.parametrize("format", FORMATS)
def test_the_limit_is_settable(format: str) -> None:
    data = pillow(ramp(channels=3), format)
    assert read_photo(data, max_pixels=2400).size == (40, 60)
    with pytest.raises(PhotoError, match="more than the limit"):
        read_photo(data, max_pixels=2399)


@pytest.mark.parametrize("bomb", [bomb_png, bomb_bmp, bomb_tiff, bomb_jp2, bomb_jpeg])
def test_no_pixels(bomb, tmp_path: Path) -> None:
    for size in ((0, 10), (10, 0)):
        with pytest.raises(PhotoError, match="the picture has no pixels"):
            read_photo(bomb(*size))
        (tmp_path / "old").write_bytes(bomb(*size))
        with pytest.raises(PhotoError, match=r"^old: the picture has no pixels"):
            read_photo(tmp_path / "old")


@linux
def test_a_bomb_of_words_does_not_swell() -> None:
    """A PNG whose text chunk unpacks to 200 MB: read, or refused, without holding it."""
    import zlib

    text = b"Comment\0\0" + zlib.compress(bytes(200 << 20), 1)
    data = png(ramp(), 0, 8, extra=chunk(b"zTXt", text))
    code = PEAK + (
        "import sys\nfrom irodori.photo import read_photo\nfrom irodori.errors import PhotoError\n"
        "try:\n    read_photo(sys.stdin.buffer.read())\nexcept PhotoError:\n    pass\nprint(peak())"
    )
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, timeout=120, check=True)
    assert int(done.stdout) < 200e6


def test_warnings_of_the_libraries_stay_off_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    strange = tiff(ramp(), extratags=[(65000, 2, 5, b"what", True)])
    jpeg = bytearray(pillow(ramp(), "JPEG"))
    at = jpeg.index(b"\xff\xda")
    jpeg[at + 40 : at + 44] = b"\xff\x00\x12\x34"
    for data in (strange, bytes(jpeg), strange[:-40], bytes(jpeg[:-30])):
        with contextlib.suppress(PhotoError):
            read_photo(data)
    assert capfd.readouterr() == ("", "")


def test_messages_of_glib_go_to_logging(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    from irodori import photo_vips

    with caplog.at_level("DEBUG", "irodori.libvips"):
        photo_vips.from_array(ramp()).copy(xres=1e9)
    assert capfd.readouterr() == ("", "")
    assert "out of range" in caplog.text


def test_only_our_loaders_may_run() -> None:
    from irodori import photo_vips

    for operation, data in (
        ("svgload_buffer", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("gifload_buffer", b"GIF89a"),
    ):
        with pytest.raises(photo_vips.Error, match="blocked"):
            getattr(photo_vips.Image, operation)(data)
    with pytest.raises(photo_vips.Error):
        photo_vips.Image.csvload(__file__)


def test_importing_the_module_is_light() -> None:
    code = "import sys, irodori.photo; print(sorted({'pyvips', 'PIL', 'openjpeg'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@linux
def test_nothing_is_kept_of_a_photo_that_is_gone(tmp_path: Path) -> None:
    """Reading the same large file again and again needs the memory of one (libvips' cache is off).

    What was kept of each would add up to 36 MB times four; how the allocator spreads one photo varies by 20 MB.
    """
    path = tmp_path / "large.tif"
    path.write_bytes(tiff(np.zeros((3000, 4000, 3), np.uint8)))
    code = PEAK + (
        "import sys\nfrom irodori.photo import read_photo\npeaks = []\n"
        "for _ in range(6):\n    photo = read_photo(sys.argv[1])\n    del photo\n    peaks.append(peak())\n"
        "print(peaks[1], peaks[-1])"
    )
    done = subprocess.run([sys.executable, "-c", code, os.fspath(path)], capture_output=True, check=True, timeout=120)
    second, last = (int(v) for v in done.stdout.split())
    assert last - second < 36e6
