"""How long a person waits: one answer of the network at 256 x 256 beside the paper's network, and a whole file.

    python benchmarks/latency.py [--model NAME|PATH] [--paper FOLDER] [--threads 2] [--rounds 30]

``answer`` is what a moved hint costs: the colours. The distribution (suggestions), which has a graph of its own and is
worked out when it is asked for, is timed with it besides; the paper's network (siggraph17) has its head in its graph,
about 2 % of its work. It is exported to ONNX with random weights, which cost what trained ones cost (needs the extra
``train``; or name an exported folder with --paper). Both run in this process, taking turns, so that whatever else the
machine does falls on both.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from photographs import make
from record import measured_run, save

from irodori.hints import points
from irodori.hints.points import Hint
from irodori.model.onnx_model import OnnxModel
from irodori.model.weights import find

SIDE = 256


def paper_network(folder: Path) -> Path:
    """Export the paper's network with random weights into ``folder``."""
    import torch

    from irodori.train.export import export_network
    from irodori.train.networks.siggraph17 import Siggraph17

    torch.manual_seed(0)
    return export_network(Siggraph17(), folder, name="siggraph17-random", half=False)


def planes(count: int) -> tuple[Any, Any, Any]:
    """A lightness plane and ``count`` hints drawn for it: ``(h, w)``, ``(h, w, 2)``, ``(h, w)`` float32."""
    rng = np.random.default_rng(count)
    lightness = np.clip(50 + 20 * rng.standard_normal((SIDE, SIDE)), 0, 100).astype(np.float32)
    hints = tuple(
        Hint(x=float(x), y=float(y), radius=3.0, ab=(float(a), float(b)))
        for x, y, a, b in zip(*rng.uniform(6, SIDE - 6, (2, count)), *rng.uniform(-40, 40, (2, count)), strict=True)
    )
    return lightness, *points.draw(hints, (SIDE, SIDE), lightness, (SIDE, SIDE))


def timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def answers(model: OnnxModel, paper: OnnxModel, rounds: int) -> dict[str, Any]:
    """Seconds of prepare and answer, medians over ``rounds`` in which the networks take turns."""
    cases = {count: planes(count) for count in (0, 1, 10, 100)}
    lightness = cases[0][0]
    features, nothing = model.prepare(lightness), paper.prepare(lightness)
    names = ["prepare", "paper", "with_distribution", *(f"answer_{count}" for count in cases)]
    times: dict[str, list[float]] = {name: [] for name in names}
    for warm in range(rounds + 2):
        one = {"prepare": timed(lambda: model.prepare(lightness))}
        for count, (_, ab, mask) in cases.items():
            one[f"answer_{count}"] = timed(
                lambda ab=ab, mask=mask: model.answer(features, ab, mask, None, distribution=False)
            )
        one["with_distribution"] = timed(lambda: model.answer(features, *cases[10][1:], None))
        if warm % 3 == 0:
            _, ab, mask = cases[10]
            one["paper"] = timed(lambda ab=ab, mask=mask: paper.answer(nothing, ab, mask, None))
        if warm >= 2:
            for name, seconds in one.items():
                times[name].append(seconds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        "rounds": rounds,
        "prepare_ms": round(medians["prepare"] * 1e3, 2),
        "answer_ms": {str(count): round(medians[f"answer_{count}"] * 1e3, 2) for count in cases},
        "answer_10_with_distribution_ms": round(medians["with_distribution"] * 1e3, 2),
        "siggraph17_answer_ms": round(medians["paper"] * 1e3, 1),
        "times_faster_than_siggraph17": round(medians["paper"] / medians["answer_10"], 1),
    }


def whole_file(model: Path, threads: int, repeats: int) -> dict[str, Any]:
    """Open file to coloured file for a 12-megapixel JPEG: the command line, start of the program included."""
    with tempfile.TemporaryDirectory() as folder:
        photo = make(Path(folder, "photo.jpg"), 12)
        words = ["colorize", photo, "-o", Path(folder, "out.jpg"), "--model", model, "--threads", str(threads)]
        runs = [measured_run(words, threads) for _ in range(repeats)]
    return {
        "megapixels": 12,
        "seconds": round(statistics.median(seconds for seconds, _ in runs), 2),
        "peak_mb": round(max(peak for _, peak in runs)),
    }


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--paper", type=Path, default=None)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    folder = find(args.model)
    with tempfile.TemporaryDirectory() as temporary:
        paper_folder = args.paper or paper_network(Path(temporary, "siggraph17"))
        paper = OnnxModel.load(paper_folder, threads=args.threads)
        model = OnnxModel.load(folder, threads=args.threads)
        figures = {"model": model.info.name, "threads": args.threads, **answers(model, paper, args.rounds)}
        del paper, model
    figures["file_12_megapixels"] = whole_file(folder, args.threads, args.repeats)
    print(f"prepare {figures['prepare_ms']} ms, answer {figures['answer_ms']} ms by number of hints")
    print(f"siggraph17 {figures['siggraph17_answer_ms']} ms: {figures['times_faster_than_siggraph17']} times as long")
    print(f"12-megapixel JPEG, file to file: {figures['file_12_megapixels']}")
    save("latency", figures, args.out)


if __name__ == "__main__":
    main()
