"""The advisor points at what is uncertain and not yet explained, never outside the picture."""

from __future__ import annotations

import numpy as np
import pytest

from irodori import advisor
from irodori.color import ab_bins


def field(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Certain grey everywhere: bins, lightness, hint mask."""
    bins = np.zeros((height, width, 313), np.float32)
    bins[..., ab_bins.nearest(np.zeros(2))] = 1
    return bins, np.full((height, width), 50, np.float32), np.zeros((height, width), np.float32)


def unsure(bins: np.ndarray, rows: slice, columns: slice) -> None:
    bins[rows, columns] = 0
    for colour in ((60, 50), (-50, 40), (10, -60)):
        bins[rows, columns, ab_bins.nearest(np.array(colour))] = 1 / 3


def test_expected_error_of_known_distributions() -> None:
    bins, _, _ = field(2, 2)
    first, second = ab_bins.nearest(np.array([[40, 0], [-40, 0]]))
    bins[0, 0] = 0
    bins[0, 0, [first, second]] = 0.5
    error = advisor.expected_error(bins)
    assert error[0, 0] == pytest.approx(40, abs=0.01)
    assert error[1, 1] == pytest.approx(0, abs=0.01)
    assert advisor.uncertainty(bins)[0, 0] == pytest.approx(min(1, 40 / advisor.HEAT_FULL), abs=0.01)
    assert advisor.uncertainty(bins).max() <= 1


def test_it_points_at_the_uncertain_place() -> None:
    bins, lightness, mask = field(64, 96)
    unsure(bins, slice(40, 56), slice(10, 30))
    x, y = advisor.next_hint(bins, lightness, mask)
    assert 10 <= x * 96 <= 30
    assert 40 <= y * 64 <= 56


def test_of_two_places_the_one_without_a_hint() -> None:
    bins, lightness, mask = field(64, 64)
    unsure(bins, slice(4, 20), slice(4, 20))
    unsure(bins, slice(40, 52), slice(40, 52))
    x, y = advisor.next_hint(bins, lightness, mask)
    assert (x * 64 < 20, y * 64 < 20) == (True, True)
    mask[11:13, 11:13] = 1
    x, y = advisor.next_hint(bins, lightness, mask)
    assert x * 64 >= 40
    assert y * 64 >= 40


def test_a_hint_on_another_lightness_does_not_explain_a_place() -> None:
    bins, lightness, mask = field(64, 64)
    unsure(bins, slice(0, 64), slice(0, 64))
    lightness[:, 32:] = 95
    lightness[:, :32] = 20
    mask[32, 28] = 1
    x, _ = advisor.next_hint(bins, lightness, mask)
    assert x * 64 >= 32


def test_never_where_a_hint_already_lies() -> None:
    bins, lightness, mask = field(16, 16)
    unsure(bins, slice(0, 16), slice(0, 16))
    mask[:] = 1
    mask[3, 5] = 0
    x, y = advisor.next_hint(bins, lightness, mask)
    assert (int(x * 16), int(y * 16)) == (5, 3)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 300), (300, 1), (3, 2), (65, 97), (256, 16)])
@pytest.mark.parametrize("covered", [False, True])
def test_always_inside_the_picture(height: int, width: int, covered: bool) -> None:
    rng = np.random.default_rng(height * 1000 + width)
    bins = rng.uniform(0, 1, (height, width, 313)).astype(np.float32)
    bins /= bins.sum(axis=-1, keepdims=True)
    mask = np.full((height, width), float(covered), np.float32)
    x, y = advisor.next_hint(bins, rng.uniform(0, 100, (height, width)).astype(np.float32), mask)
    assert 0 < x < 1
    assert 0 < y < 1
