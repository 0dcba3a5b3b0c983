"""Photos per second of ``irodori batch``: one worker beside one per core, on this machine; optionally on Ray.

    python benchmarks/batch.py [--model NAME|PATH] [--photos 24] [--megapixels 3] [--ray]

The start of the workers (Python, model) is told apart from the work, so that the cost of one photo, which
docs/scaling.md reckons with, does not depend on the length of the run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from photographs import make
from record import cores, measured_run, save

from irodori.batch.driver import Run
from irodori.batch.manifest import Manifest
from irodori.batch.places import LocalPlace
from irodori.batch.report import Report
from irodori.batch.settings import BatchSettings
from irodori.model.weights import find


def run(photos: Path, model: Path, jobs: int, extra: tuple[str, ...] = ()) -> dict[str, Any]:
    """One batch of everything in ``photos`` with ``jobs`` workers of one thread each."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        words = [
            "batch",
            photos,
            Path(folder, "out"),
            "--jobs",
            str(jobs),
            "--threads",
            "1",
            "--model",
            model,
            "--quiet",
        ]
        start = time.perf_counter()
        measured_run([*words, "--report", report, *extra])
        seconds = time.perf_counter() - start
        told = json.loads(report.read_text(encoding="utf-8"))
    count = told["counts"]["done"]
    return {
        "jobs": jobs,
        "photos": count,
        "seconds": round(seconds, 2),
        "photos_per_second": round(count / seconds, 3),
        "worker_seconds_per_photo": round(told["worker_seconds"] / count, 4),
    }


def driver(count: int) -> dict[str, Any]:
    """What the driver itself costs: finding that ``count`` photos and their results are as they were."""
    with tempfile.TemporaryDirectory() as folder:
        photos, out = Path(folder, "in"), Path(folder, "out")
        for number in range(count):
            below = Path(f"{number // 500:04}", f"{number:08}.jpg")
            for root in (photos, out):
                (root / below.parent).mkdir(parents=True, exist_ok=True)
                (root / below).touch()
        time.sleep(2.1)  # younger time stamps are not trusted
        settings, manifest = BatchSettings(), Manifest(Path(folder, "manifest.sqlite"), str(out))
        run = Run(LocalPlace(str(photos)), LocalPlace(str(out)), settings, manifest, Report("", "", {}), overwrite=True)
        for item, _ in run.list_work():
            stamp = run.output.stamp(item.output) or ""
            manifest.finish(item.output, item.source, settings.digest, item.stamp, "0" * 64, stamp)
        start = time.perf_counter()
        left = run.list_work()
        seconds = time.perf_counter() - start
        manifest.close()
        assert not left, "everything was done"
        size = Path(folder, "manifest.sqlite").stat().st_size
    return {
        "photos": count,
        "microseconds_per_done_photo": round(seconds / count * 1e6, 1),
        "manifest_bytes_per_photo": round(size / count),
    }


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--megapixels", type=float, default=3.0)
    parser.add_argument("--driver-photos", type=int, default=20_000)
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    model = find(args.model)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "photos")
        folder.mkdir()
        first = make(folder / "0.jpg", args.megapixels)
        for number in range(1, args.photos):
            shutil.copyfile(first, folder / f"{number}.jpg")
        runs = [run(folder, model, 1), run(folder, model, cores())]
        figures: dict[str, Any] = {
            "photos": args.photos,
            "megapixels": args.megapixels,
            "bytes_per_photo": first.stat().st_size,
            "runs": runs,
            "times_faster": round(runs[0]["seconds"] / runs[1]["seconds"], 2),
            "driver": driver(args.driver_photos),
        }
        if args.ray:
            figures["ray"] = run(folder, model, cores(), ("--ray",))
    for one in runs:
        print(one)
    print(f"{figures['times_faster']} times as fast with {cores()} workers of one thread as with one")
    save("batch", figures, args.out)


if __name__ == "__main__":
    main()
