"""Do the suggested colours contain the true one? Hit rate of the palette, and likelihood of the true bin.

Hit: one of the 9 suggestions at a pixel (``palette.suggest``, as the program shows them) lies within ΔE 10 of the true
ab. Measured at random pixels without hints and with a few, over all pixels and over vivid ones (true chroma >= 20),
beside two palettes that know only the pixel's lightness: the 9 most frequent bins at that L*, and ``palette.suggest``
on the prior. The negative log-likelihood (nats) of the true pixel's nearest bin is compared with the same prior's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from irodori import palette
from irodori.color import ab_bins
from irodori.evaluate import metrics, plots
from irodori.evaluate.experiment import Job, about, collect, distribution
from irodori.evaluate.prior import Prior
from irodori.evaluate.protocol import FloatArray, Picture, Predictor, hinted
from irodori.evaluate.report import Report, Row, Table, compared, group_rows

PIXELS = 32
"""Random pixels per picture."""
NEAR = 10.0
VIVID = 20.0
LEAST_PROBABILITY = 1e-9
FREQUENT, PRIOR_PALETTE = "9 most frequent at that L", "palette of the prior"
_PLACES = 103  # purpose for random numbers


def run(job: Job) -> Report:
    """Measure every model at every count, and the prior."""
    prior = Prior.load(job.extra.get("prior"))
    palettes: dict[int, tuple[FloatArray, FloatArray]] = {}

    def of_prior(lightness: float) -> tuple[FloatArray, FloatArray]:
        """Both palettes that know the lightness only, worked out once per whole L*."""
        level = round(lightness)
        if level not in palettes:
            palettes[level] = (prior.most_frequent(level, palette.COUNT), suggested(prior.at(level), level))
        return palettes[level]

    def measure(picture: Picture) -> list[Row]:
        rows_at, columns_at = places(picture, job.rng(picture, _PLACES))
        true_ab, lightness = picture.ab[rows_at, columns_at], picture.lightness[rows_at, columns_at].tolist()
        true_bins = ab_bins.nearest(true_ab)
        likelihood = prior.at(lightness)[np.arange(PIXELS), true_bins]
        measured = [
            _row(picture, name, 0, true_ab, [of_prior(level)[which] for level in lightness], likelihood)
            for which, name in enumerate((FREQUENT, PRIOR_PALETTE))
        ]
        for name, model in job.models.items():
            for question in hinted(picture, job.patches(picture), job.counts):
                answer = model.predict_planes(picture.lightness, question.hint_ab, question.mask)
                bins = distribution(model, name, answer)
                stride = picture.rgb.shape[0] // bins.shape[0]
                here = bins[rows_at // stride, columns_at // stride]
                temperature = _temperature(model)
                colours = [suggested(one, level, temperature) for one, level in zip(here, lightness, strict=True)]
                measured.append(
                    _row(picture, name, question.count, true_ab, colours, here[np.arange(PIXELS), true_bins])
                )
        return measured

    collected = collect(job, measure)
    summary = [
        {"model": model, "hints": count, **_rates(rows)}
        for (model, count), rows in group_rows(collected.rows, "model", "hints").items()
    ]
    floor = next(line for line in summary if line["model"] == FREQUENT)
    for line in summary:
        line["vivid_over_frequent"] = line["vivid_hit_rate"] - floor["vivid_hit_rate"]
    columns = ("model", "hints", "hit_rate", "vivid_hit_rate", "vivid_over_frequent", "nll")
    table = Table(f"{palette.COUNT} suggestions at {PIXELS} pixels of each picture", columns, tuple(summary))
    vivid = sum(row["vivid_pixels"] for row in collected.rows if row["model"] == FREQUENT)
    notes = (
        f"hit: a suggestion within ΔE {NEAR:g} of the true ab; vivid: true chroma >= {VIVID:g} ({vivid} pixels);"
        " aim: vivid_over_frequent >= 0.10 without hints",
        f"nll: mean -ln of the true bin's probability (floored at {LEAST_PROBABILITY:g}); both prior rows have the"
        " prior's own",
        f"prior: {prior.about}",
    )

    def plot(path: Path) -> None:
        groups = {
            f"{line['model']}, {line['hints']} hints" if line["model"] in job.models else line["model"]: {
                "all pixels": (line["hit_rate"], line["hit_rate_se"]),
                f"chroma >= {VIVID:g}": (line["vivid_hit_rate"], line["vivid_hit_rate_se"]),
            }
            for line in summary
        }
        plots.bars(path, groups, f"Palette hit rate, {len(collected.names)} pictures", "share of pixels")

    of_models = [
        {**row, "hit_rate": row["hits"] / row["pixels"], "nll": row["nll_sum"] / row["pixels"]}
        for row in collected.rows
        if row["model"] in job.models
    ]
    tables = (table, *compared(of_models, {"hit_rate": False, "nll": True}, "hints"))
    return Report("palette", about(job, collected), tables, collected.rows, notes, plot)


def places(picture: Picture, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the random pixels."""
    height, width = picture.rgb.shape[:2]
    return rng.integers(0, height, PIXELS), rng.integers(0, width, PIXELS)


def suggested(bins: NDArray[np.floating], lightness: float, temperature: float = 1.0) -> FloatArray:
    """The palette's colours ``(n, 2)`` for one distribution ``(313,)``."""
    level = min(max(lightness, 0.0), 100.0)
    suggestions = palette.suggest(bins, level, palette.COUNT, temperature)
    return np.array([suggestion.ab for suggestion in suggestions], dtype=np.float32)


def _temperature(model: Predictor) -> float:
    return float(getattr(getattr(model, "info", None), "bins_temperature", 1.0))


def _row(
    picture: Picture,
    model: str,
    count: int,
    true_ab: FloatArray,
    colours: Sequence[FloatArray],
    likelihood: NDArray[np.floating],
) -> Row:
    distances = [metrics.ab_distance(one, ab).min() for one, ab in zip(colours, true_ab, strict=True)]
    hit = np.array(distances) <= NEAR
    vivid = metrics.chroma(true_ab) >= VIVID
    row: Row = {"picture": picture.name, "index": picture.index, "model": model, "hints": count}
    return row | {
        "pixels": len(hit),
        "hits": int(hit.sum()),
        "vivid_pixels": int(vivid.sum()),
        "vivid_hits": int((hit & vivid).sum()),
        "nll_sum": float(-np.log(np.maximum(likelihood, LEAST_PROBABILITY)).sum()),
    }


def _rates(rows: Sequence[Row]) -> Row:
    rates: Row = {}
    for name, upper, lower in (
        ("hit_rate", "hits", "pixels"),
        ("vivid_hit_rate", "vivid_hits", "vivid_pixels"),
        ("nll", "nll_sum", "pixels"),
    ):
        rates[name], rates[f"{name}_se"] = metrics.ratio_and_error(
            [row[upper] for row in rows], [row[lower] for row in rows]
        )
    return rates
