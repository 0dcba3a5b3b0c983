"""The spine: Photo -> Prepared (once per photo); Prepared + Edits -> Prediction -> full-size RGB.

Every face of the program (Python, command line, batch, editor) ends here. ``prepare`` shrinks the photo's lightness to
the network's size and runs the hint-free part; ``predict`` draws the hints and runs the rest, at a cost that does not
depend on the photo's size; ``render`` brings the predicted ab to full size with the guided filter, strip by strip.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from irodori import advisor, keeping, palette
from irodori.color import gamut, guided, lab
from irodori.errors import HintError, ModelError, SettingsError
from irodori.hints import points, reference, regions
from irodori.hints.edits import MAX_STRENGTH, Edits, all_hints
from irodori.hints.points import MAX_HINTS
from irodori.hints.regions import Region
from irodori.model import contract, weights
from irodori.model.onnx_model import Features, OnnxModel, RawAnswer, usable_cores
from irodori.model.weights import ModelInfo
from irodori.palette import Suggestion
from irodori.photo import Photo
from irodori.photo_resize import resize, resize_rows
from irodori.photo_tones import even_out

Float32 = NDArray[np.float32]

LONGEST = 4
"""The network's plane is at most this many short sides long; longer photos are shrunk further."""
_STRIP = 1 << 18  # full-size pixels that are worked on at once per thread
_KEEP_LIGHTNESS = 1 << 25  # colour photos up to this many pixels keep their full-size L: it is needed twice


@dataclass(frozen=True, eq=False, repr=False)
class Prepared:
    """What the network needs to know of one photo; all planes are at the network's size and without padding.

    ``photo_size`` (H, W); ``size`` (h, w); ``lightness`` (h, w) float32 L*; ``own_ab`` (h, w, 2) the photo's own
    colours, None for a grey photo; ``features`` the model's, padded to multiples of 32; ``kept`` remembers what regions
    keep, which the hints do not change.
    """

    photo_size: tuple[int, int]
    size: tuple[int, int]
    lightness: Float32
    own_ab: Float32 | None
    features: Features
    kept: keeping.Memory = field(default_factory=dict)

    @cached_property
    def guide(self) -> guided.Guide:
        """What the guided filter needs of the lightness; measured once."""
        return guided.Guide.of(self.lightness)

    @cached_property
    def rough_guide(self) -> guided.Guide:
        """The same at half the size, for :attr:`Prediction.rough`."""
        return guided.Guide.of(guided.halved(self.lightness))

    @property
    def nbytes(self) -> int:
        """Memory that this value holds, in bytes."""
        own = 0 if self.own_ab is None else self.own_ab.nbytes
        return self.lightness.nbytes + own + self.features.nbytes + self.guide.nbytes + self.rough_guide.nbytes


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """The network's answer for one photo and one Edits, at the network's size and without padding.

    ``ab`` (h, w, 2) float32 a*, b*; ``lightness`` (h, w) L*; ``hint_mask`` (h, w) 1 where hints lie; ``answer`` the
    network's own, for the distribution; ``strength`` that of the edits (not yet applied to ``ab``); ``photo_size``
    (H, W), None for :meth:`Colorizer.predict_planes`; ``worked`` holds what has been derived from the answer so far;
    ``guide`` and ``rough_guide`` are the photo's for the guided filter, None to make them when they are needed.
    """

    ab: Float32
    lightness: Float32
    hint_mask: Float32
    answer: RawAnswer
    strength: float = 1.0
    photo_size: tuple[int, int] | None = None
    worked: dict[str, Float32] = field(default_factory=dict)
    guide: guided.Guide | None = None
    rough_guide: guided.Guide | None = None

    @property
    def bins(self) -> Float32:
        """Probability over the 313 ab bins, ``(ceil(h/4), ceil(w/4), 313)`` float32; made when first asked for.

        Unless :meth:`Colorizer.predict` was told that the distribution is wanted, its graph runs when it is asked for.
        """
        if "bins" not in self.worked:
            rows, columns = self._bins_size
            self.worked["bins"] = contract.unpack_bins(self.answer.logits[:, :, :rows, :columns])
        return self.worked["bins"]

    def bins_at(self, row: int, column: int) -> Float32:
        """The distribution ``(313,)`` of one pixel of :attr:`bins`, without working out the others."""
        rows, columns = self._bins_size
        row, column = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
        one: Float32 = contract.unpack_bins(self.answer.logits[:, :, row : row + 1, column : column + 1])[0, 0]
        return one

    @property
    def coefficients(self) -> Float32:
        """The guided filter's planes ``(h, w, 4)`` float32 A_a, B_a, A_b, B_b: ab = A * L + B at any size."""
        if "coefficients" not in self.worked:
            guide = self.guide or guided.Guide.of(self.lightness)
            self.worked["coefficients"] = guide.coefficients(self.ab)
        return self.worked["coefficients"]

    @property
    def rough(self) -> Float32:
        """The same planes at half the size, ``(ceil(h/2), ceil(w/2), 4)``, in a quarter of the time.

        For what is shown while a hint is dragged: on photographs of 1200 px the colours differ from those of
        :attr:`coefficients` by ΔE 0.2 on average (benchmarks/rough.py).
        """
        if "rough" not in self.worked:
            guide = self.rough_guide or guided.Guide.of(guided.halved(self.lightness))
            self.worked["rough"] = guide.coefficients(guided.halved(self.ab))
        return self.worked["rough"]

    @property
    def nbytes(self) -> int:
        """Memory that this value holds beside the photo's planes, in bytes."""
        worked = sum(value.nbytes for value in list(self.worked.values()))
        return self.ab.nbytes + self.hint_mask.nbytes + self.answer.nbytes + worked

    def with_strength(self, strength: float) -> Prediction:
        """The same answer at another strength; what is worked out for one serves the other."""
        return self if strength == self.strength else replace(self, strength=strength)

    @property
    def _bins_size(self) -> tuple[int, int]:
        height, width = self.ab.shape[:2]
        return -(-height // contract.BINS_STRIDE), -(-width // contract.BINS_STRIDE)


class Colorizer:
    """A model, ready to colour photos. Its methods may be called from several threads at once."""

    def __init__(self, model: OnnxModel, short_side: int | None = None) -> None:
        """Use a loaded model; see :meth:`load`. ``short_side``: of the network's plane in pixels, None for its own."""
        if short_side is not None and not (isinstance(short_side, int) and 32 <= short_side <= 4096):
            raise SettingsError(f"short_side: expected a whole number from 32 to 4096, got {short_side!r}")
        self.model = model
        self.short_side = short_side or model.info.short_side

    @classmethod
    def load(
        cls,
        model: str | os.PathLike[str] | None = None,
        *,
        threads: int | None = None,
        provider: str = "cpu",
        short_side: int | None = None,
        spinning: bool = True,
    ) -> Colorizer:
        """Load the embedded default model, an installed one by its name, or a model folder by its path.

        ``threads``, ``provider`` and ``spinning`` are those of :meth:`irodori.model.onnx_model.OnnxModel.load`.

        Raises:
            ModelError: when there is no such model, it is damaged, or the provider is not offered.
        """
        network = OnnxModel.load(model, threads=threads, provider=provider, spinning=spinning)
        return cls(network, short_side=short_side)

    @property
    def info(self) -> ModelInfo:
        """What the model's model.json says."""
        return self.model.info

    def prepare(self, photo: Photo, *, even_tones: bool = False) -> Prepared:
        """Shrink a photo's lightness to the network's size and run the hint-free part; once per photo.

        Args:
            photo: grey or in colour; a colour photo's own L is used, its colours serve ``original`` regions only.
            even_tones: stretch what the *network* sees of a faded photo to the full range; the result's L stays.
        """
        size = network_size(photo.height, photo.width, self.short_side)
        if not photo.is_grey and photo.height * photo.width <= _KEEP_LIGHTNESS:
            _ = photo.lightness
        lightness = photo.resized_lightness(*size)
        own_ab = None if photo.is_grey else _own_ab(photo, *size)
        seen = even_out(lightness) if even_tones else lightness
        features = self.model.prepare(contract.pad_to_multiple(seen))
        return Prepared(photo.size, size, lightness, own_ab, features)

    def predict(
        self, prepared: Prepared | Photo, edits: Edits | None = None, *, distribution: bool = False
    ) -> Prediction:
        """Colour under the given edits; for a Prepared only the network's ``answer`` runs again.

        Args:
            prepared: from :meth:`prepare`, or a photo.
            edits: what the person wants; None for the automatic colours.
            distribution: the distribution (suggestions, uncertainty) will be asked for too, so work it out in the same
                run. Else it costs a run of its own when it is first asked for.

        Raises:
            HintError: for hints outside the photo, or an ``original`` region on a grey photo.
            ModelError: for a reference or saturation hint given to a model that accepts none.
        """
        if not isinstance(prepared, Prepared):
            prepared = self.prepare(prepared)
        edits = edits or Edits()
        edits.check(prepared.photo_size)
        vector = self._reference_vector(edits)
        own = keeping.original_hints(edits.regions, prepared.photo_size, prepared.own_ab)
        hints = (*own, *all_hints(edits, prepared.photo_size))[-MAX_HINTS:]
        height, width = prepared.size
        room = contract.padded_size(height, width)
        planes = points.draw(hints, prepared.photo_size, prepared.lightness, prepared.size, room=room)
        answer = self.model.answer(prepared.features, *planes, vector, distribution=distribution)
        ab = contract.unpack_ab(answer.ab[:, :, :height, :width])
        keeping.composite(ab, edits.regions, prepared.lightness, prepared.own_ab, prepared.photo_size, prepared.kept)
        return Prediction(
            ab, prepared.lightness, planes[1][:height, :width], answer, edits.strength, prepared.photo_size,
            guide=prepared.guide, rough_guide=prepared.rough_guide,
        )  # fmt: skip

    def predict_planes(
        self, lightness: ArrayLike, hint_ab: ArrayLike, hint_mask: ArrayLike, reference: ArrayLike | None = None
    ) -> Prediction:
        """Research face: the network's own answer, with no resizing, no gamut mapping and no compositing.

        Args:
            lightness: ``(h, w)`` float32 L*; h and w multiples of 32.
            hint_ab: ``(h, w, 2)`` float32 a*, b*, zero where there is no hint.
            hint_mask: ``(h, w)`` float32, 1 where there is a hint.
            reference: ``(316,)`` float32 or None.

        Raises:
            ModelError: for other shapes, or a reference given to a model that accepts none.
        """
        features = self.model.prepare(lightness)
        answer = self.model.answer(features, hint_ab, hint_mask, reference, distribution=False)
        mask = np.asarray(hint_mask, dtype=np.float32)
        return Prediction(contract.unpack_ab(answer.ab), np.asarray(lightness, np.float32), mask, answer)

    def coefficients(self, prepared: Prepared, prediction: Prediction) -> Float32:
        """The planes ``(h, w, 4)`` float32 A_a, B_a, A_b, B_b that :meth:`render` uses: ab = A * L + B.

        ``h, w`` is ``prepared.size``. Strength is not in them.
        """
        _check_same(prepared, prediction)
        return prediction.coefficients

    def render(
        self,
        photo: Photo,
        prediction: Prediction,
        bits: int = 8,
        strength: float = 1.0,
        *,
        threads: int | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> NDArray[Any]:
        """Colour the photo at full size.

        The result's L is the photo's own; a colour that this L cannot show gives up chroma. Works in strips: beside
        the result, memory does not grow with the photo.

        Args:
            photo: the photo that ``prediction`` is about.
            prediction: from :meth:`predict`.
            bits: 8 or 16.
            strength: scales the chroma, on top of the edits' own strength; 0..3.
            threads: strips worked on at once; None for as many as this process may use, at most 4.
            progress: called with the share done, 0..1, now and then, in this thread.

        Returns:
            ``(H, W, 3)`` uint8 or uint16 sRGB.
        """
        if bits not in (8, 16):
            raise SettingsError(f"bits: expected 8 or 16, got {bits!r}")
        if not 0 <= strength <= MAX_STRENGTH:
            raise SettingsError(f"strength: expected 0..{MAX_STRENGTH:g}, got {strength!r}")
        if prediction.photo_size not in (None, photo.size):
            raise HintError(f"the prediction is about a photo of {prediction.photo_size}, not of {photo.size}")
        height, width = photo.size
        scale = np.float32(strength * prediction.strength)
        coefficients = prediction.coefficients
        out = np.empty((height, width, 3), np.uint8 if bits == 8 else np.uint16)

        def colour(start: int, stop: int) -> int:
            rows = photo.lightness_rows(start, stop)
            colours = np.empty((stop - start, width, 3), np.float32)
            colours[..., 0] = rows
            ab = guided.apply_rows(coefficients, rows, start, height)
            if scale != 1:
                ab *= scale
            colours[..., 1:] = gamut.to_gamut(rows, ab)
            out[start:stop] = lab.to_rgb(colours, bits)
            return stop - start

        step = max(1, _STRIP // width)
        done = 0
        with ThreadPoolExecutor(threads or min(4, usable_cores())) as pool:
            strips = [pool.submit(colour, start, min(start + step, height)) for start in range(0, height, step)]
            try:
                for strip in as_completed(strips):
                    done += strip.result()
                    if progress is not None:
                        progress(done / height)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return out

    def suggest(
        self, prepared: Prepared, prediction: Prediction, x: float, y: float, count: int = palette.COUNT
    ) -> tuple[Suggestion, ...]:
        """Suggest colours for the place ``x, y`` (photo pixels), most probable first; see :func:`palette.suggest`."""
        _check_same(prepared, prediction)
        height, width = prepared.photo_size
        if not (0 <= x < width and 0 <= y < height):
            raise HintError(f"x, y: expected a place inside the photo of {width} x {height} pixels, got {x}, {y}")
        rows, columns = prepared.size
        row, column = int(y / height * rows), int(x / width * columns)
        return palette.suggest(
            prediction.bins_at(row // contract.BINS_STRIDE, column // contract.BINS_STRIDE),
            float(np.clip(prepared.lightness[row, column], 0, 100)),
            count,
            self.info.bins_temperature,
        )

    def pinned(self, prepared: Prepared, prediction: Prediction, region: Region) -> Region:
        """A ``protect`` region that pins the colours which ``prediction`` shows inside it.

        HintError for a region of another kind.
        """
        _check_same(prepared, prediction)
        if region.kind != "protect":
            raise HintError(f"kind: only a region of kind protect pins colours, this one is of kind {region.kind}")
        bare = replace(region, rgb=None, ab=None, pins=())
        shown = gamut.to_gamut(prepared.lightness, prediction.ab)
        hints = regions.hints_inside(bare, prepared.photo_size, shown)
        return replace(bare, pins=tuple((hint.x, hint.y, *(hint.ab or (0.0, 0.0))) for hint in hints))

    def next_hint(self, prepared: Prepared, prediction: Prediction) -> tuple[float, float]:
        """The place ``(x, y)``, in photo pixels, where a hint would help most; see :mod:`irodori.advisor`."""
        _check_same(prepared, prediction)
        bins = prediction.bins
        lightness = resize(prepared.lightness, *bins.shape[:2])
        hinted = resize(prediction.hint_mask, *bins.shape[:2])
        x, y = advisor.next_hint(bins, lightness, hinted)
        height, width = prepared.photo_size
        return x * width, y * height

    def uncertainty(self, prepared: Prepared, prediction: Prediction) -> Float32:
        """The heat overlay ``(ceil(h/4), ceil(w/4))`` float32: 0 where the network is certain, 1 where it is not."""
        _check_same(prepared, prediction)
        return advisor.uncertainty(prediction.bins)

    def _reference_vector(self, edits: Edits) -> Float32 | None:
        if edits.reference is None and edits.saturation_hint is None:
            return None
        if not self.info.accepts_reference:
            raise ModelError(
                f"model {self.info.name!r} accepts no reference picture and no saturation hint; leave them away,"
                " or use a model that does (irodori models)"
            )
        return reference.vector(edits.reference, edits.saturation_hint, edits.reference_strength)


def installed_models() -> list[ModelInfo]:
    """The models that :meth:`Colorizer.load` finds by name, the embedded default first."""
    return weights.installed()


def network_size(height: int, width: int, short_side: int) -> tuple[int, int]:
    """The size (h, w) at which the network sees a photo: the aspect kept, the shorter side ``short_side`` pixels."""
    scale = min(short_side / min(height, width), LONGEST * short_side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _own_ab(photo: Photo, height: int, width: int) -> Float32:
    """A colour photo's own ab at the network's size ``(h, w, 2)``; of a large photo only every n-th pixel is read."""
    step = max(1, min(photo.height // height, photo.width // width) // 3)
    sampled = photo.pixels[::step, ::step]
    scale = np.float32(1 / (65535 if photo.bits == 16 else 255))

    def plane(channel: int) -> Float32:
        def rows(first: int, last: int) -> Float32:
            return sampled[first:last, :, channel] * scale

        return resize_rows(rows, (sampled.shape[0], sampled.shape[1]), height, width)

    planes = [plane(channel) for channel in range(3)]
    return np.ascontiguousarray(lab.to_lab(np.stack(planes, axis=-1))[..., 1:])


def _check_same(prepared: Prepared, prediction: Prediction) -> None:
    if prediction.photo_size != prepared.photo_size:
        raise HintError(
            f"the prediction is about a photo of {prediction.photo_size}, the prepared one has {prepared.photo_size}"
        )
