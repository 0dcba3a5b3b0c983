"""Building blocks of hintprop."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions, or only one, with a shortcut."""

    def __init__(self, channels: int, short: bool = False) -> None:
        super().__init__()
        self.first = nn.Identity() if short else conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, channels, h, w)`` to the same shape."""
        result: Tensor = F.relu(x + self.second(self.first(x)))
        return result


class JointConv(nn.Module):
    """One convolution over features of the photo (1x1) and of the hints (3x3), batch normalisation, ReLU.

    It is computed as a sum: the photo's share once per photo (:meth:`photo`), the others' at every answer.

    Args:
        photo: channels of the photo's features.
        others: channels of each further input.
        outputs: channels of the result.
    """

    def __init__(self, photo: int, others: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.photo_conv = nn.Conv2d(photo, outputs, 1, bias=False)
        self.other_convs = nn.ModuleList(nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False) for inputs in others)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def photo(self, x: Tensor) -> Tensor:
        """The photo's share: ``(B, photo, h, w)`` to ``(B, outputs, h, w)``."""
        result: Tensor = self.photo_conv(x)
        return result

    def forward(self, share: Tensor, *others: Tensor) -> Tensor:
        """The photo's share and the other inputs to ``(B, outputs, h, w)``."""
        total = share
        for layer, x in zip(self.other_convs, others, strict=True):
            total = total + layer(x)
        return F.relu(self.norm(total))

    @torch.no_grad()
    def settle(self) -> None:
        """Make the normalisation a part of the weights, for a network that learns no more (export)."""
        norm = self.norm
        if not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None or norm.running_var is None:
            return
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        for layer in (self.photo_conv, *self.other_convs):
            layer.weight *= scale[:, None, None, None]
        self.photo_conv.bias = nn.Parameter(norm.bias - norm.running_mean * scale)
        self.norm = nn.Identity()


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


def blocks(x: Tensor) -> Tensor:
    """2x2 blocks of pixels as channels, ``(B, C, h, w)`` to ``(B, 4 C, h/2, w/2)``, by a convolution.

    The same as ``pixel_unshuffle``, which runs slowly in ONNX Runtime.
    """
    channels = x.shape[1]
    picks = np.eye(4 * channels, dtype=np.float32).reshape(4 * channels, channels, 2, 2)
    return F.conv2d(x, torch.from_numpy(picks).to(x), stride=2)


def gates(x: Tensor) -> Tensor:
    """Softmax over few channels (ONNX Runtime's own transposes the planes for it)."""
    weights = (x - x.amax(1, keepdim=True)).exp()
    return weights / weights.sum(1, keepdim=True)


def short_side(height: int, width: int, like: Tensor) -> Tensor:
    """The smaller of two sides as a tensor, which an exported graph works out anew for every photo."""
    sides = [torch.arange(side, device=like.device, dtype=torch.float32)[-1] + 1 for side in (height, width)]
    return torch.minimum(*sides)


def usual_size(lightness: Tensor, usual: int, multiple: int = 32) -> tuple[Tensor | int, Tensor | int]:
    """The size ``(h, w)``, in multiples, at which a photo's short side is ``usual`` pixels, or its own if that is less.

    Tensors while a graph is exported, which works them out anew for every photo.
    """
    height, width = lightness.shape[2], lightness.shape[3]  # a slice would be constant in an exported graph
    share = (usual / short_side(height, width, lightness)).clamp(max=1)
    sides = [torch.arange(side, device=lightness.device, dtype=torch.float32)[-1] + 1 for side in (height, width)]
    chosen = [((side * share / multiple + 0.5).floor().clamp(min=1) * multiple).to(torch.int64) for side in sides]
    if torch.onnx.is_in_onnx_export():
        return chosen[0], chosen[1]
    return int(chosen[0]), int(chosen[1])


def shrunk(lightness: Tensor, usual: int) -> Tensor:
    """A photo's lightness at :func:`usual_size`, averaged before it is resized where it would lose much."""
    size = usual_size(lightness, usual)
    if not torch.onnx.is_in_onnx_export() and size == tuple(lightness.shape[2:]):
        return lightness
    share = usual / short_side(lightness.shape[2], lightness.shape[3], lightness)
    half, quarter = down(lightness, 2), down(lightness, 4)
    fine, middle, coarse = (resized(plane, size) for plane in (lightness, half, quarter))
    return torch.where(share > 0.7, fine, torch.where(share > 0.35, middle, coarse))


def resized(x: Tensor, size: tuple[Tensor | int, Tensor | int]) -> Tensor:
    """Resize bilinearly; what has the size already stays as it is."""
    if not torch.onnx.is_in_onnx_export() and size == tuple(x.shape[2:]):
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)  # type: ignore[arg-type]


def positions(height: int, width: int, like: Tensor) -> Tensor:
    """Pixel centres of a ``height`` x ``width`` map in quarters of its short side: ``(2, height, width)``, y and x.

    Relative, so that a photo means the same at every network size, and maps of every stride agree.
    """
    y = torch.arange(height, device=like.device, dtype=torch.float32) + 0.5
    x = torch.arange(width, device=like.device, dtype=torch.float32) + 0.5
    unit = 4 / short_side(height, width, like)
    return torch.stack([(y * unit)[:, None].expand(height, width), (x * unit)[None, :].expand(height, width)])


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


def meet(p: Tensor, wanted: Tensor, centres: Tensor, steps: int) -> Tensor:
    """Expected colours after the distributions, together, have met a histogram.

    Sinkhorn's steps scale the bins and the pixels in turn; the probabilities themselves are never copied.

    Args:
        p: ``(B, n, bins)``, a distribution for each of n pixels.
        wanted: ``(B, bins)``, the histogram.
        centres: ``(bins, 2)``, the bins' colours.
        steps: how often the bins are scaled.

    Returns:
        ``(B, n, 2)``.
    """
    wanted = wanted + 1e-5
    per_bin = wanted / (p.mean(1) + 1e-5)
    for _ in range(steps - 1):
        per_pixel = 1 / (p @ per_bin[:, :, None])
        mass = per_bin * (p.transpose(1, 2) @ per_pixel)[:, :, 0] / p.shape[1]
        per_bin = per_bin * wanted / (mass + 1e-5)
    sums = p @ torch.cat([per_bin[:, :, None], per_bin[:, :, None] * centres], 2)
    return sums[:, :, 1:] / sums[:, :, :1]
