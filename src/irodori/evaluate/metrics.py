"""Numbers about one coloured picture: PSNR, SSIM, chroma, colour distance, colourfulness; means with standard errors.

Only numpy is imported here (SSIM imports scikit-image when it is called), so that a training loop can use it.
The quantiser is the one of the published protocol: clip, then floor to 8 bits, no gamut mapping. It is deliberately not
``color.lab.to_rgb``, which rounds to nearest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from irodori.color import lab
from irodori.errors import MissingExtra

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]

PSNR_CEILING = 100.0
"""What :func:`psnr` answers for two identical pictures (dB), so that means stay finite."""


def quantise(lightness: FloatArray, ab: FloatArray) -> ByteArray:
    """``(h, w)`` L* and ``(h, w, 2)`` ab -> ``(h, w, 3)`` uint8 sRGB: clipped to 0..1, times 255, rounded *down*."""
    srgb = lab.to_srgb(np.concatenate([lightness[..., None], ab], axis=-1))
    scaled: ByteArray = (np.clip(srgb, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    return scaled


def psnr(truth: ByteArray, result: ByteArray) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 pictures, over all pixels and channels together."""
    if truth.shape != result.shape:
        raise ValueError(f"expected two pictures of one shape, got {truth.shape} and {result.shape}")
    difference = truth.astype(np.int32) - result
    error = float(np.square(difference).sum(dtype=np.int64)) / difference.size
    return PSNR_CEILING if error == 0.0 else min(PSNR_CEILING, 10.0 * float(np.log10(255.0**2 / error)))


def ssim(truth: ByteArray, result: ByteArray) -> float:
    """Structural similarity of two uint8 ``(h, w, 3)`` pictures, -1..1 (scikit-image, 7x7 windows, channels' mean)."""
    try:
        from skimage import metrics as skimage_metrics
    except ImportError as error:
        raise MissingExtra("evaluate", "computing SSIM") from error
    structural_similarity: Any = skimage_metrics.structural_similarity
    return float(structural_similarity(truth, result, channel_axis=2, data_range=255))


def chroma(ab: FloatArray) -> FloatArray:
    """``(..., 2)`` ab -> ``(...)`` chroma, the distance from grey."""
    length: FloatArray = np.hypot(ab[..., 0], ab[..., 1])
    return length


def ab_distance(first: FloatArray, second: FloatArray) -> FloatArray:
    """Colour difference in the ab plane (ΔE 1976 of two colours of one lightness): ``(..., 2)`` twice -> ``(...)``."""
    return chroma(np.asarray(first - second, dtype=np.float32))


def hint_error(ab: FloatArray, hint_ab: FloatArray, mask: FloatArray) -> float:
    """Hint obedience: mean ab distance between the hints' colours and the result under them; NaN without hints."""
    under = mask > 0
    if not under.any():
        return float("nan")
    return float(ab_distance(ab[under], hint_ab[under]).mean(dtype=np.float64))


def colourfulness(rgb: ByteArray) -> float:
    """The measure M of Hasler and Süsstrunk, "Measuring colourfulness in natural images" (2003), of a uint8 picture.

    About 15 is slightly, 33 moderately, 59 quite, 109 extremely colourful; 0 is grey.
    """
    red, green, blue = (rgb[..., channel].astype(np.float32) for channel in range(3))
    red_green = red - green
    yellow_blue = 0.5 * (red + green) - blue
    spread = np.hypot(red_green.std(dtype=np.float64), yellow_blue.std(dtype=np.float64))
    centre = np.hypot(red_green.mean(dtype=np.float64), yellow_blue.mean(dtype=np.float64))
    return float(spread + 0.3 * centre)


def mean_and_error(values: Any) -> tuple[float, float]:
    """Mean of the finite ``values`` and its standard error (NaN for fewer than two)."""
    array = np.asarray(values, dtype=np.float64)
    array = array[np.isfinite(array)]
    if array.size == 0:
        return float("nan"), float("nan")
    error = float(array.std(ddof=1) / np.sqrt(array.size)) if array.size > 1 else float("nan")
    return float(array.mean()), error


def ratio_and_error(upper: Any, lower: Any) -> tuple[float, float]:
    """Ratio of two means over the same pictures, ``mean(upper) / mean(lower)``, and its standard error.

    The ratio of means is used for chroma because the mean of ratios is ruled by nearly grey pictures. The error is the
    first-order one of a ratio estimator.
    """
    top, bottom = np.asarray(upper, dtype=np.float64), np.asarray(lower, dtype=np.float64)
    if top.size == 0 or bottom.mean() == 0.0:
        return float("nan"), float("nan")
    ratio = float(top.mean() / bottom.mean())
    if top.size < 2:
        return ratio, float("nan")
    residual = top - ratio * bottom
    return ratio, float(residual.std(ddof=1) / np.sqrt(top.size) / bottom.mean())
