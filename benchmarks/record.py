"""What every benchmark writes beside its figures: when, which commit, on what machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def save(name: str, figures: dict[str, Any], target: Path | None = None) -> Path:
    """Write ``figures`` of the benchmark ``name`` to ``target`` (default: ``benchmarks/results/NAME.json``)."""
    target = target or RESULTS / f"{name}.json"
    record = {
        "benchmark": name,
        "command": " ".join(["python", *map(_shown, sys.argv)]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "figures": figures,
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written: {os.path.relpath(target)}")
    return target


def _shown(word: str) -> str:
    """A word of the command line; a path outside the repository by its last part."""
    path, root = Path(word).resolve(), RESULTS.parents[1]
    if not path.exists():
        return word
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def commit() -> str:
    """The commit that is checked out, with ``+changes`` when tracked files differ from it; "unknown" without git."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", here, *words], capture_output=True, text=True, check=True).stdout.strip()

    try:
        dirty = git("status", "--porcelain", "--untracked-files=no", "--", "../src")
        return git("rev-parse", "--short", "HEAD") + ("+changes" if dirty else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def machine() -> dict[str, Any]:
    """Processor, usable cores, memory, system, and the versions that matter for speed."""
    packages = {}
    for name in ("numpy", "onnxruntime", "pyvips-binary", "torch"):
        try:
            packages[name] = version(name).partition("+")[0]
        except PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": packages,
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def measured_run(words: Sequence[str | Path], threads: int | None = None) -> tuple[float, float]:
    """Run ``irodori WORDS...`` in a process of its own: ``(seconds, peak memory in MB)``, start of Python included.

    The peak is the process' own high-water mark of resident memory (Linux), read at its end.
    """
    import time

    code = (
        "import sys\nfrom irodori.cli import main\ncode = main(sys.argv[1:])\n"
        "line = next(l for l in open('/proc/self/status') if l.startswith('VmHWM'))\n"
        "print('peak', line.split()[1])\nsys.exit(code)"
    )
    environment = dict(os.environ)
    if threads is not None:
        environment |= {"OMP_NUM_THREADS": str(threads), "VIPS_CONCURRENCY": str(threads)}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False, env=environment
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"irodori {' '.join(map(str, words))} failed: {done.stderr}")
    return seconds, int(done.stdout.split()[-1]) / 1024
