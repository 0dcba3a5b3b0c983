"""What the model makes of skin: automatic colour against the true one, and with one hint on the skin itself.

    python benchmarks/skin.py VAL_TAR [--model NAME|PATH]

The places are rectangles of skin that were marked by hand in pictures of the validation set (people of lighter and
darker skin, indoors and outdoors); they are few, so the figures show a tendency and prove nothing about people in
general. Lightness is always the photo's own: what can go wrong is hue and chroma.
"""

from __future__ import annotations

import argparse
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from record import save

from irodori.color import lab
from irodori.colorizer import Colorizer
from irodori.hints.edits import Edits
from irodori.hints.points import Hint
from irodori.photo import read_photo

PLACES = (
    ("ava__d581757ae9fc.avif", 0.50, 0.35, 0.10, 0.08),
    ("ava__e98fe802d187.avif", 0.485, 0.60, 0.04, 0.05),
    ("bcg__2b6746bd52d3.avif", 0.55, 0.28, 0.03, 0.05),
    ("bcg__72bbd8af66ab.avif", 0.425, 0.30, 0.04, 0.05),
    ("bcg__dcd179295e83.avif", 0.27, 0.42, 0.05, 0.06),
    ("bcg__ea2fd8001b49.avif", 0.27, 0.31, 0.025, 0.04),
    ("bcg__ea2fd8001b49.avif", 0.79, 0.35, 0.025, 0.04),
    ("coco__31f418c01f8d.avif", 0.567, 0.55, 0.08, 0.04),
    ("coco__dd26247e1e90.avif", 0.565, 0.49, 0.04, 0.05),
    ("coco_vg__7dffd7a5e176.avif", 0.47, 0.125, 0.03, 0.04),
    ("flickrr__7ccfaf9c14e7.avif", 0.53, 0.70, 0.08, 0.08),
    ("flickrr__8a32351d1d5e.avif", 0.18, 0.385, 0.04, 0.06),
    ("flickrr__8a32351d1d5e.avif", 0.375, 0.45, 0.04, 0.06),
    ("imagenet_es__1e7d9b28fd27.avif", 0.315, 0.545, 0.05, 0.05),
    ("imagenet_es__7ea4a4bf8c0c.avif", 0.86, 0.48, 0.05, 0.06),
)
"""File of the validation set, then centre and half size of the rectangle, as shares of width and height."""
DARK = 50.0
"""Skin whose mean L* is below this is counted as darker (in the photo's light, whatever the person)."""


def measure(colorizer: Colorizer, data: bytes, place: tuple[float, ...]) -> dict[str, Any]:
    """Mean true and predicted colours inside one rectangle."""
    photo = read_photo(io.BytesIO(data))
    height, width = photo.size
    x, y, half_x, half_y = place
    left, right = round((x - half_x) * width), round((x + half_x) * width)
    top, bottom = round((y - half_y) * height), round((y + half_y) * height)
    inside = (slice(top, bottom), slice(left, right))
    truth = lab.to_lab(photo.pixels)[inside]
    colour = truth[..., 1:].reshape(-1, 2).mean(0)
    prepared = colorizer.prepare(photo)

    def error(edits: Edits) -> tuple[float, np.ndarray]:
        rgb = colorizer.render(photo, colorizer.predict(prepared, edits))
        ab = lab.to_lab(rgb)[inside][..., 1:]
        return float(np.hypot(*(ab - truth[..., 1:]).reshape(-1, 2).T).mean()), ab.reshape(-1, 2).mean(0)

    hint = Hint(x=x * width, y=y * height, radius=3 * min(height, width) / 256, ab=(float(colour[0]), float(colour[1])))
    automatic, guessed = error(Edits())
    hinted, _ = error(Edits(hints=(hint,)))
    return {
        "true_ab": [round(float(value), 2) for value in colour],
        "automatic_ab": [round(float(value), 2) for value in guessed],
        "lightness": float(truth[..., 0].mean()),
        "true_chroma": float(np.hypot(*colour)),
        "automatic_chroma": float(np.hypot(*guessed)),
        "automatic_error": automatic,
        "hinted_error": hinted,
    }


def means(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Means over places, and how far their colours lie apart (RMS distance from the mean): less is averaging."""
    figures: dict[str, float] = {"places": len(rows)}
    for key, value in rows[0].items():
        if isinstance(value, float):
            figures[key] = round(float(np.mean([row[key] for row in rows])), 2)
    for key in ("true_ab", "automatic_ab"):
        colours = np.array([row[key] for row in rows])
        figures[f"spread_of_{key}"] = round(float(np.sqrt(np.square(colours - colours.mean(0)).sum(1).mean())), 2)
    return figures


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("validation", type=Path)
    parser.add_argument("--model", default=None)
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    colorizer = Colorizer.load(args.model)
    rows = []
    with tarfile.open(args.validation) as tar:
        for name, *place in PLACES:
            file = tar.extractfile(name)
            assert file is not None
            rows.append({"picture": name, **measure(colorizer, file.read(), tuple(place))})
    groups = {
        "darker": [row for row in rows if row["lightness"] < DARK],
        "lighter": [row for row in rows if row["lightness"] >= DARK],
        "all": rows,
    }
    figures = {"groups": {name: means(group) for name, group in groups.items()}, "places": rows}
    for name, group in figures["groups"].items():
        print(name, group)
    save("skin", figures, args.out)


if __name__ == "__main__":
    main()
