"""Shrinking planes: against Pillow's filter of the same definition, and row by row."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from irodori.photo_resize import resize, resize_rows


@pytest.mark.parametrize(("height", "width"), [(64, 96), (7, 5), (1, 1), (301, 400), (500, 640), (301, 37)])
def test_equals_pillows_triangle_filter(height: int, width: int) -> None:
    plane = np.random.default_rng(0).random((301, 400)).astype(np.float32) * 100
    expected = np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(resize(plane, height, width), expected, atol=2e-4)


def test_same_size_changes_nothing() -> None:
    plane = np.random.default_rng(1).random((33, 44)).astype(np.float32)
    assert np.array_equal(resize(plane, 33, 44), plane)


def test_centre_of_gravity_stays() -> None:
    plane = np.zeros((1000, 1000), np.float32)
    plane[300:400, 500:700] = 1
    small = resize(plane, 50, 80)
    y, x = np.mgrid[0:50, 0:80]
    assert (small * (y + 0.5)).sum() / small.sum() / 50 == pytest.approx(0.35, abs=1e-4)
    assert (small * (x + 0.5)).sum() / small.sum() / 80 == pytest.approx(0.60, abs=1e-4)


def test_each_row_is_asked_for_once_from_top_to_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("irodori.photo_resize._STRIP", 400 * 7)
    plane = np.random.default_rng(2).random((301, 400)).astype(np.float32)
    asked: list[tuple[int, int]] = []

    def rows(y0: int, y1: int) -> np.ndarray:
        asked.append((y0, y1))
        return plane[y0:y1]

    small = resize_rows(rows, (301, 400), 40, 50)
    assert [y for y0, y1 in asked for y in range(y0, y1)] == list(range(301))
    assert len(asked) == 43
    np.testing.assert_allclose(small, resize(plane, 40, 50), atol=1e-6)
