"""How far the colours shown while a hint is dragged are from those shown when it rests.

    python benchmarks/rough.py PHOTOS... [--model NAME|PATH] [--limit N] [--out FILE]

A gesture is answered with the guided filter's planes at half the size, rounded to bytes (docs/http.md); the commit at
its end brings the whole ones. For each photograph, without hints and with five hints of random colours, both are
evaluated on the photograph's lightness at 1200 px and brought into the gamut; the figures are distances in ab.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
from guided import photographs
from numpy.typing import NDArray
from record import save

from irodori import Colorizer, Photo
from irodori.color import gamut, guided
from irodori.colorizer import Prediction
from irodori.hints.edits import Edits
from irodori.hints.points import Hint
from irodori.web import bodies

LONG_SIDE = 1200
HINTS = 5


def sent(prediction: Prediction) -> NDArray[np.float32]:
    """The planes that the page makes of a rounded body."""
    body = bodies.rounded_body(prediction.rough, 1, bodies.PREVIEW, (1, 1))
    height, width = prediction.rough.shape[:2]
    least, step = np.frombuffer(body, "<f4", 8, offset=bodies.HEADER).reshape(2, 4)
    numbers = np.frombuffer(body, np.uint8, offset=bodies.ROUNDED_HEADER).reshape(height, width, 4)
    planes = (least + step * numbers).astype(np.float32)
    planes[..., 1::2] -= bodies.MIDDLE * planes[..., ::2]
    return planes


def differences(colorizer: Colorizer, photo: Photo, rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Distances in ab per pixel, without hints and with :data:`HINTS`."""
    prepared = colorizer.prepare(photo)
    height, width = photo.size
    hints = tuple(
        Hint(float(rng.uniform(0, width)), float(rng.uniform(0, height)), ab=tuple(rng.uniform(-50, 50, 2)))
        for _ in range(HINTS)
    )
    lightness = photo.resized_lightness(*bodies.fitted(height, width, LONG_SIDE))
    found = []
    for edits in (Edits(), Edits(hints=hints)):
        prediction = colorizer.predict(prepared, edits)
        shown = [
            gamut.to_gamut(lightness, guided.apply(planes, lightness))
            for planes in (sent(prediction), prediction.coefficients)
        ]
        found.append(np.hypot(*np.moveaxis(shown[0] - shown[1], -1, 0)))
    return found


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    colorizer, rng = Colorizer.load(args.model), np.random.default_rng(0)
    rows = []
    for _, pixels in islice(photographs(args.photos), args.limit):
        for distance in differences(colorizer, Photo.from_array(pixels), rng):
            rows.append((float(distance.mean()), *map(float, np.quantile(distance, (0.95, 0.999)))))
    if not rows:
        raise SystemExit("no colour photographs there")
    table = np.array(rows)
    figures = {
        "photographs": len(rows) // 2,
        "mean_distance": round(float(table[:, 0].mean()), 3),
        "largest_mean_distance": round(float(table[:, 0].max()), 3),
        "mean_of_95_percent": round(float(table[:, 1].mean()), 3),
        "mean_of_99.9_percent": round(float(table[:, 2].mean()), 3),
    }
    print(figures)
    save("rough", figures, args.out)


if __name__ == "__main__":
    main()
