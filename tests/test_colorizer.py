"""The spine through the tiny real model: sizes, hints, lightness kept, preview and render alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from irodori.color import gamut, guided, lab
from irodori.colorizer import Colorizer, Prediction, network_size
from irodori.errors import HintError, ModelError, SettingsError
from irodori.hints.edits import Edits
from irodori.hints.points import Hint
from irodori.hints.reference import Reference
from irodori.hints.regions import Region
from irodori.model.onnx_model import OnnxModel
from irodori.photo import Photo
from tests.scenes import grey_of, scene

RED = Hint(x=100, y=90, radius=12, rgb="#d02010")
BLUE = Hint(x=225, y=144, radius=12, rgb="#1030d0")


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (3000, 4000, (256, 341)),
        (4000, 3000, (341, 256)),
        (256, 256, (256, 256)),
        (100, 150, (256, 384)),
        (1, 1, (256, 256)),
        (10, 10_000, (1, 1024)),
        (1, 300_000, (1, 1024)),
    ],
)
def test_network_size_keeps_the_aspect(height: int, width: int, expected: tuple[int, int]) -> None:
    assert network_size(height, width, 256) == expected


@pytest.mark.parametrize("size", [(240, 320), (320, 240), (64, 64), (1, 1), (3, 500), (500, 3), (257, 129)])
def test_sizes_of_everything(colorizer: Colorizer, size: tuple[int, int]) -> None:
    photo = Photo.from_array(grey_of(scene(*size)))
    prepared = colorizer.prepare(photo)
    height, width = prepared.size
    prediction = colorizer.predict(prepared)
    assert prepared.photo_size == size
    assert prepared.lightness.shape == (height, width)
    assert prediction.ab.shape == (height, width, 2)
    assert prediction.bins.shape == (-(-height // 4), -(-width // 4), 313)
    assert np.allclose(prediction.bins.sum(axis=-1), 1, atol=1e-4)
    assert colorizer.coefficients(prepared, prediction).shape == (height, width, 4)
    assert colorizer.uncertainty(prepared, prediction).shape == prediction.bins.shape[:2]
    x, y = colorizer.next_hint(prepared, prediction)
    assert 0 <= x < size[1]
    assert 0 <= y < size[0]
    rgb = colorizer.render(photo, prediction)
    assert rgb.shape == (*size, 3)
    assert rgb.dtype == np.uint8


def test_one_pixel_of_the_distribution_is_that_of_the_whole(colorizer: Colorizer, grey_photo: Photo) -> None:
    prediction = colorizer.predict(grey_photo)
    assert np.allclose(prediction.bins_at(7, 11), prediction.bins[7, 11], atol=1e-7)


def test_a_photo_or_what_was_prepared_of_it(colorizer: Colorizer, grey_photo: Photo) -> None:
    edits = Edits(hints=(RED,))
    first, second = colorizer.predict(grey_photo, edits), colorizer.predict(colorizer.prepare(grey_photo), edits)
    assert np.array_equal(first.ab, second.ab)


def test_a_changed_hint_does_not_prepare_again(
    colorizer: Colorizer, grey_photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = colorizer.prepare(grey_photo)
    monkeypatch.setattr(OnnxModel, "prepare", None)
    plain = colorizer.predict(prepared)
    hinted = colorizer.predict(prepared, Edits(hints=(RED,)))
    assert np.abs(plain.ab - hinted.ab).max() > 1


@pytest.mark.parametrize("bits", [8, 16])
def test_lightness_is_kept_under_vivid_hints(colorizer: Colorizer, bits: int) -> None:
    photo = Photo.from_array(grey_of(scene(240, 320), bits))
    edits = Edits(hints=(RED, BLUE, Hint(x=310, y=10, radius=8, rgb="#00ff00")), strength=2.0)
    rgb = colorizer.render(photo, colorizer.predict(photo, edits), bits=bits)
    difference = np.abs(lab.lightness(rgb) - photo.lightness)
    assert difference.max() <= (1.0 if bits == 8 else 0.02)
    assert np.hypot(*lab.to_lab(rgb)[..., 1:].reshape(-1, 2).T).max() > 20


def test_a_colour_photo_lends_its_own_lightness(colorizer: Colorizer, colour_photo: Photo) -> None:
    rgb = colorizer.render(
        colour_photo, colorizer.predict(colour_photo, Edits(hints=(Hint(x=75, y=100, rgb="#00ff00"),)))
    )
    assert np.abs(lab.lightness(rgb) - lab.lightness(colour_photo.pixels)).max() <= 1


def test_preview_and_render_are_one_formula(colorizer: Colorizer, grey_photo: Photo) -> None:
    prepared = colorizer.prepare(grey_photo)
    prediction = colorizer.predict(prepared, Edits(hints=(RED, BLUE), strength=1.3))
    planes = colorizer.coefficients(prepared, prediction)
    ab = guided.apply(planes, grey_photo.lightness) * np.float32(1.3)
    ab = gamut.to_gamut(grey_photo.lightness, ab)
    expected = lab.to_rgb(np.concatenate([grey_photo.lightness[..., None], ab], axis=-1))
    assert np.array_equal(colorizer.render(grey_photo, prediction), expected)


def test_strips_and_threads_do_not_show(
    colorizer: Colorizer, grey_photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    prediction = colorizer.predict(grey_photo, Edits(hints=(RED,)))
    whole = colorizer.render(grey_photo, prediction, bits=16, threads=1)
    monkeypatch.setattr("irodori.colorizer._STRIP", 320 * 7)
    shares: list[float] = []
    assert np.array_equal(colorizer.render(grey_photo, prediction, bits=16, threads=3, progress=shares.append), whole)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_an_interrupted_render_ends(colorizer: Colorizer, grey_photo: Photo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("irodori.colorizer._STRIP", 320)

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        colorizer.render(grey_photo, colorizer.predict(grey_photo), progress=stop)


def test_strength_scales_chroma_and_nothing_else(colorizer: Colorizer, grey_photo: Photo) -> None:
    full = colorizer.predict(grey_photo, Edits(hints=(RED,)))
    half = colorizer.predict(grey_photo, Edits(hints=(RED,), strength=0.5))
    assert np.array_equal(full.ab, half.ab)
    assert half.strength == 0.5
    by_edits = colorizer.render(grey_photo, half)
    assert np.array_equal(by_edits, colorizer.render(grey_photo, full, strength=0.5))
    assert np.array_equal(by_edits, colorizer.render(grey_photo, full.with_strength(0.5)))
    none = colorizer.render(grey_photo, full, strength=0)
    assert (none == none[..., :1]).all()
    assert np.abs(none[..., 0].astype(int) - grey_photo.pixels).max() <= 1


def test_one_hint_on_a_small_and_a_large_copy(colorizer: Colorizer) -> None:
    from irodori.photo_resize import resize

    large = grey_of(scene(1200, 1600))
    small = np.rint(np.clip(resize(large.astype(np.float32), 300, 400), 0, 255)).astype(np.uint8)
    results = []
    for pixels, scale in ((small, 1), (large, 4)):
        hint = Hint(x=120.25 * scale, y=119.5 * scale, radius=9.3 * scale, rgb="#d02010")
        results.append(
            colorizer.predict(
                Photo.from_array(pixels), Edits(hints=(hint, Hint(280 * scale, 180 * scale, rgb="#1030d0")))
            )
        )
    assert np.array_equal(results[0].hint_mask, results[1].hint_mask)
    assert np.hypot(*(results[0].ab - results[1].ab).reshape(-1, 2).T).mean() < 1


def test_hints_and_colour_regions_reach_the_network(colorizer: Colorizer, grey_photo: Photo) -> None:
    box = Region(((20, 20), (120, 20), (120, 120), (20, 120)), rgb="#d02010")
    with_region = colorizer.predict(grey_photo, Edits(regions=(box,)))
    assert with_region.hint_mask.sum() > 0
    assert not np.array_equal(with_region.ab, colorizer.predict(grey_photo).ab)


def test_an_original_region_keeps_the_photos_own_colours(colorizer: Colorizer, colour_photo: Photo) -> None:
    own = lab.to_lab(colour_photo.pixels)[..., 1:]
    region = Region(((0, 0), (150, 0), (150, 120), (0, 120)), kind="original")
    inside = np.s_[8:110, 8:142]

    def error(edits: Edits) -> float:
        shown = lab.to_lab(colorizer.render(colour_photo, colorizer.predict(colour_photo, edits)))[..., 1:]
        return float(np.hypot(*(shown - own)[inside].reshape(-1, 2).T).mean())

    assert error(Edits(regions=(region,))) < 3
    assert error(Edits(regions=(region,))) < error(Edits()) / 2


def test_a_grey_photo_has_no_original_colours(colorizer: Colorizer, grey_photo: Photo) -> None:
    region = Region(((0, 0), (50, 0), (50, 50)), kind="original")
    with pytest.raises(HintError, match=r"regions\[0\]\.kind: this photo is grey"):
        colorizer.predict(grey_photo, Edits(regions=(region,)))


def test_a_protected_region_stays_when_hints_are_added(colorizer: Colorizer, grey_photo: Photo) -> None:
    prepared = colorizer.prepare(grey_photo)
    before = colorizer.predict(prepared, Edits(hints=(RED,)))
    outline = Region(((60, 60), (140, 60), (140, 130), (60, 130)), kind="protect")
    region = colorizer.pinned(prepared, before, outline)
    assert region.pins
    flood = tuple(Hint(x, y, radius=10, rgb="#10d030") for x in range(20, 310, 40) for y in range(20, 230, 40))
    after = colorizer.predict(prepared, Edits(hints=(*flood, RED), regions=(region,)))
    free = colorizer.predict(prepared, Edits(hints=(*flood, RED)))
    inside = np.s_[74:130, 74:140]

    def moved(prediction: Prediction) -> float:
        return float(np.hypot(*(prediction.ab - before.ab)[inside].reshape(-1, 2).T).mean())

    assert moved(after) < moved(free) / 2
    again = colorizer.predict(prepared, Edits(hints=(*flood, RED), regions=(region,)))
    assert np.array_equal(again.ab, after.ab)


def test_a_protected_region_without_colours_is_refused(colorizer: Colorizer, grey_photo: Photo) -> None:
    region = Region(((0, 0), (50, 0), (50, 50)), kind="protect")
    with pytest.raises(HintError, match=r"regions\[0\]\.pins"):
        colorizer.predict(grey_photo, Edits(regions=(region,)))
    one = Region(((0, 0), (150, 0), (150, 150), (0, 150)), kind="protect", ab=(20, 10))
    ab = colorizer.predict(grey_photo, Edits(regions=(one,))).ab
    assert np.allclose(ab[40:80, 40:80], (20, 10), atol=1e-3)


def test_even_tones_change_what_the_network_sees_only(colorizer: Colorizer) -> None:
    faded = Photo.from_array((grey_of(scene(128, 128)) // 4 + 120).astype(np.uint8))
    plain, even = colorizer.prepare(faded), colorizer.prepare(faded, even_tones=True)
    assert np.array_equal(plain.lightness, even.lightness)
    assert any(not np.array_equal(value, even.features.tensors[name]) for name, value in plain.features.tensors.items())
    rgb = colorizer.render(faded, colorizer.predict(even))
    assert np.abs(lab.lightness(rgb) - faded.lightness).max() <= 1


def test_planes_as_they_are(colorizer: Colorizer) -> None:
    lightness = (scene(64, 96)[..., 0] * 100).astype(np.float32)
    ab, mask = np.zeros((64, 96, 2), np.float32), np.zeros((64, 96), np.float32)
    ab[10:16, 10:16], mask[10:16, 10:16] = (120, 120), 1
    prediction = colorizer.predict_planes(lightness, ab, mask)
    assert prediction.ab.shape == (64, 96, 2)
    assert prediction.bins.shape == (16, 24, 313)
    raw = colorizer.model.answer(colorizer.model.prepare(lightness), ab, mask)
    assert np.allclose(prediction.ab, np.moveaxis(raw.ab[0], 0, -1) * 110, atol=1e-4)
    with pytest.raises(ModelError, match="multiples of 32"):
        colorizer.predict_planes(lightness[:50], ab[:50], mask[:50])


def test_suggestions_and_places(colorizer: Colorizer, grey_photo: Photo) -> None:
    prepared = colorizer.prepare(grey_photo)
    prediction = colorizer.predict(prepared, Edits(hints=(RED,)))
    found = colorizer.suggest(prepared, prediction, x=100, y=90)
    assert 1 <= len(found) <= 9
    assert len(colorizer.suggest(prepared, prediction, x=0, y=0, count=3)) <= 3
    assert colorizer.suggest(prepared, prediction, x=319.99, y=239.99)
    for place in ((-1, 0), (320, 0), (0, 240), (float("nan"), 3)):
        with pytest.raises(HintError, match="inside the photo"):
            colorizer.suggest(prepared, prediction, *place)


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        (Edits(hints=(Hint(x=320, y=0, rgb="#ffffff"),)), r"hints\[0\]\.x"),
        (Edits(regions=(Region(((0, 0), (999, 0), (9, 9)), rgb="#ffffff"),)), r"regions\[0\]"),
    ],
)
def test_edits_that_do_not_fit(colorizer: Colorizer, grey_photo: Photo, edits: Edits, words: str) -> None:
    with pytest.raises(HintError, match=words):
        colorizer.predict(grey_photo, edits)


def test_a_reference_steers_and_may_be_refused(
    colorizer: Colorizer, grey_photo: Photo, colour_photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    edits = Edits(reference=Reference.from_photo(colour_photo))
    assert not np.array_equal(colorizer.predict(grey_photo, edits).ab, colorizer.predict(grey_photo).ab)
    monkeypatch.setattr(colorizer.model, "info", replace(colorizer.info, accepts_reference=False))
    for refused in (edits, Edits(saturation_hint=0.5)):
        with pytest.raises(ModelError, match="accepts no reference"):
            colorizer.predict(grey_photo, refused)


def test_mix_ups_are_noticed(colorizer: Colorizer, grey_photo: Photo, colour_photo: Photo) -> None:
    prediction = colorizer.predict(grey_photo)
    other = colorizer.prepare(colour_photo)
    for call in (
        lambda: colorizer.render(colour_photo, prediction),
        lambda: colorizer.coefficients(other, prediction),
        lambda: colorizer.suggest(other, prediction, 1, 1),
        lambda: colorizer.next_hint(other, prediction),
        lambda: colorizer.uncertainty(other, prediction),
    ):
        with pytest.raises(HintError, match="the prediction is about"):
            call()


@pytest.mark.parametrize(("name", "value"), [("bits", 12), ("strength", -0.1), ("strength", 9), ("strength", np.nan)])
def test_impossible_settings(colorizer: Colorizer, grey_photo: Photo, name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=name):
        colorizer.render(grey_photo, colorizer.predict(grey_photo), **{name: value})


def test_short_side_is_settable(tiny_model, grey_photo: Photo) -> None:
    colorizer = Colorizer.load(tiny_model, threads=1, short_side=128)
    assert colorizer.prepare(grey_photo).size == (128, 171)
    with pytest.raises(SettingsError, match="short_side"):
        Colorizer.load(tiny_model, short_side=8)


def test_thousands_of_hints(colorizer: Colorizer, grey_photo: Photo) -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform((0, 0), (320, 240), (4096, 2)).tolist()
    hints = tuple(Hint(x, y, radius=1, rgb="#808040") for x, y in places)
    box = Region(((20, 20), (120, 20), (120, 120), (20, 120)), rgb="#d02010")
    colorizer.predict(grey_photo, Edits(hints=hints, regions=(box,)))


def test_rough_planes_show_nearly_the_same(colorizer: Colorizer, colour_photo: Photo) -> None:
    edits = Edits(hints=(Hint(100, 60, ab=(40, 30)),))
    prediction = colorizer.predict(colour_photo, edits)
    height, width = prediction.ab.shape[:2]
    assert prediction.rough.shape == (-(-height // 2), -(-width // 2), 4)
    assert prediction.rough is prediction.rough
    alone = replace(prediction, worked={}, rough_guide=None)
    assert np.array_equal(alone.rough, prediction.rough)
    lightness = colour_photo.lightness
    whole, rough = (guided.apply(planes, lightness) for planes in (prediction.coefficients, prediction.rough))
    assert np.hypot(*np.moveaxis(whole - rough, -1, 0)).mean() < 1
