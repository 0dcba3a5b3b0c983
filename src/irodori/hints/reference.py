"""The global hint: what colours the whole picture has, taken from a reference picture or from a file of numbers.

As in "Real-Time User-Guided Image Colorization with Learned Deep Priors" (section 3.3): 316 numbers = the histogram of
ab over the 313 bins with its present flag, and the mean HSV saturation with its present flag.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from irodori.color import ab_bins, lab
from irodori.errors import HintError
from irodori.hints.points import number, shown, text

LENGTH = ab_bins.COUNT + 3
"""How many numbers the network reads: 316."""

_POOL = 4  # ab is averaged over squares of this many pixels, as the network's 1/4-size distribution sees it
_SHORT_SIDE = 256  # references are shrunk to about this size first, the size at which the network was trained
_GREY = 1.0  # mean chroma below which a picture has no colour to take
_MAX_FILE = 1 << 20


class _HasPixels(Protocol):
    """What :meth:`Reference.from_photo` needs of a photo."""

    @property
    def pixels(self) -> NDArray[Any]: ...

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Reference:
    """What is known about the colours of the whole picture; each part may be left away (None), but not both.

    ``histogram``: 313 shares of the ab bins, summing to 1. ``saturation``: mean HSV saturation, 0..1. ``name`` is for
    people. Raises HintError, naming the field, for anything else.
    """

    histogram: tuple[float, ...] | None
    saturation: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.histogram is None and self.saturation is None:
            raise HintError("histogram: expected a histogram or a saturation, got neither")
        if self.histogram is not None:
            shares = _shares(self.histogram)
            total = sum(shares)
            if abs(total - 1) > 1e-3:
                raise HintError(f"histogram: expected numbers that sum to 1, got a sum of {total:g}")
            object.__setattr__(self, "histogram", shares)
        if self.saturation is not None:
            object.__setattr__(self, "saturation", number(self.saturation, "saturation", 0, 1))
        text(self.name, "name")

    @classmethod
    def from_photo(cls, photo: _HasPixels) -> Reference:
        """Take histogram and saturation from a colour photo; HintError when it is grey."""
        if photo.pixels.ndim == 2:
            raise HintError(f"reference {_named(photo.name)}is grey: it has no colour to take; choose a colour picture")
        return cls.from_rgb(photo.pixels, name=photo.name)

    @classmethod
    def from_rgb(cls, rgb: NDArray[Any], name: str = "") -> Reference:
        """Take histogram and saturation from sRGB ``(H, W, 3)`` uint8, uint16 or float 0..1; HintError when it is grey.

        A picture whose short side is 512 pixels or more is first shrunk by a whole factor, to a short side of at least
        256; then ab is averaged over 4 x 4 pixels and each average counted in its nearest bin.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or min(rgb.shape[:2]) < 1:
            raise HintError(f"reference: expected a colour picture (H, W, 3), got an array of shape {rgb.shape}")
        colours = _small(rgb)
        pooled = _pool(lab.to_lab(colours)[..., 1:], _POOL)
        if float(np.hypot(pooled[..., 0], pooled[..., 1]).mean()) < _GREY:
            raise HintError(f"reference {_named(name)}is grey: it has no colour to take; choose a colour picture")
        return cls(tuple(round(share, 7) for share in histogram(pooled).tolist()), saturation(colours), name)

    @classmethod
    def from_histogram_file(cls, source: str | os.PathLike[str] | bytes | IO[bytes], name: str = "") -> Reference:
        """Read a histogram file: JSON or ``.npy``; HintError in one sentence for anything else.

        JSON: 313 numbers in a list, or an object with ``histogram`` and, if wanted, ``saturation`` and ``name``.
        ``.npy``: 313 numbers. None may be negative; they are divided by their sum, so counts will do.
        """
        content, called = _read(source)
        name = name or called
        if content.startswith(b"\x93NUMPY"):
            try:
                values: object = np.load(io.BytesIO(content), allow_pickle=False)
            except Exception as error:
                raise HintError(f"histogram file {_named(name)}is a broken .npy file") from error
            if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu" or values.size != ab_bins.COUNT:
                raise HintError(f"histogram file {_named(name)}must hold {ab_bins.COUNT} numbers")
            return cls(_normalised(values.ravel().tolist()), None, name)
        try:
            values = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise HintError(f"histogram file {_named(name)}is neither JSON nor .npy") from error
        if isinstance(values, list):
            return cls(_normalised(values), None, name)
        if not isinstance(values, dict) or "histogram" not in values:
            raise HintError(
                f"histogram file {_named(name)}must hold a list of {ab_bins.COUNT} numbers, or an object with one"
                " as its histogram"
            )
        return cls.from_json({"name": name, **values, "histogram": _normalised(values["histogram"])})

    def to_json(self) -> dict[str, Any]:
        """Give a value that ``json.dumps`` takes; :meth:`from_json` reads it back equal."""
        return {
            "histogram": None if self.histogram is None else list(self.histogram),
            "saturation": self.saturation,
            "name": self.name,
        }

    @classmethod
    def from_json(cls, value: object) -> Reference:
        """Read what :meth:`to_json` gives; HintError names the field that is wrong or unknown."""
        if not isinstance(value, dict):
            raise HintError(f"reference: expected an object, got {shown(value)}")
        for key in value:
            if key not in ("histogram", "saturation", "name"):
                raise HintError(f"{key if str(key).isidentifier() else shown(key)}: unknown field")
        return cls(value.get("histogram"), value.get("saturation"), value.get("name", ""))


def vector(
    reference: Reference | None, saturation_hint: float | None = None, strength: float = 1.0
) -> NDArray[np.float32]:
    """Give the numbers that the network reads: ``(316,)`` float32.

    [0:313] histogram, [313] its present flag, [314] mean HSV saturation, [315] its present flag. ``strength`` 0..1 is
    the flag of what comes from the reference (0: as if there were none). ``saturation_hint`` 0..1 takes the place of
    the reference's saturation, with the flag 1. What is absent is zero, flag included. Raises HintError for a number
    outside 0..1.
    """
    out = np.zeros(LENGTH, np.float32)
    strength = number(strength, "reference_strength", 0, 1)
    if reference is not None and strength > 0:
        if reference.histogram is not None:
            out[: ab_bins.COUNT] = reference.histogram
            out[ab_bins.COUNT] = strength
        if reference.saturation is not None:
            out[ab_bins.COUNT + 1] = reference.saturation
            out[ab_bins.COUNT + 2] = strength
    if saturation_hint is not None:
        out[ab_bins.COUNT + 1] = number(saturation_hint, "saturation_hint", 0, 1)
        out[ab_bins.COUNT + 2] = 1
    return out


def histogram(ab: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Share of each of the 313 bins among colours ``(..., 2)``, by nearest bin: ``(313,)`` float64 summing to 1."""
    counts = np.bincount(ab_bins.nearest(ab).ravel(), minlength=ab_bins.COUNT)
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def saturation(rgb: NDArray[Any]) -> float:
    """Mean HSV saturation (max - min) / max of sRGB pixels ``(..., 3)`` of any scale; black counts as 0. Range 0..1."""
    values = np.asarray(rgb, dtype=np.float32)
    highest = values.max(axis=-1)
    spread = highest - values.min(axis=-1)
    mean = float(np.mean(spread / np.where(highest > 0, highest, 1), dtype=np.float64))
    return round(min(max(mean, 0.0), 1.0), 7)


def _shares(values: object) -> tuple[float, ...]:
    if isinstance(values, (str, bytes, dict)) or not isinstance(values, Iterable):
        raise HintError(f"histogram: expected {ab_bins.COUNT} numbers, got {shown(values)}")
    items = values.ravel().tolist() if isinstance(values, np.ndarray) else list(values)
    if len(items) != ab_bins.COUNT:
        raise HintError(f"histogram: expected {ab_bins.COUNT} numbers, got {len(items)}")
    return tuple(number(item, f"histogram[{index}]", 0, float("inf")) for index, item in enumerate(items))


def _normalised(values: object) -> tuple[float, ...]:
    shares = _shares(values)
    largest = max(shares)
    if largest == 0:
        raise HintError("histogram: expected at least one number above 0, got only zeros")
    total = sum(share / largest for share in shares)
    return tuple(round(share / largest / total, 7) for share in shares)


def _named(name: str) -> str:
    return f"{shown(name)} " if name else ""


def _read(source: str | os.PathLike[str] | bytes | IO[bytes]) -> tuple[bytes, str]:
    """Bytes and name of a histogram file of at most 1 MB."""
    name = ""
    if isinstance(source, bytes):
        content = source
    elif isinstance(source, (str, os.PathLike)):
        name = Path(source).name
        try:
            with open(source, "rb") as file:
                content = file.read(_MAX_FILE + 1)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise HintError(f"histogram file {_named(name)}cannot be read: {reason}") from error
    else:
        content = source.read(_MAX_FILE + 1)
    if len(content) > _MAX_FILE:
        raise HintError(f"histogram file {_named(name)}is larger than 1 MB; it should hold {ab_bins.COUNT} numbers")
    return content, name


def _small(rgb: NDArray[Any]) -> NDArray[np.float32]:
    """sRGB of any dtype -> float32 0..1, shrunk by a whole factor to a short side of 256..511 (smaller ones stay)."""
    factor = max(1, min(rgb.shape[:2]) // _SHORT_SIDE)
    scale = {"u": np.float32(1 / 255 if rgb.dtype.itemsize == 1 else 1 / 65535)}.get(rgb.dtype.kind, np.float32(1))
    return _pool(rgb, factor) * scale


def _pool(values: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Mean over squares of ``factor`` pixels, ``(H, W, c)`` -> float32; a rest at right and bottom is dropped.

    A side shorter than ``factor`` is averaged whole.
    """
    height, width, channels = values.shape
    rows, columns = min(factor, height), min(factor, width)
    high, wide = height // rows, width // columns
    out = np.empty((high, wide, channels), np.float32)
    step = max(1, (1 << 20) // (rows * wide * columns))
    for start in range(0, high, step):
        stop = min(high, start + step)
        part = values[start * rows : stop * rows, : wide * columns]
        blocks = part.reshape(stop - start, rows, wide, columns, channels)
        out[start:stop] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return out
