"""What all experiments share: a job (models, pictures, settings), the loop over pictures, the notes about a run."""

from __future__ import annotations

import datetime
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from irodori import __version__
from irodori.errors import PhotoError, SettingsError
from irodori.evaluate.pictures import PictureSet
from irodori.evaluate.protocol import SIGGRAPH17, FloatArray, HintProtocol, Patches, Picture, Predictor
from irodori.evaluate.report import Row


@dataclass(frozen=True)
class Job:
    """One experiment's task. ``counts``: hint counts, ascending; ``hints``: hint lists by picture name, None to draw.

    ``extra``: settings that only one experiment knows (its keys are in that experiment's module).
    """

    models: Mapping[str, Predictor]
    pictures: PictureSet
    counts: tuple[int, ...]
    seed: int = 0
    protocol: HintProtocol = SIGGRAPH17
    hints: Mapping[str, Patches] | None = None
    progress: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)

    def patches(self, picture: Picture) -> Patches:
        """The picture's hint list in full length ``(n, 3)``: the loaded one, or drawn from seed and index."""
        if self.hints is None:
            longest = max(*self.counts, *self.protocol.counts)
            return self.protocol.patches(self.seed, picture.index, longest, picture.rgb.shape[:2])
        if picture.name not in self.hints:
            raise SettingsError(f"the file of hints has none for picture {picture.name}")
        return self.hints[picture.name]

    def rng(self, picture: Picture, purpose: int) -> np.random.Generator:
        """A generator that depends on seed, picture index and ``purpose`` only (hints themselves use no purpose)."""
        return np.random.default_rng((self.seed, picture.index, purpose))


@dataclass(frozen=True)
class Collected:
    """Rows of all finished pictures; ``names`` of the pictures that gave rows; ``skipped``: pictures that gave none;
    ``unreadable``: names of files that turned out to be no pictures, or broken."""

    rows: tuple[Row, ...]
    names: tuple[str, ...]
    skipped: int
    interrupted: bool
    seconds: float
    unreadable: tuple[str, ...] = ()


def collect(job: Job, measure: Callable[[Picture], list[Row]], enough: int | None = None) -> Collected:
    """Measure picture by picture with a progress bar (rate and ETA on stderr), until ``enough`` pictures gave rows.

    Ctrl-C ends the loop; rows of pictures finished before are kept. With none finished KeyboardInterrupt goes on.
    A broken picture is left out and named, so that it does not cost the others; alone it is a PhotoError.
    """
    from tqdm import tqdm

    rows: list[Row] = []
    names: list[str] = []
    unreadable: dict[str, PhotoError] = {}
    skipped = 0
    started = time.monotonic()
    total = len(job.pictures) if enough is None else min(enough, len(job.pictures))
    interrupted = False
    with tqdm(total=total, unit="picture", disable=None if job.progress else True) as bar:
        try:
            for number, name in enumerate(job.pictures.names):
                try:
                    picture = job.pictures[number]
                except PhotoError as error:
                    unreadable[name] = error
                    continue
                measured = measure(picture)
                if not measured:
                    skipped += 1
                    continue
                rows.extend(measured)
                names.append(picture.name)
                bar.update()
                if len(names) == enough:
                    break
        except KeyboardInterrupt:
            interrupted = True
            if not names:
                raise
    if not names and unreadable:
        raise next(iter(unreadable.values()))
    if not names:
        raise SettingsError("none of the pictures is fit for this experiment")
    seconds = time.monotonic() - started
    return Collected(tuple(rows), tuple(names), skipped, interrupted, seconds, tuple(unreadable))


def about(job: Job, collected: Collected) -> dict[str, Any]:
    """Circumstances of a run, for its JSON: models, data, settings, versions, date, machine."""
    return {
        "models": {name: _model_facts(model) for name, model in job.models.items()},
        "data": [path.name for path in job.pictures.paths],
        "data_sha256": job.pictures.digest(collected.names),
        "pictures": len(collected.names),
        "skipped": collected.skipped,
        "unreadable": list(collected.unreadable),
        "interrupted": collected.interrupted,
        "seed": job.seed,
        "hint_protocol": job.protocol.name,
        "hint_side": job.protocol.side,
        "counts": list(job.counts),
        "hints_from_file": job.hints is not None,
        "settings": {key: str(value) for key, value in job.extra.items() if key != "out"},
        "seconds": round(collected.seconds, 1),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "irodori": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }


def accepts_reference(model: Predictor) -> bool:
    """Whether a model says that it takes reference vectors (``model.info.accepts_reference``)."""
    return bool(getattr(getattr(model, "info", None), "accepts_reference", False))


def distribution(model: Predictor, name: str, prediction: object) -> FloatArray:
    """``(h/4, w/4, 313)`` of a prediction; SettingsError when the model has none."""
    bins = getattr(prediction, "bins", None)
    if bins is None:
        raise SettingsError(f"model {name} gives no colour distribution (its prediction has no bins)")
    return np.asarray(bins, dtype=np.float32)


def _model_facts(model: Predictor) -> dict[str, Any]:
    info = getattr(model, "info", None)
    if info is None:
        return {"kind": type(model).__name__}
    return {"kind": "model", "name": info.name, "network": info.network, "sha256": info.digest, "bytes": info.bytes}
