"""Every format in the kinds that photographs come in, against what other libraries wrote into the file."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from irodori import photo_vips
from irodori.errors import PhotoError
from irodori.photo import read_photo
from tests.photo_files import pillow, png, ramp, tiff

GREY, RGB = ramp(), ramp(channels=3)
GREY16, RGB16 = ramp(bits=16), ramp(channels=3, bits=16)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "JPEG2000"])
def test_grey_and_colour_of_each_format(format: str) -> None:
    for pixels in (GREY, RGB):
        options = {"JPEG": {"subsampling": 0}, "AVIF": {"subsampling": "4:4:4"}}
        data = pillow(pixels, format, **options.get(format, {}))
        expected = np.asarray(Image.open(io.BytesIO(data)))
        photo = read_photo(data)
        assert photo.bits == 8
        assert photo.pixels.shape == expected.shape
        assert photo.size == (40, 60)
        # Decoders of JPEG and AVIF may differ by a step.
        assert np.abs(photo.pixels.astype(int) - expected).max() <= (2 if format in ("JPEG", "AVIF", "WEBP") else 0)


def test_progressive_jpeg() -> None:
    plain, progressive = (read_photo(pillow(RGB, "JPEG", quality=90, progressive=p)).pixels for p in (False, True))
    assert np.array_equal(plain, progressive)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_png_grey_of_every_depth(depth: int) -> None:
    top = 2**depth - 1
    samples = (np.arange(23 * 11) * 37 % (top + 1)).reshape(11, 23)
    photo = read_photo(png(samples, 0, depth))
    full = 65535 if depth == 16 else 255
    assert photo.is_grey
    assert photo.bits == (16 if depth == 16 else 8)
    assert np.array_equal(photo.pixels, np.round(samples / top * full))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_png_palette_of_every_depth(depth: int) -> None:
    count = 2**depth
    palette = np.random.default_rng(depth).integers(0, 256, (count, 3), dtype=np.uint8)
    samples = (np.arange(17 * 9) * 7 % count).reshape(9, 17)
    photo = read_photo(png(samples, 3, depth, palette=palette.tobytes()))
    assert np.array_equal(photo.pixels, palette[samples])
    assert photo.alpha is None


def test_png_palette_with_transparency() -> None:
    palette = np.array([[10, 20, 30], [200, 100, 50], [0, 0, 0]], np.uint8)
    samples = np.array([[0, 1, 2], [2, 1, 0]])
    photo = read_photo(png(samples, 3, 8, palette=palette.tobytes(), transparency=bytes([0, 128])))
    assert np.array_equal(photo.pixels, palette[samples])
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha, np.array([0, 128, 255])[samples])


@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
@pytest.mark.parametrize("depth", [8, 16])
def test_png_with_and_without_alpha(colour_type: int, channels: int, depth: int) -> None:
    samples = ramp(20, 30, channels, depth)
    photo = read_photo(png(samples, colour_type, depth))
    assert photo.bits == depth
    colours = samples if channels in (1, 3) else samples[..., : channels - 1]
    assert np.array_equal(photo.pixels, np.squeeze(colours))
    if channels in (1, 3):
        assert photo.alpha is None
    else:
        assert photo.alpha is not None
        assert np.array_equal(photo.alpha, samples[..., -1])


def test_interlaced_png_equals_plain(tmp_path) -> None:
    image = photo_vips.from_array(RGB16)
    data = bytes(image.pngsave_buffer(interlace=True))
    assert np.array_equal(read_photo(data).pixels, RGB16)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rowsperstrip": 7},
        {"tile": (16, 32)},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True, "rowsperstrip": 5},
        {"tile": (16, 16), "compression": "zlib"},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"byteorder": ">", "bigtiff": True, "tile": (16, 16)},
        {"planarconfig": "separate"},
    ],
    ids=str,
)
@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_layouts(options: dict, bits: int) -> None:
    for pixels in (ramp(bits=bits), ramp(channels=3, bits=bits)):
        separate = "planarconfig" in options and pixels.ndim == 3
        stored = np.moveaxis(pixels, 2, 0) if separate else pixels
        if "planarconfig" in options and not separate:
            continue
        photo = read_photo(tiff(stored, photometric="rgb" if pixels.ndim == 3 else "minisblack", **options))
        assert photo.bits == bits
        assert np.array_equal(photo.pixels, pixels)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_deflate", "tiff_adobe_deflate", "jpeg"])
def test_tiff_compressions(compression: str) -> None:
    for pixels in (GREY, RGB):
        data = pillow(pixels, "TIFF", compression=compression)
        expected = np.asarray(Image.open(io.BytesIO(data)))
        assert np.abs(read_photo(data).pixels.astype(int) - expected).max() <= (2 if compression == "jpeg" else 0)


@pytest.mark.parametrize("compression", ["raw", "group3", "group4"])
def test_tiff_of_one_bit(compression: str) -> None:
    image = Image.fromarray(GREY).convert("1")
    out = io.BytesIO()
    image.save(out, "TIFF", compression=compression)
    assert np.array_equal(read_photo(out.getvalue()).pixels, np.asarray(image) * 255)


def test_tiff_where_white_is_zero() -> None:
    assert np.array_equal(read_photo(tiff(GREY16, photometric="miniswhite")).pixels, 65535 - GREY16)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("white", [1.0, 255.0])
def test_tiff_of_floats(dtype: str, white: float) -> None:
    for pixels in (GREY16, RGB16):
        photo = read_photo(tiff((pixels / 65535 * white).astype(dtype)))
        assert photo.bits == 16
        tolerance = 1 if dtype == "float32" else 32
        assert np.abs(photo.pixels.astype(int) - pixels).max() <= tolerance


def test_floats_that_are_no_numbers_are_refused() -> None:
    values = np.full((30, 30), 0.5, np.float32)
    values[20, 20] = np.nan
    with pytest.raises(PhotoError, match="not numbers"):
        read_photo(tiff(values))
    with pytest.raises(PhotoError, match="expected floats"):
        read_photo(tiff(values[:20] * 1e9))


def test_tiff_of_32_bit_integers() -> None:
    pixels = GREY16.astype(np.uint32) << 16 | GREY16
    assert np.array_equal(read_photo(tiff(pixels)).pixels, GREY16)


def test_tiff_with_alpha() -> None:
    pixels = ramp(channels=4, bits=16)
    photo = read_photo(tiff(pixels, extrasamples=["unassalpha"]))
    assert np.array_equal(photo.pixels, pixels[..., :3])
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha, pixels[..., 3])


def test_tiff_with_premultiplied_alpha() -> None:
    pixels = ramp(channels=4, bits=16)
    pixels[..., 3] = pixels[..., 3] // 2 + 30_000
    stored = pixels.copy()
    stored[..., :3] = np.round(pixels[..., :3] / 65535.0 * pixels[..., 3:])
    photo = read_photo(tiff(stored, extrasamples=["assocalpha"]))
    assert np.abs(photo.pixels.astype(int) - pixels[..., :3]).max() <= 2


def test_extra_channels_that_are_no_transparency() -> None:
    """A scanner's infrared, a selection saved by Photoshop."""
    pixels = ramp(channels=4, bits=16)
    photo = read_photo(tiff(pixels, extrasamples=["unspecified"]))
    assert photo.alpha is None
    assert np.array_equal(photo.pixels, pixels[..., :3])
    grey = read_photo(tiff(pixels[..., :2], photometric="minisblack", extrasamples=["unspecified"]))
    assert grey.alpha is None
    assert np.array_equal(grey.pixels, pixels[..., 0])
    two = read_photo(tiff(ramp(channels=5), extrasamples=["unassalpha", "unspecified"]))
    assert two.alpha is not None
    assert np.array_equal(two.alpha, ramp(channels=5)[..., 3])


def test_grey_tiff_with_alpha() -> None:
    pixels = ramp(channels=2)
    photo = read_photo(tiff(pixels, photometric="minisblack", extrasamples=["unassalpha"]))
    assert photo.alpha is not None
    assert np.array_equal(photo.pixels, pixels[..., 0])
    assert np.array_equal(photo.alpha, pixels[..., 1])


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint64", "float64"])
def test_numbers_that_are_not_read(dtype: str) -> None:
    with pytest.raises(PhotoError, match="of a kind that irodori does not read"):
        read_photo(tiff(np.ones((20, 20), dtype)))


@pytest.mark.parametrize("format", ["WEBP", "PNG", "AVIF"])
def test_of_a_moving_picture_the_first(format: str) -> None:
    pictures = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    out = io.BytesIO()
    pictures[0].save(out, format, save_all=True, append_images=pictures[1:])
    photo = read_photo(out.getvalue())
    assert photo.size == (40, 60)
    assert photo.pages == 1
    assert np.abs(photo.pixels.astype(int) - RGB).mean() < 5


def test_pages_of_a_tiff() -> None:
    import tifffile

    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for i in range(3):
            writer.write(GREY + np.uint8(i), photometric="minisblack", description=f"page {i}", metadata=None)
    for page in range(3):
        photo = read_photo(out.getvalue(), page=page)
        assert (photo.page, photo.pages) == (page, 3)
        assert np.array_equal(photo.pixels, GREY + np.uint8(page))
        assert f"page {page}".encode() in (photo.metadata.exif or b"")
    with pytest.raises(PhotoError, match="no page 4 in the TIFF"):
        read_photo(out.getvalue(), page=3)
    with pytest.raises(PhotoError, match="no page 2; a PNG file has one page"):
        read_photo(pillow(GREY, "PNG"), page=1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "TIFF", "PNG", "WEBP", "AVIF"])
def test_orientation_is_baked_in(orientation: int, format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.integers(0, 256, (4, 6)), np.ones((40, 50))).astype(np.uint8)[:150]  # taller than a strip
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "AVIF": {"quality": 95, "subsampling": "4:4:4"}}
    data = pillow(np.dstack([blocks, blocks, 255 - blocks]), format, exif=exif, **options.get(format, {}))
    image = Image.open(io.BytesIO(data))
    expected = np.asarray((image if format == "AVIF" else ImageOps.exif_transpose(image)).convert("RGB")).astype(int)
    if format == "AVIF" and image.getexif().get(0x0112, 1) != 1:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)
    photo = read_photo(data)
    assert photo.pixels.shape == expected.shape
    assert np.abs(photo.pixels - expected).max() <= (0 if format in ("PNG", "TIFF") else 12)


def test_orientation_with_alpha_and_many_strips() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (700, 90, 4), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = read_photo(pillow(pixels, "PNG", exif=exif))
    upright = np.rot90(pixels, -1)
    assert np.array_equal(photo.pixels, upright[..., :3])
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha, upright[..., 3])


def test_deep_avif_uses_the_whole_range() -> None:
    """10 and 12 bits arrive in the upper bits of 16: white must still be white."""
    image = photo_vips.from_array(np.full((64, 64, 3), 65535, np.uint16))
    for depth in (10, 12):
        data = bytes(image.heifsave_buffer(compression="av1", bitdepth=depth, lossless=True))
        photo = read_photo(data)
        assert photo.bits == 16
        assert photo.pixels.min() == 65535


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile(format: str) -> None:
    """No ink is white, all black ink is dark, cyan ink is cyan."""
    inks = np.zeros((16, 48, 4), np.uint8)
    inks[:, 16:32, 3] = 255
    inks[:, 32:, 0] = 255
    out = io.BytesIO()
    Image.fromarray(inks, "CMYK").save(out, format, **({"quality": 100} if format == "JPEG" else {}))
    photo = read_photo(out.getvalue())
    white, black, cyan = (photo.pixels[8, x].astype(int) for x in (8, 24, 40))
    assert white.min() >= 250
    assert black.max() <= 70
    assert cyan[0] < 60 < 120 < cyan[1] < cyan[2]


def test_ycck_jpeg() -> None:
    """The same CMYK numbers told as YCCK (Adobe transform 2) give the colours of their plain CMYK twin."""
    inks = np.zeros((32, 32, 4), np.uint8)
    inks[...] = (40, 90, 160, 20)
    out = io.BytesIO()
    Image.fromarray(inks, "CMYK").save(out, "JPEG", quality=100, subsampling=0)
    plain = read_photo(out.getvalue()).pixels[16, 16].astype(int)
    c, m, y, k = inks[0, 0].astype(float)  # a decoder makes 255 - RGB of the YCC part: the stored, inverted inks
    yy = 0.299 * c + 0.587 * m + 0.114 * y
    ycck = np.array([yy, 128 + (y - yy) * 0.564, 128 + (c - yy) * 0.713, 255 - k]).round().astype(np.uint8)
    twin = io.BytesIO()
    Image.fromarray(np.broadcast_to(255 - ycck, inks.shape).copy(), "CMYK").save(
        twin, "JPEG", quality=100, subsampling=0
    )
    data = bytearray(twin.getvalue())
    at = data.index(b"Adobe")
    assert data[at + 11] == 0
    data[at + 11] = 2
    assert np.abs(read_photo(bytes(data)).pixels[16, 16].astype(int) - plain).max() <= 3


def test_16_bit_survives_where_pillow_loses_it() -> None:
    """The reason for libvips: all 65,536 levels of a 16-bit RGB PNG and TIFF arrive."""
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    pixels = np.dstack([levels, levels[::-1], levels.T])
    for data in (png(pixels, 2, 16), tiff(pixels)):
        assert np.array_equal(read_photo(data).pixels, pixels)


def test_thousands_of_channels_are_refused_before_they_are_decoded() -> None:
    """A small file whose pixels would each cost kilobytes."""
    usual = tiff(
        np.zeros((20, 30, 6), np.uint8), photometric="rgb", compression="zlib", extrasamples=["unspecified"] * 3
    )
    assert read_photo(usual).size == (20, 30)
    crowded = tiff(
        np.zeros((20, 30, 1000), np.uint8), photometric="minisblack", compression="zlib", planarconfig="contig"
    )
    with pytest.raises(PhotoError, match="1000 channels, more than the 16"):
        read_photo(crowded)


def test_a_compressed_picture_in_one_long_strip() -> None:
    """As scanners write them; libvips by itself allows 50 MB for all that a TIFF makes it hold."""
    pixels = np.random.default_rng(0).integers(0, 65536, (3000, 3000, 3), dtype=np.uint16)
    data = tiff(pixels, rowsperstrip=3000, compression="zlib", compressionargs={"level": 0})
    assert len(data) > 50 << 20
    assert np.array_equal(read_photo(data).pixels, pixels)
