"""Options that several sub-commands share, and their values made into Edits and a Colorizer."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from irodori.argument_types import real, whole
from irodori.errors import HintError, SettingsError

if TYPE_CHECKING:
    from irodori.colorizer import Colorizer
    from irodori.hints.edits import Edits
    from irodori.hints.points import Hint


def add_model(parser: argparse.ArgumentParser) -> None:
    """Declare which model runs, and on what."""
    group = parser.add_argument_group("model")
    group.add_argument("--model", metavar="NAME|PATH", help="an installed model or a model folder (default: our own)")
    group.add_argument("--threads", type=whole(1, 1024), metavar="N", help="CPU threads (default: all)")
    group.add_argument(
        "--provider",
        choices=("cpu", "cuda", "directml", "coreml"),
        default="cpu",
        help="where the network runs (default: %(default)s; the others need their build of ONNX Runtime)",
    )
    group.add_argument(
        "--even-tones", action="store_true", help="show the network a faded photo with its tones stretched"
    )


def add_edits(parser: argparse.ArgumentParser) -> None:
    """Declare what a person may tell the network."""
    group = parser.add_argument_group("guidance")
    group.add_argument(
        "--hint",
        action="append",
        default=[],
        type=_hint_option,
        metavar="X,Y,#RRGGBB[,RADIUS]",
        help="this place (photo pixels, from the top left) has this colour; repeat for more",
    )
    group.add_argument(
        "--edits", metavar="FILE", help="edits as JSON: hints, regions, reference, strength; or a sidecar"
    )
    group.add_argument("--reference", metavar="PHOTO", help="a colour photo whose colours the result should have")
    group.add_argument(
        "--histogram", metavar="FILE", help="the colours the result should have: 313 numbers, JSON or .npy"
    )
    group.add_argument(
        "--reference-strength", type=real(0, 1), metavar="S", help="how much the reference counts, 0..1 (default: 1)"
    )
    group.add_argument(
        "--saturation-hint",
        type=real(0, 1),
        metavar="S",
        help="how saturated the picture is, 0..1, told to the network",
    )
    group.add_argument("--strength", type=real(0, 3), metavar="S", help="scales the result's chroma, 0..3 (default: 1)")


def load_colorizer(arguments: argparse.Namespace) -> Colorizer:
    """Load the model that the options ask for."""
    from irodori.colorizer import Colorizer

    return Colorizer.load(arguments.model, threads=arguments.threads, provider=arguments.provider)


def make_edits(arguments: argparse.Namespace, start: Edits | None = None) -> Edits:
    """Edits of ``--edits`` (else ``start``), with the hints and settings of the other options added to them.

    Raises:
        HintError: names the option or the field.
    """
    from irodori.hints.edits import Edits

    edits = read_edits(arguments.edits) if arguments.edits else (start or Edits())
    edits = replace(edits, hints=edits.hints + tuple(arguments.hint))
    if arguments.reference and arguments.histogram:
        raise SettingsError("give --reference or --histogram, not both")
    if arguments.reference:
        from irodori.hints.reference import Reference
        from irodori.photo import read_photo

        edits = replace(edits, reference=Reference.from_photo(read_photo(arguments.reference)))
    if arguments.histogram:
        from irodori.hints.reference import Reference

        edits = replace(edits, reference=Reference.from_histogram_file(arguments.histogram))
    for name in ("reference_strength", "saturation_hint", "strength"):
        value = getattr(arguments, name)
        if value is not None:
            edits = replace(edits, **{name: value})
    return edits


def parse_hint(text: str) -> Hint:
    """A hint of the command line, ``X,Y,#rrggbb`` or ``X,Y,#rrggbb,RADIUS``; HintError says what is wrong."""
    from irodori.hints.points import Hint

    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in (3, 4):
        raise HintError(f"--hint {text!r:.80}: expected X,Y,#rrggbb or X,Y,#rrggbb,RADIUS")
    try:
        x, y = float(parts[0]), float(parts[1])
        radius = float(parts[3]) if len(parts) == 4 else None
    except ValueError:
        raise HintError(f"--hint {text!r:.80}: X, Y and RADIUS are numbers, as in 120.5,80,#c04020,6") from None
    colour = parts[2] if parts[2].startswith("#") else f"#{parts[2]}"
    try:
        return Hint(x=x, y=y, radius=radius, rgb=colour)
    except HintError as error:
        raise HintError(f"--hint {text!r:.80}: {error}") from None


def _hint_option(text: str) -> Hint:
    try:
        return parse_hint(text)
    except HintError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--hint ")) from None


def read_edits(path: str) -> Edits:
    """Read an edits file, or the edits of a sidecar (by its ending); HintError when they cannot be used."""
    from irodori.hints import edits
    from irodori.photo_sidecar import SUFFIX

    if path.endswith(SUFFIX):
        from irodori.sidecar import read_record

        return read_record(path).edits
    try:
        with open(path, "rb") as file:
            content = file.read(edits.MAX_TEXT_SIZE + 1)
    except (OSError, ValueError) as error:
        raise HintError(f"{path} cannot be opened ({getattr(error, 'strerror', None) or error})") from None
    try:
        return edits.loads(content)
    except HintError as error:
        raise HintError(f"{Path(path).name}: {error}") from None
