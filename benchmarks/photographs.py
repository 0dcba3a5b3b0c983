"""Photographs of any size for the benchmarks: a sample of ours enlarged, with grain so that it packs like a scan.

Run as a program it writes one file: ``python benchmarks/photographs.py TARGET MEGAPIXELS BITS``; in a process of its
own, its memory does not count in what is measured.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def make(target: Path, megapixels: float, bits: int = 8) -> Path:
    """Write a grey photograph in 4:3 to ``target``, format by its ending, and return the path."""
    subprocess.run([sys.executable, __file__, str(target), str(megapixels), str(bits)], check=True)
    return target


def _write(target: str, megapixels: float, bits: int) -> None:
    import pyvips

    from irodori.samples import SAMPLES

    height = round((megapixels * 1e6 / (4 / 3)) ** 0.5)
    width = round(megapixels * 1e6 / height)
    photo = pyvips.Image.new_from_file(str(SAMPLES[0].path))
    photo = photo.crop(0, 0, photo.width, photo.width * 3 // 4)
    photo = photo.resize(width / photo.width, vscale=height / photo.height, kernel="cubic")
    grain = pyvips.Image.gaussnoise(photo.width, photo.height, sigma=6, mean=0, seed=7)
    photo = (photo + grain).crop(0, 0, min(width, photo.width), min(height, photo.height))
    photo = (photo * 257).cast("ushort") if bits == 16 else photo.cast("uchar")
    photo = photo.copy(interpretation="grey16" if bits == 16 else "b-w")
    options = {"Q": 90} if target.endswith(".jpg") else {}
    photo.write_to_file(target, **options)


if __name__ == "__main__":
    _write(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
