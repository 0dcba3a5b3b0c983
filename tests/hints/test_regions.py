"""Regions: what is accepted, the hints they spread, the masks they draw."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irodori.errors import HintError
from irodori.hints import points, regions
from irodori.hints.regions import Region

SIZE = (300, 400)
SQUARE = ((100, 50), (300, 50), (300, 250), (100, 250))
STAR = ((200, 20), (260, 280), (40, 110), (360, 110), (140, 280))  # crosses itself: its middle is outside (even-odd)


@st.composite
def polygons(draw):
    """Corners anywhere on a photo of 400 x 300 pixels, crossing each other as they like."""
    corner = st.tuples(st.floats(0, 400, width=32), st.floats(0, 300, width=32))
    return tuple(draw(st.lists(corner, min_size=3, max_size=9)))


def sampled(polygon, plane, fine=8):
    """Coverage of a plane's pixels by brute force: ``fine`` x ``fine`` points per pixel."""
    height, width = plane
    y, x = np.mgrid[: height * fine, : width * fine] + 0.5
    points = np.stack([x.ravel() / fine, y.ravel() / fine], -1)
    inside = regions.contains(np.array(polygon) * [width / SIZE[1], height / SIZE[0]], points)
    return inside.reshape(height, fine, width, fine).mean(axis=(1, 3))


@settings(max_examples=40)
@given(polygons())
def test_the_mask_is_the_covered_share_of_each_pixel(polygon):
    mask = regions.mask(Region(polygon, rgb="#ff0000"), (30, 40), SIZE)
    assert mask.dtype == np.float32
    assert mask.shape == (30, 40)
    assert 0 <= mask.min() <= mask.max() <= 1
    # Four exact scan lines against eight rows of eight points: equal but for slivers.
    difference = np.abs(mask - sampled(polygon, (30, 40)))
    assert difference.max() <= 0.5
    assert difference.mean() < 0.02


def test_masks_of_whole_pixels_are_exact():
    mask = regions.mask(Region(SQUARE, rgb="#ff0000"), (30, 40), SIZE)
    expected = np.zeros((30, 40))
    expected[5:25, 10:30] = 1
    assert np.array_equal(mask, expected)
    half = regions.mask(Region(((105, 55), (295, 55), (295, 245), (105, 245)), rgb="#ff0000"), (30, 40), SIZE)
    assert half[5, 5] == 0
    assert half[5, 15] == half[15, 10] == pytest.approx(0.5)
    assert half[5, 10] == pytest.approx(0.25)


def test_even_odd():
    mask = regions.mask(Region(STAR, rgb="#ff0000"), (300, 400), SIZE)
    assert mask[150, 200] == 0
    assert mask[80, 200] == 1


def test_feathering_is_symmetric_and_as_wide_as_asked():
    mask = regions.mask(Region(SQUARE, rgb="#ff0000"), (300, 400), SIZE, feather=20)
    row = mask[150]
    assert row[89] == 0
    assert row[111] == 1
    assert row[99] + row[100] == pytest.approx(1, abs=1e-5)
    assert (np.diff(row[88:112]) >= -1e-6).all()
    assert mask.sum() == pytest.approx(200 * 200, rel=1e-4)
    small = regions.mask(Region(SQUARE, rgb="#ff0000"), (75, 100), SIZE, feather=20)
    assert small == pytest.approx(mask.reshape(75, 4, 100, 4).mean(axis=(1, 3)), abs=0.05)


def test_the_photos_own_border_is_not_feathered():
    whole = Region(((0, 0), (400, 0), (400, 300), (0, 300)), rgb="#ff0000")
    assert regions.mask(whole, (30, 40), SIZE, feather=50) == pytest.approx(np.ones((30, 40)), abs=1e-6)


@given(polygons(), st.integers(1, 256))
def test_hints_inside_are_inside(polygon, most):
    region = Region(polygon, rgb="#208040", id="grass")
    hints = regions.hints_inside(region, SIZE, most=most)
    assert 1 <= len(hints) <= most
    for hint in hints:
        assert hint.rgb == "#208040"
        assert hint.id == "grass"
        assert 0 <= hint.x < 400
        assert 0 <= hint.y < 300
        assert hint.radius > 0
    corners = np.array([[h.x + i * h.radius, h.y + j * h.radius] for h in hints for i in (-1, 1) for j in (-1, 1)])
    fat = np.repeat([h.radius for h in hints], 4) > 0.01  # thinner polygons have no room for any square
    border = regions._border_distance(np.array(polygon), corners)
    assert (regions.contains(np.array(polygon), corners) | (border < 1e-3) | ~fat).all()


def test_a_large_region_is_filled_evenly():
    hints = regions.hints_inside(Region(SQUARE, ab=(20, 30)), SIZE)
    assert 150 <= len(hints) <= 256
    assert all(hint.ab == (20, 30) and hint.radius >= 3.6 for hint in hints)
    counts = np.histogram2d([h.x for h in hints], [h.y for h in hints], bins=4, range=[[100, 300], [50, 250]])[0]
    assert counts.min() >= 0.5 * counts.max()


@pytest.mark.parametrize("side", [40, 90, 200])
def test_a_region_s_hints_leave_no_gaps_between_them(side):
    corners = ((100, 50), (100 + side, 50), (100 + side, 50 + side), (100, 50 + side))
    hints = regions.hints_inside(Region(corners, ab=(20, 30)), SIZE)
    _, drawn = points.draw(hints, SIZE, plane_size=SIZE)
    margin = max(12, side // 5)  # nearer to the border the squares are smaller, for they stay inside
    assert drawn[50 + margin : 50 + side - margin, 100 + margin : 100 + side - margin].all()


def test_regions_scale_with_the_photo():
    large = Region(tuple((x * 10, y * 10) for x, y in STAR), rgb="#ff0000")
    small = Region(STAR, rgb="#ff0000")
    many = regions.hints_inside(large, (3000, 4000))
    few = regions.hints_inside(small, SIZE)
    assert len(many) == len(few)
    for one, other in zip(many, few, strict=True):
        assert (one.x, one.y, one.radius) == pytest.approx((other.x * 10, other.y * 10, other.radius * 10))
    assert np.array_equal(regions.mask(large, (30, 40), (3000, 4000)), regions.mask(small, (30, 40), SIZE))


def test_other_kinds():
    ab = np.zeros((30, 40, 2), np.float32)
    ab[:, 20:] = [40, -10]
    original = Region(SQUARE, "original")
    assert regions.hints_inside(original, SIZE) == ()
    for hint in regions.hints_inside(original, SIZE, ab):
        assert hint.ab == ((40, -10) if hint.x >= 200 else (0, 0))
    pinned = Region(SQUARE, "protect", id="p", pins=((120, 60, 5, 6), (400, 300, 7, 8)))
    hints = regions.hints_inside(pinned, SIZE)
    assert [hint.ab for hint in hints] == [(5, 6), (7, 8)]
    assert (hints[0].x, hints[0].y, hints[0].id) == (120, 60, "p")
    assert hints[1].x < 400
    assert hints[1].y < 300
    assert len(regions.hints_inside(pinned, SIZE, most=1)) == 1
    assert all(hint.rgb == "#102030" for hint in regions.hints_inside(Region(SQUARE, "protect", rgb="#102030"), SIZE))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"polygon": SQUARE[:2]}, "polygon: expected 3 to 4096 corners .* got 2 corners"),
        ({"polygon": ((0, 0),) * 4097}, "polygon: expected 3 to 4096 corners .* got 4097 corners"),
        ({"polygon": "abc"}, "polygon: expected 3 to 4096 corners .* got 'abc'"),
        ({"polygon": (*SQUARE, (1, 2, 3))}, r"polygon\[4\]: expected 2 numbers"),
        ({"polygon": (*SQUARE, (1, float("nan")))}, r"polygon\[4\].y: expected a finite number, got NaN"),
        ({"polygon": (*SQUARE, (-1, 0))}, r"polygon\[4\].x: expected at least 0, got -1"),
        ({"kind": "color"}, "kind: expected colour, protect or original, got 'color'"),
        ({"kind": []}, "kind: expected colour, protect or original, got a list"),
        ({"rgb": None}, "rgb: expected a colour for a region of kind colour"),
        ({"rgb": "blue"}, "rgb: expected a colour such as"),
        ({"ab": (1, 2)}, "rgb: expected either rgb or ab, got both"),
        ({"kind": "original"}, "rgb: a region of kind original has no colour of its own"),
        ({"pins": ((1, 2, 3, 4),)}, "pins: only a region of kind protect pins colours"),
        ({"kind": "protect", "pins": ((1, 2, 3),)}, r"pins\[0\]: expected 4 numbers"),
        ({"kind": "protect", "pins": ((1, 2, 3, 999),)}, r"pins\[0\].b: expected -128..128, got 999"),
        ({"kind": "protect", "pins": ((1, 2, 3, 4),) * 257}, "pins: expected at most 256 pins"),
        ({"kind": "protect", "pins": None}, "pins: expected at most 256 pins .* got null"),
        ({"id": 3}, "id: expected text, got 3"),
        ({"note": 3}, "note: expected text, got 3"),
    ],
)
def test_wrong_fields_are_named(fields, sentence):
    with pytest.raises(HintError, match=sentence):
        Region(**{"polygon": SQUARE, "rgb": "#ff0000", **fields})


def test_fields_are_normalised_and_frozen():
    region = Region([[1, 2], [3, 4], [5, 0]], rgb="#FF0000")
    assert region == Region(np.array([[1, 2], [3, 4], [5, 0]]), rgb="#ff0000")
    assert region.polygon == ((1.0, 2.0), (3.0, 4.0), (5.0, 0.0))
    assert hash(region) == hash(Region(((1, 2), (3, 4), (5, 0)), rgb="#ff0000"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        region.kind = "protect"


def test_regions_outside_the_photo_are_refused():
    Region(((0, 0), (400, 0), (400, 300)), rgb="#ff0000").check(SIZE)
    with pytest.raises(HintError, match=r"polygon\[1\]: expected a place inside the photo of 400 x 300 pixels"):
        Region(((0, 0), (400.5, 0), (400, 300)), rgb="#ff0000").check(SIZE)
    with pytest.raises(HintError, match=r"pins\[0\]: expected a place inside the photo of 400 x 300 pixels"):
        Region(SQUARE, "protect", pins=((5, 301, 0, 0),)).check(SIZE)
