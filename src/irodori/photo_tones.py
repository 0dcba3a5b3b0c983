"""Evened tones for the network: what a faded or foggy scan looked like, roughly, before it faded.

Only what the network sees goes through here. The lightness of the result is the photo's own, untouched.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PERCENTILES = (1.0, 99.0)
_SPAN = 94.0  # what the two percentiles are stretched to: L 3 to 97
_MOST_GAIN = 4.0  # a nearly flat picture is noise; it is not blown up further than this
_LOCAL_SPREAD = 16.0  # where the neighbourhood's standard deviation is below this, detail is raised
_LOCAL_GAIN = 0.4
_NOISE = 2.0  # spread of grain; flat regions with no more than that stay flat


def even_out(lightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stretch the tones of a plane ``(h, w)`` L* 0..100 and raise weak local contrast; same shape and range, float32.

    Two steps: the 1st and 99th percentile are moved to L 3 and 97 (at most four times the contrast), then detail
    against the mean of a neighbourhood is raised by up to 40 % where it is weak but above grain; the neighbourhood is
    a quarter of the short side wide.
    A plane of one tone comes back as it is. Raises ValueError for another number of dimensions or no pixels.
    """
    plane = np.asarray(lightness, np.float32)
    if plane.ndim != 2 or plane.size == 0:
        raise ValueError(f"expected a plane (h, w), got {plane.shape}")
    low, high = (float(v) for v in np.percentile(plane, _PERCENTILES))
    if high - low < 0.5:
        return plane.copy()
    gain = min(_SPAN / (high - low), _MOST_GAIN)
    stretched = (plane.astype(np.float64) - (low + high) / 2) * gain + 50
    np.clip(stretched, 0, 100, out=stretched)

    radius = max(2, round(min(plane.shape) / 8))
    mean = _box_mean(stretched, radius)
    spread = np.sqrt(np.maximum(_box_mean(stretched**2, radius) - mean**2, 0))
    raised = 1 + _LOCAL_GAIN * np.clip(1 - spread / _LOCAL_SPREAD, 0, 1) * spread / (spread + _NOISE * gain)
    return np.clip(mean + (stretched - mean) * raised, 0, 100).astype(np.float32)


def _box_mean(plane: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """Mean over the square of ``2 * radius + 1`` pixels, of those that lie inside the plane."""
    for axis in (0, 1):
        size = plane.shape[axis]
        sums = np.concatenate([np.zeros_like(np.take(plane, [0], axis)), np.cumsum(plane, axis)], axis)
        last = np.minimum(np.arange(size) + radius + 1, size)
        first = np.maximum(np.arange(size) - radius, 0)
        count = (last - first).reshape((-1, 1) if axis == 0 else (1, -1))
        plane = (np.take(sums, last, axis) - np.take(sums, first, axis)) / count
    return plane
