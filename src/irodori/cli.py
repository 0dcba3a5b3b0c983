"""The ``irodori`` command: sub-commands, errors as one line, exit codes, signals.

Heavy packages are imported by the command that needs them, when it runs; the arguments of a sub-command are declared
only when that sub-command is asked for, so ``irodori --version`` and ``irodori --help`` answer at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import FrameType
from typing import NoReturn

from irodori import __version__
from irodori.errors import IrodoriError, MissingExtra

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PARTLY = 3
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
DEBUG_VARIABLE = "IRODORI_DEBUG"

EPILOG = """\
exit codes:
  0    everything was done
  1    it failed; one line on standard error says why
  2    wrong usage: an unknown option or an impossible value
  3    some of several inputs failed; each has its line on standard error
  130  interrupted (Ctrl-C); 143 terminated. Nothing half-written is left behind.
"""


@dataclass(frozen=True)
class Command:
    """A sub-command: its one-line ``help``, the ``module`` and functions behind it, and the extra it may need."""

    help: str
    module: str
    arguments: str = "add_arguments"
    run: str = "run"
    extra: str = ""
    purpose: str = ""


COMMANDS = {
    "app": Command("open the editor in the browser", "irodori.web.command"),
    "colorize": Command("colour photos, steered by hints if you like", "irodori.cli_colorize"),
    "palette": Command("suggest colours for one place of a photo", "irodori.cli_palette"),
    "batch": Command(
        "colour a folder of photos, resumable",
        "irodori.batch.command",
        extra="cluster",
        purpose="running on a cluster",
    ),
    "evaluate": Command(
        "measure models against hints, as the paper does",
        "irodori.evaluate.command",
        extra="evaluate",
        purpose="evaluating models",
    ),
    "train": Command("train a network", "irodori.train.command", extra="train", purpose="training a network"),
    "export": Command(
        "make a model folder of a training run",
        "irodori.train.command",
        "add_export_arguments",
        "run_export",
        extra="train",
        purpose="exporting a model",
    ),
    "import-weights": Command(
        "install the paper authors' weights as a model",
        "irodori.train.import_weights",
        extra="train",
        purpose="importing weights",
    ),
    "models": Command("list the models that are installed", "irodori.cli_models"),
}


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all of ours are."""

    def error(self, message: str) -> NoReturn:
        """Write the line and leave with the code for wrong usage."""
        self.exit(EXIT_USAGE, f"irodori: {message} (see: {self.prog} --help)\n")


class _Terminated(SystemExit):
    """SIGTERM, raised where the program happens to be, so that files are tidied up on the way out."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name; None: the process' own) and return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser(words)
    try:
        with _terminable():
            arguments = parser.parse_args(words)
            if arguments.command is None:
                parser.print_help()
                return EXIT_OK
            return _run(COMMANDS[arguments.command], arguments)
    except IrodoriError as error:
        return complain(error)
    except KeyboardInterrupt:
        sys.stderr.write("irodori: interrupted\n")
        return EXIT_INTERRUPTED
    except _Terminated:
        return EXIT_TERMINATED
    except BrokenPipeError:  # the reader of our output went away, as `irodori models | head -1` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except MemoryError:
        sys.stderr.write("irodori: not enough memory; a smaller photo or fewer at once may work\n")
        return EXIT_FAILED
    except Exception as error:  # a fault of ours: still one line, unless the whole story is asked for
        if os.environ.get(DEBUG_VARIABLE):
            raise
        text = " ".join(str(error).split())[:300]
        sys.stderr.write(f"irodori: unexpected {type(error).__name__}: {text} (set {DEBUG_VARIABLE}=1 for details)\n")
        return EXIT_FAILED


def build_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Make the parser; only the sub-command that ``words`` asks for declares its arguments."""
    parser = _Parser(
        prog="irodori",
        description="Colour black-and-white photographs under your guidance.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"irodori {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=command.help,
            description=command.help[0].upper() + command.help[1:] + ".",
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name == chosen:
            _function(command, command.arguments)(sub)
    return parser


def complain(error: Exception, before: str = "") -> int:
    """Write one line about an error to standard error and return the exit code for failure."""
    text = " ".join(str(error).split())
    sys.stderr.write(f"irodori: {before}{text}\n")
    return EXIT_FAILED


def _run(command: Command, arguments: argparse.Namespace) -> int:
    run: Callable[[argparse.Namespace], int] = _function(command, command.run)
    try:
        return run(arguments)
    except ImportError as error:
        if isinstance(error, IrodoriError) or (error.name or "").partition(".")[0] in ("", "irodori"):
            raise
        if command.extra:
            raise MissingExtra(command.extra, command.purpose) from error
        raise


def _function(command: Command, name: str) -> Callable[..., int]:
    function: Callable[..., int] = getattr(import_module(command.module), name)
    return function


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception while a command runs (only in the main thread; others may not set handlers)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Terminated(EXIT_TERMINATED)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
