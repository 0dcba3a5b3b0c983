"""The failure cases that docs/model_card.md shows, drawn with the shipped samples.

    python benchmarks/failures.py [--model NAME|PATH] [--out docs/images/failures.jpg]

One row for each case: the grey photo, the automatic colours, the colours with the hints that the row is about (their
places are ringed). What each row shows is said in the model card.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from irodori import Colorizer, read_photo, samples
from irodori.hints.edits import Edits
from irodori.hints.points import Hint
from irodori.photo_resize import resize

ROOT = Path(__file__).resolve().parent.parent
HEIGHT = 240
GREEN, BLUE, SKIN = "#30a040", "#3060c0", "#dca98f"
CASES: tuple[tuple[str, tuple[tuple[float, float, str], ...]], ...] = (
    # an odd colour shines beyond its thing
    ("astronaut", tuple((x, y, GREEN) for x, y in ((222, 78), (205, 110), (240, 110), (222, 135)))),
    # one odd hint covers a part of a thing without borders
    ("chelsea", ((215, 60, BLUE),)),
    # what can have any colour stays muted; one hint tells
    ("astronaut", ((85, 310, "#d4682c"),)),
    # skin is too even; one hint on it
    ("astronaut", ((222, 100, SKIN),)),
)


def shrunk(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The left square of ``(h, w, 3)``, at the rows' height."""
    square = rgb[:, : len(rgb)].astype(np.float32)
    planes = [resize(square[..., channel], HEIGHT, HEIGHT) for channel in range(3)]
    return np.stack(planes, axis=-1).round().clip(0, 255).astype(np.uint8)


def ringed(rgb: NDArray[np.uint8], places: list[tuple[float, float]]) -> NDArray[np.uint8]:
    """A white ring in a dark one around each place (x, y)."""
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    out = rgb.copy()
    for left, top in places:
        distance = np.hypot(x - left, y - top)
        out[abs(distance - 5) < 2] = 40
        out[abs(distance - 5) < 1] = 255
    return out


def row(colorizer: Colorizer, name: str, hints: tuple[tuple[float, float, str], ...]) -> NDArray[np.uint8]:
    """The three pictures of a case, side by side."""
    photo = read_photo(samples.find(name).path)
    prepared = colorizer.prepare(photo)
    edits = Edits(hints=tuple(Hint(x, y, None, rgb) for x, y, rgb in hints))
    automatic, hinted = (colorizer.render(photo, colorizer.predict(prepared, e)) for e in (Edits(), edits))
    grey = np.asarray(photo.pixels)
    grey = np.repeat(grey.reshape(*grey.shape[:2], -1)[..., :1], 3, axis=-1)
    scale = HEIGHT / photo.height
    last = ringed(shrunk(hinted), [(x * scale, y * scale) for x, y, _ in hints])
    gap = np.full((HEIGHT, 6, 3), 255, np.uint8)
    return np.concatenate([shrunk(grey), gap, shrunk(automatic), gap, last], axis=1)


def main() -> None:
    """Draw and write."""
    import pyvips

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "failures.jpg")
    arguments = parser.parse_args()
    colorizer = Colorizer.load(arguments.model)
    rows = [row(colorizer, name, hints) for name, hints in CASES]
    gap = np.full((6, rows[0].shape[1], 3), 255, np.uint8)
    whole = np.concatenate([part for one in rows for part in (one, gap)][:-1])
    pyvips.Image.new_from_array(whole).copy(interpretation="srgb").write_to_file(f"{arguments.out}[Q=88,strip]")
    print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
