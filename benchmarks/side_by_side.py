"""The paper's network and ours, trained on the same pictures for the same time, in one plot.

    python benchmarks/side_by_side.py --data PATH... --test PATH... --minutes M --out DIR [-- TRAINING OPTIONS]

Each network is trained from the start with the same hints, losses and crops (options after ``--`` go to both) and
exported; then both are measured on the same test pictures and hints: DIR/evaluation/siggraph17.png is the plot. Time is
counted over steps only, on the same device, one network after the other; an interrupted run goes on when it is called
again. It is meant for a GPU; --dry-run prints the commands.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

OWN_OPTIONS = {"siggraph17": ["--learning-rate", "3e-4"], "hintprop": ["--learning-rate", "1e-3"]}
"""What differs between the two runs besides the network: the paper's is deeper and wants the smaller rate."""


def commands(args: argparse.Namespace) -> list[list[str]]:
    """The command lines of the comparison, in order."""
    irodori = [sys.executable, "-m", "irodori"]
    lines, models = [], []
    for network, own in OWN_OPTIONS.items():
        run, model = args.out / network, args.out / "models" / network
        data = ["--data", *map(str, args.data), "--cache", str(args.out / "cache")]
        budget = ["--minutes", str(args.minutes), "--device", args.device]
        start = ["--no-imagenet"] if args.no_imagenet else []
        lines.append(
            [*irodori, "train", "--network", network, *data, "--out", str(run), *budget, *own, *start, *args.more]
        )
        lines.append([*irodori, "export", str(run / "weights.pt"), str(model)])
        models.append(f"{network}={model}")
    test = ["--data", *map(str, args.test), "--out", str(args.out / "evaluation"), "--limit", str(args.limit)]
    lines.append([*irodori, "evaluate", "--protocol", "siggraph17", *test, "--model", *models, "grey", "levin"])
    return lines


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="PATH", help="pictures to learn from")
    parser.add_argument("--test", nargs="+", type=Path, required=True, metavar="PATH", help="other pictures to test on")
    parser.add_argument("--minutes", type=float, default=60, metavar="M", help="training time of each (default 60)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where everything goes")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--limit", type=int, default=200, metavar="N", help="test pictures (default 200)")
    parser.add_argument("--no-imagenet", action="store_true", help="hintprop's encoder starts from nothing as well")
    parser.add_argument("--dry-run", action="store_true", help="print the commands only")
    own, _, more = " ".join(map(shlex.quote, sys.argv[1:])).partition(" -- ")
    args = parser.parse_args(shlex.split(own))
    args.more = shlex.split(more)
    for line in commands(args):
        print("$", shlex.join(line), flush=True)
        if not args.dry_run:
            subprocess.run(line, check=True)


if __name__ == "__main__":
    main()
