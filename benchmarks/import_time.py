"""How soon the command answers: ``irodori --version`` and ``import irodori``, each in a new process.

python benchmarks/import_time.py [--rounds 20]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from record import save


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    commands = {
        "python": [sys.executable, "-c", ""],
        "import irodori": [sys.executable, "-c", "import irodori"],
        "irodori --version": [str(Path(sys.executable).with_name("irodori")), "--version"],
        "irodori --help": [str(Path(sys.executable).with_name("irodori")), "--help"],
    }
    figures: dict[str, object] = {"rounds": args.rounds}
    for name, command in commands.items():
        times = []
        for _ in range(args.rounds):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - start)
        figures[name] = {"median_s": round(statistics.median(times), 3), "best_s": round(min(times), 3)}
        print(f"{name:20} median {statistics.median(times):.3f} s, best {min(times):.3f} s")
    save("import_time", figures, args.out)


if __name__ == "__main__":
    main()
