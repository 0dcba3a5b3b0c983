"""libvips, set up once: only our loaders may run, nothing is cached, nothing is printed.

Importing this module imports pyvips (0.2 s), so it is only imported inside functions.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
from typing import Any, BinaryIO

import numpy as np
import pyvips
from numpy.typing import NDArray


def _threads() -> int:
    told = os.environ.get("VIPS_CONCURRENCY", "")
    return int(told) if told.isdecimal() and int(told) > 0 else max(1, min(4, os.cpu_count() or 1))


THREADS = _threads()
"""libvips workers per picture, or $VIPS_CONCURRENCY; more only cost memory in pipelines as short as ours."""

_LOADERS = ("Jpeg", "Png", "Tiff", "Webp", "Heif")


_LOG = logging.getLogger("irodori.libvips")
_LOG.addHandler(logging.NullHandler())
_DOMAINS = (b"VIPS", b"GLib-GObject", b"GLib")
_ALL_LEVELS = 0xFF  # recursion, fatal, error to debug


def _tell(domain: Any, level: int, message: Any, _: Any) -> None:
    """Pass a message of the libraries on to logging, as debugging: what matters comes as an error anyway."""
    words = [pyvips.ffi.string(text).decode("utf-8", "replace") if text else "" for text in (domain, message)]
    _LOG.debug("%s: %s", *words)


_CALLBACK = pyvips.ffi.callback("GLogFunc", _tell)  # kept for as long as the library may call it


def _silence() -> None:
    """Keep the libraries from writing to the screen about broken files, until Python ends."""
    for domain in _DOMAINS:
        number = pyvips.glib_lib.g_log_set_handler(domain, _ALL_LEVELS, _CALLBACK, pyvips.ffi.NULL)
        atexit.register(pyvips.glib_lib.g_log_remove_handler, domain, number)


def _set_up() -> None:
    _silence()
    # Every loader is locked, then those of the formats that we read are opened again: a file that manages to look like
    # a drawing, a document or raw numbers to libvips cannot reach the code that would parse it. (The loaders are also
    # called by name, never by libvips' own guess; this is the second lock on the door. It holds for the process.)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for name in _LOADERS:
        pyvips.operation_block_set(f"VipsForeignLoad{name}", False)
    # The cache of operations would keep whole pictures alive after their Photo is gone.
    pyvips.cache_set_max(0)
    pyvips.cache_set_max_mem(0)
    pyvips.cache_set_max_files(0)
    if hasattr(pyvips.vips_lib, "vips_concurrency_set"):  # older bindings: as many workers as there are cores
        pyvips.vips_lib.vips_concurrency_set(THREADS)


_set_up()

Image: Any = pyvips.Image
Region: Any = pyvips.Region
Target: Any = pyvips.Target
Error: type[Exception] = pyvips.Error
BLOB: Any = pyvips.GValue.blob_type


def source(data: bytes | BinaryIO) -> Any:
    """Make a libvips source of bytes, or of an open file from its beginning."""
    if isinstance(data, bytes):
        return pyvips.Source.new_from_memory(data)
    data.seek(0)
    if os.name == "nt":  # a descriptor of Python's C library means nothing to another one
        return pyvips.Source.new_from_file(data.name)
    return pyvips.Source.new_from_descriptor(data.fileno())


def from_array(samples: NDArray[Any], *, cmyk: bool = False) -> Any:
    """View ``(H, W)`` or ``(H, W, channels)`` uint8 or uint16 samples as a libvips image, without copying."""
    samples = np.ascontiguousarray(samples)
    height, width = samples.shape[:2]
    bands = 1 if samples.ndim == 2 else samples.shape[2]
    deep = samples.dtype == np.uint16
    image = pyvips.Image.new_from_memory(samples, width, height, bands, "ushort" if deep else "uchar")
    kind = "cmyk" if cmyk else ("rgb16" if deep else "srgb") if bands >= 3 else "grey16" if deep else "b-w"
    return image.copy(interpretation=kind)


def to_srgb(image: Any, bands: int, icc: bytes | None, deep: bool) -> Any:
    """Convert the first ``bands`` of ``image`` with the profile ``icc`` (CMYK: libvips' own when None) to sRGB.

    Grey stays one band; further bands (alpha) stay as they are. Relative colorimetric, with black-point compensation
    for CMYK, whose black is lighter than a screen's. A profile that the engine refuses is passed over for grey and RGB.
    """
    colours = image.extract_band(0, n=bands)
    if icc is not None:
        colours = colours.copy()
        colours.set_type(BLOB, "icc-profile-data", icc)
    try:
        converted = colours.icc_transform(
            "srgb",
            embedded=icc is not None,
            input_profile="cmyk" if bands == 4 else "srgb",
            intent="relative",
            black_point_compensation=bands == 4,
            depth=16 if deep else 8,
        )
    except pyvips.Error:
        if bands == 4:
            raise
        return image
    if bands == 1:
        converted = converted.extract_band(1)
    extra = image.bands - bands
    return converted.bandjoin(image.extract_band(bands, n=extra)) if extra else converted


def field(image: Any, name: str, default: Any) -> Any:
    """Return one entry of an image's metadata. (Listing all can fail: in a broken file a name may be no text.)"""
    return image.get(name) if image.get_typeof(name) else default


def reason(error: Exception) -> str:
    """Return libvips' own words about a failure as one short line; of the system's errors (disk full) the system's."""
    text = str(getattr(error, "detail", "") or error)
    told = re.search(r"system error: (?!Unknown)(.+)", text)
    if told is not None:
        return told[1].strip()
    lines = [line.strip().rstrip(".") for line in text.splitlines() if line.strip() and "bad seek" not in line]
    unique = list(dict.fromkeys(lines))
    return "; ".join(unique)[:200] or "no reason given"


def save(image: Any, kind: str, file: BinaryIO, options: dict[str, Any]) -> None:
    """Run the saver for ``kind`` ("jpeg", "png", "tiff", "webp", "avif") into ``file``, from its beginning.

    Raises :data:`Error`, or OSError when the disk refuses.
    """
    saver = getattr(image, {"avif": "heif"}.get(kind, kind) + "save_target")
    try:
        descriptor = file.fileno()
    except OSError:  # a file in memory
        target = pyvips.Target.new_to_memory()
        saver(target, **options)
        file.write(target.get("blob"))
        return
    if os.name == "nt":
        saver(pyvips.Target.new_to_file(file.name), **options)
    else:
        saver(pyvips.Target.new_to_descriptor(descriptor), **options)
