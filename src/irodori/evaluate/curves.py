"""PSNR and its companions against the number of hints, for several models on the same pictures and hints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from irodori.color import gamut, lab
from irodori.evaluate import metrics, plots
from irodori.evaluate.experiment import Job, about, collect
from irodori.evaluate.protocol import FloatArray, Hinted, Picture, hinted, predict_all
from irodori.evaluate.report import Report, Row, Table, group_rows, means, paired

RENDERED_COUNTS = (0, 10)
"""Counts at which the PSNR of the rendering that users see is given too."""
FIGURES = ("psnr", "gain", "ssim", "chroma_ratio", "colourfulness", "hint_error", "rendered_psnr")


def run(job: Job) -> Report:
    """Measure every model at every count of the job, one picture after the other."""

    def measure(picture: Picture) -> list[Row]:
        questions = list(hinted(picture, job.patches(picture), job.counts))
        rows = []
        for name, model in job.models.items():
            for question, ab in zip(questions, predict_all(model, questions), strict=True):
                rows.append(_row(name, question, ab))
        return rows

    collected = collect(job, measure)
    summary = summarise(collected.rows)
    tables = [
        _overview(summary),
        Table("Means over pictures ± standard error", ("model", "hints", *FIGURES), tuple(summary)),
    ]
    if len(job.models) > 1:
        differences = paired(collected.rows, "psnr", "hints")
        columns = ("model", "against", "hints", "difference", "better")
        tables.append(Table("PSNR differences in dB on the same pictures and hints", columns, tuple(differences)))
    one_each = [rows[0] for rows in group_rows(collected.rows, "picture").values()]
    grey, grey_error = metrics.mean_and_error([row["grey_psnr"] for row in one_each])
    colourful, _ = metrics.mean_and_error([row["true_colourfulness"] for row in one_each])
    notes = (
        f"grey level of these pictures: {grey:.2f} dB; gain is PSNR above it, picture by picture",
        "psnr: protocol's quantiser (clip, floor); rendered_psnr: as irodori shows it (chroma gives way to the gamut,"
        " rounded to nearest)",
        "chroma_ratio: mean chroma of the result over mean chroma of the truth; hint_error: mean ab distance under"
        f" the hints; colourfulness: Hasler and Süsstrunk 2003 (truth: {colourful:.1f})",
        "the authors' curve in the plot is about other pictures",
    )
    facts = {**about(job, collected), "grey_psnr": grey, "grey_psnr_se": grey_error, "size": job.protocol.size}

    def plot(path: Path) -> None:
        plots.hint_curves(path, summary, job.protocol.name, len(collected.names))

    return Report(job.protocol.name, facts, tuple(tables), collected.rows, notes, plot)


def summarise(rows: Sequence[Row]) -> list[Row]:
    """One row per model and count."""
    summary = []
    for (model, count), members in group_rows(rows, "model", "hints").items():
        row: Row = {"model": model, "hints": count}
        row |= means(members, "psnr", "gain", "ssim", "colourfulness", "hint_error", "rendered_psnr")
        row["chroma_ratio"], row["chroma_ratio_se"] = metrics.ratio_and_error(
            [member["chroma"] for member in members], [member["true_chroma"] for member in members]
        )
        summary.append(row)
    return summary


def _overview(summary: Sequence[Row]) -> Table:
    """One line per model: gain over grey at every count."""
    lines = [
        {"model": model, **{str(row["hints"]): row["gain"] for row in rows}}
        for (model,), rows in group_rows(summary, "model").items()
    ]
    columns = tuple(dict.fromkeys(key for line in lines for key in line))
    return Table("Gain over grey in dB, by number of hints", columns, tuple(lines))


def rendered(lightness: FloatArray, ab: FloatArray) -> Any:
    """``(h, w, 3)`` uint8 as the program shows it: chroma gives way at the gamut's edge, rounded to nearest."""
    colours = np.concatenate([lightness[..., None], gamut.to_gamut(lightness, ab)], axis=-1)
    return lab.to_rgb(colours)


def _row(model: str, question: Hinted, ab: FloatArray) -> Row:
    picture = question.picture
    result = metrics.quantise(picture.lightness, ab)
    psnr = metrics.psnr(picture.rgb, result)
    row: Row = {"picture": picture.name, "index": picture.index, "model": model, "hints": question.count}
    row |= {
        "psnr": psnr,
        "grey_psnr": picture.grey_psnr,
        "gain": psnr - picture.grey_psnr,
        "ssim": metrics.ssim(picture.rgb, result),
        "chroma": float(metrics.chroma(ab).mean(dtype=np.float64)),
        "true_chroma": float(metrics.chroma(picture.ab).mean(dtype=np.float64)),
        "colourfulness": metrics.colourfulness(result),
        "true_colourfulness": metrics.colourfulness(picture.rgb),
        "hint_error": metrics.hint_error(ab, question.hint_ab, question.mask),
    }
    if question.count in RENDERED_COUNTS:
        row["rendered_psnr"] = metrics.psnr(picture.rgb, rendered(picture.lightness, ab))
    return row
