"""Hint obedience: does the result have the hint's colour under the hint, and close around it?

On the network's own ab, before any compositing: mean ab distance between the hints' colours and the result under them,
for the true colours and for random displayable colours that nature would hardly give there ("a green face"); and the
same in the ring 4-12 px around the hint, over pixels of the hint's own segment whose L* differs from the hint's by less
than 3 and that lie under no hint.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from irodori.color import gamut
from irodori.errors import SettingsError
from irodori.evaluate import metrics, plots, segments
from irodori.evaluate.experiment import Job, about, collect
from irodori.evaluate.protocol import FloatArray, Hinted, Patches, Picture, hinted, predict_all
from irodori.evaluate.report import Report, Row, Table, compared, group_rows, means

RING = (4, 12)
"""Nearest and farthest distance in px of the ring from the hint's square."""
RING_LIGHTNESS = 3.0
_FEW_PIXELS = 10  # a ring of fewer pixels than this says nothing
_COLOURS = 101  # purposes for random numbers


def run(job: Job) -> Report:
    """Ask every model with true and with random colours at every count above 0."""
    counts = tuple(count for count in job.counts if count > 0)
    if not counts:
        raise SettingsError("--counts: expected at least one count above 0")

    def measure(picture: Picture) -> list[Row]:
        patches = job.patches(picture)
        labels = segments.labels(picture.rgb)
        questions = [("true", question) for question in hinted(picture, patches, counts)]
        questions += [("random", question) for question in _recoloured(picture, patches, counts, job)]
        rings = [_rings(picture, labels, patches[: question.count], question) for _, question in questions]
        rows = []
        for name, model in job.models.items():
            answers = predict_all(model, [question for _, question in questions])
            for (colours, question), ring, ab in zip(questions, rings, answers, strict=True):
                row: Row = {"picture": picture.name, "index": picture.index, "model": name}
                row |= {"colours": colours, "hints": question.count}
                row["under"] = metrics.hint_error(ab, question.hint_ab, question.mask)
                row["ring"] = _ring_error(ab, ring)
                row["ring_truth"] = _ring_error(picture.ab, ring) if colours == "true" else float("nan")
                rows.append(row)
        return rows

    collected = collect(job, measure)
    summary: list[Row] = [
        {"model": model, "colours": colours, "hints": count, **means(rows, "under", "ring", "ring_truth")}
        for (model, colours, count), rows in group_rows(collected.rows, "model", "colours", "hints").items()
    ]
    table = Table(
        "Mean ab distance (ΔE) from the hint's colour", ("model", "colours", "hints", "under", "ring", "ring_truth"),
        tuple(summary),
    )  # fmt: skip
    notes = (
        f"under: the hints' {job.protocol.side}x{job.protocol.side} px squares; ring: {RING[0]}-{RING[1]} px around"
        f" them, same segment, |dL| < {RING_LIGHTNESS:g}; ring_truth: what the true picture itself has there",
        "random: uniform over the displayable ab at the hint's L*",
        "aims: under <= 3 (true) and <= 6 (random), ring <= 8",
    )

    def plot(path: Path) -> None:
        groups: dict[str, dict[str, tuple[float, float]]] = {}
        for line in summary:
            for place in ("under", "ring"):
                label = f"{line['colours']}\nhints: {line['hints']}\n{place}"
                groups.setdefault(line["model"], {})[label] = (line[place], line[f"{place}_se"])
        plots.bars(path, groups, f"Hint obedience, {len(collected.names)} pictures", "mean ΔE (ab)", goal=8.0)

    tables = (table, *compared(collected.rows, {"under": True, "ring": True}, "colours", "hints"))
    return Report("obedience", about(job, collected), tables, collected.rows, notes, plot)


def random_colour(rng: np.random.Generator, lightness: float) -> NDArray[np.float32]:
    """A colour ``(2,)`` drawn uniformly from the ab that sRGB can show at this L* (kept within 1..99)."""
    level = min(max(lightness, 1.0), 99.0)
    extent = np.float32(110.0)
    while True:
        candidates = rng.uniform(-extent, extent, (256, 2)).astype(np.float32)
        fitting = candidates[gamut.in_gamut(np.full(len(candidates), level, dtype=np.float32), candidates)]
        if len(fitting):
            return np.asarray(fitting[0], dtype=np.float32)
        extent *= np.float32(0.5)


def _recoloured(picture: Picture, patches: Patches, counts: tuple[int, ...], job: Job) -> Iterator[Hinted]:
    """The same hints with random colours; each colour depends on seed, picture and place in the list only."""
    rng = job.rng(picture, _COLOURS)
    hint_ab, mask = np.zeros_like(picture.ab), np.zeros(picture.rgb.shape[:2], dtype=np.float32)
    done = 0
    for count in counts:
        for top, left, side in patches[done:count].tolist():
            square = (slice(top, top + side), slice(left, left + side))
            hint_ab[square] = random_colour(rng, float(np.median(picture.lightness[square])))
            mask[square] = 1
        done = count
        yield Hinted(picture, count, hint_ab.copy(), mask.copy())


_Ring = list[tuple[NDArray[np.bool_], FloatArray]]


def _rings(picture: Picture, labels: NDArray[np.int64], patches: Patches, question: Hinted) -> _Ring:
    """For every hint the pixels of its ring ``(h, w)`` and its colour ``(2,)``; none for hints under other hints."""
    rings: _Ring = []
    lightness = picture.lightness
    rows, columns = np.ogrid[: lightness.shape[0], : lightness.shape[1]]
    for top, left, side in patches.tolist():
        centre = (top + side // 2, left + side // 2)
        square = (slice(top, top + side), slice(left, left + side))
        colours = question.hint_ab[square].reshape(-1, 2)
        if np.ptp(colours, axis=0).max() > 0:
            continue
        down = np.maximum(np.maximum(top - rows, rows - (top + side - 1)), 0)
        across = np.maximum(np.maximum(left - columns, columns - (left + side - 1)), 0)
        distance = np.hypot(down, across)
        ring = (distance >= RING[0]) & (distance <= RING[1]) & (labels == labels[centre]) & (question.mask == 0)
        ring &= np.abs(lightness - lightness[square].mean()) < RING_LIGHTNESS
        if ring.sum() >= _FEW_PIXELS:
            rings.append((ring, colours[0]))
    return rings


def _ring_error(ab: FloatArray, rings: _Ring) -> float:
    if not rings:
        return float("nan")
    return float(np.mean([metrics.ab_distance(ab[ring], colour).mean() for ring, colour in rings]))
