"""The saturation of a guess at several strengths, so that a wanted saturation finds the strength that gives it."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from irodori.model.contract import AB_SCALE, LIGHTNESS_CENTRE, LIGHTNESS_SCALE
from irodori.train import on_gpu

GAINS = (0.25, 0.5, 0.75, 1.0, 1.4, 2.0, 3.0)
"""Factors of the guess's chroma whose saturation is measured."""


def measure(light: Tensor, guess: Tensor) -> Tensor:
    """Mean HSV saturation of the guess scaled by each of :data:`GAINS`: ``(B, len(GAINS))``.

    Written for an exported graph, all gains at once and few operators.

    Args:
        light: ``(B, 1, h, w)``, (L* - 50) / 100.
        guess: ``(B, 2, h, w)`` / 110.
    """
    batch = len(light)
    gains = torch.tensor(GAINS, device=guess.device)
    # f of CIE 15 (8.2.1.1) for X, Y and Z: that of Y, with a* / 500 more or b* / 200 less
    steps = torch.tensor([[AB_SCALE / 500, 0], [0, 0], [0, -AB_SCALE / 200]], device=guess.device)
    steps = (gains[:, None, None] * steps).flatten(0, 1)
    fy = light.reshape(batch, 1, -1) * (LIGHTNESS_SCALE / 116) + (LIGHTNESS_CENTRE + 16) / 116
    f = (fy + steps @ guess.reshape(batch, 2, -1)).reshape(batch, len(GAINS), 3, -1)
    rgb = on_gpu.srgb_from_f(f).clamp(0, 1)
    high, low = rgb.amax(2), rgb.amin(2)
    return ((high - low) / high.clamp(min=1e-3)).mean(2)


def log_gain(saturations: Tensor, wanted: Tensor) -> Tensor:
    """The logarithm of the gain at which the guess has the wanted saturation ``(B, 1)``, by linear interpolation."""
    logs = [math.log(gain) for gain in GAINS]
    total = torch.full_like(wanted, logs[0])
    for number, (low, high) in enumerate(itertools.pairwise(logs)):
        here, above = saturations[:, number : number + 1], saturations[:, number + 1 : number + 2]
        total = total + (high - low) * ((wanted - here) / (above - here).clamp(min=1e-4)).clamp(0, 1)
    return total
