"""Colour from network size to full size along the photo's own edges: a fast guided filter that loses nothing.

On small planes (ab and L) a local linear model ab = A * L + B is fitted around every pixel; its coefficient planes are
enlarged bilinearly and evaluated on the full-size L, so that edges of the photo become edges of the colour. Four planes
are all that the editor's page needs at every zoom: a shader evaluates the same formula as :func:`apply`.

The filter of He and Sun ("Fast Guided Filter", 2015) averages A and B over windows, which blurs colour: brought back
from a quarter of the size it is 2.5 dB *worse* than plain bilinear enlargement. Three changes turn that into a gain
(measured in docs and in benchmarks/guided.py):

* the slope A counts only as far as L explains ab here (times the squared correlation);
* B is not averaged but solved for: each small pixel is the mean of the full-size pixels below it, and the result's mean
  shall be the ab that was given. For bilinear enlargement this means the inverse of the filter (1/8, 3/4, 1/8);
* that inverse may overshoot its neighbours by a quarter of their range at most, so no halos stand beside edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

EPS = 3.0
"""Damping of the slope where L hardly varies, in squared units of L*."""

GAIN = 0.7
"""Share of the fitted slope that is used: detail finer than the small planes follows L less than coarse detail does."""

MAX_SLOPE = 3.0
"""Largest slope |A|: bounds what noise in L can do to the colours, and the rounding of planes sent as float16."""

_WINDOW = np.float32(0.15)  # weights (w, 1 - 2 w, w) of the window in which the slope is fitted
_SMOOTH = np.float32(0.25)  # ... of the smoothing of the slope
_ENLARGED = np.float32(1 / 8)  # ... of bilinear enlargement followed by the mean over each small pixel
_INVERSE = (np.float32(-0.22), np.float32(0.03))  # weights at distance 1 and 2 of the inverse of that
_OVERSHOOT = np.float32(0.25)
_STRIP = 1 << 17  # full-size pixels worked on at once


@dataclass(frozen=True, eq=False, repr=False)
class Guide:
    """What the fit needs of the lightness alone: worth keeping while one photo is coloured again and again.

    All are ``(h, w)`` float32: the L* itself, the same around 50, its mean in the window, and the inverse of its damped
    variance there.
    """

    guide: NDArray[np.float32]
    light: NDArray[np.float32]
    mean_light: NDArray[np.float32]
    precision: NDArray[np.float32]

    @classmethod
    def of(cls, lightness: NDArray[np.floating[Any]], eps: float = EPS) -> Guide:
        """Measure L* ``(h, w)``, the full-size L shrunk by averaging; ``eps`` as in :func:`coefficients`."""
        if lightness.ndim != 2:
            raise ValueError(f"lightness: expected (h, w), got {lightness.shape}")
        if not eps > 0:
            raise ValueError(f"eps and gain: expected more than 0 and at least 0, got eps {eps}")
        guide = np.ascontiguousarray(lightness, dtype=np.float32)
        light, mean_light, precision = np.empty((3, *guide.shape), np.float32)
        spare = np.empty_like(guide)  # apart, so that it is not kept
        np.subtract(guide, np.float32(50), out=light)  # products of smaller numbers lose less in float32
        np.copyto(mean_light, light)
        np.multiply(light, light, out=precision)
        _smooth(mean_light, _WINDOW, spare)
        _smooth(precision, _WINDOW, spare)
        precision -= np.multiply(mean_light, mean_light, out=spare)
        np.maximum(precision, 0, out=precision)
        precision += np.float32(eps)
        np.divide(np.float32(1), precision, out=precision)
        return cls(guide, light, mean_light, precision)

    @property
    def nbytes(self) -> int:
        """Memory that this value holds, in bytes."""
        return self.guide.nbytes + self.light.nbytes + self.mean_light.nbytes + self.precision.nbytes

    def coefficients(self, ab: NDArray[np.floating[Any]], gain: float = GAIN) -> NDArray[np.float32]:
        """The planes of :func:`coefficients` for ab ``(h, w, 2)``."""
        if ab.shape != (*self.guide.shape, 2):
            raise ValueError(f"ab and lightness: expected (h, w, 2) and (h, w), got {ab.shape} and {self.guide.shape}")
        if not gain >= 0:
            raise ValueError(f"eps and gain: expected more than 0 and at least 0, got gain {gain}")
        out = np.empty((4, *self.guide.shape), np.float32)  # plane by plane, as they are made and read
        # All steps work in one block of memory: fresh memory for each takes longer than the arithmetic.
        colour, *work = np.empty((6, *self.guide.shape), np.float32)
        spare = work[-1]
        for channel in range(2):
            np.copyto(colour, ab[..., channel])
            slope = _slope(colour, self.light, self.mean_light, self.precision, np.float32(gain), work)
            out[2 * channel] = slope
            _smooth(slope, _ENLARGED, spare)
            slope *= self.guide
            wanted = np.subtract(colour, slope, out=slope)
            _sharpen(wanted, colour, work[1:])
            out[2 * channel + 1] = colour
        return out.transpose(1, 2, 0)


def coefficients(
    ab: NDArray[np.floating[Any]], lightness: NDArray[np.floating[Any]], eps: float = EPS, gain: float = GAIN
) -> NDArray[np.float32]:
    """Fit ab = A * L + B around every small pixel: ab ``(h, w, 2)`` and L* ``(h, w)`` -> ``(h, w, 4)`` float32.

    The planes are A_a, B_a, A_b, B_b. ``lightness`` must be the full-size L shrunk by averaging. ``eps`` (squared L*,
    more than 0) and ``gain`` (0: sharp bilinear enlargement without a guide) trade detail against noise.
    """
    if ab.ndim != 3 or ab.shape[2] != 2 or lightness.shape != ab.shape[:2]:
        raise ValueError(f"ab and lightness: expected (h, w, 2) and (h, w), got {ab.shape} and {lightness.shape}")
    return Guide.of(lightness, eps).coefficients(ab, gain)


def halved(plane: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Shrink ``(h, w)`` or ``(h, w, C)`` to half the size by averaging 2 x 2 pixels (edges repeat), float32.

    A fit on halved planes takes a quarter of the time and stays close: see :meth:`irodori.colorizer.Prediction.rough`.
    """
    if plane.ndim == 3:
        height, width, channels = plane.shape
        planes = np.empty((channels, -(-height // 2), -(-width // 2)), np.float32)  # plane by plane, as they are read
        for channel, out in enumerate(planes):
            out[...] = halved(plane[..., channel])
        return planes.transpose(1, 2, 0)
    rows = _sums_of_two(plane)
    small = _sums_of_two(rows.T).T
    small *= np.float32(0.25)
    return small


def _sums_of_two(plane: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Each row of ``(h, w)`` and the next: ``((h + 1) // 2, w)`` float32, a single last row counting twice.

    In memory the result lies as the plane does.
    """
    pairs = len(plane) // 2
    out = np.empty_like(plane, dtype=np.float32, shape=(-(-len(plane) // 2), plane.shape[1]))
    np.add(plane[: 2 * pairs : 2], plane[1 : 2 * pairs : 2], out=out[:pairs], dtype=np.float32)
    if len(out) > pairs:
        np.multiply(plane[-1], 2, out=out[-1], dtype=np.float32)
    return out


def _slope(
    colour: NDArray[np.float32],
    light: NDArray[np.float32],
    mean_light: NDArray[np.float32],
    precision: NDArray[np.float32],
    gain: np.float32,
    work: list[NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Give A of one plane ``(h, w)`` of colour, smoothed, in ``work[0]``; all of ``work`` (5 planes) is written to."""
    slope, mean, covariance, spread, spare = work
    np.copyto(mean, colour)
    np.multiply(colour, light, out=covariance)
    np.multiply(colour, colour, out=spread)
    for plane in (mean, covariance, spread):
        _smooth(plane, _WINDOW, spare)
    covariance -= np.multiply(mean, mean_light, out=spare)
    spread -= np.multiply(mean, mean, out=spare)
    np.maximum(spread, 0, out=spread)
    spread += np.float32(1)
    np.multiply(covariance, precision, out=slope)
    covariance *= slope
    covariance /= spread  # the squared correlation
    np.minimum(covariance, 1, out=covariance)
    covariance *= gain
    slope *= covariance
    np.clip(slope, -MAX_SLOPE, MAX_SLOPE, out=slope)
    _smooth(slope, _SMOOTH, spare)
    return slope


def apply(coefficients: NDArray[np.float32], lightness: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Evaluate coefficient planes ``(h, w, 4)`` on full-size L* ``(H, W)`` -> ab ``(H, W, 2)`` float32.

    The planes are enlarged bilinearly (pixel centres aligned, edges repeated), then ab = A * L + B.
    """
    return apply_rows(coefficients, lightness, 0, lightness.shape[0])


def apply_rows(
    coefficients: NDArray[np.float32],
    lightness_rows: NDArray[np.floating[Any]],
    row_start: int,
    full_height: int,
) -> NDArray[np.float32]:
    """Do as :func:`apply` for a strip of rows of a picture: L* ``(n, W)`` of the rows from ``row_start`` on.

    ``full_height`` is the whole picture's height. -> ab ``(n, W, 2)`` float32, equal to those rows of the whole.
    """
    if coefficients.ndim != 3 or coefficients.shape[2] != 4 or lightness_rows.ndim != 2:
        raise ValueError(
            f"coefficients and lightness: expected (h, w, 4) and (n, W), got {coefficients.shape} and"
            f" {lightness_rows.shape}"
        )
    count, width = lightness_rows.shape
    if not 0 <= row_start <= row_start + count <= full_height:
        raise ValueError(f"row_start: expected rows inside 0..{full_height}, got {row_start}..{row_start + count}")
    out = np.empty((count, width, 2), np.float32)
    step = max(1, _STRIP // max(1, width))
    for start in range(0, count, step):
        light = np.asarray(lightness_rows[start : start + step], dtype=np.float32)
        planes = _enlarged(coefficients, row_start + start, len(light), full_height, width)
        for channel in range(2):
            slope = planes[2 * channel]
            slope *= light
            np.add(slope, planes[2 * channel + 1], out=out[start : start + step, :, channel])
    return out


def bilinear(ab: NDArray[np.floating[Any]], height: int, width: int) -> NDArray[np.float32]:
    """Enlarge ab ``(h, w, 2)`` bilinearly to ``(height, width, 2)`` (centres aligned, edges repeated): the baseline."""
    small = np.asarray(ab, dtype=np.float32)
    out = np.empty((height, width, 2), np.float32)
    step = max(1, _STRIP // max(1, width))
    for start in range(0, height, step):
        planes = _enlarged(small, start, min(step, height - start), height, width)
        out[start : start + step] = np.moveaxis(planes, 0, 2)
    return out


def _enlarged(small: NDArray[np.float32], start: int, count: int, height: int, width: int) -> NDArray[np.float32]:
    """Rows ``start`` .. ``start + count`` of ``small`` (h, w, c) enlarged to (height, width): (c, count, width)."""
    top, bottom, down = _places(start, count, height, small.shape[0])
    left, right, across = _places(0, width, width, small.shape[1])
    first = top[0]
    needed = np.moveaxis(small[first : bottom[-1] + 1], 2, 0)
    # Along the rows first, on the few small rows that the strip needs; then between those rows.
    wide = np.take(needed, left, axis=2)
    wide += (np.take(needed, right, axis=2) - wide) * across
    upper = np.take(wide, top - first, axis=1)
    lower = np.take(wide, bottom - first, axis=1)
    lower -= upper
    lower *= down[:, None]
    upper += lower
    result: NDArray[np.float32] = upper
    return result


def _places(
    start: int, count: int, full: int, small: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The two small pixels between which each of ``count`` full-size pixels lies, and the second's share."""
    place = np.clip((np.arange(start, start + count) + 0.5) * (small / full) - 0.5, 0, small - 1)
    before = np.floor(place).astype(np.int64)
    return before, np.minimum(before + 1, small - 1), (place - before).astype(np.float32)


def _smooth(plane: NDArray[np.float32], weight: np.float32, spare: NDArray[np.float32]) -> None:
    """Filter a plane ``(h, w)`` in place with (weight, 1 - 2 weight, weight) along columns and rows; edges repeat."""
    for axis in (0, 1):
        np.multiply(plane, weight, out=spare)
        plane *= 1 - 2 * weight
        _add_neighbours(plane, spare, axis, 1)


def _sharpen(plane: NDArray[np.float32], out: NDArray[np.float32], work: list[NDArray[np.float32]]) -> None:
    """Undo the blur of bilinear enlargement on a plane ``(h, w)``, without halos; ``work``: 4 planes to write to.

    The inverse filter runs along columns and rows, edges mirrored; the result stays within the range of the 3 x 3
    pixels around each pixel and a share of that range beyond.
    """
    near, far = _INVERSE
    lowest, highest, part, spare = work
    np.copyto(out, plane)
    for axis in (0, 1):
        if plane.shape[axis] < 2:
            continue  # one pixel has no neighbours to be sharpened against
        np.multiply(out, near, out=part)
        np.multiply(out, far, out=spare)
        out *= 1 - 2 * near - 2 * far
        _add_neighbours(out, part, axis, 1)
        _add_neighbours(out, spare, axis, 2)
    for function, extreme in ((np.minimum, lowest), (np.maximum, highest)):
        _extreme(function, plane, 0, part)
        _extreme(function, part, 1, extreme)
    room = np.subtract(highest, lowest, out=part)
    room *= _OVERSHOOT
    lowest -= room
    highest += room
    np.maximum(out, lowest, out=out)
    np.minimum(out, highest, out=out)


def _add_neighbours(target: NDArray[np.float32], source: NDArray[np.float32], axis: int, distance: int) -> None:
    """Add to each pixel of ``target`` the two of ``source`` at ``distance`` 1 or 2 along an axis, mirrored at edges.

    Both are contiguous ``(h, w)`` planes. With rows put end to end, neighbours along a row are one shift of the whole
    plane, which is four times as fast as row by row; the pixels at the ends are worked out on their own.
    """
    if axis == 1 and target.shape[1] < 2 * distance:
        target, source, axis = target.T, source.T, 0
    if axis == 0:
        target[distance:] += source[:-distance]
        target[:-distance] += source[distance:]
        for index in range(distance):
            target[index] += source[distance - 1 - index]
            target[-1 - index] += source[index - distance]
        return
    ends = []
    for index in range(distance):
        ends.append((index, target[:, index] + source[:, distance - 1 - index] + source[:, index + distance]))
        back = -1 - index
        ends.append((back, target[:, back] + source[:, back - distance] + source[:, index - distance]))
    end_to_end, shifted = target.reshape(-1), source.reshape(-1)
    end_to_end[distance:] += shifted[:-distance]
    end_to_end[:-distance] += shifted[distance:]
    for column, values in ends:
        target[:, column] = values


def _extreme(function: np.ufunc, plane: NDArray[np.float32], axis: int, out: NDArray[np.float32]) -> None:
    """Smallest or largest of each pixel of a contiguous ``(h, w)`` plane and its two neighbours along an axis."""
    np.copyto(out, plane)
    if plane.shape[axis] < 2:
        return
    if axis == 0:
        function(out[1:], plane[:-1], out=out[1:])
        function(out[:-1], plane[1:], out=out[:-1])
        return
    first, last = function(plane[:, 0], plane[:, 1]), function(plane[:, -1], plane[:, -2])
    end_to_end, shifted = out.reshape(-1), plane.reshape(-1)  # see _add_neighbours
    function(end_to_end[1:], shifted[:-1], out=end_to_end[1:])
    function(end_to_end[:-1], shifted[1:], out=end_to_end[:-1])
    out[:, 0], out[:, -1] = first, last
