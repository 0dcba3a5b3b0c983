"""Bytes of a file -> upright sRGB pixels, strip by strip.

libvips decodes (photo_bmp.py and photo_jp2.py what it cannot); here the strips get their colours (ICC, CMYK, float) and
their place. The picture is never held twice: the target arrays are made first, in their final upright shape, and each
strip is written through a view of them that undoes the orientation.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from irodori import photo_exif, photo_icc
from irodori.errors import PhotoError
from irodori.photo_exif import TiffLayout
from irodori.photo_formats import Format
from irodori.photo_metadata import Metadata, iptc_records

_STRIP_ROWS = 256
_STRIP_PIXELS = 1 << 22
"""At most so many rows, and about so many pixels, are decoded at once."""
_SMALL = 1 << 24
_EMPTIEST = 8192
"""A picture of more than so many pixels must have a byte in its file for so many of them."""

_LONG_STRIPS = 1 << 24
"""A TIFF of more bytes may have compressed strips of any length: scanners write whole pictures as one, whose bytes
libtiff holds in memory. In shorter ones libvips' own limit on what a few bytes may claim stays (50 MB)."""
_MOST_CHANNELS = 16
"""Inks and extra channels; a TIFF of thousands is no photograph, and each of its pixels would cost kilobytes."""

_LOADERS = {
    "jpeg": "jpegload_source",
    "png": "pngload_source",
    "tiff": "tiffload_source",
    "webp": "webpload_source",
    "avif": "heifload_source",
}

Convert = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class Decoded:
    """What came out of a file."""

    pixels: NDArray[Any]
    """``(H, W)`` grey or ``(H, W, 3)`` RGB, uint8 or uint16, sRGB, upright."""
    alpha: NDArray[Any] | None
    metadata: Metadata
    pages: int = 1


def decode(data: bytes | BinaryIO, entry: Format, *, max_pixels: int, page: int = 0) -> Decoded:
    """Decode a picture of the format ``entry`` from its bytes or from an open file.

    Raises :class:`PhotoError` (a sentence without the file's name) for a broken file and for one with more than
    ``max_pixels`` pixels; the latter is decided from the header, before any pixel is decoded.
    """
    if not 0 <= page <= 100_000:
        raise PhotoError(f"expected a page from 0 to 100,000, got {page}")
    if page and entry.name != "tiff":
        raise PhotoError(f"there is no page {page + 1}; a {entry.title} file has one page")
    try:
        if entry.name == "bmp":
            return _decode_bmp(_all(data), max_pixels)
        if entry.name == "jp2":
            return _decode_jp2(_all(data), max_pixels)
        return _decode_vips(data, entry, max_pixels, page)
    except UnicodeDecodeError:  # libvips quotes a broken name in its error
        raise PhotoError(f"the {entry.title} file is damaged (a name in it is no text)") from None
    except MemoryError:
        raise PhotoError("there is not enough memory to decode the picture") from None


def check_size(width: int, height: int, max_pixels: int, file_bytes: int) -> None:
    """Refuse a picture without pixels and one with more than ``max_pixels``; raises :class:`PhotoError`.

    Also refused is a large picture from a file of ``file_bytes`` that can hold next to nothing of it: a header that is
    wrong by accident or on purpose, for which a decoder would fill gigabytes with grey.
    """
    if width < 1 or height < 1:
        raise PhotoError(f"the picture has no pixels ({width} x {height})")
    if width * height > max_pixels:
        raise PhotoError(
            f"the picture has {width * height / 1e6:,.1f} megapixels ({width} x {height}), "
            f"more than the limit of {max_pixels / 1e6:,.1f} megapixels"
        )
    if width * height > max(_SMALL, file_bytes * _EMPTIEST):
        raise PhotoError(
            f"the file is damaged or cut short (it says {width} x {height} pixels and has {file_bytes:,} bytes)"
        )


def unturned(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """View the ``upright`` array as the file stores it, for EXIF ``orientation`` 1..8 (anything else counts as 1)."""
    if orientation in (5, 6, 7, 8):
        upright = upright.swapaxes(0, 1)
    if orientation in (3, 4, 6, 7):
        upright = upright[::-1]
    if orientation in (2, 3, 7, 8):
        upright = upright[:, ::-1]
    return upright


def _all(data: bytes | BinaryIO) -> bytes:
    return data if isinstance(data, bytes) else data.read()


def _length(data: bytes | BinaryIO) -> int:
    return len(data) if isinstance(data, bytes) else os.fstat(data.fileno()).st_size


def _decode_bmp(data: bytes, max_pixels: int) -> Decoded:
    from irodori import photo_bmp

    header = photo_bmp.read_header(data)
    check_size(header.width, header.height, max_pixels, len(data))
    pixels = photo_bmp.decode(data, header)
    metadata = Metadata("bmp", dpi=header.dpi)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return Decoded(np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3]), metadata)
    return Decoded(np.ascontiguousarray(pixels), None, metadata)


def _decode_jp2(data: bytes, max_pixels: int) -> Decoded:
    from irodori import photo_jp2
    from irodori import photo_vips as vips

    header = photo_jp2.read_header(data)
    check_size(header.width, header.height, max_pixels, len(data))
    samples, has_alpha = photo_jp2.decode(data, header)
    orientation = _orientation(header.exif)
    try:
        image = vips.from_array(samples, cmyk=samples.shape[2] - has_alpha == 4)
        pixels, alpha = _placed(image, has_alpha, header.icc, orientation, None)
    except vips.Error as error:
        raise PhotoError(f"the colours of the JPEG 2000 file cannot be converted ({vips.reason(error)})") from None
    return Decoded(pixels, alpha, header.metadata)


def _orientation(exif: bytes | None) -> int:
    entry = photo_exif.parse(exif).main.get(photo_exif.ORIENTATION) if exif else None
    return int.from_bytes(entry.data[:2], "little") if entry is not None else 1


def _decode_vips(data: bytes | BinaryIO, entry: Format, max_pixels: int, page: int) -> Decoded:
    from irodori import photo_vips as vips

    options: dict[str, Any] = {"access": "sequential", "fail_on": "error"}
    if entry.name == "tiff":
        options["page"] = page

    def load() -> Any:
        return getattr(vips.Image, _LOADERS[entry.name])(vips.source(data), **options)

    # All passes over the file share one position in it, so each is finished before the next begins.
    exif, iptc, layout = _tiff_tags(data, page) if entry.name == "tiff" else (None, None, TiffLayout())
    if entry.name == "tiff" and not layout.tiled and _length(data) > _LONG_STRIPS:
        options["unlimited"] = True
    try:
        image = load()
        check_size(image.width, image.height, max_pixels, _length(data))
        if image.bands > _MOST_CHANNELS:
            raise PhotoError(f"the picture has {image.bands} channels, more than the {_MOST_CHANNELS} that are read")
        metadata = _metadata(image, entry, exif)
        if entry.name == "tiff":
            metadata = replace(metadata, iptc=iptc, compression=layout.compression)
        # The AVIF loader has turned the picture already, by the file's own transformations.
        orientation = 1 if entry.name == "avif" else vips.field(image, "orientation", 1)
        pages = vips.field(image, "n-pages", 1) if entry.name == "tiff" else 1
        depth = vips.field(image, "bits-per-sample", None) or vips.field(image, "heif-bitdepth", 16)
        used_bits = depth if entry.name == "avif" else 16
        scale = None
        if image.format in ("float", "double"):
            scale = _float_scale(image.max())
            image = load()
        pixels, alpha = _placed(image, image.hasalpha() and layout.alpha, metadata.icc, orientation, scale, used_bits)
        return Decoded(pixels, alpha, metadata, pages)
    except vips.Error as error:
        reason = vips.reason(error)
        if "does not contain page" in reason:
            raise PhotoError(f"there is no page {page + 1} in the TIFF file") from None
        if "Empty JPEG image" in reason or (entry.name == "png" and _is_empty_png(data)):
            raise PhotoError("the picture has no pixels") from None
        if any(word in reason for word in _UNSUPPORTED):
            raise PhotoError(f"the {entry.title} file is of a kind that irodori does not read ({reason})") from None
        raise PhotoError(f"the {entry.title} file is damaged or cut short ({reason})") from None


def _is_empty_png(data: bytes | BinaryIO) -> bool:
    """Whether the header of a PNG file says that width or height is 0, which libvips refuses without a reason."""
    if not isinstance(data, bytes):
        data.seek(0)
    head = data[:24] if isinstance(data, bytes) else data.read(24)
    return head[12:16] == b"IHDR" and b"\0\0\0\0" in (head[16:20], head[20:24])


_UNSUPPORTED = (
    "samples out of range",
    "not supported",
    "nsupported",
    "bad labq",
    "not configured",
    "unknown number of bits",
)


def _float_scale(highest: float) -> float:
    """Tell what full white is in a picture of floats: 1 by convention, 255 or 65535 when the values say so."""
    for white, limit in ((1.0, 2.0), (255.0, 256.0), (65535.0, 65536.0)):
        if highest <= limit:
            return white
    raise PhotoError(f"the picture's values reach {highest:g}; expected floats of 0 to 1, 0 to 255 or 0 to 65535")


def _placed(
    image: Any, has_alpha: bool, icc: bytes | None, orientation: int, scale: float | None, used_bits: int = 16
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Run the pipeline of ``image`` from top to bottom, converting strips and putting them where they belong."""
    from irodori import photo_vips as vips

    formats = {"uchar": np.uint8, "ushort": np.uint16, "uint": np.uint32, "float": np.float32, "double": np.float64}
    if image.interpretation in ("lab", "labs", "labq"):  # the colours of a few TIFFs
        image = image.colourspace("srgb" if image.interpretation == "labq" else "rgb16")
    if image.format not in formats:
        raise PhotoError(f"the picture's values are of a kind that irodori does not read ({image.format})")
    deep = image.format != "uchar"
    image, bands, convert = _colours(image, has_alpha, icc, deep)
    kind: Any = formats[image.format]
    grey = bands == 1
    dtype = np.uint16 if deep else np.uint8
    width, height = image.width, image.height
    upright = (width, height) if orientation in (5, 6, 7, 8) else (height, width)
    pixels = np.empty(upright if grey else (*upright, 3), dtype)
    alpha = np.empty(upright, dtype) if has_alpha else None
    into = unturned(pixels, orientation)
    alpha_into = None if alpha is None else unturned(alpha, orientation)
    region = vips.Region.new(image)  # one region from top to bottom: a new pipeline per strip would read strips twice
    step = max(1, min(_STRIP_ROWS, _STRIP_PIXELS // width))
    for top in range(0, height, step):
        rows = min(step, height - top)
        strip = np.frombuffer(region.fetch(0, top, width, rows), kind).reshape(rows, width, -1)
        if kind is not dtype:
            strip = _to_integers(strip, scale)
        elif used_bits < 16 and deep:
            strip = strip | strip >> used_bits  # 10 and 12 bit stand in the upper bits: let white be white
        colours = strip[..., 0] if grey else strip[..., :3]
        into[top : top + rows] = colours if convert is None else convert(colours)
        if alpha_into is not None:
            alpha_into[top : top + rows] = strip[..., bands]
    return pixels, alpha


def _to_integers(strip: NDArray[Any], scale: float | None) -> NDArray[Any]:
    if scale is None:  # 32-bit integers
        return (strip >> 16).astype(np.uint16)
    if not np.isfinite(strip).all():
        raise PhotoError("the picture holds values that are not numbers")
    return (np.clip(strip / scale, 0, 1) * 65535 + 0.5).astype(np.uint16)


def _colours(image: Any, has_alpha: bool, icc: bytes | None, deep: bool) -> tuple[Any, int, Convert | None]:
    """Decide how the stored colours become sRGB: a pipeline, its number of colour bands, and a function for strips."""
    from irodori import photo_vips as vips

    bands = image.bands - has_alpha
    if bands >= 4 and image.interpretation == "cmyk":
        return vips.to_srgb(image, 4, icc if photo_icc.colour_space(icc) == "CMYK" else None, deep), 3, None
    bands = 1 if bands < 3 else 3
    space = photo_icc.colour_space(icc)
    profile = photo_icc.parse(icc) if icc is not None else None
    if profile is not None:
        if profile.is_srgb:
            return image, bands, None
        if bands == 3:
            return image, bands, profile.to_srgb
        table = profile.grey_table(16 if deep else 8)
        return image, bands, lambda grey: table[grey]
    if (space, bands) in (("RGB", 3), ("GRAY", 1)) and image.format in ("uchar", "ushort"):
        return vips.to_srgb(image, bands, icc, deep), bands, None
    return image, bands, None


def _tiff_tags(data: bytes | BinaryIO, page: int) -> tuple[bytes | None, bytes | None, TiffLayout]:
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    tags = photo_exif.read_tiff(file, page)
    layout = photo_exif.tiff_layout(file, page)
    if not layout.complete:
        raise PhotoError("the TIFF file is cut short (it ends before the picture does)")
    if layout.empty:
        raise PhotoError("the picture has no pixels")
    return tags.block() or None, tags.iptc, layout


def _metadata(image: Any, entry: Format, exif: bytes | None) -> Metadata:
    from irodori import photo_vips as vips

    def blob(name: str) -> bytes | None:
        return bytes(vips.field(image, name, b"")) or None

    exif = exif or blob("exif-data")
    if exif is not None and exif[:6] == b"Exif\0\0":
        exif = exif[6:]
    dpi = photo_exif.parse(exif).dpi() if exif else None
    if entry.name in ("jpeg", "png", "tiff") and (image.xres, image.yres) != (1.0, 1.0):
        dpi = (image.xres * 25.4, image.yres * 25.4)
    icc = blob("icc-profile-data")
    return Metadata(
        entry.name,
        exif=exif,
        xmp=blob("xmp-data"),
        iptc=iptc_records(blob("iptc-data")),
        icc=icc if photo_icc.colour_space(icc) else None,
        dpi=dpi,
    )
