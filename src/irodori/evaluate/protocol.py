"""PSNR against the number of hints, for anything that has ``predict_planes``.

Two published protocols are described by two values: :data:`SIGGRAPH17` (Zhang et al. 2017, "Real-Time User-Guided Image
Colorization with Learned Deep Priors", figure 6) and :data:`ICOLORIT` (Yun et al., WACV 2023). A simulated user's hints
depend on the seed and on the picture's index alone; the hints of count k are the first k of one list, so a curve shows
what *more* hints do. Imports numpy only: the training loop validates with :func:`psnr_curve`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from irodori.color import lab
from irodori.errors import SettingsError
from irodori.evaluate import metrics
from irodori.hints import simulated

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]
Patches = NDArray[np.int64]

QUICK_COUNTS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 501)
"""The counts of a quick run."""


class Planes(Protocol):
    """What a prediction must have: ``ab`` ``(h, w, 2)`` float32, Lab units."""

    @property
    def ab(self) -> FloatArray: ...


class Predictor(Protocol):
    """Anything that colours planes: ``irodori.Colorizer``, a network in training, a baseline.

    An object may also have ``predict_planes_batch(lightness (n, h, w), hint_ab (n, h, w, 2), hint_mask (n, h, w),
    reference=None | (n, 316))``, whose answer's ``ab`` is ``(n, h, w, 2)``; it is used when it is there.
    """

    def predict_planes(
        self,
        lightness: FloatArray,
        hint_ab: FloatArray,
        hint_mask: FloatArray,
        reference: FloatArray | None = None,
    ) -> Planes:
        """``(h, w)`` L*, ``(h, w, 2)`` ab, ``(h, w)`` 0/1, ``(316,)`` or None -> a prediction at the same size."""
        ...


@dataclass(frozen=True)
class HintProtocol:
    """How pictures are made ready and how the simulated user places hints.

    ``size``: pictures are squashed to size x size pixels; ``side``: of a hint's square; ``counts``: the published hint
    counts; ``draw(rng, height, width, count, side)`` -> ``(count, 3)`` (top, left, side).
    """

    name: str
    size: int
    side: int
    counts: tuple[int, ...]
    draw: Callable[[np.random.Generator, int, int, int, int], Patches]

    def patches(self, seed: int, index: int, count: int | None = None, size: tuple[int, int] | None = None) -> Patches:
        """The hint list of picture number ``index``: always drawn in full, then cut to ``count``."""
        height, width = size or (self.size, self.size)
        longest = max(max(self.counts), count or 0)
        rng = np.random.default_rng((seed, index))
        return np.asarray(self.draw(rng, height, width, longest, self.side), dtype=np.int64)[:count]


SIGGRAPH17 = HintProtocol("siggraph17", 256, 6, simulated.SIGGRAPH17_COUNTS, simulated.siggraph17)
ICOLORIT = HintProtocol("icolorit", 224, 2, simulated.ICOLORIT_COUNTS, simulated.icolorit)
PROTOCOLS = {protocol.name: protocol for protocol in (SIGGRAPH17, ICOLORIT)}


@dataclass(frozen=True, eq=False)
class Picture:
    """A true picture at the protocol's size. ``rgb`` ``(h, w, 3)`` uint8; ``index`` seeds its hints."""

    name: str
    index: int
    rgb: ByteArray

    @functools.cached_property
    def lab(self) -> FloatArray:
        """``(h, w, 3)`` float32."""
        return lab.to_lab(self.rgb)

    @property
    def lightness(self) -> FloatArray:
        """``(h, w)`` float32, L* 0..100."""
        return np.ascontiguousarray(self.lab[..., 0])

    @property
    def ab(self) -> FloatArray:
        """``(h, w, 2)`` float32, the true colours."""
        return np.ascontiguousarray(self.lab[..., 1:])

    @functools.cached_property
    def grey_psnr(self) -> float:
        """PSNR in dB of the picture without its colour, by the protocol's quantiser."""
        return metrics.psnr(self.rgb, metrics.quantise(self.lightness, np.zeros_like(self.ab)))


@dataclass(frozen=True, eq=False)
class Hinted:
    """One question to a model: ``picture`` with the planes of its first ``count`` hints."""

    picture: Picture
    count: int
    hint_ab: FloatArray
    mask: FloatArray


def hinted(picture: Picture, patches: Patches, counts: Iterable[int]) -> Iterator[Hinted]:
    """The questions of one picture for ascending ``counts``; each patch carries its mean true ab, later patches win."""
    true_ab = picture.ab
    hint_ab = np.zeros_like(true_ab)
    mask = np.zeros(true_ab.shape[:2], dtype=np.float32)
    done = 0
    for count in counts:
        if count > len(patches):
            raise SettingsError(f"{count} hints were asked for, but picture {picture.name} has only {len(patches)}")
        more_ab, more = simulated.draw_patches(true_ab, patches[done:count])
        covered = more > 0
        hint_ab = np.where(covered[..., None], more_ab, hint_ab)
        mask = np.maximum(mask, more)
        done = count
        yield Hinted(picture, count, hint_ab, mask)


def predict_all(
    model: Predictor, questions: Sequence[Hinted], references: Sequence[FloatArray | None] | None = None
) -> list[FloatArray]:
    """Answers ``(h, w, 2)`` to several questions, in one call when the model has ``predict_planes_batch``.

    ``references``: None, or one ``(316,)`` vector or None per question.
    """
    vectors: list[FloatArray | None] = [None] * len(questions) if references is None else list(references)
    together = getattr(model, "predict_planes_batch", None)
    alike = len({question.mask.shape for question in questions}) == 1
    if together is None or not alike or any((vector is None) != (vectors[0] is None) for vector in vectors):
        return [
            np.asarray(
                model.predict_planes(question.picture.lightness, question.hint_ab, question.mask, vector).ab,
                dtype=np.float32,
            )
            for question, vector in zip(questions, vectors, strict=True)
        ]
    answer = together(
        np.stack([question.picture.lightness for question in questions]),
        np.stack([question.hint_ab for question in questions]),
        np.stack([question.mask for question in questions]),
        None if vectors[0] is None else np.stack([vector for vector in vectors if vector is not None]),
    )
    return list(np.asarray(answer.ab, dtype=np.float32))


@dataclass(frozen=True, eq=False)
class CurveResult:
    """One model's curve. Arrays are (pictures, counts) or (pictures,), float64; ``hint_error`` is NaN at 0 hints.

    ``psnr`` dB; ``grey_psnr`` dB; ``chroma`` mean chroma of the model's ab; ``true_chroma`` of the truth;
    ``hint_error`` mean ab distance between hints and the result under them.
    """

    protocol: str
    seed: int
    counts: tuple[int, ...]
    names: tuple[str, ...]
    psnr: NDArray[np.float64]
    grey_psnr: NDArray[np.float64]
    chroma: NDArray[np.float64]
    true_chroma: NDArray[np.float64]
    hint_error: NDArray[np.float64]

    @property
    def gain(self) -> NDArray[np.float64]:
        """(pictures, counts) dB above the same picture in grey."""
        return self.psnr - self.grey_psnr[:, None]

    def at(self, count: int) -> int:
        """Column of ``count``."""
        return self.counts.index(count)

    def mean_gain(self, count: int) -> float:
        """Mean gain over grey in dB at ``count`` hints."""
        return float(self.gain[:, self.at(count)].mean())

    def rows(self) -> list[dict[str, float]]:
        """One row per count: mean and standard error of each figure."""
        rows = []
        for column, count in enumerate(self.counts):
            row: dict[str, float] = {"hints": count}
            for name, values in (("psnr", self.psnr), ("gain", self.gain), ("hint_error", self.hint_error)):
                row[name], row[f"{name}_se"] = metrics.mean_and_error(values[:, column])
            row["chroma_ratio"], row["chroma_ratio_se"] = metrics.ratio_and_error(
                self.chroma[:, column], self.true_chroma
            )
            rows.append(row)
        return rows

    def line(self) -> str:
        """One line for a log: the gain at every count, chroma at the first, obedience at the last."""
        gains = " ".join(f"{count}:{value:+.2f}" for count, value in zip(self.counts, self.gain.mean(0), strict=True))
        first, last = self.rows()[0], self.rows()[-1]
        return f"gain dB {gains} | chroma {first['chroma_ratio']:.2f} | hint error {last['hint_error']:.2f}"


def psnr_curve(
    model: Predictor,
    pictures: Sequence[Picture],
    counts: Sequence[int] = QUICK_COUNTS,
    seed: int = 0,
    *,
    protocol: HintProtocol = SIGGRAPH17,
    batch: int = 16,
    progress: Callable[[int], object] | None = None,
) -> CurveResult:
    """Measure ``model`` on ``pictures`` at each hint count.

    ``batch`` pictures at a time share one call when the model has ``predict_planes_batch``. ``progress(n)`` is called
    after n more answers. Raises SettingsError for no pictures or for impossible counts.
    """
    ordered = check_counts(counts)
    if not pictures:
        raise SettingsError("expected at least one picture to evaluate on, got none")
    shape = (len(pictures), len(ordered))
    psnr, chroma, error = (np.full(shape, np.nan) for _ in range(3))
    names: list[str] = []
    grey_psnr: list[float] = []
    true_chroma: list[float] = []
    for start in range(0, len(pictures), batch):
        chunk = pictures[start : start + batch]
        names += [picture.name for picture in chunk]
        grey_psnr += [picture.grey_psnr for picture in chunk]
        true_chroma += [float(metrics.chroma(picture.ab).mean(dtype=np.float64)) for picture in chunk]
        streams = [
            hinted(picture, protocol.patches(seed, picture.index, ordered[-1], picture.rgb.shape[:2]), ordered)
            for picture in chunk
        ]
        for column, questions in enumerate(zip(*streams, strict=True)):
            for row, (question, ab) in enumerate(zip(questions, predict_all(model, questions), strict=True), start):
                result = metrics.quantise(question.picture.lightness, ab)
                psnr[row, column] = metrics.psnr(question.picture.rgb, result)
                chroma[row, column] = metrics.chroma(ab).mean(dtype=np.float64)
                error[row, column] = metrics.hint_error(ab, question.hint_ab, question.mask)
            if progress is not None:
                progress(len(questions))
    return CurveResult(
        protocol=protocol.name,
        seed=seed,
        counts=ordered,
        names=tuple(names),
        psnr=psnr,
        grey_psnr=np.array(grey_psnr),
        chroma=chroma,
        true_chroma=np.array(true_chroma),
        hint_error=error,
    )


def check_counts(counts: Sequence[int]) -> tuple[int, ...]:
    """Ascending, distinct hint counts; SettingsError when there are none or one is negative."""
    ordered = tuple(sorted(set(counts)))
    if not ordered or ordered[0] < 0:
        raise SettingsError(f"hint counts: expected whole numbers >= 0, got {list(counts)}")
    return ordered
