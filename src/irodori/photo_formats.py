"""The picture formats that irodori reads and writes, told apart by their first bytes, never by their names.

Five of them are the business of libvips (pyvips with its bundled library). Two it cannot read as bundled: BMP, for
which photo_bmp.py has a small strict reader (the format is two pages; another imaging library would be another set of
parsers to trust), and JPEG 2000, for which photo_jp2.py uses OpenJPEG through a 2 MB wheel (Pillow's reading of it
stops at 8 bits in colour).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from irodori.errors import PhotoError


@dataclass(frozen=True)
class Format:
    """One file format: how it is called, which suffixes mean it, and what a file of it can hold."""

    name: str
    """What the rest of the program calls it, for example ``"jpeg"``."""
    title: str
    """What a person calls it, for example ``"JPEG"``."""
    suffixes: tuple[str, ...]
    """File-name endings in lower case, the usual one first."""
    depths: tuple[int, ...]
    """Bits per channel that can be written, 8 and perhaps 16."""
    alpha: bool
    """Whether a written file can hold transparency."""
    cmyk: bool = False
    """Whether a written file can hold the four inks of a printing profile."""


FORMATS: tuple[Format, ...] = (
    Format("jpeg", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), (8,), alpha=False, cmyk=True),
    Format("png", "PNG", (".png",), (8, 16), alpha=True),
    Format("tiff", "TIFF", (".tif", ".tiff"), (8, 16), alpha=True, cmyk=True),
    Format("webp", "WebP", (".webp",), (8,), alpha=True),
    Format("avif", "AVIF", (".avif",), (8, 16), alpha=True),
    Format("jp2", "JPEG 2000", (".jp2", ".j2k", ".j2c", ".jpf", ".jpx"), (8, 16), alpha=True),
    Format("bmp", "BMP", (".bmp", ".dib"), (8,), alpha=False),
)

READABLE = ", ".join(entry.title for entry in FORMATS[:-1]) + " and " + FORMATS[-1].title
"""The list of what is read, for sentences: "JPEG, PNG, ... and BMP"."""

_BY_NAME = {entry.name: entry for entry in FORMATS}
_BY_SUFFIX = {suffix: entry for entry in FORMATS for suffix in entry.suffixes}

SNIFF_BYTES = 64
"""How many leading bytes :func:`identify` wants to see."""

_AVIF_BRANDS = (b"avif", b"avis")

# Names for things that people do try, so that the refusal can say what the file is.
_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "a PDF document"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML file"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (0, b"FUJIFILM", "a raw camera file"),
    (8, b"CR\x02\x00", "a raw camera file"),
    (4, b"ftypheic", "a HEIC picture"),
    (4, b"ftypheix", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIF picture"),
    (4, b"ftypcrx ", "a raw camera file"),
)


def identify(head: bytes) -> Format:
    """Tell the format of a file from its first bytes (:data:`SNIFF_BYTES` are enough).

    Raises :class:`PhotoError`, with the list of what is read, for anything else but an empty file.
    """
    if not head:
        raise PhotoError("the file is empty")
    name = _name_of(head)
    if name is not None:
        return _BY_NAME[name]
    what = "not a picture that irodori reads"
    for offset, magic, title in _OTHERS:
        if head[offset : offset + len(magic)] == magic:
            what = f"{title}, which irodori does not read"
            break
    raise PhotoError(f"{what}; expected {READABLE}")


def _name_of(head: bytes) -> str | None:
    if head[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if head[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+") and head[8:11] != b"CR\x02":
        return "tiff"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        size = min(int.from_bytes(head[:4], "big"), len(head))
        brands = [head[8:12], *(head[i : i + 4] for i in range(16, size - 3, 4))]
        if any(brand in _AVIF_BRANDS for brand in brands):
            return "avif"
    if head[:12] == b"\0\0\0\x0cjP  \r\n\x87\n" or head[:4] == b"\xff\x4f\xff\x51":
        return "jp2"
    if (
        head[:2] == b"BM"
        and len(head) >= 18
        and int.from_bytes(head[14:18], "little") in (12, 40, 52, 56, 64, 108, 124)
    ):
        return "bmp"
    return None


def by_name(name: str) -> Format:
    """Return the format called ``name`` ("jpeg", "jpg", ".png", ...); :class:`PhotoError` when there is none."""
    key = name.lower()
    entry = _BY_NAME.get(key) or _BY_SUFFIX.get("." + key.lstrip("."))
    if entry is None:
        raise PhotoError(f"cannot write the format {name!r}; expected one of {', '.join(_BY_NAME)}")
    return entry


def by_suffix(path: str | PurePath) -> Format:
    """Return the format that the ending of ``path`` stands for; :class:`PhotoError` when it stands for none."""
    suffix = PurePath(path).suffix.lower()
    entry = _BY_SUFFIX.get(suffix)
    if entry is None:
        raise PhotoError(
            f"cannot tell a picture format from the name ending {suffix!r}; expected one of {', '.join(_BY_SUFFIX)}"
        )
    return entry
