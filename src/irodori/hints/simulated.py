"""A pretend user: hints drawn at random from a coloured picture, for training and for evaluation.

All functions work on pixels of the plane at hand. A patch is a row (top, left, side) of an int64 array ``(n, 3)``: the
square of ``side`` pixels whose first pixel is (top, left), wholly inside the plane. The same generator state gives the
same patches. Protocols: "Real-Time User-Guided Image Colorization with Learned Deep Priors" (2017) and its PyTorch
release; iColoriT (WACV 2023).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIGGRAPH17_COUNTS = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    10,
    13,
    16,
    20,
    25,
    32,
    40,
    50,
    63,
    79,
    100,
    126,
    158,
    200,
    251,
    316,
    398,
    501,
)
"""Hint counts of the paper's curve."""

ICOLORIT_COUNTS = (0, 1, 2, 5, 10, 20, 50, 100, 200)
"""Hint counts of iColoriT's curve."""


def siggraph17(rng: np.random.Generator, height: int, width: int, count: int, side: int = 6) -> NDArray[np.int64]:
    """Draw patches as the 2017 paper's evaluation does: ``(count, 3)`` rows of top, left, side.

    Along each axis the first pixel is drawn from N((n - side + 1) / 2, ((n - side + 1) / 4)^2), truncated to an
    integer and clipped to the picture. One patch is drawn after the other (top, then left), so the first k patches of a
    longer draw are those of a draw of k.
    """
    if count < 0:
        raise ValueError(f"count: expected 0 or more, got {count}")
    return _gaussian(rng, height, width, np.full(count, side, np.int64))


def icolorit(rng: np.random.Generator, height: int, width: int, count: int, cell: int = 2) -> NDArray[np.int64]:
    """Draw cells of a ``cell`` x ``cell`` px grid uniformly without replacement: ``(count, 3)``, or all cells.

    Rows and columns left over at the right and bottom (sizes that ``cell`` does not divide) hold no cells. The first k
    patches of a longer draw from the same generator state are those of a draw of k.
    """
    rows, columns = height // cell, width // cell
    if rows < 1 or columns < 1:
        raise ValueError(f"height and width: expected at least one cell of {cell} px, got {height} x {width}")
    if count < 0:
        raise ValueError(f"count: expected 0 or more, got {count}")
    chosen = rng.permutation(rows * columns)[:count]
    return np.stack([chosen // columns * cell, chosen % columns * cell, np.full(len(chosen), cell)], axis=1)


def geometric_count(rng: np.random.Generator, p: float = 1 / 8) -> int:
    """Draw how many hints there are as the paper's training does: geometric, none with probability ``p``; mean 7."""
    return int(rng.geometric(p)) - 1


def patches(
    rng: np.random.Generator,
    size: tuple[int, int],
    count: int,
    sides: tuple[int, int] = (1, 9),
    gaussian: float = 0.5,
) -> NDArray[np.int64]:
    """Draw ``count`` patches for training on a plane of ``size`` (height, width): ``(count, 3)``.

    Each patch's side is uniform in ``sides`` (both included, at most the plane's); all of them lie around the centre as
    in :func:`siggraph17` with probability ``gaussian``, else anywhere alike.
    """
    height, width = size
    if count < 0 or sides[0] < 1 or sides[1] < sides[0]:
        raise ValueError(f"count and sides: expected count >= 0 and 1 <= low <= high, got {count} and {sides}")
    shortest = min(height, width)
    side = rng.integers(min(sides[0], shortest), min(sides[1], shortest) + 1, size=count)
    if rng.random() < gaussian:
        return _gaussian(rng, height, width, side)
    top = rng.integers(0, height - side + 1)
    left = rng.integers(0, width - side + 1)
    return np.stack([top, left, side], axis=1)


def draw_patches(
    ab: NDArray[np.floating[Any]], patches: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give each patch its mean true colour: ab ``(h, w, 2)``, patches ``(n, 3)`` -> hint ab, mask ``(h, w)``.

    Both results are float32, zero where no patch is; where patches overlap the later one wins.
    """
    truth = np.asarray(ab, dtype=np.float32)
    if truth.ndim != 3 or truth.shape[2] != 2:
        raise ValueError(f"ab: expected (h, w, 2), got {truth.shape}")
    height, width = truth.shape[:2]
    boxes = np.asarray(patches, dtype=np.int64).reshape(-1, 3)
    top, left, side = boxes.T
    if len(boxes) and not (
        side.min() >= 1
        and top.min() >= 0
        and left.min() >= 0
        and (top + side).max() <= height
        and (left + side).max() <= width
    ):
        raise ValueError(f"patches: expected squares inside {height} x {width} pixels")
    owner = np.full(height * width, -1, np.int64)
    # Every pixel of every patch, as one flat list: patch number, row and column inside the patch.
    areas = side * side
    number = np.repeat(np.arange(len(boxes)), areas)
    place = np.arange(len(number)) - np.repeat(np.cumsum(areas) - areas, areas)
    row, column = np.divmod(place, side[number])
    pixel = (top[number] + row) * width + left[number] + column
    np.maximum.at(owner, pixel, number)
    colours = truth.reshape(-1, 2)[pixel]
    means = np.empty((len(boxes), 2), np.float64)
    for channel in range(2):
        sums = np.bincount(number, weights=colours[:, channel], minlength=len(boxes))
        means[:, channel] = sums / np.maximum(areas, 1)
    mask = owner >= 0
    out = np.zeros((height * width, 2), np.float32)
    out[mask] = means[owner[mask]]
    return out.reshape(height, width, 2), mask.reshape(height, width).astype(np.float32)


def _gaussian(rng: np.random.Generator, height: int, width: int, side: NDArray[np.int64]) -> NDArray[np.int64]:
    """Patches of the given sides around the centre, as in :func:`siggraph17`."""
    room = np.stack([height - side + 1, width - side + 1], axis=1)
    if len(side) and (room.min() < 1 or side.min() < 1):
        raise ValueError(f"side: expected patches that fit {height} x {width} pixels, got side {int(side.max())}")
    first = rng.normal(room / 2, room / 4).astype(np.int64)
    return np.concatenate([np.clip(first, 0, room - 1), side[:, None]], axis=1)
