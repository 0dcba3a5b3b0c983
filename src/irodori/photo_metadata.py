"""What a photo file says beside its pixels, kept so that the coloured file can say it again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metadata:
    """The words and numbers around the pixels of one file; every field may be missing."""

    format: str = ""
    """Name of the source's format (photo_formats.py), "" for a photo made from an array."""
    exif: bytes | None = None
    """The EXIF block, from its byte-order mark on (without the ``Exif\\0\\0`` that JPEG puts before it)."""
    xmp: bytes | None = None
    """The XMP packet, XML in UTF-8."""
    iptc: bytes | None = None
    """The IPTC block as libvips hands it over (JPEG: the whole Photoshop resource block)."""
    icc: bytes | None = None
    """The source's ICC profile; the pixels of a Photo are sRGB already."""
    dpi: tuple[float, float] | None = None
    """Pixels per inch, across and down."""
    compression: str = ""
    """For TIFF: how the source was compressed, so that the result can be too."""
