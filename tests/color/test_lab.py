"""sRGB <-> Lab against outside authorities, its own inverse, and the bounds on memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage import color as skimage_color

from irodori.color import lab

# Lindbloom's "CIE Color Calculator" (http://www.brucelindbloom.com), sRGB, reference white D65, no adaptation.
LINDBLOOM = [
    ((255, 0, 0), (53.2408, 80.0925, 67.2032)),
    ((0, 255, 0), (87.7347, -86.1827, 83.1793)),
    ((0, 0, 255), (32.2970, 79.1875, -107.8602)),
    ((255, 255, 0), (97.1393, -21.5537, 94.4780)),
    ((0, 255, 255), (91.1132, -48.0875, -14.1312)),
    ((255, 0, 255), (60.3242, 98.2343, -60.8249)),
    ((255, 255, 255), (100.0, 0.0, 0.0)),
    ((0, 0, 0), (0.0, 0.0, 0.0)),
]


@pytest.mark.parametrize(("rgb", "expected"), LINDBLOOM)
def test_lindblooms_numbers(rgb, expected):
    assert lab.to_lab(np.array(rgb, np.uint8)) == pytest.approx(expected, abs=2e-3)
    assert lab.to_lab(np.array(rgb, np.uint16) * 257) == pytest.approx(expected, abs=2e-3)
    assert lab.to_lab(np.array(rgb) / 255) == pytest.approx(expected, abs=2e-3)


def test_scikit_image_agrees():
    rgb = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    # scikit-image rounds the matrix to 6 digits, hence the tolerance.
    assert np.abs(lab.to_lab(rgb) - skimage_color.rgb2lab(rgb)).max() < 0.02
    colours = lab.to_lab(rgb)
    assert np.abs(lab.to_srgb(colours) - skimage_color.lab2rgb(colours.astype(float))).max() < 2e-4


def reference_lab(rgb):
    """The textbook formulas in float64."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ lab.RGB_TO_XYZ.T / lab.WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def test_float32_stays_within_a_thousandth_of_the_exact_formulas():
    rgb16 = np.random.default_rng(1).integers(0, 65536, (200_000, 3)).astype(np.uint16)
    rgb16[:1000] //= 300  # near black, where the curves have their straight parts
    exact = reference_lab(rgb16 / 65535)
    assert np.abs(lab.to_lab(rgb16) - exact).max() < 1e-3
    assert np.abs(lab.to_lab((rgb16 / 65535).astype(np.float32)) - exact).max() < 1e-3


def test_every_8_bit_colour_survives_the_round_trip():
    plane = np.stack(np.meshgrid(np.arange(256), np.arange(256), indexing="ij"), -1).astype(np.uint8)
    for red in range(0, 256, 8):
        rgb = np.empty((8, 256, 256, 3), np.uint8)
        rgb[..., 0] = np.arange(red, red + 8)[:, None, None]
        rgb[..., 1:] = plane
        assert np.array_equal(lab.to_rgb(lab.to_lab(rgb)), rgb)


def test_16_bit_round_trip_is_within_one_level():
    rgb = np.random.default_rng(2).integers(0, 65536, (300_000, 3)).astype(np.uint16)
    back = lab.to_rgb(lab.to_lab(rgb), bits=16)
    assert back.dtype == np.uint16
    assert np.abs(back.astype(int) - rgb).max() <= 1
    greys = np.repeat(np.arange(65536, dtype=np.uint16)[:, None], 3, 1)
    assert np.array_equal(lab.to_rgb(lab.to_lab(greys), bits=16), greys)


def test_grey_has_no_chroma_and_spans_0_to_100():
    for most, dtype in ((256, np.uint8), (65536, np.uint16)):
        grey = np.arange(most).astype(dtype)
        colours = lab.to_lab(np.repeat(grey[:, None], 3, 1))
        assert np.abs(colours[:, 1:]).max() < 1e-3
        assert colours[0, 0] == 0
        assert colours[-1, 0] == 100
        assert (np.diff(colours[:, 0]) > 0).all()
        assert np.abs(lab.lightness(grey[None, :])[0] - colours[:, 0]).max() < 1e-4


def test_lightness_is_the_l_of_to_lab():
    rng = np.random.default_rng(3)
    for rgb in (
        rng.integers(0, 256, (50, 70, 3), dtype=np.uint8),
        rng.integers(0, 65536, (50, 70, 3)).astype(np.uint16),
        rng.random((50, 70, 3), dtype=np.float32),
    ):
        assert lab.lightness(rgb) == pytest.approx(lab.to_lab(rgb)[..., 0], abs=1e-4)
    grey = rng.random((40, 3), dtype=np.float32)  # two dimensions: a grey picture 3 pixels wide
    assert lab.lightness(grey).shape == (40, 3)
    assert lab.lightness(grey) == pytest.approx(lab.to_lab(np.repeat(grey[..., None], 3, -1))[..., 0], abs=1e-4)


@given(arrays.arrays(np.float32, (7, 3), elements=st.floats(-0.25, 1.25, width=32)))
def test_floats_come_back_even_beyond_the_gamut(rgb):
    assert lab.to_srgb(lab.to_lab(rgb)) == pytest.approx(rgb, abs=2e-5)


def test_to_rgb_clips_and_rounds_to_nearest():
    assert lab.to_rgb([50.0, 127.0, 127.0]).tolist()[0] == 255
    assert lab.to_rgb([120.0, 0.0, 0.0], bits=16).tolist() == [65535] * 3
    assert lab.to_rgb([-5.0, 0.0, 0.0]).tolist() == [0, 0, 0]
    colours = lab.to_lab(np.array([[0.5, 0.25, 0.75]]) + 0.4 / 255)
    assert lab.to_rgb(colours).tolist() == np.rint((np.array([[0.5, 0.25, 0.75]]) + 0.4 / 255) * 255).tolist()


def test_any_layout_gives_the_same_numbers():
    rgb = np.random.default_rng(4).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    whole = lab.to_lab(rgb)
    assert whole.dtype == np.float32
    assert np.array_equal(lab.to_lab(rgb[::2, ::-1]), whole[::2, ::-1])
    assert np.array_equal(lab.to_lab(np.asfortranarray(rgb)), whole)
    assert lab.to_lab(rgb[:0]).shape == (0, 80, 3)


@pytest.mark.parametrize("call", [lab.to_lab, lab.lightness])
def test_other_types_are_refused(call):
    with pytest.raises(ValueError, match=r"expected uint8, uint16 or float 0..1, got int64"):
        call(np.zeros((4, 4, 3), np.int64))


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"expected the shape \(..., 3\), got \(4, 4\)"):
        lab.to_lab(np.zeros((4, 4), np.uint8))
    with pytest.raises(ValueError, match=r"expected the shape \(..., 3\), got \(2,\)"):
        lab.to_rgb(np.zeros(2))
    with pytest.raises(ValueError, match="expected 8 or 16, got 12"):
        lab.to_rgb(np.zeros(3), bits=12)


def test_memory_beyond_input_and_output_is_small():
    rgb = np.zeros((2000, 1500, 3), np.uint8)
    lab.to_lab(rgb[:1])
    tracemalloc.start()
    try:
        colours = lab.to_lab(rgb)
        assert tracemalloc.get_traced_memory()[1] < colours.nbytes + 4e6
        tracemalloc.reset_peak()
        back = lab.to_rgb(colours)
        assert tracemalloc.get_traced_memory()[1] < colours.nbytes + back.nbytes + 4e6
    finally:
        tracemalloc.stop()
