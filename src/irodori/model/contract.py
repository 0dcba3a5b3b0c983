"""The one place that knows the network's tensors: names, shapes, normalisation, padding and version.

Training, export and inference all import this module; a model folder records :data:`VERSION` and is refused when it
differs.

=============  =====================  =======================================================================
tensor         shape                  meaning
=============  =====================  =======================================================================
lightness      (1, 1, h, w)           (L* - 50) / 100
hint_ab        (1, 2, h, w)           a*, b* of the hints / 110, zero where there is no hint
hint_mask      (1, 1, h, w)           1 where there is a hint, else 0
hint_cells     (n,) int64, n >= 1     row-major indices of the :data:`CELL` x :data:`CELL` cells that hold hints
reference      (1, 316)               global hint (``hints.reference.vector``); zeros mean "none"
ab             (1, 2, h, w)           predicted a*, b* / 110
logits         (1, 313, h/4, w/4)     logits over the 313 ab bins
decoded        (1, C, h/4, w/4)       what ``distribution`` makes the logits of
=============  =====================  =======================================================================

All but ``hint_cells`` are float32, and h and w are multiples of :data:`MULTIPLE`. A network may declare any subset of
the inputs; whatever ``prepare`` returns is handed to ``answer`` under the same names. ``answer`` gives ab and either
the logits, or ``decoded``, from which a third graph makes them when somebody asks for colours.

A model may look at a large photo in a smaller copy, of :func:`looked_at_size`: then ``prepare`` sees that copy, and a
graph ``enlarge`` makes the photo's own features of its lightness, of the copy's (``small_lightness``) and of what
``prepare`` returned (``small_`` and the name).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from irodori.errors import ModelError

VERSION = 1
MULTIPLE = 32
"""Height and width of every plane are multiples of this many pixels."""
CELL = 8
"""Side of the square cells that ``hint_cells`` counts, in network pixels."""
BINS = 313
BINS_STRIDE = 4
"""The distribution has one pixel for BINS_STRIDE x BINS_STRIDE network pixels."""
REFERENCE_LENGTH = 316
LIGHTNESS_CENTRE = 50.0
LIGHTNESS_SCALE = 100.0
AB_SCALE = 110.0

PREPARE_FILE = "prepare.onnx"
ANSWER_FILE = "answer.onnx"
ENLARGE_FILE = "enlarge.onnx"
DISTRIBUTION_FILE = "distribution.onnx"
INFO_FILE = "model.json"
WEIGHTS_FILE = "weights.pt"
"""Training weights that a model folder may hold besides, for training on from it; inference never reads them."""

Float32 = npt.NDArray[np.float32]


def _plane(name: str, array: npt.ArrayLike, channels: int | None) -> Float32:
    """Check one plane, ``(h, w)`` or ``(h, w, channels)``, and return it as float32."""
    plane = np.asarray(array, dtype=np.float32)
    wanted = "(h, w)" if channels is None else f"(h, w, {channels})"
    if plane.ndim != (2 if channels is None else 3) or (channels is not None and plane.shape[2] != channels):
        raise ModelError(f"{name}: expected shape {wanted}, got {plane.shape}")
    if plane.shape[0] % MULTIPLE or plane.shape[1] % MULTIPLE or not plane.size:
        raise ModelError(f"{name}: expected height and width in multiples of {MULTIPLE}, got {plane.shape[:2]}")
    return plane


def normalise_lightness(lightness: Float32) -> Float32:
    """L* (any shape, 0..100) to the network's range, about -0.5..0.5."""
    return np.asarray((lightness - LIGHTNESS_CENTRE) / LIGHTNESS_SCALE, dtype=np.float32)


def pack_lightness(lightness: npt.ArrayLike) -> dict[str, Float32]:
    """Make the hint-free input of the network.

    Args:
        lightness: ``(h, w)`` CIE L*, 0..100; h and w multiples of :data:`MULTIPLE`.

    Returns:
        ``{"lightness": (1, 1, h, w) float32}``.

    Raises:
        ModelError: for another shape.
    """
    return {"lightness": normalise_lightness(_plane("lightness", lightness, None))[None, None]}


def hint_cells(mask: Float32) -> npt.NDArray[np.int64]:
    """Row-major indices of the cells of a ``(h, w)`` mask that hold hints; ``[0]`` when there are none."""
    height, width = mask.shape
    rows, columns = np.divmod(np.flatnonzero(mask > 0), width)
    occupied = np.zeros((height // CELL) * (width // CELL), dtype=np.bool_)
    occupied[rows // CELL * (width // CELL) + columns // CELL] = True
    cells = np.flatnonzero(occupied)
    return cells if cells.size else np.zeros(1, dtype=np.int64)


def pack(
    hint_ab: npt.ArrayLike, hint_mask: npt.ArrayLike, reference: npt.ArrayLike | None
) -> dict[str, npt.NDArray[np.generic]]:
    """Make the hint inputs of the network.

    Args:
        hint_ab: ``(h, w, 2)`` a*, b* of the hints, zero elsewhere.
        hint_mask: ``(h, w)`` 1 where there is a hint, else 0.
        reference: ``(316,)`` global hint, or None.

    Returns:
        ``hint_ab``, ``hint_mask``, ``hint_cells`` and ``reference`` as the table above says.

    Raises:
        ModelError: for another shape, or for values that are not finite.
    """
    mask = _plane("hint_mask", hint_mask, None)
    ab = _plane("hint_ab", hint_ab, 2)
    if ab.shape[:2] != mask.shape:
        raise ModelError(f"hint_ab: expected the size of hint_mask {mask.shape}, got {ab.shape[:2]}")
    vector = np.zeros(REFERENCE_LENGTH, dtype=np.float32) if reference is None else np.asarray(reference, np.float32)
    if vector.shape != (REFERENCE_LENGTH,):
        raise ModelError(f"reference: expected shape ({REFERENCE_LENGTH},), got {vector.shape}")
    for name, values in (("hint_ab", ab), ("hint_mask", mask), ("reference", vector)):
        if not (np.isfinite(values.min()) and np.isfinite(values.max())):
            raise ModelError(f"{name}: expected finite numbers")
    on = (mask > 0.5).astype(np.float32)
    planes = np.empty((1, 2, *mask.shape), np.float32)
    np.multiply(np.moveaxis(ab, 2, 0), on, out=planes[0])
    planes /= np.float32(AB_SCALE)
    return {
        "hint_ab": planes,
        "hint_mask": on[None, None],
        "hint_cells": hint_cells(on),
        "reference": vector[None],
    }


def unpack_ab(ab: npt.ArrayLike) -> Float32:
    """The network's ``ab`` (1, 2, h, w) as ``(h, w, 2)`` float32 a*, b*."""
    planes = np.asarray(ab, dtype=np.float32)
    if planes.ndim != 4 or planes.shape[:2] != (1, 2):
        raise ModelError(f"ab: expected shape (1, 2, h, w), got {planes.shape}")
    scaled: Float32 = planes[0] * np.float32(AB_SCALE)  # plane by plane in memory, as those want it who read it next
    return scaled.transpose(1, 2, 0)


def unpack_bins(logits: npt.ArrayLike) -> Float32:
    """The network's ``logits`` (1, 313, h/4, w/4) as probabilities ``(h/4, w/4, 313)`` float32 that sum to 1."""
    planes = np.asarray(logits, dtype=np.float32)
    if planes.ndim != 4 or planes.shape[:2] != (1, BINS):
        raise ModelError(f"logits: expected shape (1, {BINS}, h/{BINS_STRIDE}, w/{BINS_STRIDE}), got {planes.shape}")
    bins = np.ascontiguousarray(planes[0].transpose(1, 2, 0))
    bins -= bins.max(axis=-1, keepdims=True)
    np.exp(bins, out=bins)
    bins /= bins.sum(axis=-1, keepdims=True)
    return bins


def looked_at_size(height: int, width: int, side: int) -> tuple[int, int]:
    """The size, in multiples of :data:`MULTIPLE`, at which a photo's short side is ``side`` pixels, if it is longer."""
    share = min(1.0, side / min(height, width))
    rows, columns = (max(1, int(length * share / MULTIPLE + 0.5)) * MULTIPLE for length in (height, width))
    return rows, columns


def padded_size(height: int, width: int) -> tuple[int, int]:
    """The smallest size in multiples of :data:`MULTIPLE` that holds ``height`` x ``width``."""
    return -(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE


def pad_to_multiple(plane: Float32) -> Float32:
    """Pad ``(h, w)`` or ``(h, w, c)`` at the bottom and right, by repeating the edge, to :func:`padded_size`."""
    height, width = padded_size(plane.shape[0], plane.shape[1])
    margins = [(0, height - plane.shape[0]), (0, width - plane.shape[1])] + [(0, 0)] * (plane.ndim - 2)
    return np.pad(plane, margins, mode="edge")


def check_info(info: Mapping[str, object]) -> None:
    """Refuse a model.json of another contract version (raises ModelError)."""
    if info.get("contract") != VERSION:
        raise ModelError(
            f"model {info.get('name', '?')!r}: expected contract version {VERSION}, got {info.get('contract')!r};"
            " export it again with this version of irodori"
        )
