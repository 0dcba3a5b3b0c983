from __future__ import annotations

import io
import struct

import numpy as np
import pytest

from irodori.color import guided, lab
from irodori.photo import Photo, read_photo
from irodori.web import bodies


@pytest.fixture(scope="module")
def coefficients(grey_photo: Photo) -> np.ndarray:
    """Coefficients of a plausible colouring of the grey photo, at 80 x 60."""
    lightness = grey_photo.resized_lightness(60, 80)
    y, x = np.mgrid[0:60, 0:80]
    ab = np.stack([30 * np.sin(x / 15), lightness - 50 + y / 3], axis=-1).astype(np.float32)
    return guided.coefficients(ab, lightness)


def test_the_chroma_body_is_laid_out_as_the_documentation_says(coefficients):
    body = bytes(bodies.chroma_body(coefficients, 7, bodies.PREVIEW | bodies.CAN_REDO, (240, 320)))
    assert body[:4] == b"IRC1"
    assert struct.unpack_from("<7I", body, 4) == (7, 80, 60, 5, 320, 240, 0)
    assert len(body) == 32 + 8 * 80 * 60
    planes = np.frombuffer(body, "<f2", offset=32).reshape(60, 80, 4).astype(np.float32)
    np.testing.assert_allclose(planes, coefficients, rtol=2**-10, atol=2**-14)


def test_numbers_below_float16_become_zero():
    tiny = np.full((2, 2, 4), 1e-6, np.float32)
    body = bodies.chroma_body(tiny, 1, 0, (2, 2))
    assert not np.frombuffer(body, "<f2", offset=32).any()


def test_numbers_are_rounded_to_the_nearest_float16():
    rng = np.random.default_rng(0)
    values = (rng.normal(0, 1, (40, 50, 4)) * 10.0 ** rng.uniform(-3, 3, (40, 50, 4))).astype(np.float32)
    values[0, 0] = [0.0, -0.0, 100.0, -300.0]
    sent = np.frombuffer(bodies.chroma_body(values, 1, 0, (40, 50)), "<f2", offset=32).reshape(values.shape)
    error = np.abs(sent.astype(np.float64) - values)
    least = np.abs(values.astype(np.float16).astype(np.float64) - values)
    normal = np.abs(values) > 2**-14
    assert (error <= least + 1e-12)[normal].all()
    assert error[~normal].max() <= 2**-14


def test_what_the_page_computes_from_float16_is_what_full_precision_gives(grey_photo, coefficients):
    sent = np.frombuffer(bodies.chroma_body(coefficients, 1, 0, grey_photo.size), "<f2", offset=32)
    plane = np.frombuffer(bodies.lightness_body(grey_photo.lightness, (0, 0, 320, 240)), "<f2", offset=32)
    page = bodies.coloured(plane.reshape(240, 320).astype(np.float32), sent.reshape(60, 80, 4).astype(np.float32), 1.0)
    exact = bodies.coloured(grey_photo.lightness, coefficients, 1.0)
    error = np.linalg.norm(lab.to_lab(page) - lab.to_lab(exact), axis=-1)
    assert error.mean() < 0.3
    assert error.max() < 3


def read_rounded(body: memoryview) -> np.ndarray:
    """Coefficients ``(h, w, 4)`` that a rounded body stands for, by the documentation."""
    magic, _, width, height, *_ = struct.unpack_from("<4s7I", body)
    assert magic == b"IRC2"
    assert len(body) == 64 + 4 * width * height
    least, step = np.frombuffer(body, "<f4", 8, offset=32).reshape(2, 4)
    planes = least + step * np.frombuffer(body, np.uint8, offset=64).reshape(height, width, 4)
    planes[..., 1::2] -= 50 * planes[..., ::2]
    return planes


def test_a_rounded_body_shows_what_full_precision_shows(grey_photo, coefficients):
    body = bodies.rounded_body(coefficients, 7, bodies.PREVIEW | bodies.CAN_REDO, (240, 320))
    assert struct.unpack_from("<7I", body, 4) == (7, 80, 60, 5, 320, 240, 0)
    seen = guided.apply(read_rounded(body), grey_photo.lightness)
    error = np.linalg.norm(seen - guided.apply(coefficients, grey_photo.lightness), axis=-1)
    assert error.mean() < 0.3
    assert error.max() < 1


def test_a_rounded_body_of_even_planes_is_exact():
    flat = np.broadcast_to(np.array([0.5, -20, 0, 30], np.float32), (3, 5, 4))
    np.testing.assert_allclose(read_rounded(bodies.rounded_body(flat, 1, 0, (3, 5))), flat, atol=1e-3)


@pytest.mark.parametrize("crop", [(0, 0, 320, 240), (10, 20, 100, 50), (319, 239, 1, 1)])
def test_the_lightness_body_is_laid_out_as_the_documentation_says(grey_photo, crop):
    x, y, width, height = crop
    body = bytes(bodies.lightness_body(bodies.lightness_plane(grey_photo, crop, 4096), crop))
    assert body[:4] == b"IRL1"
    assert struct.unpack_from("<7I", body, 4) == (width, height, *crop, 0)
    plane = np.frombuffer(body, "<f2", offset=32).reshape(height, width)
    expected = grey_photo.lightness[y : y + height, x : x + width]
    assert np.abs(plane.astype(np.float32) - expected).max() <= 2**-5


def test_lightness_is_shrunk_to_fit_and_never_enlarged(grey_photo):
    whole = (0, 0, 320, 240)
    assert bodies.lightness_plane(grey_photo, whole, 160).shape == (120, 160)
    assert bodies.lightness_plane(grey_photo, whole, 4096).shape == (240, 320)
    assert bodies.lightness_plane(grey_photo, (0, 0, 200, 10), 64).shape == (3, 64)
    shrunk = bodies.lightness_plane(grey_photo, (0, 0, 200, 100), 100)
    means = grey_photo.lightness[:100, :200].reshape(50, 2, 100, 2).mean(axis=(1, 3))
    assert np.abs(shrunk - means).mean() < 1


@pytest.mark.parametrize(
    ("size", "long_side", "expected"),
    [
        ((240, 320), 160, (120, 160)),
        ((3, 3), 64, (3, 3)),
        ((10000, 1), 64, (64, 1)),
        ((3000, 4000), 2048, (1536, 2048)),
    ],
)
def test_fitted(size, long_side, expected):
    assert bodies.fitted(*size, long_side) == expected


def test_the_colour_at_a_place_is_that_of_the_picture(grey_photo, coefficients):
    picture = bodies.coloured(grey_photo.lightness, coefficients, 0.6)
    for x, y in ((0.5, 0.5), (319.5, 239.5), (100.5, 77.5), (160.0, 120.0)):
        level = float(grey_photo.lightness[int(y), int(x)])
        ab, rgb = bodies.colour_at(coefficients, grey_photo.size, x, y, level, 0.6)
        shown = [int(rgb[index : index + 2], 16) for index in (1, 3, 5)]
        if (x % 1, y % 1) == (0.5, 0.5):
            assert np.abs(np.array(shown) - picture[int(y), int(x)].astype(int)).max() <= 1
        stronger = bodies.colour_at(coefficients, grey_photo.size, x, y, level, 1.0)[0]
        assert ab == stronger  # ab is told at strength 1 whatever is shown


def test_the_layer_over_the_grey_photo_gives_the_result(grey_photo, coefficients):
    grey_at_left = coefficients.copy()
    grey_at_left[:, :30] = 0
    layer = bodies.colour_layer(grey_photo, grey_at_left, 1.0)
    assert layer.alpha is not None
    assert (layer.alpha[:, :100] == 0).all()
    assert (layer.alpha[:, 140:] == 255).mean() > 0.9
    result = bodies.coloured(grey_photo.lightness, grey_at_left, 1.0)
    alpha = layer.alpha[..., None] / 255
    laid = layer.pixels * alpha + grey_photo.pixels[..., None] * (1 - alpha)
    assert np.abs(laid - result).max() <= 2


def test_small_pictures(grey_photo, colour_photo):
    assert bodies.small_rgb(grey_photo, 64).shape == (48, 64)
    small = bodies.small_rgb(colour_photo, 100)
    assert small.shape == (100, 75, 3)
    assert np.abs(small.mean(axis=(0, 1)) - colour_photo.pixels.mean(axis=(0, 1))).max() < 1
    deep = Photo.from_array(colour_photo.pixels.astype(np.uint16) * 257)
    assert np.abs(bodies.small_rgb(deep, 100).astype(int) - small).max() <= 1


def test_the_gamut_picture_has_alpha():
    photo = read_photo(io.BytesIO(bodies.gamut_png(50.0, 64)))
    assert photo.size == (64, 64)
    assert photo.alpha is not None
    assert set(np.unique(photo.alpha)) == {0, 255}
