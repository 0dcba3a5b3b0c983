"""What a photo file says beside its pixels, kept so that the coloured file can say it again.

EXIF is taken apart in photo_exif.py, XMP in photo_xmp.py; here is what joins them, and IPTC.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

NOTE = "colours reconstructed"
"""What the mark says, in EXIF Software and in the XMP history."""


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
    """The IPTC records (IIM), without the Photoshop resources that JPEG wraps around them."""
    icc: bytes | None = None
    """The ICC profile; that of the source, though the pixels of a Photo are sRGB already."""
    dpi: tuple[float, float] | None = None
    """Pixels per inch, across and down."""
    compression: str = ""
    """For TIFF: how the source was compressed, so that the result can be too."""

    def __post_init__(self) -> None:
        """Forget a resolution that no scanner has: broken files tell such, and writers choke on them."""
        if self.dpi is not None and not all(1 <= value <= 100_000 for value in self.dpi):
            object.__setattr__(self, "dpi", None)


def describe_result(
    source: Metadata, width: int, height: int, *, icc: bytes | None, format: str, mark: bool
) -> Metadata:
    """Turn the metadata of a source into those of the upright, coloured picture of ``width`` x ``height``.

    ``icc`` is the profile of the written pixels, None for sRGB. With ``mark`` the note that the colours are
    reconstructed is appended to EXIF Software and to the XMP history.
    """
    from irodori import __version__, photo_exif, photo_xmp

    software = f"irodori {__version__}"
    tags = photo_exif.parse(source.exif) if source.exif else photo_exif.Exif()
    tags.describe_result(width, height, srgb=icc is None, software=f"{software}: {NOTE}" if mark else None)
    return replace(
        source,
        format=format,
        exif=tags.block() or None,
        xmp=photo_xmp.describe_result(
            source.xmp, software=software if mark else None, note=NOTE, short=format == "jpeg"
        ),
        icc=icc,
    )


def iptc_records(block: bytes | None) -> bytes | None:
    """Take the IPTC records out of a block of Photoshop resources (JPEG); records alone (TIFF) are given back."""
    if block is None or not block.startswith(b"Photoshop 3.0\0"):
        return block or None
    at = 14
    while at + 12 <= len(block) and block[at : at + 4] == b"8BIM":
        kind, name = struct.unpack(">HB", block[at + 4 : at + 7])
        at += 7 + name + (name + 1) % 2
        size = int.from_bytes(block[at : at + 4], "big")
        at += 4
        if kind == 0x0404:
            return block[at : at + size] or None
        at += size + size % 2
    return None


def iptc_resource(records: bytes) -> bytes:
    """Wrap IPTC records as the Photoshop resource that a JPEG carries."""
    return (
        b"Photoshop 3.0\0" + struct.pack(">4sHHI", b"8BIM", 0x0404, 0, len(records)) + records + bytes(len(records) % 2)
    )
