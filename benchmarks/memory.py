"""Memory and time for large photographs: 16-bit TIFF files of 12, 25, 50 and 100 megapixels, and the slope.

python benchmarks/memory.py [--model NAME|PATH] [--threads 2] [--megapixels 12 25 50 100]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from photographs import make
from record import measured_run, save

from irodori.model.weights import find


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[12, 25, 50, 100])
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    model = find(args.model)
    rows: list[dict[str, Any]] = []
    for size in args.megapixels:
        with tempfile.TemporaryDirectory() as folder:
            photo, result = make(Path(folder, "photo.tif"), size, 16), Path(folder, "out.tif")
            words = ["colorize", photo, "-o", result, "--model", model, "--threads", str(args.threads)]
            seconds, peak = measured_run(words, args.threads)
            rows.append({"megapixels": size, "peak_mb": round(peak), "seconds": round(seconds, 1)})
            print(f"{size:6g} megapixels: {peak:6.0f} MB, {seconds:5.1f} s, result {result.stat().st_size >> 20} MB")
    figures: dict[str, Any] = {"format": "16-bit TIFF", "threads": args.threads, "runs": rows}
    if len(rows) > 1:
        sizes = [row["megapixels"] for row in rows]
        slope, base = np.polyfit(sizes, [row["peak_mb"] for row in rows], 1)
        seconds_slope, _ = np.polyfit(sizes, [row["seconds"] for row in rows], 1)
        figures |= {
            "mb_per_megapixel": round(float(slope), 2),
            "mb_at_zero": round(float(base)),
            "seconds_per_megapixel": round(float(seconds_slope), 3),
        }
        print(f"{slope:.1f} MB and {seconds_slope:.2f} s per megapixel, over {base:.0f} MB")
    save("memory", figures, args.out)


if __name__ == "__main__":
    main()
