"""The pretend user: protocols to the letter, deterministic by seed, patches drawn with their true colours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irodori.hints import simulated


def rng(seed=0):
    return np.random.default_rng(seed)


def inside(patches, height, width):
    top, left, side = patches.T
    return (top >= 0).all() and (left >= 0).all() and (top + side <= height).all() and (left + side <= width).all()


def test_siggraph17_is_the_papers_gaussian():
    patches = simulated.siggraph17(rng(), 256, 256, 200_000)
    assert patches.shape == (200_000, 3)
    assert patches.dtype == np.int64
    assert (patches[:, 2] == 6).all()
    assert inside(patches, 256, 256)
    # N(125.5, 62.75^2) truncated to int, clipped to 0..250 (2.3 % beyond either end).
    assert patches[:, 0].mean() == pytest.approx(125, abs=0.5)
    assert (patches[:, :2] == 0).mean() == pytest.approx(0.0234, abs=0.002)
    assert (patches[:, :2] == 250).mean() == pytest.approx(0.0236, abs=0.002)
    assert np.median(patches[:, 1]) == pytest.approx(125, abs=1)
    assert np.percentile(patches[:, 0], 84.13) == pytest.approx(125.5 + 62.75, abs=1.5)


def test_siggraph17_written_out():
    """The rule of the protocol, one number after the other."""
    generator = rng(5)
    expected = []
    for _ in range(50):
        row = [int(np.clip(generator.normal((n - 6 + 1) / 2, (n - 6 + 1) / 4), 0, n - 6)) for n in (256, 192)]
        expected.append([*row, 6])
    assert simulated.siggraph17(rng(5), 256, 192, 50).tolist() == expected


@pytest.mark.parametrize("draw", [simulated.siggraph17, simulated.icolorit])
def test_fewer_hints_are_the_first_of_more(draw):
    assert np.array_equal(draw(rng(3), 64, 80, 200)[:17], draw(rng(3), 64, 80, 17))
    assert not np.array_equal(draw(rng(3), 64, 80, 17), draw(rng(4), 64, 80, 17))
    assert draw(rng(3), 64, 80, 0).shape == (0, 3)
    with pytest.raises(ValueError, match="count: expected 0 or more, got -1"):
        draw(rng(), 64, 64, -1)


def test_icolorit_draws_cells_without_replacement():
    patches = simulated.icolorit(rng(), 224, 224, 200)
    assert len({tuple(patch) for patch in patches.tolist()}) == 200
    assert (patches[:, :2] % 2 == 0).all()
    assert (patches[:, 2] == 2).all()
    everything = simulated.icolorit(rng(), 9, 12, 10_000)
    assert len(everything) == 4 * 6
    assert inside(everything, 9, 12)
    with pytest.raises(ValueError, match="at least one cell"):
        simulated.icolorit(rng(), 1, 10, 3)


def test_counts_are_geometric():
    generator = rng()
    geometric = np.array([simulated.geometric_count(generator) for _ in range(20_000)])
    assert (geometric == 0).mean() == pytest.approx(1 / 8, abs=0.01)
    assert geometric.mean() == pytest.approx(7, abs=0.2)


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 40), st.integers(0, 60))
def test_training_patches_lie_inside(seed, height, width, count):
    patches = simulated.patches(rng(seed), (height, width), count)
    assert patches.shape == (count, 3)
    assert inside(patches, height, width)
    assert np.array_equal(patches, simulated.patches(rng(seed), (height, width), count))


def test_training_patches_have_all_sides_and_both_kinds_of_places():
    uniform = simulated.patches(rng(1), (256, 256), 20_000, gaussian=0)
    assert np.bincount(uniform[:, 2])[1:].tolist() == pytest.approx([20_000 / 9] * 9, rel=0.1)
    assert np.std(uniform[:, 0]) == pytest.approx(252 / 12**0.5, rel=0.03)
    gaussian = simulated.patches(rng(1), (256, 256), 20_000, gaussian=1)
    assert np.std(gaussian[:, 0]) == pytest.approx(252 / 4, rel=0.06)
    with pytest.raises(ValueError, match="count and sides"):
        simulated.patches(rng(), (9, 9), 3, sides=(0, 3))


@given(st.integers(0, 2**32), st.integers(0, 30))
def test_drawing_follows_its_definition(seed, count):
    generator = rng(seed)
    ab = generator.normal(0, 30, (17, 23, 2)).astype(np.float32)
    patches = simulated.patches(generator, (17, 23), count)
    expected, expected_mask = np.zeros_like(ab), np.zeros((17, 23), np.float32)
    for top, left, side in patches.tolist():
        square = np.s_[top : top + side, left : left + side]
        expected[square] = ab[square].mean(axis=(0, 1), dtype=np.float64)
        expected_mask[square] = 1
    drawn, mask = simulated.draw_patches(ab, patches)
    assert drawn.dtype == mask.dtype == np.float32
    assert drawn == pytest.approx(expected, abs=1e-4)
    assert np.array_equal(mask, expected_mask)


def test_patches_outside_are_refused():
    for patch in ([0, 0, 0], [-1, 0, 2], [9, 9, 2]):
        with pytest.raises(ValueError, match="patches: expected squares inside 10 x 10 pixels"):
            simulated.draw_patches(np.zeros((10, 10, 2)), np.array([patch]))
    with pytest.raises(ValueError, match=r"ab: expected \(h, w, 2\)"):
        simulated.draw_patches(np.zeros((10, 10)), np.zeros((0, 3), int))
    with pytest.raises(ValueError, match="side: expected patches that fit 5 x 9"):
        simulated.siggraph17(rng(), 5, 9, 1)
