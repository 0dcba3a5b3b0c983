"""The shipped model keeps the program's promises: hints are obeyed, references steer, suggestions follow, sizes agree.

Everything else is tested with a tiny model; here are the promises that only the model's weights can keep. Figures on
a set of pictures are the business of ``irodori evaluate``.
"""

from __future__ import annotations

import numpy as np
import pytest

from irodori import Colorizer, Edits, Hint, Photo, Reference, read_photo, samples
from irodori.color import gamut, lab
from irodori.colorizer import Prediction
from irodori.hints import points
from irodori.hints.reference import histogram
from irodori.photo_resize import resize

FACE = ((222, 90), (196, 116), (252, 116), (224, 124), (208, 148), (242, 148), (224, 164))
"""x, y on the face of the sample portrait, which is 512 x 512."""
SUIT = ((110, 350), (160, 460), (330, 330))


@pytest.fixture(scope="module")
def shipped() -> Colorizer:
    return Colorizer.load(threads=1)


@pytest.fixture(scope="module")
def portrait() -> Photo:
    return read_photo(samples.find("astronaut").path)


def hints(places: tuple[tuple[int, int], ...], rgb: str) -> tuple[Hint, ...]:
    return tuple(Hint(x=x, y=y, radius=6, rgb=rgb) for x, y in places)


def mean_chroma(prediction: Prediction) -> float:
    return float(np.hypot(prediction.ab[..., 0], prediction.ab[..., 1]).mean())


@pytest.mark.parametrize("seed", range(3))
def test_random_colours_are_obeyed_under_small_hints(shipped: Colorizer, portrait: Photo, seed: int) -> None:
    """The aim: mean ΔE of at most 6 under 6 x 6 px hints of colours that nature would not give, on the bare network."""
    rng = np.random.default_rng(seed)
    lightness = resize(portrait.lightness, 256, 256)
    hint_ab, mask = np.zeros((256, 256, 2), np.float32), np.zeros((256, 256), np.float32)
    for top, left in rng.integers(0, 250, (10, 2)).tolist():
        square = (slice(top, top + 6), slice(left, left + 6))
        level = np.float32(np.median(lightness[square]))
        hint_ab[square] = gamut.to_gamut(np.full(1, level), rng.uniform(-90, 90, (1, 2)).astype(np.float32))
        mask[square] = 1
    answer = shipped.predict_planes(lightness, hint_ab, mask)
    error = np.hypot(*(answer.ab - hint_ab)[mask > 0].T)
    assert error.mean() <= 6


def test_a_green_face_on_an_orange_suit(shipped: Colorizer, portrait: Photo) -> None:
    prepared = shipped.prepare(portrait)
    edits = Edits(hints=(*hints(FACE, "#30a040"), *hints(SUIT, "#d4682c")))
    rgb = shipped.render(portrait, shipped.predict(prepared, edits))
    colours = lab.to_lab(rgb)
    assert np.abs(colours[..., 0] - portrait.lightness).max() <= 1
    face = colours[95:165, 205:245, 1:].mean(axis=(0, 1))
    suit = colours[330:480, 110:160, 1:].mean(axis=(0, 1))
    assert face[0] < -15
    assert face[1] > 5
    assert suit[0] > 15
    assert suit[1] > 15


def test_the_same_hints_on_400_and_on_4000_pixels(shipped: Colorizer, portrait: Photo) -> None:
    """Photos of 400 and of 4000 px draw the same planes, and the colours agree within ΔE 1."""
    lightness = resize(portrait.lightness, 400, 400)
    small = lab.to_rgb(np.stack([lightness, 0 * lightness, 0 * lightness], axis=-1))[..., 0]
    large = small.repeat(10, axis=0).repeat(10, axis=1)
    answers = []
    for grey, scale in ((small, 1), (large, 10)):
        places = ((111.3, 45.7, 5.0, "#30a040"), (203.1, 307.9, 3.5, "#c04020"), (17.2, 388.4, None, "#3050c0"))
        given = tuple(
            Hint(x * scale, y * scale, None if radius is None else radius * scale, rgb) for x, y, radius, rgb in places
        )
        answers.append(shipped.predict(Photo.from_array(grey), Edits(hints=given)))
    assert np.array_equal(answers[0].hint_mask, answers[1].hint_mask)
    assert answers[0].hint_mask.any()
    distance = np.hypot(*np.moveaxis(answers[0].ab - answers[1].ab, -1, 0))
    assert distance.mean() <= 1
    assert np.quantile(distance, 0.95) <= 1


def test_a_larger_plane_of_the_same_photo_has_the_same_colours(shipped: Colorizer, portrait: Photo) -> None:
    """At twice the network size the photo is looked at in the usual copy: the automatic colours agree."""
    planes = [resize(portrait.lightness, side, side) for side in (256, 512)]
    small, large = (
        shipped.predict_planes(plane, np.zeros((*plane.shape, 2), np.float32), np.zeros_like(plane)).ab
        for plane in planes
    )
    shrunk = np.stack([resize(np.ascontiguousarray(large[..., k]), 256, 256) for k in (0, 1)], axis=-1)
    distance = np.hypot(*np.moveaxis(shrunk - small, -1, 0))
    assert distance.mean() <= 1.5
    assert np.hypot(*np.moveaxis(small, -1, 0)).mean() > 4


def test_planes_of_hints_do_not_know_the_photos_size() -> None:
    """On one lightness plane, positions, radii and colours scale exactly: also the ab, not only the mask."""
    plane = np.linspace(5, 95, 256 * 340, dtype=np.float32).reshape(256, 340)
    drawn = [
        points.draw(
            [Hint(33.3 * scale, 71.9 * scale, 4.4 * scale, "#c04020"), Hint(399.6 * scale, 12 * scale, rgb="#2040c0")],
            (300 * scale, 400 * scale),
            plane,
            (256, 340),
        )
        for scale in (1, 10)
    ]
    for small, large in zip(*drawn, strict=True):
        assert np.array_equal(small, large)


def test_suggestions_are_nine_colours_that_can_be_shown_and_follow_the_hints(
    shipped: Colorizer, portrait: Photo
) -> None:
    prepared = shipped.prepare(portrait)
    free = shipped.predict(prepared)
    blue = shipped.predict(prepared, Edits(hints=hints(SUIT, "#2040d0")))
    x, y = 140.0, 400.0  # on the suit, beside the hints
    before, after = (shipped.suggest(prepared, one, x, y) for one in (free, blue))
    for found in (before, after):
        assert len(found) == 9
        weights = [suggestion.weight for suggestion in found]
        assert weights == sorted(weights, reverse=True)
        ab = np.array([suggestion.ab for suggestion in found], np.float32)
        apart = np.hypot(*np.moveaxis(ab[:, None] - ab[None], -1, 0))
        assert apart[~np.eye(9, dtype=bool)].min() >= 5 - 1e-3
        level = np.float32(prepared.lightness[int(y / 2), int(x / 2)])
        assert gamut.in_gamut(np.full(9, level), ab * np.float32(0.999)).all()
    assert before != after
    mean = [sum(s.weight * s.ab[1] for s in found) for found in (before, after)]
    assert mean[1] < mean[0] - 5  # bluer


def test_a_reference_and_its_strength(shipped: Colorizer, portrait: Photo) -> None:
    prepared = shipped.prepare(portrait)
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 60, (64, 64, 3))
    warm = Reference.from_rgb((noise + np.array([180, 90, 20])).astype(np.uint8))
    cold = Reference.from_rgb((noise + np.array([20, 80, 190])).astype(np.uint8))
    plain = shipped.predict(prepared).ab
    by_warm, by_cold = (shipped.predict(prepared, Edits(reference=one)).ab for one in (warm, cold))
    assert by_warm[..., 1].mean() > plain[..., 1].mean() + 5
    assert by_cold[..., 1].mean() < plain[..., 1].mean() - 5
    moved = [
        float(np.abs(shipped.predict(prepared, Edits(reference=cold, reference_strength=share)).ab - plain).mean())
        for share in (0, 0.25, 0.5, 1)
    ]
    assert moved[0] == 0
    assert moved == sorted(moved)
    target = np.array(cold.histogram)
    assert np.minimum(histogram(by_cold), target).sum() > np.minimum(histogram(plain), target).sum()


def test_hints_win_over_a_reference(shipped: Colorizer, portrait: Photo) -> None:
    prepared = shipped.prepare(portrait)
    rng = np.random.default_rng(2)
    cold = Reference.from_rgb((rng.integers(0, 60, (64, 64, 3)) + np.array([20, 80, 190])).astype(np.uint8))
    given = hints(SUIT, "#d4682c")
    errors = []
    for reference in (None, cold):
        prediction = shipped.predict(prepared, Edits(hints=given, reference=reference))
        wanted, mask = points.draw(given, portrait.size, prepared.lightness, prepared.size)
        errors.append(float(np.hypot(*(prediction.ab - wanted)[mask > 0].T).mean()))
    assert errors[1] - errors[0] <= 1


def test_the_hint_of_the_saturation(shipped: Colorizer) -> None:
    for name in ("astronaut", "coffee", "chelsea"):
        prepared = shipped.prepare(read_photo(samples.find(name).path))
        low, high = (mean_chroma(shipped.predict(prepared, Edits(saturation_hint=share))) for share in (0.05, 0.6))
        assert low < high, name
