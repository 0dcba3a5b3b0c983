"""Evened tones: a faded scan comes back near what it was; nothing else is promised, nothing leaves the range."""

from __future__ import annotations

import numpy as np
import pytest

from irodori.photo_tones import even_out


def scene(height: int = 96, width: int = 128) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    plane = 10 + 80 * x / width + 8 * np.sin(y / 5)
    plane[20:50, 30:60] = 12
    return np.clip(plane, 2, 98).astype(np.float32)


def test_a_faded_scan_is_nearly_restored() -> None:
    plane = scene()
    faded = 60 + plane * 0.25
    restored = even_out(faded)
    assert restored.dtype == np.float32
    assert np.abs(faded - plane).mean() > 25
    assert np.abs(restored - plane).mean() < 6


def test_a_good_photo_hardly_changes() -> None:
    plane = scene()
    assert np.abs(even_out(plane) - plane).mean() < 6


def test_order_and_range() -> None:
    """Overall, what was lighter stays lighter; values stay within 0..100 and finite."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        plane = (rng.random((int(rng.integers(1, 60)), int(rng.integers(1, 60)))) * rng.random() * 100).astype(
            np.float32
        )
        before = plane.copy()
        out = even_out(plane)
        assert np.array_equal(plane, before)
        assert out.shape == plane.shape
        assert np.isfinite(out).all()
        assert 0 <= out.min() <= out.max() <= 100
    ramp = np.repeat(np.linspace(40, 70, 200, dtype=np.float32)[None], 50, axis=0)
    assert (np.diff(even_out(ramp)[25]) >= -1e-3).all()


def test_one_tone_and_noise_are_not_blown_up() -> None:
    flat = np.full((40, 40), 55, np.float32)
    assert np.array_equal(even_out(flat), flat)
    noisy = flat + np.random.default_rng(0).normal(0, 1, (40, 40)).astype(np.float32)
    assert even_out(noisy).std() < 6 * noisy.std()


def test_brightness_and_contrast_of_the_scan_do_not_matter() -> None:
    plane = scene()
    np.testing.assert_allclose(even_out(plane * 0.5 + 20), even_out(plane * 0.4 + 45), atol=0.3)


def test_wrong_shapes_are_refused() -> None:
    for wrong in (np.zeros((2, 2, 3), np.float32), np.zeros(4, np.float32), np.zeros((0, 4), np.float32)):
        with pytest.raises(ValueError, match="expected a plane"):
            even_out(wrong)
