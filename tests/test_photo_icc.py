"""Colours through profiles, against their own arithmetic in float64 and against the colour engine of libvips."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageCms

from irodori import photo_icc, photo_vips
from irodori.color import lab
from irodori.photo import read_photo
from tests import icc_profiles
from tests.photo_files import chunk, pillow, png, ramp, tiff

GREYS = {
    "Gray Gamma 2.2": icc_profiles.gamma(2.2),
    "Dot Gain 20 %": icc_profiles.dot_gain(20),
    "Gray Gamma 1.8": icc_profiles.gamma(1.8),
    "linear": icc_profiles.gamma(1.0),
}
ADOBE_GAMMA = 563 / 256
RGBS = {"adobe": icc_profiles.gamma(ADOBE_GAMMA), "p3": icc_profiles.srgb_curve}


def tiff_with(pixels: np.ndarray, icc: bytes) -> bytes:
    return tiff(pixels, extratags=[(34675, 7, len(icc), icc, True)])


@pytest.mark.parametrize("format", ["tiff", "png"])
@pytest.mark.parametrize("name", GREYS)
def test_grey_profiles_in_16_bit(name: str, format: str) -> None:
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    icc = icc_profiles.grey(name, GREYS[name])
    photo = read_photo(tiff_with(levels, icc) if format == "tiff" else png(levels, 0, 16, extra=icc_chunk(icc)))
    assert photo.is_grey
    assert photo.bits == 16
    expected = icc_profiles.srgb_encode(GREYS[name](levels / 65535))
    assert np.abs(photo.lightness - lab.lightness(expected)).max() <= 0.02
    # The profile matters: sRGB would have given something else.
    assert np.abs(photo.lightness - lab.lightness(levels)).max() > 1


@pytest.mark.parametrize("name", ["Gray Gamma 2.2", "Dot Gain 20 %"])
def test_grey_profiles_in_8_bit_jpeg_and_png(name: str) -> None:
    icc = icc_profiles.grey(name, GREYS[name])
    levels = np.repeat(np.arange(256, dtype=np.uint8)[None], 8, axis=0)
    expected = icc_profiles.srgb_encode(GREYS[name](levels / 255)) * 255
    assert np.abs(read_photo(pillow(levels, "PNG", icc_profile=icc)).pixels - expected).max() <= 0.55
    flat = np.full((16, 16), 100, np.uint8)
    expected_flat = icc_profiles.srgb_encode(GREYS[name](np.array(100 / 255))) * 255
    assert np.abs(read_photo(pillow(flat, "JPEG", icc_profile=icc)).pixels - expected_flat).max() <= 0.55


@pytest.mark.parametrize("format", ["tiff", "png"])
@pytest.mark.parametrize("name", RGBS)
def test_rgb_profiles_in_16_bit(name: str, format: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (200, 300, 3), dtype=np.uint16)
    icc = icc_profiles.rgb(name, RGBS[name])
    photo = read_photo(tiff_with(pixels, icc) if format == "tiff" else png(pixels, 2, 16, extra=icc_chunk(icc)))
    expected = icc_profiles.rgb_to_srgb(pixels / 65535, name, RGBS[name])
    inside = ((expected > 0) & (expected < 1)).all(axis=-1)
    assert inside.sum() > 10_000
    difference = np.abs(lab.to_lab(photo.pixels) - lab.to_lab(expected))[inside]
    assert difference[:, 0].max() <= 0.02
    assert difference.max() <= 0.05


@pytest.mark.parametrize("name", RGBS)
def test_rgb_profiles_agree_with_the_colour_engine_in_8_bit(name: str) -> None:
    """An outside authority: LittleCMS inside libvips, which is accurate for 8 bits."""
    pixels = ramp(64, 64, 3)
    icc = icc_profiles.rgb(name, RGBS[name])
    engine = photo_vips.to_srgb(photo_vips.from_array(pixels), 3, icc, False).numpy()
    ours = read_photo(pillow(pixels, "PNG", icc_profile=icc)).pixels
    assert np.abs(ours.astype(int) - engine).max() <= 1


def test_an_srgb_profile_leaves_pixels_untouched() -> None:
    pixels = ramp(channels=3, bits=16)
    for icc in (
        icc_profiles.rgb("srgb", icc_profiles.srgb_curve),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    ):
        assert np.array_equal(read_photo(tiff_with(pixels, icc)).pixels, pixels)
    grey = icc_profiles.grey("sRGB curve", icc_profiles.srgb_curve)
    assert np.array_equal(read_photo(tiff_with(pixels[..., 0], grey)).pixels, pixels[..., 0])


@pytest.mark.parametrize("name", RGBS)
def test_to_a_profile_and_back_keeps_lightness(name: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 65536, (300, 300, 3), dtype=np.uint16)
    profile = photo_icc.parse(icc_profiles.rgb(name, RGBS[name]))
    assert profile is not None
    there = profile.from_srgb(pixels)
    back = lab.to_lab(icc_profiles.rgb_to_srgb(there / 65535, name, RGBS[name]))
    assert np.abs(back - lab.to_lab(pixels))[..., 0].max() <= 0.02
    assert np.abs(profile.to_srgb(there).astype(int) - pixels).max() <= 30


def test_parametric_curves() -> None:
    """Version 4 profiles tell their curves by formulas; LittleCMS writes such an sRGB."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert b"para" in icc
    profile = photo_icc.parse(icc)
    assert profile is not None
    assert profile.is_srgb


def test_profiles_on_the_wrong_kind_of_picture(capfd: pytest.CaptureFixture[str]) -> None:
    grey, rgb = ramp(), ramp(channels=3)
    adobe = icc_profiles.rgb("adobe", RGBS["adobe"])
    dots = icc_profiles.grey("dots", GREYS["Dot Gain 20 %"])
    forbidden = read_photo(png(grey, 0, 8, extra=icc_chunk(adobe)))  # by the PNG standard: libpng leaves it out
    assert np.array_equal(forbidden.pixels, grey)
    assert forbidden.metadata.icc is None
    expected = icc_profiles.srgb_encode(RGBS["adobe"](grey / 255)) * 255
    assert np.abs(read_photo(tiff_with(grey, adobe)).pixels - expected).max() <= 0.55
    expected = icc_profiles.srgb_encode(GREYS["Dot Gain 20 %"](rgb / 255)) * 255
    assert np.abs(read_photo(tiff_with(rgb, dots)).pixels - expected).max() <= 0.55
    assert capfd.readouterr() == ("", "")


def icc_chunk(icc: bytes) -> bytes:
    import zlib

    return chunk(b"iCCP", b"x\0\0" + zlib.compress(icc))


def test_broken_profiles_are_passed_over() -> None:
    pixels = ramp(channels=3, bits=16)
    icc = icc_profiles.rgb("adobe", RGBS["adobe"])
    rng = np.random.default_rng(0)
    for length in (0, 10, 127, 131, 140, 200, len(icc) - 3):
        assert photo_icc.parse(icc[:length]) is None
    for _ in range(300):
        broken = bytearray(icc[:600])
        broken[rng.integers(0, 240)] = rng.integers(0, 256)
        photo_icc.parse(bytes(broken))  # never raises
    assert np.array_equal(read_photo(tiff_with(pixels, b"\0" * 40)).pixels, pixels)


def test_cmyk_profile_of_tables() -> None:
    """A CMYK profile goes through the colour engine: inks made from sRGB by the same profile come back near it."""
    pixels = ramp(48, 48, 3) // 2 + 60
    image = photo_vips.from_array(pixels).icc_transform(
        "cmyk", input_profile="srgb", intent="relative", black_point_compensation=True
    )
    data = bytes(image.tiffsave_buffer())
    photo = read_photo(data)
    assert photo.metadata.icc is not None
    assert photo_icc.colour_space(photo.metadata.icc) == "CMYK"
    inks = image.numpy()
    assert inks.shape[2] == 4
    difference = np.abs(lab.to_lab(photo.pixels) - lab.to_lab(pixels))
    assert np.median(difference) < 1.5
