"""EXIF blocks taken apart and put together again: a small reader and writer of TIFF directories.

An EXIF block is a TIFF file without pixels (CIPA DC-008, TIFF 6.0), so the same code reads the descriptive tags of a
TIFF (BigTIFF included) and adds them to one: libvips hands EXIF over for JPEG, PNG, WebP and AVIF, but not for TIFF.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from typing import BinaryIO

ORIENTATION, SOFTWARE, COLOUR_SPACE = 0x0112, 0x0131, 0xA001
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_EXIF, _GPS = 0x8769, 0x8825
_WIDTH, _HEIGHT, _MAKER_NOTE, _IPTC = 0xA002, 0xA003, 0x927C, 33723

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_UNITS = {5: 4, 10: 4}  # rationals are pairs of 4-byte numbers; byte order turns within those

# Tags that say how pixels are stored, or point into the old file, or are carried as metadata of their own.
_STRUCTURAL = frozenset(
    [
        *(*range(254, 269), *range(273, 285), *range(288, 302), *range(317, 349), *range(512, 533), 559),
        *(700, _IPTC, 34377, 34675, _EXIF, _GPS, 0xA005),  # XMP, IPTC, Photoshop, ICC, directories
        *(37724, 50255),  # layers and annotations of Photoshop
    ]
)

_MAX_ENTRIES = 1000
_MAX_ENTRY = 1 << 16
_MAX_BLOCK = 60_000
"""A JPEG segment holds 65,533 bytes; what is longer loses its maker note, then its longest entries."""


@dataclass(frozen=True)
class Entry:
    """One tag's value: its TIFF type, how many of them, and the bytes, little-endian."""

    kind: int
    count: int
    data: bytes


@dataclass
class Exif:
    """The tags of the main, the EXIF and the GPS directory; the thumbnail (of the grey picture) is left out."""

    main: dict[int, Entry] = field(default_factory=dict)
    exif: dict[int, Entry] = field(default_factory=dict)
    gps: dict[int, Entry] = field(default_factory=dict)
    iptc: bytes | None = None
    """IPTC records, which a TIFF keeps in its main directory (libvips would cut them at a multiple of four bytes)."""

    def text(self, tag: int) -> str:
        """Return a text tag of the main directory, "" when it is missing."""
        entry = self.main.get(tag)
        return "" if entry is None or entry.kind != 2 else entry.data.split(b"\0")[0].decode("utf-8", "replace").strip()

    def set_text(self, tag: int, text: str) -> None:
        """Set a text tag of the main directory."""
        data = text.encode("utf-8") + b"\0"
        self.main[tag] = Entry(2, len(data), data)

    def dpi(self) -> tuple[float, float] | None:
        """Return the resolution in pixels per inch, if the main directory tells one."""
        unit = self.main.get(RESOLUTION_UNIT)
        scale = 2.54 if unit is not None and unit.data[:2] == b"\x03\0" else 1.0
        values = []
        for tag in (X_RESOLUTION, Y_RESOLUTION):
            entry = self.main.get(tag)
            if entry is None or entry.kind != 5 or len(entry.data) < 8:
                return None
            top, bottom = struct.unpack("<II", entry.data[:8])
            values.append(top / bottom * scale if bottom else 0.0)
        return (values[0], values[1]) if min(values) > 0 else None

    def describe_result(self, width: int, height: int, *, srgb: bool, software: str | None) -> None:
        """Turn the tags of the source into those of the upright, coloured picture.

        The orientation is reset, size and colour space are those of the result, and ``software`` (if any) is appended
        to the Software tag unless it stands there already.
        """
        for tag in (ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT):
            self.main.pop(tag, None)
        if software:
            before = self.text(SOFTWARE)
            if software not in before:
                self.set_text(SOFTWARE, f"{before}; {software}" if before else software)
        if self.exif:
            self.exif[COLOUR_SPACE] = Entry(3, 1, struct.pack("<H", 1 if srgb else 0xFFFF))
            self.exif[_WIDTH] = Entry(4, 1, struct.pack("<I", width))
            self.exif[_HEIGHT] = Entry(4, 1, struct.pack("<I", height))

    def block(self) -> bytes:
        """Write the tags as one little-endian EXIF block of at most 60,000 bytes; empty when there are none."""
        exif, main = dict(self.exif), dict(self.main)
        while main or exif or self.gps:
            block = self._block(main, exif)
            if len(block) <= _MAX_BLOCK:
                return block
            if not main and not exif:
                break
            if _MAKER_NOTE in exif:
                del exif[_MAKER_NOTE]
                continue
            longest = max((main, exif), key=lambda d: max((len(e.data) for e in d.values()), default=0))
            del longest[max(longest, key=lambda tag: len(longest[tag].data))]
        return b""

    def _block(self, main: dict[int, Entry], exif: dict[int, Entry]) -> bytes:
        out = bytearray(b"II*\0\x08\0\0\0")
        pointers = [(tag, entries) for tag, entries in ((_EXIF, exif), (_GPS, self.gps)) if entries]
        placed = main | {tag: Entry(4, 1, bytes(4)) for tag, _ in pointers}
        main_size = len(_directory(placed, 0, big=False))
        offset, tail = 8 + main_size, bytearray()
        for tag, entries in pointers:
            placed[tag] = Entry(4, 1, struct.pack("<I", offset + len(tail)))
            tail += _directory(entries, offset + len(tail), big=False)
        return bytes(out + _directory(placed, 8, big=False) + tail)


def parse(block: bytes) -> Exif:
    """Read an EXIF block (with or without ``Exif\\0\\0`` before it); what is broken in it is left out."""
    if block[:6] == b"Exif\0\0":
        block = block[6:]
    return read_tiff(io.BytesIO(block), 0)


def read_tiff(file: BinaryIO, page: int) -> Exif:
    """Read the descriptive tags of page ``page`` of a TIFF file; what is broken in them is left out."""
    found = Exif()
    try:
        reader = _Reader(file)
        offset = reader.first
        for _ in range(min(page, 100_000)):
            offset = reader.next_of(offset)
        raw = reader.directory(offset)
        found.main = {tag: entry for tag, entry in raw.items() if tag not in _STRUCTURAL or tag in _KEPT_FROM_BLOCK}
        if _IPTC in raw:
            found.iptc = _iptc(raw[_IPTC])
        for tag, into in ((_EXIF, found.exif), (_GPS, found.gps)):
            if tag in raw:
                pointed = reader.directory(int.from_bytes(raw[tag].data[:8], "little"))
                into.update({t: e for t, e in pointed.items() if t not in (_EXIF, _GPS, 0xA005)})
    except (ValueError, struct.error, OSError, OverflowError):
        pass
    return found


def _iptc(entry: Entry) -> bytes:
    """Undo the turning of records that a big-endian file keeps as 32-bit numbers."""
    data = entry.data
    return _turned(entry.kind, data) if data[:1] != b"\x1c" and data[3:4] == b"\x1c" else data


_KEPT_FROM_BLOCK = frozenset((ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT))


class _Reader:
    """Directories of one TIFF structure, in either byte order, classic or BigTIFF."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        head = self._read(0, 16, short=True)
        self.order = {b"II": "<", b"MM": ">"}[head[:2]] if head[:2] in (b"II", b"MM") else ""
        if not self.order:
            raise ValueError("not a TIFF structure")
        self.big = struct.unpack(self.order + "H", head[2:4])[0] == 43
        self.first: int = struct.unpack(self.order + ("Q" if self.big else "I"), head[8:16] if self.big else head[4:8])[
            0
        ]

    def _read(self, offset: int, size: int, *, short: bool = False) -> bytes:
        self.file.seek(offset)
        data = self.file.read(size)
        if len(data) != size and not short:
            raise ValueError("the data ends too early")
        return data

    def _count(self, offset: int) -> tuple[int, int]:
        size = 8 if self.big else 2
        count = struct.unpack(self.order + ("Q" if self.big else "H"), self._read(offset, size))[0]
        if not 0 < count <= _MAX_ENTRIES:
            raise ValueError("an impossible number of tags")
        return count, offset + size

    def next_of(self, offset: int) -> int:
        count, start = self._count(offset)
        size = 8 if self.big else 4
        return int(
            struct.unpack(self.order + ("Q" if self.big else "I"), self._read(start + count * self.step, size))[0]
        )

    @property
    def step(self) -> int:
        return 20 if self.big else 12

    def directory(self, offset: int, *, only: tuple[int, ...] = (), longest: int = _MAX_ENTRY) -> dict[int, Entry]:
        count, start = self._count(offset)
        raw = self._read(start, count * self.step)
        entries = {}
        inline = 8 if self.big else 4
        for i in range(count):
            piece = raw[i * self.step : (i + 1) * self.step]
            tag, kind = struct.unpack(self.order + "HH", piece[:4])
            number = struct.unpack(self.order + ("Q" if self.big else "I"), piece[4 : 4 + inline])[0]
            size = number * _SIZES.get(kind, 0)
            if not 0 < size <= longest or (only and tag not in only):
                continue
            try:
                if size <= inline:
                    data = piece[4 + inline : 4 + inline + size]
                else:
                    where = struct.unpack(self.order + ("Q" if self.big else "I"), piece[-inline:])[0]
                    data = self._read(where, size)
            except (ValueError, OSError, OverflowError):
                continue
            entries[tag] = Entry(kind, number, data if self.order == "<" else _turned(kind, data))
        return entries


def _turned(kind: int, data: bytes) -> bytes:
    unit = _UNITS.get(kind, _SIZES[kind])
    return data if unit == 1 else b"".join(data[i : i + unit][::-1] for i in range(0, len(data), unit))


def _directory(entries: dict[int, Entry], offset: int, *, big: bool, raw: dict[int, bytes] | None = None) -> bytes:
    """Write a directory that will stand at ``offset``, its long values right behind it; ``raw`` entries as they are."""
    step, inline, number = (20, 8, "Q") if big else (12, 4, "I")
    raw = raw or {}
    count = len(entries) + len(raw)
    values_at = offset + (8 if big else 2) + count * step + inline
    table, values = bytearray(struct.pack("<Q" if big else "<H", count)), bytearray()
    for tag in sorted(entries.keys() | raw.keys()):
        if tag in raw:
            table += raw[tag]
            continue
        entry = entries[tag]
        if len(entry.data) <= inline:
            value = entry.data.ljust(inline, b"\0")
        else:
            value = struct.pack("<" + number, values_at + len(values))
            values += entry.data + b"\0" * (len(entry.data) % 2)
        table += struct.pack("<HH" + number, tag, entry.kind, entry.count) + value
    return bytes(table + bytes(inline) + values)


def add_to_tiff(file: BinaryIO, tags: Exif) -> None:
    """Add ``tags`` to the first page of a little-endian TIFF file that is open for reading and writing.

    A new directory with the old entries and the new tags is appended and the file's header made to point to it.
    Raises ValueError for a file that is no such TIFF, OSError when writing fails.
    """
    if not (tags.main or tags.exif or tags.gps or tags.iptc):
        return
    reader = _Reader(file)
    if reader.order != "<":
        raise ValueError("expected a little-endian TIFF")
    count, start = reader._count(reader.first)
    table = reader._read(start, count * reader.step)
    raw = {}
    for i in range(count):
        piece = table[i * reader.step : (i + 1) * reader.step]
        raw[struct.unpack("<H", piece[:2])[0]] = piece
    following = reader.next_of(reader.first)
    if following:
        raise ValueError("expected a TIFF of one page")
    added = {tag: entry for tag, entry in tags.main.items() if tag not in raw or tag not in _STRUCTURAL}
    raw = {tag: piece for tag, piece in raw.items() if tag not in added}

    if tags.iptc:
        added[_IPTC] = Entry(7, len(tags.iptc), tags.iptc)

    end = file.seek(0, 2)
    file.write(bytes(end % 2))
    end += end % 2
    for tag, entries in ((_EXIF, tags.exif), (_GPS, tags.gps)):
        if entries:
            block = _directory(entries, end, big=reader.big)
            file.write(block)
            added[tag] = Entry(16 if reader.big else 4, 1, struct.pack("<Q" if reader.big else "<I", end))
            end += len(block)
    file.write(_directory(added, end, big=reader.big, raw=raw))
    file.seek(8 if reader.big else 4)
    file.write(struct.pack("<Q" if reader.big else "<I", end))


@dataclass(frozen=True)
class TiffLayout:
    """How a page of a TIFF file is stored, as far as libvips does not tell."""

    compression: str = ""
    """ "none", "lzw", "deflate", "packbits", "jpeg", "" for other ways."""
    complete: bool = True
    """Whether all tiles lie inside the file: libtiff tells of a strip that does not, but fills a tile with anything."""
    alpha: bool = True
    """Whether an extra channel is transparency. Scanners' infrared and Photoshop's saved selections are not."""
    empty: bool = False
    """Whether the file says that its width or its height is 0."""
    tiled: bool = False
    """Whether the picture is stored in tiles, else in strips, which may be as long as the picture is high."""


def tiff_layout(file: BinaryIO, page: int) -> TiffLayout:
    """Look at how page ``page`` of a TIFF file is stored; what cannot be read counts as usual."""
    try:
        reader = _Reader(file)
        offset = reader.first
        for _ in range(page):
            offset = reader.next_of(offset)
        wanted = (_COMPRESSION, _EXTRA_SAMPLES, _TILE_OFFSETS, _TILE_SIZES, _COLUMNS, _ROWS)
        tags = reader.directory(offset, only=wanted, longest=_MAX_TILES)
        size = file.seek(0, 2)
    except (ValueError, struct.error, OSError, OverflowError):
        return TiffLayout()
    kind, extra, starts, lengths, *sides = (_integers(tags.get(tag)) for tag in wanted)
    return TiffLayout(
        _COMPRESSIONS.get(kind[0] if kind else 1, ""),
        max((start + length for start, length in zip(starts, lengths, strict=False)), default=0) <= size,
        bool(extra) and extra[0] in (1, 2),
        [0] in sides,
        bool(starts),
    )


_COLUMNS, _ROWS, _COMPRESSION, _EXTRA_SAMPLES = 256, 257, 259, 338
_COMPRESSIONS = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits", 7: "jpeg"}
_TILE_OFFSETS, _TILE_SIZES = 324, 325
_MAX_TILES = 1 << 24  # bytes of a table of tiles


def _integers(entry: Entry | None) -> list[int]:
    if entry is None:
        return []
    step = _SIZES[entry.kind]
    return [int.from_bytes(entry.data[i : i + step], "little") for i in range(0, len(entry.data), step)]
