"""Hints: what is accepted, and what drawing them covers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irodori.color import gamut, lab
from irodori.errors import HintError
from irodori.hints import points
from irodori.hints.points import Hint

GREY = np.full((20, 30), 50, np.float32)


def drawn(hints, photo_size=(200, 300), plane=GREY):
    return points.draw(hints, photo_size, plane)


def covered_pixels(mask):
    rows, columns = np.nonzero(mask)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


def test_a_square_covers_the_plane_pixels_whose_centres_lie_inside():
    ab, mask = drawn([Hint(100, 60, 20, ab=(10, -20))])  # 80..120 x 40..80 photo pixels, a tenth of that on the plane
    assert ab.shape == (20, 30, 2)
    assert ab.dtype == mask.dtype == np.float32
    assert covered_pixels(mask) == (4, 8, 8, 12)
    assert mask.sum() == 16
    assert (ab[mask == 1] == [10, -20]).all()
    assert (ab[mask == 0] == 0).all()
    # [85, 115) x [45, 75): a centre on the left or upper border is inside, on the right or lower border outside.
    assert covered_pixels(drawn([Hint(100, 60, 15, ab=(0, 0))])[1]) == (4, 7, 8, 11)


def test_a_hint_is_never_less_than_the_pixel_that_holds_it():
    for x, y in ((0, 0), (299.99, 199.99), (123.4, 56.7), (10, 10), (9.999, 10)):
        _, mask = drawn([Hint(x, y, 0.01, ab=(5, 5))])
        assert np.argwhere(mask).tolist() == [[int(y / 10), int(x / 10)]]


def test_the_default_radius_is_a_share_of_the_short_side():
    assert Hint(1, 1, ab=(0, 0)).radius_in((3000, 4000)) == 36
    assert Hint(1, 1, 5, ab=(0, 0)).radius_in((3000, 4000)) == 5
    _, mask = points.draw([Hint(2000, 1500, ab=(0, 0))], (3000, 4000), np.full((256, 342), 50, np.float32))
    assert mask.sum() == 36  # 6 x 6: 1.2 % of 256 is 3.07


def test_hints_are_cut_at_the_border_of_the_photo():
    _, mask = drawn([Hint(0, 199, 30, ab=(0, 0))])
    assert covered_pixels(mask) == (17, 20, 0, 3)
    assert drawn([Hint(10, 10, 1e6, ab=(0, 0))])[1].all()


def test_later_hints_win():
    first, second = Hint(100, 60, 20, ab=(10, 0)), Hint(110, 60, 10, ab=(0, 10))
    ab, _ = drawn([first, second])
    assert (ab[5:7, 10:12] == [0, 10]).all()
    assert (ab[4, 8] == [10, 0]).all()
    assert (drawn([second, first])[0][5, 10] == [10, 0]).all()


def test_colours_come_into_gamut_at_the_median_lightness_under_the_hint():
    plane = np.full((20, 30), 90, np.float32)
    plane[4:8, 8:11] = 20
    wish = np.array([80.0, 60.0], np.float32)
    ab, mask = points.draw([Hint(100, 60, 20, ab=tuple(wish.tolist()))], (200, 300), plane)
    assert ab[4, 8] == pytest.approx(gamut.to_gamut(20.0, wish), abs=1e-4)
    assert (ab[mask == 1] == ab[4, 8]).all()
    outside_gamut, _ = points.draw([Hint(100, 60, 20, ab=(80, 60))], (200, 300), plane_size=(20, 30))
    assert outside_gamut[4, 8].tolist() == [80, 60]


def test_the_lightness_of_an_rgb_does_not_matter():
    ab, _ = drawn([Hint(5, 5, rgb="#c04020")])
    assert ab[0, 0] == pytest.approx(lab.to_lab(np.array([0xC0, 0x40, 0x20], np.uint8))[1:], abs=1e-4)
    mixed = [Hint(5, 5, rgb="#404040"), Hint(55, 55, ab=(3, 4)), Hint(105, 105, rgb="#0000ff")]
    assert points.chroma(mixed) == pytest.approx(np.array([[0, 0], [3, 4], [79.19, -107.86]]), abs=1e-2)


@given(
    st.lists(
        st.tuples(st.floats(0, 0.999), st.floats(0, 0.999), st.floats(1e-4, 0.6), st.floats(-90, 90)),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([(400, 300), (301, 401), (256, 256)]),
    st.integers(2, 13),
)
def test_the_same_hints_draw_the_same_planes_on_a_larger_copy(places, size, factor):
    plane = np.random.default_rng(0).uniform(5, 95, (67, 64)).astype(np.float32)
    height, width = size
    small = [Hint(x * width, y * height, r * width, ab=(c, -c)) for x, y, r, c in places]
    large = [dataclasses.replace(h, x=h.x * factor, y=h.y * factor, radius=h.radius * factor) for h in small]
    ab, mask = points.draw(small, size, plane)
    other_ab, other_mask = points.draw(large, (height * factor, width * factor), plane)
    assert np.array_equal(mask, other_mask)
    assert np.array_equal(ab, other_ab)


@given(st.floats(0, 299.99), st.floats(0, 199.99), st.floats(1e-3, 400), st.integers(1, 40), st.integers(1, 50))
def test_coverage_follows_its_definition(x, y, radius, height, width):
    top, bottom, left, right = points.covered([Hint(x, y, radius, ab=(0, 0))], (200, 300), (height, width))[0].tolist()
    assert 0 <= top < bottom <= height
    assert 0 <= left < right <= width
    assert top <= y * height / 200 + 1e-5
    assert bottom >= y * height / 200 - 1e-5
    for first, last, centre, photo, plane in ((top, bottom, y, 200, height), (left, right, x, 300, width)):
        centres = (np.arange(plane) + 0.5) * photo / plane
        inside = np.abs(centres - centre) < radius - 1e-4 * photo / plane
        maybe = np.abs(centres - centre) <= radius + 1e-4 * photo / plane
        assert inside[:first].sum() == inside[last:].sum() == 0
        assert maybe[first:last].all() or last - first == 1


def test_no_hints_are_empty_planes():
    ab, mask = drawn([])
    assert not ab.any()
    assert not mask.any()


def test_thousands_of_hints():
    rng = np.random.default_rng(1)
    many = [
        Hint(x, y, r, ab=(5, 5))
        for x, y, r in zip(*rng.uniform([[0]] * 3, [[299], [199], [40]], (3, 4096)), strict=True)
    ]
    assert drawn(many)[1].mean() > 0.9
    with pytest.raises(HintError, match="hints: expected at most 4096, got 4097"):
        drawn([*many, many[0]])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"x": float("nan")}, "x: expected a finite number, got NaN"),
        ({"y": float("inf")}, "y: expected a finite number, got inf"),
        ({"x": -1}, "x: expected at least 0, got -1"),
        ({"x": "3"}, "x: expected a number, got '3'"),
        ({"x": True}, "x: expected a number, got true"),
        ({"y": None}, "y: expected a number, got null"),
        ({"x": 10**400}, "x: expected a finite number, got a huge one"),
        ({"x": []}, "x: expected a number, got a list"),
        ({"radius": 0}, "radius: expected more than 0, got 0"),
        ({"radius": -3}, r"radius: expected 0..1e\+06, got -3"),
        ({"radius": float("nan")}, "radius: expected a finite number, got NaN"),
        ({"rgb": "red"}, "rgb: expected a colour such as \"#c04020\", got 'red'"),
        ({"rgb": "#12345"}, "rgb: expected a colour"),
        ({"rgb": "#1234567"}, "rgb: expected a colour"),
        ({"rgb": "#12345g\n"}, "rgb: expected a colour"),
        ({"rgb": 3}, "rgb: expected a colour"),
        ({"rgb": None}, "rgb: expected a colour, as rgb or as ab, got neither"),
        ({"ab": (1, 2)}, "rgb: expected either rgb or ab, got both"),
        ({"rgb": None, "ab": (1,)}, r"ab: expected two numbers \(a, b\)"),
        ({"rgb": None, "ab": "12"}, r"ab: expected two numbers \(a, b\), got '12'"),
        ({"rgb": None, "ab": (1, float("nan"))}, r"ab\[1\]: expected a finite number, got NaN"),
        ({"rgb": None, "ab": (1, 500)}, r"ab\[1\]: expected -128..128, got 500"),
        ({"id": 5}, "id: expected text, got 5"),
        ({"id": 10**5000}, "id: expected text, got a int"),
        ({"note": None}, "note: expected text, got null"),
        ({"note": "x" * 1001}, "note: expected at most 1000 characters, got 1001"),
        ({"note": "\ud800"}, "note: expected text, got broken Unicode"),
    ],
)
def test_wrong_fields_are_named(fields, sentence):
    with pytest.raises(HintError, match=sentence):
        Hint(**{"x": 1, "y": 1, "rgb": "#c04020", **fields})


def test_fields_are_normalised_and_frozen():
    hint = Hint(np.float32(3), np.int64(4), rgb="#C0FFEE", id="s")
    assert hint == Hint(3.0, 4.0, rgb="#c0ffee", id="s")
    assert type(hint.x) is type(hint.y) is float
    assert Hint(1, 1, ab=[1, 2]) == Hint(1, 1, ab=(1.0, 2.0)) == Hint(1, 1, ab=np.array([1, 2]))
    assert hash(hint) == hash(Hint(3, 4, rgb="#c0ffee", id="s"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        hint.x = 5


@pytest.mark.parametrize(
    ("hint", "sentence"),
    [
        (Hint(300, 5, ab=(0, 0)), r"hints\[1\].x: expected a place inside the photo, 0 <= x < 300, got 300"),
        (Hint(5, 200.5, ab=(0, 0)), r"hints\[1\].y: expected a place inside the photo, 0 <= y < 200, got 200.5"),
    ],
)
def test_hints_outside_the_photo_are_refused(hint, sentence):
    with pytest.raises(HintError, match=sentence):
        drawn([Hint(0, 0, ab=(0, 0)), hint])


def test_plane_sizes_must_agree():
    with pytest.raises(ValueError, match="plane_size: needed"):
        points.draw([], (10, 10))
    with pytest.raises(ValueError, match="plane_size: expected the shape of plane_lightness"):
        points.draw([], (10, 10), GREY, (3, 3))
    with pytest.raises(ValueError, match="plane_lightness"):
        points.draw([], (10, 10), np.zeros((3, 3, 2), np.float32))
    with pytest.raises(ValueError, match="room"):
        points.draw([], (10, 10), GREY, room=(1, 1))


def test_room_beyond_the_planes_stays_empty():
    hints = [Hint(9.5, 9.5, 3, ab=(20, 10)), Hint(2, 3, 1, rgb="#a04030")]
    plane = np.full((10, 10), 50, np.float32)
    ab, mask = points.draw(hints, (10, 10), plane)
    roomy_ab, roomy_mask = points.draw(hints, (10, 10), plane, room=(12, 16))
    assert (roomy_ab.shape, roomy_mask.shape) == ((12, 16, 2), (12, 16))
    np.testing.assert_array_equal(roomy_ab[:10, :10], ab)
    np.testing.assert_array_equal(roomy_mask[:10, :10], mask)
    for one in (roomy_ab, roomy_mask):
        assert not one[10:].any()
        assert not one[:, 10:].any()
    assert mask[-1, -1] == 1
