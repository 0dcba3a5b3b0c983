"""The 313 ab bins of the paper (a grid of step 10 over the a*b* plane): centres, nearest bin, soft encoding, decoding.

The list of centres is ``ab_bins.txt`` beside this file; its first lines name where it comes from. Note that the bins
are not all displayable: only 261 of them are ever the nearest one to an sRGB colour.

Source: Zhang et al., "Colorful Image Colorization" (2016) and "Real-Time User-Guided Image Colorization with Learned
Deep Priors" (2017).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

CENTRES: NDArray[np.float32] = np.loadtxt(Path(__file__).with_name("ab_bins.txt"), dtype=np.float32)
"""Bin centres ``(313, 2)`` float32: a, b."""
CENTRES.setflags(write=False)

COUNT = len(CENTRES)
"""How many bins there are: 313."""

_STRIP = 4096  # colours compared with all centres at once
_HALF_NORMS: NDArray[np.float32] = (CENTRES**2).sum(axis=1, dtype=np.float32) / np.float32(2)


def nearest(ab: ArrayLike) -> NDArray[np.int64]:
    """Index 0..312 of the bin nearest to each colour: ``(..., 2)`` -> ``(...)`` int64; of equals the first."""
    colours = _as_ab(ab)
    flat = colours.reshape(-1, 2)
    out = np.empty(len(flat), np.int64)
    for start in range(0, len(flat), _STRIP):
        out[start : start + _STRIP] = _distances(flat[start : start + _STRIP]).argmin(axis=1)
    return out.reshape(colours.shape[:-1])


def soft_encode(
    ab: ArrayLike, neighbours: int = 5, sigma: float = 5.0
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Spread each colour over its nearest bins with Gaussian weights.

    ``ab`` ``(..., 2)`` -> indices ``(..., neighbours)`` int64, nearest first, and weights of the same shape, float32,
    each row summing to 1: proportional to exp(-d^2 / (2 sigma^2)) of the distance d to the bin's centre.
    """
    if not 1 <= neighbours <= COUNT:
        raise ValueError(f"neighbours: expected 1..{COUNT}, got {neighbours}")
    if not sigma > 0:
        raise ValueError(f"sigma: expected more than 0, got {sigma}")
    colours = _as_ab(ab)
    flat = colours.reshape(-1, 2)
    indices = np.empty((len(flat), neighbours), np.int64)
    weights = np.empty((len(flat), neighbours), np.float32)
    for start in range(0, len(flat), _STRIP):
        strip = slice(start, start + _STRIP)
        distances = _distances(flat[strip])
        chosen = np.argpartition(distances, neighbours - 1, axis=1)[:, :neighbours] if neighbours < COUNT else None
        if chosen is None:
            chosen = np.broadcast_to(np.arange(COUNT), distances.shape)
        near = np.take_along_axis(distances, chosen, axis=1)
        order = np.lexsort((chosen, near), axis=1)
        near = np.take_along_axis(near, order, axis=1)
        indices[strip] = np.take_along_axis(chosen, order, axis=1)
        # Distances enter relative to the nearest bin: far outside the grid all plain Gaussians would be zero.
        gaussian = np.exp((near[:, :1] - near) / np.float32(sigma * sigma))
        weights[strip] = gaussian / gaussian.sum(axis=1, keepdims=True)
    shape = (*colours.shape[:-1], neighbours)
    return indices.reshape(shape), weights.reshape(shape)


def decode(bins: ArrayLike, temperature: float = 1.0) -> NDArray[np.float32]:
    """Annealed mean: distributions ``(..., 313)`` -> ab ``(..., 2)`` float32.

    The probabilities are raised to 1 / ``temperature`` and renormalised; 1 gives the plain mean, towards 0 the mode.
    A row of zeros decodes to grey.
    """
    if not temperature > 0:
        raise ValueError(f"temperature: expected more than 0, got {temperature}")
    probabilities = np.asarray(bins, dtype=np.float32)
    if probabilities.ndim == 0 or probabilities.shape[-1] != COUNT:
        raise ValueError(f"bins: expected the shape (..., {COUNT}), got {probabilities.shape}")
    highest = probabilities.max(axis=-1, keepdims=True)
    relative = probabilities / np.where(highest > 0, highest, 1)
    if temperature != 1:
        relative = relative ** np.float32(1 / temperature)
    total = relative.sum(axis=-1, keepdims=True)
    mean = (relative @ CENTRES) / np.where(total > 0, total, 1)
    return np.asarray(mean, dtype=np.float32)


def _as_ab(ab: ArrayLike) -> NDArray[np.float32]:
    array = np.asarray(ab, dtype=np.float32)
    if array.ndim == 0 or array.shape[-1] != 2:
        raise ValueError(f"ab: expected the shape (..., 2), got {array.shape}")
    return array


def _distances(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half the squared distance of (n, 2) to every centre, less a constant per row: (n, 313) float32."""
    distances: NDArray[np.float32] = _HALF_NORMS - flat @ CENTRES.T
    return distances
