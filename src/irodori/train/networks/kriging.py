"""Gaussian-process regression (kriging) of what the hints add to the guess, with a learned kernel.

Hints are few measurements of a field that differs from the guess; between them the best linear estimate is
Gaussian-process regression (Rasmussen and Williams 2006, section 2.2). Attention averages the hints that a pixel
resembles; this one also knows how the hints resemble each other, so ten hints on one wall do not outvote one on the
door, and it spreads *differences* from the guess, which fade to none where no hint speaks.

The covariance of two places is a sum over several kernels. Each is an exponential of the distance between learned
coordinates: an embedding of what is there, the position, and the lightness; each counts as far as both places say so.
The standard deviation of the two colour channels (how wrong the guess may be here) and the noise (how badly a hint
stands for its cell) are read off the photo too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from irodori.model.contract import CELL
from irodori.train.networks.layers import down, positions, short_side

KERNELS = 3
USUAL_SIDE = 64
"""The short side, at 1/4 scale, that the network is meant for."""
EMBEDDING = 16
REACH = (0.6, 2.0, 8.0)
"""Initial length scale of each kernel over positions, in quarters of the photo's short side."""
LIKENESS = (1.6, 1.6, 1.2)
"""Initial length of each kernel's embeddings: 2 x this is the distance between the least alike."""
LIGHTNESS_REACH = (0.4, 0.5, 0.5)
"""Initial length scale over lightness, in units of 100 L*."""
NOISE = 0.01
"""Initial variance of a hint against that of the field."""
SOFTENING = 1e-4
"""Added to squared distances."""
LEAST_NOISE = 2e-3
"""Keeps the equations well conditioned in single precision."""
STEPS = 24
"""Steps of conjugate gradients when a network answers; in training the equations are solved exactly."""


@dataclass(frozen=True)
class Equations:
    """The equations of one photo's hints, set up and ready to be asked (:meth:`Kriging.equations`)."""

    matrix: Tensor
    factored: bool
    across: Tensor
    share: Tensor
    shares: Tensor
    deviation: Tensor
    deviations: Tensor
    valid: Tensor

    def carry(self, values: Tensor) -> Tensor:
        """Values ``(B, q, n)`` of the tokens, in standard deviations, to the pixels: ``(B, q, h/4, w/4)``."""
        batch, count = values.shape[:2]
        wanted = (values * self.valid).transpose(1, 2)
        solved = torch.cholesky_solve(wanted, self.matrix) if self.factored else _solve(self.matrix, wanted)
        carried = self.across @ (self.share[:, :, :, None] * solved[:, None])  # (B, K, h w, q)
        return (carried * self.shares).sum(1).transpose(1, 2).reshape(batch, count, *self.deviation.shape[2:])

    def colours(self, values: Tensor, others: Tensor | None = None) -> Tensor:
        """Differences of colour / 110 ``(B, 2, n)``, perhaps with other values, to the pixels."""
        scaled = values / self.deviations
        found = self.carry(scaled if others is None else torch.cat([scaled, others], 1))
        return torch.cat([found[:, :2] * self.deviation, found[:, 2:]], 1)


class Kriging(nn.Module):
    """Carries what hints say to every pixel at 1/4 scale.

    Args:
        channels: of the photo's features at 1/4 scale.
        described: of the features that the embeddings are made of.
    """

    def __init__(self, channels: int, described: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(described, KERNELS * EMBEDDING, 1)
        self.amounts = nn.Conv2d(channels, 2 + KERNELS + 1, 1)
        self.log_likeness = nn.Parameter(torch.tensor([math.log(value) for value in LIKENESS]))
        self.log_reach = nn.Parameter(torch.tensor([math.log(value) for value in REACH]))
        self.log_contrast = nn.Parameter(torch.tensor([math.log(value) for value in LIGHTNESS_REACH]))
        self.log_share = nn.Parameter(torch.full((KERNELS,), -0.5 * math.log(KERNELS)))
        self.log_noise = nn.Parameter(torch.tensor(math.log(NOISE)))
        nn.init.zeros_(self.amounts.weight)
        nn.init.zeros_(self.amounts.bias)  # type: ignore[arg-type]

    def describe(self, features: Tensor, described: Tensor, light4: Tensor) -> tuple[Tensor, Tensor]:
        """What the equations need to know of every place, once per photo.

        Args:
            features: ``(B, channels, h/4, w/4)``.
            described: ``(B, described, h/4, w/4)``.
            light4: ``(B, 1, h/4, w/4)``.

        Returns:
            places ``(B, KERNELS * (EMBEDDING + 3), h/4, w/4)``: coordinates in which a kernel's distance is Euclidean;
            amounts ``(B, 2 + KERNELS + 1, h/4, w/4)``: standard deviations of a* and b* / 110, each kernel's share,
            noise variance.
        """
        batch, _, height, width = features.shape
        embedding = self.embed(described).float().reshape(batch, KERNELS, EMBEDDING, height, width)
        length = (embedding.square().sum(2, keepdim=True) + 1e-6).sqrt()
        embedding = embedding / length * self.log_likeness.exp()[None, :, None, None, None]
        position = (positions(height, width, light4) - 2)[None, None] / self.log_reach.exp()[None, :, None, None, None]
        light = light4.float()[:, None] / self.log_contrast.exp()[None, :, None, None, None]
        places = torch.cat([embedding, position.expand(batch, -1, -1, -1, -1), light], 2).flatten(1, 2)
        raw = self.amounts(features).float().clamp(-4, 4)
        base = torch.cat([self.log_share.new_full((2,), math.log(0.1)), self.log_share, self.log_noise[None]])
        amounts = (raw + base[None, :, None, None]).exp()
        # on a larger plane the same hint fills more cells, each of them a measurement, but it says no more
        larger = (short_side(height, width, light4) / USUAL_SIDE).clamp(min=1)
        return places, torch.cat([amounts[:, :-1], amounts[:, -1:] * larger.square()], 1)

    def equations(self, places: Tensor, amounts: Tensor, tokens: Tensor, weight: Tensor) -> Equations:
        """What carries values from the tokens to the pixels.

        Args:
            places, amounts: of :meth:`describe`.
            tokens: ``(B, KERNELS * (EMBEDDING + 3) + 2 + KERNELS + 1, n)``: places and amounts, averaged over the
                pixels of each token (:meth:`pool`).
            weight: ``(B, 1, n)``: the share of its cell that a token covers, 0 for none.
        """
        batch, channels, height, width = places.shape
        depth, count = channels // KERNELS, tokens.shape[2]
        there, known = torch.split(tokens, [channels, 3 + KERNELS], 1)
        there = there.reshape(batch, KERNELS, depth, count).transpose(2, 3)
        here = places.reshape(batch, KERNELS, depth, height * width).transpose(2, 3)
        valid = (weight > 0).to(weight.dtype)
        share = known[:, 2 : 2 + KERNELS] * valid  # (B, K, n)
        noise = LEAST_NOISE + (known[:, 2 + KERNELS :] * (0.5 + 0.2 / weight.clamp(min=0.02)))[:, 0]
        within = _covariance(there, there) * (share[:, :, :, None] * share[:, :, None])
        number = torch.arange(count, device=places.device)
        identity = (number[:, None] == number).to(within.dtype)
        matrix = within.sum(1) + identity * (noise * valid[:, 0] + 1 - valid[:, 0])[:, None]
        if self.training:
            matrix = torch.linalg.cholesky(matrix)
        shares = amounts[:, 2 : 2 + KERNELS].reshape(batch, KERNELS, height * width, 1)
        return Equations(
            matrix=matrix, factored=self.training, across=_covariance(here, there), share=share, shares=shares,
            deviation=amounts[:, :2], deviations=known[:, :2].clamp(min=1e-4), valid=valid,
        )  # fmt: skip

    @staticmethod
    def pool(places: Tensor, amounts: Tensor, mask4: Tensor) -> Tensor:
        """Sums over each cell of what lies under the mask, ``(B, C, h/8, w/8)``; divided by the mask's: ``tokens``."""
        return down(torch.cat([places, amounts], 1) * mask4, CELL // 4)


def _distances(one: Tensor, other: Tensor) -> Tensor:
    """Distances between ``(B, K, m, D)`` and ``(B, K, n, D)``: ``(B, K, m, n)``, as one product of matrices.

    :data:`SOFTENING` is added to their squares, so that they have a gradient at 0.
    """
    squares = one.square().sum(3, keepdim=True)
    others = other.square().sum(3, keepdim=True) + SOFTENING
    left = torch.cat([-2 * one, squares, torch.ones_like(squares)], 3)
    right = torch.cat([other, torch.ones_like(others), others], 3)
    return (left @ right.transpose(2, 3)).clamp(min=SOFTENING).sqrt()


class _Covariance(torch.autograd.Function):
    """exp(-distance) with a gradient that keeps two large tensors instead of six and makes few passes over them."""

    @staticmethod
    def forward(ctx: Any, one: Tensor, other: Tensor) -> Tensor:
        distance = _distances(one, other)
        covariance = distance.neg().exp_()
        ctx.save_for_backward(one, other, distance, covariance)
        return covariance

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        one, other, distance, covariance = ctx.saved_tensors
        pull = (gradient * covariance).div_(distance).neg_()  # with respect to half the squared distance
        ones = torch.ones_like(one[..., :1]), torch.ones_like(other[..., :1])
        near = pull @ torch.cat([other, ones[1]], 3)
        far = pull.transpose(2, 3) @ torch.cat([one, ones[0]], 3)
        return one * near[..., -1:] - near[..., :-1], other * far[..., -1:] - far[..., :-1]


def _covariance(one: Tensor, other: Tensor) -> Tensor:
    """exp(-distance) of places ``(B, K, m, D)`` and ``(B, K, n, D)``: ``(B, K, m, n)``."""
    if torch.is_grad_enabled() and (one.requires_grad or other.requires_grad):
        return cast("Tensor", _Covariance.apply(one, other))  # type: ignore[no-untyped-call]
    return (-_distances(one, other)).exp()


def _solve(matrix: Tensor, wanted: Tensor) -> Tensor:
    """Solve symmetric positive definite equations ``(B, n, n)`` for ``(B, n, q)`` by conjugate gradients.

    :data:`STEPS` steps (Hestenes and Stiefel 1952), products of matrices only; exact for no more than STEPS tokens.
    """
    solution = torch.zeros_like(wanted)
    rest = direction = wanted
    size = rest.square().sum(1, keepdim=True)
    floor = size * 1e-9 + 1e-20
    for _ in range(STEPS):
        image = matrix @ direction
        length = size / ((direction * image).sum(1, keepdim=True) + floor)
        solution = solution + length * direction
        rest = rest - length * image
        left = rest.square().sum(1, keepdim=True)
        direction = rest + left / (size + floor) * direction
        size = left
    return solution
