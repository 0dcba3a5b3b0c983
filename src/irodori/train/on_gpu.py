"""Torch twins of the numpy colour, hint and reference functions, so that a fast GPU is not starved by the processor.

Each is tested equal to its original: ``color.lab.to_lab``, ``hints.simulated.draw_patches``,
``color.ab_bins.soft_encode`` and ``nearest``, ``hints.reference.vector``. Planes are channel-first here,
``(B, C, h, w)``; ab is in Lab units, not normalised.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from irodori.color import ab_bins, lab
from irodori.model.contract import BINS, REFERENCE_LENGTH

HISTOGRAM_POOL = 4


def _constant(array: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32)).to(like.device)


def linear_from_srgb(rgb: Tensor) -> Tensor:
    """Undo the sRGB curve of values 0..1."""
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055).clamp(min=0).pow(2.4))


def to_lab(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """sRGB 0..1 ``(B, 3, h, w)`` to L* ``(B, 1, h, w)`` and ab ``(B, 2, h, w)``; twin of ``color.lab.to_lab``."""
    matrix = _constant(lab.RGB_TO_XYZ / lab.WHITE[:, None], rgb)
    xyz = torch.einsum("ij,bjhw->bihw", matrix, linear_from_srgb(rgb))
    f = torch.where(xyz > lab.EPSILON, xyz.clamp(min=1e-8).pow(1 / 3), (lab.KAPPA * xyz + 16) / 116)
    lightness = 116 * f[:, 1:2] - 16
    return lightness, torch.cat([500 * (f[:, 0:1] - f[:, 1:2]), 200 * (f[:, 1:2] - f[:, 2:3])], 1)


def to_srgb(lightness: Tensor, ab: Tensor) -> Tensor:
    """L* and ab to sRGB ``(B, 3, h, w)``, unclipped; twin of ``color.lab.to_srgb``."""
    fy = (lightness + 16) / 116
    f = torch.cat([fy + ab[:, 0:1] / 500, fy, fy - ab[:, 1:2] / 200], 1)
    return srgb_from_f(f.flatten(2)).reshape(f.shape)


def srgb_from_f(f: Tensor) -> Tensor:
    """sRGB, unclipped, from the cube roots ``f`` of X, Y and Z (CIE 15, 8.2.1.1): ``(..., 3, n)`` to the same."""
    xyz = torch.where(f > 6 / 29, f.pow(3), f * (116 / lab.KAPPA) - 16 / lab.KAPPA)
    rgb = _constant(np.linalg.inv(lab.RGB_TO_XYZ) * lab.WHITE[None, :], xyz) @ xyz
    return torch.where(rgb <= 0.0031308, rgb * 12.92, 1.055 * rgb.clamp(min=1e-8).pow(1 / 2.4) - 0.055)


def draw_patches(ab: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
    """Reveal square patches with their mean colour, the later over the earlier.

    Twin of ``hints.simulated.draw_patches``.

    Args:
        ab: true colours ``(B, 2, h, w)``.
        patches: ``(B, n, 3)`` int64: top, left, side; side 0 draws nothing.

    Returns:
        hint_ab ``(B, 2, h, w)`` and mask ``(B, 1, h, w)``.
    """
    batch, _, height, width = ab.shape
    count = patches.shape[1]
    mask = ab.new_zeros(batch, 1, height, width)
    if not count or not int(patches[:, :, 2].max()):
        return torch.zeros_like(ab), mask
    side = int(patches[:, :, 2].max())
    step = torch.arange(side, device=ab.device)
    dy, dx = step.repeat_interleave(side), step.repeat(side)
    top, left, sides = patches.unbind(2)
    inside = (dy < sides[:, :, None]) & (dx < sides[:, :, None])
    y, x = top[:, :, None] + dy, left[:, :, None] + dx
    inside &= (y >= 0) & (y < height) & (x >= 0) & (x < width)
    index = (y * width + x).masked_fill(~inside, 0).reshape(batch, -1)
    number = torch.arange(1, count + 1, device=ab.device)[None, :, None]
    owner_value = (number * inside).reshape(batch, -1)
    owner = torch.zeros(batch, height * width, dtype=torch.int64, device=ab.device)
    owner.scatter_reduce_(1, index, owner_value, "amax")
    flat = ab.flatten(2)
    taken = flat.gather(2, index[:, None].expand(-1, 2, -1)).reshape(batch, 2, count, side * side)
    total = (taken * inside[:, None]).sum(3)
    mean = total / inside.sum(2)[:, None].clamp(min=1)
    mean = torch.cat([mean.new_zeros(batch, 2, 1), mean], 2)
    hint_ab = mean.gather(2, owner[:, None].expand(-1, 2, -1)).reshape(ab.shape)
    mask = (owner > 0).to(ab.dtype).reshape(batch, 1, height, width)
    return hint_ab, mask


def nearest(ab: Tensor) -> Tensor:
    """Nearest ab bin of colours ``(..., 2)``: ``(...)`` int64; twin of ``color.ab_bins.nearest``."""
    centres = _constant(ab_bins.CENTRES, ab)
    return (ab @ centres.T - centres.square().sum(1) / 2).argmax(-1)


def soft_encode(ab: Tensor, neighbours: int = 5, sigma: float = 5.0) -> tuple[Tensor, Tensor]:
    """Nearest bins and Gaussian weights of ``(n, 2)``: both ``(n, neighbours)``; twin of ``ab_bins.soft_encode``."""
    centres = _constant(ab_bins.CENTRES, ab)
    squares = (ab[:, None] - centres[None]).square().sum(2)
    distance, index = squares.topk(neighbours, dim=1, largest=False)
    weights = (-(distance - distance[:, :1]) / (2 * sigma**2)).exp()
    return index, weights / weights.sum(1, keepdim=True)


def histogram(ab: Tensor) -> Tensor:
    """Share of each of the 313 bins among the 4x4-pooled colours of ``(B, 2, h, w)``: ``(B, 313)``."""
    pooled = F.avg_pool2d(ab, HISTOGRAM_POOL)
    bins = nearest(pooled.flatten(2).transpose(1, 2))
    counts = ab.new_zeros(ab.shape[0], BINS)
    counts.scatter_add_(1, bins, torch.ones_like(bins, dtype=ab.dtype))
    return counts / bins.shape[1]


def mean_saturation(rgb: Tensor) -> Tensor:
    """Mean HSV saturation of sRGB 0..1 ``(B, 3, h, w)``: ``(B,)``."""
    high, low = rgb.amax(1), rgb.amin(1)
    return torch.where(high > 0, (high - low) / high.clamp(min=1e-6), 0.0).mean((1, 2))


def reference_vector(ab: Tensor, rgb: Tensor, with_histogram: Tensor, with_saturation: Tensor) -> Tensor:
    """Global hints of pictures ``(B, ...)`` where the flags ``(B,)`` (0..1) are not 0: ``(B, 316)``."""
    vector = ab.new_zeros(ab.shape[0], REFERENCE_LENGTH)
    vector[:, :BINS] = histogram(ab) * (with_histogram > 0)[:, None]
    vector[:, BINS] = with_histogram
    vector[:, BINS + 1] = mean_saturation(rgb) * (with_saturation > 0)
    vector[:, BINS + 2] = with_saturation
    return vector
