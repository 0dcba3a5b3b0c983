"""Suggestions are distinct, displayable, ordered, and always the same for the same distribution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irodori import palette
from irodori.color import ab_bins, gamut, lab
from irodori.errors import HintError


def peaks(*places: tuple[float, float, float], floor: float = 1e-4) -> np.ndarray:
    """A distribution with a narrow peak (a, b, mass) at each place."""
    bins = np.full(ab_bins.COUNT, floor)
    for a, b, mass in places:
        bins[ab_bins.nearest(np.array([a, b]))] += mass
    return bins / bins.sum()


def test_peaks_come_back_most_probable_first() -> None:
    found = palette.suggest(peaks((0, 0, 3), (40, 30, 2), (-30, 20, 1)), 60, count=3)
    assert np.allclose([s.ab for s in found], [(0, 0), (40, 30), (-30, 20)], atol=5)
    assert found[0].weight > found[1].weight > found[2].weight
    assert sum(s.weight for s in found) == pytest.approx(1)


def test_nine_by_default() -> None:
    assert len(palette.suggest(np.full(313, 1 / 313), 60)) == palette.COUNT == 9


def test_rgb_is_the_colour_at_that_lightness() -> None:
    for suggestion in palette.suggest(peaks((40, 30, 1), (0, -40, 1)), 55):
        code = [int(suggestion.rgb[start : start + 2], 16) for start in (1, 3, 5)]
        light, a, b = lab.to_lab(np.array(code, np.uint8)).tolist()
        assert light == pytest.approx(55, abs=0.6)
        assert np.hypot(a - suggestion.ab[0], b - suggestion.ab[1]) < 1.5


def test_a_higher_temperature_gives_rare_colours_more_weight() -> None:
    bins = peaks((0, 0, 10), (50, 40, 1))
    cold, warm = (palette.suggest(bins, 60, count=2, temperature=t) for t in (1.0, 5.0))
    assert warm[1].weight > 2 * cold[1].weight


@pytest.mark.parametrize("lightness", [0.0, 100.0])
def test_black_and_white_have_one_colour(lightness: float) -> None:
    found = palette.suggest(np.full(313, 1 / 313), lightness)
    assert len(found) == 1
    assert np.hypot(*found[0].ab) < 0.1
    assert found[0].rgb == ("#000000" if lightness == 0 else "#ffffff")


@given(st.integers(0, 2**32 - 1), st.floats(0, 100), st.integers(1, 20), st.floats(0.1, 10), st.floats(0.1, 60))
@settings(max_examples=60, deadline=None)
def test_any_distribution(seed: int, lightness: float, count: int, temperature: float, sharpness: float) -> None:
    logits = np.random.default_rng(seed).normal(size=313) * sharpness
    bins = np.exp(logits - logits.max())
    bins /= bins.sum()
    found = palette.suggest(bins, lightness, count, temperature)
    assert 1 <= len(found) <= count
    ab = np.array([s.ab for s in found])
    apart = np.hypot(*(ab[:, None] - ab[None]).T)[~np.eye(len(ab), dtype=bool)]
    assert (apart >= palette.DISTINCT - 1e-3).all()
    weights = [s.weight for s in found]
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) == pytest.approx(1)
    levels = np.full(len(ab), lightness, np.float32)
    assert np.abs(gamut.to_gamut(levels, ab) - ab).max() < 0.05
    assert found == palette.suggest(bins, lightness, count, temperature)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((np.ones(312), 50), "bins"),
        ((np.full(313, np.nan), 50), "bins"),
        ((np.zeros(313), 50), "bins"),
        ((-np.ones(313), 50), "bins"),
        ((np.ones(313), 101), "lightness"),
        ((np.ones(313), np.nan), "lightness"),
        ((np.ones(313), 50, 0), "count"),
        ((np.ones(313), 50, 9, 0.0), "temperature"),
        ((np.ones(313), 50, 9, np.nan), "temperature"),
    ],
)
def test_impossible_values_are_named(arguments: tuple, word: str) -> None:
    with pytest.raises(HintError, match=word):
        palette.suggest(*arguments)
