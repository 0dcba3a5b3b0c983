"""Colour brought from network size to full size: exact where it can be, better than bilinear, strips as the whole."""

from __future__ import annotations

import numpy as np
import pytest

from irodori.color import guided, lab


def shrunk(plane, factor):
    height, width = plane.shape[0] // factor, plane.shape[1] // factor
    blocks = plane[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    return blocks.mean(axis=(1, 3)).reshape(height, width, *plane.shape[2:]).astype(np.float32)


def psnr(found, truth):
    return -10 * np.log10(np.mean((found - truth) ** 2))


def discs(seed=0, size=256):
    """A picture of overlapping discs of random colours, textured in L, softened as a lens does: Lab (size, size, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] + 0.5
    rgb = np.full((size, size, 3), 0.5)
    for _ in range(40):
        centre, radius = rng.random(2) * size, rng.uniform(8, 40)
        edge = np.clip(radius - np.hypot(x - centre[0], y - centre[1]) + 0.5, 0, 1)[..., None]
        rgb = rgb * (1 - edge) + rng.uniform(0.1, 0.9, 3) * edge
    rgb *= 1 + 0.05 * np.sin(x * 0.9)[..., None]
    return lab.to_lab(np.clip(rgb, 0, 1))


def test_linear_colour_is_reproduced_exactly():
    rng = np.random.default_rng(0)
    full = rng.random((96, 128)).astype(np.float32) * 100
    planes = np.empty((24, 32, 4), np.float32)
    planes[:] = [0.25, 3, -0.5, 7]
    assert guided.apply(planes, full) == pytest.approx(np.stack([full * 0.25 + 3, full * -0.5 + 7], -1), abs=1e-4)


def test_flat_colour_stays_flat_under_any_texture():
    rng = np.random.default_rng(1)
    full = rng.random((80, 120)).astype(np.float32) * 100
    ab = np.full((20, 30, 2), [12.5, -30], np.float32)
    found = guided.apply(guided.coefficients(ab, shrunk(full, 4)), full)
    assert found == pytest.approx(np.broadcast_to(ab[0, 0], found.shape), abs=1e-2)


def test_a_flat_photo_gets_the_baselines_colours_but_sharper():
    rng = np.random.default_rng(2)
    smooth = guided.bilinear(rng.normal(0, 30, (6, 8, 2)), 48, 64)
    light = np.full((48, 64), 40, np.float32)
    planes = guided.coefficients(shrunk(smooth, 4), shrunk(light, 4))
    assert np.abs(planes[..., 0::2]).max() < 1e-6
    found = guided.apply(planes, light)
    assert np.abs(found - smooth).max() < np.abs(guided.bilinear(shrunk(smooth, 4), 48, 64) - smooth).max()


@pytest.mark.parametrize(("factor", "gain"), [(4, 2.0), (8, 1.5)])
def test_it_beats_bilinear(factor, gain):
    gains = []
    for seed in range(5):
        picture = discs(seed)
        small = shrunk(picture, factor)
        truth = picture[..., 1:]
        found = guided.apply(guided.coefficients(small[..., 1:], small[..., 0]), picture[..., 0])
        gains.append(psnr(found, truth) - psnr(guided.bilinear(small[..., 1:], *truth.shape[:2]), truth))
    assert min(gains) > 0
    assert np.mean(gains) >= gain


def test_an_edge_of_the_photo_becomes_an_edge_of_the_colour():
    truth = np.zeros((64, 96, 3), np.float32)
    truth[:, :50] = [30, 40, -20]
    truth[:, 50:] = [70, -10, 30]
    small = shrunk(truth, 4)
    found = guided.apply(guided.coefficients(small[..., 1:], small[..., 0]), truth[..., 0])
    plain = guided.bilinear(small[..., 1:], 64, 96)
    middle = slice(8, -8)
    near = slice(46, 54)
    error = np.abs(found - truth[..., 1:])[middle, near].mean()
    assert error < 0.5 * np.abs(plain - truth[..., 1:])[middle, near].mean()
    # No halo: nowhere is the colour farther beyond either side than a quarter of the step.
    assert found[middle, :, 0].max() < 40 + 12.5
    assert found[middle, :, 0].min() > -10 - 12.5


def test_the_mean_over_each_small_pixel_is_what_was_given():
    rng = np.random.default_rng(3)
    small = guided.bilinear(rng.normal(0, 25, (9, 9, 2)), 36, 36)
    light = guided.bilinear(np.repeat(rng.random((9, 9, 1)) * 80, 2, 2), 288, 288)[..., 0]
    planes = guided.coefficients(small, shrunk(light, 8))
    found = shrunk(guided.apply(planes, light), 8)
    plain = shrunk(guided.bilinear(small, 288, 288), 8)
    assert np.abs(found - small).mean() < 0.35 * np.abs(plain - small).mean()


@pytest.mark.parametrize("size", [(100, 130), (97, 131), (24, 33), (11, 7)])
@pytest.mark.parametrize("step", [1, 7, 40])
def test_strips_equal_the_whole(size, step):
    rng = np.random.default_rng(4)
    planes = rng.normal(size=(24, 33, 4)).astype(np.float32)
    light = rng.random(size).astype(np.float32) * 100
    whole = guided.apply(planes, light)
    assert whole.shape == (*size, 2)
    strips = [guided.apply_rows(planes, light[row : row + step], row, size[0]) for row in range(0, size[0], step)]
    assert np.array_equal(np.concatenate(strips), whole)


def filtered(plane, weights):
    """A plane filtered along both axes by symmetric weights (middle, at distance 1, at distance 2), edges mirrored."""
    for axis in (0, 1):
        if len(weights) == 3 and plane.shape[axis] < 2:
            continue
        margins = [(2, 2) if one == axis else (0, 0) for one in (0, 1)]
        padded = np.moveaxis(np.pad(plane, margins, mode="symmetric"), axis, 0)
        middle, near, far = (*weights, 0)[:3]
        line = middle * padded[2:-2] + near * (padded[1:-3] + padded[3:-1]) + far * (padded[:-4] + padded[4:])
        plane = np.moveaxis(line, 0, axis)
    return plane


def coefficients_by_the_book(colour, light):
    """A and B of one plane, written as plainly as the description of the filter and in double precision."""
    window = (1 - 2 * 0.15, 0.15)
    mean_c, mean_l = filtered(colour, window), filtered(light, window)
    variance = np.maximum(filtered(light * light, window) - mean_l**2, 0) + guided.EPS
    covariance = filtered(colour * light, window) - mean_c * mean_l
    spread = np.maximum(filtered(colour * colour, window) - mean_c**2, 0) + 1
    explained = np.minimum(covariance**2 / variance / spread, 1)
    slope = np.clip(guided.GAIN * explained * covariance / variance, -guided.MAX_SLOPE, guided.MAX_SLOPE)
    slope = filtered(slope, (0.5, 0.25))
    wanted = colour - filtered(slope, (0.75, 0.125)) * light
    sharp = filtered(wanted, (1 + 2 * 0.22 - 2 * 0.03, -0.22, 0.03))
    padded = np.pad(wanted, 1, mode="edge")
    height, width = wanted.shape
    around = np.stack([padded[i : i + height, j : j + width] for i in range(3) for j in range(3)])
    low, high = around.min(0), around.max(0)
    return slope, np.clip(sharp, low - (high - low) / 4, high + (high - low) / 4)


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 9), (9, 1), (2, 2), (2, 3), (3, 2), (3, 5), (5, 3), (4, 4), (30, 4), (41, 57)]
)
def test_every_pixel_to_the_edges_is_as_the_description_says(size):
    rng = np.random.default_rng(5)
    lightness = np.clip(50 + np.cumsum(rng.normal(0, 6, size), axis=1), 0, 100)
    ab = rng.normal(0, 30, (*size, 2)) + 0.5 * lightness[..., None]
    found = guided.coefficients(ab, lightness)
    for channel in range(2):
        slope, offset = coefficients_by_the_book(ab[..., channel], lightness)
        assert found[..., 2 * channel] == pytest.approx(slope, abs=1e-4)
        assert found[..., 2 * channel + 1] == pytest.approx(offset, abs=5e-3)


def test_the_given_planes_are_left_alone():
    rng = np.random.default_rng(6)
    lightness = rng.random((20, 30)).astype(np.float32) * 100
    planes = rng.normal(0, 30, (2, 20, 30)).astype(np.float32)
    before = lightness.copy(), planes.copy()
    from_planes = guided.coefficients(np.moveaxis(planes, 0, 2), lightness)
    assert np.array_equal(lightness, before[0])
    assert np.array_equal(planes, before[1])
    assert np.array_equal(guided.coefficients(np.ascontiguousarray(np.moveaxis(planes, 0, 2)), lightness), from_planes)


def test_bilinear_is_centre_aligned_and_repeats_edges():
    ramp = np.stack([np.arange(4.0), np.zeros(4)], -1)[None].repeat(3, 0)
    found = guided.bilinear(ramp, 6, 8)
    assert found[0, :, 0] == pytest.approx([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3], abs=1e-6)
    assert np.array_equal(found[0], found[-1])
    same = np.random.default_rng(5).random((5, 6, 2)).astype(np.float32)
    assert guided.bilinear(same, 5, 6) == pytest.approx(same, abs=1e-6)


def test_the_shader_formula():
    """Bilinear samples of the four planes, then A * L + B: written out for single pixels."""
    rng = np.random.default_rng(6)
    planes = rng.normal(size=(5, 7, 4)).astype(np.float32)
    light = rng.random((33, 50)).astype(np.float32) * 100
    found = guided.apply(planes, light)
    for row, column in ((0, 0), (32, 49), (13, 21), (5, 44)):
        y = min(max((row + 0.5) * 5 / 33 - 0.5, 0), 4)
        x = min(max((column + 0.5) * 7 / 50 - 0.5, 0), 6)
        top, left = int(y), int(x)
        bottom, right = min(top + 1, 4), min(left + 1, 6)
        upper = planes[top, left] * (1 - (x - left)) + planes[top, right] * (x - left)
        lower = planes[bottom, left] * (1 - (x - left)) + planes[bottom, right] * (x - left)
        mixed = upper * (1 - (y - top)) + lower * (y - top)
        here = light[row, column]
        assert found[row, column] == pytest.approx([mixed[0] * here + mixed[1], mixed[2] * here + mixed[3]], rel=1e-4)


def test_slopes_are_bounded_and_finite_for_wild_input():
    rng = np.random.default_rng(7)
    ab = rng.uniform(-128, 128, (40, 40, 2)).astype(np.float32)
    planes = guided.coefficients(ab, rng.random((40, 40)).astype(np.float32) * 100)
    assert np.isfinite(planes).all()
    assert np.abs(planes[..., 0::2]).max() <= guided.MAX_SLOPE
    for size in ((1, 1), (1, 5), (2, 2)):
        tiny = guided.coefficients(np.ones((*size, 2), np.float32), np.ones(size, np.float32))
        assert guided.apply(tiny, np.ones((3, 4), np.float32)) == pytest.approx(np.ones((3, 4, 2)), abs=1e-5)


def test_input_is_not_changed():
    ab, light = np.ones((6, 6, 2), np.float32), np.random.default_rng(8).random((6, 6)).astype(np.float32)
    copies = ab.copy(), light.copy()
    planes = guided.coefficients(ab, light)
    before = planes.copy()
    guided.apply(planes, light)
    assert np.array_equal(ab, copies[0])
    assert np.array_equal(light, copies[1])
    assert np.array_equal(planes, before)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"expected \(h, w, 2\) and \(h, w\), got \(4, 4, 2\) and \(4, 5\)"):
        guided.coefficients(np.zeros((4, 4, 2)), np.zeros((4, 5)))
    with pytest.raises(ValueError, match="eps and gain"):
        guided.coefficients(np.zeros((4, 4, 2)), np.zeros((4, 4)), eps=0)
    with pytest.raises(ValueError, match=r"row_start: expected rows inside 0..10, got 8..12"):
        guided.apply_rows(np.zeros((4, 4, 4), np.float32), np.zeros((4, 9), np.float32), 8, 10)
    with pytest.raises(ValueError, match=r"expected \(h, w, 4\) and \(n, W\)"):
        guided.apply(np.zeros((4, 4, 3), np.float32), np.zeros((4, 9), np.float32))


@pytest.mark.parametrize("shape", [(6, 8), (7, 8, 2), (5, 9), (1, 1, 2)])
def test_halved_is_the_mean_of_four(shape: tuple[int, ...]) -> None:
    plane = np.random.default_rng(1).uniform(0, 9, shape).astype(np.float32)
    small = guided.halved(plane)
    assert small.shape[:2] == (-(-shape[0] // 2), -(-shape[1] // 2))
    assert small.dtype == np.float32
    assert small[0, 0] == pytest.approx(plane[:2, :2].mean(axis=(0, 1)), rel=1e-5)
    last = plane[2 * (small.shape[0] - 1) :, 2 * (small.shape[1] - 1) :]
    assert small[-1, -1] == pytest.approx(last.mean(axis=(0, 1)), rel=1e-5)
