"""Are hints where the advisor asks for them worth more than hints at random places?

k hints, one after the other where ``advisor.next_hint`` says (it sees the model's distribution with the hints so far),
against the first k hints of the protocol's list; both carry the true mean ab of a square of the protocol's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from irodori import advisor
from irodori.errors import SettingsError
from irodori.evaluate import metrics, plots
from irodori.evaluate.experiment import Job, about, collect, distribution
from irodori.evaluate.protocol import FloatArray, Hinted, Picture, Predictor, hinted, predict_all
from irodori.evaluate.report import Report, Row, Table, compared, group_rows, means


def run(job: Job) -> Report:
    """Measure every model at every count above 0, both ways."""
    counts = tuple(count for count in job.counts if count > 0)
    if not counts:
        raise SettingsError("--counts: expected at least one count above 0")

    def measure(picture: Picture) -> list[Row]:
        rows = []
        random_questions = list(hinted(picture, job.patches(picture), counts))
        for name, model in job.models.items():
            at_random = predict_all(model, random_questions)
            advised = dict(advise(model, name, picture, counts[-1], job.protocol.side))
            for count, random_ab in zip(counts, at_random, strict=True):
                row: Row = {"picture": picture.name, "index": picture.index, "model": name, "hints": count}
                row["random"] = metrics.psnr(picture.rgb, metrics.quantise(picture.lightness, random_ab))
                row["advised"] = metrics.psnr(picture.rgb, metrics.quantise(picture.lightness, advised[count]))
                row["difference"] = row["advised"] - row["random"]
                row["better"] = float(row["difference"] > 0)
                rows.append(row)
        return rows

    collected = collect(job, measure)
    summary: list[Row] = [
        {"model": model, "hints": count, **means(rows, "random", "advised", "difference", "better")}
        for (model, count), rows in group_rows(collected.rows, "model", "hints").items()
    ]
    columns = ("model", "hints", "random", "advised", "difference", "better")
    table = Table("PSNR in dB after k hints", columns, tuple(summary))
    notes = (
        "random: the protocol's hints; advised: at the places the advisor asks for; difference: advised - random on the"
        " same pictures (aim >= +1 dB at 10 hints, never below 0); better: share of pictures",
    )

    def plot(path: Path) -> None:
        curves = {
            f"{model}, {how}": [(line["hints"], line[how], line[f"{how}_se"]) for line in lines]
            for (model,), lines in group_rows(summary, "model").items()
            for how in ("advised", "random")
        }
        plots.lines(
            path, curves, f"Advised against random hints, {len(collected.names)} pictures", "hints", "PSNR (dB)"
        )

    tables = (table, *compared(collected.rows, {"random": False, "advised": False}, "hints"))
    return Report("advisor", about(job, collected), tables, collected.rows, notes, plot)


def advise(model: Predictor, name: str, picture: Picture, most: int, side: int) -> Iterator[tuple[int, FloatArray]]:
    """Answers ``(count, ab)`` after each of ``most`` hints at the places the advisor asks for."""
    true_ab, lightness = picture.ab, picture.lightness
    height, width = lightness.shape
    hint_ab, mask = np.zeros_like(true_ab), np.zeros_like(lightness)
    for count in range(most + 1):
        question = Hinted(picture, count, hint_ab, mask)
        answer = model.predict_planes(question.picture.lightness, question.hint_ab, question.mask)
        if count:
            yield count, np.asarray(answer.ab, dtype=np.float32)
        if count == most:
            return
        bins = distribution(model, name, answer)
        rows, columns = bins.shape[:2]
        x, y = advisor.next_hint(bins, _pooled(lightness, rows, columns), _pooled(mask, rows, columns))
        top = min(max(round(y * height - side / 2), 0), height - side)
        left = min(max(round(x * width - side / 2), 0), width - side)
        square = (slice(top, top + side), slice(left, left + side))
        hint_ab[square] = true_ab[square].mean(axis=(0, 1))
        mask[square] = 1


def _pooled(plane: FloatArray, rows: int, columns: int) -> FloatArray:
    height, width = plane.shape
    pooled: FloatArray = plane.reshape(rows, height // rows, columns, width // columns).mean(axis=(1, 3))
    return pooled
