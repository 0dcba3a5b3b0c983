"""Where the next hint would help most, from the network's colour distribution and the hints that are already there.

A place is worth a hint when the network is unsure about it *and* about much that looks like it nearby, since a hint's
colour travels to such places. What earlier hints already explain (near, of similar lightness and colour) counts less,
and so do places on edges, where a hint would mix two colours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from irodori.color import ab_bins

Float32 = NDArray[np.float32]

HEAT_FULL = 40.0
"""The expected colour error, in ab units, that the heat overlay shows at full strength."""
_CELLS = 1600  # the map is shrunk to about this many cells: all pairs of them are compared
_NEAR = 0.35  # how far a hint's colour travels, as a share of the short side
_SIMILAR_LIGHTNESS = 12.0
_SIMILAR_AB = 14.0
_CALM = 5.0  # spread of L* around a place that takes two thirds of its score away


def expected_error(bins: ArrayLike) -> Float32:
    """Root of the expected squared distance between the true ab and the distribution's mean.

    ``bins`` ``(h, w, 313)`` -> ``(h, w)`` float32, ab units: 0 where the network is certain, about 40 where it has no
    idea.
    """
    probabilities = np.asarray(bins, dtype=np.float32)
    mean = probabilities @ ab_bins.CENTRES
    squares = probabilities @ (ab_bins.CENTRES**2).sum(axis=1)
    variance = squares - (mean**2).sum(axis=-1)
    error: Float32 = np.sqrt(np.maximum(variance, np.float32(0)))
    return error


def uncertainty(bins: ArrayLike) -> Float32:
    """The heat overlay: :func:`expected_error` as 0..1, ``(h, w)`` float32; 1 means :data:`HEAT_FULL` or more."""
    heat: Float32 = np.minimum(expected_error(bins) / np.float32(HEAT_FULL), np.float32(1))
    return heat


def next_hint(bins: ArrayLike, lightness: ArrayLike, hint_mask: ArrayLike) -> tuple[float, float]:
    """Find where the next hint would help most.

    Args:
        bins: ``(h, w, 313)`` probabilities with the present hints, at a quarter of the network's size, without padding.
        lightness: ``(h, w)`` L* at the same size.
        hint_mask: ``(h, w)`` at the same size, more than 0 where a hint already lies.

    Returns:
        x, y as shares of the picture's width and height, in 0..1 (exclusive), the centre of a pixel of ``bins``.
    """
    probabilities = np.asarray(bins, dtype=np.float32)
    height, width = probabilities.shape[:2]
    levels = np.asarray(lightness, np.float32)
    hinted = np.asarray(hint_mask, np.float32) > 0
    step = max(1, int(np.ceil(np.sqrt(height * width / _CELLS))))
    error = expected_error(probabilities)
    mean = probabilities @ ab_bins.CENTRES
    cells = _pooled(np.concatenate([error[..., None] ** 2, levels[..., None], mean], axis=-1), step)
    rows, columns = cells.shape[:2]
    flat = cells.reshape(-1, 4)
    places = np.argwhere(np.ones((rows, columns), bool)).astype(np.float32)
    reach = np.float32(_NEAR * max(2, min(rows, columns)))
    features = np.concatenate([places / reach, flat[:, 1:2] / _SIMILAR_LIGHTNESS, flat[:, 2:] / _SIMILAR_AB], axis=1)
    alike = np.exp(-_squared_distances(features) / 2)
    worth = flat[:, 0]
    taken = _pooled(hinted[..., None].astype(np.float32), step).reshape(-1) > 0
    if taken.any():
        worth = worth * (1 - alike[:, taken].max(axis=1))
    # The sum over what is alike alone would favour certain places inside large unsure areas over unsure ones.
    gain = (alike @ worth) * np.sqrt(worth + np.float32(1e-6))
    fine = gain.reshape(rows, columns).repeat(step, axis=0).repeat(step, axis=1)[:height, :width]
    # A hint on an edge would carry a mixture of two colours.
    score = fine * np.exp(-_spread(levels) / np.float32(_CALM))
    if not hinted.all():
        score[hinted] = -1
    row, column = divmod(int(score.argmax()), width)
    return (column + 0.5) / width, (row + 0.5) / height


def _spread(plane: Float32) -> Float32:
    """Standard deviation over the 3 x 3 neighbours of each pixel of ``(h, w)``; edges repeat."""
    padded = np.pad(plane, 1, mode="edge")
    height, width = plane.shape
    around = np.array([padded[y : y + height, x : x + width] for y in range(3) for x in range(3)], np.float32)
    return np.asarray(around.std(axis=0), np.float32)


def _pooled(planes: Float32, step: int) -> Float32:
    """Mean of step x step blocks of ``(h, w, c)``; blocks at the right and bottom edge may be smaller."""
    height, width = planes.shape[:2]
    row_starts = np.arange(0, height, step)
    column_starts = np.arange(0, width, step)
    sums = np.add.reduceat(np.add.reduceat(planes, row_starts, axis=0), column_starts, axis=1)
    row_counts = np.diff(np.append(row_starts, height))
    column_counts = np.diff(np.append(column_starts, width))
    return np.asarray(sums / (row_counts[:, None] * column_counts[None])[..., None], np.float32)


def _squared_distances(points: Float32) -> Float32:
    """All pairs of ``(n, c)``: ``(n, n)`` squared distances."""
    norms = (points**2).sum(axis=1)
    squares: Float32 = np.maximum(norms[:, None] + norms[None] - 2 * (points @ points.T), 0)
    return squares
