"""The failure cases that docs/model_card.md shows, drawn with the shipped samples.

    python benchmarks/failures.py [--model NAME|PATH] [--out docs/images/failures.jpg]

One row for each case: the grey photo, the automatic colours, the colours with the hints that the row is about, which
are outlined. What each row shows is said in the model card. Needs the extra ``evaluate`` (Pillow).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from irodori import Colorizer, read_photo, samples
from irodori.color import lab
from irodori.evaluate.pictures import squashed
from irodori.evaluate.sheets import contact_sheet, outlined
from irodori.hints import points
from irodori.hints.edits import Edits
from irodori.hints.points import Hint

ROOT = Path(__file__).resolve().parent.parent
SIDE = 256
GREEN, BLUE, ORANGE, SKIN = "#30a040", "#3060c0", "#d4682c", "#dca98f"
CASES: tuple[tuple[str, tuple[tuple[float, float, str], ...]], ...] = (
    # an odd colour shines beyond its thing
    ("astronaut", tuple((x, y, GREEN) for x, y in ((222, 78), (205, 110), (240, 110), (222, 135)))),
    # one odd hint covers a part of a thing without borders
    ("chelsea", ((215, 60, BLUE),)),
    # what can have any colour stays muted; one hint tells
    ("astronaut", ((85, 310, ORANGE),)),
    # skin is too even; one hint on it
    ("astronaut", ((222, 100, SKIN),)),
)
"""A sample, and hints on it: x, y in its pixels, colour."""


def row(colorizer: Colorizer, name: str, places: tuple[tuple[float, float, str], ...]) -> list[NDArray[np.uint8]]:
    """The three pictures of a case, the left square of the photo at :data:`SIDE`."""
    photo = read_photo(samples.find(name).path)
    prepared = colorizer.prepare(photo)
    hints = tuple(Hint(x, y, None, rgb) for x, y, rgb in places)
    size = (photo.height, photo.width)
    lightness = photo.lightness
    grey = lab.to_rgb(np.stack([lightness, 0 * lightness, 0 * lightness], axis=-1))
    coloured = [colorizer.render(photo, colorizer.predict(prepared, edits)) for edits in (Edits(), Edits(hints=hints))]
    pictures = [squashed(rgb[:, : photo.height], SIDE, SIDE) for rgb in (grey, *coloured)]
    mask = points.draw(hints, size, plane_size=(SIDE, round(SIDE * photo.width / photo.height)))[1]
    return [*pictures[:2], outlined(pictures[2], mask[:, :SIDE])]


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "failures.jpg")
    arguments = parser.parse_args()
    colorizer = Colorizer.load(arguments.model)
    rows = [row(colorizer, name, places) for name, places in CASES]
    contact_sheet(rows, ["grey", "automatic", "with the outlined hints"], SIDE + 2).save(arguments.out, quality=88)
    print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
