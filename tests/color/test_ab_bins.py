"""The 313 bins: the list itself, nearest bins, soft encoding and decoding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from irodori.color import ab_bins, lab

COLOURS = arrays.arrays(np.float32, (9, 2), elements=st.floats(-150, 150, width=32))


def test_the_list():
    assert ab_bins.CENTRES.shape == (ab_bins.COUNT, 2) == (313, 2)
    assert ab_bins.CENTRES.dtype == np.float32
    assert not ab_bins.CENTRES.flags.writeable
    assert (ab_bins.CENTRES % 10 == 0).all()
    assert len({tuple(centre) for centre in ab_bins.CENTRES.tolist()}) == 313
    # First and last entries and the extremes of the published list.
    assert ab_bins.CENTRES[0].tolist() == [-90, 50]
    assert ab_bins.CENTRES.min(axis=0).tolist() == [-90, -110]
    assert ab_bins.CENTRES.max(axis=0).tolist() == [100, 100]


def test_261_bins_are_nearest_to_some_colour():
    steps = np.arange(0, 256, 5, dtype=np.uint8)
    rgb = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 3)
    seen = np.unique(ab_bins.nearest(lab.to_lab(rgb)[:, 1:]))
    assert 245 <= len(seen) <= 261  # of this grid of colours; 261 of all


@given(COLOURS)
def test_nearest_is_the_nearest(ab):
    distances = np.linalg.norm(ab[:, None].astype(np.float64) - ab_bins.CENTRES, axis=2)
    chosen = ab_bins.nearest(ab)
    assert distances[np.arange(9), chosen] == pytest.approx(distances.min(axis=1), abs=1e-3)


def test_centres_are_their_own_bins_in_every_shape():
    assert np.array_equal(ab_bins.nearest(ab_bins.CENTRES), np.arange(313))
    assert ab_bins.nearest(np.zeros((4, 5, 2))).shape == (4, 5)
    assert ab_bins.nearest(np.zeros((0, 2))).shape == (0,)


@given(COLOURS, st.integers(1, 9), st.floats(1, 20))
def test_soft_encoding_is_a_gaussian_over_the_nearest_bins(ab, neighbours, sigma):
    indices, weights = ab_bins.soft_encode(ab, neighbours, sigma)
    assert indices.shape == weights.shape == (9, neighbours)
    assert weights.sum(axis=1) == pytest.approx(np.ones(9), abs=1e-5)
    distances = np.linalg.norm(ab[:, None].astype(np.float64) - ab_bins.CENTRES, axis=2)
    chosen = np.take_along_axis(distances, indices, axis=1)
    assert chosen == pytest.approx(np.sort(distances, axis=1)[:, :neighbours], abs=1e-3)
    expected = np.exp(-(chosen**2 - chosen[:, :1] ** 2) / (2 * sigma**2))
    assert weights == pytest.approx(expected / expected.sum(axis=1, keepdims=True), abs=1e-3)


def test_soft_encoding_at_a_centre_by_hand():
    indices, weights = ab_bins.soft_encode([10.0, 20.0])
    assert ab_bins.CENTRES[indices[0]].tolist() == [10, 20]
    side = np.exp(-2.0)  # the four neighbours at distance 10, sigma 5
    assert weights == pytest.approx([1 / (1 + 4 * side)] + [side / (1 + 4 * side)] * 4, abs=1e-6)


def test_all_neighbours_may_be_asked_for():
    indices, weights = ab_bins.soft_encode([0.0, 0.0], neighbours=313)
    assert sorted(indices.tolist()) == list(range(313))
    assert weights.sum() == pytest.approx(1, abs=1e-5)


@given(arrays.arrays(np.float32, (3, 2), elements=st.floats(-40, 40, width=32)))
def test_decoding_what_was_encoded_comes_close(ab):
    indices, weights = ab_bins.soft_encode(ab)
    bins = np.zeros((3, 313), np.float32)
    np.put_along_axis(bins, indices, weights, axis=1)
    assert np.abs(ab_bins.decode(bins) - ab).max() < 5


def test_temperature_moves_the_mean_towards_the_mode():
    bins = np.zeros(313, np.float32)
    mode, other = ab_bins.nearest([[0, 0], [40, 0]])
    bins[mode], bins[other] = 0.6, 0.4
    assert ab_bins.decode(bins) == pytest.approx([16, 0], abs=1e-4)
    sharper = 0.4**2 / (0.4**2 + 0.6**2) * 40
    assert ab_bins.decode(bins, temperature=0.5) == pytest.approx([sharper, 0], abs=1e-4)
    assert ab_bins.decode(bins, temperature=0.01) == pytest.approx([0, 0], abs=1e-4)
    assert ab_bins.decode(bins * 1e-30, temperature=0.38).tolist() == pytest.approx(
        ab_bins.decode(bins, temperature=0.38).tolist(), abs=1e-3
    )
    assert ab_bins.decode(np.zeros((2, 313))).tolist() == [[0, 0], [0, 0]]


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"ab: expected the shape \(..., 2\), got \(3,\)"):
        ab_bins.nearest([1, 2, 3])
    with pytest.raises(ValueError, match=r"bins: expected the shape \(..., 313\), got \(312,\)"):
        ab_bins.decode(np.zeros(312))
    with pytest.raises(ValueError, match="temperature: expected more than 0, got 0"):
        ab_bins.decode(np.zeros(313), temperature=0)
    with pytest.raises(ValueError, match=r"neighbours: expected 1..313, got 0"):
        ab_bins.soft_encode([0, 0], neighbours=0)
    with pytest.raises(ValueError, match="sigma: expected more than 0, got -1"):
        ab_bins.soft_encode([0, 0], sigma=-1)
