"""Plots of reports, drawn with matplotlib without a window (and without its global state)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from irodori.errors import MissingExtra
from irodori.evaluate.report import Row, group_rows

COLOURS = ("#c0392b", "#2471a3", "#229954", "#8e44ad", "#b9770e", "#148f77", "#7b241c", "#1b2631")
AUTHORS = "authors, other pictures"


def authors_curve() -> dict[str, Any]:
    """The published curve of the authors' own network: ``hints``, ``psnr``, ``psnr_se``, ``grey_psnr`` (low, high)."""
    text = (resources.files("irodori.evaluate") / "authors_curve.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def hint_curves(path: Path, summary: Sequence[Row], protocol: str, pictures: int) -> None:
    """PSNR and gain over grey against hints; the authors' curve beside them where the protocol is theirs."""
    figure = new_figure(11, 4.8)
    left, right = figure.subplots(1, 2)
    for colour, ((model,), rows) in zip(_colours(), group_rows(summary, "model").items(), strict=False):
        hints = [row["hints"] for row in rows]
        for axes, value in ((left, "psnr"), (right, "gain")):
            errors = [row[f"{value}_se"] for row in rows]
            axes.errorbar(hints, [row[value] for row in rows], errors, color=colour, label=model, capsize=2, marker=".")
    if protocol == "siggraph17":
        authors = authors_curve()
        low, high = authors["grey_psnr"]
        left.plot(authors["hints"], authors["psnr"], color="0.45", linestyle="--", label=AUTHORS)
        left.legend(fontsize=8, handles=left.get_lines()[-1:])
        right.fill_between(
            authors["hints"],
            [value - high for value in authors["psnr"]],
            [value - low for value in authors["psnr"]],
            color="0.45",
            alpha=0.3,
            linewidth=0,
            label=f"{AUTHORS} (their grey {low} to {high} dB)",
        )
    for axes, title in ((left, "PSNR (dB)"), (right, "gain over grey (dB)")):
        axes.set_xscale("symlog", linthresh=1, linscale=0.4)
        ticks = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        axes.set_xlim(left=-0.1)
        axes.set_xlabel("hints")
        axes.set_ylabel(title)
        axes.grid(alpha=0.3)
    right.axhline(0, color="0.7", linewidth=0.8)
    right.legend(fontsize=8)
    figure.suptitle(f"Protocol {protocol}, {pictures} pictures, mean ± standard error", fontsize=11)
    figure.savefig(path, dpi=110)


def bars(
    path: Path,
    groups: Mapping[str, Mapping[str, tuple[float, float]]],
    title: str,
    unit: str,
    goal: float | None = None,
) -> None:
    """Grouped bars: ``groups[series][label]`` is (mean, standard error); ``goal`` draws a line."""
    labels = list(dict.fromkeys(label for values in groups.values() for label in values))
    figure = new_figure(max(6.0, 1.4 * len(labels) + 2), 4.5)
    axes = figure.subplots()
    width = 0.8 / max(1, len(groups))
    for number, (colour, (series, values)) in enumerate(zip(_colours(), groups.items(), strict=False)):
        places = [labels.index(label) + (number - (len(groups) - 1) / 2) * width for label in values]
        axes.bar(
            places,
            [value for value, _ in values.values()],
            width * 0.92,
            yerr=[error if error == error else 0.0 for _, error in values.values()],
            color=colour,
            alpha=0.85,
            capsize=2,
            label=series,
        )
    if goal is not None:
        axes.axhline(goal, color="0.4", linestyle=":", linewidth=1)
    axes.set_xticks(range(len(labels)), labels, fontsize=8)
    axes.set_ylabel(unit)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize=8)
    axes.set_title(title, fontsize=11)
    figure.savefig(path, dpi=110)


def lines(path: Path, curves: Mapping[str, Sequence[tuple[float, float, float]]], title: str, x: str, y: str) -> None:
    """Lines with error bars: ``curves[name]`` is a list of (x, mean, standard error)."""
    figure = new_figure(6.5, 4.5)
    axes = figure.subplots()
    for colour, (name, points) in zip(_colours(), curves.items(), strict=False):
        xs, means, errors = zip(*points, strict=True)
        axes.errorbar(xs, means, errors, color=colour, label=name, capsize=2, marker=".")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    axes.set_title(title, fontsize=11)
    figure.savefig(path, dpi=110)


def new_figure(width: float, height: float) -> Any:
    """A matplotlib figure of ``width`` x ``height`` inches that belongs to no window."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("evaluate", "plotting") from error
    return Figure(figsize=(width, height), layout="constrained")


def _colours() -> list[str]:
    return [*COLOURS] * 8
