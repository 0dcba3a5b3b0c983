"""Suggested colours for one place of a photo, from the network's colour distribution there.

The paper's data-driven palette (Zhang et al. 2017, section 3.3): the distribution over the 313 ab bins is softened by a
temperature and summarised by K-means; here K-means runs on the weighted bins themselves instead of on random samples,
so the same distribution always gives the same colours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from irodori.color import ab_bins, gamut, lab
from irodori.errors import HintError

COUNT = 9
"""How many colours are suggested unless told otherwise."""
DISTINCT = 5.0
"""Smallest distance in the ab plane between two suggestions."""
_REACH = 10.0  # a suggestion is taken to stand for the colours within this distance
_ROUNDS = 30


@dataclass(frozen=True)
class Suggestion:
    """One suggested colour: ``rgb`` "#rrggbb" at the place's lightness, ``ab`` (a*, b*), ``weight`` 0..1 its share."""

    rgb: str
    ab: tuple[float, float]
    weight: float


def suggest(
    bins: ArrayLike,
    lightness: float,
    count: int = COUNT,
    temperature: float = 1.0,
) -> tuple[Suggestion, ...]:
    """Summarise a distribution as a few distinct colours that this lightness can show.

    Args:
        bins: ``(313,)`` probabilities over the ab bins.
        lightness: L* of the place, 0..100.
        count: how many colours at most, 1..100; fewer come back where the gamut is too small to hold so many
            (black, white).
        temperature: more than 1 flattens the distribution (rarer colours get a place), less sharpens it.

    Returns:
        Suggestions, most probable first; any two are at least :data:`DISTINCT` apart in ab; weights sum to 1.

    Raises:
        HintError: for values out of range.
    """
    probabilities = np.asarray(bins, dtype=np.float64)
    if probabilities.shape != (ab_bins.COUNT,) or not np.isfinite(probabilities).all() or probabilities.min() < 0:
        raise HintError(f"bins: expected {ab_bins.COUNT} probabilities, got shape {probabilities.shape}")
    if not 1 <= count <= 100:
        raise HintError(f"count: expected 1..100, got {count!r}")
    if not temperature > 0:
        raise HintError(f"temperature: expected more than 0, got {temperature!r}")
    if not 0 <= lightness <= 100:
        raise HintError(f"lightness: expected 0..100, got {lightness!r}")
    if probabilities.max() <= 0:
        raise HintError("bins: expected a distribution, got only zeros")
    weights = (probabilities / probabilities.max()) ** (1.0 / temperature)
    weights /= weights.sum()
    shown = _displayable(ab_bins.CENTRES, lightness)
    centres, masses = _kmeans(shown, weights, count)
    colours, masses = _distinct(_displayable(centres, lightness), masses, shown, weights, count)
    return tuple(
        Suggestion(rgb=hex_colour(lightness, (float(ab[0]), float(ab[1]))), ab=(float(ab[0]), float(ab[1])), weight=w)
        for ab, w in zip(colours, masses.tolist(), strict=True)
    )


def hex_colour(lightness: float, ab: tuple[float, float]) -> str:
    """The sRGB colour "#rrggbb" of L* ``lightness`` and ``ab``, clipped to the gamut's edge by channel."""
    red, green, blue = lab.to_rgb(np.array([lightness, *ab], dtype=np.float32)).tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


def _displayable(ab: ArrayLike, lightness: float) -> NDArray[np.float64]:
    """``(n, 2)`` ab brought into the gamut at one lightness."""
    colours = np.asarray(ab, dtype=np.float32)
    levels = np.full(len(colours), lightness, dtype=np.float32)
    return np.asarray(gamut.to_gamut(levels, colours), dtype=np.float64)


def _kmeans(
    points: NDArray[np.float64], weights: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted K-means over ``(n, 2)`` points; returns centres ``(k, 2)`` and their masses ``(k,)``, k <= count.

    It starts, without chance, from the points that each have the most weight within reach that no earlier start has.
    """
    near = ((points[:, None] - points[None]) ** 2).sum(axis=-1) <= _REACH**2
    left = weights.copy()
    starts: list[int] = []
    while len(starts) < count and left.max() > 0:
        # Among the points that reach as much, the heaviest: the sum alone would often choose a neighbour of the peak.
        best = int((near @ left + left).argmax())
        starts.append(best)
        left[near[best]] = 0
    centres = points[starts]
    for _ in range(_ROUNDS):
        owner = ((points[:, None] - centres[None]) ** 2).sum(axis=-1).argmin(axis=1)
        masses = np.asarray(np.bincount(owner, weights, minlength=len(centres)), np.float64)
        sums = np.stack([np.bincount(owner, weights * points[:, axis], minlength=len(centres)) for axis in (0, 1)], 1)
        kept = masses > 0
        moved = np.where(kept[:, None], sums / np.where(kept, masses, 1)[:, None], centres)
        if np.abs(moved - centres).max() < 1e-3:
            break
        centres = moved
    return centres[kept], masses[kept]


def _distinct(
    centres: NDArray[np.float64],
    masses: NDArray[np.float64],
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    count: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keep centres at least DISTINCT apart, fill up with the likeliest points left, and share all weight out anew."""
    candidates = np.concatenate(
        [centres[np.argsort(-masses, kind="stable")], points[np.argsort(-weights, kind="stable")]]
    )
    chosen: list[NDArray[np.float64]] = []
    for candidate in candidates:
        if len(chosen) == count:
            break
        if all(float(np.hypot(*(candidate - other))) >= DISTINCT for other in chosen):
            chosen.append(candidate)
    colours = np.array(chosen)
    owner = ((points[:, None] - colours[None]) ** 2).sum(axis=-1).argmin(axis=1)
    shares = np.asarray(np.bincount(owner, weights, minlength=len(colours)), np.float64)
    order = np.argsort(-shares, kind="stable")
    return colours[order], shares[order] / shares.sum()
