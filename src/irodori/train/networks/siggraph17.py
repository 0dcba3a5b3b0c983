"""The network of "Real-Time User-Guided Image Colorization with Learned Deep Priors" (Zhang et al., SIGGRAPH 2017).

The interface that every network here follows
---------------------------------------------
``prepare(lightness) -> features``
    What can be computed without hints, once per photo: a dict of named tensors (here: nothing, ``{}``).
``answer(lightness, features, hint_ab, hint_mask, reference) -> (ab, logits)``
    What must be computed for every change of the hints.
``forward(lightness, hint_ab, hint_mask, reference=None) -> (ab, logits)``
    Both in one go, for training.

=============  ====================  ==========================================================
tensor         shape                 meaning
=============  ====================  ==========================================================
lightness      (B, 1, h, w)          (L* - 50) / 100
hint_ab        (B, 2, h, w)          a*, b* of the hints / 110, zero where there is no hint
hint_mask      (B, 1, h, w)          1 where there is a hint, else 0
reference      (B, 316) or None      global hint (``irodori.hints.reference.vector``); zeros: none
ab             (B, 2, h, w)          predicted a*, b* / 110 (tanh)
logits         (B, 313, h/4, w/4)    logits over the 313 ab bins
=============  ====================  ==========================================================

h and w are multiples of 8 (the program pads to 32). While it is trained on colours, the distribution's loss sends no
gradient into the trunk.

The trunk and the 529-bin head carry the tensor names and shapes of the public PyTorch network, so its state dict loads
strictly. The public files have neither the paper's hypercolumn head nor its global hints; those two are added under
names of their own.
"""

from __future__ import annotations

import itertools
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from irodori.color import ab_bins
from irodori.errors import ModelError, SettingsError
from irodori.model import contract

Head = Literal["released529", "hypercolumn313"]
"""``released529``: 1x1 convolution of conv8 to a full 23 x 23 ab grid; ``hypercolumn313``: the paper's head."""
GridOrder = Literal["a-major", "b-major"]
"""Whether neighbours in the 529-bin head's output differ in b (``a-major``) or in a (``b-major``)."""
Lesson = Literal["ab", "bins"]
"""Whose loss trains the trunk: the colours' (the default) or the distribution's (first stage of the public recipe)."""

GRID_SIDE = 23
"""The released head's grid: a and b each from -110 to 110 in steps of 10."""
GRID_STEP = 10
GRID_END = 110
HYPERCOLUMN_WIDTH = 256
GLOBAL_WIDTH = 512


def bins_in_grid(order: GridOrder = "a-major") -> Tensor:
    """Where the 313 bins lie in the 23 x 23 grid of the released head.

    The colour logits of the 313 bins are those of the grid at these places: leaving the other 216 out before the
    softmax is the same as dropping their probability and renormalising the rest.

    Args:
        order: which of a and b varies more slowly along the head's 529 outputs.

    Returns:
        ``(313,)`` int64, in the order of ``irodori.color.ab_bins.CENTRES``.
    """
    steps = torch.tensor(ab_bins.CENTRES, dtype=torch.float64).add(GRID_END).div(GRID_STEP).round().long()
    slow, fast = (steps[:, 0], steps[:, 1]) if order == "a-major" else (steps[:, 1], steps[:, 0])
    return slow * GRID_SIDE + fast


def _block(channels: list[int], dilation: int = 1, relu_first: bool = False) -> nn.Sequential:
    """3x3 convolutions with ReLU after each and one BatchNorm at the end (``channels``: in, out, out, ...)."""
    layers: list[nn.Module] = [nn.ReLU()] if relu_first else []
    for wide_in, wide_out in itertools.pairwise(channels):
        layers += [nn.Conv2d(wide_in, wide_out, 3, padding=dilation, dilation=dilation), nn.ReLU()]
    return nn.Sequential(*layers, nn.BatchNorm2d(channels[-1]))


def _up(wide_in: int, wide_out: int) -> nn.Sequential:
    """Twice the size by a 4x4 transposed convolution with stride 2."""
    return nn.Sequential(nn.ConvTranspose2d(wide_in, wide_out, 4, stride=2, padding=1))


def _conv(wide_in: int, wide_out: int, side: int) -> nn.Sequential:
    """One convolution that keeps the size, under the name ``….0`` that the public network gives it."""
    return nn.Sequential(nn.Conv2d(wide_in, wide_out, side, padding=side // 2))


class Hypercolumn(nn.Module):
    """The paper's distribution head: conv3..conv8 of every place, stacked, then a classifier of two 1x1 layers.

    The first 1x1 layer is linear, so each block goes through its own share of it, blocks of 1/8 size are added up
    before they are enlarged, and nothing has to be stacked.
    """

    def __init__(self) -> None:
        """Widths 256, 512, 512, 512, 512, 256 (conv3 to conv8) -> 256 -> 313."""
        super().__init__()
        widths = {"conv3": 256, "conv4": 512, "conv5": 512, "conv6": 512, "conv7": 512, "conv8": 256}
        self.shares = nn.ModuleDict({name: nn.Conv2d(width, HYPERCOLUMN_WIDTH, 1) for name, width in widths.items()})
        self.out = nn.Conv2d(HYPERCOLUMN_WIDTH, contract.BINS, 1)

    def forward(self, blocks: dict[str, Tensor]) -> Tensor:
        """Logits (B, 313, h/4, w/4) from the named blocks.

        ``blocks``: conv3 and conv8 (B, 256, h/4, w/4), conv4 to conv7 (B, 512, h/8, w/8).
        """
        coarse = sum(self.shares[name](blocks[name]) for name in ("conv4", "conv5", "conv6", "conv7"))
        fine = self.shares["conv3"](blocks["conv3"]) + self.shares["conv8"](blocks["conv8"])
        column = fine + functional.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        logits: Tensor = self.out(functional.relu(column))
        return logits


class Siggraph17(nn.Module):
    """The paper's network; see the module's text for its interface.

    ``Siggraph17()`` has exactly the 107 tensors of the public PyTorch network. The paper's full network is
    ``Siggraph17(head="hypercolumn313", global_hints=True)``.
    """

    name = "siggraph17"
    needs_hint_cells = False

    def __init__(
        self,
        head: Head = "released529",
        global_hints: bool = False,
        mask_centre: float = 0.0,
        grid_order: GridOrder = "a-major",
    ) -> None:
        """Make an untrained network.

        Args:
            head: which distribution head it has.
            global_hints: whether it has the branch for a reference (316 numbers).
            mask_centre: taken off the hint mask before the first layer; 0.5 for ``latest_net_G.pth``, whose mask is
                -0.5 or 0.5. It is taken off the plane and not put into the bias, because the border is padded with
                zeros after it: at the border such a network sees 0, halfway between "hint" and "no hint".
            grid_order: order of the 529 bins; without effect for the other head.

        Raises:
            SettingsError: for an unknown head or order.
        """
        super().__init__()
        if head not in get_args(Head):
            raise SettingsError(f"head: expected one of {', '.join(get_args(Head))}, got {head!r}")
        if grid_order not in get_args(GridOrder):
            raise SettingsError(f"grid_order: expected one of {', '.join(get_args(GridOrder))}, got {grid_order!r}")
        self.head: Head = head
        self.mask_centre = float(mask_centre)
        self.grid_order: GridOrder = grid_order
        self.trunk_learns_from: Lesson = "ab"

        self.model1 = _block([4, 64, 64])
        self.model2 = _block([64, 128, 128])
        self.model3 = _block([128, 256, 256, 256])
        self.model4 = _block([256, 512, 512, 512])
        self.model5 = _block([512, 512, 512, 512], dilation=2)
        self.model6 = _block([512, 512, 512, 512], dilation=2)
        self.model7 = _block([512, 512, 512, 512])
        self.model8up = _up(512, 256)
        self.model8 = _block([256, 256, 256], relu_first=True)
        self.model9up = _up(256, 128)
        self.model9 = _block([128, 128], relu_first=True)
        self.model10up = _up(128, 128)
        self.model10 = nn.Sequential(nn.ReLU(), nn.Conv2d(128, 128, 3, padding=1), nn.LeakyReLU(0.2))
        self.model3short8 = _conv(256, 256, 3)
        self.model2short9 = _conv(128, 128, 3)
        self.model1short10 = _conv(64, 128, 3)
        self.model_out = nn.Sequential(nn.Conv2d(128, 2, 1), nn.Tanh())
        self.model_class = _conv(256, GRID_SIDE**2, 1) if head == "released529" else None
        self.hypercolumn = Hypercolumn() if head == "hypercolumn313" else None
        self.global_hints = _global_branch() if global_hints else None
        self.register_buffer("grid_places", bins_in_grid(grid_order), persistent=False)
        _initialise(self)

    @property
    def accepts_reference(self) -> bool:
        """Whether the network has the global hints branch."""
        return self.global_hints is not None

    def arguments(self) -> dict[str, Any]:
        """What the constructor needs to make this network again (JSON values)."""
        return {
            "head": self.head,
            "global_hints": self.accepts_reference,
            "mask_centre": self.mask_centre,
            "grid_order": self.grid_order,
        }

    def set_grid_order(self, order: GridOrder) -> None:
        """Read the 529-bin head in the other order from now on."""
        self.grid_order = order
        self.get_buffer("grid_places").copy_(bins_in_grid(order))

    def prepare(self, lightness: Tensor) -> dict[str, Tensor]:
        """Nothing: the hints enter this network in its first layer."""
        del lightness
        return {}

    def answer(
        self,
        lightness: Tensor,
        features: dict[str, Tensor],
        hint_ab: Tensor,
        hint_mask: Tensor,
        reference: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Colours and distribution for these hints; shapes and units in the module's text.

        Raises:
            ModelError: for a reference when the network has no global hints branch.
        """
        del features
        learn_ab = self.trunk_learns_from == "ab"
        conv1 = self.model1(torch.cat((lightness, hint_ab, hint_mask - self.mask_centre), dim=1))
        conv2 = self.model2(conv1[:, :, ::2, ::2])
        conv3 = self.model3(conv2[:, :, ::2, ::2])
        conv4 = self.model4(conv3[:, :, ::2, ::2])
        if self.global_hints is not None and reference is not None:
            conv4 = conv4 + self.global_hints(reference[:, :, None, None])
        elif reference is not None:
            raise ModelError("this siggraph17 has no global hints branch, so it accepts no reference")
        conv5 = self.model5(conv4)
        conv6 = self.model6(conv5)
        conv7 = self.model7(conv6)
        conv8 = self.model8(self.model8up(conv7) + self.model3short8(conv3))

        blocks = {"conv3": conv3, "conv4": conv4, "conv5": conv5, "conv6": conv6, "conv7": conv7, "conv8": conv8}
        logits = self._logits({name: block.detach() for name, block in blocks.items()} if learn_ab else blocks)
        if not learn_ab:
            conv1, conv2, conv8 = conv1.detach(), conv2.detach(), conv8.detach()
        conv9 = self.model9(self.model9up(conv8) + self.model2short9(conv2))
        conv10 = self.model10(self.model10up(conv9) + self.model1short10(conv1))
        return self.model_out(conv10), logits

    def _logits(self, blocks: dict[str, Tensor]) -> Tensor:
        """Logits over the 313 bins, (B, 313, h/4, w/4), from whichever head there is."""
        if self.hypercolumn is not None:
            column: Tensor = self.hypercolumn(blocks)
            return column
        assert self.model_class is not None
        grid: Tensor = self.model_class(blocks["conv8"])
        return grid.index_select(1, self.get_buffer("grid_places"))

    def forward(
        self, lightness: Tensor, hint_ab: Tensor, hint_mask: Tensor, reference: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """``prepare`` and ``answer`` in one go."""
        return self.answer(lightness, self.prepare(lightness), hint_ab, hint_mask, reference)


def _global_branch() -> nn.Sequential:
    """Four 1x1 convolutions from the 316 numbers of a reference to what is added to conv4, (B, 512, 1, 1)."""
    widths = [contract.REFERENCE_LENGTH] + [GLOBAL_WIDTH] * 4
    layers: list[nn.Module] = []
    for wide_in, wide_out in itertools.pairwise(widths):
        layers += [nn.Conv2d(wide_in, wide_out, 1), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _initialise(network: Siggraph17) -> None:
    """Kaiming initialisation; the outputs start near zero, and the global branch adds nothing at first."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        elif isinstance(layer, nn.ConvTranspose2d):  # 4 of the 16 taps meet in a pixel; a shortcut is added to it
            nn.init.normal_(layer.weight, std=(4 * layer.in_channels) ** -0.5)
        else:
            continue
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
    for name, parameter in network.named_parameters():
        if name in ("model_out.0.weight", "model_class.0.weight", "hypercolumn.out.weight"):
            nn.init.xavier_normal_(parameter)
    if network.global_hints is not None:
        nn.init.zeros_(network.get_parameter("global_hints.6.weight"))
