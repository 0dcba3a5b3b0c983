"""Age the lightness of modern pictures as old photographs aged, so that the network knows such lightness.

Each effect is mild to strong at random: fading and low contrast, gamma, blur, film grain, scratches and dust, uneven
exposure, and JPEG's 8x8 quantisation. Only the lightness that the network sees changes, never the colours to reach.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def _blur(plane: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of ``(1, 1, h, w)``."""
    radius = max(1, math.ceil(2.5 * sigma))
    steps = torch.arange(-radius, radius + 1, device=plane.device, dtype=plane.dtype)
    kernel = (-steps.square() / (2 * sigma**2)).exp()
    kernel = kernel / kernel.sum()
    padded = F.pad(plane, (radius,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel[None, None, None]), kernel[None, None, :, None])


def _jpeg(plane: Tensor, strength: float) -> Tensor:
    """Quantise 8x8 cosine blocks of ``(1, 1, h, w)``, high frequencies more coarsely."""
    height, width = plane.shape[2:]
    n = torch.arange(8, device=plane.device, dtype=plane.dtype)
    basis = torch.cos((2 * n[None] + 1) * n[:, None] * math.pi / 16) * math.sqrt(2 / 8)
    basis[0] = math.sqrt(1 / 8)
    blocks = plane.reshape(height // 8, 8, width // 8, 8).permute(0, 2, 1, 3)
    coefficients = basis @ blocks @ basis.T
    step = strength * (1 + 0.7 * (n[:, None] + n[None]))
    coefficients = (coefficients / step).round() * step
    return (basis.T @ coefficients @ basis).permute(0, 2, 1, 3).reshape(1, 1, height, width)


def age(lightness: Tensor, rng: np.random.Generator, noise: torch.Generator, share: float) -> Tensor:
    """Age a share of the pictures.

    Args:
        lightness: L* ``(B, 1, h, w)`` 0..100; h and w multiples of 8.
        rng: decides which pictures and how.
        noise: makes the grain, on the device of ``lightness``.
        share: 0..1, the share of pictures that are aged.

    Returns:
        L* of the same shape, 0..100.
    """
    out = lightness.clone()
    _, _, height, width = lightness.shape
    for i in np.flatnonzero(rng.random(len(lightness)) < share):
        plane = lightness[i : i + 1]
        if rng.random() < 0.4:
            plane = _blur(plane, float(rng.uniform(0.4, 1.4)))
        if rng.random() < 0.6:
            plane = 100 * (plane / 100).clamp(0, 1).pow(math.exp(rng.uniform(-0.5, 0.5)))
        if rng.random() < 0.5:  # faded: blacks rise, whites sink
            black, white = rng.uniform(0, 35), rng.uniform(65, 100)
            plane = black + plane * (white - black) / 100
        if rng.random() < 0.25:  # uneven exposure
            coarse = torch.randn(1, 1, 3, 3, generator=noise, device=plane.device)
            plane = plane + float(rng.uniform(2, 8)) * F.interpolate(coarse, (height, width), mode="bicubic")
        if rng.random() < 0.6:
            grain = torch.randn(plane.shape, generator=noise, device=plane.device)
            if rng.random() < 0.5:
                grain = _blur(grain, 0.8) * 2.5
            plane = plane + float(rng.uniform(0.5, 6)) * grain
        if rng.random() < 0.2:  # scratches: thin bright or dark lines
            plane = plane.clone()
            for _ in range(int(rng.integers(1, 6))):
                x = int(rng.integers(0, width))
                top = int(rng.integers(0, height))
                plane[0, 0, top : top + int(rng.integers(8, height)), x] += float(rng.choice([-35, 35]))
        if rng.random() < 0.3:
            plane = _jpeg(plane, float(rng.uniform(0.5, 6)))
        out[i : i + 1] = plane.clamp(0, 100)
    return out
