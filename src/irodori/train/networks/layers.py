"""Building blocks of hintprop."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from irodori.model.contract import looked_at_size


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions with a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, channels, h, w)`` to the same shape."""
        result: Tensor = F.relu(x + self.second(self.first(x)))
        return result


class Separable(nn.Module):
    """A depthwise 5x5 and a 1x1 convolution with a shortcut, which is all there is before it learns."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.wide = nn.Sequential(
            nn.Conv2d(channels, channels, 5, 1, 2, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
        self.mix = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        nn.init.zeros_(self.mix[1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """``(B, channels, h, w)`` to the same shape."""
        result: Tensor = F.relu(x + self.mix(self.wide(x)))
        return result


class JointConv(nn.Module):
    """A convolution over features of the photo (1x1), of the hints (3x3) and of the next coarser scale (1x1, enlarged),
    batch normalisation, ReLU.

    It is computed as a sum: the photo's share once per photo (:meth:`photo`), the others' at every answer, the coarser
    scale's before it is enlarged.

    Args:
        photo: channels of the photo's features.
        hints: channels of what tells of the hints.
        outputs: channels of the result.
        below: channels of the coarser scale's features, 0 for none.
    """

    def __init__(self, photo: int, hints: int, outputs: int, below: int = 0) -> None:
        super().__init__()
        self.photo_conv = nn.Conv2d(photo, outputs, 1, bias=False)
        self.hints_conv = nn.Conv2d(hints, outputs, 3, 1, 1, bias=False)
        self.below_conv = nn.Conv2d(below, outputs, 1, bias=False) if below else None
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.entrance: nn.Module = nn.Identity()

    def photo(self, x: Tensor) -> Tensor:
        """The photo's share: ``(B, photo, h, w)`` to ``(B, outputs, h, w)``."""
        result: Tensor = self.photo_conv(x)
        return result

    def forward(
        self, share: Tensor | None, told: Tensor, below: Tensor | None = None, share_below: Tensor | None = None
    ) -> Tensor:
        """All of them to ``(B, outputs, h, w)``.

        Args:
            share: the photo's, ``(B, outputs, h, w)``; None where ``told`` has it.
            told: the hints', of :attr:`hints_conv`.
            below: ``(B, below, h/2, w/2)``.
            share_below: a part of the photo's share that comes from the coarser scale too, ``(B, outputs, h/2, w/2)``.
        """
        total = told if share is None else self.entrance(share) + told
        if self.below_conv is not None and below is not None:
            coarse = self.below_conv(below)
            total = total + up(coarse if share_below is None else self.entrance(share_below) + coarse)
        result: Tensor = F.relu(self.norm(total))
        return result

    @torch.no_grad()
    def settle(self) -> None:
        """Make the normalisation a part of the weights, for a network that learns no more (export).

        The photo's share then passes through a convolution that changes nothing: ONNX Runtime keeps what comes out of
        convolutions in its own layout and lets further convolutions add to it.
        """
        norm = self.norm
        if not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None or norm.running_var is None:
            return
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        for layer in (self.photo_conv, self.hints_conv, self.below_conv):
            if layer is not None:
                layer.weight *= scale[:, None, None, None]
        self.photo_conv.bias = nn.Parameter(norm.bias - norm.running_mean * scale)
        self.norm = nn.Identity()
        channels = self.photo_conv.out_channels
        self.entrance = nn.Conv2d(channels, channels, 1, groups=channels, bias=False)
        nn.init.ones_(self.entrance.weight)


class SelfAttention(nn.Module):
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
        """``(B, channels, h, w)`` to the same shape."""
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


def up(x: Tensor, factor: int = 2) -> Tensor:
    """Enlarge bilinearly by a whole factor."""
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def down(x: Tensor, factor: int) -> Tensor:
    """Shrink by a whole factor, averaging."""
    return F.avg_pool2d(x, factor)


def pick(x: Tensor, places: Tensor) -> Tensor:
    """``(B, C, n)`` at the places ``(B, m)``: ``(B, C, m)``."""
    if places.shape[0] == 1:
        return x.index_select(2, places[0])
    return x.gather(2, places[:, None].expand(-1, x.shape[1], -1))


def rows(x: Tensor, places: Tensor) -> Tensor:
    """``(B, n, C)`` at the places ``(B, m)``: ``(B, m, C)``."""
    if places.shape[0] == 1:
        return x.index_select(1, places[0])
    return x.gather(1, places[:, :, None].expand(-1, -1, x.shape[2]))


def conv_with_blocks(weight: Tensor, planes: Tensor, fine: Tensor) -> Tensor:
    """A 3x3 convolution over planes and over the 2x2 blocks of finer ones.

    It never makes the blocks: it is the sum of a convolution of the planes and one of the finer planes with stride 2.

    Args:
        weight: ``(outputs, C + 4 D, 3, 3)``; the blocks' channels in the order of ``pixel_unshuffle``.
        planes: ``(B, C, h, w)``.
        fine: ``(B, D, 2 h, 2 w)``.

    Returns:
        ``(B, outputs, h, w)``.
    """
    outputs, channels = weight.shape[0], weight.shape[1] - 4 * int(fine.shape[1])
    of_blocks = weight[:, channels:].reshape(outputs, -1, 2, 2, 3, 3)
    of_fine = of_blocks.permute(0, 1, 4, 2, 5, 3).reshape(outputs, -1, 6, 6)
    return F.conv2d(planes, weight[:, :channels], padding=1) + F.conv2d(fine, of_fine, stride=2, padding=2)


def merged(first: nn.Conv2d, weight: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Weight and bias of the one 1x1 convolution that is ``first`` and then another.

    Args:
        first: a 1x1 convolution with a bias, ``(M, C, 1, 1)``.
        weight: of the second, ``(N, M, 1, 1)``.
        bias: of the second, ``(N,)``, or None.

    Returns:
        ``(N, C, 1, 1)`` and ``(N,)``.
    """
    later = weight.flatten(1)
    shift = later @ cast("Tensor", first.bias)
    both = later @ first.weight.flatten(1)
    return both[:, :, None, None], shift if bias is None else shift + bias


def gates(x: Tensor) -> Tensor:
    """Softmax over few channels (ONNX Runtime's own transposes the planes for it)."""
    weights = (x - x.amax(1, keepdim=True)).exp()
    return weights / weights.sum(1, keepdim=True)


def short_side(height: int, width: int, like: Tensor) -> Tensor:
    """The smaller of two sides as a tensor, which an exported graph works out anew for every photo."""
    sides = [torch.arange(side, device=like.device, dtype=torch.float32)[-1] + 1 for side in (height, width)]
    return torch.minimum(*sides)


def shrunk(lightness: Tensor, side: int) -> Tensor:
    """A photo's lightness at :func:`~irodori.model.contract.looked_at_size`."""
    size = looked_at_size(lightness.shape[2], lightness.shape[3], side)
    if size == tuple(lightness.shape[2:]):
        return lightness
    return F.interpolate(lightness, size=size, mode="bilinear", align_corners=False, antialias=True)


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize bilinearly."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def positions(height: int, width: int, like: Tensor) -> Tensor:
    """Pixel centres of a ``height`` x ``width`` map in quarters of its short side: ``(2, height, width)``, y and x.

    Relative, so that a photo means the same at every network size, and maps of every stride agree.
    """
    y = torch.arange(height, device=like.device, dtype=torch.float32) + 0.5
    x = torch.arange(width, device=like.device, dtype=torch.float32) + 0.5
    unit = 4 / short_side(height, width, like)
    return torch.stack([(y * unit)[:, None].expand(height, width), (x * unit)[None, :].expand(height, width)])


def ground(light4: Tensor) -> Tensor:
    """What distances between the pixels and anything else are made of, as products of matrices: ``(B, 6, h * w)``.

    The rows: y and x as of :func:`positions`, 1, the lightness, y² + x², the lightness squared.

    Args:
        light4: ``(B, 1, h, w)``.
    """
    one = torch.ones_like(light4)
    place = torch.cat([one.cumsum(2), one.cumsum(3)], 1)
    side = place[:, :, -1:, -1:].amin(1, keepdim=True)
    place = (place - 0.5) * (4 / side)
    planes = [place, one, light4, place.square().sum(1, keepdim=True), light4.square()]
    return torch.cat(planes, 1).reshape(len(light4), 6, -1)


def single(x: Tensor) -> Tensor:
    """In single precision; without a trace in an exported graph where it is already."""
    return x if x.dtype == torch.float32 else x.float()


def keep_hints(full: Tensor, hint_ab: Tensor, mask: Tensor, keeping: Tensor, evenness: Tensor) -> Tensor:
    """Bring the colours under the hints to the hints', as far as ``keeping`` says.

    Where evenness is low every pixel takes the hint's colour; where it is high only their mean does (over about 6
    pixels), and the detail inside the hint stays.
    """
    missing = mask * (hint_ab - full)
    spread = F.avg_pool2d(down(torch.cat([missing, mask], 1), 2), 3, 1, 1)
    even = F.interpolate(spread[:, :2] / (spread[:, 2:] + 1e-3), scale_factor=2.0, mode="nearest")
    evenness = F.interpolate(evenness.sigmoid(), scale_factor=2.0, mode="nearest")
    keep = torch.sigmoid(F.pixel_shuffle(keeping, 2)) * mask
    return full + keep * (missing + evenness * (even - missing))


def meet(p: Tensor, mean: Tensor, wanted: Tensor, centres: Tensor, steps: int) -> Tensor:
    """Expected colours after the distributions, together, have met a histogram.

    Sinkhorn's steps scale the bins and the pixels in turn; the probabilities themselves are never copied.

    Args:
        p: ``(B, n, bins)``, a distribution for each of n pixels.
        mean: ``(B, bins)``, their mean.
        wanted: ``(B, bins)``, the histogram.
        centres: ``(bins, 2)``, the bins' colours.
        steps: how often the bins are scaled.

    Returns:
        ``(B, n, 2)``.
    """
    wanted = wanted + 1e-5
    per_bin = wanted / (mean + 1e-5)
    for _ in range(steps - 1):
        per_pixel = 1 / (p @ per_bin[:, :, None])
        mass = per_bin * (p.transpose(1, 2) @ per_pixel)[:, :, 0] / p.shape[1]
        per_bin = per_bin * wanted / (mass + 1e-5)
    sums = p @ torch.cat([per_bin[:, :, None], per_bin[:, :, None] * centres], 2)
    return sums[:, :, 1:] / sums[:, :, :1]
