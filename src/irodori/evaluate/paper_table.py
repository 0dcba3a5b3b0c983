"""The paper's table on one set of pictures: what each kind of help is worth.

Rows: grey; each model alone, with the true mean saturation, the true ab histogram, both, k hints, and all true colours
(every pixel is a hint); nearest-hint and Levin et al. 2004 with the same k hints. Compare Zhang et al. 2017, table 1
and figure 6. Rows with a histogram or a saturation are left out for a model that accepts no reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from irodori.evaluate import metrics, plots
from irodori.evaluate.baselines import Grey, Levin, NearestHint
from irodori.evaluate.experiment import Job, about, accepts_reference, collect
from irodori.evaluate.protocol import FloatArray, Hinted, Picture, Predictor, hinted, predict_all
from irodori.evaluate.report import Report, Row, Table, compared, group_rows, means
from irodori.hints import reference
from irodori.hints.reference import Reference

_POOL = 4


def run(job: Job) -> Report:
    """Measure every row of the table on every picture."""
    baselines: dict[str, Predictor] = {"grey": Grey(), "nearest-hint": NearestHint(), "levin": Levin()}
    models = {"grey": baselines["grey"], **job.models, **baselines}

    def measure(picture: Picture) -> list[Row]:
        questions = {question.count: question for question in hinted(picture, job.patches(picture), job.counts)}
        nothing = _question(picture, 0, 0)
        rows = []
        for name, model in models.items():
            if name == "grey":
                asked: list[tuple[str, Hinted, FloatArray | None]] = [("-", nothing, None)]
            elif name in baselines:
                asked = [(_hints(count), question, None) for count, question in questions.items() if count]
            else:
                asked = [("automatic", nothing, None)]
                if accepts_reference(model):
                    asked += [(added, nothing, vector) for added, vector in _true_references(picture)]
                asked += [(_hints(count), question, None) for count, question in questions.items() if count]
                asked.append(("+ all true colours", _question(picture, picture.rgb[..., 0].size, 1), None))
            for added, question, vector in asked:
                (ab,) = predict_all(model, [question], [vector])
                psnr = metrics.psnr(picture.rgb, metrics.quantise(picture.lightness, ab))
                row: Row = {"picture": picture.name, "index": picture.index, "model": name, "given": added}
                row |= {
                    "psnr": psnr,
                    "gain": psnr - picture.grey_psnr,
                    "chroma": float(metrics.chroma(ab).mean(dtype=np.float64)),
                    "true_chroma": float(metrics.chroma(picture.ab).mean(dtype=np.float64)),
                }
                rows.append(row)
        return rows

    collected = collect(job, measure)
    automatic = {(row["model"], row["picture"]): row["psnr"] for row in collected.rows if row["given"] == "automatic"}
    summary = []
    for (model, given), rows in group_rows(collected.rows, "model", "given").items():
        line: Row = {"model": model, "given": given, **means(rows, "psnr", "gain")}
        line["chroma_ratio"], line["chroma_ratio_se"] = metrics.ratio_and_error(
            [row["chroma"] for row in rows], [row["true_chroma"] for row in rows]
        )
        if (model, rows[0]["picture"]) in automatic and given != "automatic":
            over = [row["psnr"] - automatic[model, row["picture"]] for row in rows]
            line["over_automatic"], line["over_automatic_se"] = metrics.mean_and_error(over)
        summary.append(line)
    table = Table(
        "PSNR in dB by what is given, mean ± standard error",
        ("model", "given", "psnr", "gain", "over_automatic", "chroma_ratio"),
        tuple(summary),
    )
    notes = (
        "true saturation and histogram are the picture's own, given as a reference; gain: over the picture in grey;"
        " over_automatic: over the same model without help, same pictures",
        "the paper, on other pictures (from memory, unverified): automatic 24.43 dB, + true saturation 25.8,"
        " + true histogram 27.85",
    )

    def plot(path: Path) -> None:
        groups: dict[str, dict[str, tuple[float, float]]] = {}
        for line in summary:
            groups.setdefault(line["model"], {})[line["given"]] = (line["gain"], line["gain_se"])
        plots.bars(path, groups, f"What each kind of help is worth, {len(collected.names)} pictures", "gain (dB)")

    helped = [row for row in collected.rows if row["model"] != "grey"]
    tables = (table, *compared(helped, {"psnr": False}, "given"))
    return Report("table", about(job, collected), tables, collected.rows, notes, plot)


def true_reference(picture: Picture) -> Reference:
    """Histogram and saturation of a picture at the protocol's size, whatever its colours (grey ones too)."""
    height, width = (side // _POOL * _POOL for side in picture.rgb.shape[:2])
    blocks = picture.ab[:height, :width].reshape(height // _POOL, _POOL, width // _POOL, _POOL, 2)
    histogram = reference.histogram(blocks.mean(axis=(1, 3)))
    return Reference(tuple(histogram.tolist()), reference.saturation(picture.rgb), picture.name)


def _true_references(picture: Picture) -> Iterator[tuple[str, FloatArray]]:
    own = true_reference(picture)
    yield "+ true saturation", reference.vector(Reference(None, own.saturation))
    yield "+ true histogram", reference.vector(Reference(own.histogram))
    yield "+ true histogram and saturation", reference.vector(own)


def _hints(count: int) -> str:
    return f"+ {count} {'hint' if count == 1 else 'hints'}"


def _question(picture: Picture, count: int, shown: int) -> Hinted:
    """A question with no hint (``shown`` 0) or with every pixel a hint (1)."""
    mask = np.full(picture.rgb.shape[:2], shown, dtype=np.float32)
    return Hinted(picture, count, picture.ab * np.float32(shown), mask)
