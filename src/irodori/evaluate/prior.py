"""Which colours photographs have at which lightness: the prior that a palette must beat, measured on given pictures.

``irodori evaluate --protocol prior --data TRAINING...`` counts true ab bins by L* and writes ``lightness_prior.npz``
(``counts`` ``(20, 313)`` int64, slices of 5 L*; ``about`` a line of text). The file beside this module was made so.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from irodori.color import ab_bins, gamut
from irodori.errors import SettingsError
from irodori.evaluate.experiment import Job, about, collect
from irodori.evaluate.protocol import FloatArray, Picture
from irodori.evaluate.report import Report, Row, Table, write_whole

SLICES = 20
_STEP = 2  # every second pixel of every second row
FILE = "lightness_prior.npz"


@dataclass(frozen=True, eq=False)
class Prior:
    """``probabilities`` ``(20, 313)`` float64: of each ab bin, given the slice of L*; ``about``: what was counted."""

    probabilities: NDArray[np.float64]
    about: str

    @classmethod
    def load(cls, path: Path | None = None) -> Prior:
        """Read a measured prior, the shipped one unless told otherwise; SettingsError when it is none."""
        file = path or Path(__file__).with_name(FILE)
        try:
            with file.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
                counts, text = np.asarray(content["counts"], dtype=np.float64), str(content["about"])
        except OSError as error:
            raise SettingsError(f"{file}: cannot be read ({error.strerror or error})") from error
        except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise SettingsError(f"{file}: expected colours by lightness as protocol prior writes them") from error
        if counts.shape != (SLICES, ab_bins.COUNT):
            raise SettingsError(f"{file}: expected counts of shape {(SLICES, ab_bins.COUNT)}, got {counts.shape}")
        counts += 1.0  # no bin is impossible
        return cls(counts / counts.sum(axis=1, keepdims=True), text)

    def at(self, lightness: ArrayLike) -> NDArray[np.float64]:
        """Distribution over the bins at each L*: ``(...)`` -> ``(..., 313)``."""
        return self.probabilities[slice_of(lightness)]

    def most_frequent(self, lightness: float, count: int) -> FloatArray:
        """The ``count`` most frequent bins' colours at this L* ``(count, 2)``, brought into the gamut there."""
        best = np.argsort(-self.at(lightness), kind="stable")[:count]
        return gamut.to_gamut(np.full(count, lightness, dtype=np.float32), ab_bins.CENTRES[best])


def slice_of(lightness: ArrayLike) -> NDArray[np.int64]:
    """Number of the slice 0..19 of each L*."""
    return np.clip(np.asarray(lightness, dtype=np.float64) * (SLICES / 100), 0, SLICES - 1).astype(np.int64)


def run(job: Job) -> Report:
    """Count the bins of every picture; writes the prior beside the report."""
    counts = np.zeros((SLICES, ab_bins.COUNT), dtype=np.int64)

    def measure(picture: Picture) -> list[Row]:
        pixels = picture.lab[::_STEP, ::_STEP].reshape(-1, 3)
        cells = slice_of(pixels[:, 0]) * ab_bins.COUNT + ab_bins.nearest(pixels[:, 1:])
        counts.ravel()[:] += np.bincount(cells, minlength=counts.size)
        return [{"picture": picture.name, "mean_lightness": float(pixels[:, 0].mean())}]

    collected = collect(job, measure)
    facts = about(job, collected)
    text = f"{facts['pictures']} pictures, SHA-256 {facts['data_sha256']}"
    stream = io.BytesIO()
    np.savez_compressed(stream, counts=counts, about=np.array(text))
    write_whole(Path(job.extra["out"]) / FILE, stream.getvalue())
    rows: list[Row] = []
    for number, line in enumerate(counts):
        best = int(line.argmax())
        probabilities = line[line > 0] / max(1, line.sum())
        rows.append(
            {
                "lightness": f"{number * 100 // SLICES}..{(number + 1) * 100 // SLICES}",
                "share": float(line.sum() / counts.sum()),
                "most_frequent": "({:.0f}, {:.0f})".format(*ab_bins.CENTRES[best]),
                "entropy": abs(float((probabilities * np.log(probabilities)).sum())),
            }
        )
    table = Table("Colours by L*", ("lightness", "share", "most_frequent", "entropy"), tuple(rows))
    return Report("prior", facts, (table,), collected.rows, (f"counts written to {FILE}; entropy in nats",))
