"""Colourings without learning, as objects with ``predict_planes``: grey, nearest hint, Levin et al. 2004.

Levin, Lischinski and Weiss, "Colorization using optimization" (SIGGRAPH 2004): a pixel without a hint has the weighted
mean of its eight neighbours' colours; a neighbour weighs the more, the closer its lightness:
``exp(-(L_r - L_s)^2 / s_r)``, normalised per pixel, where ``s_r`` is 0.6 times the variance of lightness in the 3x3
window around r, raised until the most alike neighbour weighs at least 0.01. Hints are fixed. The sparse linear system
is solved directly (SuperLU), about a third of a second at 256 x 256.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from irodori.errors import MissingExtra, SettingsError
from irodori.evaluate.protocol import FloatArray, Predictor

_NEIGHBOURS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))
_VARIANCE_SHARE = 0.6
_LEAST_WEIGHT = 0.01
_LEAST_VARIANCE = 2e-6  # of L* / 100


@dataclass(frozen=True)
class BaselinePrediction:
    """``ab`` ``(h, w, 2)`` float32; baselines have no distribution over the bins."""

    ab: FloatArray


class Grey:
    """Answers no colour at all."""

    def predict_planes(
        self,
        lightness: FloatArray,
        hint_ab: FloatArray,
        hint_mask: FloatArray,
        reference: FloatArray | None = None,
    ) -> BaselinePrediction:
        """Zero ``ab``, whatever the hints are."""
        return BaselinePrediction(np.zeros((*lightness.shape, 2), dtype=np.float32))


class NearestHint:
    """Gives every pixel the colour of the nearest hinted pixel (Euclidean); grey without hints."""

    def predict_planes(
        self,
        lightness: FloatArray,
        hint_ab: FloatArray,
        hint_mask: FloatArray,
        reference: FloatArray | None = None,
    ) -> BaselinePrediction:
        """See the class."""
        try:
            from scipy import ndimage
        except ImportError as error:
            raise MissingExtra("evaluate", "the nearest-hint baseline") from error
        if not (hint_mask > 0).any():
            return BaselinePrediction(np.zeros((*lightness.shape, 2), dtype=np.float32))
        rows, columns = ndimage.distance_transform_edt(hint_mask <= 0, return_distances=False, return_indices=True)
        return BaselinePrediction(np.ascontiguousarray(hint_ab[rows, columns], dtype=np.float32))


class Levin:
    """Colorization using optimization (see the module); grey without hints."""

    def predict_planes(
        self,
        lightness: FloatArray,
        hint_ab: FloatArray,
        hint_mask: FloatArray,
        reference: FloatArray | None = None,
    ) -> BaselinePrediction:
        """Solve for the pixels without a hint."""
        try:
            from scipy import sparse
            from scipy.sparse import linalg
        except ImportError as error:
            raise MissingExtra("evaluate", "the baseline of Levin et al. 2004") from error
        free = hint_mask <= 0
        if free.all() or not free.any():
            return BaselinePrediction(np.where(free[..., None], np.float32(0), hint_ab).astype(np.float32))
        weights = levin_weights(lightness)
        height, width = lightness.shape
        number = np.cumsum(free).reshape(free.shape) - 1  # of every free pixel
        unknowns = int(free.sum())
        rows, columns, values = [np.arange(unknowns)], [np.arange(unknowns)], [np.ones(unknowns)]
        known = np.zeros((height, width, 2))
        colours = np.where(free[..., None], 0.0, hint_ab.astype(np.float64))
        for (dy, dx), weight in zip(_NEIGHBOURS, weights, strict=True):
            here = (slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx)))
            there = (slice(max(0, dy), height - max(0, -dy)), slice(max(0, dx), width - max(0, -dx)))
            known[here] += weight[here][..., None] * colours[there]
            both = free[here] & free[there]
            rows.append(number[here][both])
            columns.append(number[there][both])
            values.append(-weight[here][both])
        system = sparse.csc_matrix(
            (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (unknowns, unknowns)
        )
        # Every row is diagonally dominant: no pivoting; an ordering for symmetric patterns halves the time.
        factors = linalg.splu(
            system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
        colours[free] = factors.solve(known[free])
        return BaselinePrediction(colours.astype(np.float32))


def levin_weights(lightness: FloatArray) -> NDArray[np.float64]:
    """``(h, w)`` L* -> ``(8, h, w)`` weights of each pixel's neighbours (row by row), summing to 1; 0 outside."""
    levels = lightness.astype(np.float64) / 100
    height, width = levels.shape
    padded = np.pad(levels, 1, mode="edge")
    inside = np.pad(np.ones_like(levels), 1)

    def around(plane: NDArray[np.float64], places: tuple[tuple[int, int], ...]) -> NDArray[np.float64]:
        return np.stack([plane[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] for dy, dx in places])

    window, valid = around(padded, (*_NEIGHBOURS, (0, 0))), around(inside, (*_NEIGHBOURS, (0, 0)))
    count = valid.sum(axis=0)
    mean = (valid * window).sum(axis=0) / count
    variance = (valid * (window - mean) ** 2).sum(axis=0) / count
    squares = (window[:-1] - levels) ** 2
    closest = np.where(valid[:-1] > 0, squares, np.inf).min(axis=0)
    spread = np.maximum(np.maximum(_VARIANCE_SHARE * variance, closest / -np.log(_LEAST_WEIGHT)), _LEAST_VARIANCE)
    weights: NDArray[np.float64] = np.exp(-squares / spread) * valid[:-1]
    weights /= weights.sum(axis=0)
    return weights


BASELINES: dict[str, type[Grey] | type[NearestHint] | type[Levin]] = {
    "grey": Grey,
    "nearest-hint": NearestHint,
    "levin": Levin,
}
"""Names that ``--model`` knows beside those of models."""


def named_model(name: str, threads: int | None = None) -> Predictor:
    """A baseline of :data:`BASELINES`, or the model that ``irodori.Colorizer.load`` finds under ``name``."""
    if name in BASELINES:
        return BASELINES[name]()
    if threads is not None and threads < 1:
        raise SettingsError(f"threads: expected 1 or more, got {threads}")
    from irodori.colorizer import Colorizer

    return Colorizer.load(None if name == "default" else name, threads=threads)
