"""Whole photographs at their own aspect: is the network at a short side of 512 as good as at 256?

Each photograph is shrunk to a long side of ``--longest`` pixels at most. The network sees its lightness at a short side
of 256 and of 512; its ab comes to full size by the guided filter, as in the program; PSNR is taken over all full-size
pixels (protocol's quantiser). The hints are those of the protocol at short side 256, the same places and colours (mean
true ab of the full-size pixels below the square) for both; gain is over the same photograph in grey.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from irodori.color import guided
from irodori.evaluate import metrics, plots
from irodori.evaluate.experiment import Job, about, collect
from irodori.evaluate.pictures import squashed
from irodori.evaluate.protocol import FloatArray, Picture, Predictor
from irodori.evaluate.report import Report, Row, Table, group_rows, means, paired
from irodori.model import contract
from irodori.photo_resize import resize

SHORT_SIDES = (256, 512)
LONGEST = 1536
"""Long side in px to which photographs are shrunk unless told otherwise."""


def run(job: Job) -> Report:
    """Measure every model at both sizes and every count."""
    longest = int(job.extra.get("longest", LONGEST))

    def measure(picture: Picture) -> list[Row]:
        photo = shrunk(picture, longest)
        small = plane_size(photo, SHORT_SIDES[0])
        patches = job.protocol.patches(job.seed, picture.index, max(job.counts), small)
        rows = []
        for name, model in job.models.items():
            for short_side in SHORT_SIDES:
                for count in job.counts:
                    hints = squares(photo, patches[:count], small)
                    ab = whole_ab(model, photo.lightness, short_side, hints)
                    psnr = metrics.psnr(photo.rgb, metrics.quantise(photo.lightness, ab))
                    row: Row = {"picture": picture.name, "index": picture.index, "model": f"{name}@{short_side}"}
                    row |= {"hints": count, "psnr": psnr, "gain": psnr - photo.grey_psnr}
                    row |= {"height": photo.rgb.shape[0], "width": photo.rgb.shape[1]}
                    rows.append(row)
        return rows

    collected = collect(job, measure)
    summary: list[Row] = [
        {"model": model, "hints": count, **means(rows, "psnr", "gain")}
        for (model, count), rows in group_rows(collected.rows, "model", "hints").items()
    ]
    differences = [
        line
        for name in job.models
        for line in paired([row for row in collected.rows if row["model"].startswith(f"{name}@")], "psnr", "hints")
    ]
    tables = (
        Table("Full-size PSNR in dB by the network's short side", ("model", "hints", "psnr", "gain"), tuple(summary)),
        Table(
            "Differences in dB on the same photographs and hints (aim: 512 not below 256)",
            ("model", "against", "hints", "difference", "better"),
            tuple(differences),
        ),
    )

    def plot(path: Path) -> None:
        curves = {
            model: [(line["hints"], line["gain"], line["gain_se"]) for line in lines]
            for (model,), lines in group_rows(summary, "model").items()
        }
        plots.lines(path, curves, f"Whole photographs ({len(collected.names)})", "hints", "gain over grey (dB)")

    facts = {**about(job, collected), "longest": longest}
    return Report("fullsize", facts, tables, collected.rows, (), plot)


def shrunk(picture: Picture, longest: int) -> Picture:
    """The picture with a long side of at most ``longest`` px."""
    height, width = picture.rgb.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    return Picture(picture.name, picture.index, squashed(picture.rgb, round(height * scale), round(width * scale)))


def plane_size(photo: Picture, short_side: int) -> tuple[int, int]:
    """Size (h, w) of the network's plane: aspect kept."""
    height, width = photo.rgb.shape[:2]
    scale = short_side / min(height, width)
    return round(height * scale), round(width * scale)


Squares = list[tuple[tuple[float, float, float, float], NDArray[np.float32]]]


def squares(photo: Picture, patches: NDArray[np.int64], size: tuple[int, int]) -> Squares:
    """Hints as (top, left, bottom, right) in shares of the photo, with their mean true ab ``(2,)`` at full size."""
    height, width = photo.rgb.shape[:2]
    true_ab = photo.ab
    hints: Squares = []
    for top, left, side in patches.tolist():
        box = (top / size[0], left / size[1], (top + side) / size[0], (left + side) / size[1])
        rows = slice(round(box[0] * height), max(round(box[0] * height) + 1, round(box[2] * height)))
        columns = slice(round(box[1] * width), max(round(box[1] * width) + 1, round(box[3] * width)))
        hints.append((box, true_ab[rows, columns].mean(axis=(0, 1))))
    return hints


def whole_ab(model: Predictor, lightness: FloatArray, short_side: int, hints: Squares) -> FloatArray:
    """Full-size ab ``(H, W, 2)`` of a photo's L* ``(H, W)``: shrink, pad, predict, crop, guided enlargement."""
    scale = short_side / min(lightness.shape)
    height, width = (round(length * scale) for length in lightness.shape)
    small = resize(lightness, height, width)
    padded = contract.pad_to_multiple(small)
    hint_ab, mask = np.zeros((*padded.shape, 2), np.float32), np.zeros(padded.shape, np.float32)
    for (top, left, bottom, right), colour in hints:
        square = (
            slice(round(top * height), max(round(top * height) + 1, round(bottom * height))),
            slice(round(left * width), max(round(left * width) + 1, round(right * width))),
        )
        hint_ab[square], mask[square] = colour, 1
    answer = np.asarray(model.predict_planes(padded, hint_ab, mask).ab, dtype=np.float32)
    return guided.apply(guided.coefficients(answer[:height, :width], small), lightness)
