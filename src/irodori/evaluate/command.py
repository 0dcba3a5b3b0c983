"""``irodori evaluate``: one experiment per call; docs/evaluation.md lists them with their output."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from irodori.evaluate.experiment import Job
    from irodori.evaluate.protocol import Predictor


@dataclass(frozen=True)
class Experiment:
    """A name that ``--protocol`` knows: ``run(job)`` of ``module`` does it.

    ``counts``: hint counts unless told otherwise; ``hints``: protocol that places hints; ``natural``: pictures keep
    their own size; ``models``: whether it asks models at all; ``free_counts``: whether it takes other counts.
    """

    help: str
    module: str
    counts: tuple[int, ...]
    hints: str = "siggraph17"
    natural: bool = False
    models: bool = True
    free_counts: bool = True


_QUICK = (0, 1, 2, 5, 10, 20, 50, 100, 200, 501)
EXPERIMENTS = {
    "siggraph17": Experiment("PSNR and companions against hints, 256 px, 6x6 px hints (2017)", "curves", _QUICK),
    "icolorit": Experiment(
        "the same, 224 px, 2x2 px hints (WACV 2023)", "curves", (0, 1, 2, 5, 10, 20, 50, 100, 200), "icolorit"
    ),
    "table": Experiment("the paper's table: what each kind of help is worth", "paper_table", (0, 10, 100)),
    "obedience": Experiment("colour under and around hints, natural and unnatural", "obedience", (1, 10)),
    "region": Experiment(
        "region test and hint propagation range, 200 segments", "region_test", (1,), free_counts=False
    ),
    "palette": Experiment("hit rate and likelihood of the suggested colours", "palette_rate", (0, 5)),
    "reference": Experiment("another picture's colours as reference, 200 pairs", "reference_test", (10,)),
    "advisor": Experiment("hints where the advisor says against random ones", "advisor_test", (1, 2, 5, 10)),
    "fullsize": Experiment(
        "network at 256 against 512 on whole photographs", "full_size", (0, 1, 10, 100), natural=True
    ),
    "sheets": Experiment("sheets of pictures to look at", "sheets", (0, 1, 5, 20)),
    "prior": Experiment("measure the colours of training pictures by L*", "prior", (), models=False, free_counts=False),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``irodori evaluate``."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    width = max(map(len, EXPERIMENTS))
    parser.epilog = "protocols:\n" + "\n".join(
        f"  {name.ljust(width)}  {experiment.help}" for name, experiment in EXPERIMENTS.items()
    )
    parser.add_argument("--protocol", required=True, choices=list(EXPERIMENTS), metavar="NAME", help="see below")
    parser.add_argument(
        "--data", required=True, nargs="+", type=Path, metavar="PATH", help="folders, tars or files of true pictures"
    )
    parser.add_argument(
        "--model",
        nargs="+",
        action="extend",
        metavar="MODEL",
        help="installed name or folder, optionally LABEL=FOLDER; or the baselines grey, nearest-hint, levin;"
        " several are compared on the same pictures and hints (default: the shipped model)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("evaluation"), metavar="DIR", help="where NAME.json, .csv, .txt and .png go"
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="only the first N pictures (a mixed sample)")
    parser.add_argument("--counts", type=_counts, metavar="0,1,...", help="hint counts; 'paper' for the paper's 26")
    parser.add_argument("--seed", type=_natural, default=0, metavar="S", help="of hints and choices (default 0)")
    parser.add_argument("--side", type=_positive, metavar="PX", help="of a hint's square (default: the protocol's)")
    parser.add_argument("--hints", type=Path, metavar="FILE", help="use the hints of this file instead of drawing them")
    parser.add_argument("--save-hints", type=Path, metavar="FILE", help="write the hints that are used to a file")
    parser.add_argument("--threads", type=_positive, metavar="T", help="threads of each model")
    parser.add_argument("--scans", type=Path, metavar="DIR", help="sheets: grey scans to colour as well")
    parser.add_argument("--prior", type=Path, metavar="FILE", help="palette: colours by L*, as measured by 'prior'")
    parser.add_argument(
        "--longest", type=_positive, metavar="PX", help="fullsize: shrink photographs to this long side"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> int:
    """Do one experiment, write its report and print its text; 0, or 130 when interrupted (report of what was done)."""
    from irodori.evaluate.report import check_folder

    experiment = EXPERIMENTS[args.protocol]
    _check_options(args, experiment)
    if (args.hints or args.save_hints) and (experiment.natural or not experiment.models):
        from irodori.errors import SettingsError

        raise SettingsError(f"--hints and --save-hints: protocol {args.protocol} has no hints of a fixed size")
    job = _job(args, experiment)
    check_folder(args.out)
    if args.save_hints is not None:
        from irodori.evaluate import hint_files

        longest = {picture.name: job.patches(picture) for picture in job.pictures.readable()}
        hint_files.save(args.save_hints, job.protocol, job.seed, longest)
    report: Any = import_module(f"irodori.evaluate.{experiment.module}").run(job)
    try:
        paths = report.write(args.out)
    finally:
        sys.stdout.write(report.text())  # also when the disk is full by now: the figures took long
    sys.stdout.write("\nwritten: " + ", ".join(str(path) for path in paths) + "\n")
    return 130 if report.about.get("interrupted") else 0


_OWN_OPTIONS = {"scans": "sheets", "prior": "palette", "longest": "fullsize"}
_LEAST_LONGEST = 64


def _check_options(args: argparse.Namespace, experiment: Experiment) -> None:
    """Refuse options that the experiment would pass over in silence."""
    from irodori.errors import SettingsError

    for option, protocol in _OWN_OPTIONS.items():
        if getattr(args, option) is not None and args.protocol != protocol:
            raise SettingsError(f"--{option}: only protocol {protocol} has a use for it, not {args.protocol}")
    if args.counts not in (None, experiment.counts) and not experiment.free_counts:
        raise SettingsError(f"--counts: protocol {args.protocol} has its own; leave the option away")
    if args.longest is not None and args.longest < _LEAST_LONGEST:
        raise SettingsError(f"--longest: expected at least {_LEAST_LONGEST} px, got {args.longest}")


def _job(args: argparse.Namespace, experiment: Experiment) -> Job:
    from irodori.errors import SettingsError
    from irodori.evaluate import hint_files
    from irodori.evaluate.experiment import Job
    from irodori.evaluate.pictures import PictureSet
    from irodori.evaluate.protocol import PROTOCOLS

    protocol = PROTOCOLS[experiment.hints]
    if args.side is not None:
        if args.side > protocol.size // 4:
            raise SettingsError(f"--side: expected at most {protocol.size // 4} px, got {args.side}")
        protocol = replace(protocol, side=args.side)
    counts = experiment.counts if args.counts is None else args.counts
    extra = {"out": args.out, "scans": args.scans, "prior": args.prior, "longest": args.longest}
    return Job(
        models=_models(args.model or ["default"], args.threads) if experiment.models else {},
        pictures=PictureSet(args.data, None if experiment.natural else protocol.size, args.limit),
        counts=counts,
        seed=args.seed,
        protocol=protocol,
        hints=None if args.hints is None else hint_files.load(args.hints, protocol),
        progress=not args.quiet,
        extra={key: value for key, value in extra.items() if value is not None},
    )


def _models(names: Sequence[str], threads: int | None) -> dict[str, Predictor]:
    from irodori.errors import SettingsError
    from irodori.evaluate.baselines import named_model

    models: dict[str, Predictor] = {}
    for name in names:
        label, separator, place = name.partition("=")
        if not separator:
            label, place = Path(name).name, name
        if label in models:
            raise SettingsError(f"--model: two models are called {label}; give one another label, as in other={place}")
        models[label] = named_model(place, threads)
    return models


def _positive(text: str) -> int:
    value = _natural(text)
    if value == 0:
        raise argparse.ArgumentTypeError("expected a whole number above 0, got 0")
    return value


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number >= 0, got {text!r}")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    if text == "paper":
        from irodori.hints.simulated import SIGGRAPH17_COUNTS

        return tuple(SIGGRAPH17_COUNTS)
    return tuple(sorted({_natural(part.strip()) for part in text.split(",")}))
