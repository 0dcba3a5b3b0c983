"""Colours brought into the gamut keep L and hue and give up no more chroma than they must."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irodori.color import gamut, lab


def colours(count: int, chroma: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    light = (rng.random(count) * 100).astype(np.float32)
    return light, rng.uniform(-chroma, chroma, (count, 2)).astype(np.float32)


@pytest.mark.parametrize("chroma", [20, 60, 128])
def test_lightness_is_kept_after_rounding(chroma):
    light, ab = colours(200_000, chroma)
    mapped = np.concatenate([light[:, None], gamut.to_gamut(light, ab)], axis=1)
    assert np.abs(lab.lightness(lab.to_rgb(mapped)[None]) - light).max() <= 0.3
    assert np.abs(lab.lightness(lab.to_rgb(mapped, bits=16)[None]) - light).max() <= 0.01


def test_hue_is_kept_and_chroma_never_grows():
    light, ab = colours(100_000, 128)
    mapped = gamut.to_gamut(light, ab)
    cross = mapped[:, 0] * ab[:, 1] - mapped[:, 1] * ab[:, 0]
    assert np.abs(cross).max() < 1e-2
    before, after = np.hypot(*ab.T), np.hypot(*mapped.T)
    assert (after <= before + 1e-4).all()
    assert (mapped * ab >= 0).all()


def test_every_8_bit_colour_is_inside_and_untouched():
    rgb = np.random.default_rng(1).integers(0, 256, (200_000, 3), dtype=np.uint8)
    rgb[:600] = np.repeat(np.eye(3, dtype=np.uint8) * 255, 200, 0)
    found = lab.to_lab(rgb)
    assert gamut.in_gamut(found[:, 0], found[:, 1:]).all()
    assert np.array_equal(gamut.to_gamut(found[:, 0], found[:, 1:]), found[:, 1:])


def test_no_more_chroma_is_given_up_than_needed():
    light, ab = colours(50_000, 128, seed=2)
    outside = ~gamut.in_gamut(light, ab)
    mapped = gamut.to_gamut(light, ab)
    assert outside.mean() > 0.5
    linear = lab.linear_from_lab(np.concatenate([light[:, None], mapped], axis=1))
    assert linear.min() > -5e-6
    assert linear.max() < 1 + 5e-6
    # 0.2 % of the requested chroma beyond what is given, the colour is outside.
    farther = mapped[outside] + ab[outside] * np.float32(2e-3)
    linear = lab.linear_from_lab(np.concatenate([light[outside, None], farther], axis=1))
    assert ((linear < 0) | (linear > 1)).any(axis=1).all()


@pytest.mark.parametrize("chroma", [5, 60, 128, 1e6])
def test_what_is_brought_into_the_gamut_is_inside_and_stays_as_it_is(chroma):
    light, ab = colours(200_000, chroma, seed=3)
    light[:4000] *= 0.02  # near black,
    light[4000:8000] = 100 - light[4000:8000] * 0.02  # near white,
    light[:2], light[4000:4002] = [0, -1], [100, 101]  # and beyond
    mapped = gamut.to_gamut(light, ab)
    assert gamut.in_gamut(light, mapped).all()
    assert np.array_equal(gamut.to_gamut(light, mapped), mapped)


@given(st.floats(0, 100), st.floats(-128, 128), st.floats(-128, 128))
def test_one_colour_at_a_time(light, a, b):
    mapped = gamut.to_gamut(light, [a, b])
    shown = lab.to_rgb([light, *mapped.tolist()], bits=16)
    assert abs(float(lab.lightness(shown)) - light) <= 0.02


def test_black_and_white_leave_only_grey():
    assert np.abs(gamut.to_gamut([0, 100, -3, 104], np.full((4, 2), 80.0))).max() < 0.02


def test_input_is_not_changed_and_shapes_broadcast():
    ab = np.full((3, 4, 2), 120, np.float32)
    before = ab.copy()
    mapped = gamut.to_gamut(50.0, ab)
    assert np.array_equal(ab, before)
    assert mapped.shape == (3, 4, 2)
    assert gamut.to_gamut(np.linspace(0, 100, 5), [120.0, 0.0]).shape == (5, 2)
    assert gamut.in_gamut(np.zeros((2, 3)), [0.0, 0.0]).tolist() == [[True] * 3] * 2
    with pytest.raises(ValueError, match=r"ab: expected the shape \(..., 2\), got \(3,\)"):
        gamut.to_gamut(50, [1, 2, 3])


def test_largest_chroma_of_the_primaries():
    # Not yellow: the way to it from grey leaves the gamut for a while.
    for rgb in ([255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 255, 255], [255, 0, 255]):
        light, a, b = lab.to_lab(np.array(rgb, np.uint8)).tolist()
        assert gamut.max_chroma(light, np.arctan2(b, a)) == pytest.approx(np.hypot(a, b), abs=0.3)
    assert gamut.max_chroma(np.full(360, 55.0), np.radians(np.arange(360))).min() > 30


def test_the_picker_shows_the_gamut_and_nothing_else():
    picture = gamut.picker(60.0, size=110, extent=110)
    assert picture.shape == (110, 110, 4)
    assert picture.dtype == np.uint8
    assert set(np.unique(picture[..., 3])) == {0, 255}
    shown = picture[..., 3] == 255
    assert (picture[~shown] == 0).all()
    found = lab.to_lab(picture[shown][:, :3])
    assert np.abs(found[:, 0] - 60).max() < 0.5
    rows, columns = np.nonzero(shown)
    assert np.abs(found[:, 1] - (2 * (columns + 0.5) - 110)).max() < 1
    assert np.abs(found[:, 2] - (110 - 2 * (rows + 0.5))).max() < 1
    assert shown[55, 55]
    assert not shown[0, 0]


def test_an_impossible_picker_is_refused():
    with pytest.raises(ValueError, match=r"lightness: expected 0..100, got 101"):
        gamut.picker(101)
    with pytest.raises(ValueError, match="size and extent"):
        gamut.picker(50, size=0)
