"""Coloured sRGB pixels -> a file of one of the formats, whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from irodori.errors import PhotoError
from irodori.photo_formats import Format, by_name, by_suffix

if TYPE_CHECKING:
    from irodori.photo import Photo


def encode_to(
    rgb: NDArray[Any] | Iterable[NDArray[Any]],
    target: str | os.PathLike[str] | BinaryIO,
    like: Photo | None,
    *,
    bits: int | None,
    quality: int,
    format: str | None,
    profile: str,
    mark: bool,
) -> None:
    """Do the work of :func:`irodori.photo.write_photo`; the same arguments and errors."""
    is_path = isinstance(target, (str, os.PathLike))
    if format is not None:
        entry = by_name(format)
    elif is_path:
        entry = by_suffix(target)  # type: ignore[arg-type]
    else:
        entry = by_name((like.metadata.format if like is not None else "") or "png")
    pixels = gather(rgb, like, entry, bits)
    if not is_path:
        target.write(_encode(pixels, entry, like, quality))  # type: ignore[union-attr]
        return
    path = Path(target)  # type: ignore[arg-type]
    temporary = path.with_name(f".irodori-{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(_encode(pixels, entry, like, quality))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise PhotoError(f"cannot write {path.name} ({error.strerror or error})") from None
    finally:
        temporary.unlink(missing_ok=True)


def gather(rgb: Any, like: Photo | None, entry: Format, bits: int | None) -> NDArray[Any]:
    """Collect the pixels to write as one ``(H, W, 3)`` or ``(H, W)`` array of the depth to write.

    Strips are converted one by one, so that a coloured picture exists once, as the integers that will be written.
    """
    if bits not in (None, 8, 16):
        raise PhotoError(f"expected 8 or 16 bits per channel, got {bits}")
    if bits is not None and bits not in entry.depths:
        raise PhotoError(f"a {entry.title} file holds 8 bits per channel, not {bits}; use PNG, TIFF or AVIF")
    if isinstance(rgb, np.ndarray):
        strips: Iterable[NDArray[Any]] = (rgb,)
        size: tuple[int, ...] | None = rgb.shape[:2]
    else:
        strips, size = rgb, None if like is None else like.size
    if size is None:
        raise PhotoError("strips of pixels need the photo they belong to (like=...)")
    out: NDArray[Any] | None = None
    row = 0
    for strip in strips:
        if (
            strip.dtype not in (np.uint8, np.uint16)
            or strip.ndim not in (2, 3)
            or (strip.ndim == 3 and strip.shape[2] != 3)
        ):
            raise PhotoError(f"expected pixels (H, W, 3) as uint8 or uint16, got {strip.shape} {strip.dtype}")
        if out is None:
            source_bits = like.bits if like is not None else strip.dtype.itemsize * 8
            depth = bits or min(source_bits, max(entry.depths))
            dtype = np.uint16 if depth == 16 else np.uint8
            if isinstance(rgb, np.ndarray) and strip.dtype == dtype:
                return np.ascontiguousarray(strip)
            out = np.empty((*size, *strip.shape[2:]), dtype)
        if row + len(strip) > size[0] or strip.shape[1] != size[1]:
            raise PhotoError(f"expected pixels of {size[1]} x {size[0]}, got more or wider rows ({strip.shape})")
        out[row : row + len(strip)] = to_depth(strip, out.dtype)
        row += len(strip)
    if out is None or row != size[0]:
        raise PhotoError(f"expected pixels of {size[1]} x {size[0]}, got {row} rows")
    return out


def to_depth(values: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Convert uint8 and uint16 into each other, full range to full range, rounded to nearest."""
    if values.dtype == dtype:
        return values
    if dtype == np.uint16:
        return values.astype(np.uint16) * np.uint16(257)
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _encode(pixels: NDArray[Any], entry: Format, like: Photo | None, quality: int) -> bytes:
    from irodori import photo_vips as vips

    deep = pixels.dtype == np.uint16
    if like is not None and like.alpha is not None and entry.alpha and like.alpha.shape == pixels.shape[:2]:
        planes = pixels if pixels.ndim == 3 else pixels[..., None]
        pixels = np.concatenate([planes, to_depth(like.alpha, pixels.dtype)[..., None]], axis=2)
    image = vips.Image.new_from_memory(
        pixels,
        pixels.shape[1],
        pixels.shape[0],
        1 if pixels.ndim == 2 else pixels.shape[2],
        "ushort" if deep else "uchar",
    )
    colour = pixels.ndim == 3 and pixels.shape[2] >= 3
    image = image.copy(interpretation=("rgb16" if deep else "srgb") if colour else ("grey16" if deep else "b-w"))
    try:
        if entry.name == "jpeg":
            data = image.jpegsave_buffer(Q=quality, subsample_mode="off", optimize_coding=True, profile="srgb")
        elif entry.name == "png":
            data = image.pngsave_buffer(compression=6, profile="srgb")
        elif entry.name == "tiff":
            data = image.tiffsave_buffer(compression="deflate", predictor="horizontal", profile="srgb")
        elif entry.name == "webp":
            data = image.webpsave_buffer(Q=quality, profile="srgb", smart_subsample=True)
        elif entry.name == "avif":
            data = image.heifsave_buffer(
                Q=quality, compression="av1", bitdepth=12 if deep else 8, subsample_mode="off", profile="srgb"
            )
        else:
            raise PhotoError(f"cannot write {entry.title} yet")
    except vips.Error as error:
        raise PhotoError(f"cannot encode the {entry.title} ({vips.reason(error)})") from None
    return bytes(data)
