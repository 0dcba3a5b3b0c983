"""Writing: what comes back is what was written, in every format, whole or not at all, the same bytes every time."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from irodori import photo_encode, photo_icc
from irodori.color import lab
from irodori.errors import PhotoError
from irodori.photo import Photo, default_output, read_photo, write_photo
from tests import icc_profiles
from tests.photo_files import pillow, png, ramp, tiff

RGB, RGB16 = ramp(channels=3), ramp(channels=3, bits=16)
LOSSLESS_16 = ("png", "tiff", "jp2")


def written(pixels: object, like: Photo | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    write_photo(pixels, out, like=like, **options)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize("format", LOSSLESS_16)
@pytest.mark.parametrize("bits", [8, 16])
def test_lossless_formats_give_the_pixels_back(format: str, bits: int) -> None:
    pixels = ramp(channels=3, bits=bits)
    back = read_photo(written(pixels, format=format))
    assert back.bits == bits
    assert np.array_equal(back.pixels, pixels)


@pytest.mark.parametrize("format", LOSSLESS_16)
def test_16_bit_colouring_keeps_lightness(format: str) -> None:
    """A grey 16-bit file in, colours of the same L in 16 bit out: L is that of the source to 0.02."""
    grey = ramp(60, 80, bits=16)
    source = read_photo(written(grey, format=format))
    assert source.is_grey
    colours = np.dstack([source.lightness, np.full((60, 80), 4, np.float32), np.full((60, 80), -5, np.float32)])
    inside = (lab.to_srgb(colours) >= 0).all(axis=-1) & (lab.to_srgb(colours) <= 1).all(axis=-1)
    result = read_photo(written(lab.to_rgb(colours, 16), like=source))
    assert (result.metadata.format, result.bits) == (format, 16)
    assert inside.mean() > 0.8
    assert np.abs(result.lightness - source.lightness)[inside].max() <= 0.02


@pytest.mark.parametrize(("format", "tolerance"), [("jpeg", 2), ("webp", 3), ("avif", 2), ("bmp", 0)])
def test_8_bit_formats(format: str, tolerance: float) -> None:
    back = read_photo(written(RGB, format=format))
    assert back.metadata.format == format
    assert np.abs(lab.to_lab(back.pixels) - lab.to_lab(RGB))[..., 0].max() <= tolerance


def test_jpeg_is_not_subsampled() -> None:
    image = Image.open(io.BytesIO(written(RGB, format="jpeg")))
    assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]


def test_deep_avif_is_written_and_read_in_16_bit() -> None:
    back = read_photo(written(RGB16, format="avif"))
    assert back.bits == 16
    assert np.abs(lab.to_lab(back.pixels) - lab.to_lab(RGB16))[..., 0].max() <= 0.5


@pytest.mark.parametrize("source", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "JPEG2000"])
def test_same_format_and_depth_by_default(source: str) -> None:
    like = read_photo(pillow(ramp(), source))
    back = read_photo(written(RGB, like=like))
    assert back.metadata.format == like.metadata.format
    assert back.bits == 8


def test_depth_follows_the_photo_and_the_pixels_unless_asked() -> None:
    deep = read_photo(png(ramp(bits=16), 0, 16))
    assert read_photo(written(RGB16, like=deep)).bits == 16
    assert read_photo(written(RGB16, like=deep, bits=8)).bits == 8
    assert read_photo(written(RGB16, like=deep, format="jpeg")).bits == 8
    assert read_photo(written(RGB, like=deep)).bits == 16
    shallow = read_photo(png(ramp(), 0, 8))
    assert read_photo(written(RGB, like=shallow)).bits == 8
    back = read_photo(written(RGB16, like=shallow, format="png"))  # of render(..., bits=16) nothing is thrown away
    assert np.array_equal(back.pixels, RGB16)
    assert read_photo(written(RGB16, like=shallow, format="webp")).bits == 8
    assert read_photo(written(RGB, like=shallow, bits=16)).bits == 16
    assert np.array_equal(read_photo(written(RGB, like=shallow, bits=16)).pixels, RGB.astype(np.uint16) * 257)


def test_depths_are_rounded_to_nearest() -> None:
    every = np.arange(65536, dtype=np.uint16)
    assert np.array_equal(photo_encode.to_depth(every, np.uint8), np.round(every / 257))
    assert np.array_equal(photo_encode.twelve_bits(every) >> 4, np.round(every / 65535 * 4095))


@pytest.mark.parametrize("format", ["png", "tiff", "jp2", "jpeg", "webp", "avif"])
def test_results_are_tagged_srgb(format: str) -> None:
    data = written(RGB, format=format)
    if format == "jp2":
        assert b"colr\x01\x00\x00\x00\x00\x00\x10" in data
        return
    profile = photo_icc.parse(read_photo(data).metadata.icc or b"")
    assert profile is not None
    assert profile.is_srgb


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff", "webp", "avif", "bmp", "jp2"])
def test_the_same_bytes_every_time(format: str) -> None:
    like = read_photo(pillow(ramp(), "JPEG", dpi=(300, 300)))
    big = np.tile(RGB, (4, 4, 1))
    like = Photo(np.tile(like.pixels, (4, 4)), metadata=like.metadata)
    assert written(big, like=like, format=format) == written(big.copy(), like=like, format=format)


@pytest.mark.parametrize("format", ["png", "tiff", "jp2", "webp", "avif"])
@pytest.mark.parametrize("bits", [8, 16])
def test_alpha_is_kept(format: str, bits: int) -> None:
    like = read_photo(png(ramp(64, 64, 2, bits), 4, bits))
    assert like.alpha is not None
    back = read_photo(written(ramp(64, 64, 3, bits), like=like, format=format))
    assert back.alpha is not None
    tolerance = {"webp": 0, "avif": 4}.get(format, 0)
    expected = photo_encode.to_depth(like.alpha, back.alpha.dtype)
    scale = 257 if back.bits == 16 else 1
    assert np.abs(back.alpha.astype(int) - expected).max() <= tolerance * scale
    if format != "avif":
        assert read_photo(written(ramp(64, 64, 3, bits), like=like, format=format)).bits == back.bits


def test_transparent_pixels_become_white_where_there_is_no_alpha() -> None:
    samples = np.zeros((32, 32, 2), np.uint8)
    samples[:, 16:, 1] = 255
    like = read_photo(png(samples, 4, 8))
    back = read_photo(written(np.zeros((32, 32, 3), np.uint8), like=like, format="bmp"))
    assert back.pixels[:, :16].min() == 255
    assert back.pixels[:, 16:].max() == 0


@pytest.mark.parametrize("name", ["adobe", "p3"])
@pytest.mark.parametrize("format", ["png", "tiff", "jp2"])
def test_keep_writes_right_colours_in_the_photos_own_profile(name: str, format: str) -> None:
    curve = icc_profiles.gamma(563 / 256) if name == "adobe" else icc_profiles.srgb_curve
    icc = icc_profiles.rgb(name, curve)
    like = read_photo(tiff(RGB16, extratags=[(34675, 7, len(icc), icc, True)]))
    data = written(RGB16, like=like, profile="keep", format=format)
    back = read_photo(data)
    assert back.metadata.icc == icc
    difference = np.abs(lab.to_lab(back.pixels) - lab.to_lab(RGB16))
    assert difference[..., 0].max() <= 0.02
    assert difference.max() <= 0.1
    # The numbers in the file are those of the wide profile, seen by someone who knows nothing of ours.
    if format == "tiff":
        import tifffile

        stored = tifffile.imread(io.BytesIO(data))
        assert np.abs(stored.astype(int) - RGB16).max() > 1000
        told = icc_profiles.rgb_to_srgb(stored / 65535, name, curve)
        assert np.abs(lab.to_lab(told) - lab.to_lab(RGB16))[..., 0].max() <= 0.02


def test_keep_with_strips_equals_keep_with_an_array() -> None:
    icc = icc_profiles.rgb("p3", icc_profiles.srgb_curve)
    like = read_photo(pillow(RGB, "PNG", icc_profile=icc))
    whole = written(RGB, like=like, profile="keep")
    assert whole == written((RGB[y : y + 7] for y in range(0, 40, 7)), like=like, profile="keep")


def test_keep_falls_back_to_srgb_where_a_profile_cannot_hold_colours() -> None:
    icc = icc_profiles.grey("dots", icc_profiles.dot_gain(20))
    like = read_photo(pillow(ramp(), "PNG", icc_profile=icc))
    profile = photo_icc.parse(read_photo(written(RGB, like=like, profile="keep")).metadata.icc or b"")
    assert profile is not None
    assert profile.is_srgb


def test_keep_cmyk() -> None:
    from irodori import photo_vips

    image = photo_vips.from_array(RGB // 2 + 60).icc_transform("cmyk", input_profile="srgb", depth=8)
    like = read_photo(bytes(image.jpegsave_buffer(Q=95)))
    result = RGB // 3 + 80
    back_data = written(result, like=like, profile="keep")
    assert Image.open(io.BytesIO(back_data)).mode == "CMYK"
    assert np.median(np.abs(lab.to_lab(read_photo(back_data).pixels) - lab.to_lab(result))) < 2
    assert Image.open(io.BytesIO(written(result, like=like, profile="keep", format="png"))).mode == "RGB"
    assert Image.open(io.BytesIO(written(result, like=like))).mode == "RGB"


@pytest.mark.parametrize("compression", ["none", "lzw", "packbits", "deflate"])
def test_tiff_is_compressed_as_its_source(compression: str) -> None:
    name = {"none": None, "lzw": "tiff_lzw", "packbits": "packbits", "deflate": "tiff_adobe_deflate"}[compression]
    like = read_photo(pillow(ramp(), "TIFF", compression=name))
    assert like.metadata.compression == compression
    assert read_photo(written(RGB, like=like)).metadata.compression == compression


def test_strips_equal_an_array_and_need_no_float() -> None:
    like = Photo.from_array(ramp(bits=16))
    strips = (RGB16[y : y + 9] for y in range(0, 40, 9))
    assert written(strips, like=like, format="png") == written(RGB16, like=like, format="png")


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (RGB.astype(np.float32), "uint8 or uint16"),
        (RGB[..., :2], "expected pixels"),
        (RGB[:0], "no pixels"),
        (iter([RGB[:10], RGB[10:20]]), "got 20 rows"),
        (iter([RGB, RGB]), "at row 40"),
        (iter([RGB[:, :5]]), "at row 0"),
        (iter([]), "got 0 rows"),
    ],
)
def test_wrong_pixels_are_refused(pixels: object, message: str) -> None:
    with pytest.raises(PhotoError, match=message):
        written(pixels, like=Photo.from_array(ramp()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "jpeg", "bits": 16}, "a JPEG file holds 8 bits per channel, not 16; these hold 16: PNG"),
        ({"format": "gif"}, "cannot write the format 'gif'"),
        ({"format": "png", "bits": 12}, "expected 8 or 16 bits"),
        ({"format": "jpeg", "quality": 0}, "quality of 1 to 100"),
        ({"format": "png", "profile": "adobe"}, "expected the profile"),
    ],
)
def test_wrong_settings_are_refused(options: dict, message: str) -> None:
    with pytest.raises(PhotoError, match=message):
        written(RGB, **options)


def test_too_large_for_the_format_leaves_nothing(tmp_path: Path) -> None:
    wide = np.zeros((2, 70_000, 3), np.uint8)
    for name in ("a.jpg", "a.webp", "a.jp2"):
        with pytest.raises(PhotoError):
            write_photo(wide, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_no_half_written_files(tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    target.write_bytes(b"precious")

    def failing():
        yield RGB[:10]
        raise RuntimeError("the network fell over")

    with pytest.raises(RuntimeError):
        write_photo(failing(), target, like=Photo.from_array(ramp()))
    assert target.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [target]
    write_photo(RGB, target)
    assert np.array_equal(read_photo(target).pixels, RGB)
    assert list(tmp_path.iterdir()) == [target]


def test_targets_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    targets = {
        tmp_path / "folder.png": "Is a directory",
        tmp_path / "missing" / "out.png": r"cannot write out\.png \(there is no folder .*missing\)$",
        tmp_path / "file" / "out.png": "Not a directory",
        tmp_path / ("x" * 300 + ".png"): "too long",
        tmp_path / "out.gif": "ending '.gif'",
    }
    for target, message in targets.items():
        with pytest.raises(PhotoError, match=message) as caught:
            write_photo(RGB, target)
        assert "\n" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.png"]


def test_unicode_and_long_names(tmp_path: Path) -> None:
    for name in ("彩り 🎨.png", "a" * 251 + ".png", "with[brackets].tif", "-dash.jpg"):
        write_photo(RGB, tmp_path / name)
        assert read_photo(tmp_path / name).name == name


DISK_FULL = """
import resource, sys, numpy as np
from irodori.photo import write_photo
from irodori.errors import PhotoError
pixels = np.random.default_rng(0).integers(0, 65536, (200, 200, 3), dtype=np.uint16)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for name in sys.argv[2:]:
    try:
        write_photo(pixels, f"{sys.argv[1]}/{name}")
    except PhotoError as error:
        print(name, error)
"""


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """Files that may not grow beyond 20 kB stand for a full disk: every writer fails in the middle."""
    names = ["a.png", "a.tif", "a.jpg", "a.webp", "a.avif", "a.bmp", "a.jp2"]
    command = [sys.executable, "-c", DISK_FULL, str(tmp_path), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == names
    assert all("cannot write" in line and line.endswith(" (File too large)") for line in done.stdout.splitlines())
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_default_output_name() -> None:
    assert default_output("a/old.photo.jpg") == Path("a/old.photo.color.jpg")
    assert default_output("old.jpeg", "jpeg") == Path("old.color.jpeg")
    assert default_output("a/old.jpg", "png") == Path("a/old.color.png"), "the content decides, not the name"
    assert default_output("scan", "tiff") == Path("scan.color.tif")
    assert default_output("box 7.1936", "tiff") == Path("box 7.1936.color.tif")
