"""Does another picture's histogram, given as a reference, colour the result, and do hints still win?

Pairs of pictures: the first is coloured without and with the second as reference (histogram and saturation, as the
program reads them from a photo). The result moves towards the reference when the energy distance between the two ab
histograms (313 bins, ab pooled 4x4) becomes smaller. Then the same with true-colour hints: the error under the hints
with and without the reference.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from irodori.color import ab_bins
from irodori.errors import HintError, PhotoError, SettingsError
from irodori.evaluate import metrics, plots
from irodori.evaluate.experiment import Job, about, accepts_reference, collect
from irodori.evaluate.protocol import FloatArray, Picture, hinted, predict_all
from irodori.evaluate.report import Report, Row, Table, compared, group_rows, means
from irodori.hints import reference
from irodori.hints.reference import Reference

PAIRS = 200
_POOL = 4
_PARTNER = 104  # purpose for random numbers
_TRIES = 20


def run(job: Job) -> Report:
    """Measure every model on every pair; SettingsError for a model that accepts no reference."""
    for name, model in job.models.items():
        if not accepts_reference(model):
            raise SettingsError(f"model {name} accepts no reference; this experiment needs one that does")
    most = max(job.counts)

    def measure(picture: Picture) -> list[Row]:
        other, wanted = partner(job, picture)
        vector = reference.vector(wanted)
        nothing, with_hints = hinted(picture, job.patches(picture), (0, most))
        target = np.array(wanted.histogram)
        rows = []
        for name, model in job.models.items():
            plain, referred, hints_only, hints_referred = predict_all(
                model, [nothing, nothing, with_hints, with_hints], [None, vector, None, vector]
            )
            before, after = histogram(plain), histogram(referred)
            row: Row = {"picture": picture.name, "index": picture.index, "model": name, "reference": other}
            row["distance_without"] = energy_distance(before, target)
            row["distance_with"] = energy_distance(after, target)
            row["moved"] = float(row["distance_with"] < row["distance_without"])
            row["overlap_without"] = float(np.minimum(before, target).sum())
            row["overlap_with"] = float(np.minimum(after, target).sum())
            row["hint_error_without"] = metrics.hint_error(hints_only, with_hints.hint_ab, with_hints.mask)
            row["hint_error_with"] = metrics.hint_error(hints_referred, with_hints.hint_ab, with_hints.mask)
            row["hint_error_rise"] = row["hint_error_with"] - row["hint_error_without"]
            rows.append(row)
        return rows

    collected = collect(job, measure, enough=PAIRS)
    figures = ("moved", "distance_without", "distance_with", "overlap_without", "overlap_with")
    errors = ("hint_error_without", "hint_error_with", "hint_error_rise")
    summary: list[Row] = [
        {"model": model, **means(rows, *figures, *errors)}
        for (model,), rows in group_rows(collected.rows, "model").items()
    ]
    tables = (
        Table(f"Towards the reference's histogram, {len(collected.names)} pairs", ("model", *figures), tuple(summary)),
        Table(f"Under {most} true-colour hints, ΔE (ab)", ("model", *errors), tuple(summary)),
        *compared(collected.rows, {"distance_with": True, "hint_error_with": True}),
    )
    notes = (
        "moved: share of pairs whose energy distance to the reference's histogram became smaller (aim >= 0.9);"
        " overlap: sum of the smaller shares of the two histograms, 1 when they agree",
        "aim: hint_error_rise within 1",
    )

    def plot(path: Path) -> None:
        groups = {
            line["model"]: {figure.replace("_", "\n"): (line[figure], line[f"{figure}_se"]) for figure in figures}
            for line in summary
        }
        plots.bars(path, groups, f"Reference of another picture, {len(collected.names)} pairs", "share; ΔE")

    return Report("reference", about(job, collected), tables, collected.rows, notes, plot)


def partner(job: Job, picture: Picture) -> tuple[str, Reference]:
    """Another picture of the whole set, by seed and index, that has colours: its name and reference."""
    rng = job.rng(picture, _PARTNER)
    for _ in range(_TRIES):
        index = int(rng.integers(job.pictures.available))
        if index == picture.index:
            continue
        try:
            other = job.pictures.picture(index)
            return other.name, Reference.from_rgb(other.rgb, other.name)
        except (HintError, PhotoError):  # a grey picture, or a broken one
            continue
    raise SettingsError("the set has too few pictures in colour to choose references from")


def histogram(ab: FloatArray) -> NDArray[np.float64]:
    """``(h, w, 2)`` ab -> shares of the 313 bins, pooled as a reference's."""
    height, width = ab.shape[0] // _POOL * _POOL, ab.shape[1] // _POOL * _POOL
    blocks = ab[:height, :width].reshape(height // _POOL, _POOL, width // _POOL, _POOL, 2)
    return reference.histogram(blocks.mean(axis=(1, 3)))


def energy_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Energy distance (Székely) of two distributions over the bins, in ab units: 0 when equal."""
    difference = first - second
    squared = -float(difference @ _DISTANCES @ difference)
    return math.sqrt(max(0.0, squared))


_DISTANCES: NDArray[np.float64] = np.hypot(
    *(ab_bins.CENTRES[:, None, axis].astype(np.float64) - ab_bins.CENTRES[None, :, axis] for axis in (0, 1))
)
