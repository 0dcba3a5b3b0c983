"""Read the public weights files of the paper's network, check them key by key, and recognise which one it is.

A hint mask of the wrong kind makes the network act only around the hints, or everywhere alike, without any error: that
is why a file is recognised and not just loaded (:func:`recognise`).
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from irodori.color import ab_bins
from irodori.errors import ModelError
from irodori.model import contract
from irodori.train.networks.siggraph17 import GridOrder, Siggraph17
from irodori.train.public_files import CONVERTED, RELEASED, RETRAINED, PublicFile

LARGEST_FILE = 1 << 30
RELEASED_DIGEST = "df00044c"
"""The released file carries the start of its own SHA-256 in its name."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a weights file without ever running what is inside it.

    Returns:
        Tensors by key, on the CPU.

    Raises:
        ModelError: no such file, not a PyTorch file, broken, more than tensors inside, or not a dict of tensors.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(2)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    if size > LARGEST_FILE:
        raise ModelError(f"{path} is too large for these weights: expected about 137 MB, got {size / 1e6:.0f} MB")
    if start != b"PK" and start[:1] != b"\x80":
        raise ModelError(f"{path} is not a PyTorch weights file (.pth)")
    if start == b"PK" and not zipfile.is_zipfile(path):
        raise ModelError(f"{path} is broken or cut short; download it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a foreign pickle also draws warnings; the refusal below says enough
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported" in str(error) or "GLOBAL" in str(error):
            raise ModelError(
                f"{path} holds code or objects beside tensors, which are never run; it was not read"
            ) from error
        raise ModelError(f"{path} is broken; download it again") from error
    except (RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError) as error:
        raise ModelError(f"{path} is broken or no weights file of PyTorch; download it again") from error
    if not isinstance(content, Mapping) or not content:
        raise ModelError(f"{path}: expected a dict of tensors, got {type(content).__name__}")
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise ModelError(f"{path}: key {key!r:.80}: expected a tensor, got {type(value).__name__}")
    return dict(content)


def check_state_dict(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Check that a state dict is that of the public network, key by key.

    Files written by PyTorch 0.4.0 have no batch counters (``num_batches_tracked``); they are unused in inference, so
    all of them may be absent together.

    Returns:
        The state dict as float32, with the counters.

    Raises:
        ModelError: naming the first missing, surplus or misshapen key, or one with impossible values.
    """
    with torch.device("meta"):
        expected = Siggraph17().state_dict()
    counters = {key for key in expected if key.endswith(".num_batches_tracked")}
    missing = [key for key in expected if key not in state]
    if set(missing) == counters:
        missing = []
    surplus = [key for key in state if key not in expected]
    if missing:
        instead = f" (and has a key {surplus[0]!r:.80} that it does not know)" if surplus else ""
        raise ModelError(f"this is not the siggraph17 network: key {missing[0]!r} is missing{instead}")
    if surplus:
        raise ModelError(f"this is not the siggraph17 network: it has no key {surplus[0]!r:.80}")
    checked = {key: torch.zeros((), dtype=torch.int64) for key in counters}
    for key, value in state.items():
        if value.shape != expected[key].shape:
            raise ModelError(f"key {key!r}: expected shape {tuple(expected[key].shape)}, got {tuple(value.shape)}")
        if key in counters:
            checked[key] = value.long()
            continue
        if not value.is_floating_point() or not torch.isfinite(value).all():
            raise ModelError(f"key {key!r}: expected finite numbers")
        if key.endswith("running_var") and bool((value < 0).any()):
            raise ModelError(f"key {key!r}: expected variances, got negative numbers")
        checked[key] = value.float().contiguous()
    return checked


def recognise(path: Path, digest: str, state: Mapping[str, Tensor]) -> tuple[PublicFile, str]:
    """Tell which public file this is; the keys are the same in all three.

    In this order: the checksum that the released file carries in its name; the file's name; at last its values:
    batch normalisation without scale and shift, which only a conversion from Caffe leaves, and the mask which the
    statistics of the first block fit to (:func:`fitting_mask_centre`). The name ``latest_net_G.pth`` alone is not
    believed, because the authors' script gives it to two of the files, in folders of their own.

    Args:
        path: where the file lies.
        digest: its SHA-256 in hexadecimal.
        state: what :func:`check_state_dict` returned.

    Returns:
        The file, and a few words on how it was recognised.
    """
    name, folder = path.stem.lower(), path.absolute().parent.name.lower()
    if digest.startswith(RELEASED_DIGEST):
        return RELEASED, "its checksum"
    if RELEASED_DIGEST in name:
        return RELEASED, "its name (though its checksum is not the one in that name)"
    if "siggraph17" in name:
        return RELEASED, "its name"
    if "caffemodel" in name or (name.endswith("_net_g") and "caffemodel" in folder):
        return CONVERTED, "its name"
    plain, centre = _converted_from_caffe(state), fitting_mask_centre(state)
    if name.endswith("_net_g") or name in ("pytorch", "pytorch_trained"):
        return (CONVERTED, "its values") if plain and centre == 0 else (RETRAINED, "its name")
    if plain:
        return CONVERTED, "its batch normalisation without scale"
    if centre is None:
        return RELEASED, "nothing: a mask of 0 and 1 is assumed"
    return (RETRAINED if centre else RELEASED), "the statistics of its first block"


def _converted_from_caffe(state: Mapping[str, Tensor]) -> bool:
    """Whether every BatchNorm has scale 1 and shift 0 although its statistics are those of a trained network."""
    norms = [key.removesuffix("running_mean") for key in state if key.endswith("running_mean")]
    plain = all(bool((state[n + "weight"] == 1).all()) and bool((state[n + "bias"] == 0).all()) for n in norms)
    return plain and any(bool((state[n + "running_mean"] != 0).any()) for n in norms)


def fitting_mask_centre(state: Mapping[str, Tensor]) -> float | None:
    """Find the mask under which the first block's activations have the mean that its BatchNorm has stored.

    A picture without hints, made of noise with the spectrum of photographs, goes through the first block with a mask
    of 0 and with one of -0.5. The stored mean is that of the pictures that the network was trained on.

    Returns:
        0.0 or 0.5, or None when neither fits clearly better.
    """
    with torch.device("meta"):
        block = Siggraph17().model1[:4]
    parameters = {
        key.removeprefix("model1."): state[key] for key in state if key.startswith(("model1.0.", "model1.2."))
    }
    block.load_state_dict(parameters, assign=True)
    lightness = _noise_picture(128)
    mean, deviation = state["model1.4.running_mean"], state["model1.4.running_var"].clamp(min=1e-8).sqrt()
    if not bool((mean != 0).any()):
        return None
    misfit = {}
    for centre in (0.0, 0.5):
        planes = torch.cat((lightness, torch.zeros(1, 2, 128, 128), torch.full((1, 1, 128, 128), -centre)), dim=1)
        with torch.no_grad():
            seen = block(planes)[:, :, 8:-8, 8:-8].mean(dim=(0, 2, 3))
        misfit[centre] = float(((seen - mean).abs() / deviation).mean())
    best = min(misfit, key=lambda centre: misfit[centre])
    return best if 2 * misfit[best] < misfit[0.5 - best] else None


def _noise_picture(side: int) -> Tensor:
    """Normalised lightness (1, 1, side, side) of noise whose amplitude falls with frequency, as in photographs."""
    generator = torch.Generator().manual_seed(2017)
    frequency = torch.fft.fftfreq(side)
    amplitude = 1 / (frequency[:, None] ** 2 + frequency[None, :] ** 2).sqrt().clamp(min=1 / side)
    spectrum = torch.fft.fft2(torch.randn(side, side, generator=generator)) * amplitude
    picture = torch.fft.ifft2(spectrum).real
    lightness: Tensor = (0.25 * (picture - picture.mean()) / picture.std()).clamp(-0.5, 0.5)
    return lightness[None, None]


def fitting_grid_order(network: Siggraph17) -> GridOrder:
    """Find the order of the 529 bins in which the distribution agrees with the network's own colours.

    The authors' training code counts a slowly and b fast; their PyTorch editor reads the same outputs the other way
    round. Here strong hints are given, and the mean colour of the distribution is compared with the answer.

    Returns:
        ``"a-major"`` unless the other order fits clearly better.
    """
    network.eval()
    side = 64
    lightness = _noise_picture(side).expand(4, 1, side, side)
    hint = torch.tensor([(60.0, -20.0), (-20.0, 60.0), (20.0, 60.0), (10.0, -60.0)]) / contract.AB_SCALE
    mask = torch.zeros(4, 1, side, side)
    mask[:, :, 8:56:12, 8:56:12] = 1
    centres = torch.tensor(ab_bins.CENTRES) / contract.AB_SCALE
    distance: dict[GridOrder, float] = {}
    orders: tuple[GridOrder, GridOrder] = ("a-major", "b-major")
    kept = network.grid_order
    for order in orders:
        network.set_grid_order(order)
        with torch.no_grad():
            ab, logits = network(lightness, hint[:, :, None, None] * mask, mask)
        mean = torch.einsum("bnhw,nc->bchw", logits.softmax(dim=1), centres)
        distance[order] = float((mean - ab[:, :, ::4, ::4]).abs().mean())
    network.set_grid_order(kept)
    return "b-major" if 1.5 * distance["b-major"] < distance["a-major"] else "a-major"
