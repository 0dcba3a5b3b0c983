"""Our default network: a photo is prepared once, and every change of the hints is a cheap answer.

``prepare`` runs an EfficientNet-Lite0 encoder and a feature pyramid over the lightness alone, seen at a short side of
256 pixels at most; it also guesses the colours without hints and, for every pixel at 1/4 scale, the *queries* of the
explicit propagation. ``answer`` then

1. pools the hints into tokens, one for each occupied 8x8 cell: mean colour, position, lightness, embedding, and the
   *surprise*: how unlikely the guess thought that colour at that place (an odd colour should not travel far);
2. lets every pixel at 1/4 scale attend to the tokens with several heads of different reach. A head's score is the
   similarity of embeddings minus penalties on distance and on the difference of lightness (a joint bilateral kernel
   whose widths are learned and vary with the pixel); a null token takes what no hint explains. Besides the mean colour
   of the tokens that it attends to, a head gives their regression of colour on lightness (the local linear model of
   Levin et al. 2004, and of the guided filter);
3. carries what the hints add to the guess by Gaussian-process regression (:mod:`kriging`), a further candidate;
4. reweights the guessed distribution by the reference histogram, when there is one (a few Sinkhorn steps, so that the
   picture's histogram meets the reference's), and scales the guess to a wanted saturation;
5. decodes from 1/16 to 1/2 scale with a small U-Net that sees the hints and all candidates at every scale, mixes the
   candidates by learned gates and adds a residual; what is like a surprising hint and near it takes its colour;
   the last step works on 2x2 pixel blocks and writes full size, where the lightness brings the detail through the
   regressions' slopes.

The scores of step 2 are bilinear in the query and the token, so that all of them together are one matrix product.
Convolutions over features of the photo and of the hints together are sums of convolutions, so that the photo's share is
computed once, in ``prepare``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from irodori.color import ab_bins
from irodori.model.contract import AB_SCALE, BINS, CELL, REFERENCE_LENGTH
from irodori.train.networks import saturation
from irodori.train.networks.efficientnet_lite import EfficientNetLite0
from irodori.train.networks.kriging import KERNELS, Equations, Kriging
from irodori.train.networks.layers import (
    JointConv,
    Residual,
    SelfAttention,
    Separable,
    conv,
    conv_with_blocks,
    down,
    gates,
    ground,
    keep_hints,
    meet,
    merged,
    pick,
    positions,
    resized,
    rows,
    short_side,
    shrunk,
    single,
    up,
)

WITHOUT = (6, 10)
"""The encoder's blocks that are left out: of all with a shortcut the dearest of those that matter least
(docs/training_log.md, run 8)."""
HEADS = 3
EMBEDDING = 16
REACH = (0.08, 0.75, 2.5)
"""Initial standard deviation of each head's distance kernel, in quarters of the photo's short side."""
LIGHTNESS_REACH = (0.06, 0.10, 0.15)
"""Initial standard deviation of each head's lightness kernel, in units of 100 L*."""
SLOPE_NOISE = 0.01
"""Variance of L (units of 100, squared), at first, below which a head's regression on lightness is not trusted."""
LIKELY_WIDTH = 10.0 / AB_SCALE
"""Colours this near to a hint's speak for it when its surprise is measured (units of 110)."""
SINKHORN_STEPS = 3
USUAL_SIDE = 256
"""The short side, in network pixels, that the network is meant for."""
HOLD_REACH = 20.0
"""How far a surprising hint is held on to by what looks alike around it, in 1/256 of the photo's short side."""
HOLD_LIGHTNESS = 0.06
"""What counts as alike there, in units of 100 L*."""
HOLD_BLEND = 8.0
"""How sharply the nearest of several hints wins there, in 1/256 of the short side."""
LEAST_EXPONENT = -70.0
"""The exponential of less is nothing; but processors are slow with the tiny numbers that it would be."""
NULL_LIMIT = 30.0
"""Keeps what the tokens count, against the null token, within single precision."""
HOLD_FROM, HOLD_SLOPE = 0.4, 0.08
"""The surprise at which a hint is half held on to, and the slope: most hints of true colours surprise less."""
CHOICES = 2 * HEADS + 5
"""Candidates that the gates mix: two per head; the guess, with the reference's colours, with its saturation; the first
two with what kriging adds."""
FIELD = 4
"""What kriging carries: a*, b*, 1 (how far hints are felt), and the hints' surprise."""
EXTRAS = 8 * HEADS + 3 + 2 + 2 + 2 + 3 + FIELD
"""Planes that enter the decoder at every scale: the heads' candidates, hints, three guesses, what is given as global
hint, the kriged field."""


@dataclass(frozen=True)
class Told:
    """What the hints tell kriging, one token for each of the n occupied cells.

    cells ``(B, n)``; colour and change (how it differs from the guess), ``(B, 2, n)`` / 110; surprise, unscaled, and
    weight (the share of its cell that the token covers), ``(B, 1, n)``; place in quarters of the short side and
    lightness, ``(B, 3, n)``.
    """

    equations: Equations
    cells: Tensor
    colour: Tensor
    change: Tensor
    surprise: Tensor
    weight: Tensor
    place: Tensor


def _around(under: Tensor) -> Tensor:
    """What :func:`_held` reads of every pixel: :func:`~irodori.train.networks.layers.ground` with another unit of
    place (1 is :data:`HOLD_REACH`) and of lightness (1 is :data:`HOLD_LIGHTNESS`), ``(B, 6, h/4 * w/4)``.
    """
    near, alike = USUAL_SIDE / 4 / HOLD_REACH, 1 / HOLD_LIGHTNESS
    return under * under.new_tensor([near, near, 1, alike, near**2, alike**2])[:, None]


def _held(ab4: Tensor, around: Tensor, told: Told) -> Tensor:
    """Colours ``(B, 2, h/4, w/4)`` with what is around a surprising hint, and looks like it, brought to its colour.

    The network may well let a colour that it finds unlikely fade at once; but a person who put it there meant the thing
    and not the six pixels. Plausible hints near by keep what is theirs: of several hints around a pixel the nearest
    counts most, and only as far as it surprises is its colour forced.

    Args:
        ab4: ``(B, 2, h/4, w/4)`` / 110.
        around: of :func:`_around`.
        told: the hints.
    """
    place = told.place[:, :2] * (USUAL_SIDE / 4 / HOLD_REACH)  # (B, 2, n)
    light = told.place[:, 2:] / HOLD_LIGHTNESS
    none = torch.zeros_like(light)
    # each is the other side of a product with `around`: y, x, 1, L, y^2 + x^2, L^2
    away = torch.cat([-2 * place, place.square().sum(1, keepdim=True), none, none + 1, none], 1)
    alike = torch.cat([none, none, -light.square(), 2 * light, none, none - 1], 1)
    nearest = alike - away * (HOLD_REACH**2 / (2 * HOLD_BLEND**2))
    distance = away.transpose(1, 2) @ around  # squared, (B, n, h w)
    distance = distance * distance
    reach = (alike.transpose(1, 2) @ around - distance).clamp(min=LEAST_EXPONENT).exp()
    nearest = (nearest.transpose(1, 2) @ around - distance).clamp(min=LEAST_EXPONENT).exp()
    odd = ((told.surprise - HOLD_FROM) / HOLD_SLOPE).sigmoid() * told.equations.valid
    sums = torch.cat([odd * told.colour, odd, told.equations.valid], 1) @ nearest  # (B, 4, h w)
    share = (1 - (-3 * (odd @ reach)).exp()) * sums[:, 2:3] / (sums[:, 3:] + 1e-9)
    colour = sums[:, :2] / (sums[:, 2:3] + 1e-9)
    share, colour = (x.reshape(ab4.shape[0], -1, *ab4.shape[2:]) for x in (share, colour))
    return ab4 + share * (colour - ab4)


class HintProp(nn.Module):
    """The default network.

    Args:
        width: multiplies the decoder's channels (1.0 is the shipped size; the tests use a tiny one).
        encoder_width: multiplies the encoder's channels (ImageNet's weights fit 1.0).
    """

    name = "hintprop"
    centres: Tensor
    accepts_reference = True
    needs_hint_cells = True
    look_side = USUAL_SIDE
    """Photos with a longer short side are looked at in a copy that has this one."""
    vividness: float = 1.0
    """Scales the chroma of what no hint and no reference explains. The losses' answer to doubt is grey; a little more
    than 1 looks more natural and costs next to nothing. Training leaves it at 1, export may set it."""

    oddness: float = 1.0
    """Scales the hints' surprise. Less than 1 lets odd colours travel farther, over their thing and beyond it. Training
    leaves it at 1, export may set it."""

    def __init__(self, width: float = 1.0, encoder_width: float = 1.0) -> None:
        super().__init__()
        self.width, self.encoder_width = width, encoder_width
        c16, c8, c4, c2 = (max(8, round(channels * width / 8) * 8) for channels in (128, 96, 64, 32))
        self.channels = (c16, c8, c4, c2)
        self.encoder = EfficientNetLite0(encoder_width, WITHOUT)
        e2, e4, e8, e16, e32 = self.encoder.channels
        # prepare: feature pyramid
        self.top32 = nn.Sequential(nn.Conv2d(e32, c16, 1), nn.ReLU(inplace=True))
        self.lateral16 = nn.Conv2d(e16, c16, 1)
        self.trunk16 = nn.Sequential(Separable(c16), Separable(c16))
        self.lateral8 = nn.Conv2d(e8, c8, 1)
        self.narrow8 = nn.Conv2d(c16, c8, 1)
        self.trunk8 = Separable(c8)
        self.lateral4 = nn.Conv2d(e4, c4, 1)
        self.narrow4 = nn.Conv2d(c8, c4, 1)
        self.trunk4 = Separable(c4)
        n2 = max(4, c2 - 4 - e2)
        self.narrow2 = nn.Conv2d(c4, n2, 1)
        self.guess8 = nn.Sequential(conv(c8, c8, 1), nn.Conv2d(c8, BINS, 1))
        self.guess4 = nn.Sequential(conv(c4, c4, 1), nn.Conv2d(c4, 2, 1))
        # prepare: queries and keys of the explicit propagation
        self.embed = nn.Conv2d(c4 + c4, HEADS * EMBEDDING, 1)
        self.embed8 = nn.Conv2d(c8, c4, 1)
        self.reach = nn.Conv2d(c4, 3 * HEADS, 1)  # per pixel: distance width, lightness width, null score
        self.log_temperature = nn.Parameter(torch.full((HEADS,), math.log(4.0)))
        self.log_distance = nn.Parameter(torch.tensor([math.log(0.5 / r**2) for r in REACH]))
        self.log_lightness = nn.Parameter(torch.tensor([math.log(0.5 / r**2) for r in LIGHTNESS_REACH]))
        self.null = nn.Parameter(torch.full((HEADS,), -2.0))
        self.coverage = nn.Parameter(torch.full((HEADS,), 0.5))
        self.caution = nn.Parameter(torch.zeros(HEADS))
        self.log_slope_noise = nn.Parameter(torch.full((HEADS,), math.log(SLOPE_NOISE)))
        # answer
        self.kriging = Kriging(c4, c4 + c4)
        self.tone = nn.Sequential(nn.Linear(5, 16), nn.ReLU(inplace=True), nn.Linear(16, 1))
        self.global_hint = nn.Sequential(
            nn.Linear(REFERENCE_LENGTH, c16), nn.ReLU(inplace=True), nn.Linear(c16, 2 * c16)
        )
        self.enter16 = JointConv(c16, EXTRAS, c16)
        self.attend16 = nn.Sequential(SelfAttention(c16), SelfAttention(c16))
        self.body16 = Separable(c16)
        self.enter8 = JointConv(c8, EXTRAS, c8, c16)
        self.body8 = Residual(c8)
        self.enter4 = JointConv(c4, EXTRAS, c4, c8)
        self.body4 = Residual(c4)
        # gates, residual, slope, trust in the heads' slopes, evenness
        self.mix4 = nn.Conv2d(c4, CHOICES + 2 + 2 + HEADS + 1, 1)
        self.distribution = nn.Sequential(nn.Conv2d(c4, 2 * c4, 1), nn.ReLU(inplace=True), nn.Conv2d(2 * c4, BINS, 1))
        self.enter2 = JointConv(e2 + 4 + n2, 2 + 2 + 12, c2, c4)
        self.body2 = Residual(c2)
        self.out2 = nn.Conv2d(c2, 8 + 4 + 2 + 2, 3, 1, 1)  # 2x2 residuals, 2x2 keeping, residual, slope
        centres = torch.from_numpy(np.asarray(ab_bins.CENTRES, dtype=np.float32) / AB_SCALE)
        self.register_buffer("centres", centres, persistent=False)
        nn.init.zeros_(self.reach.weight)
        nn.init.zeros_(self.reach.bias)  # type: ignore[arg-type]
        for head in (self.mix4, self.out2, self.tone[2]):
            nn.init.normal_(head.weight, std=0.01)  # type: ignore[arg-type]
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]
        with torch.no_grad():  # the gates trust the heads a little and the guess by default; a hint's own pixels fully
            self.mix4.bias[2 * HEADS] = 1.0  # type: ignore[index]
            self.mix4.bias[2 * HEADS + 3] = 1.0  # type: ignore[index]
            self.mix4.bias[-HEADS - 1 :] = -2.0  # type: ignore[index]
            self.out2.bias[8:12] = 1.0  # type: ignore[index]

    def prepare(self, lightness: Tensor) -> dict[str, Tensor]:
        """Everything that depends on the photo alone.

        Args:
            lightness: ``(B, 1, h, w)``, (L* - 50) / 100; h and w multiples of 32.

        Returns:
            share16, share8, share4: the photo's share of the decoder's first convolutions at strides 16 to 4;
            fine2: the encoder's features at stride 2, and coarse4 ``(B, C, h/4, w/4)``: what is to be enlarged, of
            which its share at stride 2 is made;
            queries ``(B, HEADS, EMBEDDING + 7, h/4 * w/4)``; embedding ``(B, HEADS, EMBEDDING, h/4 * w/4)``;
            guess_ab ``(B, 2, h/4, w/4)`` / 110; guess_bins ``(B, h/8 * w/8, 313)``, probabilities; mean_bins
            ``(B, 313)``, their mean; places ``(B, KERNELS, EMBEDDING + 5, h/4 * w/4)`` and amounts: what kriging knows
            of every place; around: what is needed to hold
            on to surprising hints; saturations of the scaled guess; light4 ``(B, 1, h/4, w/4)``; detail2
            ``(B, 1, h/2, w/2)`` and detail1 ``(B, 1, h, w)``: what lightness has beyond the next coarser scale; raw
            ``(B, 3 * HEADS + 3 + KERNELS, h/4, w/4)``, what the widths of the kernels are made of, which only
            :meth:`enlarge` reads; in training also guess_logits ``(B, 313, h/8, w/8)``.
        """
        small = shrunk(lightness, self.look_side)
        features = self.look(small)
        if small.shape == lightness.shape:
            return features
        return self.enlarge(lightness, features)

    def look(self, lightness: Tensor) -> dict[str, Tensor]:
        """:meth:`prepare` for a photo that is not larger than usual."""
        f2, f4, f8, f16, f32 = self.encoder(lightness)
        t16 = self.trunk16(F.relu(self.lateral16(f16) + up(self.top32(f32))))
        t8 = self.trunk8(F.relu(self.lateral8(f8) + up(self.narrow8(t16))))
        t4 = self.trunk4(F.relu(self.lateral4(f4) + up(self.narrow4(t8))))
        batch = len(t4)  # a number for the exporter too
        channels = self.channels[2]
        # the heads' and kriging's embeddings of t4 and of t8's, enlarged, as one sum of convolutions
        weight = torch.cat([self.embed.weight, self.kriging.embed.weight])
        bias = torch.cat([cast("Tensor", self.embed.bias), cast("Tensor", self.kriging.embed.bias)])
        embedding = F.conv2d(t4, weight[:, :channels], bias)
        embedding = embedding + up(F.conv2d(t8, *merged(self.embed8, weight[:, channels:])))
        # widths in distance and lightness, kriging's amounts, null scores
        weight, bias = self.reach.weight, cast("Tensor", self.reach.bias)
        weight = torch.cat([weight[: 2 * HEADS], self.kriging.amounts.weight, weight[2 * HEADS :]])
        bias = torch.cat([bias[: 2 * HEADS], cast("Tensor", self.kriging.amounts.bias), bias[2 * HEADS :]])
        raw = F.conv2d(t4, weight, bias)
        hidden = self.guess8[0](t8)
        last = cast("nn.Conv2d", self.guess8[1])
        hidden = hidden.reshape(batch, self.channels[1], -1).transpose(1, 2).reshape(-1, self.channels[1])
        logits = F.linear(hidden, last.weight.flatten(1), last.bias).reshape(batch, -1, BINS)
        guess = self.guess4(t4)
        # what the photo gives at 1/2 from 1/4 scale is enlarged with the decoder's features of that scale
        later = self.enter2.photo_conv.weight[:, self.encoder.channels[0] + 4 :]
        features = {
            "share16": self.enter16.photo(t16),
            "share8": self.enter8.photo(t8),
            "share4": self.enter4.photo(t4),
            "fine2": f2,
            "coarse4": F.conv2d(t4, *merged(self.narrow2, later, self.enter2.photo_conv.bias)),
            "guess_ab": guess,
            "guess_bins": logits.softmax(2),
            "raw": raw,
        }
        self._described(lightness, embedding, features)
        with torch.autocast(t4.device.type, enabled=False):
            sample = [F.avg_pool2d(single(plane), 2, 4) for plane in (features["light4"], guess)]
            features["saturations"] = saturation.measure(*sample)
        if self.training:
            coarse = t8.shape[2:]
            features["guess_logits"] = logits.transpose(1, 2).reshape(batch, BINS, *coarse)
        return features

    def enlarge(self, lightness: Tensor, seen: dict[str, Tensor]) -> dict[str, Tensor]:
        """:meth:`prepare` for a larger photo, of what :meth:`look` saw in a small copy.

        Args:
            lightness: ``(B, 1, h, w)``.
            seen: of :meth:`look`, for the small copy.
        """
        height, width = lightness.shape[2], lightness.shape[3]

        def own(plane: Tensor, stride: int) -> Tensor:
            return resized(plane, (height // stride, width // stride))

        batch, _, low, narrow = seen["guess_ab"].shape
        embedding = torch.cat([seen["embedding"], self.kriging.embeddings(seen["places"])], 1)
        embedding = own(embedding.reshape(batch, -1, low, narrow), 4)
        bins = seen["guess_bins"].transpose(1, 2).reshape(batch, BINS, low // 2, narrow // 2)
        features = {
            "share16": own(seen["share16"], 16),
            "share8": own(seen["share8"], 8),
            "share4": own(seen["share4"], 4),
            "fine2": own(seen["fine2"], 2),
            "coarse4": own(seen["coarse4"], 4),
            "guess_ab": own(seen["guess_ab"], 4),
            "guess_bins": own(bins, 8).flatten(2).transpose(1, 2),
            "raw": own(seen["raw"], 4),
            "saturations": seen["saturations"],
        }
        self._described(lightness, embedding, features)
        features["amounts"] = self.kriging.louder(features["amounts"])
        if "guess_logits" in seen:
            features["guess_logits"] = own(seen["guess_logits"], 8)
        return features

    def _photo2(self, lightness: Tensor, fine2: Tensor) -> tuple[Tensor, Tensor]:
        """The photo's share of the decoder's first convolution at stride 2, as two: what its encoder's features and
        what its lightness itself, in 2x2 blocks of pixels, give to it.
        """
        weight, fine = self.enter2.photo_conv.weight, self.encoder.channels[0]
        own = weight[:, fine : fine + 4].reshape(-1, 1, 2, 2)
        return F.conv2d(fine2, weight[:, :fine]), F.conv2d(lightness, own, stride=2)

    def _described(self, lightness: Tensor, embedding: Tensor, features: dict[str, Tensor]) -> None:
        """Put into the features what is made of the lightness, the places, the raw widths and the embeddings
        ``(B, (HEADS + KERNELS) * EMBEDDING, h/4, w/4)``, the heads' first.
        """
        batch = len(embedding)  # a number for the exporter too, as are all sizes below but the last
        height, width = embedding.shape[2:]
        with torch.autocast(embedding.device.type, enabled=False):
            embedding = single(embedding).reshape(batch, HEADS + KERNELS, EMBEDDING, -1)
            scale = torch.cat([(0.5 * self.log_temperature).exp(), self.kriging.log_likeness.exp()])
            length = (embedding.square().sum(2, keepdim=True) + 1e-6).sqrt()
            embedding, alike = torch.split(embedding * (scale[:, None, None] / length), [HEADS, KERNELS], 1)
            lightness2 = down(lightness, 2)
            light4 = down(lightness2, 2)
            under = ground(light4)
            raw = single(features["raw"]).reshape(batch, 3 * HEADS + 3 + KERNELS, -1)
            positive, null = torch.split(raw, [2 * HEADS + 3 + KERNELS, HEADS], 1)
            base = torch.cat([self.log_distance, self.log_lightness, self.kriging.usual_amounts()])
            positive = (positive.clamp(-4, 4) + base[:, None]).exp()
            distance, contrast, amounts = torch.split(positive, [HEADS, HEADS, 3 + KERNELS], 1)
            null = (null + self.null[:, None]).clamp(-NULL_LIMIT, NULL_LIMIT)
            # the terms in the pixel alone, so that the null token, which counts 1, competes with true distances
            alone = distance * under[:, 4:5] + contrast * under[:, 5:] + null
            features["queries"] = torch.cat(
                [
                    embedding,
                    distance[:, :, None] * under[:, None, :3],
                    contrast[:, :, None] * under[:, None, 2:4],
                    alone[:, :, None],
                    torch.ones_like(alone)[:, :, None],
                ],
                2,
            )
            features["embedding"] = embedding
            features["places"] = self.kriging.places(alike, under)
            features["amounts"] = amounts.reshape(batch, 3 + KERNELS, height, width)
            features["around"] = _around(under)
            bins = features["guess_bins"]
            features["mean_bins"] = (torch.full_like(bins[:, :, :1], 1).transpose(1, 2) @ bins)[:, 0] * (
                4 / (height * width)
            )
            features["light4"] = light4
            features["detail2"] = lightness2 - up(light4)
            features["detail1"] = lightness - up(lightness2)

    def _tokens(
        self, lightness: Tensor, features: dict[str, Tensor], mask: Tensor, hints4: Tensor, cells: Tensor | None
    ) -> tuple[Tensor, Tensor, Told]:
        """Pool the hints into tokens.

        Args:
            lightness, features, mask, cells: as for :meth:`decode`.
            hints4: the hints' colours and mask, averaged, ``(B, 3, h/4, w/4)``.

        Returns:
            keys ``(B, HEADS, n, EMBEDDING + 7)``; values ``(B, 1, 10, n)``: colour, its difference from the guess,
            surprise, lightness, its square, its products with the colour, and 1; and what kriging wants.
        """
        batch, _, height, width = mask.shape
        place = positions(height, width, mask)[None]
        mask4 = hints4[:, 2:]
        change = hints4[:, :2] - features["guess_ab"] * mask4
        told4 = (features[name].reshape(batch, -1, *mask4.shape[2:]) for name in ("embedding", "places", "amounts"))
        described = [planes * mask4 for planes in told4]
        coarse = down(torch.cat([hints4, change, *described], 1), CELL // 4)
        where = down(torch.cat([lightness * mask, place * mask], 1), CELL)
        pooled = torch.cat([coarse[:, :2], where, coarse[:, 2:]], 1).flatten(2)
        expected = features["guess_bins"].detach()
        if cells is not None:  # export: one photo, and the occupied cells are known
            chosen = cells[None]
        else:  # training: as many tokens as the fullest picture of the batch needs
            most = int((pooled[:, 5] > 0).sum(1).max().clamp(min=1))
            chosen = pooled[:, 5].argsort(1, descending=True)[:, :most]
        pooled = pick(pooled, chosen)
        expected = rows(expected, chosen)
        weight = pooled[:, 5:6]
        mean = pooled / weight.clamp(min=1e-6)
        colour = mean[:, :2].transpose(1, 2)
        squares = colour.square().sum(2, keepdim=True) - 2 * colour @ self.centres.T + self.centres.square().sum(1)
        likelihood = (expected * (squares * (-0.5 / LIKELY_WIDTH**2)).exp()).sum(2)
        surprise = (likelihood + 1e-4).log() * (-1 / 9)
        unscaled = surprise[:, None]
        surprise = surprise * self.oddness
        light = mean[:, 2:3]
        ones = torch.ones_like(light)
        parts = [mean[:, :2], mean[:, 6:8], surprise[:, None], light, light.square(), light * mean[:, :2], ones]
        values = torch.cat(parts, 1)
        centre = mean[:, 3:5]
        embedding, known = torch.split(mean[:, 8:], [HEADS * EMBEDDING, mean.shape[1] - 8 - HEADS * EMBEDDING], 1)
        embedding = embedding.reshape(batch, HEADS, EMBEDDING, -1)
        of_token = [2 * centre, -centre.square().sum(1, keepdim=True), -light.square(), 2 * light, -ones]
        bias = self.coverage[None, :, None, None] * weight.clamp(min=1e-4).log()[:, None]
        bias = bias - self.caution[None, :, None, None] * surprise[:, None, None]
        # on a larger plane the same hint fills more cells, but it is no louder
        larger = (short_side(height, width, mask) / USUAL_SIDE).clamp(min=1)
        bias = bias - 2 * larger.log()
        bias = bias.masked_fill(weight[:, None] <= 0, -1e4)
        shared = torch.cat(of_token, 1)[:, None].expand(-1, HEADS, -1, -1)
        keys = torch.cat([embedding, shared, bias], 2).transpose(2, 3)
        equations = self.kriging.equations(features["places"], features["amounts"], known, weight)
        place = torch.cat([centre, light], 1)
        told = Told(equations, chosen, mean[:, :2], mean[:, 6:8], unscaled, weight.clamp(min=1e-6), place)
        return keys, values[:, None], told

    def _propagate(
        self, lightness: Tensor, features: dict[str, Tensor], mask: Tensor, hints4: Tensor, cells: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Told]:
        """What the hints say at every pixel at 1/4 scale.

        Returns:
            colours ``(B, HEADS, 5, h/4, w/4)``: the hints' colour, the guess shifted as the hints differ from it, and
            the confidence; more ``(B, 3 * HEADS, h/4, w/4)``: how surprising the hints are, and how the regression
            on lightness would change their colour here; slopes ``(B, HEADS, 2, h/4, w/4)`` of that regression; field
            ``(B, FIELD, h/4, w/4)``, what kriging adds to the guess; and what it wants to be asked again.
        """
        with torch.autocast(mask.device.type, enabled=False):  # distances are differences of large products
            keys, values, told = self._tokens(lightness, features, mask, hints4, cells)
            found = values @ (keys @ features["queries"].float()).clamp(min=LEAST_EXPONENT).exp()
            others = torch.cat([torch.ones_like(told.surprise), told.surprise * self.oddness], 1)
            field = told.equations.colours(told.change, others)
        batch, _, height, width = features["guess_ab"].shape
        found = found.reshape(batch, HEADS, 10, height, width)
        found, total = torch.split(found, [9, 1], 2)
        sure = total / (1 + total)  # the null token counts 1
        colour, change, surprise, light, square, product = torch.split(
            found / (total + 1e-3 * (1 + total)), [2, 2, 1, 1, 1, 2], 2
        )
        variance = (square - light.square()).clamp(min=0) + self.log_slope_noise.exp()[None, :, None, None, None]
        slopes = (product - light * colour) / variance
        tilt = slopes * (features["light4"][:, None] - light) * sure
        colours = torch.cat([colour, features["guess_ab"][:, None] + change, sure], 2)
        return colours, torch.cat([surprise[:, :, 0], tilt.flatten(1, 2)], 1), slopes, field, told

    def _with_reference(self, features: dict[str, Tensor], reference: Tensor) -> tuple[Tensor, Tensor]:
        """The guess with the reference's histogram, and scaled to its saturation: ``(B, 2, h/4, w/4)`` each."""
        p = features["guess_bins"]
        batch, _, height, width = features["guess_ab"].shape
        present = reference[:, BINS : BINS + 1]
        wanted = reference[:, :BINS] * present + features["mean_bins"] * (1 - present)
        expected = meet(p, features["mean_bins"], wanted, self.centres, SINKHORN_STEPS)
        expected = expected.transpose(1, 2).reshape(batch, 2, height // 2, width // 2)
        # how saturated the guess is now, against what is wanted
        guess = features["guess_ab"]
        chroma = (guess.square().sum(1, keepdim=True) + 1e-6).sqrt()
        relative = (chroma / (features["light4"] + 0.7)).mean((2, 3))
        asked = reference[:, BINS + 1 :]
        gain = saturation.log_gain(features["saturations"], asked[:, :1])
        more = self.tone(torch.cat([asked, chroma.mean((2, 3)), relative, gain], 1))
        toned = guess * ((gain + torch.tanh(more)) * asked[:, 1:]).exp()[:, :, None, None]
        return up(expected), toned

    def answer(
        self,
        lightness: Tensor,
        features: dict[str, Tensor],
        hint_ab: Tensor,
        hint_mask: Tensor,
        reference: Tensor | None = None,
        cells: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Colours for these hints and their distribution: :meth:`decode`, then :meth:`logits`.

        Returns:
            ab ``(B, 2, h, w)`` / 110 and logits ``(B, 313, h/4, w/4)``.
        """
        ab, decoded = self.decode(lightness, features, hint_ab, hint_mask, reference, cells)
        return ab, self.logits(decoded.detach())

    def decode(
        self,
        lightness: Tensor,
        features: dict[str, Tensor],
        hint_ab: Tensor,
        hint_mask: Tensor,
        reference: Tensor | None = None,
        cells: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Colours for these hints.

        Args:
            lightness: ``(B, 1, h, w)`` as for :meth:`prepare`.
            features: what :meth:`prepare` returned.
            hint_ab: ``(B, 2, h, w)`` / 110, zero outside the mask.
            hint_mask: ``(B, 1, h, w)`` 0 or 1.
            reference: ``(B, 316)`` or None for no global hint.
            cells: ``(n,)`` occupied cells (export, B = 1), or None to find them.

        Returns:
            ab ``(B, 2, h, w)`` / 110, and the features ``(B, C, h/4, w/4)`` that :meth:`logits` reads.
        """
        batch = lightness.shape[0]
        if reference is None:
            reference = lightness.new_zeros(batch, REFERENCE_LENGTH)
        guess = features["guess_ab"]
        height, width = guess.shape[2:]
        hints1 = torch.cat([hint_ab, hint_mask], 1)
        hints2 = down(hints1, 2)
        hints4 = down(hints2, 2)
        colours, more, slopes, field, told = self._propagate(lightness, features, hint_mask, hints4, cells)
        steered, toned = self._with_reference(features, reference)
        given = reference[:, BINS:, None, None].expand(-1, -1, height, width)
        extras4 = torch.cat([colours.flatten(1, 2), hints4, guess, steered, more, toned, given, field], 1)
        extras8 = down(extras4, 2)
        extras16 = down(extras8, 2)
        scale, shift = self.global_hint(reference)[:, :, None, None].chunk(2, 1)
        x = self.enter16(features["share16"], self.enter16.hints_conv(extras16))
        x = self.attend16(x * (1 + scale) + shift)
        x = self.body16(x)
        x = self.body8(self.enter8(features["share8"], self.enter8.hints_conv(extras8), x))
        x = self.body4(self.enter4(features["share4"], self.enter4.hints_conv(extras4), x))
        mix = self.mix4(x)
        pairs = colours[:, :, :4].reshape(batch, 2 * HEADS, 2, height, width)
        choices = torch.cat([pairs, torch.stack([guess, steered, toned], 1)], 1)
        choices = torch.cat([choices, torch.stack([guess + field[:, :2], steered + field[:, :2]], 1)], 1)
        mixed, residual, slope, trust, evenness = torch.split(mix, [CHOICES, 2, 2, HEADS, 1], 1)
        trust = trust.sigmoid()[:, :, None]
        tilt = more[:, HEADS:].reshape(batch, HEADS, 2, height, width)
        ab4 = (gates(mixed)[:, :, None] * choices).sum(1) + residual + (trust * tilt).sum(1)
        with torch.autocast(ab4.device.type, enabled=False):  # what is still missing at the hints is carried too
            ab4 = ab4.float()
            reached = pick(down(ab4 * hints4[:, 2:], CELL // 4).flatten(2), told.cells) / told.weight
            ab4 = ab4 + told.equations.colours(told.colour - reached)
            ab4 = _held(ab4, features["around"], told)
        slope4 = slope + (trust * slopes).sum(1)
        ab2, slope2 = up(torch.cat([ab4, slope4], 1)).chunk(2, 1)
        ab2 = ab2 + slope2 * features["detail2"]
        local = hints2[:, :2] / hints2[:, 2:].clamp(min=0.25)
        told2 = conv_with_blocks(self.enter2.hints_conv.weight, torch.cat([ab2, local], 1), hints1)
        share2, own2 = self._photo2(lightness, features["fine2"])
        y = self.body2(self.enter2(None, told2 + own2 + share2, x, features["coarse4"]))
        residuals, keeping, base, slope = torch.split(self.out2(y), [8, 4, 2, 2], 1)
        parts = [ab2 + base, slope2 + slope, residuals]
        if self.vividness != 1:
            unsteered = 1 - reference[:, BINS::2].amax(1)[:, None, None, None]
            vivid = up(1 + (self.vividness - 1) * unsteered * (1 - field[:, 2:3].clamp(0, 1)))
            parts = [part * vivid for part in parts]
        base, slope1 = up(torch.cat(parts[:2], 1)).chunk(2, 1)
        full = base + slope1 * features["detail1"] + F.pixel_shuffle(parts[2], 2)
        return keep_hints(full, hint_ab, hint_mask, keeping, up(evenness)), x

    def logits(self, decoded: Tensor) -> Tensor:
        """The distribution ``(B, 313, h/4, w/4)``; a product of matrices, which ONNX Runtime need not reorder."""
        last = cast("nn.Conv2d", self.distribution[2])
        hidden: Tensor = self.distribution[:2](decoded)
        flat = last.weight.flatten(1) @ hidden.flatten(2) + cast("Tensor", last.bias)[:, None]
        return flat.reshape(decoded.shape[0], BINS, decoded.shape[2], decoded.shape[3])

    def forward(
        self, lightness: Tensor, hint_ab: Tensor, hint_mask: Tensor, reference: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """``prepare`` and ``answer`` in one."""
        return self.answer(lightness, self.prepare(lightness), hint_ab, hint_mask, reference)
