"""Region test and hint propagation range: does one hint colour its whole segment, and only that?

A Felzenszwalb segment of the true picture that covers 2-25 % of it has its hue rotated. One hint of the new colour lies
at its centre (the point farthest from its border). Inside: mean ab distance to the recoloured truth, with and without
the hint. Outside, more than 4 px from the segment: mean change against the same picture without the hint. Hint
propagation range (HPR): mean distance from the hint to the pixels whose colour it changed by more than ΔE 2.3; a global
tint wins that alone, so it is always reported beside the region test. HPR is also given for the first hint of the
protocol's own list with its true colour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from irodori.color import gamut
from irodori.evaluate import metrics, plots, segments
from irodori.evaluate.experiment import Job, about, collect
from irodori.evaluate.protocol import FloatArray, Hinted, Picture, hinted, predict_all
from irodori.evaluate.report import Report, Row, Table, compared, group_rows, means

SEGMENTS = 200
"""How many pictures (one segment each) make the test; pictures without a fitting segment are passed over."""
AREA = (0.02, 0.25)
LEAST_CHROMA = 8.0
"""Mean chroma of a segment below which turning its hue would change nothing."""
TURN = (math.radians(90), math.radians(270))
MARGIN = 4.0
NOTICEABLE = 2.3
_CHOICE = 102  # purpose for random numbers


@dataclass(frozen=True, eq=False)
class Region:
    """A segment ``(h, w)``, the truth with the segment recoloured ``(h, w, 2)``, and one hint (top, left, side)."""

    inside: NDArray[np.bool_]
    target_ab: FloatArray
    hint: tuple[int, int, int]


def run(job: Job) -> Report:
    """Ask every model with no hint, the region's hint, and the first hint of the list."""

    def measure(picture: Picture) -> list[Row]:
        region = choose(picture, job.rng(picture, _CHOICE), job.protocol.side)
        if region is None:
            return []
        nothing, natural = hinted(picture, job.patches(picture), (0, 1))
        questions = [nothing, _one_hint(picture, region), natural]
        outside = segments.outer_distance(region.inside) > MARGIN
        rows = []
        for name, model in job.models.items():
            without, turned, first = predict_all(model, questions)
            row: Row = {"picture": picture.name, "index": picture.index, "model": name}
            row["area"] = float(region.inside.mean())
            row["inside_without"] = _mean_distance(without, region.target_ab, region.inside)
            row["inside"] = _mean_distance(turned, region.target_ab, region.inside)
            row["outside_change"] = _mean_distance(turned, without, outside)
            row["hpr"] = propagation(turned, without, questions[1].mask)
            row["hpr_true_colour"] = propagation(first, without, natural.mask)
            rows.append(row)
        return rows

    collected = collect(job, measure, enough=SEGMENTS)
    figures = ("inside_without", "inside", "outside_change", "hpr", "hpr_true_colour")
    summary = []
    for (model,), rows in group_rows(collected.rows, "model").items():
        line: Row = {"model": model, **means(rows, *figures)}
        line["ratio"], line["ratio_se"] = metrics.ratio_and_error(
            [row["inside"] for row in rows], [row["inside_without"] for row in rows]
        )
        summary.append(line)
    columns = ("model", "inside_without", "inside", "ratio", "outside_change", "hpr", "hpr_true_colour")
    table = Table(f"Region test, {len(collected.names)} segments, one hint", columns, tuple(summary))
    notes = (
        "inside: mean ΔE (ab) to the recoloured segment; ratio: with the hint over without it (aim <= 0.5);"
        f" outside_change: mean ΔE beyond {MARGIN:g} px of the segment (aim <= 3)",
        f"hpr: mean distance in px from the hint to the pixels it changed by more than ΔE {NOTICEABLE} (aim >= 40 at"
        " 256 px); 0 where it changed none; hpr_true_colour: the same for the protocol's first hint, true colour",
    )

    def plot(path: Path) -> None:
        groups = {
            line["model"]: {figure.replace("_", "\n"): (line[figure], line[f"{figure}_se"]) for figure in figures}
            for line in summary
        }
        plots.bars(path, groups, f"Region test, {len(collected.names)} segments", "ΔE (ab); hpr: px")

    tables = (table, *compared(collected.rows, {"inside": True, "outside_change": True, "hpr": False}))
    return Report("region", about(job, collected), tables, collected.rows, notes, plot)


def choose(picture: Picture, rng: np.random.Generator, side: int) -> Region | None:
    """A fitting segment of the picture with its new colours and its hint; None when there is none."""
    labels = segments.labels(picture.rgb)
    true_ab = picture.ab
    chroma = metrics.chroma(true_ab)
    shares = np.bincount(labels.ravel()) / labels.size
    sums = np.bincount(labels.ravel(), weights=chroma.ravel()) / np.maximum(shares * labels.size, 1)
    fitting = np.flatnonzero((shares >= AREA[0]) & (shares <= AREA[1]) & (sums >= LEAST_CHROMA))
    if not len(fitting):
        return None
    inside = labels == rng.choice(fitting)
    angle = rng.uniform(*TURN)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]], dtype=np.float32)
    target = np.where(inside[..., None], gamut.to_gamut(picture.lightness, true_ab @ turn), true_ab)
    row, column = divmod(int(segments.inner_distance(inside).argmax()), inside.shape[1])
    top = min(max(row - side // 2, 0), inside.shape[0] - side)
    left = min(max(column - side // 2, 0), inside.shape[1] - side)
    return Region(inside, target.astype(np.float32), (top, left, side))


def propagation(ab: FloatArray, without: FloatArray, mask: FloatArray) -> float:
    """HPR in px: mean distance from the centre of the hint in ``mask`` to the pixels it visibly changed; or 0."""
    changed = metrics.ab_distance(ab, without) > NOTICEABLE
    if not changed.any():
        return 0.0
    rows, columns = np.nonzero(mask > 0)
    changed_rows, changed_columns = np.nonzero(changed)
    return float(np.hypot(changed_rows - rows.mean(), changed_columns - columns.mean()).mean())


def _one_hint(picture: Picture, region: Region) -> Hinted:
    """The hint's colour is the mean of the recoloured truth under it, as far as it lies inside the segment."""
    top, left, side = region.hint
    square = (slice(top, top + side), slice(left, left + side))
    mask = np.zeros(picture.rgb.shape[:2], dtype=np.float32)
    mask[square] = 1
    own = region.inside[square]
    hint_ab = np.zeros_like(region.target_ab)
    hint_ab[square] = region.target_ab[square][own].mean(axis=0)
    return Hinted(picture, 1, hint_ab, mask)


def _mean_distance(first: FloatArray, second: FloatArray, where: NDArray[np.bool_]) -> float:
    return float(metrics.ab_distance(first[where], second[where]).mean(dtype=np.float64))
