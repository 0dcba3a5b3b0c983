from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.color import lab2rgb

from irodori.color import lab
from irodori.evaluate import metrics


def test_quantiser_clips_and_rounds_down() -> None:
    rng = np.random.default_rng(1)
    lightness = rng.uniform(1, 99, (40, 50)).astype(np.float32)
    ab = rng.uniform(-60, 60, (40, 50, 2)).astype(np.float32)
    result = metrics.quantise(lightness, ab)
    assert result.dtype == np.uint8
    exact = np.clip(lab.to_srgb(np.dstack([lightness, ab])), 0, 1).astype(np.float64) * 255
    assert np.all(result <= exact + 1e-4)
    assert np.all(result > exact - 1 - 1e-4)


def test_quantiser_agrees_with_scikit_image() -> None:
    rng = np.random.default_rng(2)
    lightness = rng.uniform(20, 80, (32, 32)).astype(np.float32)
    ab = rng.uniform(-15, 15, (32, 32, 2)).astype(np.float32)
    theirs = (np.clip(lab2rgb(np.dstack([lightness, ab])), 0, 1) * 255).astype(np.uint8)
    difference = np.abs(metrics.quantise(lightness, ab).astype(int) - theirs)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.05


def test_psnr_of_a_constant_error() -> None:
    truth = np.full((8, 8, 3), 100, np.uint8)
    assert metrics.psnr(truth, truth + np.uint8(10)) == pytest.approx(20 * math.log10(25.5))
    assert metrics.psnr(truth, truth) == metrics.PSNR_CEILING


def test_psnr_is_over_all_channels_together() -> None:
    truth = np.zeros((4, 4, 3), np.uint8)
    result = truth.copy()
    result[..., 0] = 30
    assert metrics.psnr(truth, result) == pytest.approx(10 * math.log10(255**2 / (900 / 3)))


def test_psnr_of_large_pictures_does_not_overflow() -> None:
    truth = np.zeros((600, 800, 3), np.uint8)
    assert metrics.psnr(truth, np.full_like(truth, 255)) == pytest.approx(0)


def test_psnr_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match="one shape"):
        metrics.psnr(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))


def test_ssim_of_equal_and_of_noisy_pictures() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert metrics.ssim(truth, truth) == pytest.approx(1)
    assert metrics.ssim(truth, rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)) < 0.2


def test_hint_error_looks_only_under_hints() -> None:
    ab = np.zeros((6, 6, 2), np.float32)
    hint_ab = np.full((6, 6, 2), [3.0, 4.0], np.float32)
    mask = np.zeros((6, 6), np.float32)
    assert math.isnan(metrics.hint_error(ab, hint_ab, mask))
    mask[2:4, 2:4] = 1
    assert metrics.hint_error(ab, hint_ab, mask) == pytest.approx(5)
    ab[0, 0] = 100
    assert metrics.hint_error(ab, hint_ab, mask) == pytest.approx(5)


def test_colourfulness_by_hand() -> None:
    assert metrics.colourfulness(np.full((4, 4, 3), 77, np.uint8)) == 0
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[0] = [200, 0, 0]
    # rg = 200 or 0: mean 100, spread 100; yb = 100 or 0: mean 50, spread 50
    expected = math.hypot(100, 50) + 0.3 * math.hypot(100, 50)
    assert metrics.colourfulness(picture) == pytest.approx(expected)


def test_means_and_their_errors() -> None:
    mean, error = metrics.mean_and_error([1.0, 2.0, 3.0, math.nan])
    assert (mean, error) == (2.0, pytest.approx(1 / math.sqrt(3)))
    assert math.isnan(metrics.mean_and_error([5.0])[1])
    assert math.isnan(metrics.mean_and_error([])[0])


def test_ratio_of_means() -> None:
    ratio, error = metrics.ratio_and_error([1.0, 2.0, 6.0], [2.0, 4.0, 12.0])
    assert ratio == pytest.approx(0.5)
    assert error == pytest.approx(0, abs=1e-12)
    assert math.isnan(metrics.ratio_and_error([1.0], [0.0])[0])
