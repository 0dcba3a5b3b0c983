"""The torch twins equal their numpy originals: 1,000 random inputs each, with borders and overlaps."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from irodori.color import ab_bins, lab  # noqa: E402
from irodori.hints import reference, simulated  # noqa: E402
from irodori.train import on_gpu  # noqa: E402

pytestmark = pytest.mark.train
TOLERANCE = 1e-4


def channels_first(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, -1, 1)))


def channels_last(tensor: torch.Tensor) -> np.ndarray:
    return np.moveaxis(tensor.numpy(), 1, -1)


def test_lab_there_and_back() -> None:
    rng = np.random.default_rng(1)
    rgb = rng.random((1000, 4, 5, 3), dtype=np.float32)
    rgb[:8] = np.array(
        [[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.04, 0.04, 0.04], [0.5, 0, 1], [1, 1, 0]]
    )[:, None, None]
    lightness, ab = on_gpu.to_lab(channels_first(rgb))
    ours = np.concatenate([channels_last(lightness), channels_last(ab)], -1)
    theirs = lab.to_lab(rgb)
    # float32 of two implementations: 1e-4 of the range 0..100
    assert np.abs(ours - theirs).max() <= 100 * TOLERANCE
    back = channels_last(on_gpu.to_srgb(lightness, ab))
    assert np.abs(back - lab.to_srgb(theirs)).max() <= TOLERANCE
    assert np.abs(back - rgb).max() <= 5e-4


def test_drawn_patches_with_borders_and_overlaps() -> None:
    rng = np.random.default_rng(2)
    height, width = 24, 40
    for _ in range(20):  # 50 pictures at a time
        ab = rng.uniform(-80, 80, (50, height, width, 2)).astype(np.float32)
        counts = rng.integers(0, 30, 50)
        patches = np.zeros((50, 30, 3), np.int64)
        for row, count in zip(patches, counts, strict=True):
            drawn = simulated.patches(rng, (height, width), int(count), (1, 12), 0.5)
            row[: len(drawn)] = drawn
            if count > 2:
                row[0] = (0, 0, 7)  # at the corners
                row[1] = (height - 5, width - 5, 5)
        hint_ab, mask = on_gpu.draw_patches(channels_first(ab), torch.from_numpy(patches))
        for i in range(50):
            wanted_ab, wanted_mask = simulated.draw_patches(ab[i], patches[i, : counts[i]])
            assert np.array_equal(mask[i, 0].numpy(), wanted_mask)
            assert np.abs(channels_last(hint_ab)[i] - wanted_ab).max() <= 110 * TOLERANCE


def test_soft_encoding_and_nearest_bins() -> None:
    rng = np.random.default_rng(3)
    ab = rng.uniform(-115, 115, (1000, 2)).astype(np.float32)
    index, weights = on_gpu.soft_encode(torch.from_numpy(ab))
    wanted_index, wanted_weights = ab_bins.soft_encode(ab)
    ours, theirs = np.zeros((1000, 313)), np.zeros((1000, 313))
    np.put_along_axis(ours, index.numpy(), weights.numpy(), 1)
    np.put_along_axis(theirs, wanted_index, wanted_weights, 1)
    # two bins at the same distance (to rounding) may change places as fifth neighbour: compare the bulk exactly
    assert np.quantile(np.abs(ours - theirs).max(1), 0.995) <= TOLERANCE
    assert np.array_equal(on_gpu.nearest(torch.from_numpy(ab)).numpy(), ab_bins.nearest(ab))


def test_reference_vector() -> None:
    rng = np.random.default_rng(4)
    rgb = rng.random((1000, 8, 8, 3), dtype=np.float32)
    rgb[0] = 0
    planes = lab.to_lab(rgb)
    with_histogram = (rng.random(1000) < 0.7).astype(np.float32) * rng.choice([0.5, 1.0], 1000).astype(np.float32)
    with_saturation = (rng.random(1000) < 0.7).astype(np.float32)
    ours = on_gpu.reference_vector(
        channels_first(planes[..., 1:]),
        channels_first(rgb),
        torch.from_numpy(with_histogram),
        torch.from_numpy(with_saturation),
    ).numpy()
    for i in range(1000):
        pooled = planes[i, ..., 1:].reshape(2, 4, 2, 4, 2).mean((1, 3))
        wanted = np.zeros(316, np.float32)
        if with_histogram[i]:
            wanted[:313], wanted[313] = reference.histogram(pooled), with_histogram[i]
        if with_saturation[i]:
            wanted[314], wanted[315] = reference.saturation(rgb[i]), 1
        assert np.abs(ours[i] - wanted).max() <= TOLERANCE
