"""What a training step minimises, as one module so that DistributedDataParallel can wrap it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from irodori.model.contract import AB_SCALE, BINS, BINS_STRIDE, LIGHTNESS_CENTRE, LIGHTNESS_SCALE
from irodori.train import on_gpu
from irodori.train.dataset import Batch
from irodori.train.settings import Settings

LOG_FLOOR = 2e-6
"""Added to the squared error (units of 110, squared) before the logarithm: 0.16 of ab."""
RGB_LOG_FLOOR = 3e-6
"""The same for sRGB 0..1: less than half a step of 8 bits."""
COLOURS_PER_PICTURE = 256
"""The distribution loss looks at this many random pixels of each picture."""


def distribution_loss(logits: Tensor, ab: Tensor, stride: int) -> Tensor:
    """Cross-entropy with soft-encoded nearest bins (Zhang et al. 2016, section 2.2) at a random subset of pixels.

    Args:
        logits: ``(B, 313, h/stride, w/stride)``.
        ab: true colours ``(B, 2, h, w)`` / 110.
        stride: how much smaller the logits are.
    """
    truth = F.avg_pool2d(ab, stride).flatten(2) * AB_SCALE
    flat = logits.flatten(2)
    count = min(COLOURS_PER_PICTURE, flat.shape[2])
    step = flat.shape[2] / count
    start = torch.rand((), device=ab.device) * step  # an even comb over the picture with a random start
    pick = (torch.arange(count, device=ab.device) * step + start).long().clamp(max=flat.shape[2] - 1)
    colours = truth[:, :, pick].transpose(1, 2).reshape(-1, 2)
    index, weights = on_gpu.soft_encode(colours)
    log_p = flat[:, :, pick].transpose(1, 2).reshape(-1, flat.shape[1]).float().log_softmax(1)
    return -(log_p.gather(1, index) * weights).sum(1).mean()


def rgb_squared_error(lightness: Tensor, ab: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error of each picture in sRGB 0..1, clipped to the gamut: ``(B,)``.

    Args:
        lightness: ``(B, 1, h, w)``, normalised as the network sees it.
        ab, truth: ``(B, 2, h, w)`` / 110.
    """
    light = lightness.float() * LIGHTNESS_SCALE + LIGHTNESS_CENTRE
    with torch.no_grad():
        wanted = on_gpu.to_srgb(light, truth.float() * AB_SCALE).clamp(0, 1)
    return (on_gpu.to_srgb(light, ab.float() * AB_SCALE).clamp(0, 1) - wanted).square().mean((1, 2, 3))


def _more(values: Tensor, others: Tensor) -> Tensor:
    """A batch with others behind it."""
    return torch.cat([values, others]) if len(others) else values


class Trainee(nn.Module):
    """A network together with its losses.

    ``forward`` takes the tensors of a :class:`~irodori.train.dataset.Batch` and returns the named losses; "total" is
    the one to minimise.
    """

    def __init__(self, network: nn.Module, settings: Settings) -> None:
        super().__init__()
        self.network = network
        self.settings = settings

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Losses of one batch, each a scalar."""
        network: Any = self.network
        features = network.prepare(batch.lightness)
        # where nothing may change, ask without the hints too; no reference may tell of the change
        unsteered = batch.reference[:, BINS::2].amax(1) == 0
        alone = torch.nonzero((batch.aside.amax((1, 2, 3)) > 0) & unsteered & (self.settings.outside > 0))[:, 0]
        asked = {name: _more(value, value[alone]) for name, value in features.items()}
        hints = [_more(plane, torch.zeros_like(plane[alone])) for plane in (batch.hint_ab, batch.hint_mask)]
        lightness, reference = (_more(value, value[alone]) for value in (batch.lightness, batch.reference))
        target = _more(batch.ab, batch.natural[alone])
        ab, logits = network.answer(lightness, asked, *hints, reference)
        difference = ab.float() - target
        huber = F.huber_loss(ab.float(), target, delta=self.settings.huber) / self.settings.huber
        squared = difference.square().mean((1, 2, 3))
        log_error = (squared + LOG_FLOOR).log().mean()
        losses = {
            "huber": huber,
            "log_error": log_error,
            "distribution": distribution_loss(logits, target, BINS_STRIDE),
        }
        total = 10 * huber + self.settings.log_error * log_error + 0.1 * losses["distribution"]
        if self.settings.rgb_error:
            with torch.autocast(ab.device.type, enabled=False):
                in_rgb = rgb_squared_error(lightness, ab, target)
            losses["rgb_error"] = (in_rgb + RGB_LOG_FLOOR).log().mean()
            total = total + self.settings.rgb_error * losses["rgb_error"]
        change = ab[alone].float() - ab[len(batch.ab) :].detach().float()
        aside = batch.aside[alone]
        outside = ((change.square().sum(1, keepdim=True) + 1e-6).sqrt() * aside).sum() / aside.sum().clamp(min=1)
        losses["outside"] = outside * len(alone) / len(batch.ab)
        total = total + self.settings.outside * losses["outside"]
        if "guess_ab" in features:  # what hintprop's prepare says of the photo alone, so against its own colours
            pooled = F.avg_pool2d(batch.natural, 4)
            losses["guess"] = (
                F.huber_loss(features["guess_ab"].float(), pooled, delta=self.settings.huber) / self.settings.huber
            )
            logits = features.get("guess_logits")
            if logits is None:  # a network that does not learn gives the probabilities only
                height, width = (side // 8 for side in batch.natural.shape[2:])
                logits = features["guess_bins"].clamp(min=1e-9).log().transpose(1, 2).unflatten(2, (height, width))
            losses["guess_distribution"] = distribution_loss(logits, batch.natural, 8)
            total = total + 2 * losses["guess"] + 0.1 * losses["guess_distribution"]
        losses["total"] = total
        return losses
