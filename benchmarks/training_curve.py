"""The figures of docs/training_log.md against the pictures seen, as a plot.

    python benchmarks/training_curve.py [--out docs/images/training_curve.png]

Every table of the log whose first column is the number of pictures seen (with all runs before) becomes points; runs
are told apart by vertical lines. Needs the extra ``evaluate`` (matplotlib).
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from irodori.evaluate import plots

ROOT = Path(__file__).resolve().parent.parent
SHOWN = (0, 1, 5, 10, 50, 501)


def read(log: str) -> tuple[dict[int, list[tuple[int, float]]], list[int]]:
    """Points (pictures seen, gain in dB) by number of hints, and the pictures seen when each run's table begins."""
    curves: dict[int, list[tuple[int, float]]] = {}
    begins: list[int] = []
    counts: list[int] | None = None
    for line in log.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| pictures seen"):
            counts = [int(found[0]) for cell in cells[1:] if (found := re.match(r"\d+", cell))]
            begins.append(0)
        elif counts is not None and re.match(r"\| [\d,]+ \|", line):
            seen = int(cells[0].replace(",", ""))
            begins[-1] = begins[-1] or seen
            for count, cell in zip(counts, cells[1:], strict=False):
                curves.setdefault(count, []).append((seen, float(cell)))
        elif not line.startswith("|"):
            counts = None
    return curves, begins


def main() -> None:
    """Read the log and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", type=Path, default=ROOT / "docs" / "training_log.md")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "training_curve.png")
    arguments = parser.parse_args()
    curves, begins = read(arguments.log.read_text(encoding="utf-8"))
    figure = plots.new_figure(7.5, 5)
    axes = figure.subplots()
    for count in SHOWN:
        points = sorted(curves[count])
        axes.plot(*zip(*points, strict=True), marker=".", label=f"{count} hint{'s' if count != 1 else ''}")
    for begin in begins[1:]:
        axes.axvline(begin, color="0.8", linewidth=0.8, zorder=0)
    axes.set_xlabel("pictures seen, all runs together (grey lines: a table of the log begins)")
    axes.set_ylabel("gain over grey (dB), first 40 pictures")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncols=3)
    figure.savefig(arguments.out, dpi=100)


if __name__ == "__main__":
    main()
