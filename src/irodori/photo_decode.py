"""Bytes of a JPEG, PNG, TIFF, WebP or AVIF -> upright sRGB pixels, through libvips, strip by strip.

The picture is never held twice: the target arrays are made first, in their final (upright) shape, and each decoded
strip is written through a view of them that undoes the orientation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from irodori.errors import PhotoError
from irodori.photo_formats import Format
from irodori.photo_metadata import Metadata

STRIP_ROWS = 512
"""Rows decoded at once."""

_LOADERS = {
    "jpeg": "jpegload_source",
    "png": "pngload_source",
    "tiff": "tiffload_source",
    "webp": "webpload_source",
    "avif": "heifload_source",
}


@dataclass(frozen=True)
class Decoded:
    """What came out of a file."""

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    """``(H, W)`` grey or ``(H, W, 3)`` RGB, sRGB, upright."""
    alpha: NDArray[np.uint8] | NDArray[np.uint16] | None
    metadata: Metadata
    pages: int


def decode(source: Any, entry: Format, *, max_pixels: int, page: int = 0) -> Decoded:
    """Decode a picture of the format ``entry`` from ``source`` (a pyvips Source).

    Raises :class:`PhotoError` (a sentence without the file's name) for a broken file and for one with more than
    ``max_pixels`` pixels; the latter is decided from the header, before any pixel is decoded.
    """
    from irodori import photo_vips as vips

    load = getattr(vips.Image, _LOADERS[entry.name])
    options: dict[str, Any] = {"access": "sequential", "fail_on": "error"}
    if entry.name == "tiff":
        options["page"] = page
    try:
        image = load(source, **options)
        check_size(image.width, image.height, max_pixels)
        return _pixels(image, entry)
    except vips.Error as error:
        raise PhotoError(broken(entry, vips.reason(error))) from None


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse a picture without pixels and one with more than ``max_pixels``; raises :class:`PhotoError`."""
    if width < 1 or height < 1:
        raise PhotoError(f"the picture has no pixels ({width} x {height})")
    if width * height > max_pixels:
        raise PhotoError(
            f"the picture has {width * height / 1e6:,.1f} megapixels ({width} x {height}), "
            f"more than the limit of {max_pixels / 1e6:,.1f} megapixels"
        )


def broken(entry: Format, reason: str) -> str:
    """Word the failure of a decoder as one sentence."""
    return f"the {entry.title} file is damaged or cut short ({reason})"


def _pixels(image: Any, entry: Format) -> Decoded:
    from irodori import photo_vips as vips

    fields = set(image.get_fields())
    metadata = _metadata(image, fields, entry)
    orientation = image.get("orientation") if "orientation" in fields and entry.name != "avif" else 1
    pages = image.get("n-pages") if "n-pages" in fields else 1

    has_alpha = image.hasalpha()
    deep = image.format in ("ushort", "float", "uint", "double")
    image, grey = _to_srgb(image, has_alpha, deep, metadata.icc)
    dtype = np.uint16 if deep else np.uint8

    width, height = image.width, image.height
    upright = (width, height) if orientation >= 5 else (height, width)
    pixels = np.empty(upright if grey else (*upright, 3), dtype)
    alpha = np.empty(upright, dtype) if has_alpha else None
    into = unturned(pixels, orientation)
    alpha_into = None if alpha is None else unturned(alpha, orientation)
    region = vips.Region.new(image)  # one region from top to bottom: a new pipeline per strip would read strips twice
    for top in range(0, height, STRIP_ROWS):
        rows = min(STRIP_ROWS, height - top)
        strip = np.frombuffer(region.fetch(0, top, width, rows), dtype).reshape(rows, width, -1)
        into[top : top + rows] = strip[..., 0] if grey else strip[..., :3]
        if alpha_into is not None:
            alpha_into[top : top + rows] = strip[..., -1]
    return Decoded(pixels, alpha, metadata, pages)


def unturned(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """View the ``upright`` array as the file stores it, for EXIF ``orientation`` 1..8 (anything else counts as 1)."""
    if orientation >= 5:
        upright = upright.swapaxes(0, 1)
    if orientation in (3, 4, 6, 7):
        upright = upright[::-1]
    if orientation in (2, 3, 7, 8):
        upright = upright[:, ::-1]
    return upright


def _to_srgb(image: Any, has_alpha: bool, deep: bool, icc: bytes | None) -> tuple[Any, bool]:
    depth = 16 if deep else 8
    alpha = image[image.bands - 1] if has_alpha else None
    colours = image.extract_band(0, n=image.bands - 1) if has_alpha else image
    grey = colours.bands < 3
    if icc or colours.interpretation == "cmyk":
        colours = colours.icc_transform(
            "srgb",
            embedded=bool(icc),
            input_profile="cmyk" if colours.bands == 4 else "srgb",
            depth=depth,
            intent="relative",
        )
        if grey:
            colours = colours[1]
    return (colours.bandjoin(alpha) if alpha is not None else colours), grey


def _metadata(image: Any, fields: set[str], entry: Format) -> Metadata:
    def blob(name: str) -> bytes | None:
        return bytes(image.get(name)) if name in fields else None

    dpi = None
    if "resolution-unit" in fields:
        dpi = (image.xres * 25.4, image.yres * 25.4)
    exif = blob("exif-data")
    if exif is not None and exif[:6] == b"Exif\0\0":
        exif = exif[6:]
    return Metadata(
        format=entry.name,
        exif=exif,
        xmp=blob("xmp-data"),
        iptc=blob("iptc-data"),
        icc=blob("icc-profile-data"),
        dpi=dpi,
    )
