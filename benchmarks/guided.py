"""What guided upsampling is worth: the true ab of photographs, shrunk and brought back, against bilinear.

    python benchmarks/guided.py PHOTOS... [--factors 4 8] [--limit N] [--jobs N]

PHOTOS: folders, .tar files or single files of colour photographs. For each photo and factor the ab and L planes are
shrunk by averaging blocks; ab is brought back with the guided filter (from small ab, small L and full L) and with
bilinear enlargement. PSNR of ab is over both channels with a peak of 255, then the mean over the photographs.
"""

from __future__ import annotations

import argparse
import tarfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record import save

from irodori.color import guided, lab
from irodori.errors import PhotoError
from irodori.photo import read_photo

Float32 = NDArray[np.float32]


def photographs(sources: list[Path]) -> Iterator[tuple[str, NDArray[Any]]]:
    """The colour photographs of all sources: name and ``(H, W, 3)`` sRGB pixels."""
    for source in sources:
        if source.suffix == ".tar":
            with tarfile.open(source) as archive:
                for member in archive:
                    if member.isfile():
                        content = archive.extractfile(member)
                        assert content is not None
                        yield from _colour(member.name, content.read())
        else:
            for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
                if path.is_file():
                    yield from _colour(path.name, path)


def _colour(name: str, source: bytes | Path) -> Iterator[tuple[str, NDArray[Any]]]:
    try:
        photo = read_photo(source)
    except PhotoError:
        return
    if not photo.is_grey and np.ptp(photo.pixels.astype(np.int32), axis=2).max() > 8:
        yield name, photo.pixels


def shrunk(plane: Float32, factor: int) -> Float32:
    """``(H, W, ...)`` with blocks of ``factor`` x ``factor`` averaged; H and W are multiples of it."""
    height, width = plane.shape[0] // factor, plane.shape[1] // factor
    blocks = plane.reshape(height, factor, width, factor, *plane.shape[2:])
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def psnr(result: Float32, truth: Float32) -> float:
    """PSNR in dB of ab planes, peak 255."""
    return float(10 * np.log10(255**2 / max(float(np.mean((result - truth) ** 2)), 1e-12)))


def measured(pixels: NDArray[Any], factors: list[int]) -> dict[int, tuple[float, float]]:
    """PSNR of guided and of bilinear for one photograph, by factor; none for a factor that it is too small for."""
    found = {}
    for factor in factors:
        height, width = (side // factor * factor for side in pixels.shape[:2])
        if min(height, width) < 8 * factor:
            continue
        colours = lab.to_lab(pixels[:height, :width])
        lightness, truth = colours[..., 0], colours[..., 1:]
        small_ab, small_l = shrunk(truth, factor), shrunk(lightness, factor)
        ours = guided.apply(guided.coefficients(small_ab, small_l), lightness)
        found[factor] = (psnr(ours, truth), psnr(guided.bilinear(small_ab, height, width), truth))
    return found


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--factors", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--jobs", type=int, default=2, help="photographs measured at a time")
    parser.add_argument("--name", default="guided", help="name of the record")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    rows: dict[int, list[tuple[float, float]]] = {factor: [] for factor in args.factors}
    wanted = (pixels for _, pixels in islice(photographs(args.photos), args.limit))
    with ProcessPoolExecutor(args.jobs) as pool:
        for found in pool.map(partial(measured, factors=args.factors), wanted):
            for factor, pair in found.items():
                rows[factor].append(pair)
    figures: dict[str, Any] = {"sources": [path.name for path in args.photos]}
    for factor, pairs in rows.items():
        ours_all, plain = np.asarray(pairs).T
        gains = ours_all - plain
        figures[f"{factor}x"] = {
            "photographs": len(pairs),
            "guided_db": round(float(ours_all.mean()), 2),
            "bilinear_db": round(float(plain.mean()), 2),
            "gain_db": round(float(gains.mean()), 2),
            "standard_error_db": round(float(gains.std(ddof=1) / len(gains) ** 0.5), 3) if len(gains) > 1 else None,
            "share_better": round(float((gains > 0).mean()), 3),
        }
        print(f"{factor}x: {figures[f'{factor}x']}")
    save(args.name, figures, args.out)


if __name__ == "__main__":
    main()
