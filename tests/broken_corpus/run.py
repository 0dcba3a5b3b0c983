"""Read thousands of broken pictures and say how it went: ``python -m tests.broken_corpus.run --count 2400``.

Every case must end in a Photo (a flip in a comment breaks nothing) or in a PhotoError of one sentence: no other error,
no crash, nothing on the screen, no file left behind, no more memory than the limit, measured for each case. What could
be read is also written again. The cases run in child processes, so that a crash of a library is seen as one. Exit code
0 when all is well.
"""

from __future__ import annotations

import argparse
import collections
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BATCH = 200
MEMORY_LIMIT = 512 << 20
"""Bytes a process may hold with any of the pictures: the libraries and Python take 0.1 to 0.2 GB of it."""
SLOW = 20.0
"""Seconds of processor time for one picture."""


def check(data: bytes) -> tuple[str, str]:
    """Read one broken picture: ("read" | "refused", the sentence) or ("FAILED", what went wrong)."""
    from irodori.errors import PhotoError
    from irodori.photo import read_photo, write_photo

    start = time.process_time()
    try:
        photo = read_photo(data)
    except PhotoError as error:
        sentence = str(error)
        if "\n" in sentence or not sentence or len(sentence) > 500 or "Traceback" in sentence:
            return "FAILED", f"not one sentence: {sentence!r}"
        outcome = "refused", sentence
    except BaseException as error:
        return "FAILED", f"{type(error).__name__}: {error}"
    else:
        if photo.lightness_rows(0, 1).shape != (1, photo.width):
            return "FAILED", f"an impossible photo of {photo.size}"
        try:
            write_photo(photo.rgb_rows(0, photo.height), io.BytesIO(), like=photo, profile="keep", format="png")
        except PhotoError:
            pass
        except BaseException as error:
            return "FAILED", f"on writing: {type(error).__name__}: {error}"
        outcome = "read", ""
    if time.process_time() - start > SLOW:
        return "FAILED", f"took {time.process_time() - start:.0f} s"
    return outcome


def peak_memory() -> int:
    """The most bytes this process has held since the last call; 0 where that cannot be known (not Linux)."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        return 0
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    reset.write_text("5")
    return int(peak.split()[1]) * 1024


def child(first: int, count: int, seed: int) -> None:
    """Check the cases ``first`` to ``first + count``; lines of JSON for each, before and after."""
    import itertools

    from tests.broken_corpus.corpus import cases

    for name, data in itertools.islice(cases(first + count, seed), first, None):
        print(json.dumps(["start", name, ""]), flush=True)
        kind, text = check(data)
        held = peak_memory()
        print(json.dumps(["peak", name, held]), flush=True)
        if held > MEMORY_LIMIT:
            kind, text = "FAILED", f"memory reached {held / 1e6:.0f} MB"
        print(json.dumps([kind, name, text]), flush=True)


def run(count: int, seed: int = 0) -> dict[str, object]:
    """Run ``count`` cases and sum up: numbers per outcome and format, failures, the highest memory in bytes."""
    outcomes: collections.Counter[str] = collections.Counter()
    by_format: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    failures: list[str] = []
    peak = 0
    first = 0
    with tempfile.TemporaryDirectory() as folder:
        while first < count:
            size = min(BATCH, count - first)
            command = [sys.executable, "-m", "tests.broken_corpus.run", "--child", str(first), str(size), str(seed)]
            environment = {"PYTHONPATH": str(ROOT), "TMPDIR": folder, "PATH": "/usr/bin:/bin"}
            done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
            last, seen = "", 0
            for kind, name, text in map(json.loads, done.stdout.splitlines()):
                if kind == "start":
                    last = name
                elif kind == "peak":
                    peak = max(peak, text)
                else:
                    seen += 1
                    outcomes[kind] += 1
                    by_format[name.split()[1]][kind] += 1
                    if kind == "FAILED":
                        failures.append(f"{name}: {text}")
            if done.returncode != 0:
                failures.append(f"{last}: the process ended with {done.returncode} {done.stderr[-300:]!r}")
                outcomes["FAILED"] += 1
                seen += 1
            elif done.stderr:
                failures.append(f"cases {first} to {first + size}: on the screen: {done.stderr[:300]!r}")
            first += seen
        left = [path.name for path in Path(folder).rglob("*")]
        if left:
            failures.append(f"files left behind: {left[:5]}")
    return {"outcomes": dict(outcomes), "by_format": by_format, "failures": failures, "peak": peak}


def main(arguments: list[str] | None = None) -> int:
    """The command; see the module's text."""
    parser = argparse.ArgumentParser(description="Read thousands of broken pictures.")
    parser.add_argument("--count", type=int, default=2400, help="how many cases (default 2400)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other cases")
    parser.add_argument("--child", type=int, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        child(*options.child)
        return 0
    start = time.monotonic()
    summary = run(options.count, options.seed)
    for name, counts in sorted(summary["by_format"].items()):  # type: ignore[attr-defined]
        print(f"{name:22} {counts['read']:5} read {counts['refused']:5} refused {counts['FAILED']:5} failed")
    for failure in summary["failures"]:  # type: ignore[attr-defined]
        print("FAILED", failure)
    seconds = time.monotonic() - start
    print(f"{options.count} cases: {summary['outcomes']}, peak {summary['peak'] / 1e6:.0f} MB, {seconds:.0f} s")  # type: ignore[operator]
    return 1 if summary["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
