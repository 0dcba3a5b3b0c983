"""Our default network: a photo is prepared once, and every change of the hints is a cheap answer.

``prepare`` runs an EfficientNet-Lite0 encoder and a feature pyramid over the lightness alone; it also guesses the
colours without hints and, for every pixel at 1/4 scale, the *queries* of the explicit propagation. ``answer`` then

1. pools the hints into tokens, one for each occupied 8x8 cell: mean colour, position, lightness and embedding;
2. lets every pixel at 1/4 scale attend to the tokens with several heads of different reach. A head's score is the
   similarity of embeddings minus penalties on distance and on the difference of lightness (a joint bilateral kernel
   whose widths are learned and vary with the pixel); a null token takes what no hint explains;
3. reweights the guessed distribution by the reference histogram, when there is one (a few Sinkhorn steps, so that the
   picture's histogram meets the reference's);
4. decodes from 1/16 to 1/2 scale with a small U-Net that sees the hints and all candidates at every scale, mixes the
   candidates by learned gates and adds a residual; the last step works on 2x2 pixel blocks and writes full size.

The scores of step 2 are bilinear in the query and the token, so that all of them together are one matrix product.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from irodori.color import ab_bins
from irodori.model.contract import AB_SCALE, BINS, CELL, REFERENCE_LENGTH
from irodori.train.networks.efficientnet_lite import EfficientNetLite0

HEADS = 4
EMBEDDING = 16
REACH_PX = (5.0, 16.0, 48.0, 160.0)
"""Initial standard deviation of each head's distance kernel, in network pixels."""
LIGHTNESS_REACH = (0.06, 0.08, 0.10, 0.15)
"""Initial standard deviation of each head's lightness kernel, in units of 100 L*."""
POSITION_UNIT = 64.0
SINKHORN_STEPS = 3


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """Two 3x3 convolutions with a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = F.relu(x + self.second(self.first(x)))
        return result


class _SelfAttention(nn.Module):
    """A transformer block (pre-norm) over the positions of a small feature map."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))
        self.position = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.position(x)
        batch, channels, height, width = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(self.norm1(tokens)).reshape(batch, -1, 3, self.heads, channels // self.heads).unbind(2)
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        weights = (q @ k.transpose(2, 3) / math.sqrt(channels // self.heads)).softmax(-1)
        tokens = tokens + self.out((weights @ v).transpose(1, 2).reshape(batch, -1, channels))
        tokens = tokens + self.mlp(self.norm2(tokens))
        result: Tensor = tokens.transpose(1, 2).reshape(batch, channels, height, width)
        return result


def _up(x: Tensor, factor: int = 2) -> Tensor:
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def _down(x: Tensor, factor: int) -> Tensor:
    return F.avg_pool2d(x, factor)


def positions(height: int, width: int, stride: int, like: Tensor) -> Tensor:
    """Pixel centres of a ``height`` x ``width`` map of the given stride: ``(2, height, width)``, y and x in units."""
    y = (torch.arange(height, device=like.device, dtype=like.dtype) + 0.5) * (stride / POSITION_UNIT)
    x = (torch.arange(width, device=like.device, dtype=like.dtype) + 0.5) * (stride / POSITION_UNIT)
    return torch.stack([y[:, None].expand(height, width), x[None, :].expand(height, width)])


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
    vividness: float = 1.0
    """Scales the chroma of what no hint and no reference explains. The losses' answer to doubt is grey; a little more
    than 1 looks more natural and costs next to nothing. Training leaves it at 1, export may set it."""

    def __init__(self, width: float = 1.0, encoder_width: float = 1.0) -> None:
        super().__init__()
        self.width, self.encoder_width = width, encoder_width
        c16, c8, c4, c2 = (max(8, round(channels * width / 8) * 8) for channels in (128, 96, 64, 32))
        self.channels = (c16, c8, c4, c2)
        self.encoder = EfficientNetLite0(encoder_width)
        e2, e4, e8, e16, e32 = self.encoder.channels
        # prepare: feature pyramid
        self.top32 = nn.Sequential(nn.Conv2d(e32, c16, 1), nn.ReLU(inplace=True))
        self.lateral16 = nn.Conv2d(e16, c16, 1)
        self.trunk16 = _Residual(c16)
        self.lateral8 = nn.Conv2d(e8, c8, 1)
        self.narrow8 = nn.Conv2d(c16, c8, 1)
        self.trunk8 = _Residual(c8)
        self.lateral4 = nn.Conv2d(e4, c4, 1)
        self.narrow4 = nn.Conv2d(c8, c4, 1)
        self.trunk4 = _Residual(c4)
        self.narrow2 = nn.Conv2d(c4, c2, 1)
        self.trunk2 = _conv(e2 + 4, c2)
        self.guess8 = nn.Sequential(_conv(c8, c8, 1), nn.Conv2d(c8, BINS, 1))
        self.guess4 = nn.Sequential(_conv(c4, c4), nn.Conv2d(c4, 2, 1))
        # prepare: queries and keys of the explicit propagation
        self.embed = nn.Conv2d(c4 + c4, HEADS * EMBEDDING, 1)
        self.embed8 = nn.Conv2d(c8, c4, 1)
        self.reach = nn.Conv2d(c4, 3 * HEADS, 1)  # per pixel: distance width, lightness width, null score
        self.log_temperature = nn.Parameter(torch.full((HEADS,), math.log(4.0)))
        self.log_distance = nn.Parameter(torch.tensor([math.log(0.5 * (POSITION_UNIT / r) ** 2) for r in REACH_PX]))
        self.log_lightness = nn.Parameter(torch.tensor([math.log(0.5 / r**2) for r in LIGHTNESS_REACH]))
        self.null = nn.Parameter(torch.full((HEADS,), -2.0))
        self.coverage = nn.Parameter(torch.full((HEADS,), 0.5))
        # answer
        candidates = 5 * HEADS  # per head: ab, shifted ab, confidence
        hints = 3
        extras = candidates + hints + 4  # plus the guess and the reference's expectation
        self.global_hint = nn.Sequential(
            nn.Linear(REFERENCE_LENGTH, c16), nn.ReLU(inplace=True), nn.Linear(c16, 2 * c16)
        )
        self.enter16 = _conv(c16 + extras, c16)
        self.attend16 = nn.Sequential(_SelfAttention(c16), _SelfAttention(c16))
        self.body16 = _Residual(c16)
        self.enter8 = _conv(c8 + c8 + extras, c8)
        self.up8 = nn.Conv2d(c16, c8, 1)
        self.body8 = _Residual(c8)
        self.enter4 = _conv(c4 + c4 + extras, c4)
        self.up4 = nn.Conv2d(c8, c4, 1)
        self.body4 = _Residual(c4)
        self.mix4 = nn.Conv2d(c4, (2 * HEADS + 2) + 2, 1)
        self.distribution = nn.Sequential(nn.Conv2d(c4, 2 * c4, 1), nn.ReLU(inplace=True), nn.Conv2d(2 * c4, BINS, 1))
        self.enter2 = _conv(c2 + c2 + 2 + 2 + 3 + 1 + 16, c2)
        self.up2 = nn.Conv2d(c4, c2, 1)
        self.body2 = _Residual(c2)
        self.out2 = nn.Conv2d(c2, 2 * 4 + 4 + 2, 3, 1, 1)
        centres = torch.from_numpy(np.asarray(ab_bins.CENTRES, dtype=np.float32) / AB_SCALE)
        self.register_buffer("centres", centres, persistent=False)
        nn.init.zeros_(self.reach.weight)
        nn.init.zeros_(self.reach.bias)  # type: ignore[arg-type]
        for head in (self.mix4, self.out2):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]
        with torch.no_grad():  # the gates trust the heads a little and the guess by default; a hint's own pixels fully
            self.mix4.bias[2 * HEADS] = 1.0  # type: ignore[index]
            self.out2.bias[8:12] = 1.0  # type: ignore[index]

    def arguments(self) -> dict[str, float]:
        """What to call the class with to build the same network."""
        return {"width": self.width, "encoder_width": self.encoder_width}

    def prepare(self, lightness: Tensor) -> dict[str, Tensor]:
        """Everything that depends on the photo alone.

        Args:
            lightness: ``(B, 1, h, w)``, (L* - 50) / 100; h and w multiples of 32.

        Returns:
            trunk16, trunk8, trunk4, trunk2: feature maps at strides 16, 8, 4, 2;
            queries ``(B, HEADS, h/4 * w/4, EMBEDDING + 6)`` and embedding ``(B, HEADS * EMBEDDING, h/4, w/4)``;
            nulls ``(B, HEADS, h/4 * w/4, 1)``; guess_ab ``(B, 2, h/4, w/4)`` / 110;
            guess_logits ``(B, 313, h/8, w/8)``.
        """
        f2, f4, f8, f16, f32 = self.encoder(lightness)
        t16 = self.trunk16(F.relu(self.lateral16(f16) + _up(self.top32(f32))))
        t8 = self.trunk8(F.relu(self.lateral8(f8) + _up(self.narrow8(t16))))
        t4 = self.trunk4(F.relu(self.lateral4(f4) + _up(self.narrow4(t8))))
        t2 = self.trunk2(torch.cat([f2, F.pixel_unshuffle(lightness, 2)], 1)) + _up(self.narrow2(t4))
        batch, _, height, width = t4.shape
        embedding = self.embed(torch.cat([t4, _up(self.embed8(t8))], 1))
        embedding = embedding.reshape(batch, HEADS, EMBEDDING, height, width)
        embedding = F.normalize(embedding, dim=2)
        reach = self.reach(t4).reshape(batch, 3, HEADS, height * width)
        distance = (self.log_distance[None, :, None] + reach[:, 0].clamp(-4, 4)).exp()
        contrast = (self.log_lightness[None, :, None] + reach[:, 1].clamp(-4, 4)).exp()
        nulls = (self.null[None, :, None] + reach[:, 2])[..., None]
        light4 = _down(lightness, 4).flatten(2)
        place = positions(height, width, 4, t4).flatten(1)[None, None].expand(batch, HEADS, -1, -1)
        similarity = embedding.flatten(3) * self.log_temperature.exp()[None, :, None, None]
        queries = torch.cat(
            [
                similarity,
                2 * distance[:, :, None] * place,
                -distance[:, :, None],
                2 * contrast[:, :, None] * light4[:, None],
                -contrast[:, :, None],
                # the terms in the query alone, so that the null token competes with true distances
                -(distance * place.square().sum(2) + contrast * light4.square())[:, :, None],
            ],
            2,
        ).transpose(2, 3)
        return {
            "trunk16": t16,
            "trunk8": t8,
            "trunk4": t4,
            "trunk2": t2,
            "queries": queries,
            "nulls": nulls,
            "embedding": embedding.flatten(1, 2),
            "guess_ab": self.guess4(t4),
            "guess_logits": self.guess8(t8),
        }

    def _tokens(
        self, lightness: Tensor, features: dict[str, Tensor], ab: Tensor, mask: Tensor, cells: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Pool the hints into tokens.

        Returns:
            keys ``(B, HEADS, n, EMBEDDING + 6)``, biases ``(B, HEADS, 1, n)``, values ``(B, 1, n, 4)``.
        """
        batch, _, height, width = mask.shape
        place = positions(height, width, 1, mask)[None]
        planes = torch.cat([ab, lightness * mask, place * mask, mask], 1)
        pooled = _down(planes, CELL)
        mask4 = _down(mask, 4)
        embedding = _down(features["embedding"] * mask4, CELL // 4)
        change = _down((_down(ab, 4) - features["guess_ab"] * mask4), CELL // 4)
        pooled = torch.cat([pooled, change, embedding], 1).flatten(2)
        if cells is not None:  # export: one photo, and the occupied cells are known
            pooled = pooled.index_select(2, cells)
        else:  # training: as many tokens as the fullest picture of the batch needs
            most = int((pooled[:, 5] > 0).sum(1).max().clamp(min=1))
            order = pooled[:, 5].argsort(1, descending=True)[:, :most]
            pooled = pooled.gather(2, order[:, None].expand(-1, pooled.shape[1], -1))
        weight = pooled[:, 5:6]
        mean = pooled / weight.clamp(min=1e-6)
        values = torch.cat([mean[:, :2], mean[:, 6:8]], 1).transpose(1, 2)[:, None]
        light = mean[:, 2:3]
        centre = mean[:, 3:5]
        embedding = mean[:, 8:].reshape(batch, HEADS, EMBEDDING, -1)
        shared = torch.cat(
            [centre, centre.square().sum(1, keepdim=True), light, light.square(), torch.ones_like(light)], 1
        )
        keys = torch.cat([embedding, shared[:, None].expand(-1, HEADS, -1, -1)], 2).transpose(2, 3)
        present = weight > 0
        bias = self.coverage[None, :, None, None] * weight.clamp(min=1e-4).log()[:, None]
        bias = bias.masked_fill(~present[:, None], -1e4)
        return keys, bias, values

    def _propagate(
        self, lightness: Tensor, features: dict[str, Tensor], ab: Tensor, mask: Tensor, cells: Tensor | None
    ) -> Tensor:
        """Candidates of the explicit propagation: ``(B, 5 * HEADS, h/4, w/4)``.

        Per head the hints' colour, the guess shifted as the hints differ from the guess, and the confidence.
        """
        keys, bias, values = self._tokens(lightness, features, ab, mask, cells)
        scores = features["queries"] @ keys.transpose(2, 3) + bias
        null = features["nulls"]
        weights = torch.cat([null, scores], 3).softmax(3)[..., 1:]
        confidence = weights.sum(3, keepdim=True)
        found = (weights @ values) / (confidence + 1e-3)
        batch, _, height, width = features["guess_ab"].shape
        found = found.transpose(2, 3).reshape(batch, HEADS, 4, height, width)
        sure = confidence.transpose(2, 3).reshape(batch, HEADS, 1, height, width)
        guess = features["guess_ab"][:, None]
        shifted = guess + found[:, :, 2:]
        return torch.cat([found[:, :, :2], shifted, sure], 2).flatten(1, 2)

    def _with_reference(self, features: dict[str, Tensor], reference: Tensor) -> Tensor:
        """Expected ab of the guess after its histogram met the reference's: ``(B, 2, h/4, w/4)``."""
        p = features["guess_logits"].softmax(1)
        present = reference[:, BINS : BINS + 1]
        wanted = reference[:, :BINS] * present + p.mean((2, 3)) * (1 - present)
        wanted = wanted + 1e-5
        for _ in range(SINKHORN_STEPS):
            ratio = wanted / (p.mean((2, 3)) + 1e-5)
            p = p * ratio[:, :, None, None]
            p = p / p.sum(1, keepdim=True)
        batch, _, height, width = p.shape
        expected = self.centres.transpose(0, 1) @ p.flatten(2)
        return _up(expected.reshape(batch, 2, height, width))

    def answer(
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
            ab ``(B, 2, h, w)`` / 110 and logits ``(B, 313, h/4, w/4)``.
        """
        batch = lightness.shape[0]
        if reference is None:
            reference = lightness.new_zeros(batch, REFERENCE_LENGTH)
        guess = features["guess_ab"]
        found = self._propagate(lightness, features, hint_ab, hint_mask, cells)
        steered = self._with_reference(features, reference)
        hints1 = torch.cat([hint_ab, hint_mask], 1)
        hints2 = _down(hints1, 2)
        hints4 = _down(hints2, 2)
        extras4 = torch.cat([found, hints4, guess, steered], 1)
        extras8 = _down(extras4, 2)
        extras16 = _down(extras8, 2)
        scale, shift = self.global_hint(reference)[:, :, None, None].chunk(2, 1)
        x = self.enter16(torch.cat([features["trunk16"], extras16], 1))
        x = self.attend16(x * (1 + scale) + shift)
        x = self.body16(x)
        x = self.enter8(torch.cat([features["trunk8"], _up(self.up8(x)), extras8], 1))
        x = self.body8(x)
        x = self.enter4(torch.cat([features["trunk4"], _up(self.up4(x)), extras4], 1))
        x = self.body4(x)
        logits = self.distribution(x.detach())
        mix = self.mix4(x)
        height, width = x.shape[2:]
        colours = found.reshape(batch, HEADS, 5, height, width)
        choices = torch.cat(
            [colours[:, :, :4].reshape(batch, 2 * HEADS, 2, height, width), guess[:, None], steered[:, None]], 1
        )
        gates = mix[:, : 2 * HEADS + 2].softmax(1)
        ab4 = (gates[:, :, None] * choices).sum(1) + mix[:, 2 * HEADS + 2 :]
        ab2 = _up(ab4)
        local = hints2[:, :2] / hints2[:, 2:].clamp(min=0.25)
        blocks = torch.cat([F.pixel_unshuffle(lightness, 2), F.pixel_unshuffle(hints1, 2)], 1)
        sure = _up(colours[:, :, 4].amax(1, keepdim=True))
        y = torch.cat([features["trunk2"], _up(self.up2(x)), ab2, local, hints2, sure, blocks], 1)
        y = self.body2(self.enter2(y))
        last = self.out2(y)
        base = ab2 + last[:, 12:14]
        full = _up(base) + F.pixel_shuffle(last[:, :8], 2)
        if self.vividness != 1:
            unsteered = 1 - reference[:, BINS::2].amax(1)[:, None, None, None]
            full = full * (1 + (self.vividness - 1) * unsteered * (1 - _up(sure)))
        keep = torch.sigmoid(F.pixel_shuffle(last[:, 8:12], 2)) * hint_mask
        return full + keep * (hint_ab - full), logits

    def forward(
        self, lightness: Tensor, hint_ab: Tensor, hint_mask: Tensor, reference: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """``prepare`` and ``answer`` in one."""
        return self.answer(lightness, self.prepare(lightness), hint_ab, hint_mask, reference)
