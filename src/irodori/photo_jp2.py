"""JPEG 2000 files: the boxes of JP2 read and written here, the codestream by OpenJPEG (package pylibjpeg-openjpeg).

OpenJPEG is only ever given a bare codestream whose size and components were checked here first (all of one depth, none
subsampled), because the wrapper sizes its output by the first component. Palettes, channel definitions and colour
spaces are applied here. Formats: ISO/IEC 15444-1, annexes A (codestream) and I (JP2).
"""

from __future__ import annotations

import io
import logging
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from irodori.errors import PhotoError
from irodori.photo_metadata import Metadata

_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_EXIF = b"JpgTiffExif->JP2"
_SRGB, _GREY, _YCC = 16, 17, 18
_CUT = "the JPEG 2000 file is damaged or cut short"
_MAX_UUID = 1 << 24
_SMALLEST = 32  # the encoder always halves five times


@dataclass
class Jp2:
    """What the boxes and the codestream's header say."""

    width: int = 0
    height: int = 0
    components: int = 0
    bits: int = 0
    start: int = 0
    """Where the codestream begins."""
    space: int = 0
    icc: bytes | None = None
    palette: NDArray[np.uint16] | None = None
    palette_bits: int = 8
    mapping: tuple[tuple[int, int, int], ...] = ()
    alpha: int | None = None
    order: tuple[int, ...] | None = None
    """Which channels are the colours, if the file gives them in another order."""
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None

    @property
    def metadata(self) -> Metadata:
        """The metadata for the Photo."""
        return Metadata("jp2", self.exif, self.xmp, self.iptc, self.icc, self.dpi)


def read_header(data: bytes) -> Jp2:
    """Read boxes and codestream header of ``data`` (the whole file); :class:`PhotoError` for what is not read."""
    found = Jp2()
    try:
        if data[:12] == _SIGNATURE:
            _boxes(data, 0, len(data), found)
        _codestream(data, found)
    except PhotoError:
        raise
    except (struct.error, IndexError, ValueError):
        raise PhotoError(_CUT) from None
    return found


def _boxes(data: bytes, at: int, end: int, found: Jp2, depth: int = 0) -> None:
    while at + 8 <= end:
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = at + 8
        if size == 1:
            size = struct.unpack(">Q", data[body : body + 8])[0]
            body += 8
        stop = end if size == 0 else at + size
        if stop < body or (stop > end and kind != b"jp2c"):
            raise ValueError("a box leaves the file")
        if kind == b"jp2c":
            found.start = body
            if found.width:
                return
        elif kind in (b"jp2h", b"res ") and depth < 3:
            _boxes(data, body, stop, found, depth + 1)
        else:
            _box(kind, data[body:stop] if stop - body <= _MAX_UUID else b"", found)
        at = min(stop, end)


def _box(kind: bytes, body: bytes, found: Jp2) -> None:
    if kind == b"colr" and not found.space and found.icc is None:
        if body[0] == 1:
            found.space = struct.unpack(">I", body[3:7])[0]
        elif body[0] in (2, 3):
            found.icc = body[3:]
    elif kind == b"pclr":
        count, columns = struct.unpack(">HB", body[:3])
        depths = {(b & 0x7F) + 1 for b in body[3 : 3 + columns]}
        if not 1 <= count <= 1024 or len(depths) != 1 or max(depths) > 16:
            raise ValueError("a palette that is not read")
        found.palette_bits = depths.pop()
        dtype = ">u2" if found.palette_bits > 8 else ">u1"
        table = np.frombuffer(body, dtype, count * columns, 3 + columns)
        found.palette = table.reshape(count, columns).astype(np.uint16)
    elif kind == b"cmap":
        found.mapping = tuple(struct.iter_unpack(">HBB", body))
    elif kind == b"cdef":
        count = struct.unpack(">H", body[:2])[0]
        rows = list(struct.iter_unpack(">HHH", body[2 : 2 + 6 * count]))
        found.alpha = next((channel for channel, kind_, _ in rows if kind_ in (1, 2)), None)
        colours = sorted((where, channel) for channel, kind_, where in rows if kind_ == 0 and where)
        found.order = tuple(channel for _, channel in colours) or None
    elif kind in (b"resc", b"resd") and (kind == b"resc" or found.dpi is None):
        top_v, bottom_v, top_h, bottom_h, power_v, power_h = struct.unpack(">HHHHbb", body[:10])
        if bottom_v and bottom_h and top_v and top_h and max(abs(power_v), abs(power_h)) < 12:
            found.dpi = (top_h / bottom_h * 10.0**power_h * 0.0254, top_v / bottom_v * 10.0**power_v * 0.0254)
    elif kind == b"uuid":
        name, body = body[:16], body[16:]
        if name == _XMP:
            found.xmp = body
        elif name == _IPTC:
            found.iptc = body
        elif name == _EXIF:
            found.exif = body


def _codestream(data: bytes, found: Jp2) -> None:
    at = found.start
    if data[at : at + 4] != b"\xff\x4f\xff\x51":
        raise ValueError("no codestream")
    x1, y1, x0, y0 = struct.unpack(">4I", data[at + 8 : at + 24])
    found.components = struct.unpack(">H", data[at + 40 : at + 42])[0]
    parts = set(struct.iter_unpack(">BBB", data[at + 42 : at + 42 + 3 * found.components]))
    if not 1 <= found.components <= 5 or not parts:
        raise PhotoError(
            f"the JPEG 2000 file has {found.components} components; expected grey or RGB, perhaps with alpha"
        )
    depth, dx, dy = parts.pop()
    if parts or dx != 1 or dy != 1 or depth & 0x80 or depth + 1 > 16 or x0 or y0:
        raise PhotoError(
            "the JPEG 2000 file is of a kind that irodori does not read "
            "(expected unsigned components of one depth up to 16 bit, none subsampled)"
        )
    found.width, found.height, found.bits = x1, y1, depth + 1


def decode(data: bytes, header: Jp2) -> tuple[NDArray[Any], bool]:
    """Decode to ``(H, W, channels)`` uint8 or uint16 at full range, and tell whether the last channel is alpha.

    Raises :class:`PhotoError` for a broken codestream.
    """
    import _openjpeg  # type: ignore[import-not-found]  # (its `decode` in Python would parse the header twice more)

    logging.getLogger("openjpeg").addHandler(logging.NullHandler())
    try:
        code, raw = _openjpeg.decode(io.BytesIO(memoryview(data)[header.start :]), 0, as_array=True)
    except (RuntimeError, ValueError, MemoryError):
        raise PhotoError(_CUT) from None
    shape = (header.height, header.width, header.components)
    if code != 0 or raw.nbytes != header.height * header.width * header.components * (2 if header.bits > 8 else 1):
        raise PhotoError(_CUT)
    samples = raw.view("<u2" if header.bits > 8 else np.uint8).reshape(shape)
    bits = header.bits
    if header.palette is not None:
        samples, bits = _through_palette(samples, header), header.palette_bits
    samples = _arranged(samples, header)
    samples = _full_range(samples, bits)
    count = samples.shape[2]
    has_alpha = header.alpha is not None or count == 2 or (count == 4 and not _is_cmyk(header)) or count == 5
    if count - has_alpha not in (1, 3, 4):
        raise PhotoError(f"the JPEG 2000 file has {count - has_alpha} colour channels; expected 1, 3 or 4")
    if count - has_alpha == 3 and header.space == _YCC:
        samples[..., :3] = _ycc_to_rgb(samples[..., :3])
    return samples, has_alpha


def _is_cmyk(header: Jp2) -> bool:
    return header.space == 12 or (header.icc is not None and header.icc[16:20] == b"CMYK")


def _through_palette(samples: NDArray[Any], header: Jp2) -> NDArray[Any]:
    assert header.palette is not None
    mapping = header.mapping or tuple((0, 1, i) for i in range(header.palette.shape[1]))
    planes = []
    for component, kind, column in mapping[:5]:
        if component >= header.components or column >= header.palette.shape[1]:
            raise PhotoError(_CUT)
        indices = samples[..., component]
        planes.append(header.palette[:, column][np.minimum(indices, len(header.palette) - 1)] if kind == 1 else indices)
    return np.stack(planes, axis=2)


def _arranged(samples: NDArray[Any], header: Jp2) -> NDArray[Any]:
    count = samples.shape[2]
    order = [i for i in (header.order or tuple(range(count))) if i < count and i != header.alpha]
    if header.alpha is not None:
        if header.alpha >= count:
            raise PhotoError(_CUT)
        order.append(header.alpha)
    if order == list(range(count)):
        return samples
    return np.ascontiguousarray(samples[..., order])


def _full_range(samples: NDArray[Any], bits: int) -> NDArray[Any]:
    if bits in (8, 16):
        return samples.astype(np.uint8 if bits == 8 else np.uint16, copy=False)
    top, full = (1 << bits) - 1, 255 if bits < 8 else 65535
    table = (np.arange(top + 1, dtype=np.uint64) * (2 * full) + top) // (2 * top)
    return np.asarray(table.astype(np.uint8 if bits < 8 else np.uint16)[np.minimum(samples, top)])


def _ycc_to_rgb(ycc: NDArray[Any]) -> NDArray[Any]:
    top = np.float32(np.iinfo(ycc.dtype).max)
    out = np.empty_like(ycc)
    for start in range(0, len(ycc), 64):
        y, cb, cr = (ycc[start : start + 64, :, i].astype(np.float32) for i in range(3))
        cb -= (top + 1) / 2
        cr -= (top + 1) / 2
        planes = (y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb)
        for i, plane in enumerate(planes):
            out[start : start + 64, :, i] = np.clip(plane, 0, top) + 0.5
    return out


def write(file: BinaryIO, pixels: NDArray[Any], alpha: NDArray[Any] | None, metadata: Metadata) -> None:
    """Write ``(H, W, 3)`` or ``(H, W)`` uint8 or uint16 pixels as a lossless JP2 file with the metadata given.

    Raises :class:`PhotoError` when the picture is too large for the encoder, OSError when writing fails.
    """
    from openjpeg.utils import encode_array

    planes = pixels if pixels.ndim == 3 else pixels[..., None]
    if alpha is not None:
        planes = np.concatenate([planes, alpha[..., None]], axis=2)
    height, width, count = planes.shape
    if max(height, width) > 65535 or min(height, width) < _SMALLEST or count == 2:
        raise PhotoError(
            f"cannot write a JPEG 2000 file of {width} x {height} (expected {_SMALLEST} to 65,535 pixels each way, "
            "and no transparency with grey); save it as TIFF or PNG"
        )
    bits = planes.dtype.itemsize * 8
    planes = np.ascontiguousarray(planes[..., 0] if count == 1 else planes)
    hint = 1 if count == 3 else 2 if count == 1 else 0
    try:
        stream = encode_array(planes, bits_stored=bits, photometric_interpretation=hint)
    except (RuntimeError, MemoryError) as error:
        raise PhotoError(f"cannot encode the JPEG 2000 file ({error})") from None
    header = _pack(b"ihdr", struct.pack(">IIHBBBB", height, width, count, bits - 1, 7, 0, 0))
    if metadata.icc:
        header += _pack(b"colr", bytes([2, 0, 0]) + metadata.icc)
    else:
        header += _pack(b"colr", bytes([1, 0, 0]) + struct.pack(">I", _GREY if count == 1 else _SRGB))
    if alpha is not None:
        rows = [(i, 0, i + 1) for i in range(count - 1)] + [(count - 1, 1, 0)]
        header += _pack(b"cdef", struct.pack(">H", count) + b"".join(struct.pack(">HHH", *row) for row in rows))
    if metadata.dpi:
        across, down = (min(65535, round(v / 0.0254)) for v in metadata.dpi)
        header += _pack(b"res ", _pack(b"resc", struct.pack(">HHHHbb", down, 1, across, 1, 0, 0)))
    file.write(_SIGNATURE + _pack(b"ftyp", b"jp2 \0\0\0\0jp2 ") + _pack(b"jp2h", header))
    for name, block in ((_EXIF, metadata.exif), (_XMP, metadata.xmp), (_IPTC, metadata.iptc)):
        if block:
            file.write(_pack(b"uuid", name + block))
    file.write(struct.pack(">I4s", 0, b"jp2c"))
    file.write(stream)


def _pack(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body
