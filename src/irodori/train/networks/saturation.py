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


def measure(light8: Tensor, guess8: Tensor) -> Tensor:
    """Mean HSV saturation of the guess scaled by each of :data:`GAINS`: ``(B, len(GAINS))``."""
    lightness = light8.float() * LIGHTNESS_SCALE + LIGHTNESS_CENTRE
    gains = torch.tensor(GAINS, device=guess8.device)[:, None, None, None] * AB_SCALE
    scaled = (guess8[:, None] * gains).flatten(0, 1)  # all gains as one batch: few operators in an exported graph
    rgb = on_gpu.to_srgb(lightness.repeat_interleave(len(GAINS), 0), scaled).clamp(0, 1)
    high, low = rgb.amax(1), rgb.amin(1)
    return ((high - low) / high.clamp(min=1e-3)).mean((1, 2)).reshape(-1, len(GAINS))


def log_gain(saturations: Tensor, wanted: Tensor) -> Tensor:
    """The logarithm of the gain at which the guess has the wanted saturation ``(B, 1)``, by linear interpolation."""
    logs = [math.log(gain) for gain in GAINS]
    total = torch.full_like(wanted, logs[0])
    for number, (low, high) in enumerate(itertools.pairwise(logs)):
        here, above = saturations[:, number : number + 1], saturations[:, number + 1 : number + 2]
        total = total + (high - low) * ((wanted - here) / (above - here).clamp(min=1e-4)).clamp(0, 1)
    return total
