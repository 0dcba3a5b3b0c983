"""libvips, set up once: only our loaders may run, nothing is cached, nothing is printed.

Importing this module imports pyvips, so it is only imported inside functions.
"""

from __future__ import annotations

import os
from typing import Any

import pyvips

THREADS = max(1, min(4, os.cpu_count() or 1))
"""libvips workers per picture; more of them only cost memory in pipelines as short as ours."""

_LOADERS = ("Jpeg", "Png", "Tiff", "Webp", "Heif")


def _set_up() -> None:
    # Every loader is locked, then those of the formats that we read are opened again: a file that manages to look like
    # a drawing, a document or raw numbers to libvips cannot reach the code that would parse it.
    pyvips.operation_block_set("VipsForeignLoad", True)
    for name in _LOADERS:
        pyvips.operation_block_set(f"VipsForeignLoad{name}", False)
    # The cache of operations would keep whole pictures alive after their Photo is gone.
    pyvips.cache_set_max(0)
    pyvips.cache_set_max_mem(0)
    pyvips.cache_set_max_files(0)
    pyvips.vips_lib.vips_concurrency_set(THREADS)


_set_up()

Image: Any = pyvips.Image
Region: Any = pyvips.Region
Source: Any = pyvips.Source
Target: Any = pyvips.Target
GValue: Any = pyvips.GValue
Error: type[Exception] = pyvips.Error


def reason(error: Exception) -> str:
    """Return libvips' own words about a failure as one short line without its line breaks."""
    text = str(getattr(error, "detail", "") or error)
    lines = [line.strip().rstrip(".") for line in text.splitlines() if line.strip()]
    unique = list(dict.fromkeys(lines))
    return "; ".join(unique)[:200] or "no reason given"
