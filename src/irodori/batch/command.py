"""``irodori batch``: colour a folder of photos, again and again at no cost for those that are done."""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from irodori.batch.settings import FORMATS, BatchSettings
from irodori.errors import IrodoriError, SettingsError

if TYPE_CHECKING:
    from irodori.batch.crew import Crew
    from irodori.batch.places import Place

_EPILOG = """\
Photos keep their place and name: IN/a/b.jpg becomes OUT/a/b.jpg. What was done before with the same photo, edits, model
and settings is not done again; an interrupted run goes on where it was. A photo that cannot be coloured never stops the
others. IN and OUT may be URLs that fsspec knows (s3://bucket/folder; extra: cluster).

exit codes: 0 all done; 1 the run could not be made; 2 wrong usage; 3 some photos failed; 130 interrupted
(Ctrl-C); 143 terminated
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options on a parser (of its own, or a sub-parser)."""
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("input", metavar="IN", help="folder of photos, with all folders in it")
    parser.add_argument("output", metavar="OUT", help="folder for the coloured photos; made when it is not there")

    work = parser.add_argument_group("work")
    work.add_argument("--jobs", type=int, metavar="N", help="photos at a time (default: one per core)")
    work.add_argument("--threads", type=int, metavar="N", help="CPU threads per photo (default: cores / jobs)")
    work.add_argument(
        "--ray", nargs="?", const="local", metavar="ADDRESS", help="work on a Ray cluster (extra: cluster)"
    )
    work.add_argument("--overwrite", action="store_true", help="also replace results changed by hand and foreign files")
    work.add_argument("--manifest", type=Path, metavar="FILE", help="where to remember what is done, on a local disk")
    work.add_argument("--report", type=Path, metavar="FILE", help="where to write the JSON report")
    work.add_argument("--dry-run", action="store_true", help="say what would be done")
    work.add_argument("--quiet", action="store_true", help="no progress bar")

    colour = parser.add_argument_group("colour")
    colour.add_argument("--model", metavar="NAME|PATH", help="an installed model or a model folder")
    colour.add_argument(
        "--provider", default="cpu", metavar="NAME", help="cpu, cuda, directml or coreml (default: cpu)"
    )
    colour.add_argument("--reference", metavar="PHOTO", help="take the colours of this photo as a global hint")
    colour.add_argument("--reference-strength", type=float, default=1.0, metavar="S", help="0..1 (default: 1)")
    colour.add_argument("--strength", type=float, default=1.0, metavar="S", help="scales the chroma, 0..3 (default: 1)")
    colour.add_argument("--even-tones", action="store_true", help="even out faded tones for the network only")
    colour.add_argument(
        "--edits-suffix", default=".edits.json", metavar="SUFFIX", help="name of edits files (default: .edits.json)"
    )

    files = parser.add_argument_group("files")
    files.add_argument("--format", choices=FORMATS, help="format of all results (default: each photo's own)")
    files.add_argument("--bits", type=int, choices=(8, 16), help="depth of all results (default: each photo's own)")
    files.add_argument("--quality", type=int, default=95, metavar="Q", help="of JPEG, WebP and AVIF (default: 95)")
    files.add_argument("--profile", choices=("srgb", "keep"), default="srgb", help="colour profile (default: srgb)")
    files.add_argument("--no-mark", action="store_true", help="leave out the note that colours are reconstructed")
    files.add_argument("--sidecar", action="store_true", help="write RESULT.irodori.json beside each result")
    files.add_argument("--max-megapixels", type=float, default=300.0, metavar="M", help="refuse larger photos (300)")


def run(args: argparse.Namespace) -> int:
    """Do what the options say and return the exit code. Raises IrodoriError when the run cannot be made at all."""
    from irodori.batch.driver import Run
    from irodori.batch.manifest import Manifest
    from irodori.batch.places import LocalPlace, place
    from irodori.batch.report import Report

    began = time.perf_counter()
    source, output = place(args.input), place(args.output)
    if isinstance(source, LocalPlace) and not os.path.isdir(source.root):
        raise SettingsError(f"{args.input}: expected a folder of photos; for one photo use: irodori colorize")
    _check_apart(source, output)
    if args.sidecar and not isinstance(output, LocalPlace):
        raise SettingsError("--sidecar writes beside results in a local folder; OUT is a URL")
    jobs, settings = _settings(args)
    report = Report(source.root, output.root, _told(settings, jobs))
    manifest_path = args.manifest or _manifest_path(output.root, isinstance(output, LocalPlace))
    if args.dry_run and not manifest_path.exists():
        manifest_path = Path(":memory:")
    manifest = Manifest(manifest_path, output.root)
    batch = Run(source, output, settings, manifest, report, args.overwrite)
    code = 0
    try:
        with _signals() as (stop, stop_at_once, signals):
            batch.recover()
            todo = batch.list_work()
            unread = [entry["reason"] for entry in report.left_out if not entry["path"] and entry["state"] == "failed"]
            if unread and not (todo or report.photos or report.counts["unchanged"]):
                raise SettingsError(f"{args.input}: {unread[0]}")
            if args.dry_run:
                for item, _ in todo:
                    print(f"{item.source} -> {item.output}" + (f" with {item.edits}" if item.edits else ""))
                print(f"{len(todo)} to do, {report.counts['unchanged']} done before")
                return 0
            if todo and not stop.is_set():
                crew = _crew(args.ray, min(jobs, len(todo)) if jobs else None, settings)
                with _bar(len(todo), args.quiet) as told:
                    batch.work(todo, crew, stop, stop_at_once, told)
            elif todo:
                report.counts["not_reached"] += len(todo)
            if stop.is_set() and not report.interrupted:
                report.interrupted, code = f"interrupted by {signals[0].name}", 128 + signals[0]
    finally:
        manifest.close()
    report.seconds = time.perf_counter() - began
    print(report.summary())
    report_path = args.report or manifest_path.with_name("report.json")
    try:
        report.write(report_path)
        print(f"report: {report_path}")
    except OSError as error:
        print(f"irodori: cannot write the report {report_path} ({error.strerror})", file=sys.stderr)
        code = code or 1
    if code or report.interrupted:
        return code or 1
    return 3 if report.failures else 0


def _settings(args: argparse.Namespace) -> tuple[int | None, BatchSettings]:
    """The number of workers (None: let the cluster decide) and the settings that go to each of them."""
    from irodori.batch.crew import cores
    from irodori.model import weights

    jobs = args.jobs if args.jobs is not None or args.ray else cores()
    if jobs is not None and not 1 <= jobs <= 1024:
        raise SettingsError(f"--jobs: expected 1..1024, got {jobs}")
    info = weights.read_info(weights.find(args.model))
    settings = BatchSettings(
        model=str(info.folder),
        model_digest=info.digest,
        threads=args.threads if args.threads is not None else max(1, cores() // jobs) if jobs else 1,
        provider=args.provider,
        format=args.format,
        bits=args.bits,
        quality=args.quality,
        strength=args.strength,
        even_tones=args.even_tones,
        profile=args.profile,
        mark=not args.no_mark,
        sidecar=args.sidecar,
        edits_suffix=args.edits_suffix,
        reference_strength=args.reference_strength,
        max_pixels=int(args.max_megapixels * 1e6),
    )
    if args.reference:
        from irodori.hints.reference import Reference
        from irodori.photo import read_photo

        if not info.accepts_reference:
            raise SettingsError(f"--reference: the model {info.name!r} accepts none")
        settings = replace(settings, reference=Reference.from_photo(read_photo(args.reference)))
    return jobs, settings


def _told(settings: BatchSettings, jobs: int | None) -> dict[str, Any]:
    """The settings as the report shows them."""
    shown = {key: value for key, value in vars(settings).items() if key != "reference"}
    return {**shown, "reference": settings.reference is not None, "jobs": jobs, "digest": settings.digest}


def _check_apart(source: Place, output: Place) -> None:
    """Refuse an output that is the input, or that the input lies in: results would mix with photos."""
    from irodori.batch.places import LocalPlace, whereabouts

    (source_kind, photos), (output_kind, results) = whereabouts(source), whereabouts(output)
    separator = os.sep if output_kind == "file" else "/"
    if (source_kind, photos) == (output_kind, results):
        raise SettingsError("IN and OUT are the same folder; results never go where photos are, choose another OUT")
    if source_kind == output_kind and photos.startswith(results.rstrip(separator) + separator):
        raise SettingsError(f"IN lies inside OUT ({output.root}); choose an OUT of its own")
    if isinstance(output, LocalPlace) and os.path.exists(results) and not os.path.isdir(results):
        raise SettingsError(f"{output.root} is a file; OUT must be a folder")


def _manifest_path(output: str, is_local: bool) -> Path:
    """Where the manifest lives unless --manifest says otherwise: in OUT, or in the user's data folder for a URL."""
    from irodori.batch.manifest import default_path
    from irodori.data_folder import data_folder

    if is_local:
        return default_path(output)
    return data_folder() / "batch" / hashlib.sha256(output.encode()).hexdigest()[:16] / "manifest.sqlite"


def _crew(ray_address: str | None, size: int | None, settings: BatchSettings) -> Crew:
    """Start the workers, here or on a cluster."""
    if ray_address is not None:
        from irodori.batch.ray_crew import RayCrew

        return RayCrew(size, settings, ray_address)
    from irodori.batch.crew import LocalCrew

    assert size is not None
    return LocalCrew(size, settings)


@contextmanager
def _signals() -> Iterator[tuple[Event, Event, list[signal.Signals]]]:
    """Turn SIGINT and SIGTERM into events: the first asks to stop after the photos in hand, the second at once.

    The list holds the signals that have come.
    """
    stop, stop_at_once, came = Event(), Event(), list[signal.Signals]()

    def handle(number: int, frame: object) -> None:
        came.append(signal.Signals(number))
        if stop.is_set():
            stop_at_once.set()
        else:
            stop.set()
            os.write(2, b"\nstopping after the photos in hand; once more stops at once\n")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop, stop_at_once, came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bar(total: int, quiet: bool) -> Iterator[Any]:
    """A progress bar with photos per second and time left on standard error; a line now and then in a log file."""
    from tqdm import tqdm

    interval = 0.2 if sys.stderr.isatty() else 30.0
    failed = 0
    with tqdm(total=total, unit="photo", disable=quiet, mininterval=interval, maxinterval=interval * 2) as bar:

        def told(state: str) -> None:
            nonlocal failed
            if state not in ("done", "unchanged"):
                failed += 1
                bar.set_postfix_str(f"{failed} failed", refresh=False)
            bar.update()

        yield told


def main(argv: list[str] | None = None) -> int:
    """Run the command by itself: ``python -m irodori.batch.command IN OUT``."""
    parser = argparse.ArgumentParser(prog="irodori batch", description="Colour a folder of photos.")
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv))
    except IrodoriError as error:
        print(f"irodori: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
