"""A photo file in, a coloured file out.

    file or bytes -> read_photo -> Photo: upright sRGB pixels, 8 or 16 bit, and what the file says beside them
    coloured pixels (an array, or strips from top to bottom) -> write_photo -> file

The formats are in photo_formats.py, decoding in photo_decode.py, encoding in photo_encode.py. Reading takes what
libvips (pyvips with its bundled library) gives because it keeps 16 bits per channel, manages colour with ICC profiles
and works in strips; Pillow reads 16-bit RGB as 8 bit.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from irodori.color import lab
from irodori.errors import PhotoError
from irodori.photo_metadata import Metadata

MAX_PIXELS = 300_000_000
"""Default limit on the pixels of a picture that is read."""

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

_CHUNK = 1 << 20
_STRIP_ROWS = 256


@dataclass(frozen=True, eq=False)
class Photo:
    """One photograph, decoded: upright, in sRGB, with its alpha and the words of its file. Arrays are read-only."""

    pixels: Pixels
    """``(H, W)`` grey or ``(H, W, 3)`` RGB, sRGB-encoded, uint8 or uint16."""
    alpha: Pixels | None = None
    """``(H, W)`` in the dtype of ``pixels``, full value = opaque; None when the file has no transparency."""
    name: str = ""
    """The file's name without its folder, "" when there is none."""
    metadata: Metadata = field(default_factory=Metadata)
    digest: str = ""
    """SHA-256 of the file's bytes in hexadecimal, "" for a photo made from an array."""
    page: int = 0
    """Which page of the file this is, from 0."""
    pages: int = 1
    """How many pages the file has (TIFF)."""

    def __post_init__(self) -> None:
        """Make the arrays read-only for everyone who gets this photo."""
        for name in ("pixels", "alpha"):
            array = getattr(self, name)
            if array is not None:
                array = array.view()
                array.flags.writeable = False
                object.__setattr__(self, name, array)

    @classmethod
    def from_array(cls, pixels: NDArray[Any], name: str = "") -> Photo:
        """Make a photo of an sRGB array: grey ``(H, W)``, RGB ``(H, W, 3)`` or RGBA ``(H, W, 4)``, uint8 or uint16.

        The array is not copied (RGBA is, in part). Raises :class:`PhotoError` for another shape or dtype.
        """
        pixels = np.asarray(pixels)
        if pixels.dtype not in (np.uint8, np.uint16):
            raise PhotoError(f"expected pixels as uint8 or uint16, got {pixels.dtype}")
        if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
            raise PhotoError(f"expected pixels (H, W), (H, W, 3) or (H, W, 4), got {pixels.shape}")
        if 0 in pixels.shape:
            raise PhotoError(f"the picture has no pixels ({pixels.shape[1]} x {pixels.shape[0]})")
        alpha = None
        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[..., 0]
        elif pixels.ndim == 3 and pixels.shape[2] == 4:
            alpha, pixels = np.ascontiguousarray(pixels[..., 3]), np.ascontiguousarray(pixels[..., :3])
        return cls(pixels, alpha, name)

    @property
    def height(self) -> int:
        """Rows of the upright picture."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of the upright picture."""
        return int(self.pixels.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)``."""
        return self.height, self.width

    @property
    def bits(self) -> int:
        """Bits per channel of ``pixels``: 8 or 16."""
        return 16 if self.pixels.dtype == np.uint16 else 8

    @property
    def is_grey(self) -> bool:
        """Whether the file holds one grey channel; an RGB file whose colours happen to be grey counts as RGB."""
        return self.pixels.ndim == 2

    @cached_property
    def lightness(self) -> NDArray[np.float32]:
        """CIE L* of every pixel, ``(H, W)`` float32, 0..100; computed once, in strips, and kept (4 bytes per pixel)."""
        out = np.empty(self.size, np.float32)
        for top in range(0, self.height, _STRIP_ROWS):
            out[top : top + _STRIP_ROWS] = self._lightness_of(top, top + _STRIP_ROWS)
        out.flags.writeable = False
        return out

    def lightness_rows(self, y0: int, y1: int) -> NDArray[np.float32]:
        """Give rows ``y0`` to ``y1`` of :attr:`lightness`, from the kept plane if it exists, else for these rows only.

        Walking down a photo with this keeps nothing, which is how a very large one is coloured in little memory.
        """
        kept = self.__dict__.get("lightness")
        return self._lightness_of(y0, y1) if kept is None else kept[y0:y1]

    def resized_lightness(self, height: int, width: int) -> NDArray[np.float32]:
        """Give the lightness at another size, ``(height, width)`` float32: antialiased, pixel centres aligned."""
        from irodori.photo_resize import resize_rows

        if height < 1 or width < 1:
            raise ValueError(f"expected a size of at least 1 x 1, got {width} x {height}")
        return resize_rows(self.lightness_rows, self.size, height, width)

    def rgb_rows(self, y0: int, y1: int) -> Pixels:
        """Give rows ``y0`` to ``y1`` as sRGB ``(y1 - y0, W, 3)`` in the photo's own dtype; grey is repeated."""
        rows = self.pixels[y0:y1]
        coloured: Any = np.repeat(rows[..., None], 3, axis=2) if self.is_grey else rows
        return cast("Pixels", coloured)

    def _lightness_of(self, y0: int, y1: int) -> NDArray[np.float32]:
        rows = self.pixels[y0:y1]
        return _grey_table(self.bits)[rows] if self.is_grey else lab.lightness(rows)


def _grey_table(bits: int) -> NDArray[np.float32]:
    if bits not in _GREY_TABLES:
        levels = np.arange(1 << bits, dtype=np.uint16 if bits == 16 else np.uint8)
        _GREY_TABLES[bits] = lab.lightness(levels.reshape(1, -1)).reshape(-1)
    return _GREY_TABLES[bits]


_GREY_TABLES: dict[int, NDArray[np.float32]] = {}


def read_photo(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    max_pixels: int = MAX_PIXELS,
    page: int = 0,
    name: str | None = None,
) -> Photo:
    """Read a photograph from a path, from the bytes of a file, or from a binary file object.

    ``max_pixels`` is checked against the header before anything is decoded. ``page`` chooses the page of a TIFF of
    several, from 0. ``name`` replaces the file's own name.

    Raises :class:`PhotoError` with one sentence: no such file, not a picture, cut short, no pixels, too many pixels.
    """
    from irodori.photo_decode import decode
    from irodori.photo_formats import SNIFF_BYTES, identify

    if isinstance(source, (bytes, bytearray, memoryview)):
        data, path, label = bytes(source), "", name or ""
    elif isinstance(source, (str, os.PathLike)):
        data, path, label = None, os.fspath(source), name or os.path.basename(os.fsdecode(source))
    else:
        data, path, label = source.read(), "", name or os.path.basename(str(getattr(source, "name", "")))
    before = f"{label}: " if label else ""
    if data is not None and not isinstance(data, bytes):
        raise PhotoError(f"{before}expected a file opened in binary mode, got one that reads {type(data).__name__}")
    try:
        if data is not None:
            digest = hashlib.sha256(data).hexdigest()
            decoded = decode(data, identify(data[:SNIFF_BYTES]), max_pixels=max_pixels, page=page)
        else:
            if "\0" in os.fsdecode(path):
                raise PhotoError("cannot be opened (a file name holds no zero byte)")
            with open(path, "rb") as file:
                entry = identify(file.read(SNIFF_BYTES))
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0)
                decoded = decode(file, entry, max_pixels=max_pixels, page=page)
    except OSError as error:
        raise PhotoError(f"{before}cannot be opened ({error.strerror or error})") from None
    except PhotoError as error:
        raise PhotoError(f"{before}{error}") from None
    return Photo(decoded.pixels, decoded.alpha, label, decoded.metadata, digest, page, decoded.pages)


def write_photo(
    rgb: NDArray[Any] | Iterable[NDArray[Any]],
    target: str | os.PathLike[str] | BinaryIO,
    like: Photo | None = None,
    *,
    bits: int | None = None,
    quality: int = 95,
    format: str | None = None,
    profile: str = "srgb",
    mark: bool = True,
) -> None:
    """Write coloured pixels to a file (under a temporary name first) or into a binary file object.

    ``rgb`` is sRGB ``(H, W, 3)`` (or grey ``(H, W)``) uint8 or uint16, or an iterable of such strips from top to bottom
    (then ``like`` tells the size). ``like`` gives alpha, metadata and, for a file object, the format.
    ``bits`` 8 or 16 (default: the deeper of ``rgb`` and ``like``, as far as the format can hold it).
    ``quality`` 1..100 for JPEG, WebP and AVIF. ``profile`` "srgb", or "keep" for the profile of ``like``.
    ``mark=False`` leaves out the note that the colours are reconstructed.

    Raises :class:`PhotoError`; nothing is left behind then.
    """
    from irodori.photo_encode import encode_to

    encode_to(rgb, target, like, bits=bits, quality=quality, format=format, profile=profile, mark=mark)


def default_output(path: str | os.PathLike[str], format: str = "") -> Path:
    """Name the coloured file of a photo: ``STEM.color.EXT`` beside it.

    With the ``format`` of the photo's content ("jpeg", "png", ...) an ending that means another format gives way to
    the usual one of this, and one that means none stays: ``scan`` -> ``scan.color.tif``.
    """
    from irodori.photo_formats import FORMATS, by_name

    path = Path(path)
    known = by_name(format).suffixes if format else (path.suffix.lower(),)
    if path.suffix.lower() in known:
        return path.with_name(f"{path.stem}.color{path.suffix}")
    means_a_format = any(path.suffix.lower() in entry.suffixes for entry in FORMATS)
    return path.with_name(f"{path.stem if means_a_format else path.name}.color{known[0]}")
