"""``irodori palette``: suggested colours for one place of a photo."""

from __future__ import annotations

import argparse
import json

from irodori.argument_types import real, whole
from irodori.cli_options import add_edits, add_model, load_colorizer, make_edits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``irodori palette``."""
    parser.description = (
        "Suggest colours for one place of a photo, the most probable first, each with its share. Colours already given"
        " (--hint, --edits, --reference) are taken into account."
    )
    parser.add_argument("input", metavar="IN", help="a photo")
    parser.add_argument("place", metavar="X,Y", type=_place, help="photo pixels from the top left")
    parser.add_argument("--count", type=whole(1, 100), default=9, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_edits(parser)
    add_model(parser)
    parser.add_argument(
        "--max-megapixels", type=real(0.001, 100_000), default=300.0, metavar="M", help="refuse larger photos (300)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the suggestions, one per line: "#rrggbb", share in per cent, a*, b*."""
    from irodori.photo import read_photo

    photo = read_photo(arguments.input, max_pixels=int(arguments.max_megapixels * 1e6))
    colorizer = load_colorizer(arguments)
    edits = make_edits(arguments)
    prepared = colorizer.prepare(photo, even_tones=arguments.even_tones)
    prediction = colorizer.predict(prepared, edits, distribution=True)
    x, y = arguments.place
    suggestions = colorizer.suggest(prepared, prediction, x, y, arguments.count)
    if arguments.json:
        print(json.dumps([{"rgb": s.rgb, "ab": s.ab, "weight": s.weight} for s in suggestions]))
        return 0
    for suggestion in suggestions:
        a, b = suggestion.ab
        print(f"{suggestion.rgb}  {100 * suggestion.weight:5.1f} %  a* {a:6.1f}  b* {b:6.1f}")
    return 0


def _place(text: str) -> tuple[float, float]:
    parts = text.split(",")
    if len(parts) != 2:
        raise argparse.ArgumentTypeError(f"expected X,Y, got {text!r}")
    parse = real(0, 1e9)
    return parse(parts[0]), parse(parts[1])
