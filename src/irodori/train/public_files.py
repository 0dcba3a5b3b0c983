"""Which weights of the paper's network are public: where they come from, their licence, size and conventions.

Three files hold a state dict of the same PyTorch network, with the same keys. All want (L - 50) / 100 and ab / 110,
and answer in units of 110; they differ in what the hint mask looks like. No torch is needed to read this page.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublicFile:
    """One of the public weights files.

    Attributes:
        kind: the word for it on the command line.
        name: the name that the model gets when none is given.
        file: its usual file name.
        source: the repository that publishes it.
        download: the address from which that repository's own scripts fetch it.
        licence: the repository's.
        megabytes: its size, about (34.2 million parameters of four bytes).
        mask_centre: what its network expects to be taken off a 0/1 hint mask.
        about: a few words on what it is.
    """

    kind: str
    name: str
    file: str
    source: str
    download: str
    licence: str
    megabytes: int
    mask_centre: float
    about: str


RELEASED = PublicFile(
    kind="siggraph17",
    name="siggraph17",
    file="siggraph17-df00044c.pth",
    source="https://github.com/richzhang/colorization",
    download="https://colorizers.s3.us-east-2.amazonaws.com/siggraph17-df00044c.pth",
    licence="BSD-2-Clause",
    megabytes=137,
    mask_centre=0.0,
    about="the paper's weights, as the authors' demo fetches them",
)
CONVERTED = PublicFile(
    kind="caffemodel",
    name="siggraph17-caffemodel",
    file="caffemodel.pth",
    source="https://github.com/junyanz/interactive-deep-colorization",
    download="http://colorization.eecs.berkeley.edu/siggraph/models/caffemodel.pth",
    licence="MIT",
    megabytes=137,
    mask_centre=0.0,
    about="the paper's weights, converted from Caffe for the authors' editor",
)
RETRAINED = PublicFile(
    kind="latest_net_G",
    name="siggraph17-retrained",
    file="latest_net_G.pth",
    source="https://github.com/richzhang/colorization-pytorch",
    download="http://colorization.eecs.berkeley.edu/siggraph/models/pytorch.pth",
    licence="BSD-2-Clause",
    megabytes=137,
    mask_centre=0.5,
    about="trained anew in PyTorch by the authors; its hints act otherwise",
)
PUBLIC_FILES = (RELEASED, CONVERTED, RETRAINED)
