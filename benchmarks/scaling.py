"""Reckon what a million photos would take, from the record of benchmarks/batch.py, and write it into docs/scaling.md.

python benchmarks/scaling.py [--check]
"""

from __future__ import annotations

import json
import re
import sys

from record import RESULTS

PAGE = RESULTS.parents[1] / "docs" / "scaling.md"
MARK = "<!-- reckoned from benchmarks/results/batch.json: python benchmarks/scaling.py -->\n"
MILLION = 1_000_000


def reckoning() -> str:
    """The paragraph and the table, from the benchmark's record."""
    record = json.loads((RESULTS / "batch.json").read_text(encoding="utf-8"))
    figures, machine = record["figures"], record["machine"]
    busy = figures["runs"][1]
    cost, size = busy["worker_seconds_per_photo"], figures["bytes_per_photo"]
    look, row = figures["driver"]["microseconds_per_done_photo"], figures["driver"]["manifest_bytes_per_photo"]
    hours = MILLION * cost / 3600
    where = f"{machine['processor']}, {machine['cores']} cores"
    rows = [
        f"| {name} | {cores} | {_spell(hours / cores)} | {cores / cost:.1f} | {cores / cost * size / 1e6:,.1f} MB/s |"
        for name, cores in (("this machine", machine["cores"]), ("one of 32 cores", 32), ("ten of 32 cores", 320))
    ]
    load = machine["load_at_start"]
    others = [f"(other programs were using the machine: its load was {load:g} at the start, so it can do better)", ""]
    lines = [
        *(others if load > 0.5 else []),
        f"Measured on {record['date'][:10]} at commit {record['commit']} ({where}) by",
        f"`{record['command']}`:",
        "",
        f"* one photo of {figures['megapixels']:g} megapixels ({size / 1e6:.1f} MB as JPEG) costs {cost:.2f} seconds",
        "  of one core, from file to file, with all cores busy;",
        f"* {busy['jobs']} workers are {figures['times_faster']:.2f} times as fast as one, all in all;",
        f"* the driver needs {look:.0f} µs to see that a photo is done, and {row} bytes of manifest for it.",
        "",
        f"A million such photos: 1,000,000 x {cost:.2f} s / 3600 = {hours:,.0f} core hours,",
        "",
        "| machines | cores | time | photos per second | to be read, and as much to be written |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"and {MILLION * size / 1e12:.1f} TB in, about as much out.",
        f"The manifest grows to {MILLION * row / 1e6:,.0f} MB.",
        f"Running the command again when nothing has changed takes the driver {_spell(MILLION * look / 3.6e9)}",
        "on a local disk; over a network, listing the files takes longer than that. The last two rows assume that",
        "storage keeps up and that a core there is as fast as one here; they are arithmetic, not measurements.",
        "",
    ]
    return "\n".join(lines)


def _spell(hours: float) -> str:
    if hours >= 48:
        return f"{hours / 24:.1f} days"
    if hours >= 1:
        return f"{hours:.1f} hours"
    return f"{hours * 60:.0f} minutes" if hours * 60 >= 2 else f"{hours * 3600:.0f} seconds"


def main() -> None:
    """Write or check the page."""
    before = PAGE.read_text(encoding="utf-8")
    start = before.index(MARK) + len(MARK)
    end = re.compile(r"^## ", re.MULTILINE).search(before, start)
    assert end is not None
    after = before[:start] + reckoning() + "\n" + before[end.start() :]
    if "--check" in sys.argv:
        if after != before:
            raise SystemExit("docs/scaling.md is out of date; run: python benchmarks/scaling.py")
    else:
        PAGE.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
