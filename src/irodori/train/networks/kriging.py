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

from irodori.train.networks.layers import short_side

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
        wanted = values * self.valid
        if self.factored:
            solved = torch.cholesky_solve(wanted.transpose(1, 2), self.matrix).transpose(1, 2)
        else:
            solved = _solve(self.matrix, wanted)
        carried = (self.share[:, :, None] * solved[:, None]) @ self.across  # (B, K, q, h w)
        return (carried * self.shares).sum(1).reshape(batch, count, *self.deviation.shape[2:])

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

    def usual_amounts(self) -> Tensor:
        """Logarithms of the amounts of a place that is like any other, ``(2 + KERNELS + 1,)``: standard deviations of
        a* and b* / 110, each kernel's share, noise variance. What :attr:`amounts` makes of the photo's features is
        added to them.
        """
        return torch.cat([self.log_share.new_full((2,), math.log(0.1)), self.log_share, self.log_noise[None]])

    def places(self, embedding: Tensor, under: Tensor) -> Tensor:
        """Where every place lies for each kernel.

        Args:
            embedding: ``(B, KERNELS, EMBEDDING, n)``, each kernel's of the length :attr:`log_likeness`.
            under: ``(B, 6, n)``, of :func:`~irodori.train.networks.layers.ground`.

        Returns:
            ``(B, KERNELS, EMBEDDING + 5, n)``: coordinates in which a kernel's distance is Euclidean, the sum of their
            squares, and 1.
        """
        unit = torch.stack([self.log_reach, self.log_reach, self.log_contrast], 1).neg().exp()
        where = torch.cat([under[:, :2] - 2, under[:, 3:4]], 1)[:, None] * unit[:, :, None]
        # an embedding's squares sum to its length's, so they need not be added up
        squares = where.square().sum(2, keepdim=True) + (2 * self.log_likeness).exp()[:, None, None]
        return torch.cat([embedding, where, squares, torch.ones_like(squares)], 2)

    @staticmethod
    def embeddings(places: Tensor) -> Tensor:
        """The embeddings in :meth:`places`: ``(B, KERNELS, EMBEDDING, n)``."""
        return places[:, :, :EMBEDDING]

    @staticmethod
    def louder(amounts: Tensor) -> Tensor:
        """Amounts for a plane larger than usual: the same hint fills more cells there, each of them a measurement, but
        it says no more.
        """
        larger = (short_side(amounts.shape[2], amounts.shape[3], amounts) / USUAL_SIDE).clamp(min=1)
        return torch.cat([amounts[:, :-1], amounts[:, -1:] * larger.square()], 1)

    def equations(self, places: Tensor, amounts: Tensor, tokens: Tensor, weight: Tensor) -> Equations:
        """What carries values from the tokens to the pixels.

        Args:
            places: of :meth:`places`.
            amounts: ``(B, 2 + KERNELS + 1, h/4, w/4)``, of which :meth:`usual_amounts` tells.
            tokens: ``(B, KERNELS * (EMBEDDING + 5) + 2 + KERNELS + 1, n)``: places and amounts, averaged over the
                pixels of each token.
            weight: ``(B, 1, n)``: the share of its cell that a token covers, 0 for none.
        """
        batch = len(places)
        depth, count = EMBEDDING + 5, tokens.shape[2]
        there, known = torch.split(tokens, [KERNELS * depth, 3 + KERNELS], 1)
        there = there.reshape(batch, KERNELS, depth, count)[:, :, : depth - 2]
        asking = _asking(there)
        valid = (weight > 0).to(weight.dtype)
        share = known[:, 2 : 2 + KERNELS] * valid  # (B, K, n)
        noise = LEAST_NOISE + (known[:, 2 + KERNELS :] * (0.5 + 0.2 / weight.clamp(min=0.02)))[:, 0]
        within = _covariance(asking, _places(there)) * (share[:, :, :, None] * share[:, :, None])
        number = torch.arange(count, device=places.device)
        identity = (number[:, None] == number).to(within.dtype)
        matrix = within.sum(1) + identity * (noise * valid[:, 0] + 1 - valid[:, 0])[:, None]
        if self.training:
            matrix = torch.linalg.cholesky(matrix)
        return Equations(
            matrix=matrix, factored=self.training, share=share, valid=valid,
            across=_covariance(asking, places),
            shares=amounts[:, 2 : 2 + KERNELS].reshape(batch, KERNELS, 1, -1),
            deviation=amounts[:, :2], deviations=known[:, :2].clamp(min=1e-4),
        )  # fmt: skip


def _places(coordinates: Tensor) -> Tensor:
    """Coordinates ``(B, K, D, ...)`` with what makes a product of matrices of a distance: ``(B, K, D + 2, ...)``."""
    squares = coordinates.square().sum(2, keepdim=True)
    return torch.cat([coordinates, squares, torch.ones_like(squares)], 2)


def _asking(coordinates: Tensor) -> Tensor:
    """The other side of that product: ``(B, K, D, n)`` to ``(B, K, n, D + 2)``.

    :data:`SOFTENING` is added to the squared distances, so that they have a gradient at 0.
    """
    squares = coordinates.square().sum(2, keepdim=True)
    return torch.cat([-2 * coordinates, torch.ones_like(squares), squares + SOFTENING], 2).transpose(2, 3)


class _Covariance(torch.autograd.Function):
    """exp(-distance) with a gradient that keeps two large tensors instead of six and makes few passes over them."""

    @staticmethod
    def forward(ctx: Any, asking: Tensor, places: Tensor) -> Tensor:
        distance = _distances(asking, places)
        covariance = distance.neg().exp_()
        ctx.save_for_backward(asking, places, distance, covariance)
        return covariance

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        asking, places, distance, covariance = ctx.saved_tensors
        pull = (gradient * covariance).div_(distance).mul_(-0.5)  # with respect to the squared distance
        return pull @ places.transpose(2, 3), asking.transpose(2, 3) @ pull


def _distances(asking: Tensor, places: Tensor) -> Tensor:
    """Distances ``(B, K, n, m)`` of what :func:`_asking` and :func:`_places` make, as one product of matrices."""
    return (asking @ places).clamp(min=SOFTENING).sqrt()


def _covariance(asking: Tensor, places: Tensor) -> Tensor:
    """exp(-distance) of what :func:`_asking` and :func:`_places` make: ``(B, K, n, m)``."""
    if torch.is_grad_enabled() and (asking.requires_grad or places.requires_grad):
        return cast("Tensor", _Covariance.apply(asking, places))  # type: ignore[no-untyped-call]
    return (-_distances(asking, places)).exp()


def _solve(matrix: Tensor, wanted: Tensor) -> Tensor:
    """Solve symmetric positive definite equations ``(B, n, n)`` for ``(B, q, n)`` by conjugate gradients.

    :data:`STEPS` steps (Hestenes and Stiefel 1952), products of matrices only; exact for no more than STEPS tokens.
    """
    solution = torch.zeros_like(wanted)
    rest = direction = wanted
    size = rest.square().sum(2, keepdim=True)
    floor = size * 1e-9 + 1e-20
    for _ in range(STEPS):
        image = direction @ matrix
        length = size / ((direction * image).sum(2, keepdim=True) + floor)
        solution = solution + length * direction
        rest = rest - length * image
        left = rest.square().sum(2, keepdim=True)
        direction = rest + left / (size + floor) * direction
        size = left
    return solution
