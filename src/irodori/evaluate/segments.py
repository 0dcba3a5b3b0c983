"""Segments of a true picture (Felzenszwalb and Huttenlocher 2004), for tests of where a hint may and may not act."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from irodori.errors import MissingExtra
from irodori.evaluate.protocol import ByteArray

SCALE, SIGMA, SMALLEST = 200.0, 0.8, 200
"""Felzenszwalb's parameters for pictures of about 256 x 256 pixels."""


def labels(rgb: ByteArray) -> NDArray[np.int64]:
    """``(h, w, 3)`` uint8 -> ``(h, w)`` segment numbers from 0, deterministic."""
    try:
        from skimage import segmentation
    except ImportError as error:
        raise MissingExtra("evaluate", "segmenting pictures") from error
    felzenszwalb = segmentation.felzenszwalb
    return np.asarray(felzenszwalb(rgb, scale=SCALE, sigma=SIGMA, min_size=SMALLEST), dtype=np.int64)


def inner_distance(segment: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance in px of every pixel of ``(h, w)`` from the segment's outside (the picture's edge counts as outside)."""
    return np.asarray(_ndimage_distance(np.pad(segment, 1))[1:-1, 1:-1], dtype=np.float64)


def outer_distance(segment: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance in px of every pixel outside from the segment; 0 inside."""
    return _ndimage_distance(~segment)


def _ndimage_distance(plane: NDArray[np.bool_]) -> NDArray[np.float64]:
    try:
        from scipy import ndimage
    except ImportError as error:
        raise MissingExtra("evaluate", "measuring segments") from error
    return np.asarray(ndimage.distance_transform_edt(plane), dtype=np.float64)
